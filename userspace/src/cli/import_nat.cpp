// SPDX-License-Identifier: GPL-2.0-only

#include "cli/import.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>
#include <netinet/in.h>

#include "cli/describe.h"
#include "cli/holders.h"
#include "cli/packet_filter.h"
#include "lib/text.h"

namespace portacl {

namespace {

// Who is redirected so many ports is no server of each of them.
constexpr size_t most_redirected_ports = 64;

// What is redirected to one user, as one rule says it.
struct Redirected {
  std::optional<uint32_t> uid = {}; // empty: nobody listens
  std::string protocol = {};
  std::string ports = {}; // "80", "443,8443"
  std::string to = {};    // "8080", "6000-6010"
  std::string on = {};    // a prefix, or empty
  unsigned families = 0;
  std::vector<PortRange> ranges = {}; // the ports
  bool unlimited = false;             // by one of the redirects at least
  bool many = false;                  // ports
  bool several = false;               // users
  std::set<std::string> limits = {};
  std::vector<std::string> programs = {}; // "nginx (pid 912)"
  std::vector<const PacketRedirect *> by = {};
  std::set<const PacketRedirect *> known_by = {};

  // Equal for one rule.
  auto key() const { return std::tuple(uid, protocol, ports, to, on); }
  // Whether his program has to be told to listen elsewhere.
  bool moves() const { return uid && !many && !several; }

  void add(const PacketRedirect *redirect) {
    if (known_by.insert(redirect).second)
      by.push_back(redirect);
  }
};

template <class Value>
void add_once(std::vector<Value> &list, const Value &value) {
  if (std::ranges::count(list, value) == 0)
    list.push_back(value);
}

// More of a kind say nothing new.
constexpr size_t most_said = 10;

// What one command, or one change by hand, removes.
const std::string &removal_of(const PacketRedirect &redirect) {
  return redirect.remove.empty() ? redirect.place : redirect.remove;
}

PortRange range_to(const PacketRedirect &redirect) {
  return redirect.target.ports.value_or(PortRange{});
}

class NatImport final {
public:
  NatImport(const Context &context, const PacketFilter &filter)
      : context_(context), filter_(filter) {}

  Imported run() {
    imported_.warnings = filter_.warnings;
    find_listeners();
    const uint64_t start = unprivileged_start(context_);
    for (const PacketRedirect &redirect : filter_.redirects) {
      PacketRedirect low = redirect;
      low.packets.ports = low_ports(redirect.packets.ports, start);
      if (!low.packets.ports.empty() && leads_elsewhere(low))
        expand(low, redirect);
    }
    if (said_.size() > most_said)
      imported_.warnings.push_back(
          {.code = Code::attention,
           .message = fmt::format("{} more go to other machines: no rules",
                                  said_.size() - most_said)});
    join_prefixes();
    note_removals();
    for (const Redirected &found : found_)
      say(found);
    if (reload_)
      add_step({.what = "put firewalld's configuration into force",
                .command = "firewall-cmd --reload"});
    return std::move(imported_);
  }

private:
  void find_listeners() {
    const auto wanted = [this](const Socket &socket, const NetNamespace &) {
      return std::ranges::any_of(
          filter_.redirects, [&socket](const PacketRedirect &redirect) {
            const PortRange to = range_to(redirect);
            return to.first <= socket.port && socket.port <= to.last;
          });
    };
    auto listeners = read_listeners(context_.sockets, context_.root + "/proc",
                                    false, wanted);
    if (listeners) {
      listeners_ = std::move(*listeners);
      return;
    }
    Error error = listeners.error();
    error.hint = "who listens where packets are redirected to is not known";
    // A tree of files has no processes.
    if (context_.options.root.empty())
      imported_.warnings.push_back(std::move(error));
  }

  // Whether to another port of this machine; what else happens is said.
  bool leads_elsewhere(const PacketRedirect &redirect) {
    const PacketTarget &target = redirect.target;
    if (!stays_here(filter_, redirect)) {
      const std::string text = fmt::format(
          "{} goes to {}, which is not an address of this machine: no rule",
          packet_ports(redirect.packets), printable(target.address));
      if (said_.insert(text).second && said_.size() <= most_said)
        imported_.warnings.push_back(
            {.code = Code::attention, .message = text});
      return false;
    }
    if (!target.ports)
      return false;
    const std::vector<PortRange> to = {*target.ports};
    return redirect.packets.ports != to;
  }

