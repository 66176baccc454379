// SPDX-License-Identifier: GPL-2.0-only

#include "cli/preflight.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "cli/describe.h"
#include "cli/holders.h"
#include "lib/text.h"

namespace portacl {

namespace {

// A listener that a change would refuse.
struct Loser {
  Listener listener;
  bool denied = false; // by a rule, which no other rule can mend
};

// Who binds next time: who made the socket. What a process has become since is
// not asked.
struct Binder {
  Identity identity;
  bool may_be_capable; // unless strict is on
};

Binder binder_of(const Context &context, const NetNamespace &space,
                 const Listener &listener) {
  const Identity &holder = listener;
  if (!binds_unseen(listener))
    return {.identity = holder, .may_be_capable = holder.capable};
  const Identity made = as_creator(context, space, listener);
  return {.identity = made, .may_be_capable = made.capable || !space.root};
}

pacl_verdict judge(const Policy &policy, bool strict, const Listener &listener,
                   const Binder &binder, uint64_t free_from) {
  if (binder.may_be_capable && !strict)
    return PACL_DEFAULT;
  return decide(policy, listener, binder.identity, free_from).verdict;
}

std::string describe(const Context &context, const Listener &listener) {
  const std::string who =
      listener.of_kernel ? "a service of the kernel"
      : listener.pid == 0
          ? "an unknown program"
          : fmt::format("{} (pid {})", printable(listener.program),
                        listener.pid);
  const std::string made =
      listener.creator == listener.uid
          ? ""
          : fmt::format(", with a socket that {} made,",
                        user_label(context, listener.creator));
  return fmt::format("{} of {}{} listens on {}/{} and would be refused at its "
                     "next bind",
                     who, user_label(context, listener.uid), made,
                     listener.port, transport_name(listener.transport));
}

// The kernel's, or what it will have from the files.
Result<Settings> settings_in_force(const Context &context) {
  const auto loaded = kernel_in_use(context);
  if (!loaded)
    return loaded.error();
  if (*loaded)
    return read_settings(context.kernel);
  return read_rule_files(context.root, context.names).settings();
}

// Who listens on the ports that matter.
Result<Listeners> concerned(const Context &context, const Intent &intent) {
  const auto settings = settings_in_force(context);
  if (!settings)
    return settings.error();
  auto listeners = read_holders(
      context, *settings,
      [&intent](const Socket &socket, const NetNamespace & /*space*/) {
        const bool listens = socket.listening || is_datagram(socket.transport);
        // Sockets without an inode belong to the kernel.
        return listens && socket.inode != 0 &&
               (!intent.concerns || intent.concerns(socket.port));
      });
  if (listeners)
    return listeners;
  Error error = listeners.error();
  if (!context.options.root.empty()) {
    context.console.note("note: who listens is not known: " + error.message);
    return Listeners();
  }
  error.code = Code::system;
  error.message += ", so that who listens is not known";
  error.hint = "to go on all the same, add --force";
  if (intent.may_refuse && !context.options.force && !context.options.dry_run)
    return error;
  context.console.warning(error);
  return Listeners();
}

Result<std::vector<Loser>> losers(const Context &context,
                                  const Intent &intent) {
  std::vector<Loser> lost;
  const auto listeners = concerned(context, intent);
  if (!listeners)
    return listeners.error();
  // A large policy is not read for nothing.
  if (listeners->found.empty())
    return lost;
  auto in_force = read_in_force(context);
  if (!in_force)
    return in_force.error();
  const bool strict = in_force->settings.strict();
  const auto before = Policy::make(in_force->rules, strict);
  if (!before)
    return before.error();
  in_force->rules.insert(in_force->rules.end(), intent.rules.begin(),
                         intent.rules.end());
  const auto after = Policy::make(in_force->rules, intent.strict);
  if (!after)
    return after.error();
  // The verdict that refuses from then on.
  const auto refusal =
      [&](const Listener &listener) -> std::optional<pacl_verdict> {
    const NetNamespace &space = listeners->namespaces.at(listener.space);
    const uint64_t free_from = space.unprivileged_start;
    const Binder binder = binder_of(context, space, listener);
    const pacl_verdict then =
        judge(*after, intent.strict, listener, binder, free_from);
    if (!pacl_refuses(then) ||
        (!intent.nothing_before &&
         pacl_refuses(judge(*before, strict, listener, binder, free_from))))
      return std::nullopt;
    return then;
  };
  for (const Listener &listener : listeners->found) {
    if (const auto refused = refusal(listener))
      lost.push_back({.listener = listener, .denied = *refused == PACL_DENIED});
  }
  return lost;
}

} // namespace

Result<void> check_listeners(const Context &context, const Intent &intent) {
  const auto refused = losers(context, intent);
  if (!refused)
    return refused.error();
  std::vector<std::string> told;
  for (const Loser &loser : *refused) {
    const std::string text = describe(context, loser.listener);
    // The sockets of both families are one to who reads this.
    if (std::ranges::count(told, text) != 0)
      continue;
    told.push_back(text);
    context.console.warning(text);
  }
  if (told.empty() || !intent.may_refuse || context.options.force ||
      context.options.dry_run)
    return {};
  const std::string hint =
      intent.rules.empty() && !refused->front().denied
          ? fmt::format("allow them first, as in: {}; or go on with --force",
                        allow_command(context,
                                      refused->front().listener.creator,
                                      refused->front().listener))
          : "to go on all the same, add --force";
  return Error{.code = Code::policy,
               .message = fmt::format("{}: {} would be refused; nothing was "
                                      "changed",
                                      printable(intent.words),
                                      counted(told.size(), "listener")),
               .hint = hint};
}

} // namespace portacl
