// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>
#include <bit>
#include <climits>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <sys/socket.h>

#include "cli/describe.h"
#include "cli/import.h"
#include "cli/port_users.h"
#include "cli/unit_users.h"
#include "lib/numbers.h"
#include "lib/shell_words.h"
#include "lib/text.h"

namespace portacl {

namespace {

// A word of SocketBindAllow=: [FAMILY:][TRANSPORT:]PORTS. Empty for one that
// names no port.
struct BindWord {
  int family = AF_UNSPEC;
  uint8_t protocol = PACL_PROTO_ANY;
  PortRange ports;
};

std::optional<BindWord> parse_bind_word(std::string_view word) {
  BindWord result;
  auto parts = split(word, ':');
  for (const std::string_view part : parts) {
    if (part == "tcp")
      result.protocol = PACL_PROTO_TCP;
    else if (part == "udp")
      result.protocol = PACL_PROTO_UDP;
    else if (part == "ipv4")
      result.family = AF_INET;
    else if (part == "ipv6")
      result.family = AF_INET6;
  }
  const auto ends = split(parts.back(), '-');
  const auto first = number_of<uint16_t>(ends.front());
  const auto last = number_of<uint16_t>(ends.back());
  if (ends.size() > 2 || !first || !last || *first > *last || *first == 0)
    return std::nullopt;
  result.ports = {.first = *first, .last = *last};
  return result;
}

// What is to be kept, said so that it holds whatever the unit's own file says
// one day: "~" would give all others where it finds none.
std::string ambient_lines(CapabilitySet rest) {
  std::string lines = "AmbientCapabilities=\n";
  constexpr int many = 32;
  if (std::popcount(rest) > many)
    lines += "AmbientCapabilities=~" + capability_names(~rest) + "\n";
  else if (rest != 0)
    lines += "AmbientCapabilities=" + capability_names(rest) + "\n";
  return lines;
}

struct UnitPorts {
  PortsOfProtocols any;
  PortsOfProtocols ipv4; // on such addresses only
};

// A name behind those of all that are there, as the last one decides; an error
// if there can be none.
Result<std::string> drop_in_name(const Unit &unit) {
  constexpr std::string_view suffix = ".conf";
  constexpr std::string_view ours = "~portacl.conf";
  std::string name = "zz-portacl.conf";
  for (const std::string &path : unit.drop_ins)
    name = std::max(name, file_name(path));
  if (name == "zz-portacl.conf" || name.ends_with(ours))
    return name;
  const std::string last = name;
  name.replace(name.size() - suffix.size(), suffix.size(), ours);
  if (name.size() > NAME_MAX)
    return Error{.code = Code::policy,
                 .message = fmt::format(
                     "no name of a drop-in is long enough to sort behind {}",
                     excerpt(last)),
                 .hint = "give that drop-in a shorter name",
                 .file = unit.file};
  return name;
}

class SystemdImport final {
public:
  explicit SystemdImport(const Context &context) : context_(context) {}

  Result<Imported> read();

private:
  Result<std::vector<const Unit *>> chosen() const;
  void add_unit(const Unit &unit);
  void add_rules(const Unit &unit, uint32_t uid);
  UnitPorts declared_ports(const Unit &unit,
                           std::vector<std::string> &remarks) const;
  UnitPorts ports_of(const Unit &unit, uint32_t uid,
                     std::vector<std::string> &remarks) const;
  void add_step(const Unit &unit);