  // A range that is mapped port by port leads each to another listener.
  void expand(const PacketRedirect &low, const PacketRedirect &redirect) {
    if (!low.target.base || port_count(low.packets) > most_redirected_ports)
      return find_users(low, redirect);
    const PortRange to = range_to(low);
    for (const PortRange &range : low.packets.ports) {
      for (uint32_t port = range.first; port <= range.last; port++) {
        const int64_t at = int64_t{port} - *low.target.base + to.first;
        if (at < to.first || at > to.last)
          continue;
        PacketRedirect one = low;
        const auto from = static_cast<uint16_t>(port);
        const auto target = static_cast<uint16_t>(at);
        one.packets.ports = {{from, from}};
        one.target = {.address = low.target.address,
                      .ports = PortRange{target, target}};
        find_users(one, redirect);
      }
    }
  }

  static size_t port_count(const Packets &packets) {
    size_t count = 0;
    for (const PortRange &range : packets.ports)
      count += size_t{range.last} - range.first + 1;
    return count;
  }

  // A socket of IPv6 for all addresses gets what IPv4 has, too, unless another
  // could be bound beside it.
  bool has_ip4(const Listener &listener) const {
    return listener.family == AF_INET ||
           (address_text(listener.address) == "::" &&
            std::ranges::none_of(listeners_.found,
                                 [&listener](const Listener &other) {
                                   return other.family == AF_INET &&
                                          other.port == listener.port &&
                                          other.protocol == listener.protocol;
                                 }));
  }

  bool receives(const Listener &listener,
                const PacketRedirect &redirect) const {
    const Packets &packets = redirect.packets;
    const PortRange to = range_to(redirect);
    if (listener.port < to.first || listener.port > to.last)
      return false;
    const std::string_view protocol = pacl_proto_name(listener.protocol);
    const bool is_ip6 = packets.families == family_ip6;
    for (size_t i = 0; i < packet_protocols.size(); i++) {
      if ((packets.protocols & 1U << i) != 0 &&
          protocol != packet_protocols.at(i))
        return false;
    }
    const std::string address = address_text(listener.address);
    if (is_ip6 ? listener.family != AF_INET6 : !has_ip4(listener))
      return false;
    const std::string &target = redirect.target.address;
    // What comes in from elsewhere is never sent there by itself.
    const bool loopback = address.starts_with("127.") || address == "::1";
    if (loopback && target.empty() && !redirect.outgoing && !packets.aside)
      return false;
    return address == "0.0.0.0" || address == "::" || target.empty() ||
           address == target;
  }

  void find_users(const PacketRedirect &redirect,
                  const PacketRedirect &original) {
    std::vector<const Listener *> receivers;
    std::set<uint32_t> uids;
    for (const Listener &listener : listeners_.found) {
      if (!receives(listener, redirect))
        continue;
      receivers.push_back(&listener);
      uids.insert(listener.creator);
    }
    for (const Listener *receiver : receivers) {
      const Listener &listener = *receiver;
      Redirected &found = entry(redirect, original, listener.creator);
      found.several = found.several || uids.size() > 1;
      if (listener.pid != 0)
        add_once(found.programs,
                 fmt::format("{} (pid {})", printable(listener.program),
                             listener.pid));
    }
    if (receivers.empty())
      entry(redirect, original, std::nullopt);
  }

  Redirected &entry(const PacketRedirect &redirect,
                    const PacketRedirect &original,
                    std::optional<uint32_t> uid) {
    const Packets &packets = redirect.packets;
    Packets ports_only{.protocols = 0, .ports = packets.ports};
    Redirected found{.uid = uid,
                     .ports = packet_ports(ports_only),
                     .to = range_text(range_to(redirect)),
                     .ranges = packets.ports};
    for (size_t i = 0; i < packet_protocols.size(); i++) {
      if ((packets.protocols & 1U << i) != 0)
        found.protocol = packet_protocols.at(i);
    }
    std::vector<std::string> limits = packets.limits;
    if (!packets.destination.empty()) {
      // What is no prefix of the language would be no rule.
      constexpr std::string_view prefix = "0123456789abcdefABCDEF.:/";
      const bool plain =
          packets.destination.find_first_not_of(prefix) == std::string::npos;
      const std::string line = "allow any 1 on " + packets.destination;
      if (plain && parse_rule(line, context_.names))
        found.on = packets.destination;
      else
        limits.push_back("to " + packets.destination);
    }
    const auto [at, added] = index_.try_emplace(found.key(), found_.size());
    if (added)
      found_.push_back(std::move(found));
    Redirected &entry = found_[at->second];
    entry.many = port_count(packets) > most_redirected_ports;
    entry.families |= packets.families;
    entry.unlimited = entry.unlimited || limits.empty();
    if (!limits.empty())
      entry.limits.insert(fmt::format("{}", fmt::join(limits, " and ")));
    entry.add(&original);
    return entry;
  }

