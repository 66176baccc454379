// SPDX-License-Identifier: GPL-2.0-only
// Which policy files are in force: /etc over /run over /usr/lib, as sysctl.d.

#ifndef PORTACL_LIB_CONFIG_DIRS_H
#define PORTACL_LIB_CONFIG_DIRS_H

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>

#include "lib/fd.h"
#include "lib/result.h"

namespace portacl {

constexpr std::string_view config_etc = "/etc/portacl.d";
constexpr std::string_view config_run = "/run/portacl.d";
constexpr std::array<std::string_view, 3> config_dirs = {config_etc, config_run,
                                                         "/usr/lib/portacl.d"};

// A policy of more bytes would not fit into the kernel, either.
constexpr size_t max_config_bytes = size_t{256} << 20;

// A file that has no effect, and the one of its name that it gives way to.
struct HiddenFile {
  std::string path;
  std::string by;
  bool masked = false; // by a link to /dev/null
};

// How to open a file of the tree for reading, without waiting for a FIFO or
// taking a terminal.
constexpr int open_to_read = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
// And to look at it only, which its mode does not hinder.
constexpr int open_to_look = O_PATH | O_CLOEXEC;

// The path begins with the root; symbolic links stay inside it.
UniqueFd open_in_root(const std::string &root, const std::string &path,
                      int flags = open_to_read);

// Whether the tool's own directories below a root are reached without symbolic
// links: what is done there would be done somewhere else.
Result<void> check_tree(const std::string &root);

struct ConfigFiles {
  std::vector<std::string> paths; // with the root; sorted by file name
  std::vector<HiddenFile> hidden;
  std::vector<Error> errors; // directories that could not be read
};

// The files that are in force; masked ones are left out.
ConfigFiles find_config_files(const std::string &root);

// Reads a file or refuses it: it must be a regular file that nobody but its
// owner can write, owned by root or, under a root, by the caller. What is not
// there at all is ENOENT; a link that leads nowhere is not that.
Result<std::string> read_config_file(const std::string &root,
                                     const std::string &path);

// Reads a regular file whoever owns it.
Result<std::string> read_any_file(const std::string &path);

} // namespace portacl

#endif
