// SPDX-License-Identifier: GPL-2.0-only
// How to put ip_unprivileged_port_start back to 1024, now and for good.

#ifndef PORTACL_CLI_BOUNDARY_FIX_H
#define PORTACL_CLI_BOUNDARY_FIX_H

#include <optional>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/import.h"
#include "lib/boundary_files.h"

namespace portacl {

// The initial network namespace's; empty where nothing shows it, as in a tree
// that does not run.
std::optional<unsigned>
boundary_now(const Context &context,
             const std::vector<NetNamespace> &namespaces);

// For the lines that set another boundary, each file once.
std::vector<ImportStep> boundary_file_steps(const Context &context,
                                            const BoundaryLines &found);

// For the running kernel.
std::vector<ImportStep> boundary_now_steps(const Context &context);

} // namespace portacl

#endif
