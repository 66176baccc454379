// SPDX-License-Identifier: GPL-2.0-only
// What decides binds on this machine: the kernel's policy, or the files where
// the module is not loaded.

#ifndef PORTACL_CLI_IN_FORCE_H
#define PORTACL_CLI_IN_FORCE_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.h"
#include "lib/policy.h"

namespace portacl {

// What the kernel has; nothing, as after loading the module.
struct KernelState {
  std::vector<std::string> rules = {}; // canonical text
  Settings settings = {};
  uint64_t generation = 0;
};

struct ActivePolicy : KernelState {
  bool from_kernel = false;
  RuleFiles files = {}; // read in any case, perhaps with errors
};

Result<KernelState> read_kernel_state(const Context &context);

Result<ActivePolicy> read_in_force(const Context &context);

// Says that the answer is not the kernel's, where it could have been.
void warn_of_files_only(const Context &context, const ActivePolicy &in_force);

// For a command that answers by it. Errors in files are the end of that where
// they are all there is, and warnings where the kernel answers.
Result<ActivePolicy> read_to_answer(const Context &context);

// Says that the kernel has something else than the files would make of it; and
// what that means for the answer, in words, if anything. Nothing of files with
// errors, which cannot be applied.
void warn_of_drift(const Context &context, const ActivePolicy &in_force,
                   const std::string &meaning = {});
void warn_of_drift(const Context &context, const RuleFiles &files,
                   const std::vector<std::string> &rules,
                   const Settings &settings, const std::string &meaning = {});

// Whether nothing can be changed until the next reboot.
bool is_locked(const ActivePolicy &in_force);

// What applying the files would put into force; empty where it would change
// nothing, or cannot be done.
std::optional<KernelState> after_apply(const ActivePolicy &in_force);

// Says what of the answer is about another network namespace than the one that
// this process is in, and what is not.
void warn_of_namespace(const Context &context, const Settings &settings);

// Says that rules have no effect, or not all of theirs.
void warn_of_mode(const Context &context, const Settings &settings,
                  bool spared);

// Ports below it need the capability.
uint64_t unprivileged_start(const Context &context);

// One bind at this moment.
pacl_request make_request(const pacl_addr &address, uint8_t protocol,
                          uint16_t port, uint64_t unprivileged_start);

} // namespace portacl

#endif
