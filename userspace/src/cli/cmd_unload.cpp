// SPDX-License-Identifier: GPL-2.0-only

#include <fmt/format.h>

#include "cli/change.h"
#include "cli/commands.h"
#include "lib/drop_in.h"
#include "lib/text.h"
#include "uapi/portacl.h"

namespace portacl {

int cmd_unload(const Context &context) {
  if (!context.options.root.empty())
    return fail(context, usage("unload does not go with --root"));
  // A module of another ABI can be unloaded as well.
  const auto loaded = is_loaded(context.kernel);
  if (loaded && !*loaded) {
    context.console.line("the portacl module is not loaded");
    context.console.json("unload", {{"unloaded", false}});
    return static_cast<int>(Code::done);
  }
  // One that cannot be asked is not known to be locked.
  const auto locked = read_line(context.kernel, "locked");
  if (locked && *locked == "1")
    return fail(context, {.message = "the policy is locked: the module stays "
                                     "until the next reboot"});
  const auto policy = read_policy(context.kernel);
  const std::string rules =
      policy ? counted(policy->rules.size(), "rule") : "the policy";
  if (context.options.dry_run) {
    context.console.line(
        fmt::format("would unload the module: {} no longer enforced", rules));
    context.console.json("unload", {{"unloaded", false}});
    return static_cast<int>(Code::done);
  }
  const std::string consequence = fmt::format(
      "This ends the enforcement of {}: users they allow will be refused "
      "at their next bind.",
      rules);
  if (auto go_on = ask(context, consequence + " Unload?", "not unloaded");
      !go_on)
    return fail(context, go_on.error());
  const auto lock = ChangeLock::take(context.root);
  if (!lock)
    return fail(context, lock.error());
  if (auto done = context.kmod.unload(PORTACL_MODULE); !done)
    return fail(context, done.error());
  context.console.verdict(
      "unloaded", true,
      fmt::format("{} no longer enforced, the files are unchanged", rules));
  context.console.json("unload", {{"unloaded", true}});
  return static_cast<int>(Code::done);
}

} // namespace portacl
