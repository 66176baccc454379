// SPDX-License-Identifier: GPL-2.0-only
// Keeps reserved ports out of what the kernel chooses by itself: who gets a
// port that way has bound nothing, so that no rule is asked.

#ifndef PORTACL_CLI_AUTOMATIC_H
#define PORTACL_CLI_AUTOMATIC_H

#include <optional>

#include "cli/context.h"
#include "lib/port_set.h"

namespace portacl {

// Goes along with one change of the kernel's policy. Failures are warnings: the
// rules hold for every bind all the same.
class AutomaticChoice final {
public:
  AutomaticChoice() = default;
  // The ports that rules reserve before the change and behind it.
  AutomaticChoice(const PortSet &before, const PortSet &after)
      : before_(before), after_(after) {}

  // Code::policy if the change leaves the kernel less than half of its range.
  Result<void> check(const Context &context) const;

  // Before the kernel gets the rules, or the ports could be chosen for a moment
  // and the module would log that.
  void begin(const Context &context);
  // When it has them, when it kept what it had, and when it enforces nothing.
  void commit(const Context &context) { settle(context, after_); }
  void abort(const Context &context) { settle(context, before_); }
  void clear(const Context &context) { settle(context, {}); }

  // With --dry-run both say what would be done.
  void report(const Context &context) const;
  void add_to(Json &json) const;

private:
  const PortSet &recorded(const Context &context);
  Result<void> record(const Context &context, const PortSet &ports);
  void settle(const Context &context, const PortSet &reserved);

  std::optional<PortSet> recorded_; // once it was read
  PortSet before_;
  PortSet after_;
  PortSet kept_out_;
  PortSet given_back_;
  bool failed_ = false;
};

// The range, or the kernel's own where it is not known.
PortRange automatic_range(const Context &context);

// Why the range does not bear that so many of its ports are reserved.
Error too_much_error(const PortRange &range, const PortSet &reserved);

} // namespace portacl

#endif
