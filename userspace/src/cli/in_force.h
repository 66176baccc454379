// SPDX-License-Identifier: GPL-2.0-only
// What decides binds on this machine: the kernel's policy, or the files where
// the module is not loaded.

#ifndef PORTACL_CLI_IN_FORCE_H
#define PORTACL_CLI_IN_FORCE_H

#include <cstdint>
#include <string>
#include <vector>

#include "cli/context.h"
#include "lib/policy.h"

namespace portacl {

// What the kernel has; nothing, as after loading the module.
struct KernelState {
  std::vector<std::string> rules = {}; // canonical text
  Settings settings = {};
};

struct ActivePolicy : KernelState {
  bool from_kernel = false;
  RuleFiles files = {}; // read in any case, perhaps with errors
};

Result<KernelState> read_kernel_state(const Context &context);

Result<ActivePolicy> read_in_force(const Context &context);

// Says that the answer is not the kernel's, where it could have been.
void warn_of_files_only(const Context &context, const ActivePolicy &in_force);

// Ports below it need the capability.
uint64_t unprivileged_start(const Context &context);

// One bind at this moment.
pacl_request make_request(const pacl_addr &address, uint8_t protocol,
                          uint16_t port, uint64_t unprivileged_start);

} // namespace portacl

#endif
