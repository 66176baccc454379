// SPDX-License-Identifier: GPL-2.0-only

#include "lib/events.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include <fmt/format.h>
#include <linux/audit.h>

#include "lib/numbers.h"
#include "lib/policy.h"
#include "lib/text.h"

namespace portacl {

namespace {

constexpr uint64_t per_milli = 1000;

struct Transport {
  std::string_view name;
  uint8_t protocol;
};

constexpr std::array transports = {
    Transport{"tcp", PACL_PROTO_TCP},    Transport{"mptcp", PACL_PROTO_TCP},
    Transport{"udp", PACL_PROTO_UDP},    Transport{"udplite", PACL_PROTO_UDP},
    Transport{"sctp", PACL_PROTO_SCTP},  Transport{"dccp", PACL_PROTO_ANY},
    Transport{"unknown", PACL_PROTO_ANY}};

constexpr std::array<std::string_view, 4> reasons = {"no_rule", "deny",
                                                     "reserved", "strict"};

// Takes texts from the beginning of another.
class Reader final {
public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  bool take(std::string_view words) {
    if (!rest_.starts_with(words))
      return false;
    rest_.remove_prefix(words.size());
    return true;
  }
  std::optional<uint64_t> number() {
    const size_t end =
        std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    const auto value = number_of<uint64_t>(rest_.substr(0, end));
    if (value)
      rest_.remove_prefix(end);
    return value;
  }
  std::string_view until(char separator) {
    const size_t end = std::min(rest_.find(separator), rest_.size());
    const std::string_view taken = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return taken;
  }

private:
  std::string_view rest_;
};

struct Value {
  std::string_view text;
  bool quoted = false;
};

// "key=value key="va lue" ..."; every key once.
class Fields final {
public:
  static std::optional<Fields> parse(std::string_view text) {
    Fields fields;
    Reader reader(text);
    while (!reader.at_end()) {
      const std::string_view key = reader.until('=');
      if (key.empty() || key.find_first_of(" \"") != std::string_view::npos ||
          !reader.take("="))
        return std::nullopt;
      Value value;
      value.quoted = reader.take("\"");
      value.text = reader.until(value.quoted ? '"' : ' ');
      if (value.quoted && !reader.take("\""))
        return std::nullopt;
      if (!reader.at_end() && !reader.take(" "))
        return std::nullopt;
      if (!fields.values_.emplace(key, value).second)
        return std::nullopt;
    }
    return fields;
  }

  std::string_view text(std::string_view key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? std::string_view() : found->second.text;
  }
  template <class Number>
  std::optional<Number> number(std::string_view key) const {
    return number_of<Number>(text(key));
  }
  const Value *find(std::string_view key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
  }

private:
  std::map<std::string_view, Value> values_;
};

// What could pass for another field is written in hexadecimal.
std::optional<std::string> decode_name(const Value *value) {
  if (value == nullptr)
    return std::nullopt;
  if (value->quoted)
    return std::string(value->text);
  std::string name;
  for (std::string_view rest = value->text; !rest.empty();
       rest.remove_prefix(2)) {
    unsigned char byte = 0;
    if (rest.size() < 2)
      return std::nullopt;
    const auto [end, error] =
        std::from_chars(rest.data(), rest.data() + 2, byte, 16);
    if (error != std::errc() || end != rest.data() + 2)
      return std::nullopt;
    name += static_cast<char>(byte);
  }
  return name;
}

std::optional<Actor> actor_of(const Fields &fields) {
  const auto uid = fields.number<uint32_t>("uid");
  const auto auid = fields.number<uint32_t>("auid");
  auto program = decode_name(fields.find("comm"));
  if (!uid || !auid || !program)
    return std::nullopt;
  return Actor{.uid = *uid,
               .auid = *auid,
               .pid = fields.number<uint32_t>("pid").value_or(0),
               .program = std::move(*program)};
}

std::optional<pacl_rule> rule_of(std::string_view text) {
  pacl_rule rule{};
  pacl_error error{};
  if (text.find('\n') != std::string_view::npos ||
      pacl_parse_line(text.data(), text.size(), &rule, &error) != 1)
    return std::nullopt;
  return rule;
}

// The engine reads addresses in rules only.
std::optional<pacl_addr> address_of(std::string_view text) {
  if (text.empty() ||
      text.find_first_not_of("0123456789abcdef.:") != std::string_view::npos)
    return std::nullopt;
  const auto rule = rule_of(fmt::format("allow any 1 on {}", text));
  if (!rule)
    return std::nullopt;
  return rule->prefix;
}

bool set_rule(Refusal &refusal, const Value *value) {
  if (value == nullptr || !value->quoted)
    return false;
  if (value->text.empty())
    return true;
  const auto rule = rule_of(value->text);
  // The last characters may be missing, and what is left may be a rule.
  constexpr size_t cut_at = 600;
  if (rule && rule_text(*rule) == value->text && value->text.size() < cut_at)
    refusal.rule = value->text;
  else
    refusal.rule_cut = true;
  return true;
}

// From op=bind on.
std::optional<Event> parse_refusal(const Fields &fields, bool permissive) {
  Refusal refusal{.permissive = permissive};
  const auto actor = actor_of(fields);
  const auto *reason = std::ranges::find(reasons, fields.text("verdict"));
  const auto *transport =
      std::ranges::find(transports, fields.text("proto"), &Transport::name);
  const auto address = address_of(fields.text("laddr"));
  const auto port = fields.number<uint16_t>("lport");
  const auto gid = fields.number<uint32_t>("gid");
  if (fields.text("op") != "bind" ||
      fields.text("permissive") != (permissive ? "1" : "0") || !actor ||
      actor->uid == Actor::no_id || reason == reasons.end() ||
      transport == transports.end() || !address || !port || *port == 0 ||
      !gid || !set_rule(refusal, fields.find("rule")))
    return std::nullopt;
  refusal.reason = static_cast<Reason>(reason - reasons.begin());
  refusal.transport = transport->name;
  refusal.protocol = transport->protocol;
  refusal.address = *address;
  refusal.port = *port;
  refusal.gid = *gid;
  return Event{.by = *actor, .what = std::move(refusal)};
}

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char ch) {
    return (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9');
  });
}

