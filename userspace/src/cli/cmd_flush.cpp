// SPDX-License-Identifier: GPL-2.0-only

#include <fmt/format.h>

#include "cli/automatic.h"
#include "cli/change.h"
#include "cli/commands.h"
#include "cli/in_force.h"
#include "cli/signals.h"
#include "lib/drop_in.h"
#include "lib/local_ports.h"
#include "lib/text.h"
#include "lib/upload.h"

namespace portacl {

namespace {

Result<void> set_strict(const Context &context, const char *value) {
  return submit(context.kernel, setting_attribute(Setting::strict),
                kernel_value(Setting::strict, value) + "\n");
}

// With strict on, no rules would mean no privileged ports for anybody.
Result<void> flush(const Context &context, const KernelState &before,
                   AutomaticChoice &automatic) {
  const SignalsBlocked whole_or_not_at_all;
  if (before.settings.strict()) {
    if (auto done = set_strict(context, "off"); !done)
      return done;
  }
  if (!before.rules.empty()) {
    if (auto done = upload_policy(context.kernel, {}); !done) {
      Error error = done.error();
      if (before.settings.strict() && !set_strict(context, "on"))
        error.message += "; strict is off, though the rules are in force";
      return error;
    }
  }
  automatic.commit(context);
  return {};
}

int report(const Context &context, const KernelState &before,
           const AutomaticChoice &automatic) {
  const bool dry = context.options.dry_run;
  const bool strict = before.settings.strict();
  const bool changed = strict || !before.rules.empty();
  if (!changed)
    context.console.verdict("already empty", true,
                            "the kernel's policy has no rules");
  else
    context.console.verdict(dry ? "would be flushed" : "flushed", true,
                            fmt::format("{} taken out of the kernel{}",
                                        counted(before.rules.size(), "rule"),
                                        strict ? ", strict off" : ""));
  automatic.report(context);
  if (changed && !dry)
    context.console.hint("the policy files are unchanged; to apply them again, "
                         "run: portaclctl apply");
  Json json = {{"dry_run", dry},
               {"changed", changed},
               {"rules", before.rules.size()},
               {"strict_switched_off", strict}};
  automatic.add_to(json);
  context.console.json("flush", json);
  return static_cast<int>(Code::done);
}

Result<void> check_loaded(const Context &context) {
  if (!context.options.root.empty())
    return usage("flush does not go with --root");
  return require_loaded(context);
}

Result<void> may_go_on(const Context &context, const KernelState &before) {
  if (context.options.dry_run ||
      (before.rules.empty() && !before.settings.strict()))
    return {};
  return ask(context,
             fmt::format("This takes {} out of the kernel: users they allow "
                         "will be refused at their next bind, and nothing is "
                         "denied or reserved any more. Flush?",
                         counted(before.rules.size(), "rule")),
             "not flushed");
}

} // namespace

int cmd_flush(const Context &context) {
  if (auto fine = check_loaded(context); !fine)
    return fail(context, fine.error());
  auto before = read_kernel_state(context);
  if (!before)
    return fail(context, before.error());
  if (auto go_on = may_go_on(context, *before); !go_on)
    return fail(context, go_on.error());
  if (context.options.dry_run) {
    AutomaticChoice automatic(reserved_ports(before->rules), {});
    automatic.commit(context);
    return report(context, *before, automatic);
  }
  const auto lock = lock_changes(context);
  if (!lock)
    return fail(context, lock.error());
  // Whoever had the lock may have changed it.
  before = read_kernel_state(context);
  if (!before)
    return fail(context, before.error());
  AutomaticChoice automatic(reserved_ports(before->rules), {});
  if (auto done = flush(context, *before, automatic); !done)
    return fail(context, done.error());
  return report(context, *before, automatic);
}

} // namespace portacl
