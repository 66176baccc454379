// SPDX-License-Identifier: GPL-2.0-only

#include "cli/boundary_fix.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/local_ports.h"
#include "lib/shell_words.h"
#include "lib/text.h"
#include "lib/tree.h"

namespace portacl {

namespace {

// A package's file would come back.
bool is_vendors(const Context &context, const std::string &file) {
  return file.starts_with(context.root + "/usr/") ||
         file.starts_with(context.root + "/lib/");
}

// What stays where it is: packages' files, and patterns, which set others, too.
bool is_kept(const Context &context, const BoundaryLine &line) {
  return line.pattern || is_vendors(context, line.file);
}

// By the line's number and by what it says, so that nothing else goes when the
// command runs twice.
ImportStep deletion(const std::string &file,
                    const std::vector<const BoundaryLine *> &lines) {
  if (lines.front()->line == 0)
    return {.what = fmt::format("take sysctl.{} from the kernel's command line",
                                boundary_name)};
  std::vector<std::string> numbers;
  std::vector<std::string> deletions;
  for (const BoundaryLine *line : lines) {
    numbers.push_back(std::to_string(line->line));
    deletions.push_back(
        fmt::format("{}{{/unprivileged_port_start/d}}", line->line));
  }
  return {.what = fmt::format("take {} {} from {}",
                              numbers.size() == 1 ? "line" : "lines",
                              fmt::join(numbers, ", "), printable(file)),
          .command = fmt::format(
              "sed -i --follow-symlinks {} {}",
              shell_word(fmt::format("{}", fmt::join(deletions, ";"))),
              shell_word(file))};
}

// A file that is read behind all that set it.
std::string overruling_file(const Context &context,
                            const BoundaryLines &found) {
  std::string last;
  for (const BoundaryLine &line : found.lines) {
    if (line.file.ends_with(".conf") && line.value != usual_boundary)
      last = std::max(last, line.file.substr(line.file.rfind('/') + 1));
  }
  std::string name = "zz-boundary.conf";
  // Greater than the name it begins with, as '_' is than '.'.
  if (name <= last)
    name = last.substr(0, last.size() - 5) + "_boundary.conf";
  return context.root + "/etc/sysctl.d/" + name;
}

// One file overrules all that are kept, unless a line does so already.
void add_overruling(const Context &context, const BoundaryLines &found,
                    std::vector<ImportStep> &steps) {
  std::vector<std::string> kept;
  for (const BoundaryLine &line : found.lines) {
    if (line.value == usual_boundary) {
      kept.clear();
      continue;
    }
    const std::string file = printable(line.file);
    if (line.line != 0 && is_kept(context, line) &&
        std::ranges::count(kept, file) == 0)
      kept.push_back(file);
  }
  if (!kept.empty())
    steps.push_back(
        {.what = fmt::format(
             "overrule {}, which {} it by a pattern or for a package",
             fmt::join(kept, ", "), kept.size() == 1 ? "sets" : "set"),
         .file = overruling_file(context, found),
         .content = fmt::format("{} = {}\n", boundary_name, usual_boundary)});
}

} // namespace

std::optional<unsigned>
boundary_now(const Context &context,
             const std::vector<NetNamespace> &namespaces) {
  const std::string file =
      context.root + "/proc/sys/net/ipv4/ip_unprivileged_port_start";
  if (namespaces.empty() ||
      (!context.options.root.empty() && !file_id(context.root, file)))
    return std::nullopt;
  return static_cast<unsigned>(namespaces.front().unprivileged_start);
}

std::vector<ImportStep> boundary_file_steps(const Context &context,
                                            const BoundaryLines &found) {
  std::vector<ImportStep> steps;
  std::vector<std::string> done;
  const auto is_deleted = [&](const BoundaryLine &line) {
    return line.value != usual_boundary && !is_kept(context, line);
  };
  for (const BoundaryLine &first : found.lines) {
    if (!is_deleted(first) || std::ranges::count(done, first.file) != 0)
      continue;
    done.push_back(first.file);
    std::vector<const BoundaryLine *> lines;
    for (const BoundaryLine &line : found.lines) {
      if (line.file == first.file && is_deleted(line))
        lines.push_back(&line);
    }
    steps.push_back(deletion(first.file, lines));
  }
  add_overruling(context, found, steps);
  return steps;
}

std::vector<ImportStep> boundary_now_steps(const Context &context) {
  std::vector<ImportStep> steps;
  // ipv4_privileged_ports(): it may not begin inside of that range.
  const auto range = read_port_range(context.sysctl);
  if (range && range->first < usual_boundary)
    steps.push_back(
        {.what =
             "raise the beginning of net.ipv4.ip_local_port_range first, below "
             "which the kernel refuses the boundary",
         .command = fmt::format(
             "sysctl -w 'net.ipv4.ip_local_port_range={} {}'", usual_boundary,
             std::max<unsigned>(range->last, usual_boundary))});
  steps.push_back(
      {.what = fmt::format("put {} back to {}", boundary_name, usual_boundary),
       .command =
           fmt::format("sysctl -w {}={}", boundary_name, usual_boundary)});
  // They would be for this machine's kernel.
  if (!context.options.root.empty()) {
    for (ImportStep &step : steps)
      step.command.clear();
  }
  return steps;
}

} // namespace portacl
