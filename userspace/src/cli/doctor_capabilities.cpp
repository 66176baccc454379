// SPDX-License-Identifier: GPL-2.0-only

#include <array>
#include <filesystem>
#include <set>
#include <system_error>

#include <fmt/format.h>

#include "cli/capable_files.h"
#include "cli/doctor.h"
#include "cli/unit_users.h"
#include "lib/numbers.h"
#include "lib/shell_words.h"
#include "lib/text.h"

namespace portacl {

namespace {

// Where programs are that somebody may have given a capability. To look at all
// files takes minutes; "import setcap" does it.
constexpr std::array<const char *, 12> program_places = {
    "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    "/opt",
    "/usr/local",
    "/srv",
    "/usr/lib/jvm",
    "/snap/bin",
    "/usr/games",
    "/usr/libexec",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin"};

// Enough for disks; what an administrator has put there comes first.
constexpr std::chrono::seconds longest_look{20};

// What runs comes first, wherever it is.
std::vector<ScanStart> doctor_starts(const Context &context) {
  std::vector<ScanStart> starts;
  std::set<std::string> programs;
  const std::string proc = context.root + "/proc";
  const auto entries = list_tree_directory(context.root, proc);
  for (const TreeEntry &entry : entries ? *entries : std::vector<TreeEntry>()) {
    std::error_code unread;
    if (!number_of<int>(entry.name))
      continue;
    const auto program = std::filesystem::read_symlink(
        fmt::format("{}/{}/exe", proc, entry.name), unread);
    if (!unread && program.is_absolute() &&
        programs.insert(program.string()).second)
      starts.push_back({.path = context.root + program.string()});
  }
  for (const char *place : program_places) {
    const std::string path = context.root + place;
    const auto resolved = resolve_in_root(context.root, path);
    // What cannot be opened is counted by the scan.
    starts.push_back({.path = resolved ? *resolved : path});
  }
  return starts;
}

Finding file_finding(const Context &context, const CapableFile &file) {
  const std::string path = printable(file.path);
  const std::string command = removal_command(file);
  if (is_dynamic_loader(file.path))
    return {.health = Health::fail,
            .text = fmt::format("{} has {}: it lets whoever runs it bind "
                                "privileged ports with any program",
                                path, capability_text(file.capability)),
            .fix = command};
  return {.health = Health::warn,
          .text = fmt::format("{} has {}: whoever may run it binds privileged "
                              "ports",
                              path, capability_text(file.capability)),
          .fix = fmt::format("portaclctl import setcap {}\n{}",
                             shell_word(file.path.substr(context.root.size())),
                             command)};
}

Finding unit_finding(const Unit &unit) {
  return {.health = Health::warn,
          .text = fmt::format("{} gives {} the right to all privileged ports",
                              printable(unit.name),
                              unit.dynamic_user && unit.user.empty()
                                  ? "its user"
                                  : "user " + excerpt(unit.user)),
          .fix = "portaclctl import systemd " + shell_word(unit.name)};
}

} // namespace

Findings check_capabilities(const Context &context) {
  const CapabilityScan scan =
      scan_shown(context, doctor_starts(context), longest_look);
  Findings findings;
  for (const CapableFile &file : scan.files)
    findings.push_back(file_finding(context, file));
  const std::string looked = counted(scan.looked_at, "file");
  if (scan.stopped)
    findings.push_back(
        {.health = Health::warn,
         .text = fmt::format("stopped after {}: there may be more with the "
                             "capability",
                             looked),
         .fix = "portaclctl import setcap"});
  if (scan.unreadable != 0)
    findings.push_back(
        {.health = Health::warn,
         .text = fmt::format(
             "could not look into {}{}", printable(scan.first_unreadable),
             scan.unreadable == 1
                 ? ""
                 : fmt::format(" and {} more", scan.unreadable - 1)),
         .fix = "sudo portaclctl doctor capabilities"});
  if (findings.empty())
    findings.push_back(
        {.text = fmt::format("none of {} where programs are has the capability "
                             "(all files: portaclctl import setcap)",
                             looked)});
  return findings;
}

Findings check_units(const Context &context) {
  const Units units = read_units(context.root);
  Findings findings;
  for (const Error &error : units.errors)
    findings.push_back({.health = Health::warn,
                        .text = error_text(error),
                        .fix = error.hint.empty()
                                   ? "make it what systemd can read, or "
                                     "remove it"
                                   : error.hint});
  std::vector<std::string> idle;
  for (const Unit &unit : units.units) {
    if (!unit.gives_ports() || unit.own_network() || unit.private_users)
      continue;
    if (unit.wanted || unit_is_running(context, unit))
      findings.push_back(unit_finding(unit));
    else
      idle.push_back(printable(unit.name));
  }
  if (findings.empty())
    findings.push_back(
        {.text = fmt::format(
             "no unit that starts gives a user privileged ports, of {}{}",
             counted(units.units.size(), "service"),
             idle.empty() ? ""
                          : fmt::format("; {} would", fmt::join(idle, ", ")))});
  return findings;
}

} // namespace portacl
