// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/refusals.h"
#include "lib/policy.h"
#include "lib/port_set.h"
#include "lib/text.h"
#include "lib/times.h"

namespace portacl {

namespace {

// Who tries more ports than a service has, or more addresses than a machine,
// is not asking for a rule.
constexpr size_t many_ports = 16;
constexpr size_t most_addresses = 16;

struct Tally {
  uint64_t count = 0;
  uint64_t last = 0; // microseconds since the epoch
  std::set<std::string> programs = {};

  void add(const Event &event) {
    count++;
    last = std::max(last, event.time);
    programs.insert(program_name(event.by));
  }
  void add(const Tally &other) {
    count += other.count;
    last = std::max(last, other.last);
    programs.insert(other.programs.begin(), other.programs.end());
  }
};

// What was tried at one port.
struct Attempts {
  std::array<bool, PACL_PROTOS> protocols{};
  Tally tally;

  // Whether the rule should name this protocol; PACL_PROTO_ANY: none.
  bool wants(uint8_t protocol) const {
    const bool both = protocols[PACL_PROTO_TCP] && protocols[PACL_PROTO_UDP];
    const bool any = protocols[PACL_PROTO_ANY] || both;
    return any ? protocol == PACL_PROTO_ANY : protocols.at(protocol);
  }
  bool covered_by(const Attempts &other) const {
    for (size_t i = 0; i < protocols.size(); i++) {
      if (protocols.at(i) && !other.wants(PACL_PROTO_ANY) &&
          !other.protocols.at(i))
        return false;
    }
    return true;
  }
};

using Ports = std::map<uint16_t, Attempts>;
// By address; that of all of them is empty, and the first.
using Addresses = std::map<std::string, Ports>;

struct Denied {
  PortSet ports;
  Tally tally;
};

struct Wishes {
  std::map<uint32_t, Addresses> users;
  std::map<std::pair<std::string, uint32_t>, Denied> denied; // by rule, uid
  uint64_t lost = 0;
};

struct Suggestion {
  std::string rule = {}; // canonical text
  Tally tally = {};
  size_t ports = 0;
};

struct Suggestions {
  std::vector<Suggestion> rules;
  std::map<uint32_t, size_t> more_addresses; // of a uid, left out
};

void add_refusal(Wishes &wishes, Retry &retry, const Event &event,
                 const Refusal &refusal) {
  const uint32_t uid = event.by.uid;
  const Decision now = retry.decide(uid, refusal);
  if (retry.passes(refusal, now))
    return;
  if (now.verdict == PACL_DENIED) {
    Denied &denied = wishes.denied[{now.rule, uid}];
    denied.ports.set(refusal.port);
    denied.tally.add(event);
    return;
  }
  const std::string address =
      is_wildcard(refusal.address) ? "" : address_text(refusal.address);
  Attempts &attempts = wishes.users[uid][address][refusal.port];
  attempts.protocols.at(refusal.protocol) = true;
  attempts.tally.add(event);
}

Wishes collect(Retry &retry, const std::vector<Event> &events) {
  Wishes wishes;
  for (const Event &event : events) {
    if (const auto *refusal = std::get_if<Refusal>(&event.what))
      add_refusal(wishes, retry, event, *refusal);
    else if (const auto *lost = std::get_if<Lost>(&event.what))
      wishes.lost += lost->any_audit ? 0 : lost->count;
  }
  return wishes;
}

// A rule for all addresses is enough.
void drop_covered(Addresses &addresses) {
  const auto all = addresses.find("");
  if (all == addresses.end())
    return;
  for (auto entry = std::next(all); entry != addresses.end();) {
    std::erase_if(entry->second, [&all](const auto &port) {
      const auto same = all->second.find(port.first);
      const bool covered =
          same != all->second.end() && port.second.covered_by(same->second);
      if (covered)
        same->second.tally.add(port.second.tally);
      return covered;
    });
    entry = entry->second.empty() ? addresses.erase(entry) : std::next(entry);
  }
}

Suggestion make_suggestion(uint32_t uid, const std::string &address,
                           uint8_t protocol, const PortSet &set,
                           const Ports &ports) {
  std::string text = fmt::format("allow user {} {}", uid, port_list(set));
  if (protocol != PACL_PROTO_ANY)
    text += fmt::format("/{}", pacl_proto_name(protocol));
  if (!address.empty())
    text += " on " + address;
  Suggestion suggestion{.rule = rule_text(rule_from_text(text)),
                        .ports = set.count()};
  for (const auto &[port, attempts] : ports) {
    if (set[port])
      suggestion.tally.add(attempts.tally);
  }
  return suggestion;
}

// As many rules as it takes: none may have more items than the kernel takes.
void add_suggestions(std::vector<Suggestion> &suggestions, uint32_t uid,
                     const std::string &address, const Ports &ports) {
  for (uint8_t protocol = 0; protocol < PACL_PROTOS; protocol++) {
    PortSet wanted;
    for (const auto &[port, attempts] : ports)
      wanted[port] = attempts.wants(protocol);
    const auto ranges = port_ranges(wanted);
    for (size_t at = 0; at < ranges.size(); at += PACL_MAX_ITEMS) {
      PortSet part;
      for (size_t i = at; i < std::min(at + PACL_MAX_ITEMS, ranges.size()); i++)
        add_ports(part, ranges[i]);
      suggestions.push_back(
          make_suggestion(uid, address, protocol, part, ports));
    }
  }
}

Suggestions suggest(Wishes &wishes) {
  Suggestions suggestions;
  for (auto &[uid, addresses] : wishes.users) {
    drop_covered(addresses);
    size_t count = 0;
    for (const auto &[address, ports] : addresses) {
      if (count++ < most_addresses)
        add_suggestions(suggestions.rules, uid, address, ports);
      else
        suggestions.more_addresses[uid]++;
    }
  }
  return suggestions;
}

std::string tally_text(const Tally &tally) {
  constexpr size_t shown = 3;
  std::string programs;
  size_t count = 0;
  for (const std::string &program : tally.programs) {
    if (count++ == shown) {
      programs += fmt::format(" and {} more", tally.programs.size() - shown);
      break;
    }
    programs += (programs.empty() ? "" : ", ") + program;
  }
  return fmt::format("refused {}, last {}, by {}", counted(tally.count, "time"),
                     iso_time(tally.last / 1000000), programs);
}

bool is_trusted(const pacl_rule &rule) {
  constexpr unsigned first = 512;
  constexpr unsigned last = 1023;
  for (unsigned i = 0; i < rule.count; i++) {
    if (rule.range[i].lo <= last && rule.range[i].hi >= first)
      return true;
  }
  return false;
}

std::string rule_lines(const Context &context, const Suggestion &suggestion) {
  std::string text = fmt::format("\n# {}\n", tally_text(suggestion.tally));
  if (suggestion.ports > many_ports)
    text +=
        fmt::format("# {} of one user: a search for a free one, or a scan\n",
                    counted(suggestion.ports, "port"));
  if (is_trusted(rule_from_text(suggestion.rule)))
    text += "# old protocols, such as NFS and the r-commands, trust clients at "
            "ports 512-1023\n";
  bool unresolved = false;
  const std::string rule = show_rule(context, suggestion.rule, unresolved);
  return text + rule + (unresolved ? " # unresolved\n" : "\n");
}

std::string denied_lines(const Context &context, const std::string &rule,
                         uint32_t uid, const Denied &denied) {
  bool unresolved = false;
  const std::string command =
      printable(shell_command("remove", show_rule(context, rule, unresolved)));
  return fmt::format("\n# {}: {} on {}\n"
                     "# an allow would not help, a deny goes before it; to end "
                     "that, run:\n#   {}\n",
                     tally_text(denied.tally), describe_uid(context, uid),
                     port_list(denied.ports), command);
}

void print_text(const Context &context, const Wishes &wishes,
                const Suggestions &suggestions) {
  const bool legend = !context.options.no_legend;
  std::string text;
  if (legend)
    text =
        "# What was refused since boot, as rules to review; nothing has been "
        "changed.\n";
  for (const Suggestion &suggestion : suggestions.rules)
    text += rule_lines(context, suggestion);
  for (const auto &[key, denied] : wishes.denied)
    text += denied_lines(context, key.first, key.second, denied);
  for (const auto &[uid, count] : suggestions.more_addresses)
    text += fmt::format("\n# {} was refused on {} more: portaclctl log\n",
                        describe_uid(context, uid),
                        count == 1 ? "a single address"
                                   : fmt::format("{} single addresses", count));
  if (wishes.lost > 0)
    text += fmt::format("\n# {} not recorded, there may be more to allow\n",
                        wishes.lost == 1
                            ? "one more refusal was"
                            : fmt::format("{} more were", wishes.lost));
  if (legend && suggestions.rules.empty())
    text += "\n# No rule to suggest.\n";
  else if (legend)
    text += "\n# To use one: portaclctl allow ..., in the same words. To use "
            "them all, put them\n# into a file in /etc/portacl.d and run: "
            "portaclctl apply\n";
  context.console.text(text);
}

Json tally_json(const Tally &tally) {
  return {{"refused", tally.count},
          {"last", iso_time(tally.last / 1000000)},
          {"programs", tally.programs}};
}

void print_json(const Context &context, const Wishes &wishes,
                const Suggestions &suggestions) {
  Json rules = Json::array();
  for (const Suggestion &suggestion : suggestions.rules) {
    Json item = rule_json(context, suggestion.rule);
    item.update(tally_json(suggestion.tally));
    rules.push_back(item);
  }
  Json denied = Json::array();
  for (const auto &[key, value] : wishes.denied) {
    const auto user = context.names.user(key.second);
    Json ports = Json::array();
    for (const PortRange &range : port_ranges(value.ports))
      ports.push_back({{"first", range.first}, {"last", range.last}});
    Json item = {{"user", user ? Json(user->name) : Json()},
                 {"uid", key.second},
                 {"ports", ports},
                 {"denied_by", rule_json(context, key.first)}};
    item.update(tally_json(value.tally));
    denied.push_back(item);
  }
  Json more = Json::array();
  for (const auto &[uid, count] : suggestions.more_addresses) {
    const auto user = context.names.user(uid);
    more.push_back({{"user", user ? Json(user->name) : Json()},
                    {"uid", uid},
                    {"addresses", count}});
  }
  context.console.json("suggest", {{"sources", context.events.sources()},
                                   {"rules", rules},
                                   {"denied", denied},
                                   {"left_out", more},
                                   {"lost", wishes.lost}});
}

} // namespace

int cmd_suggest(const Context &context) {
  if (!context.options.root.empty())
    return fail(context, usage("suggest does not go with --root"));
  auto retry = Retry::make(context);
  if (!retry)
    return fail(context, retry.error());
  const auto events = context.events.open({.this_boot = true});
  if (!events)
    return fail(context, events.error());
  tell_sources(context);
  warn_of_files_only(context, retry->in_force());
  Wishes wishes = collect(*retry, *events);
  const Suggestions suggestions = suggest(wishes);
  if (context.console.wants_json())
    print_json(context, wishes, suggestions);
  else
    print_text(context, wishes, suggestions);
  return static_cast<int>(Code::done);
}

} // namespace portacl
