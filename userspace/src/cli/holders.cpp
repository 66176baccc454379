// SPDX-License-Identifier: GPL-2.0-only

#include "cli/holders.h"

#include <optional>

#include <fmt/format.h>

#include "cli/describe.h"
#include "lib/text.h"

namespace portacl {

namespace {

// Those with whose right the socket may be there, who is shown first.
std::vector<Identity> binders(const Context &context, const NetNamespace &space,
                              const Listener &listener) {
  std::vector<Identity> all;
  if (listener.pid != 0) {
    all.push_back(listener);
    all.insert(all.end(), listener.others.begin(), listener.others.end());
  }
  for (Identity &holder : all)
    holder.capable = holder.capable && (holder.uid == listener.creator ||
                                        listener.creator == space.root);
  if (binds_unseen(listener))
    all.push_back(as_creator(context, space, listener));
  return all;
}

} // namespace

Result<Listeners> read_holders(const Context &context, const Settings &settings,
                               const SocketFilter &wanted) {
  return read_listeners(context.sockets, context.root + "/proc",
                        settings[Setting::scope] == "all", wanted);
}

bool binds_unseen(const Listener &listener) {
  return listener.pid == 0 || listener.uid != listener.creator;
}

Identity as_creator(const Context &context, const NetNamespace &space,
                    const Socket &socket) {
  Identity made{.uid = socket.creator,
                .gid = PACL_MAX_ID + 1U,
                .capable = socket.creator == space.root};
  if (const auto user = context.names.user(made.uid)) {
    made.gid = user->gid;
    if (auto groups = context.names.groups_of(*user))
      made.groups = std::move(*groups);
  }
  return made;
}

Decision decide(const Policy &policy, const Socket &socket,
                const Identity &identity, uint64_t unprivileged_start) {
  pacl_request request = make_request(socket.address, socket.protocol,
                                      socket.port, unprivileged_start);
  request.uid = identity.uid;
  request.gid = identity.gid;
  request.groups = identity.groups.data();
  request.group_count = static_cast<uint32_t>(identity.groups.size());
  return policy.decide(request);
}

Result<ListenerJudge> ListenerJudge::make(const std::vector<std::string> &rules,
                                          const Settings &settings) {
  const bool off = settings[Setting::mode] == "off";
  const bool strict = settings.strict() && !off;
  auto policy = Policy::make(off ? std::vector<std::string>() : rules, strict);
  if (!policy)
    return policy.error();
  return ListenerJudge(std::move(*policy), strict,
                       settings[Setting::mode] == "enforce");
}

Judgement ListenerJudge::judge_as(const Socket &socket,
                                  const Identity &identity,
                                  uint64_t unprivileged_start) const {
  Judgement judgement{.uid = identity.uid};
  if (identity.capable && !strict_) {
    judgement.standing = Standing::capability;
    return judgement;
  }
  Decision decision = decide(policy_, socket, identity, unprivileged_start);
  judgement.verdict = decision.verdict;
  judgement.rule = std::move(decision.rule);
  if (judgement.verdict == PACL_GRANT)
    judgement.standing = Standing::rule;
  else if (enforce_ && pacl_refuses(judgement.verdict))
    judgement.standing = Standing::refused;
  else if (socket.port >= unprivileged_start)
    judgement.standing = Standing::free;
  else
    judgement.standing =
        identity.capable ? Standing::capability : Standing::refused;
  return judgement;
}

// Whether a capability or a holder that is not to be seen may be behind it.
bool ListenerJudge::is_unsure(const Listeners &listeners,
                              const Listener &listener,
                              const Judgement &judgement) const {
  if (listener.pid == 0 && listeners.partial)
    return true;
  const bool capability_helps = !strict_ || judgement.verdict == PACL_DEFAULT;
  return capability_helps && binds_unseen(listener) &&
         !listeners.namespaces.at(listener.space).root;
}

Judgement ListenerJudge::judge(const Context &context,
                               const Listeners &listeners,
                               const Listener &listener) const {
  if (listener.of_kernel)
    return {.standing = Standing::kernel};
  const NetNamespace &space = listeners.namespaces.at(listener.space);
  std::optional<Judgement> first;
  for (const Identity &binder : binders(context, space, listener)) {
    Judgement judgement = judge_as(listener, binder, space.unprivileged_start);
    if (judgement.standing != Standing::refused)
      return judgement;
    if (!first)
      first = std::move(judgement);
  }
  Judgement refused = std::move(first).value_or(Judgement{});
  if (is_unsure(listeners, listener, refused))
    refused.standing = Standing::unknown;
  return refused;
}

std::string user_label(const Context &context, uint32_t uid) {
  const auto user = context.names.user(uid);
  return !user || context.options.numeric ? fmt::format("uid {}", uid)
                                          : "user " + printable(user->name);
}

std::string socket_address(const Socket &socket) {
  const std::string address = address_text(socket.address);
  return socket.interface_index == 0 && socket.interface.empty()
             ? address
             : fmt::format("{}%{}", address, printable(socket.interface));
}

std::string allow_command(const Context &context, uint32_t uid,
                          const Socket &socket) {
  const std::string protocol =
      socket.protocol == PACL_PROTO_ANY
          ? ""
          : fmt::format("/{}", pacl_proto_name(socket.protocol));
  bool unresolved = false;
  return printable(shell_command(
      "",
      show_rule(context,
                fmt::format("allow user {} {}{}", uid, socket.port, protocol),
                unresolved)));
}

std::string describe_socket(const Context &context, const Listener &listener) {
  const std::string user = user_label(context, listener.uid);
  const std::string holder =
      listener.pid == 0
          ? fmt::format("an unknown program ({})", user)
          : fmt::format("{} (pid {}, {})", printable(listener.program),
                        listener.pid, user);
  return fmt::format("{}/{} on {} of {}", listener.port,
                     transport_name(listener.transport),
                     socket_address(listener), holder);
}

Json socket_json(const Context &context, const Listeners &listeners,
                 const Listener &listener) {
  const auto name = [&](uint32_t uid) {
    const auto user = context.names.user(uid);
    return user ? Json(user->name) : Json(nullptr);
  };
  const NetNamespace &space = listeners.namespaces.at(listener.space);
  const bool datagram = is_datagram(listener.transport);
  return {
      {"port", listener.port},
      {"protocol", pacl_proto_name(listener.protocol)},
      {"transport", transport_name(listener.transport)},
      {"state", listener.listening && !datagram ? "listening" : "bound"},
      {"address", address_text(listener.address)},
      {"interface",
       listener.interface.empty() ? Json(nullptr) : Json(listener.interface)},
      {"program", listener.pid == 0 ? Json(nullptr) : Json(listener.program)},
      {"pid", listener.pid == 0 ? Json(nullptr) : Json(listener.pid)},
      {"pids", listener.pids},
      {"user", name(listener.uid)},
      {"uid", listener.uid},
      {"creator", name(listener.creator)},
      {"creator_uid", listener.creator},
      {"inode", listener.inode},
      {"network_namespace", space.id == 0 ? Json(nullptr) : Json(space.id)},
      {"network_namespace_name",
       space.name.empty() ? Json(nullptr) : Json(space.name)}};
}

} // namespace portacl
