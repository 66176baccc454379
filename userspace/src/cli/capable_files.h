// SPDX-License-Identifier: GPL-2.0-only
// Files that open ports to who runs them, for "import" and "doctor".

#ifndef PORTACL_CLI_CAPABLE_FILES_H
#define PORTACL_CLI_CAPABLE_FILES_H

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "cli/context.h"
#include "lib/file_capabilities.h"

namespace portacl {

// Shows how far it is. A signal that ends the tool, or the end of the time,
// stops the scan instead.
CapabilityScan
scan_shown(const Context &context, const std::vector<ScanStart> &starts,
           std::chrono::seconds longest = std::chrono::hours(24 * 365));

// Where a path below the root leads, with all links followed; system errors.
Result<std::string> resolve_in_root(const std::string &root,
                                    const std::string &path);

// Whether it runs other programs with its own capabilities.
bool is_dynamic_loader(const std::string &path);
bool is_library(const std::string &path);

// Takes away no more than this one capability.
std::string removal_command(const CapableFile &file);

// The processes of each program, as far as they can be seen.
struct RunningPrograms {
  std::map<FileId, std::vector<int>> pids = {};
  bool partial = false;
};
RunningPrograms read_running_programs(const Context &context);

} // namespace portacl

#endif
