// SPDX-License-Identifier: GPL-2.0-only

#include "lib/boot.h"

#include <array>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>

namespace portacl {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view unit = "portacl.service";
// Those of systemd.unit(5) that a reboot keeps; the first that has a name
// decides what it stands for.
constexpr std::array<std::string_view, 5> unit_directories = {
    "/etc/systemd/system.control", "/etc/systemd/system",
    "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
    "/lib/systemd/system"};

// What a usual boot reaches, see bootup(7).
constexpr std::array<std::string_view, 8> boot_targets = {
    "sysinit.target",   "local-fs.target",    "sockets.target",
    "basic.target",     "network-pre.target", "multi-user.target",
    "graphical.target", "default.target"};

// A link to /dev/null or an empty file masks what has that name.
bool is_mask(const fs::path &path) {
  std::error_code error;
  if (fs::read_symlink(path, error) == "/dev/null")
    return true;
  error.clear();
  return fs::is_regular_file(path, error) && fs::file_size(path, error) == 0 &&
         !error;
}

bool exists_at_all(const fs::path &path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

// Adds the "TARGET.wants" of this directory that name the unit; whether one of
// them is a boot's. Those that are known were decided in an earlier directory.
bool is_wanted_in(const fs::path &directory, std::set<std::string> &known) {
  for (const std::string_view target : boot_targets) {
    for (const std::string_view kind : {".wants", ".requires"}) {
      const std::string name = std::string(target) + std::string(kind);
      const fs::path entry = directory / name / unit;
      if (exists_at_all(entry) && known.insert(name).second && !is_mask(entry))
        return true;
    }
  }
  return false;
}

} // namespace

bool boot_unit_installed(const std::string &root) {
  for (const std::string_view directory : unit_directories) {
    const fs::path path =
        root + std::string(directory) + "/" + std::string(unit);
    if (exists_at_all(path))
      return !is_mask(path);
  }
  return false;
}

bool applied_at_boot(const std::string &root) {
  // What wants a unit that is gone stays behind, and does nothing.
  if (!boot_unit_installed(root))
    return false;
  std::set<std::string> known;
  for (const std::string_view directory : unit_directories) {
    if (is_wanted_in(root + std::string(directory), known))
      return true;
  }
  return false;
}

} // namespace portacl
