// SPDX-License-Identifier: GPL-2.0-only

#include "lib/boot.h"

#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace portacl {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view unit = "portacl.service";
constexpr std::array<std::string_view, 3> unit_directories = {
    "/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"};

bool is_wanted_in(const fs::path &directory) {
  std::error_code error;
  for (fs::directory_iterator item(directory, error), end;
       !error && item != end; item.increment(error)) {
    const std::string kind = item->path().extension();
    std::error_code ignored;
    if ((kind == ".wants" || kind == ".requires") &&
        fs::is_symlink(item->path() / unit, ignored))
      return true;
  }
  return false;
}

} // namespace

bool applied_at_boot(const std::string &root) {
  std::error_code error;
  // Masked: a link to /dev/null.
  if (fs::read_symlink(root + "/etc/systemd/system/" + std::string(unit),
                       error) == "/dev/null")
    return false;
  for (const std::string_view directory : unit_directories) {
    if (is_wanted_in(root + std::string(directory)))
      return true;
  }
  return false;
}

} // namespace portacl
