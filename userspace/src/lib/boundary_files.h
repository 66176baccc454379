// SPDX-License-Identifier: GPL-2.0-only
// What sets net.ipv4.ip_unprivileged_port_start at each boot: files as
// sysctl.d(5) has them, /etc/sysctl.conf and the kernel's command line.

#ifndef PORTACL_LIB_BOUNDARY_FILES_H
#define PORTACL_LIB_BOUNDARY_FILES_H

#include <cstdint>
#include <string>
#include <vector>

#include "lib/result.h"

namespace portacl {

constexpr const char *boundary_name = "net.ipv4.ip_unprivileged_port_start";
constexpr unsigned usual_boundary = 1024;

struct BoundaryLine {
  std::string file;
  uint32_t line = 0; // 0 for the kernel's command line
  unsigned value = 0;
  bool pattern = false; // its name has wildcards
};

struct BoundaryLines {
  std::vector<BoundaryLine> lines = {}; // in their order; the last one decides
  std::vector<Error> errors = {};       // files and values that are unreadable
  bool no_patterns = false;             // a line "-NAME" excludes it from them
};

BoundaryLines find_boundary_lines(const std::string &root);

// Those of files in their order, wherever they are.
Result<BoundaryLines> boundary_lines_of(const std::vector<std::string> &paths);

} // namespace portacl

#endif
