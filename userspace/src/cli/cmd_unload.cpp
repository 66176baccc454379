// SPDX-License-Identifier: GPL-2.0-only

#include <fmt/format.h>

#include "cli/automatic.h"
#include "cli/change.h"
#include "cli/commands.h"
#include "cli/signals.h"
#include "lib/drop_in.h"
#include "lib/kernel_files.h"
#include "lib/local_ports.h"
#include "lib/text.h"
#include "uapi/portacl.h"

namespace portacl {

namespace {

int report(const Context &context, bool unloaded,
           const AutomaticChoice &automatic) {
  automatic.report(context);
  Json json = {{"unloaded", unloaded}};
  automatic.add_to(json);
  context.console.json("unload", json);
  return static_cast<int>(Code::done);
}

// Somebody else may have loaded it, and listed the ports of its policy, before
// the lock was ours; or load it without the tool at any time.
bool is_gone(const Context &context) {
  const auto loaded = is_loaded(context.kernel);
  return loaded && !*loaded;
}

// The module is gone, but without the tool's help.
int clear_up(const Context &context) {
  AutomaticChoice automatic;
  const auto lock = lock_changes(context);
  if (!lock)
    return fail(context, lock.error());
  if (!is_gone(context))
    return fail(context, {.code = Code::attention,
                          .message = "the portacl module was loaded meanwhile: "
                                     "nothing was changed",
                          .hint = "to unload it, run: portaclctl unload"});
  const SignalsBlocked whole_or_not_at_all;
  automatic.clear(context);
  context.console.line(not_loaded_error(context).message);
  return report(context, false, automatic);
}

} // namespace

int cmd_unload(const Context &context) {
  if (!context.options.root.empty())
    return fail(context, usage("unload does not go with --root"));
  // A module of another ABI can be unloaded as well.
  const auto loaded = is_loaded(context.kernel);
  if (loaded && !*loaded)
    return clear_up(context);
  if (is_built_in(context.root, PORTACL_MODULE))
    return fail(context,
                {.message = "portacl is built into this kernel and stays",
                 .hint = "to end the enforcement until the next boot, run: "
                         "portaclctl mode off"});
  // One that cannot be asked is not known to be locked.
  const auto locked = read_line(context.kernel, "locked");
  if (locked && *locked == "1")
    return fail(context, {.message = "the policy is locked: the module stays "
                                     "until the next reboot"});
  const auto policy = read_policy(context.kernel);
  const std::string rules =
      policy ? counted(policy->rules.size(), "rule") : "the policy";
  AutomaticChoice automatic;
  if (context.options.dry_run) {
    automatic.clear(context);
    context.console.line(
        fmt::format("would unload the module: {} no longer enforced", rules));
    return report(context, false, automatic);
  }
  const std::string consequence = fmt::format(
      "This ends the enforcement of {}: users they allow will be refused "
      "at their next bind.",
      rules);
  if (auto go_on = ask(context, consequence + " Unload?", "not unloaded");
      !go_on)
    return fail(context, go_on.error());
  const auto lock = lock_changes(context);
  if (!lock)
    return fail(context, lock.error());
  const SignalsBlocked whole_or_not_at_all;
  if (auto done = context.kmod.unload(PORTACL_MODULE); !done)
    return fail(context, done.error());
  const bool gone = is_gone(context);
  if (gone)
    automatic.clear(context);
  context.console.verdict(
      "unloaded", true,
      fmt::format("{} no longer enforced, the files are unchanged", rules));
  const int status = report(context, true, automatic);
  if (gone)
    return status;
  context.console.warning("the portacl module was loaded again meanwhile: "
                          "reserved ports are still kept out of automatic "
                          "choice");
  return static_cast<int>(Code::attention);
}

} // namespace portacl
