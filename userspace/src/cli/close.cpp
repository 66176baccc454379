// SPDX-License-Identifier: GPL-2.0-only

#include "cli/close.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>
#include <thread>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/in.h>

#include "lib/policy.h"

namespace portacl {

namespace {

// Why it is not even tried; empty if it is.
std::string obstacle(const Socket &socket) {
  if (is_datagram(socket.transport) && socket.interface_index != 0)
    return "the kernel would only take it from its interface";
  if (!is_datagram(socket.transport) && !socket.listening)
    return "the kernel closes what listens, and this is bound only";
  if (socket.transport == IPPROTO_SCTP || socket.transport == IPPROTO_DCCP)
    return fmt::format("the kernel cannot close sockets of {}",
                       transport_name(socket.transport));
  return {};
}

bool may_be_by(const pacl_rule &rule, const Socket &socket) {
  return covers_port(rule, socket.port) &&
         (rule.proto == PACL_PROTO_ANY || rule.proto == socket.protocol);
}

bool has_namespace(const SocketTable &table, uint64_t id) {
  return std::ranges::any_of(table.namespaces, [id](const NetNamespace &space) {
    return space.id == id;
  });
}

// Whether it is there as it was; one that has stopped to listen is not.
bool is_still_there(const SocketTable &table, uint64_t space,
                    const Socket &socket) {
  return std::ranges::any_of(table.sockets, [&](const Socket &other) {
    return other.cookie == socket.cookie &&
           other.listening == socket.listening &&
           table.namespaces.at(other.space).id == space;
  });
}

// Notes which are gone. Returns whether any of UDP is not, which is up to its
// program and takes a moment.
Result<bool> note_closed(const Context &context, LostSockets &lost) {
  const auto table = context.sockets.list(lost.all_namespaces);
  if (!table)
    return table.error();
  bool waiting = false;
  for (LostSocket &socket : lost.sockets) {
    if (socket.closed || !obstacle(socket.listener).empty())
      continue;
    const uint64_t space =
        lost.listeners.namespaces.at(socket.listener.space).id;
    const bool seen = has_namespace(*table, space);
    socket.closed = seen && !is_still_there(*table, space, socket.listener);
    if (!seen && socket.reason.empty())
      socket.reason = "its network namespace could not be looked into again";
    else if (socket.closed)
      socket.reason.clear();
    else if (is_datagram(socket.listener.transport) && socket.reason.empty())
      waiting = true;
  }
  return waiting;
}

std::string refusal(const Error &error, const Socket &socket) {
  if (error.errnum == EOPNOTSUPP)
    return fmt::format("this kernel cannot close sockets of {}",
                       transport_name(socket.transport));
  // Nothing else shows that it is one.
  if (error.errnum == EINVAL && socket.transport == IPPROTO_TCP)
    return "the kernel does not close listeners of MPTCP";
  if (error.errnum == ENOENT)
    return "the kernel cannot tell it from others";
  return error.message;
}

void hint_of_programs(const Context &context, const LostSockets &lost) {
  std::set<int> pids;
  for (const LostSocket &socket : lost.sockets) {
    if (!socket.closed)
      pids.insert(socket.listener.pids.begin(), socket.listener.pids.end());
  }
  if (!pids.empty())
    context.console.hint(
        fmt::format("to end what is still open, stop its program: kill {}",
                    fmt::join(pids, " ")));
}

void report_planned(const Context &context, const LostSocket &socket) {
  const std::string what = describe_socket(context, socket.listener);
  if (!socket.reason.empty())
    context.console.line(
        fmt::format("would stay open: {}: {}", what, socket.reason));
  else if (is_datagram(socket.listener.transport))
    context.console.line("would interrupt: " + what);
  else
    context.console.line("would close: " + what);
}

} // namespace

Result<LostSockets> find_lost(const Context &context,
                              const std::vector<std::string> &rules,
                              const std::string &numeric) {
  LostSockets lost;
  const auto settings = read_settings(context.kernel);
  if (!settings)
    return settings.error();
  lost.all_namespaces = (*settings)[Setting::scope] == "all";
  const pacl_rule rule = rule_from_text(numeric);
  auto listeners = read_holders(
      context, *settings,
      [&rule](const Socket &socket, const NetNamespace & /*space*/) {
        return may_be_by(rule, socket);
      });
  if (!listeners)
    return listeners.error();
  lost.listeners = std::move(*listeners);
  // A large policy is not compiled for nothing.
  if (lost.listeners.found.empty())
    return lost;
  std::vector<std::string> remaining = rules;
  std::erase(remaining, numeric);
  const auto before = ListenerJudge::make(rules, *settings);
  const auto after = ListenerJudge::make(remaining, *settings);
  if (!before)
    return before.error();
  if (!after)
    return after.error();
  for (const Listener &listener : lost.listeners.found) {
    const Judgement was = before->judge(context, lost.listeners, listener);
    const Judgement is = after->judge(context, lost.listeners, listener);
    if (was.standing == Standing::rule && is.standing == Standing::refused)
      lost.sockets.push_back(
          {.listener = listener, .reason = obstacle(listener)});
  }
  return lost;
}

Result<void> close_lost(const Context &context, LostSockets &lost) {
  for (LostSocket &socket : lost.sockets) {
    if (!socket.reason.empty())
      continue;
    const auto done = context.sockets.destroy(
        lost.listeners.namespaces.at(socket.listener.space), socket.listener);
    if (!done)
      socket.reason = refusal(done.error(), socket.listener);
  }
  // A program that reads the error usually ends or closes its socket.
  constexpr std::chrono::milliseconds pause(20);
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(1);
  for (;;) {
    const auto waiting = note_closed(context, lost);
    if (!waiting)
      return waiting.error();
    if (!*waiting || std::chrono::steady_clock::now() > deadline)
      break;
    std::this_thread::sleep_for(pause);
  }
  for (LostSocket &socket : lost.sockets) {
    if (!socket.closed && socket.reason.empty())
      socket.reason = is_datagram(socket.listener.transport)
                          ? "its program was interrupted and keeps it"
                          : "it listens again";
  }
  return {};
}

Code report_closed(const Context &context, const LostSockets &lost) {
  const bool dry_run = context.options.dry_run;
  if (lost.sockets.empty()) {
    context.console.note("no socket loses its grant");
    return Code::done;
  }
  bool open = false;
  bool listened = false;
  for (const LostSocket &socket : lost.sockets) {
    const std::string what = describe_socket(context, socket.listener);
    if (dry_run) {
      report_planned(context, socket);
    } else if (socket.closed) {
      context.console.verdict("closed", true, what);
      listened = listened || socket.listener.listening;
    } else {
      context.console.warning(
          fmt::format("still open: {}: {}", what, socket.reason));
      open = true;
    }
  }
  if (dry_run)
    return Code::done;
  if (listened)
    context.console.hint("the number of what was closed stays taken until its "
                         "program closes it or ends");
  if (open)
    hint_of_programs(context, lost);
  return open ? Code::attention : Code::done;
}

Json lost_json(const Context &context, const LostSockets &lost) {
  Json sockets = Json::array();
  for (const LostSocket &socket : lost.sockets) {
    Json json = socket_json(context, lost.listeners, socket.listener);
    json["closed"] = socket.closed;
    json["reason"] =
        socket.reason.empty() ? Json(nullptr) : Json(socket.reason);
    sockets.push_back(std::move(json));
  }
  return sockets;
}

} // namespace portacl
