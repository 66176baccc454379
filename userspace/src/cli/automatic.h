// SPDX-License-Identifier: GPL-2.0-only
// Keeps reserved ports out of what the kernel chooses by itself: who gets a
// port that way has bound nothing, so that no rule is asked.

#ifndef PORTACL_CLI_AUTOMATIC_H
#define PORTACL_CLI_AUTOMATIC_H

#include <optional>

#include "cli/context.h"
#include "lib/port_set.h"

namespace portacl {

// What takes more than half of the range.
struct TooMuch {
  PortRange range;
  PortSet foreign; // listed by others than the tool
  PortSet reserved;
};

// Code::policy, for a change that is not made.
Error too_much_error(const TooMuch &much);
// For one that is made.
Error too_much_warning(const TooMuch &much);

// Goes along with one change of the kernel's policy. Failures are warnings: the
// rules hold for every bind all the same.
class AutomaticChoice final {
public:
  AutomaticChoice() = default;
  // The ports that rules reserve before the change and behind it.
  AutomaticChoice(const PortSet &before, const PortSet &after)
      : before_(before), after_(after) {}

  // Empty for what leaves the kernel half of its range, and for what takes no
  // more of it than was taken before.
  std::optional<TooMuch> too_much(const Context &context);

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

// Of the reserved ports those that the kernel may choose; empty where that
// cannot be known.
std::optional<PortSet> not_kept_out(const Context &context,
                                    const PortSet &reserved);

// A list that nobody would read to its end is not shown.
std::string shown_ports(const PortSet &ports);
Json ports_json(const PortSet &ports);

} // namespace portacl

#endif
