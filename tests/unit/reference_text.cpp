// SPDX-License-Identifier: GPL-2.0-only

#include "reference_text.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <memory>

namespace {

constexpr std::array<std::string_view, PACL_PROTOS> proto_names = {
    "any", "tcp", "udp", "sctp"};

using Words = std::vector<std::string_view>;

Words split(std::string_view text, std::string_view separators) {
  Words words;
  size_t from = 0;
  for (size_t at = 0; at <= text.size(); at++) {
    if (at < text.size() && separators.find(text[at]) == separators.npos)
      continue;
    words.push_back(text.substr(from, at - from));
    from = at + 1;
  }
  return words;
}

bool number(std::string_view text, uint64_t lo, uint64_t hi, uint64_t &value) {
  if (text.empty() || text.size() > 10)
    return false;
  if (text.find_first_not_of("0123456789") != text.npos)
    return false;
  if (text[0] == '0' && text.size() > 1)
    return false;
  value = std::stoull(std::string(text));
  return value >= lo && value <= hi;
}

// Cuts "/proto" off.
bool cut_proto(std::string_view &text, pacl_rule &rule) {
  size_t slash = text.find('/');
  rule.proto = PACL_PROTO_ANY;
  if (slash == text.npos)
    return true;
  for (u8 proto = PACL_PROTO_TCP; proto < PACL_PROTOS; proto++)
    if (text.substr(slash + 1) == proto_names[proto])
      rule.proto = proto;
  text = text.substr(0, slash);
  return rule.proto != PACL_PROTO_ANY;
}

bool parse_ports(std::string_view text, pacl_rule &rule) {
  if (!cut_proto(text, rule))
    return false;
  Words items = split(text, ",");
  if (items.size() > PACL_MAX_ITEMS)
    return false;
  std::vector<pacl_range> ranges;
  for (std::string_view item : items) {
    Words ends = split(item, "-:");
    uint64_t lo, hi;
    if (ends.size() > 2 || !number(ends.front(), 1, 65535, lo) ||
        !number(ends.back(), 1, 65535, hi) || lo > hi)
      return false;
    ranges.push_back({static_cast<u16>(lo), static_cast<u16>(hi)});
  }
  reference_set_ranges(rule, ranges);
  return true;
}

bool parse_each(std::string_view ids, std::string_view ports, pacl_rule &rule) {
  if (!cut_proto(ports, rule))
    return false;
  Words id = split(ids, "-");
  Words port = split(ports, "+");
  uint64_t lo, hi, base, each;
  if (id.size() != 2 || !number(id[0], 0, PACL_MAX_ID, lo) ||
      !number(id[1], 0, PACL_MAX_ID, hi) || lo > hi)
    return false;
  if (port.size() != 2 || !number(port[0], 1, 65535, base) ||
      !number(port[1], 1, 65535, each))
    return false;
  uint64_t last = base + each * (hi - lo + 1) - 1;
  if (last > 65535)
    return false;
  rule.id = static_cast<u32>(lo);
  rule.last_id = static_cast<u32>(hi);
  rule.each = static_cast<u16>(each);
  rule.count = 1;
  rule.range[0] = {static_cast<u16>(base), static_cast<u16>(last)};
  return true;
}

bool parse_words(Words words, pacl_rule &rule) {
  if (words.size() < 3 || words.size() > 4 || words[0] != "allow")
    return false;
  rule.action = PACL_ALLOW;
  if (words[1] == "each") {
    rule.kind = PACL_EACH;
    return words.size() == 4 && parse_each(words[2], words[3], rule);
  }
  if (words[1] == "any") {
    rule.kind = PACL_ANY;
    return words.size() == 3 && parse_ports(words[2], rule);
  }
  rule.kind = words[1] == "group" ? PACL_GROUP : PACL_USER;
  if (words[1] != "group" && words[1] != "user")
    words.insert(words.begin() + 1, "user");
  uint64_t id;
  if (words.size() != 4 || !number(words[2], 0, PACL_MAX_ID, id))
    return false;
  rule.id = rule.last_id = static_cast<u32>(id);
  return parse_ports(words[3], rule);
}

} // namespace

ReferenceLine reference_parse(std::string_view line) {
  ReferenceLine answer = {-EINVAL, {}};
  if (line.find('\0') != line.npos)
    return answer;
  Words words = split(line.substr(0, line.find('#')), " \t");
  std::erase(words, "");
  if (words.empty())
    answer.result = 0;
  else if (parse_words(words, answer.rule))
    answer.result = 1;
  return answer;
}

std::string reference_format(const pacl_rule &rule) {
  std::string text = "allow ";
  const pacl_range &first = rule.range[0];
  if (rule.kind == PACL_EACH) {
    text += "each " + std::to_string(rule.id) + '-' +
            std::to_string(rule.last_id) + ' ' + std::to_string(first.lo) +
            '+' + std::to_string(rule.each);
  } else {
    if (rule.kind == PACL_ANY)
      text += "any";
    else
      text += (rule.kind == PACL_USER ? "user " : "group ") +
              std::to_string(rule.id);
    for (unsigned at = 0; at < rule.count; at++) {
      const pacl_range &range = rule.range[at];
      text += (at ? ',' : ' ') + std::to_string(range.lo);
      if (range.hi != range.lo)
        text += '-' + std::to_string(range.hi);
    }
  }
  if (rule.proto != PACL_PROTO_ANY)
    text += '/' + std::string(proto_names[rule.proto]);
  return text;
}

void reference_set_ranges(pacl_rule &rule,
                          const std::vector<pacl_range> &ranges) {
  auto ports = std::make_unique<std::bitset<65537>>();
  unsigned lowest = 65535, highest = 0;
  for (const pacl_range &range : ranges) {
    for (unsigned port = range.lo; port <= range.hi; port++)
      ports->set(port);
    lowest = std::min<unsigned>(lowest, range.lo);
    highest = std::max<unsigned>(highest, range.hi);
  }
  rule.count = 0;
  for (unsigned port = lowest; port <= highest; port++) {
    if (!ports->test(port))
      continue;
    unsigned hi = port;
    while (ports->test(hi + 1))
      hi++;
    rule.range[rule.count++] = {static_cast<u16>(port), static_cast<u16>(hi)};
    port = hi;
  }
}

int reference_compare(const pacl_rule &a, const pacl_rule &b) {
  auto order = [](unsigned x, unsigned y) { return x < y ? -1 : x > y; };
  int by = order(a.kind, b.kind);
  if (!by && a.kind == PACL_USER)
    by = order(a.id & 1023, b.id & 1023);
  if (!by)
    by = order(a.id, b.id);
  if (!by)
    by = order(a.action, b.action);
  if (!by)
    by = order(a.proto, b.proto);
  // By the first port; of those, the widest first range comes first.
  if (!by)
    by = order(a.range[0].lo, b.range[0].lo);
  if (!by)
    by = order(b.range[0].hi, a.range[0].hi);
  if (!by)
    by = order(a.each, b.each);
  // Then fewer ranges before more, then range by range.
  if (!by)
    by = order(a.count, b.count);
  for (unsigned at = 1; !by && at < a.count; at++) {
    by = order(a.range[at].lo, b.range[at].lo);
    if (!by)
      by = order(a.range[at].hi, b.range[at].hi);
  }
  return by;
}

bool reference_same(const pacl_rule &a, const pacl_rule &b) {
  return a.last_id == b.last_id && reference_compare(a, b) == 0;
}
