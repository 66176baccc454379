// SPDX-License-Identifier: GPL-2.0-only
// Which policy files are in force: /etc over /run over /usr/lib, as sysctl.d.

#ifndef PORTACL_LIB_CONFIG_DIRS_H
#define PORTACL_LIB_CONFIG_DIRS_H

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "lib/result.h"

namespace portacl {

constexpr std::string_view config_etc = "/etc/portacl.d";
constexpr std::string_view config_run = "/run/portacl.d";
constexpr std::array<std::string_view, 3> config_dirs = {config_etc, config_run,
                                                         "/usr/lib/portacl.d"};

struct ConfigFiles {
  std::vector<std::string> paths; // with the root; sorted by file name
  std::vector<Error> errors;      // directories that could not be read
};

// The files that are in force; masked ones are left out.
ConfigFiles find_config_files(const std::string &root);

// Reads a file or refuses it: it must be a regular file that nobody but its
// owner can write, owned by root or, under a root, by the caller.
Result<std::string> read_config_file(const std::string &root,
                                     const std::string &path);

} // namespace portacl

#endif