// "generation 7: 1 added, 0 removed, 3 rules in force, by ..." or
// "generation 8: mode off, by ...", behind the first word.
std::optional<Event> parse_change(Reader reader) {
  const auto generation = reader.number();
  if (!generation || !reader.take(": "))
    return std::nullopt;
  Event event;
  if (const auto added = reader.number()) {
    RulesChange change{.generation = *generation, .added = *added};
    const auto removed =
        reader.take(" added, ") ? reader.number() : std::nullopt;
    const auto rules =
        reader.take(" removed, ") ? reader.number() : std::nullopt;
    if (!removed || !rules || !reader.take(" rules in force, by "))
      return std::nullopt;
    change.removed = *removed;
    change.rules = *rules;
    event.what = change;
  } else {
    SettingChange change{.generation = *generation};
    change.name = reader.until(' ');
    reader.take(" ");
    change.value = reader.until(',');
    if (!is_word(change.name) || !is_word(change.value) ||
        !reader.take(", by "))
      return std::nullopt;
    event.what = std::move(change);
  }
  const auto fields = Fields::parse(reader.rest());
  const auto actor = fields ? actor_of(*fields) : std::nullopt;
  if (!actor)
    return std::nullopt;
  event.by = *actor;
  return event;
}

// "12 callbacks suppressed"
std::optional<Event> parse_lost(Reader reader, bool any_audit) {
  const auto count = reader.number();
  if (!count || reader.rest() != " callbacks suppressed")
    return std::nullopt;
  return Event{.what = Lost{.count = *count, .any_audit = any_audit}};
}

// Behind "portacl: ".
std::optional<Event> parse_own_message(std::string_view text) {
  Reader reader(text);
  if (reader.take("generation "))
    return parse_change(reader);
  if (reader.take("no rule: "))
    return parse_lost(reader, false);
  const bool permissive = reader.take("would be refused: ");
  if (permissive || reader.take("refused: ")) {
    if (auto lost = parse_lost(reader, false))
      return lost;
    const auto fields = Fields::parse(reader.rest());
    return fields ? parse_refusal(*fields, permissive) : std::nullopt;
  }
  if (text.starts_with("version ") && text.find(" loaded, ") < text.size())
    return Event{.what = ModuleChange{.loaded = true}};
  if (text.starts_with("unloaded, "))
    return Event{.what = ModuleChange{.loaded = false}};
  return std::nullopt;
}

// "audit(1700000000.123:45): "
std::optional<AuditStamp> take_stamp(Reader &reader) {
  if (!reader.take("audit("))
    return std::nullopt;
  const auto seconds = reader.number();
  if (!seconds || *seconds > PACL_MAX_TIME || !reader.take("."))
    return std::nullopt;
  const auto millis = reader.number();
  if (!millis || *millis > 999 || !reader.take(":"))
    return std::nullopt;
  const auto serial = reader.number();
  if (!serial || !reader.take("):"))
    return std::nullopt;
  reader.take(" ");
  return AuditStamp{.milliseconds = *seconds * 1000 + *millis,
                    .serial = *serial};
}