  const Context &context_;
  Imported imported_;
  Listeners listeners_;
  Units units_;
};

Result<std::vector<const Unit *>> SystemdImport::chosen() const {
  std::vector<const Unit *> units;
  const auto &words = context_.options.words;
  for (const Unit &unit : units_.units) {
    if (words.size() == 1 && (unit.gives_ports() || unit.lets_ports_pass()))
      units.push_back(&unit);
  }
  for (size_t i = 1; i < words.size(); i++) {
    const Unit *unit = find_unit(units_, words[i]);
    if (unit == nullptr)
      return Error{
          .code = Code::usage,
          .message = fmt::format("there is no service '{}'", excerpt(words[i])),
          .hint = "systemctl list-unit-files --type=service"};
    if (unit->gives_ports() || unit->lets_ports_pass())
      units.push_back(unit);
    else
      context_.console.note(
          fmt::format("{} gives no user a right to privileged ports",
                      printable(unit->name)));
  }
  return units;
}

UnitPorts
SystemdImport::declared_ports(const Unit &unit,
                              std::vector<std::string> &remarks) const {
  UnitPorts ports;
  const uint16_t last = last_privileged(listeners_);
  bool declared = false;
  bool ipv6 = false;
  for (const std::string &word : unit.bind_allow) {
    const auto parsed = parse_bind_word(word);
    if (!parsed || parsed->ports.first > last)
      continue;
    auto &allowed = parsed->family == AF_INET ? ports.ipv4 : ports.any;
    add_ports(allowed.at(parsed->protocol),
              {.first = parsed->ports.first,
               .last = std::min(parsed->ports.last, last)});
    declared = true;
    ipv6 = ipv6 || parsed->family == AF_INET6;
  }
  if (declared)
    remarks.emplace_back("by its SocketBindAllow=");
  // Whoever may have :: has 0.0.0.0 with it, and no rule says less.
  if (ipv6)
    remarks.emplace_back(
        "SocketBindAllow= is for IPv6 only, the rule for both families");
  return ports;
}

UnitPorts SystemdImport::ports_of(const Unit &unit, uint32_t uid,
                                  std::vector<std::string> &remarks) const {
  UnitPorts ports = declared_ports(unit, remarks);
  std::vector<const Listener *> theirs;
  for (const Listener &listener : listeners_.found) {
    if (listener.pid == 0 || listener.uid != uid ||
        !runs_in_unit(context_, listener.pid, unit))
      continue;
    theirs.push_back(&listener);
    const bool known = listener.family == AF_INET &&
                       (ports.ipv4.at(listener.protocol).test(listener.port) ||
                        ports.ipv4.at(PACL_PROTO_ANY).test(listener.port));
    if (!known)
      ports.any.at(listener.protocol).set(listener.port);
  }
  for (std::string &text : listening_remarks(theirs))
    remarks.push_back(std::move(text));
  return ports;
}

void SystemdImport::add_rules(const Unit &unit, uint32_t uid) {
  const std::string setting =
      unit.gives_ports()
          ? "AmbientCapabilities=" + capability_names(unit.ambient)
          : "CapabilityBoundingSet=" + capability_names(unit.bounding);
  ImportedRule rule{
      .rule = {},
      .origin = fmt::format(
          "{}: {}",
          printable(unit.gives_ports() ? unit.ambient_file : unit.file),
          excerpt(setting))};
  const UnitPorts ports = ports_of(unit, uid, rule.remarks);
  auto rules = allow_rules(context_, uid, ports.any);
  for (const std::string &text : allow_rules(context_, uid, ports.ipv4))
    rules.push_back(text + " on 0.0.0.0/0");
  if (unit.own_network()) {
    rule.active = false;
    rule.remarks.emplace_back("it has a network namespace of its own, where "
                              "rules hold with \"scope all\" only");
  }
  if (unit.private_users) {
    rule.active = false;
    rule.remarks.emplace_back("PrivateUsers=yes: its capability opens no port "
                              "of the machine, the rule would");
  }
  if (!unit.gives_ports()) {
    rule.active = false;
    rule.remarks.emplace_back("only lets the capability of a file pass: see "
                              "portaclctl import setcap");
  }
  if (rules.empty()) {
    rule.active = false;
    rule.remarks.emplace_back(
        "its ports are not known: name them, or start it and ask again");
    rules.push_back(allow_all_rule(context_, fmt::format("user {}", uid),
                                   last_privileged(listeners_)));
  }
  for (std::string &text : rules) {
    rule.rule = std::move(text);
    imported_.rules.push_back(rule);
  }
}

void SystemdImport::add_step(const Unit &unit) {
  const auto name = drop_in_name(unit);
  if (!name) {
    imported_.warnings.push_back(name.error());
    return;
  }
  const std::string directory =
      context_.root + "/etc/systemd/system/" + unit.name + ".d";
  std::string content = "[Service]\n";
  if (unit.gives_ports())
    content += ambient_lines(unit.ambient & ~port_capability);
  if (unit.has_bounding)
    content += "CapabilityBoundingSet=~CAP_NET_BIND_SERVICE\n";
  std::string instances = unit.name;
  if (const size_t at = instances.find("@."); at != std::string::npos)
    instances.insert(at + 1, "*");
  imported_.steps.push_back(
      {.what = fmt::format("take the capability from {} by this drop-in",
                           printable(unit.name)),
       .command = context_.options.root.empty()
                      ? "systemctl daemon-reload && systemctl restart " +
                            shell_word(instances)
                      : "",
       .file = directory + "/" + *name,
       .content = content});
}

void SystemdImport::add_unit(const Unit &unit) {
  const auto uid = unit_uid(context_, unit);
  if (!uid) {
    imported_.warnings.push_back(uid.error());
    return;
  }
  // By another of root's names.
  if (*uid == 0)
    return;
  add_rules(unit, *uid);
  add_step(unit);
}

Result<Imported> SystemdImport::read() {
  units_ = read_units(context_.root);
  imported_.warnings = units_.errors;
  const auto units = chosen();
  if (!units)
    return units.error();
  if (!units->empty())
    listeners_ = read_port_users(context_, imported_.warnings);
  for (const Unit *unit : *units)
    add_unit(*unit);
  return std::move(imported_);
}

} // namespace

Result<Imported> import_systemd(const Context &context) {
  return SystemdImport(context).read();
}

} // namespace portacl
