// SPDX-License-Identifier: GPL-2.0-only

#include "lib/iptables.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "lib/numbers.h"
#include "lib/shell_words.h"
#include "lib/text.h"

namespace portacl {

namespace {

// Targets that a packet goes on behind.
constexpr std::array<std::string_view, 18> passing_targets = {
    "AUDIT",   "CHECKSUM", "CLASSIFY", "CONNMARK", "CONNSECMARK", "CT",
    "DSCP",    "ECN",      "LED",      "LOG",      "MARK",        "NFLOG",
    "NOTRACK", "SECMARK",  "SET",      "TCPMSS",   "TRACE",       "ULOG"};

// Matches that say nothing without an option, and only ours with one.
constexpr std::array<std::string_view, 8> plain_matches = {
    "tcp",   "udp",       "sctp",    "multiport",
    "state", "conntrack", "comment", "addrtype"};

Result<uint16_t> saved_port(const std::string &text, unsigned protocols,
                            Names &names) {
  if (const auto number = number_of<uint16_t>(text))
    return *number;
  if (!has_letter(text))
    return Error{.code = Code::policy,
                 .message = fmt::format("'{}' is no port", excerpt(text))};
  const auto service = names.service(text);
  if (!service)
    return service.error();
  for (const ServicePort &port : *service) {
    if ((packet_protocol(port.protocol) & protocols) != 0)
      return port.port;
  }
  return Error{.code = Code::policy,
               .message = fmt::format("'{}' is no port of that protocol",
                                      excerpt(text))};
}

// "80", "8000:8010", "http", ":1023" or "1024:".
Result<PortRange> saved_range(const std::string &text, char separator,
                              unsigned protocols, Names &names) {
  const size_t middle = text.find(separator);
  const std::string first = text.substr(0, middle);
  PortRange range{0, UINT16_MAX};
  if (middle != 0) {
    const auto port = saved_port(first, protocols, names);
    if (!port)
      return port.error();
    range.first = *port;
  }
  if (middle == std::string::npos)
    return PortRange{range.first, range.first};
  if (const std::string last = text.substr(middle + 1); !last.empty()) {
    const auto port = saved_port(last, protocols, names);
    if (!port)
      return port.error();
    range.last = *port;
  }
  if (range.first > range.last)
    return Error{.code = Code::policy,
                 .message = fmt::format("'{}' is no range", excerpt(text))};
  return range;
}

// "127.0.0.1:8080-8090/80", "[::1]:8080", ":8080", "2001:db8::1".
Result<PacketTarget> destination_of(const std::string &text, unsigned protocols,
                                    Names &names) {
  PacketTarget target;
  std::string ports;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    target.address = text.substr(1, end == std::string::npos ? end : end - 1);
    if (end != std::string::npos && end + 1 < text.size())
      ports = text.substr(end + 1);
  } else if (std::ranges::count(text, ':') == 1) {
    target.address = text.substr(0, text.find(':'));
    ports = text.substr(text.find(':'));
  } else {
    target.address = text;
  }
  if (ports.empty())
    return target;
  ports.erase(0, 1);
  if (const size_t slash = ports.find('/'); slash != std::string::npos) {
    const auto base = saved_port(ports.substr(slash + 1), protocols, names);
    if (!base)
      return base.error();
    target.base = *base;
    ports.erase(slash);
  }
  const auto range = saved_range(ports, '-', protocols, names);
  if (!range)
    return range.error();
  target.ports = *range;
  return target;
}

class RuleWords final {
public:
  RuleWords(std::vector<std::string> words, unsigned family, Names &names)
      : words_(std::move(words)), names_(names) {
    rule_.packets.families = family;
  }

  Result<PacketRule> parse() {
    while (at_ < words_.size()) {
      bool negated = false;
      if (words_[at_] == "!") {
        negated = true;
        if (++at_ == words_.size())
          break;
      }
      const std::string option = words_[at_++];
      if (auto fine = take(option, negated); !fine)
        return fine.error();
    }
    return finish();
  }

private:
  std::string value() {
    return at_ < words_.size() ? words_[at_++] : std::string();
  }

