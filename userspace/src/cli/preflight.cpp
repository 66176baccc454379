// SPDX-License-Identifier: GPL-2.0-only

#include "cli/preflight.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "cli/describe.h"
#include "lib/listeners.h"
#include "lib/text.h"

namespace portacl {

namespace {

// A listener that a change would refuse.
struct Loser {
  Listener listener;
  uint32_t binder = 0; // whom a rule would have to allow
  bool denied = false; // by a rule, which no other rule can mend
};

pacl_verdict judge(const Policy &policy, bool strict, const Listener &listener,
                   uint64_t free_from) {
  if (listener.capable && !strict)
    return PACL_DEFAULT;
  pacl_request request = make_request(listener.address, listener.protocol,
                                      listener.port, free_from);
  request.uid = listener.uid;
  request.gid = listener.gid;
  request.groups = listener.groups.data();
  request.group_count = static_cast<uint32_t>(listener.groups.size());
  return policy.decide(request).verdict;
}

// The socket as its creator would make it again. Who gives up being root has
// the capability when he binds.
Listener as_creator(const Context &context, const Listener &listener) {
  Listener made = listener;
  made.uid = listener.creator;
  made.gid = PACL_MAX_ID + 1U;
  made.groups.clear();
  made.capable = made.uid == 0;
  if (const auto user = context.names.user(made.uid)) {
    made.gid = user->gid;
    if (auto groups = context.names.groups_of(*user))
      made.groups = std::move(*groups);
  }
  return made;
}

std::string user_name(const Context &context, uint32_t uid) {
  const auto user = context.names.user(uid);
  return !user || context.options.numeric ? fmt::format("uid {}", uid)
                                          : "user " + printable(user->name);
}

std::string describe(const Context &context, const Listener &listener) {
  const std::string who =
      listener.pid == 0
          ? "an unknown program"
          : fmt::format("{} (pid {})", printable(listener.program),
                        listener.pid);
  const std::string made =
      listener.creator == listener.uid
          ? ""
          : fmt::format(", with a socket that {} made,",
                        user_name(context, listener.creator));
  return fmt::format("{} of {}{} listens on {}/{} and would be refused at its "
                     "next bind",
                     who, user_name(context, listener.uid), made, listener.port,
                     pacl_proto_name(listener.protocol));
}

// "allow user web 443/tcp".
std::string allow_words(const Context &context, const Loser &loser) {
  bool unresolved = false;
  return show_rule(context,
                   fmt::format("allow user {} {}/{}", loser.binder,
                               loser.listener.port,
                               pacl_proto_name(loser.listener.protocol)),
                   unresolved);
}

// Who listens on the ports that matter.
Result<std::vector<Listener>> concerned(const Context &context,
                                        const Intent &intent) {
  auto listeners = read_listeners(context.root + "/proc");
  if (listeners) {
    std::erase_if(*listeners, [&](const Listener &listener) {
      return intent.concerns && !intent.concerns(listener.port);
    });
    return listeners;
  }
  Error error = listeners.error();
  if (!context.options.root.empty()) {
    context.console.note("note: who listens is not known: " + error.message);
    return std::vector<Listener>();
  }
  error.code = Code::system;
  error.message += ", so that who listens is not known";
  error.hint = "to go on all the same, add --force";
  if (intent.may_refuse && !context.options.force && !context.options.dry_run)
    return error;
  context.console.warning(error);
  return std::vector<Listener>();
}

Result<std::vector<Loser>> losers(const Context &context,
                                  const Intent &intent) {
  std::vector<Loser> lost;
  const auto listeners = concerned(context, intent);
  if (!listeners)
    return listeners.error();
  // A large policy is not read for nothing.
  if (listeners->empty())
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
  const uint64_t free_from = unprivileged_start(context);
  // The verdict that refuses from then on.
  const auto refusal =
      [&](const Listener &listener) -> std::optional<pacl_verdict> {
    const pacl_verdict then = judge(*after, intent.strict, listener, free_from);
    if (!pacl_refuses(then) ||
        (!intent.nothing_before &&
         pacl_refuses(judge(*before, strict, listener, free_from))))
      return std::nullopt;
    return then;
  };
  for (const Listener &listener : *listeners) {
    auto refused = refusal(listener);
    uint32_t binder = listener.uid;
    // Who made the socket is who binds next time.
    if (listener.creator != listener.uid) {
      if (const auto made = refusal(as_creator(context, listener))) {
        refused = made;
        binder = listener.creator;
      }
    }
    if (refused)
      lost.push_back({.listener = listener,
                      .binder = binder,
                      .denied = *refused == PACL_DENIED});
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
          ? fmt::format("allow them first, as in: portaclctl {}; or go on with "
                        "--force",
                        allow_words(context, refused->front()))
          : "to go on all the same, add --force";
  return Error{.code = Code::policy,
               .message = fmt::format("{}: {} would be refused; nothing was "
                                      "changed",
                                      printable(intent.words),
                                      counted(told.size(), "listener")),
               .hint = hint};
}

} // namespace portacl
