// SPDX-License-Identifier: GPL-2.0-only

#include <optional>

#include <fmt/format.h>

#include "cli/boundary_fix.h"
#include "cli/doctor.h"
#include "lib/shell_words.h"
#include "lib/text.h"

namespace portacl {

namespace {

std::string fix_lines(const std::vector<ImportStep> &steps) {
  std::string fix;
  for (const ImportStep &step : steps) {
    if (!step.command.empty())
      fix += step.command + "\n";
    else if (!step.file.empty())
      fix += fmt::format(
          "echo {} > {}\n",
          shell_word(step.content.substr(0, step.content.find('\n'))),
          shell_word(step.file));
    else
      fix += step.what + "\n";
  }
  return fix;
}

std::string places(const BoundaryLines &lines) {
  std::vector<std::string> texts;
  for (const BoundaryLine &line : lines.lines) {
    if (line.value != usual_boundary)
      texts.push_back(
          line.line == 0
              ? printable(line.file)
              : fmt::format("{}:{}", printable(line.file), line.line));
  }
  return texts.empty() ? "no file sets it"
                       : fmt::format("set by {}", fmt::join(texts, ", "));
}

// What the boundary leaves of the module's work.
std::string meaning(unsigned boundary) {
  if (boundary <= 1)
    return "everybody may bind every port, and no rule that allows one makes a "
           "difference";
  if (boundary < usual_boundary)
    return fmt::format("everybody may bind ports {}-{}", boundary,
                       usual_boundary - 1);
  return fmt::format("ports {}-{} need a right, too", usual_boundary,
                     boundary - 1);
}

Finding boundary_finding(const Context &context, unsigned now,
                         const BoundaryLines &lines) {
  if (now == usual_boundary)
    return {.text = fmt::format("{} is {}", boundary_name, now)};
  std::string fix = now < usual_boundary ? "portaclctl import sysctl\n" : "";
  fix += fix_lines(boundary_file_steps(context, lines));
  fix += fix_lines(boundary_now_steps(context));
  return {.health = now <= 1 ? Health::fail : Health::warn,
          .text = fmt::format("{} is {}: {} ({})", boundary_name, now,
                              meaning(now), places(lines)),
          .fix = std::move(fix)};
}

void add_at_boot(const Context &context, unsigned now,
                 const BoundaryLines &lines, Findings &findings) {
  if (lines.lines.empty() || lines.lines.back().value == now ||
      lines.lines.back().value == usual_boundary)
    return;
  const unsigned later = lines.lines.back().value;
  findings.push_back(
      {.health = later <= 1 ? Health::fail : Health::warn,
       .text = fmt::format("{} becomes {} at the next boot: {} ({})",
                           boundary_name, later, meaning(later), places(lines)),
       .fix = fix_lines(boundary_file_steps(context, lines))});
}

// Others may do there as they like: no more than worth knowing.
void add_namespaces(const SocketTable &table, Findings &findings) {
  constexpr size_t most = 5;
  size_t lower = 0;
  std::string shown;
  for (size_t i = 1; i < table.namespaces.size(); i++) {
    const NetNamespace &space = table.namespaces[i];
    if (space.unprivileged_start >= usual_boundary || ++lower > most)
      continue;
    shown += fmt::format("{}{} ({})", shown.empty() ? "" : ", ",
                         space.name.empty() ? fmt::format("{}", space.id)
                                            : printable(space.name),
                         space.unprivileged_start);
  }
  if (lower != 0)
    findings.push_back(
        {.text = fmt::format(
             "it is lower in {}, as containers like it: {}{}",
             counted(lower, "other network namespace"), shown,
             lower > most ? fmt::format(" and {} more", lower - most) : "")});
  if (table.partial)
    findings.push_back({.health = Health::warn,
                        .text = "not all network namespaces could be looked "
                                "into",
                        .fix = "sudo portaclctl doctor boundary"});
}

} // namespace

Findings check_boundary(const Context &context) {
  Findings findings;
  const BoundaryLines lines = find_boundary_lines(context.root);
  for (const Error &error : lines.errors)
    findings.push_back({.health = Health::warn,
                        .text = error_text(error),
                        .fix = "correct the line, or remove it"});
  const auto table = context.sockets.list(true);
  const auto now = table ? boundary_now(context, table->namespaces)
                         : std::optional<unsigned>();
  if (now) {
    findings.push_back(boundary_finding(context, *now, lines));
  } else if (context.options.root.empty()) {
    findings.push_back(
        {.health = Health::warn,
         .text = fmt::format("{} cannot be read{}", boundary_name,
                             table ? "" : ": " + error_text(table.error())),
         .fix = "sudo portaclctl doctor boundary"});
  }
  add_at_boot(context, now.value_or(usual_boundary), lines, findings);
  if (table)
    add_namespaces(*table, findings);
  if (findings.empty())
    findings.push_back(
        {.text = fmt::format("no file sets {} to anything but {}",
                             boundary_name, usual_boundary)});
  return findings;
}

} // namespace portacl
