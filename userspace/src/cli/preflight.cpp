// SPDX-License-Identifier: GPL-2.0-only

#include "cli/preflight.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/listeners.h"
#include "lib/text.h"

namespace portacl {

namespace {

bool is_refused(const Policy &policy, bool strict, const Listener &listener,
                uint64_t free_from) {
  if (listener.capable && !strict)
    return false;
  pacl_request request = make_request(listener.address, listener.protocol,
                                      listener.port, free_from);
  request.uid = listener.uid;
  request.gid = listener.gid;
  request.groups = listener.groups.data();
  request.group_count = static_cast<uint32_t>(listener.groups.size());
  return pacl_refuses(policy.decide(request).verdict);
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
  return fmt::format("{} of {} listens on {}/{} and would be refused at its "
                     "next bind",
                     who, user_name(context, listener.uid), listener.port,
                     pacl_proto_name(listener.protocol));
}

std::string allow_words(const Context &context, const Listener &listener) {
  const auto user = context.names.user(listener.uid);
  return fmt::format(
      "{} {}/{}", user ? quote_name(user->name) : std::to_string(listener.uid),
      listener.port, pacl_proto_name(listener.protocol));
}

Result<std::vector<Listener>> losers(const Context &context,
                                     const Intent &intent) {
  std::vector<Listener> listeners = read_listeners(context.root + "/proc");
  std::erase_if(listeners, [&](const Listener &listener) {
    return !intent.concerns(listener.port);
  });
  // A large policy is not read for nothing.
  if (listeners.empty())
    return listeners;
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
  std::erase_if(listeners, [&](const Listener &listener) {
    return is_refused(*before, strict, listener, free_from) ||
           !is_refused(*after, intent.strict, listener, free_from);
  });
  return listeners;
}

} // namespace

Result<void> check_listeners(const Context &context, const Intent &intent) {
  const auto refused = losers(context, intent);
  if (!refused)
    return refused.error();
  std::vector<std::string> told;
  for (const Listener &listener : *refused) {
    const std::string text = describe(context, listener);
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
      intent.rules.empty()
          ? fmt::format("allow them first, as in: portaclctl allow {}; or go "
                        "on with --force",
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
