// SPDX-License-Identifier: GPL-2.0-only
// The sockets that a removed rule had granted, and how they are ended.

#ifndef PORTACL_CLI_CLOSE_H
#define PORTACL_CLI_CLOSE_H

#include <string>
#include <vector>

#include "cli/holders.h"

namespace portacl {

struct LostSocket {
  Listener listener;
  bool closed = false;
  std::string reason = {}; // why it cannot be closed
};

// Sockets that have lost their grant. What else is allowed, by another rule, by
// a capability or because the port is free, is not among them.
struct LostSockets {
  Listeners listeners = {};
  std::vector<LostSocket> sockets = {};
  bool all_namespaces = false;
};

// What these rules of the kernel grant by this one, and no longer without it.
Result<LostSockets> find_lost(const Context &context,
                              const std::vector<std::string> &rules,
                              const std::string &numeric);

// Ends those that can be ended and notes which were.
Result<void> close_lost(const Context &context, LostSockets &lost);

// What was done; with --dry-run what would be. Code::attention if some are
// still open.
Code report_closed(const Context &context, const LostSockets &lost);

Json lost_json(const Context &context, const LostSockets &lost);

} // namespace portacl

#endif
