// SPDX-License-Identifier: GPL-2.0-only
// The checks of "doctor", one function each.

#ifndef PORTACL_CLI_DOCTOR_H
#define PORTACL_CLI_DOCTOR_H

#include <string>
#include <vector>

#include "cli/context.h"

namespace portacl {

// In the order of their weight.
enum class Health { pass, warn, fail };

struct Finding {
  Health health = Health::pass;
  std::string text = {}; // lower case, no full stop
  // The command that mends it, each line one; empty if there is nothing to
  // mend. What no command can do is a sentence.
  std::string fix = {};
};

using Findings = std::vector<Finding>;

// Whether this machine has the module loaded, whatever ABI it speaks.
bool is_module_there(const Context &context);

// Each finds at least one thing. What cannot be known, as for want of
// privileges, is a warning that says so.

// doctor_kernel.cpp: can this kernel run the module?
Findings check_kernel(const Context &context);    // options, flavour, release
Findings check_ftrace(const Context &context);    // its state, ftrace_enabled
Findings check_hooks(const Context &context);     // others on our functions
Findings check_bpf_fault(const Context &context); // of 6.1's trampolines
Findings check_lockdown(const Context &context);  // and Secure Boot
// doctor_module.cpp: is the module there?
Findings check_signature(const Context &context);
Findings check_dkms(const Context &context);
Findings check_version(const Context &context); // loaded against installed
Findings check_boot(const Context &context); // is the policy applied at boot?
// doctor_policy.cpp: does the policy do what it should?
Findings check_files(const Context &context); // safe, readable, no errors
Findings check_names(const Context &context);
Findings check_automatic(const Context &context); // reservations not covered
Findings check_strict(const Context &context);    // privileged listeners
// doctor_boundary.cpp, doctor_capabilities.cpp, doctor_authbind.cpp,
// doctor_nat.cpp: does something else open ports?
Findings check_boundary(const Context &context); // here and in namespaces
Findings check_capabilities(const Context &context);
Findings check_units(const Context &context);
Findings check_authbind(const Context &context);
Findings check_nat(const Context &context); // redirects, and what is dropped

} // namespace portacl

#endif
