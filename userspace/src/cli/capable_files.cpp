// SPDX-License-Identifier: GPL-2.0-only

#include "cli/capable_files.h"

#include <algorithm>
#include <cerrno>
#include <climits>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/signals.h"
#include "lib/config_dirs.h"
#include "lib/numbers.h"
#include "lib/shell_words.h"
#include "lib/text.h"

namespace portacl {

CapabilityScan scan_shown(const Context &context,
                          const std::vector<ScanStart> &starts,
                          std::chrono::seconds longest) {
  using Clock = std::chrono::steady_clock;
  // Of as many steps as the console finds worth a bar.
  constexpr size_t steps = 100000;
  EndSignals signals;
  const auto began = Clock::now();
  CapabilityScan scan = scan_capabilities(starts, [&](double done) {
    // The parts need not add up to one exactly.
    const auto step = static_cast<size_t>(done * static_cast<double>(steps));
    context.console.progress("looking for capabilities",
                             std::min(step, steps - 1), steps);
    return !signals.take() && Clock::now() - began < longest;
  });
  context.console.progress("looking for capabilities", steps, steps);
  return scan;
}

Result<std::string> resolve_in_root(const std::string &root,
                                    const std::string &path) {
  const UniqueFd fd = open_in_root(root, path, open_to_look);
  if (!fd)
    return system_error(errno, "cannot open " + path);
  std::string target(PATH_MAX, '\0');
  const ssize_t size =
      readlink(fmt::format("/proc/self/fd/{}", fd.get()).c_str(), target.data(),
               target.size());
  if (size < 0)
    return system_error(errno, "cannot find " + path);
  target.resize(static_cast<size_t>(size));
  return target;
}

bool is_dynamic_loader(const std::string &path) {
  const std::string name = file_name(path);
  return is_library(path) &&
         (name.starts_with("ld-") || name.starts_with("ld.so"));
}

bool is_library(const std::string &path) {
  const std::string name = file_name(path);
  return name.ends_with(".so") || name.find(".so.") != std::string::npos;
}

std::string removal_command(const CapableFile &file) {
  const FileCapability rest = without_ports(file.capability);
  return rest.empty()
             ? "setcap -r " + shell_word(file.path)
             : fmt::format("setcap {} {}", shell_word(capability_text(rest)),
                           shell_word(file.path));
}

RunningPrograms read_running_programs(const Context &context) {
  RunningPrograms running;
  const std::string proc = context.root + "/proc";
  const auto entries = list_tree_directory(context.root, proc);
  if (!entries)
    return running;
  for (const TreeEntry &entry : *entries) {
    const auto pid = number_of<int>(entry.name);
    if (!pid)
      continue;
    errno = 0;
    const auto id =
        file_id(context.root, fmt::format("{}/{}/exe", proc, entry.name));
    if (id)
      running.pids[*id].push_back(*pid);
    else if (errno == EACCES || errno == EPERM)
      running.partial = true;
  }
  return running;
}

} // namespace portacl
