// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "cli/describe.h"
#include "cli/import.h"
#include "lib/policy.h"
#include "lib/text.h"

namespace portacl {

namespace {

constexpr const char *ipv4_wildcard_remark =
    "0.0.0.0 is among the addresses: the rule is for every IPv4 address, as no "
    "other matches a socket on 0.0.0.0";
constexpr const char *ipv6_wildcard_remark =
    "a socket on :: serves both families: the rule is for every address of "
    "both, as no other matches it";

constexpr const char *mapped_remark =
    "::ffff:a.b.c.d is IPv4 here: the rule is also for IPv4 sockets";

// Addresses of sockets of one family.
struct BindAddresses {
  AddressRange range;
  bool ipv6 = false;
};

bool is_any_wildcard(const pacl_addr &address) {
  return pacl_addr_equal(address, ipv4_wildcard) ||
         pacl_addr_equal(address, ipv6_wildcard);
}

// Why an "allow any" would be too much.
struct Outsiders {
  std::vector<uint32_t> users;
  std::vector<uint32_t> groups;
  bool root_group = false;
};

class AuthbindImporter final {
public:
  AuthbindImporter(const Authbind &authbind, Names &names, bool tcp_only)
      : authbind_(authbind), names_(names), tcp_only_(tcp_only) {}

  Imported run();

private:
  using Doors = std::vector<const AuthbindDoor *>;

  std::vector<uint32_t> groups_of(uint32_t uid);
  bool may(const ExecuteRights &rights, uint32_t uid) {
    return may_execute(rights, uid, groups_of(uid));
  }
  pacl_rule rule(uint8_t action, uint8_t kind, uint32_t id) const;
  void warn(const std::string &path, std::string message, uint32_t line = 0);

  const AuthbindDoor *closed_to(const pacl_rule &rule, const Doors &doors);
  void add(pacl_rule rule, const ImportedRule &about);
  void add_ports(pacl_rule rule, const PortSet &ports,
                 const ImportedRule &about);
  void add_addresses(const pacl_rule &rule, const PortSet &ports,
                     const BindAddresses &binds, ImportedRule about);
  bool granted_elsewhere(const pacl_rule &deny, uint16_t port,
                         const pacl_addr &wildcard);

  void file(const AuthbindFile &file, const BindAddresses *addresses,
            const Doors &doors);
  void everybody(const AuthbindFile &file, const BindAddresses *addresses,
                 const Doors &doors);
  void subject(const AuthbindFile &file, const BindAddresses *addresses,
               const Doors &doors, const pacl_rule &rule,
               ImportedRule about = {});
  Outsiders outsiders(const ExecuteRights &rights) const;
  bool mixed(const ExecuteRights &rights, const Outsiders &refused);

  void line(const AuthbindLine &line, const Doors &doors);
  PortSet undecided(const AuthbindLine &line);
  std::vector<pacl_addr> holes(const AuthbindLine &line, uint16_t port);
  void add_line(const AuthbindLine &line, const PortSet &ports,
                std::vector<pacl_addr> holes);

