// SPDX-License-Identifier: GPL-2.0-only
// How the kernel and the files differ.

#ifndef PORTACL_CLI_DRIFT_H
#define PORTACL_CLI_DRIFT_H

#include <string>
#include <vector>

#include "lib/kernel.h"
#include "lib/rule_files.h"
#include "lib/settings.h"

namespace portacl {

// What applying the files would change.
struct Drift {
  PolicyChange rules = {};
  std::vector<Directive> settings = {}; // of the files, not in force

  bool empty() const { return rules.empty() && settings.empty(); }
};

// As an upload sees it; settings in the order of their effect.
Drift drift_of(const RuleFiles &files, const std::vector<std::string> &rules,
               const Settings &settings);

// As people see it: what has ended makes no difference wherever it is.
Drift without_ended(Drift drift);

// "none", "2 rules of the files not in force, 'strict on' not in force".
std::string drift_text(const Drift &drift);

} // namespace portacl

#endif