  // One that is for some addresses says nothing beside one that is for all.
  void join_prefixes() {
    for (Redirected &found : found_) {
      auto key = found.key();
      std::get<4>(key).clear(); // the prefix
      const auto same = index_.find(key);
      if (found.on.empty() || same == index_.end())
        continue;
      Redirected &whole = found_[same->second];
      if (!whole.unlimited)
        continue;
      for (const PacketRedirect *by : found.by)
        whole.add(by);
      found.by.clear();
    }
    std::erase_if(found_,
                  [](const Redirected &found) { return found.by.empty(); });
  }

  void note_removals() {
    for (const PacketRedirect &redirect : filter_.redirects)
      removals_[removal_of(redirect)].push_back(&redirect);
    for (const Redirected &found : found_) {
      if (found.moves())
        add_to(moved_[found.protocol], found.ranges);
    }
  }

  static void add_to(PortSet &ports, const std::vector<PortRange> &ranges) {
    for (const PortRange &range : ranges)
      add_ports(ports, range);
  }

  static std::string terms(const Redirected &found) {
    return fmt::format("{}/{}{}", found.ports, found.protocol,
                       found.on.empty() ? "" : " on " + found.on);
  }

  // The rule as the language has it; the uid is a number.
  std::string rule_of(const Redirected &found) const {
    if (!found.uid)
      return fmt::format("allow user NAME {}", terms(found));
    const auto rule =
        parse_rule(fmt::format("allow user {} {}", *found.uid, terms(found)),
                   context_.names);
    bool unresolved = false;
    return rule && *rule
               ? show_rule(context_, (*rule)->numeric, unresolved)
               : fmt::format("allow user {} {}", *found.uid, terms(found));
  }

  void say(const Redirected &found) {
    const bool is_root = found.uid && *found.uid == 0;
    ImportedRule rule{.rule = rule_of(found),
                      .origin = origins(found),
                      .active = found.moves() && !is_root};
    rule.remarks.push_back(
        found.uid
            ? fmt::format("goes to {}, which {} has", found.to, holder(found))
            : fmt::format("goes to {}, where nobody listens "
                          "now: put in who does",
                          found.to));
    if (is_root)
      rule.remarks.emplace_back("root needs no rule, unless strict is on");
    if (found.many)
      rule.remarks.emplace_back("so many ports look like a proxy, which need "
                                "not bind them: decide yourself");
    if (found.several)
      rule.remarks.emplace_back("several users listen there: decide");
    say_limits(found, rule);
    imported_.rules.push_back(std::move(rule));
    if (found.moves())
      say_steps(found);
  }

  std::string holder(const Redirected &found) const {
    const std::string user = user_label(context_, *found.uid);
    return found.programs.empty()
               ? user
               : fmt::format("{} of {}", fmt::join(found.programs, ", "), user);
  }

  static std::string origins(const Redirected &found) {
    std::set<std::string> known;
    std::vector<std::string> places;
    for (const PacketRedirect *by : found.by) {
      if (known.insert(by->place).second)
        places.push_back(by->place);
    }
    return fmt::format("{}", fmt::join(places, "\n"));
  }

  void say_limits(const Redirected &found, ImportedRule &rule) {
    if (!found.unlimited) {
      std::string limits;
      size_t said = 0;
      for (const std::string &limit : found.limits) {
        if (said++ < most_said)
          limits += (limits.empty() ? "" : ", or ") + limit;
      }
      if (said > most_said)
        limits += fmt::format(", or {} other kinds", said - most_said);
      rule.remarks.push_back(fmt::format(
          "only for packets {}: a rule cannot say that, this one is for all",
          limits));
      if (rule.active)
        imported_.warnings.push_back(
            {.code = Code::attention,
             .message =
                 fmt::format("{} is redirected only for packets {}, which "
                             "a rule cannot say",
                             terms(found), excerpt(limits))});
    }
    for (size_t i = 0; i < family_names.size(); i++) {
      if (found.families == 1U << i && found.on.empty())
        rule.remarks.push_back(
            fmt::format("only {} is redirected, the rule is for {}, too",
                        family_names.at(i), family_names.at(1 - i)));
    }
  }

