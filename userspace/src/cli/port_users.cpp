// SPDX-License-Identifier: GPL-2.0-only

#include "cli/port_users.h"

#include <algorithm>
#include <map>
#include <sstream>

#include <fmt/format.h>

#include "cli/describe.h"
#include "lib/policy.h"
#include "lib/text.h"
#include "lib/tree.h"

namespace portacl {

namespace {

constexpr unsigned first_unprivileged = 1024;

bool is_privileged_port(const Socket &socket, const NetNamespace &space) {
  return socket.port <
         std::max<uint64_t>(space.unprivileged_start, first_unprivileged);
}

std::string port_text(const Listener &listener) {
  return fmt::format("{}/{}", listener.port,
                     transport_name(listener.transport));
}

} // namespace

Listeners read_port_users(const Context &context,
                          std::vector<Error> &warnings) {
  auto listeners = read_listeners(context.sockets, context.root + "/proc",
                                  false, is_privileged_port);
  if (!listeners) {
    // A tree below --root need not run.
    if (context.options.root.empty()) {
      Error error = listeners.error();
      error.message = "who listens now is not known: " + error.message;
      warnings.push_back(std::move(error));
    }
    return {};
  }
  if (listeners->partial)
    warnings.push_back(
        {.code = Code::permission,
         .message = "not all processes could be looked into: some that listen "
                    "now may be missing; run this as root"});
  return std::move(*listeners);
}

uint16_t last_privileged(const Listeners &listeners) {
  const uint64_t start = listeners.namespaces.empty()
                             ? 0
                             : listeners.namespaces[0].unprivileged_start;
  constexpr uint64_t highest = UINT16_MAX;
  return static_cast<uint16_t>(
      std::min(highest, std::max<uint64_t>(start, first_unprivileged) - 1));
}

uint32_t user_of(const Listener &listener) {
  return listener.pid == 0 ? listener.creator : listener.uid;
}

std::vector<std::string> allow_rules(const Context &context, uint32_t uid,
                                     const PortsOfProtocols &ports) {
  std::vector<std::string> rules;
  for (uint8_t protocol = 0; protocol < PACL_PROTOS; protocol++) {
    const auto ranges = port_ranges(ports.at(protocol));
    for (size_t at = 0; at < ranges.size(); at += PACL_MAX_ITEMS) {
      PortSet part;
      for (size_t i = at; i < std::min(at + PACL_MAX_ITEMS, ranges.size()); i++)
        add_ports(part, ranges[i]);
      std::string text = fmt::format("allow user {} {}", uid, port_list(part));
      if (protocol != PACL_PROTO_ANY)
        text += fmt::format("/{}", pacl_proto_name(protocol));
      bool unresolved = false;
      rules.push_back(
          show_rule(context, rule_text(rule_from_text(text)), unresolved));
    }
  }
  return rules;
}

std::string allow_all_rule(const Context &context, const std::string &subject,
                           uint16_t last) {
  bool unresolved = false;
  return show_rule(context, fmt::format("allow {} 1-{}", subject, last),
                   unresolved);
}

std::vector<std::string>
listening_remarks(const std::vector<const Listener *> &listeners) {
  constexpr size_t most_ports = 8;
  std::map<int, std::vector<std::string>> ports;
  std::map<int, std::string> programs;
  for (const Listener *listener : listeners) {
    programs[listener->pid] = listener->program;
    auto &list = ports[listener->pid];
    if (std::ranges::count(list, port_text(*listener)) == 0)
      list.push_back(port_text(*listener));
  }
  std::vector<std::string> remarks;
  for (auto &[pid, list] : ports) {
    const std::string more =
        list.size() > most_ports
            ? fmt::format(" and {} more", list.size() - most_ports)
            : "";
    list.resize(std::min(list.size(), most_ports));
    const std::string who =
        pid == 0 ? "an unknown program"
                 : fmt::format("{} (pid {})", printable(programs[pid]), pid);
    remarks.push_back(fmt::format("{} listens on {}{} now", who,
                                  fmt::join(list, ", "), more));
  }
  return remarks;
}

std::optional<uint32_t> uid_of_process(const Context &context, int pid) {
  const auto text = read_tree_file(
      context.root, fmt::format("{}/proc/{}/status", context.root, pid));
  if (!text)
    return std::nullopt;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string name;
    uint32_t real = 0;
    uint32_t effective = 0;
    if (fields >> name && name == "Uid:" && fields >> real >> effective)
      return effective;
  }
  return std::nullopt;
}

} // namespace portacl