  void limit(bool negated, const std::string &text) {
    rule_.packets.limits.push_back((negated ? "not " : "") + text);
  }

  Result<void> take(const std::string &option, bool negated) {
    if (option == "-p" || option == "--protocol" || option == "--proto") {
      const unsigned protocol = packet_protocol(value());
      rule_.packets.protocols = negated ? packet_all & ~protocol : protocol;
    } else if (option == "--dport" || option == "--destination-port" ||
               option == "--dports" || option == "--destination-ports") {
      return ports(value(), negated);
    } else if (option == "-j" || option == "--jump" || option == "-g" ||
               option == "--goto") {
      target_ = value();
      goes_ = option == "-g" || option == "--goto";
    } else if (option == "--to-ports" || option == "--to-port" ||
               option == "--to-destination") {
      to_ = value();
    } else if (option == "--comment") {
      value();
    } else if (option == "--random" || option == "--persistent" ||
               option == "--random-fully") {
    } else {
      take_condition(option, negated);
    }
    return {};
  }

  void take_condition(const std::string &option, bool negated) {
    if (option == "-m" || option == "--match") {
      const std::string name = value();
      if (std::ranges::count(plain_matches, name) == 0)
        limit(false, "-m " + name);
    } else if (option == "-d" || option == "--dst" ||
               option == "--destination") {
      destination(value(), negated);
    } else if (option == "-s" || option == "--src" || option == "--source") {
      limit(negated, "from " + value());
    } else if (option == "-i" || option == "--in-interface") {
      const std::string name = value();
      rule_.packets.aside |= name == "lo" && !negated;
      limit(negated, "that come in by " + name);
    } else if (option == "-o" || option == "--out-interface") {
      limit(negated, "that go out by " + value());
    } else if (option == "--dst-type") {
      const std::string type = value();
      if (type != "LOCAL" || negated)
        limit(negated, "to addresses of type " + type);
    } else if (option == "--state" || option == "--ctstate") {
      states(value(), negated);
    } else if (option == "--ctstatus") {
      const std::string status = value();
      rule_.packets.aside |= status == "DNAT" && !negated;
      limit(negated, "of connections that are " + status);
    } else if (option == "--tcp-flags") {
      std::string flags = value();
      flags += " " + value();
      if (flags != "FIN,SYN,RST,ACK SYN" || negated)
        limit(negated, "with " + option + " " + flags);
    } else if (option == "--syn") {
      if (negated)
        limit(negated, "--syn");
    } else if (target_.empty()) {
      other(option, negated);
    }
  }

  // One that is not known, or of a target, with what belongs to it.
  void other(const std::string &option, bool negated) {
    std::string text = option;
    while (at_ < words_.size() && words_[at_] != "!" &&
           !words_[at_].starts_with('-'))
      text += " " + words_[at_++];
    limit(negated, text);
  }

  Result<void> ports(const std::string &text, bool negated) {
    std::vector<PortRange> ranges;
    for (const std::string_view item : split(text, ',')) {
      const auto range =
          saved_range(std::string(item), ':', rule_.packets.protocols, names_);
      if (!range)
        return range.error();
      ranges.push_back(*range);
    }
    ranges = tidy_ranges(std::move(ranges));
    rule_.packets.ports = ranges_of_both(
        rule_.packets.ports, negated ? other_ports(ranges) : ranges);
    return {};
  }

  void destination(std::string address, bool negated) {
    for (const std::string_view whole : {"/32", "/128"}) {
      if (address.ends_with(whole) &&
          (whole == "/128") == (address.find(':') != std::string::npos))
        address.erase(address.size() - whole.size());
    }
    if (negated)
      limit(true, "to " + address);
    else
      rule_.packets.destination = address;
  }

  void states(const std::string &text, bool negated) {
    const auto list = split(text, ',');
    const bool has_new = std::ranges::count(list, "NEW") != 0;
    if (has_new != negated)
      return;
    // What is not tracked may be new.
    rule_.packets.aside |= std::ranges::count(list, "UNTRACKED") == 0;
    limit(negated, "in state " + text);
  }

