// SPDX-License-Identifier: GPL-2.0-only

#include "reference_text.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <bitset>
#include <cstdint>
#include <cstdio>
#include <memory>

namespace {

constexpr std::array<std::string_view, PACL_PROTOS> proto_names = {
    "any", "tcp", "udp", "sctp"};

constexpr std::array<std::string_view, PACL_ACTIONS> action_names = {
    "allow", "deny", "reserve"};

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
  if (text.empty() || text.size() > 12)
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

bool parse_prefix(std::string_view text, pacl_rule &rule) {
  Words parts = split(text, "/");
  pacl_addr addr;
  if (parts.size() > 2 || !reference_parse_address(parts[0], addr))
    return false;
  // As it is written: `::ffff:a.b.c.d` counts its bits as IPv6 does.
  bool dotted = parts[0].find(':') == text.npos;
  uint64_t length = dotted ? 32 : 128;
  if (parts.size() == 2 && !number(parts[1], 0, length, length))
    return false;
  reference_set_prefix(rule, addr,
                       static_cast<unsigned>(length + (dotted ? 96 : 0)));
  return rule.prefix.hi == addr.hi && rule.prefix.lo == addr.lo;
}

// Takes pairs of words off the end, each kind of term at most once.
bool parse_terms(Words &words, pacl_rule &rule) {
  while (words.size() >= 2) {
    std::string_view word = words[words.size() - 2], value = words.back();
    if (word == "on" && !rule.on) {
      if (!parse_prefix(value, rule))
        return false;
    } else if (word == "until" && !rule.until) {
      if (!number(value, 1, PACL_MAX_TIME, rule.until))
        return false;
    } else {
      break;
    }
    words.resize(words.size() - 2);
  }
  return true;
}

bool parse_words(Words words, pacl_rule &rule) {
  auto action = std::ranges::find(action_names, words[0]);
  if (action == action_names.end())
    return false;
  rule.action = static_cast<u8>(action - action_names.begin());
  if (rule.action == PACL_RESERVE) {
    rule.kind = PACL_NOBODY;
    return words.size() == 2 && parse_ports(words[1], rule);
  }
  if (words.size() > 1 && words[1] == "each") {
    rule.kind = PACL_EACH;
    return rule.action == PACL_ALLOW && words.size() == 4 &&
           parse_each(words[2], words[3], rule);
  }
  if (!parse_terms(words, rule) || words.size() < 3)
    return false;
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

std::string format_prefix(const pacl_rule &rule) {
  std::string text = reference_format_address(rule.prefix);
  unsigned all = text.find('.') == text.npos ? 128 : 32;
  unsigned length = rule.prefix_len - (128 - all);
  return length == all ? text : text + '/' + std::to_string(length);
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
  std::string text = std::string(action_names[rule.action]) + ' ';
  const pacl_range &first = rule.range[0];
  if (rule.kind == PACL_EACH) {
    text += "each " + std::to_string(rule.id) + '-' +
            std::to_string(rule.last_id) + ' ' + std::to_string(first.lo) +
            '+' + std::to_string(rule.each);
  } else {
    if (rule.kind == PACL_ANY)
      text += "any ";
    else if (rule.kind != PACL_NOBODY)
      text += (rule.kind == PACL_USER ? "user " : "group ") +
              std::to_string(rule.id) + ' ';
    for (unsigned at = 0; at < rule.count; at++) {
      const pacl_range &range = rule.range[at];
      text += (at ? "," : "") + std::to_string(range.lo);
      if (range.hi != range.lo)
        text += '-' + std::to_string(range.hi);
    }
  }
  if (rule.proto != PACL_PROTO_ANY)
    text += '/' + std::string(proto_names[rule.proto]);
  if (rule.on)
    text += " on " + format_prefix(rule);
  if (rule.until)
    text += " until " + std::to_string(rule.until);
  return text;
}

bool reference_parse_address(std::string_view text, pacl_addr &addr) {
  std::string terminated(text);
  std::array<unsigned char, 16> bytes = {};
  if (terminated.find('\0') != text.npos)
    return false;
  if (inet_pton(AF_INET, terminated.c_str(), bytes.data() + 12) == 1)
    bytes[10] = bytes[11] = 0xff;
  else if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) != 1)
    return false;
  addr = {};
  for (unsigned at = 0; at < 8; at++) {
    addr.hi = addr.hi << 8 | bytes[at];
    addr.lo = addr.lo << 8 | bytes[8 + at];
  }
  return true;
}

std::string reference_format_address(pacl_addr addr) {
  std::string text;
  if (addr.hi == 0 && addr.lo >> 32 == 0xffff) {
    for (unsigned shift : {24, 16, 8, 0})
      text += std::to_string(addr.lo >> shift & 255) + (shift ? "." : "");
    return text;
  }
  // The whole of it first, each group behind a colon, then the longest run of
  // zeros taken out.
  for (u64 half : {addr.hi, addr.lo})
    for (unsigned shift : {48, 32, 16, 0}) {
      char group[8];
      snprintf(group, sizeof group, ":%x",
               static_cast<unsigned>(half >> shift & 0xffff));
      text += group;
    }
  text += ':';
  for (std::string zeros = ":0:0:0:0:0:0:0:0:"; zeros.size() >= 5;
       zeros.resize(zeros.size() - 2)) {
    size_t at = text.find(zeros);
    if (at == text.npos)
      continue;
    text.replace(at, zeros.size(), "::");
    // A colon at an end belongs to the gap alone.
    if (at != 0)
      text.erase(0, 1);
    if (!text.ends_with("::"))
      text.pop_back();
    return text;
  }
  return text.substr(1, text.size() - 2);
}

void reference_set_prefix(pacl_rule &rule, pacl_addr addr, unsigned length) {
  rule.on = 1;
  rule.prefix_len = static_cast<u8>(length);
  rule.prefix = {};
  for (unsigned at = 0; at < length; at++) {
    u64 bit = u64{1} << (63 - at % 64);
    if (at < 64)
      rule.prefix.hi |= addr.hi & bit;
    else
      rule.prefix.lo |= addr.lo & bit;
  }
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
  auto order = [](u64 x, u64 y) { return x < y ? -1 : x > y; };
  auto conditional = [](const pacl_rule &rule) {
    return rule.on || rule.until ? 1 : 0;
  };
  int by = order(a.kind, b.kind);
  if (!by && a.kind == PACL_USER)
    by = order(a.id & 1023, b.id & 1023);
  if (!by)
    by = order(a.id, b.id);
  if (!by)
    by = order(conditional(a), conditional(b));
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
  // Then the terms, then fewer ranges before more, then range by range.
  if (!by)
    by = order(a.on, b.on);
  if (!by)
    by = order(a.prefix_len, b.prefix_len);
  if (!by)
    by = order(a.prefix.hi, b.prefix.hi);
  if (!by)
    by = order(a.prefix.lo, b.prefix.lo);
  if (!by)
    by = order(a.until, b.until);
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
