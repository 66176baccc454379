// SPDX-License-Identifier: GPL-2.0-only

#include "cli/doctor.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/describe.h"
#include "cli/holders.h"
#include "cli/packet_filter.h"
#include "cli/question.h"
#include "lib/policy.h"
#include "lib/text.h"

namespace portacl {

namespace {

// A rule for more is for whatever may come, not for what is there.
constexpr unsigned most_meant_ports = 16;

// A set of ports for each of packet_protocols.
using ProtocolPorts = std::array<PortSet, packet_protocols.size()>;

size_t protocol_index(unsigned protocols) {
  size_t index = 0;
  while (index + 1 < packet_protocols.size() && (protocols & 1U << index) == 0)
    index++;
  return index;
}

PortSet set_of(const std::vector<PortRange> &ranges) {
  PortSet ports;
  for (const PortRange &range : ranges)
    add_ports(ports, range);
  return ports;
}

class NatCheck final {
public:
  NatCheck(const Context &context, const PacketFilter &filter)
      : context_(context), filter_(filter),
        start_(unprivileged_start(context)) {}

  Findings run() {
    for (const Error &warning : filter_.warnings)
      findings_.push_back(
          {Health::warn,
           "not all of the packet filter could be read: " + error_text(warning),
           warning.hint});
    find_allowed();
    redirects();
    find_listeners();
    drops();
    if (findings_.empty())
      findings_.push_back({Health::pass,
                           "no packet filter redirects privileged ports, or "
                           "drops what is allowed or listens there"});
    return std::move(findings_);
  }

private:
  void find_allowed() {
    const auto in_force = read_in_force(context_);
    if (!in_force)
      return;
    for (const std::string &text : in_force->rules) {
      const pacl_rule rule = rule_from_text(text);
      if (rule.action != PACL_ALLOW || rule.kind == PACL_EACH ||
          has_ended(rule))
        continue;
      unsigned count = 0;
      for (unsigned i = 0; i < rule.count; i++)
        count += rule.range[i].hi - rule.range[i].lo + 1U;
      if (count <= most_meant_ports)
        add_rule(rule);
    }
  }

  void add_rule(const pacl_rule &rule) {
    const std::string_view protocol = pacl_proto_name(rule.proto);
    for (size_t i = 0; i < packet_protocols.size(); i++) {
      // What is for all transports is hardly meant for SCTP.
      const bool meant = rule.proto == PACL_PROTO_ANY
                             ? 1U << i != packet_sctp
                             : protocol == packet_protocols.at(i);
      for (unsigned k = 0; meant && k < rule.count; k++)
        add_ports(allowed_.at(i), {rule.range[k].lo, rule.range[k].hi});
    }
  }

  static std::string target_text(const PacketTarget &target) {
    const std::string ports =
        target.ports ? "port " + range_text(*target.ports) : "";
    return target.address.empty()
               ? ports
               : fmt::format("{}{}{}", printable(target.address),
                             ports.empty() ? "" : " ", ports);
  }

  void redirects() {
    for (const PacketRedirect &redirect : filter_.redirects) {
      const PacketTarget &target = redirect.target;
      const bool here = stays_here(filter_, redirect);
      // To the port that it was for.
      if (here && (!target.ports || redirect.packets.ports ==
                                        std::vector<PortRange>{*target.ports}))
        continue;
      const PortSet low = set_of(low_ports(redirect.packets.ports, start_));
      const PortSet lost =
          redirect.packets.limited()
              ? PortSet()
              : low & allowed_.at(protocol_index(redirect.packets.protocols));
      const std::string where =
          fmt::format("to {} by {}", target_text(target), redirect.manager);
      warn(redirect, lost, removal(redirect),
           "portacl allows {}, but what comes there is redirected " + where +
               ": who listens there gets none of it");
      if (here)
        warn(redirect, low & ~lost,
             command_here(context_, "portaclctl import nat"),
             "{} is redirected " + where +
                 ": who may not bind it has it all the same");
    }
  }

  static std::string removal(const PacketRedirect &redirect) {
    return redirect.remove.empty()
               ? "by hand, edit " + printable(redirect.place.substr(
                                        0, redirect.place.find(": ")))
               : redirect.remove;
  }

  // The text has "{}" where the ports belong. IPv4 and IPv6, PREROUTING and
  // OUTPUT mostly have the same: the first is named.
  void warn(const PacketRedirect &redirect, const PortSet &ports,
            const std::string &fix, std::string text) {
    if (ports.none())
      return;
    Packets part = redirect.packets;
    part.ports = port_ranges(ports);
    text.replace(text.find("{}"), 2, packet_ports(part));
    if (said_.insert(text).second)
      findings_.push_back(
          {Health::warn,
           fmt::format("{} ({})", text, printable(redirect.place)), fix});
  }

  void find_listeners() {
    const auto wanted = [this](const Socket &socket, const NetNamespace &) {
      return socket.port < start_;
    };
    const auto table = read_listeners(context_.sockets, context_.root + "/proc",
                                      false, wanted);
    if (!table)
      return;
    for (const Listener &listener : table->found) {
      const std::string address = address_text(listener.address);
      // Nobody else reaches those of the machine itself.
      if (address.starts_with("127.") || address == "::1")
        continue;
      const std::string_view protocol = pacl_proto_name(listener.protocol);
      for (size_t i = 0; i < packet_protocols.size(); i++) {
        if (protocol == packet_protocols.at(i))
          listening_.at(i).set(listener.port);
      }
    }
  }

  void drops() {
    for (const PacketDrop &drop : filter_.drops) {
      const size_t index = protocol_index(drop.packets.protocols);
      const PortSet dropped = set_of(low_ports(drop.packets.ports, start_));
      const PortSet hit = dropped & (allowed_.at(index) | listening_.at(index));
      if (hit.none())
        continue;
      Packets part = drop.packets;
      part.ports = port_ranges(hit);
      const std::string ports = packet_ports(part);
      const char *family = family_names.at(part.families == family_ip4 ? 0 : 1);
      const char *why = (hit & allowed_.at(index)).any()
                            ? "portacl allows it"
                            : "somebody listens there";
      if (said_.insert(ports + drop.place + family).second)
        findings_.push_back(
            {Health::warn,
             fmt::format("{}, but packets of {} to {} are dropped by {}", why,
                         family, ports, printable(drop.place)),
             opening(drop, part)});
    }
  }

  static std::string opening(const PacketDrop &drop, const Packets &packets) {
    const std::string commands = open_commands(drop, packets);
    return commands.empty() ? "by hand, in the files of the firewall"
                            : commands;
  }

  const Context &context_;
  const PacketFilter &filter_;
  uint64_t start_;
  ProtocolPorts allowed_;
  ProtocolPorts listening_;
  std::set<std::string> said_;
  Findings findings_;
};

} // namespace

Findings check_nat(const Context &context) {
  const auto filter = read_packet_filter(context, {});
  if (!filter)
    return {{Health::warn,
             "the packet filter cannot be read: " + error_text(filter.error()),
             filter.error().hint}};
  return NatCheck(context, *filter).run();
}

} // namespace portacl
