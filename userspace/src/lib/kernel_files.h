// SPDX-License-Identifier: GPL-2.0-only
// Kernels and the modules built for them, as files of a machine: what is there
// can be asked of a tree that does not run, too. All paths are below a root,
// empty for this machine, and symbolic links stay inside it.

#ifndef PORTACL_LIB_KERNEL_FILES_H
#define PORTACL_LIB_KERNEL_FILES_H

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/result.h"

namespace portacl {

// A regular file, those of /proc and /sys among them; the path without the
// root. Errors carry the errno.
Result<std::string> read_system_file(const std::string &root,
                                     const std::string &path);

// The names in a directory, sorted, without those that begin with a dot; none
// where there is no such directory.
std::vector<std::string> list_tree(const std::string &root,
                                   const std::string &path);

// What uname -r says; empty where no kernel runs, as below --root.
std::string running_release(const std::string &root);

// Those that have modules, in the order of their versions.
std::vector<std::string> installed_releases(const std::string &root);

// "6.12.1+deb" is {6, 12}; empty for what is no release.
std::optional<std::pair<unsigned, unsigned>>
release_version(std::string_view release);

class KernelConfig final {
public:
  // Where a kernel's packages and the running kernel leave it; empty if nobody
  // has.
  static std::optional<KernelConfig> read(const std::string &root,
                                          const std::string &release);

  const std::string &path() const { return path_; }
  // The name without CONFIG_. "y", "m" or a value; empty if it is not set.
  std::string value(std::string_view name) const;

private:
  KernelConfig(std::string path, std::string text)
      : path_(std::move(path)), text_(std::move(text)) {}

  std::string path_;
  std::string text_;
};

// The file, without the root, that modprobe would load for that kernel; empty
// for none.
std::string find_module_file(const std::string &root,
                             const std::string &release,
                             std::string_view module);

// Whether the running kernel has a module built in, whatever it makes of it.
bool is_built_in(const std::string &root, std::string_view module);

// What lsm= has to say for the security modules that are on, and one more.
std::string security_modules_with(const std::string &root,
                                  std::string_view module);

// What modinfo(8) shows of a file; empty for what it does not have.
struct ModuleInfo {
  std::string version = {};
  std::string source_version = {};
  std::string built_for = {}; // vermagic
  std::string signer = {};    // the common name; empty if it is not signed
};

Result<ModuleInfo> read_module_info(const std::string &root,
                                    const std::string &path);

// What keeps modprobe(8), as portacl.service and others that mind blacklists
// call it, from loading a module.
struct LoadObstacle {
  std::string words; // "blacklist portacl"
  std::string place; // "FILE:LINE", with the root; empty for the command line
};

std::vector<LoadObstacle> load_obstacles(const std::string &root,
                                         std::string_view module);

} // namespace portacl

#endif