  void add_step(ImportStep step) {
    if (known_steps_.insert({step.what, step.command}).second)
      imported_.steps.push_back(std::move(step));
  }

  void say_steps(const Redirected &found) {
    add_step({.what = fmt::format(
                  "let {} listen on {}{} instead of {}, by its configuration",
                  holder(found), found.on.empty() ? "" : found.on + " port ",
                  found.ports + "/" + found.protocol, found.to)});
    say_drops(found);
    for (const PacketRedirect *by : found.by) {
      // Several redirects are one rule where it has a set or a map.
      if (!by->remove.empty() && !removed_.insert(by->remove).second)
        continue;
      const std::string what = fmt::format(
          "remove the redirect of {}/{} to {}{}{}", found.ports, found.protocol,
          found.to, by->remove.empty() ? " by hand: " + by->place : "",
          ends_too(*by));
      if (by->remove.empty())
        add_step({.what = what});
      else
        add_commands(what, by->remove);
      say_saved(*by);
    }
  }

  // firewalld reads its configuration once, at the end.
  void add_commands(const std::string &what, const std::string &lines) {
    for (const std::string_view line : split(lines, '\n')) {
      if (line == "firewall-cmd --reload")
        reload_ = true;
      else
        add_step({.what = what, .command = std::string(line)});
    }
  }

  // So far packets come in with the port that they are redirected to.
  void say_drops(const Redirected &found) {
    for (const PacketDrop &drop : filter_.drops) {
      Packets part = drop.packets;
      part.ports = ranges_of_both(drop.packets.ports, found.ranges);
      if ((part.protocols & packet_protocol(found.protocol)) == 0 ||
          (part.families & found.families) == 0 || part.ports.empty())
        continue;
      const std::string what =
          fmt::format("let the firewall accept {}, which it drops now: {}",
                      packet_ports(part), drop.place);
      if (drop.open.empty())
        add_step({.what = what});
      else
        add_commands(what, open_commands(drop, part));
    }
  }

  // What goes with it that nobody gets by a rule.
  std::string ends_too(const PacketRedirect &redirect) const {
    std::map<std::string, PortSet> ended;
    for (const PacketRedirect *other : removals_.at(removal_of(redirect))) {
      for (size_t i = 0; i < packet_protocols.size(); i++) {
        if ((other->packets.protocols & 1U << i) != 0)
          add_to(ended[packet_protocols.at(i)], other->packets.ports);
      }
    }
    std::string text;
    for (auto &[protocol, ports] : ended) {
      if (const auto moved = moved_.find(protocol); moved != moved_.end())
        ports &= ~moved->second;
      if (ports.any())
        text += fmt::format("{}{}/{}", text.empty() ? "" : " and ",
                            port_list(ports), protocol);
    }
    return text.empty() ? text
                        : fmt::format("; this also ends the redirect of {}, "
                                      "for which there is no rule here",
                                      text);
  }

  void say_saved(const PacketRedirect &redirect) {
    const auto saved = filter_.saved.find(
        redirect.remove.starts_with("nft ") ? "nft" : redirect.spec);
    if (saved == filter_.saved.end() || saved->first.empty())
      return;
    for (const std::string &place : saved->second) {
      const bool persistent =
          place.find("/etc/iptables/rules.v") != std::string::npos;
      add_step({.what = fmt::format("take it from {}, too, or it is back after "
                                    "the next boot",
                                    place),
                .command = persistent ? "netfilter-persistent save" : ""});
    }
  }

  const Context &context_;
  const PacketFilter &filter_;
  Listeners listeners_{};
  std::vector<Redirected> found_;
  std::map<decltype(std::declval<Redirected>().key()), size_t> index_;
  std::map<std::string, std::vector<const PacketRedirect *>> removals_;
  std::map<std::string, PortSet> moved_; // to their users, by protocol
  std::set<std::pair<std::string, std::string>> known_steps_;
  std::set<std::string> said_;
  std::set<std::string> removed_;
  bool reload_ = false;
  Imported imported_;
};

} // namespace

Result<Imported> import_nat(const Context &context) {
  const std::vector<std::string> files(context.options.words.begin() + 1,
                                       context.options.words.end());
  const auto filter = read_packet_filter(context, files);
  if (!filter)
    return filter.error();
  return NatImport(context, *filter).run();
}

} // namespace portacl