  const Authbind &authbind_;
  Names &names_;
  bool tcp_only_;
  std::map<uint32_t, std::vector<uint32_t>> groups_;
  Imported imported_;
};

// Of a user without an entry nothing is known.
std::vector<uint32_t> AuthbindImporter::groups_of(uint32_t uid) {
  const auto [known, is_new] = groups_.try_emplace(uid);
  if (!is_new)
    return known->second;
  const auto user = names_.user(uid);
  if (!user)
    return {};
  if (auto gids = names_.groups_of(*user))
    known->second = std::move(*gids);
  return known->second;
}

pacl_rule AuthbindImporter::rule(uint8_t action, uint8_t kind,
                                 uint32_t id) const {
  pacl_rule result{};
  result.action = action;
  result.kind = kind;
  result.id = id;
  result.last_id = id;
  result.proto = tcp_only_ ? PACL_PROTO_TCP : PACL_PROTO_ANY;
  return result;
}

void AuthbindImporter::warn(const std::string &path, std::string message,
                            uint32_t line) {
  imported_.warnings.push_back({.code = Code::policy,
                                .message = std::move(message),
                                .file = printable(path),
                                .line = line});
}

// A directory that the subject of a rule cannot pass. Whether all members of a
// group can is known only where the group is named or everybody can.
const AuthbindDoor *AuthbindImporter::closed_to(const pacl_rule &rule,
                                                const Doors &doors) {
  for (const AuthbindDoor *door : doors) {
    const ExecuteRights &rights = door->rights;
    if (everybody_may(rights))
      continue;
    const auto group = rights.groups.find(rule.id);
    // Its owner and users that are named may be members of a group.
    const bool all_members = (rights.owner == 0 || rights.owner_may) &&
                             rights.users.empty() &&
                             group != rights.groups.end() && group->second;
    const bool open = rule.kind == PACL_USER
                          ? may(rights, rule.id)
                          : rule.kind == PACL_GROUP && all_members;
    if (!open)
      return door;
  }
  return nullptr;
}

void AuthbindImporter::add(pacl_rule rule, const ImportedRule &about) {
  ImportedRule imported = about;
  imported.rule = rule_text(rule);
  imported_.rules.push_back(std::move(imported));
}

// A rule holds so many ranges and no more.
void AuthbindImporter::add_ports(pacl_rule rule, const PortSet &ports,
                                 const ImportedRule &about) {
  rule.count = 0;
  for (const PortRange &range : port_ranges(ports)) {
    if (rule.count == PACL_MAX_ITEMS) {
      add(rule, about);
      rule.count = 0;
    }
    rule.range[rule.count++] = {range.first, range.last};
  }
  if (rule.count != 0)
    add(rule, about);
}

// For the addresses that binds may name, literally.
void AuthbindImporter::add_addresses(const pacl_rule &rule,
                                     const PortSet &ports,
                                     const BindAddresses &binds,
                                     ImportedRule about) {
  const AddressRange &addresses = binds.range;
  const bool deny = rule.action == PACL_DENY;
  if (in_range(addresses, ipv6_wildcard)) {
    if (!deny)
      about.remarks.emplace_back(ipv6_wildcard_remark);
    add_ports(rule, ports, about);
    return;
  }
  pacl_rule conditional = rule;
  conditional.on = 1;
  const AddressRange ipv4 = range_of({ipv4_wildcard, 96});
  std::vector<AddressRange> parts = {addresses};
  if (in_range(addresses, ipv4_wildcard)) {
    ImportedRule about_ipv4 = about;
    if (!deny && binds.ipv6)
      about_ipv4.remarks.emplace_back(mapped_remark);
    if (!deny && !pacl_addr_equal(addresses.last, ipv4.last))
      about_ipv4.remarks.emplace_back(ipv4_wildcard_remark);
    conditional.prefix = ipv4_wildcard;
    conditional.prefix_len = 96;
    add_ports(conditional, ports, about_ipv4);
    parts.clear();
    if (address_less(addresses.first, ipv4.first))
      parts.push_back({addresses.first, {0, ipv4.first.lo - 1}});
    if (address_less(ipv4.last, addresses.last))
      parts.push_back({{0, ipv4.last.lo + 1}, addresses.last});
  }
  for (const AddressRange &part : parts) {
    for (const AddressPrefix &prefix : prefixes_of(part)) {
      conditional.prefix = prefix.address;
      conditional.prefix_len = prefix.length;
      ImportedRule about_prefix = about;
      if (!deny && binds.ipv6 && in_range(ipv4, prefix.address))
        about_prefix.remarks.emplace_back(mapped_remark);
      add_ports(conditional, ports, about_prefix);
    }
  }
}

// Who is refused by a file that lets others in.
Outsiders AuthbindImporter::outsiders(const ExecuteRights &rights) const {
  Outsiders refused;
  if (!rights.owner_may && rights.owner != 0)
    refused.users.push_back(rights.owner);
  for (const auto &[uid, allowed] : rights.users) {
    if (!allowed && uid != 0)
      refused.users.push_back(uid);
  }
  for (const auto &[gid, allowed] : rights.groups) {
    if (allowed)
      continue;
    if (gid == 0)
      refused.root_group = true;
    else
      refused.groups.push_back(gid);
  }
  return refused;
}

// Whether refusing the groups would refuse somebody whom the file lets in.
bool AuthbindImporter::mixed(const ExecuteRights &rights,
                             const Outsiders &refused) {
  const auto is_member = [&](uint32_t uid) {
    return std::ranges::any_of(groups_of(uid), [&](uint32_t gid) {
      return std::ranges::count(refused.groups, gid) != 0;
    });
  };
  if (refused.groups.empty())
    return false;
  return (rights.owner_may && rights.owner != 0 && is_member(rights.owner)) ||
         std::ranges::any_of(rights.users,
                             [&](const auto &user) {
                               return user.second && is_member(user.first);
                             }) ||
         std::ranges::any_of(rights.groups,
                             [](const auto &group) { return group.second; });
}

// Whether a deny for a wildcard, which is one for all of its addresses, would
// take what another file or line gives.
bool AuthbindImporter::granted_elsewhere(const pacl_rule &deny, uint16_t port,
                                         const pacl_addr &wildcard) {
  const bool both = pacl_addr_equal(wildcard, ipv6_wildcard);
  const auto is_subject = [&](uint32_t uid) {
    if (deny.kind == PACL_USER)
      return uid == deny.id;
    const auto groups = groups_of(uid);
    return std::ranges::count(groups, deny.id) != 0;
  };
  const AddressRange ipv4 = range_of({ipv4_wildcard, 96});
  const bool by_file =
      std::ranges::any_of(authbind_.byaddr, [&](const auto &entry) {
        const auto &[address, file] = entry;
        return address.port == port &&
               !pacl_addr_equal(address.address, wildcard) &&
               (both || in_range(ipv4, address.address)) &&
               (deny.kind == PACL_USER ? may(file.rights, deny.id)
                                       : !nobody_may(file.rights));
      });
  return by_file ||
         std::ranges::any_of(authbind_.lines, [&](const AuthbindLine &line) {
           return line.ports.first <= port && port <= line.ports.last &&
                  (both || intersection(ipv4, line.addresses)) &&
                  is_subject(line.uid);
         });
}

// One rule of a file; what a directory keeps it from is left to the
// administrator.
void AuthbindImporter::subject(const AuthbindFile &file,
                               const BindAddresses *addresses,
                               const Doors &doors, const pacl_rule &rule,
                               ImportedRule about) {
  about.origin = file.path;
  if (rule.action == PACL_ALLOW) {
    if (const AuthbindDoor *door = closed_to(rule, doors)) {
      about.active = false;
      about.remarks.push_back(
          fmt::format("not everybody whom the rule is for can search {}, and "
                      "authbind refuses who cannot",
                      door->path));
      warn(file.path, fmt::format("grants only those who can search {}: its "
                                  "rule is commented out",
                                  door->path));
    }
  } else if (addresses != nullptr && is_any_wildcard(addresses->range.first)) {
    about.remarks.emplace_back(
        "refuses every address, also those that lines in byuid grant");
    if (granted_elsewhere(rule, file.port, addresses->range.first)) {
      about.active = false;
      warn(file.path,
           fmt::format("refuses the wildcard with port {} to somebody who is "
                       "granted another address: its deny is commented out, "
                       "as it would refuse that, too",
                       file.port));
    }
  }
  PortSet ports;
  ports.set(file.port);
  if (addresses == nullptr)
    add_ports(rule, ports, about);
  else
    add_addresses(rule, ports, *addresses, about);
}

void AuthbindImporter::everybody(const AuthbindFile &file,
                                 const BindAddresses *addresses,
                                 const Doors &doors) {
  const ExecuteRights &rights = file.rights;
  const Outsiders refused = outsiders(rights);
  ImportedRule about;
  about.active = !mixed(rights, refused);
  about.remarks.emplace_back(
      "everybody may execute the file: every user may bind the port");
  if (rights.owner != 0 && rights.owner_may) {
    const auto owner = names_.user(rights.owner);
    about.remarks.push_back(fmt::format(
        "if only its owner was meant: allow user {} {}{}",
        owner ? quote_name(owner->name) : std::to_string(rights.owner),
        file.port, tcp_only_ ? "/tcp" : ""));
  }
  if (refused.root_group)
    about.remarks.emplace_back("members of group 0 other than root were "
                               "refused; a deny would bind root under strict");
  if (!about.active)
    about.remarks.emplace_back(
        "but groups that are refused have members who are let in, which no "
        "rule can say: name those who need the port");
  warn(file.path,
       about.active
           ? fmt::format("executable for everybody: every user may bind port "
                         "{}",
                         file.port)
           : "lets in everybody but groups whose members it lets in partly: "
             "the rule for everybody is commented out");
  subject(file, addresses, doors, rule(PACL_ALLOW, PACL_ANY, 0), about);
}

void AuthbindImporter::file(const AuthbindFile &file,
                            const BindAddresses *addresses,
                            const Doors &doors) {
  const ExecuteRights &rights = file.rights;
  if (nobody_may(rights)) {
    warn(file.path,
         fmt::format("nobody but root may execute it, so that authbind refuses "
                     "{} {} to all",
                     addresses == nullptr ? "port" : "this address with port",
                     file.port));
    return;
  }
  if (rights.others)
    everybody(file, addresses, doors);
  const Outsiders refused = outsiders(rights);
  const bool for_all = rights.others && !mixed(rights, refused);
  bool group_allowed = false;
  if (!for_all) {
    if (rights.owner_may && rights.owner != 0)
      subject(file, addresses, doors,
              rule(PACL_ALLOW, PACL_USER, rights.owner));
    for (const auto &[uid, allowed] : rights.users) {
      if (allowed && uid != 0)
        subject(file, addresses, doors, rule(PACL_ALLOW, PACL_USER, uid));
    }
    for (const auto &[gid, allowed] : rights.groups) {
      if (allowed)
        subject(file, addresses, doors, rule(PACL_ALLOW, PACL_GROUP, gid));
      group_allowed = group_allowed || allowed;
    }
  }
  if (!for_all && !group_allowed)
    return;
  ImportedRule about;
  about.remarks.emplace_back("the file refuses them, although others whom it "
                             "lets in may include them");
  if (addresses != nullptr)
    about.remarks.emplace_back(
        "a deny refuses sockets on the wildcards, too, as these receive what "
        "comes for the address");
  for (const uint32_t uid : refused.users)
    subject(file, addresses, doors, rule(PACL_DENY, PACL_USER, uid), about);
  if (for_all) {
    for (const uint32_t gid : refused.groups)
      subject(file, addresses, doors, rule(PACL_DENY, PACL_GROUP, gid), about);
  }
}

// The ports of a line that no file in byport decides.
PortSet AuthbindImporter::undecided(const AuthbindLine &line) {
  PortSet ports;
  portacl::add_ports(ports, line.ports);
  PortSet refused;
  for (const auto &[port, file] : authbind_.byport) {
    if (!ports.test(port))
      continue;
    ports.reset(port);
    refused.set(port, !may(file.rights, line.uid));
  }
  if (refused.any())
    warn(line.path,
         fmt::format("files in {}/byport refuse this user port {}, whatever "
                     "the line says",
                     authbind_directory, port_list(refused)),
         line.line);
  return ports;
}

// The addresses of a line that a file refuses to its user.
std::vector<pacl_addr> AuthbindImporter::holes(const AuthbindLine &line,
                                               uint16_t port) {
  std::vector<pacl_addr> found;
  const auto first =
      authbind_.byaddr.lower_bound({port, line.ipv6, line.addresses.first});
  for (auto at = first; at != authbind_.byaddr.end(); ++at) {
    if (at->first.port != port || at->first.ipv6 != line.ipv6 ||
        !in_range(line.addresses, at->first.address))
      break;
    if (may(at->second.rights, line.uid))
      continue;
    found.push_back(at->first.address);
    warn(line.path,
         fmt::format("{} refuses its address with port {} to this user, "
                     "whatever the line says",
                     printable(at->second.path), port),
         line.line);
  }
  return found;
}

void AuthbindImporter::add_line(const AuthbindLine &line, const PortSet &ports,
                                std::vector<pacl_addr> holes) {
  const pacl_rule allow = rule(PACL_ALLOW, PACL_USER, line.uid);
  ImportedRule about{.rule = {},
                     .origin = fmt::format("{}:{}", line.path, line.line)};
  if (line.clipped)
    about.remarks.push_back(fmt::format(
        "other ports of the line are not asked for in this file, but in {}",
        line.ports.first < 512 ? "that with '!'" : "that without '!'"));
  // What must be said for the wildcard holds for all of the family.
  if (in_range(line.addresses, line.ipv6 ? ipv6_wildcard : ipv4_wildcard) &&
      std::ranges::none_of(holes, is_any_wildcard)) {
    for (const pacl_addr &hole : holes)
      about.remarks.push_back(
          fmt::format("this includes {}, which authbind refuses; who may bind "
                      "the wildcard receives what comes for it anyway",
                      address_text(hole)));
    add_addresses(allow, ports, {line.addresses, line.ipv6}, about);
    return;
  }
  for (const AddressRange &part : without(line.addresses, std::move(holes)))
    add_addresses(allow, ports, {part, line.ipv6}, about);
}

void AuthbindImporter::line(const AuthbindLine &line, const Doors &doors) {
  const pacl_rule allow = rule(PACL_ALLOW, PACL_USER, line.uid);
  if (const AuthbindDoor *door = closed_to(allow, doors)) {
    warn(line.path,
         fmt::format("has no effect: this user cannot search {}", door->path),
         line.line);
    return;
  }
  const PortSet ports = undecided(line);
  std::map<uint16_t, std::vector<pacl_addr>> with_holes;
  PortSet whole = ports;
  for (const PortRange &range : port_ranges(ports)) {
    for (uint32_t port = range.first; port <= range.last; port++) {
      auto found = holes(line, static_cast<uint16_t>(port));
      if (found.empty())
        continue;
      whole.reset(port);
      with_holes[static_cast<uint16_t>(port)] = std::move(found);
    }
  }
  add_line(line, whole, {});
  for (auto &[port, found] : with_holes) {
    PortSet one;
    one.set(port);
    add_line(line, one, std::move(found));
  }
}

Imported AuthbindImporter::run() {
  imported_.warnings = authbind_.warnings;
  Doors doors = {&authbind_.top};
  if (authbind_.byport_door)
    doors.push_back(&*authbind_.byport_door);
  for (const auto &[port, entry] : authbind_.byport)
    file(entry, nullptr, doors);
  if (authbind_.byaddr_door)
    doors.push_back(&*authbind_.byaddr_door);
  for (const auto &[address, entry] : authbind_.byaddr) {
    const BindAddresses only = {{address.address, address.address},
                                address.ipv6};
    file(entry, &only, doors);
  }
  // Of a line that comes again each rule would.
  std::map<std::tuple<uint32_t, bool, uint64_t, uint64_t, uint64_t, uint64_t,
                      uint16_t, uint16_t>,
           const AuthbindLine *>
      taken;
  for (const AuthbindLine &entry : authbind_.lines) {
    const AddressRange &range = entry.addresses;
    const auto [first, is_new] = taken.try_emplace(
        {entry.uid, entry.ipv6, range.first.hi, range.first.lo, range.last.hi,
         range.last.lo, entry.ports.first, entry.ports.last},
        &entry);
    if (!is_new) {
      warn(entry.path,
           fmt::format("says what line {} says", first->second->line),
           entry.line);
      continue;
    }
    if (imported_.rules.size() >= PACL_MAX_RULES) {
      warn(entry.path, "left out from here on: more than a policy can hold",
           entry.line);
      break;
    }
    line(entry, doors);
  }
  if (imported_.rules.empty())
    return std::move(imported_);
  imported_.notes.emplace_back(
      "authbind asks who the real user is, portacl who the effective one is: "
      "they differ in set-uid programs only, for which authbind does not "
      "work.");
  imported_.notes.emplace_back(
      "A rule for an IPv4 address is also for sockets of IPv6 on its form "
      "::ffff:a.b.c.d.");
  if (!tcp_only_)
    imported_.notes.emplace_back(
        "As with authbind, ports are those of every transport; --tcp-only "
        "prints rules for TCP alone.");
  imported_.steps.push_back(
      {.what = "start the programs without authbind in front of them, then "
               "remove its package",
       .command = "apt-get purge authbind"});
  return std::move(imported_);
}

} // namespace

Imported authbind_rules(const Authbind &authbind, Names &names, bool tcp_only) {
  return AuthbindImporter(authbind, names, tcp_only).run();
}

Result<Imported> import_authbind(const Context &context) {
  const auto authbind = read_authbind(context.root);
  if (!authbind)
    return authbind.error();
  Imported imported =
      authbind_rules(*authbind, context.names, context.options.tcp_only);
  for (Error &warning : imported.warnings)
    warning.file = printable(context.root) + warning.file;
  // A command would remove this machine's.
  if (!context.options.root.empty()) {
    for (ImportStep &step : imported.steps)
      step.command.clear();
  }
  return imported;
}

} // namespace portacl
