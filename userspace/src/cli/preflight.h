// SPDX-License-Identifier: GPL-2.0-only
// Who listens now and could not do so again after a change.

#ifndef PORTACL_CLI_PREFLIGHT_H
#define PORTACL_CLI_PREFLIGHT_H

#include <functional>
#include <string>
#include <vector>

#include "cli/in_force.h"

namespace portacl {

struct Intent {
  std::string words;                           // "deny any 443", for messages
  std::vector<std::string> rules = {};         // added, canonical text
  bool strict = false;                         // from then on
  bool may_refuse = true;                      // or warn only
  bool nothing_before = false;                 // is refused, by the mode
  std::function<bool(uint16_t)> concerns = {}; // ports it is about, else all
};

// Warns of every listener that the change would refuse at its next bind, and
// that is not refused before; with such listeners an error unless --force. An
// error, too, if this machine does not show who listens.
Result<void> check_listeners(const Context &context, const Intent &intent);

} // namespace portacl

#endif
