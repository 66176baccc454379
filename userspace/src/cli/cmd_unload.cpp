// SPDX-License-Identifier: GPL-2.0-only

#include <fmt/format.h>

#include "cli/commands.h"
#include "lib/drop_in.h"
#include "lib/text.h"
#include "uapi/portacl.h"

namespace portacl {

namespace {

// Empty to go on.
Result<void> ask(const Context &context, const std::string &consequence) {
  if (context.options.yes)
    return {};
  if (!context.console.can_ask())
    return usage("unload asks before it ends enforcement, and there is no "
                 "terminal to ask on",
                 "to go on without being asked: portaclctl unload --yes");
  if (context.console.confirm(consequence + " Unload?"))
    return {};
  return Error{.code = Code::no, .message = "not unloaded"};
}

} // namespace

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
  if (auto go_on = ask(context, consequence); !go_on)
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
