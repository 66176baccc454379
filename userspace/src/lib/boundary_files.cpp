// SPDX-License-Identifier: GPL-2.0-only

#include "lib/boundary_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <fnmatch.h>

#include "lib/config_dirs.h"
#include "lib/numbers.h"
#include "lib/text.h"
#include "lib/tree.h"

namespace portacl {

namespace {

constexpr std::array<const char *, 5> sysctl_directories = {
    "/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d", "/lib/sysctl.d"};
constexpr const char *sysctl_conf = "/etc/sysctl.conf";

// Of a name with dots its path below /proc/sys, and the other way round.
std::string with_other_separators(std::string name) {
  for (char &ch : name)
    ch = ch == '/' ? '.' : ch == '.' ? '/' : ch;
  return name;
}

// Which separator comes first decides what the other one means.
std::string dotted(std::string_view key) {
  const size_t first = key.find_first_of("./");
  const bool is_path = first != std::string_view::npos && key[first] == '/';
  return is_path ? with_other_separators(std::string(key)) : std::string(key);
}

bool is_pattern(std::string_view key) {
  return key.find_first_of("*?[") != std::string_view::npos;
}

// As files below /proc/sys, so that no pattern matches across a directory.
bool matches_boundary(std::string_view pattern) {
  const std::string path = with_other_separators(dotted(pattern));
  const std::string name = with_other_separators(boundary_name);
  return fnmatch(path.c_str(), name.c_str(), FNM_PATHNAME) == 0;
}

// In base 0, as the kernel reads it.
std::optional<unsigned> boundary_of(std::string_view value) {
  int base = 10;
  if (value.starts_with("0x") || value.starts_with("0X")) {
    base = 16;
    value.remove_prefix(2);
  } else if (value.starts_with('0')) {
    base = 8;
  }
  const auto number = number_of<unsigned>(value, base);
  constexpr unsigned highest = UINT16_MAX;
  return number && *number <= highest ? number : std::nullopt;
}

void parse_sysctl(std::string_view text, const std::string &file,
                  BoundaryLines &found) {
  uint32_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    number++;
    line = without_blanks(line);
    const size_t equals = line.find('=');
    if (line.starts_with('-') && equals == std::string_view::npos)
      found.no_patterns =
          found.no_patterns ||
          dotted(without_blanks(line.substr(1))) == boundary_name;
    if (line.starts_with('#') || line.starts_with(';') ||
        equals == std::string_view::npos)
      continue;
    // Errors of what begins with it are not minded.
    std::string_view key = without_blanks(line.substr(0, equals));
    if (key.starts_with('-'))
      key = without_blanks(key.substr(1));
    const bool pattern = is_pattern(key);
    if (pattern ? !matches_boundary(key) : dotted(key) != boundary_name)
      continue;
    const std::string_view value = without_blanks(line.substr(equals + 1));
    if (const auto boundary = boundary_of(value))
      found.lines.push_back({.file = file,
                             .line = number,
                             .value = *boundary,
                             .pattern = pattern});
    else
      found.errors.push_back(
          {.code = Code::policy,
           .message = fmt::format("not a port: '{}'", excerpt(value)),
           .file = file,
           .line = number});
  }
}

void read_command_line(const std::string &root, BoundaryLines &found) {
  constexpr std::string_view prefix = "sysctl.";
  const std::string path = root + "/proc/cmdline";
  const auto text = read_tree_file(root, path);
  if (!text)
    return;
  const std::string line = text->substr(0, text->find('\n'));
  for (const std::string_view word : split(line, ' ')) {
    const size_t equals = word.find('=');
    if (!word.starts_with(prefix) || equals == std::string_view::npos ||
        dotted(word.substr(prefix.size(), equals - prefix.size())) !=
            boundary_name)
      continue;
    if (const auto boundary = boundary_of(word.substr(equals + 1)))
      found.lines.push_back({.file = path, .value = *boundary});
  }
}

// Files by their names; those in the first directories hide the others.
std::map<std::string, std::string> sysctl_files(const std::string &root,
                                                BoundaryLines &found) {
  std::map<std::string, std::string> files;
  for (const char *directory : sysctl_directories) {
    const auto entries = list_tree_directory(root, root + directory);
    if (!entries) {
      found.errors.push_back(entries.error());
      continue;
    }
    for (const TreeEntry &entry : *entries) {
      if (entry.name.ends_with(".conf"))
        files.emplace(entry.name, entry.target == "/dev/null"
                                      ? ""
                                      : fmt::format("{}{}/{}", root, directory,
                                                    entry.name));
    }
  }
  return files;
}

void read_sysctl_file(const std::string &root, const std::string &file,
                      const std::string &shown, BoundaryLines &found) {
  const auto text = read_tree_file(root, file);
  if (text)
    parse_sysctl(*text, shown, found);
  else if (text.error().errnum != ENOENT)
    found.errors.push_back(text.error());
}

// A line that has the name itself overrules patterns, wherever it stands, and
// "-NAME" alone takes the name from them.
void settle_patterns(BoundaryLines &found) {
  if (found.no_patterns)
    std::erase_if(found.lines,
                  [](const BoundaryLine &line) { return line.pattern; });
  std::stable_partition(
      found.lines.begin(), found.lines.end(),
      [](const BoundaryLine &line) { return line.pattern || line.line == 0; });
}

} // namespace

BoundaryLines find_boundary_lines(const std::string &root) {
  BoundaryLines found;
  read_command_line(root, found);
  const std::string old_file = root + sysctl_conf;
  const auto old_id = file_id(root, old_file);
  bool old_is_linked = false;
  for (const auto &[name, file] : sysctl_files(root, found)) {
    if (file.empty())
      continue;
    // Debian has a link to it, by which systemd reads it, too.
    const bool is_old = old_id && file_id(root, file) == old_id;
    old_is_linked = old_is_linked || is_old;
    read_sysctl_file(root, file, is_old ? old_file : file, found);
  }
  if (old_id && !old_is_linked)
    read_sysctl_file(root, old_file, old_file, found);
  settle_patterns(found);
  return found;
}

Result<BoundaryLines> boundary_lines_of(const std::vector<std::string> &paths) {
  BoundaryLines found;
  for (const std::string &path : paths) {
    const auto text = read_any_file(path);
    if (!text)
      return text.error();
    parse_sysctl(*text, path, found);
  }
  settle_patterns(found);
  return found;
}

} // namespace portacl