std::optional<Event> parse_audit_change(unsigned type, const Fields &fields) {
  const auto actor = actor_of(fields);
  const auto generation = fields.number<uint64_t>("generation");
  if (!actor || !generation)
    return std::nullopt;
  if (type == AUDIT_MAC_POLICY_LOAD && fields.text("op") == "policy") {
    const auto added = fields.number<uint64_t>("added");
    const auto removed = fields.number<uint64_t>("removed");
    const auto rules = fields.number<uint64_t>("rules");
    if (!added || !removed || !rules)
      return std::nullopt;
    return Event{.by = *actor,
                 .what = RulesChange{.generation = *generation,
                                     .added = *added,
                                     .removed = *removed,
                                     .rules = *rules}};
  }
  if (type != AUDIT_MAC_CONFIG_CHANGE || fields.text("op") != "setting")
    return std::nullopt;
  for (const char *name : {"mode", "strict", "scope", "locked"}) {
    if (const auto value = fields.text(name); is_word(value))
      return Event{.by = *actor,
                   .what = SettingChange{.generation = *generation,
                                         .name = name,
                                         .value = std::string(value)}};
  }
  return std::nullopt;
}

} // namespace

std::string reason_name(Reason reason) {
  return std::string(reasons.at(static_cast<size_t>(reason)));
}

std::optional<Event> parse_audit_record(unsigned type, const AuditStamp &stamp,
                                        std::string_view text) {
  // auditd may add what it has looked up.
  text = text.substr(0, text.find('\x1d'));
  while (text.ends_with(' ') || text.ends_with('\n'))
    text.remove_suffix(1);
  const auto fields = Fields::parse(text);
  if (!fields || fields->text("lsm") != "portacl")
    return std::nullopt;
  std::optional<Event> event;
  const std::string_view action = fields->text("action");
  if (type != AUDIT_AVC)
    event = parse_audit_change(type, *fields);
  else if (action == "refused" || action == "permitted")
    event = parse_refusal(*fields, action == "permitted");
  if (!event)
    return std::nullopt;
  event->time = stamp.milliseconds * per_milli;
  event->audit_record =
      fmt::format("{}:{} {}", stamp.milliseconds, stamp.serial, text);
  return event;
}

std::optional<Event> parse_kernel_message(std::string_view text,
                                          uint64_t time) {
  std::optional<Event> event;
  Reader reader(text);
  if (reader.take("portacl: ")) {
    event = parse_own_message(reader.rest());
  } else if (reader.take("kauditd_printk_skb: ") ||
             reader.take("audit_printk_skb: ")) {
    event = parse_lost(reader, true);
  } else if (reader.take("audit: type=")) {
    const auto type = reader.number();
    const auto stamp = reader.take(" ") ? take_stamp(reader) : std::nullopt;
    if (!type || !stamp)
      return std::nullopt;
    // By the time of the record, so that it is the same event on every way.
    return parse_audit_record(static_cast<unsigned>(*type), *stamp,
                              reader.rest());
  }
  if (event)
    event->time = time;
  return event;
}

std::optional<Event> parse_audit_line(std::string_view line) {
  Reader reader(line);
  if (reader.take("node=")) {
    reader.until(' ');
    reader.take(" ");
  }
  static const std::map<std::string_view, unsigned> types = {
      {"AVC", AUDIT_AVC},
      {"MAC_POLICY_LOAD", AUDIT_MAC_POLICY_LOAD},
      {"MAC_CONFIG_CHANGE", AUDIT_MAC_CONFIG_CHANGE}};
  if (!reader.take("type="))
    return std::nullopt;
  const auto type = types.find(reader.until(' '));
  if (type == types.end() || !reader.take(" msg="))
    return std::nullopt;
  const auto stamp = take_stamp(reader);
  if (!stamp)
    return std::nullopt;
  return parse_audit_record(type->second, *stamp, reader.rest());
}

std::optional<Event> parse_kmsg_record(std::string_view record,
                                       uint64_t start) {
  // "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,...];TEXT\n KEY=VALUE\n..."
  Reader reader(record);
  const auto priority = reader.number();
  const auto sequence = reader.take(",") ? reader.number() : std::nullopt;
  const auto since = reader.take(",") ? reader.number() : std::nullopt;
  reader.until(';');
  // Programs that write there are facility 1 or another, but never 0.
  constexpr uint64_t priorities = 8;
  if (!priority || *priority >= priorities || !sequence || !since ||
      !reader.take(";"))
    return std::nullopt;
  return parse_kernel_message(reader.until('\n'), start + *since);
}

} // namespace portacl