  Result<PacketRule> finish() {
    if (target_ == "ACCEPT") {
      rule_.verdict = PacketVerdict::accept;
    } else if (target_ == "DROP" || target_ == "REJECT") {
      rule_.verdict = PacketVerdict::drop;
    } else if (target_ == "RETURN") {
      rule_.verdict = PacketVerdict::leave;
    } else if (target_ == "QUEUE" || target_ == "NFQUEUE" ||
               target_ == "TPROXY") {
      rule_.verdict = PacketVerdict::accept;
      limit(false, "that a program lets through");
    } else if (target_ == "REDIRECT") {
      rule_.verdict = PacketVerdict::redirect;
      if (!to_.empty()) {
        const auto range =
            saved_range(to_, '-', rule_.packets.protocols, names_);
        if (!range)
          return range.error();
        rule_.target.ports = *range;
      }
    } else if (target_ == "DNAT") {
      rule_.verdict = PacketVerdict::redirect;
      auto to = destination_of(to_, rule_.packets.protocols, names_);
      if (!to)
        return to.error();
      rule_.target = std::move(*to);
    } else if (!target_.empty() &&
               std::ranges::count(passing_targets, target_) == 0) {
      rule_.verdict = goes_ ? PacketVerdict::go : PacketVerdict::jump;
      rule_.chain = target_;
    }
    return std::move(rule_);
  }

  std::vector<std::string> words_;
  size_t at_ = 0;
  Names &names_;
  PacketRule rule_;
  std::string target_;
  bool goes_ = false;
  std::string to_;
};

struct SavedHook {
  std::string_view table;
  std::string_view chain;
  const char *hook;
  int64_t priority; // as the kernel has it
};

constexpr std::array saved_hooks = {
    SavedHook{"raw", "PREROUTING", "prerouting", -300},
    SavedHook{"mangle", "PREROUTING", "prerouting", -150},
    SavedHook{"nat", "PREROUTING", "prerouting", -100},
    SavedHook{"nat", "OUTPUT", "output", -100},
    SavedHook{"mangle", "INPUT", "input", -150},
    SavedHook{"filter", "INPUT", "input", 0},
    SavedHook{"security", "INPUT", "input", 50},
};

class SavedText final {
public:
  SavedText(const IptablesText &source, Names &names, PacketTables &tables)
      : source_(source), names_(names), tables_(tables) {}

  void read() {
    for (const std::string_view line : split(source_.text, '\n')) {
      number_++;
      const std::string_view words = without_blanks(line);
      if (!words.empty() && !words.starts_with('#'))
        read_line(words);
    }
    commit();
  }

private:
  void warn(Error error) {
    error.code = Code::policy;
    error.file =
        source_.file.empty() ? source_.program + "-save" : source_.file;
    error.line = number_;
    if (mistakes_++ < most_mistakes)
      tables_.warnings.push_back(std::move(error));
  }

  void read_line(std::string_view line) {
    if (line.starts_with('*')) {
      commit();
      name_ = line.substr(1);
      open_ = true;
      table_ = {.families = source_.family, .manager = "iptables"};
    } else if (line == "COMMIT") {
      commit();
    } else if (line.starts_with(':')) {
      chain_line(line.substr(1));
    } else {
      rule_line(line);
    }
  }

  void commit() {
    if (open_)
      tables_.tables.push_back(std::move(table_));
    open_ = false;
    table_ = {};
  }

  void chain_line(std::string_view line) {
    const auto fields = split(line, ' ');
    chain(std::string(fields.front())).drops =
        fields.size() > 1 && fields[1] == "DROP";
  }

  PacketChain &chain(const std::string &name) {
    const auto [found, added] = table_.chains.try_emplace(name);
    PacketChain &chain = found->second;
    if (!added)
      return chain;
    chain.place = fmt::format("{} {} {}", source_.program, name_, name);
    chain.is_nat = name_ == "nat";
    if (name == "ufw-user-input" || name == "ufw6-user-input")
      ufw_ = true;
    for (const SavedHook &hook : saved_hooks) {
      if (hook.table == name_ && hook.chain == name) {
        chain.hook = hook.hook;
        chain.priority = hook.priority;
        chain.open = shell_words({source_.program, "-t", name_, "-I", name}) +
                     " -p {protocol} --dport {port} -j ACCEPT";
      }
    }
    return chain;
  }

