// SPDX-License-Identifier: GPL-2.0-only

#include "lib/nftables.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lib/numbers.h"
#include "lib/shell_words.h"
#include "lib/text.h"

namespace portacl {

namespace {

using NftJson = nlohmann::json;

const NftJson nft_nothing{};

const NftJson &nft_member(const NftJson &object, const char *key) {
  if (!object.is_object())
    return nft_nothing;
  const auto found = object.find(key);
  return found == object.end() ? nft_nothing : *found;
}

std::string nft_text_member(const NftJson &object, const char *key) {
  const NftJson &value = nft_member(object, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

// A value as a message has it.
std::string nft_text(const NftJson &value) {
  if (value.is_string())
    return value.get<std::string>();
  return value.dump(-1, ' ', false, NftJson::error_handler_t::replace);
}

// The one name of an object that stands for a statement or an expression.
std::string nft_kind(const NftJson &value) {
  return value.is_object() && !value.empty() ? value.begin().key()
                                             : std::string();
}

// What stands in a set, without its timeout and counter.
const NftJson &nft_element(const NftJson &value) {
  const NftJson &inner = nft_member(nft_member(value, "elem"), "val");
  return inner.is_null() ? value : inner;
}

constexpr std::array<const char *, 5> iptables_chains = {
    "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};

// Statements that a packet goes on behind.
constexpr std::array<const char *, 14> passing_statements = {
    "counter", "log",      "mangle", "ct helper",     "ct timeout",
    "notrack", "ct count", "set",    "map",           "dup",
    "secmark", "flow",     "meter",  "ct expectation"};

struct NftPair {
  std::vector<PortRange> keys;
  const NftJson *value;
};

class NftRuleset final {
public:
  NftRuleset(const std::string &file, const IptablesTables &shown, Names &names,
             PacketTables &tables)
      : file_(file), shown_(shown), names_(names), out_(tables) {}

  void read(const NftJson &items) {
    for (const NftJson &item : items) {
      add_table(nft_member(item, "table"));
      add_set(nft_member(item, "set"));
      add_set(nft_member(item, "map"));
    }
    for (const NftJson &item : items)
      add_chain(nft_member(item, "chain"));
    for (const NftJson &item : items)
      add_rule(nft_member(item, "rule"));
    for (auto &[name, table] : tables_)
      out_.tables.push_back(std::move(table));
  }

private:
  static std::string table_of(const NftJson &item, const char *key) {
    return nft_text_member(item, "family") + " " + nft_text_member(item, key);
  }

  void add_table(const NftJson &item) {
    if (!item.is_object())
      return;
    const std::string family = nft_text_member(item, "family");
    unsigned families = 0;
    if (family == "ip" || family == "inet")
      families |= family_ip4;
    if (family == "ip6" || family == "inet")
      families |= family_ip6;
    // Of bridges, ARP and devices: what they do is not about ports here.
    if (families == 0)
      return;
    const bool firewalld = nft_text_member(item, "name") == "firewalld";
    tables_[table_of(item, "name")] = {
        .families = families, .manager = firewalld ? "firewalld" : "nft"};
  }

  void add_set(const NftJson &item) {
    if (item.is_object())
      sets_[table_of(item, "table") + " @" + nft_text_member(item, "name")] =
          &nft_member(item, "elem");
  }

  void add_chain(const NftJson &item) {
    const std::string of = table_of(item, "table");
    const std::string name = nft_text_member(item, "name");
    const auto table = tables_.find(of);
    if (table == tables_.end())
      return;
    PacketChain chain{.place = fmt::format("nft {} {}", of, name)};
    const bool iptables =
        shown_.count(of) != 0 && std::ranges::count(iptables_chains, name) != 0;
    if (!iptables) {
      chain.hook = nft_text_member(item, "hook");
      chain.is_nat = nft_text_member(item, "type") == "nat";
    }
    if (const NftJson &priority = nft_member(item, "prio");
        priority.is_number_integer())
      chain.priority = priority.get<int64_t>();
    chain.drops = nft_text_member(item, "policy") == "drop";
    if (table->second.manager == "firewalld") {
      chain.open = "firewall-cmd --permanent --add-port={port}/{protocol}\n"
                   "firewall-cmd --reload";
    } else {
      chain.open =
          shell_words({"nft", "insert", "rule", nft_text_member(item, "family"),
                       nft_text_member(item, "table"), name}) +
          " {protocol} dport {port} accept";
    }
    table->second.chains[name] = std::move(chain);
  }

  void add_rule(const NftJson &item) {
    const auto table = tables_.find(table_of(item, "table"));
    if (table == tables_.end())
      return;
    const std::string name = nft_text_member(item, "chain");
    const auto chain = table->second.chains.find(name);
    if (chain == table->second.chains.end())
      return;
    of_ = table->first;
    const NftJson &handle = nft_member(item, "handle");
    rule_ = {};
    rule_.packets.families = table->second.families;
    rule_.place =
        fmt::format("{}{} handle {}", file_.empty() ? "" : file_ + ": ",
                    chain->second.place, nft_text(handle));
    if (table->second.manager == "firewalld")
      // What its files do not say is gone then.
      rule_.remove = "firewall-cmd --reload";
    else if (file_.empty() && handle.is_number_integer())
      // Those of a file may be of other rules by now.
      rule_.remove = shell_words(
          {"nft", "delete", "rule", nft_text_member(item, "family"),
           nft_text_member(item, "table"), name, "handle", nft_text(handle)});
    possible_ = true;
    rules_ = &chain->second.rules;
    const NftJson &statements = nft_member(item, "expr");
    if (!statements.is_array())
      return;
    for (const NftJson &statement : statements) {
      take_statement(statement);
      if (!possible_)
        return;
    }
  }

  void warn(const std::string &message) {
    constexpr size_t most = 10;
    if (mistakes_++ < most)
      out_.warnings.push_back(
          {.code = Code::policy,
           .message = fmt::format("{}: {}", rule_.place, message)});
  }

  void limit(const std::string &text) { rule_.packets.limits.push_back(text); }

  void end_with(PacketVerdict verdict) {
    rule_.verdict = verdict;
    rules_->push_back(rule_);
    // What stands behind it is for nobody.
    possible_ = false;
  }

  void take_statement(const NftJson &statement) {
    const std::string kind = nft_kind(statement);
    const NftJson &value = nft_member(statement, kind.c_str());
    if (kind == "match")
      take_match(value);
    else if (kind == "accept")
      end_with(PacketVerdict::accept);
    else if (kind == "drop" || kind == "reject")
      end_with(PacketVerdict::drop);
    else if (kind == "return")
      end_with(PacketVerdict::leave);
    else if (kind == "jump" || kind == "goto")
      take_jump(kind, value);
    else if (kind == "redirect")
      take_nat(value, false);
    else if (kind == "dnat")
      take_nat(value, true);
    else if (kind == "vmap")
      take_verdicts(value);
    else if (kind == "queue" || kind == "tproxy")
      take_program();
    else if (kind == "xt")
      take_xt(value);
    else if (std::ranges::count(passing_statements, kind) == 0)
      limit("that '" + kind + "' is for");
  }

  void take_program() {
    limit("that a program lets through");
    end_with(PacketVerdict::accept);
  }

  // nft shows only that there is something of iptables.
  void take_xt(const NftJson &value) {
    limit(fmt::format("that iptables' {} is for",
                      nft_text_member(value, "name")));
    if (nft_text_member(value, "type") != "target")
      return;
    if (shown_.count(of_) == 0)
      warn(fmt::format("made by iptables, which nft cannot show: {}",
                       nft_text_member(value, "name")));
    take_program();
  }

  void take_jump(const std::string &kind, const NftJson &value) {
    rule_.chain = nft_text_member(value, "target");
    end_with(kind == "goto" ? PacketVerdict::go : PacketVerdict::jump);
  }

  void take_match(const NftJson &match) {
    const NftJson &left = nft_member(match, "left");
    const NftJson &right = nft_member(match, "right");
    const std::string op = nft_text_member(match, "op");
    if (take_protocol(left, right, op))
      return;
    const std::string kind = nft_kind(left);
    const NftJson &what = nft_member(left, kind.c_str());
    if (kind == "payload" && nft_text_member(what, "field") == "dport") {
      if (const auto ports = ports_matched(right, op)) {
        rule_.packets.ports = ranges_of_both(rule_.packets.ports, *ports);
        return;
      }
    } else if (kind == "payload" && nft_text_member(what, "field") == "daddr") {
      if (op == "==" && take_destination(right))
        return;
    } else if (kind == "fib" && op == "==" &&
               nft_text_member(what, "result") == "type" && right == "local" &&
               is_only(nft_member(what, "flags"), "daddr")) {
      return;
    } else if (kind == "ct" && nft_text_member(what, "key") == "state") {
      if (includes_new(right, op))
        return;
      // What is not tracked may be new.
      rule_.packets.aside |= !has_item(right, "untracked") || op == "!=";
    } else if (kind == "ct" && nft_text_member(what, "key") == "status") {
      rule_.packets.aside |= op != "!=" && is_only(right, "dnat");
    } else if (kind == "meta" && op == "==" && right == "lo" &&
               nft_text_member(what, "key").starts_with("iif")) {
      rule_.packets.aside = true;
    }
    limit(condition(kind, what, right, op));
  }

  static std::string condition(const std::string &kind, const NftJson &what,
                               const NftJson &right, const std::string &op) {
    std::string name = kind;
    for (const char *key : {"protocol", "field", "key"}) {
      if (const std::string part = nft_text_member(what, key); !part.empty())
        name += " " + part;
    }
    if (name.starts_with("payload ") || name.starts_with("meta "))
      name.erase(0, name.find(' ') + 1);
    return fmt::format("{} {}{}", name,
                       op == "==" || op == "in" ? "" : op + " ",
                       excerpt(address_or_text(right)));
  }

  static std::string address_or_text(const NftJson &value) {
    const NftJson &prefix = nft_member(value, "prefix");
    return prefix.is_object()
               ? fmt::format("{}/{}", nft_text_member(prefix, "addr"),
                             nft_text(nft_member(prefix, "len")))
               : nft_text(value);
  }

  // What narrows families or transports, and nft_nothing but that.
  bool take_protocol(const NftJson &left, const NftJson &right,
                     const std::string &op) {
    const std::string kind = nft_kind(left);
    const NftJson &what = nft_member(left, kind.c_str());
    const std::string key = nft_text_member(what, "key");
    const std::string protocol = nft_text_member(what, "protocol");
    const std::string field = nft_text_member(what, "field");
    if (kind == "meta" && key == "nfproto" && op == "==") {
      rule_.packets.families &= right == "ipv4" ? family_ip4 : family_ip6;
      return note_possible();
    }
    if (kind == "payload") {
      if (protocol == "ip" || protocol == "ip6")
        rule_.packets.families &= protocol == "ip" ? family_ip4 : family_ip6;
      else if (protocol != "th")
        rule_.packets.protocols &= packet_protocol(protocol);
      note_possible();
    }
    const bool names_protocol =
        (kind == "meta" && key == "l4proto") ||
        (kind == "payload" && (field == "protocol" || field == "nexthdr"));
    if (!names_protocol || (op != "==" && op != "!=" && op != "in"))
      return false;
    unsigned protocols = 0;
    for (const NftJson *name : items_of(right))
      protocols |= packet_protocol(nft_text(*name));
    rule_.packets.protocols &= op == "!=" ? packet_all & ~protocols : protocols;
    return note_possible();
  }

  bool note_possible() {
    possible_ = rule_.packets.families != 0 && rule_.packets.protocols != 0;
    return true;
  }

  // The elements of a set, a list or a set with a name; else the value.
  std::vector<const NftJson *> items_of(const NftJson &value) const {
    const NftJson *list = &value;
    if (const NftJson &set = nft_member(value, "set"); set.is_array())
      list = &set;
    if (const NftJson *set = named_set(value))
      list = set;
    if (!list->is_array())
      return {&nft_element(value)};
    std::vector<const NftJson *> items;
    for (const NftJson &item : *list)
      items.push_back(&nft_element(item));
    return items;
  }

  const NftJson *named_set(const NftJson &value) const {
    if (!value.is_string() ||
        !value.get_ref<const std::string &>().starts_with('@'))
      return nullptr;
    const auto found = sets_.find(of_ + " " + value.get<std::string>());
    // One without elements is not printed with a list.
    static const NftJson empty = NftJson::array();
    return found == sets_.end() || !found->second->is_array() ? &empty
                                                              : found->second;
  }

  std::optional<uint16_t> port_of(const NftJson &value) {
    if (value.is_number_unsigned() && value.get<uint64_t>() <= UINT16_MAX)
      return value.get<uint16_t>();
    if (!value.is_string())
      return std::nullopt;
    const std::string name = value.get<std::string>();
    if (const auto number = number_of<uint16_t>(name))
      return number;
    if (!has_letter(name))
      return std::nullopt;
    const auto service = names_.service(name);
    if (!service)
      return std::nullopt;
    for (const ServicePort &port : *service) {
      if ((packet_protocol(port.protocol) & rule_.packets.protocols) != 0)
        return port.port;
    }
    return std::nullopt;
  }

  std::optional<PortRange> range_of(const NftJson &value) {
    const NftJson &range = nft_member(value, "range");
    const bool is_range = range.is_array() && range.size() == 2;
    const auto first = port_of(is_range ? range[0] : value);
    const auto last = port_of(is_range ? range[1] : value);
    if (!first || !last || *first > *last)
      return std::nullopt;
    return PortRange{*first, *last};
  }

  std::optional<std::vector<PortRange>> ports_of(const NftJson &value) {
    std::vector<PortRange> ports;
    for (const NftJson *item : items_of(value)) {
      const auto range = range_of(*item);
      if (!range)
        return std::nullopt;
      ports.push_back(*range);
    }
    return tidy_ranges(std::move(ports));
  }

  // Empty, and said, where it is not known which.
  std::optional<std::vector<PortRange>> ports_matched(const NftJson &right,
                                                      const std::string &op) {
    const auto ports = ports_of(right);
    if (!ports) {
      warn(fmt::format("ports not understood: {}", excerpt(nft_text(right))));
      return std::nullopt;
    }
    if (op == "==" || op == "in")
      return *ports;
    if (op == "!=")
      return other_ports(*ports);
    if (ports->size() != 1)
      return std::nullopt;
    const uint16_t port = ports->front().first;
    const std::vector<PortRange> below = {{0, port}};
    const std::vector<PortRange> same = {{port, port}};
    if (op == "<=")
      return below;
    if (op == "<")
      return ranges_of_both(below, other_ports(same));
    if (op == ">")
      return other_ports(below);
    if (op == ">=")
      return std::vector<PortRange>{{port, UINT16_MAX}};
    return std::nullopt;
  }

  bool take_destination(const NftJson &right) {
    const std::string text = address_or_text(right);
    const bool is_one = (right.is_string() && !text.starts_with('@')) ||
                        nft_member(right, "prefix").is_object();
    if (!is_one || !rule_.packets.destination.empty())
      return false;
    rule_.packets.destination = text;
    return true;
  }

  bool includes_new(const NftJson &right, const std::string &op) const {
    return has_item(right, "new") != (op == "!=");
  }

  bool has_item(const NftJson &value, const char *text) const {
    return std::ranges::any_of(
        items_of(value), [text](const NftJson *item) { return *item == text; });
  }

  bool is_only(const NftJson &value, const char *text) const {
    return items_of(value).size() == 1 && has_item(value, text);
  }

  // The pairs of a map; ports are what is looked up. Empty where it is
  // something else.
  std::optional<std::vector<NftPair>> pairs_of(const NftJson &map) {
    const NftJson &key = nft_member(nft_member(map, "key"), "payload");
    const std::string protocol = nft_text_member(key, "protocol");
    if (nft_text_member(key, "field") != "dport")
      return std::nullopt;
    if (protocol != "th")
      rule_.packets.protocols &= packet_protocol(protocol);
    const NftJson &data = nft_member(map, "data");
    const NftJson *list = &nft_member(data, "set");
    if (const NftJson *set = named_set(data))
      list = set;
    if (!list->is_array())
      return std::nullopt;
    std::vector<NftPair> pairs;
    for (const NftJson &pair : *list) {
      if (!pair.is_array() || pair.size() != 2)
        return std::nullopt;
      const auto keys = ports_of(nft_element(pair[0]));
      if (!keys)
        return std::nullopt;
      pairs.push_back({*keys, &pair[1]});
    }
    return pairs;
  }

  void take_verdicts(const NftJson &map) {
    const PacketRule before = rule_;
    const auto pairs = pairs_of(map);
    const NftJson &data = nft_member(map, "data");
    if (!pairs) {
      take_odd_verdicts(
          data, condition("vmap on " + nft_kind(nft_member(map, "key")),
                          nft_member(nft_member(map, "key"),
                                     nft_kind(nft_member(map, "key")).c_str()),
                          "its keys", "=="));
      return;
    }
    for (const NftPair &pair : *pairs) {
      PacketRule rule = rule_;
      rule.packets.ports = ranges_of_both(rule.packets.ports, pair.keys);
      add_verdict(std::move(rule), *pair.value);
    }
    // Packets without an entry go on.
    rule_ = before;
    possible_ = true;
  }

  // What is looked up is no port: each verdict is for some of the packets.
  void take_odd_verdicts(const NftJson &data, const std::string &text) {
    const NftJson *list = &nft_member(data, "set");
    if (const NftJson *set = named_set(data))
      list = set;
    if (!list->is_array())
      return;
    for (const NftJson &pair : *list) {
      if (!pair.is_array() || pair.size() != 2)
        continue;
      PacketRule rule = rule_;
      const bool state =
          pair[0].is_string() && (pair[0] == "established" ||
                                  pair[0] == "related" || pair[0] == "invalid");
      rule.packets.aside |= state || pair[0] == "lo";
      rule.packets.limits.push_back(
          fmt::format("{} {}", text, excerpt(nft_text(pair[0]))));
      add_verdict(std::move(rule), pair[1]);
    }
  }

  void add_verdict(PacketRule rule, const NftJson &value) {
    const std::string kind = nft_kind(value);
    if (kind == "accept")
      rule.verdict = PacketVerdict::accept;
    else if (kind == "drop")
      rule.verdict = PacketVerdict::drop;
    else if (kind == "return")
      rule.verdict = PacketVerdict::leave;
    else if (kind == "jump" || kind == "goto")
      rule.verdict = kind == "goto" ? PacketVerdict::go : PacketVerdict::jump;
    else
      return;
    rule.chain = nft_text_member(nft_member(value, kind.c_str()), "target");
    rules_->push_back(std::move(rule));
  }

  void take_nat(const NftJson &nat, bool has_address) {
    const NftJson &address = nft_member(nat, "addr");
    const NftJson &port = nft_member(nat, "port");
    if (const std::string family = nft_text_member(nat, "family");
        !family.empty()) {
      rule_.packets.families &= family == "ip" ? family_ip4 : family_ip6;
      note_possible();
    }
    const NftJson &address_map = nft_member(address, "map");
    const NftJson &port_map = nft_member(port, "map");
    if (address_map.is_object() || port_map.is_object())
      return take_nat_map(address_map, port_map, address);
    rule_.target = {};
    if (has_address && !address.is_null())
      rule_.target.address = address.is_string() ? address.get<std::string>()
                                                 : excerpt(nft_text(address));
    if (!port.is_null()) {
      const auto range = range_of(port);
      if (!range)
        return warn(
            fmt::format("port not understood: {}", excerpt(nft_text(port))));
      rule_.target.ports = *range;
    }
    end_with(PacketVerdict::redirect);
  }

  void take_nat_map(const NftJson &address_map, const NftJson &port_map,
                    const NftJson &address) {
    const bool by_address = address_map.is_object();
    const auto pairs = pairs_of(by_address ? address_map : port_map);
    if (!pairs || (by_address && port_map.is_object()))
      return warn("its map is not understood");
    for (const NftPair &pair : *pairs) {
      PacketRule rule = rule_;
      rule.verdict = PacketVerdict::redirect;
      rule.packets.ports = ranges_of_both(rule.packets.ports, pair.keys);
      const NftJson *to = pair.value;
      if (by_address) {
        const NftJson &both = nft_member(*to, "concat");
        const bool has_port = both.is_array() && both.size() == 2;
        rule.target.address = nft_text(has_port ? both[0] : *to);
        to = has_port ? &both[1] : &nft_nothing;
      } else if (address.is_string()) {
        rule.target.address = address.get<std::string>();
      }
      if (!to->is_null()) {
        rule.target.ports = range_of(*to);
        if (!rule.target.ports) {
          warn(fmt::format("port not understood: {}", excerpt(nft_text(*to))));
          continue;
        }
      }
      rules_->push_back(std::move(rule));
    }
    possible_ = false;
  }

  const std::string &file_;
  const IptablesTables &shown_;
  Names &names_;
  PacketTables &out_;
  std::map<std::string, PacketTable> tables_;
  std::map<std::string, const NftJson *> sets_;
  // Of the rule that is read:
  std::string of_; // its table
  PacketRule rule_;
  bool possible_ = true; // that there is a packet for the rest of it
  std::vector<PacketRule> *rules_ = nullptr;
  size_t mistakes_ = 0;
};

} // namespace

Result<void> read_nftables(std::string_view text, const std::string &file,
                           const IptablesTables &shown, Names &names,
                           PacketTables &tables) {
  // Nothing that nft prints is; what reads it here calls itself.
  constexpr int deepest = 64;
  bool too_deep = false;
  const NftJson ruleset = NftJson::parse(
      text,
      [&too_deep](int depth, NftJson::parse_event_t, NftJson &) {
        too_deep = too_deep || depth > deepest;
        return !too_deep;
      },
      false);
  const NftJson &items = nft_member(ruleset, "nftables");
  if (too_deep || !items.is_array())
    return Error{.code = Code::policy,
                 .message = "not what 'nft -j list ruleset' prints",
                 .file = file};
  NftRuleset(file, shown, names, tables).read(items);
  return {};
}

} // namespace portacl