  void rule_line(std::string_view line) {
    auto words = iptables_words(line);
    if (!words)
      return warn(words.error());
    // The counters that -c prints.
    if (!words->empty() && words->front().starts_with('['))
      words->erase(words->begin());
    const bool inserts = !words->empty() && (words->front() == "-I" ||
                                             words->front() == "--insert");
    if (!open_ || words->size() < 2 ||
        (!inserts && words->front() != "-A" && words->front() != "--append"))
      return warn(
          {.message = fmt::format("not understood: '{}'", excerpt(line))});
    const std::string name = (*words)[1];
    std::vector<std::string> rest(words->begin() + 2, words->end());
    std::vector<std::string> remove = {source_.program, "-t", name_, "-D",
                                       name};
    remove.insert(remove.end(), rest.begin(), rest.end());
    size_t place = 0;
    if (inserts && !rest.empty() && all_digits(rest.front())) {
      place = number_of<size_t>(rest.front()).value_or(1) - 1;
      remove.erase(remove.begin() + 5);
      rest.erase(rest.begin());
    }
    auto rule = iptables_rule(std::move(rest), source_.family, names_);
    if (!rule)
      return warn(rule.error());
    rule->remove = shell_words(remove);
    rule->spec = rule->remove.substr(rule->remove.find(' '));
    rule->place =
        source_.file.empty()
            ? fmt::format("{}-save: {}: {}", source_.program, name_, line)
            : fmt::format("{}:{}: {}: {}", source_.file, number_, name_, line);
    auto &rules = chain(name).rules;
    if (inserts)
      rules.insert(rules.begin() +
                       static_cast<ptrdiff_t>(std::min(place, rules.size())),
                   std::move(*rule));
    else
      rules.push_back(std::move(*rule));
    if (ufw_)
      table_.chains.at(name).open = "ufw allow {port}/{protocol}";
  }

  static constexpr size_t most_mistakes = 10;

  const IptablesText &source_;
  Names &names_;
  PacketTables &tables_;
  PacketTable table_;
  std::string name_;
  bool open_ = false;
  bool ufw_ = false;
  uint32_t number_ = 0;
  size_t mistakes_ = 0;
};

} // namespace

Result<std::vector<std::string>> iptables_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false; // of a word
  char quote = 0;
  for (size_t i = 0; i < line.size(); i++) {
    const char ch = line[i];
    if (ch == '\\' && quote != 0 && i + 1 < line.size()) {
      word += line[++i];
    } else if (quote == 0 && (ch == '"' || ch == '\'')) {
      quote = ch;
      inside = true;
    } else if (quote != 0 && ch == quote) {
      quote = 0;
    } else if (quote == 0 && (ch == ' ' || ch == '\t')) {
      if (inside)
        words.push_back(std::exchange(word, {}));
      inside = false;
    } else {
      word += ch;
      inside = true;
    }
  }
  if (quote != 0)
    return Error{.code = Code::policy, .message = "a quote has no end"};
  if (inside)
    words.push_back(word);
  return words;
}

std::optional<bool> is_ip6_text(std::string_view text) {
  const std::string_view first = text.substr(0, text.find('\n'));
  if (first.starts_with("# Generated by ip6tables"))
    return true;
  if (first.starts_with("# Generated by iptables"))
    return false;
  for (const std::string_view option :
       {" -s ", " -d ", " --to-destination [", " --to-destination "}) {
    const size_t at = text.find(option);
    if (at == std::string_view::npos)
      continue;
    const std::string_view rest = text.substr(at + option.size());
    const std::string_view address = rest.substr(0, rest.find_first_of(" /\n"));
    return std::ranges::count(address, ':') > 1;
  }
  return std::nullopt;
}

Result<PacketRule> iptables_rule(std::vector<std::string> words,
                                 unsigned family, Names &names) {
  return RuleWords(std::move(words), family, names).parse();
}

void read_iptables(const IptablesText &source, Names &names,
                   PacketTables &tables) {
  SavedText(source, names, tables).read();
}

} // namespace portacl
