// SPDX-License-Identifier: GPL-2.0-only

#include "engine_test.h"

#include "core/format.h"

#include <algorithm>
#include <array>

// Weights are of user, group, any, each, reservations.
const std::vector<Shape> shapes = {
    {"few", 0, 3, 1, 12, {3, 2, 1, 2, 1}, 3, 4, 3},
    {"users", 1000, 40, 60, 90, {1, 0, 0, 0}, 4, 6, 0},
    {"nested", 5, 1, 1, 400, {1, 0, 0, 0}, 1, 400, 0},
    {"groups", 0, 300, 400, 60, {0, 1, 0, 0}, 3, 4, 120},
    {"each", 990, 60, 1, 600, {1, 0, 0, 6}, 1, 3, 0},
    {"any", 0, 8, 1, 300, {1, 1, 6, 1, 1}, 5, 20, 4},
    {"sparse", 0, 4294967295U, 1, 65535, {4, 4, 1, 2, 1}, 4, 3000, 8},
    {"top", 4294967200U, 95, 65500, 36, {3, 3, 1, 3, 1}, 3, 6, 8},
    {"halves", 2147483640U, 16, 32760, 16, {3, 3, 1, 3, 1}, 3, 6, 8},
    {"digits", 65530, 12, 250, 12, {3, 3, 1, 3, 1}, 3, 300, 8},
    {"strided", 7, 200, 1, 40, {6, 3, 0, 1, 1}, 2, 6, 8, 1024},
    {"wide_strides", 3, 60, 1, 40, {6, 3, 0, 1, 1}, 2, 6, 8, 67108864},
    {"lists", 7, 2, 1, 200, {2, 2, 1, 0, 1}, 64, 2, 2},
    {"plain", 0, 3, 1, 12, {3, 2, 1, 2}, 3, 4, 3, 1, 0, 0, 0},
    {"denied", 0, 3, 1, 16, {3, 2, 1, 1, 2}, 3, 4, 3, 1, 50, 0, 0},
    {"prefixes", 0, 3, 1, 9, {3, 2, 1, 1, 1}, 2, 3, 3, 1, 40, 90, 0},
    {"ends", 0, 3, 1, 9, {3, 2, 1, 1, 1}, 2, 3, 3, 1, 40, 0, 90},
    {"terms", 0, 4, 1, 12, {3, 2, 1, 1, 1}, 3, 4, 3, 1, 40, 60, 60},
    {"reserved", 0, 30, 1, 200, {4, 2, 0, 2, 6}, 3, 40, 3},
};

void PrintTo(const Shape &shape, std::ostream *out) { *out << shape.name; }

namespace {

// Few addresses, near each other and at the ends of prefixes.
constexpr std::array ipv4_addresses = {
    "0.0.0.0",   "10.0.0.0",  "10.1.0.0",       "10.1.2.3",
    "10.1.2.2",  "127.0.0.1", "127.255.255.1",  "128.0.0.1",
    "192.0.2.1", "0.0.0.1",   "255.255.255.255"};
constexpr std::array<unsigned, 10> ipv4_lengths = {0,  1,  8,  9,  16,
                                                   24, 30, 31, 32, 32};
// Some of them look like IPv4 addresses and are none.
constexpr std::array ipv6_addresses = {"::",
                                       "::1",
                                       "2001:db8::",
                                       "2001:db8::1",
                                       "2001:db8:0:1::",
                                       "2001:db8:0:1::7",
                                       "8000::1",
                                       "::10.1.2.3",
                                       "::fffe:10.1.2.3",
                                       "::1:ffff:10.1.2.3",
                                       "64:ff9b::10.1.2.3",
                                       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:"
                                       "ffff"};
constexpr std::array<unsigned, 13> ipv6_lengths = {0,  1,  32, 63,  64,  65, 79,
                                                   95, 96, 97, 127, 128, 128};

// Ends lie among the times of Random::clock().
constexpr u32 last_end = 50;

} // namespace

pacl_addr Random::addr() {
  return addr_of(below(2) ? ipv4_addresses[below(ipv4_addresses.size())]
                          : ipv6_addresses[below(ipv6_addresses.size())]);
}

void Random::terms(pacl_rule &rule) {
  if (below(100) < shape_.on) {
    pacl_addr from = addr();
    unsigned length = pacl_addr_is_ipv4(from)
                          ? 96 + ipv4_lengths[below(ipv4_lengths.size())]
                          : ipv6_lengths[below(ipv6_lengths.size())];
    reference_set_prefix(rule, from, length);
  }
  if (below(100) < shape_.until)
    rule.until = 1 + below(last_end);
}

pacl_rule Random::rule() {
  pacl_rule rule = {};
  unsigned sum = 0;
  for (unsigned weight : shape_.weight)
    sum += weight;
  unsigned at = below(sum);
  while (at >= shape_.weight[rule.kind])
    at -= shape_.weight[rule.kind++];
  if (rule.kind == PACL_NOBODY)
    rule.action = PACL_RESERVE;
  else if (rule.kind != PACL_EACH && below(100) < shape_.deny)
    rule.action = PACL_DENY;
  rule.proto = static_cast<u8>(below(2) ? 0 : below(PACL_PROTOS));

  auto port = [&] {
    return static_cast<u16>(shape_.first_port + below(shape_.ports));
  };
  if (rule.kind == PACL_EACH) {
    u16 base = port();
    u32 room = 65536 - base;
    rule.each = static_cast<u16>(1 + below(std::min(room, shape_.max_width)));
    rule.id = id();
    u32 uids = std::min(room / rule.each, PACL_MAX_ID - rule.id + 1);
    rule.last_id = rule.id + below(std::min(uids, shape_.ids));
    rule.count = 1;
    rule.range[0] = {
        base,
        static_cast<u16>(base + rule.each * (rule.last_id - rule.id + 1) - 1)};
    return rule;
  }
  if (rule.kind != PACL_ANY && rule.kind != PACL_NOBODY)
    rule.id = rule.last_id = id();
  if (rule.kind != PACL_NOBODY)
    terms(rule);
  std::vector<pacl_range> ranges;
  for (unsigned items = 1 + below(shape_.max_items); items; items--) {
    u16 lo = port();
    u32 hi = lo + (below(2) ? 0 : below(shape_.max_width));
    ranges.push_back({lo, static_cast<u16>(std::min(hi, 65535U))});
  }
  reference_set_ranges(rule, ranges);
  return rule;
}

const pacl_rule &Random::pick(const RuleSet &rules) {
  return *std::next(rules.begin(), below(static_cast<u32>(rules.size())));
}

Request Random::request(const RuleSet &rules) {
  Request request;
  request.uid = id();
  request.gid = id();
  request.port = static_cast<u16>(shape_.first_port + below(shape_.ports));
  request.proto = static_cast<u8>(below(PACL_PROTOS));
  request.addr = addr();
  request.now = clock();
  request.privileged = below(2);
  for (u32 left = below(shape_.max_groups + 1); left; left--)
    request.groups.push_back(id());
  if (rules.empty() || below(4) == 0) {
    std::ranges::sort(request.groups);
    return request;
  }

  const pacl_rule &rule = pick(rules);
  const pacl_range &range = rule.range[below(rule.count)];
  switch (below(4)) {
  case 0:
    request.port = range.lo;
    break;
  case 1:
    request.port = range.hi;
    break;
  case 2: // 0 is a port to ask for
    request.port = static_cast<u16>(range.lo - 1);
    break;
  default:
    request.port = static_cast<u16>(range.hi + 1);
  }
  if (below(8) && rule.kind == PACL_EACH) {
    u32 uids = rule.last_id - rule.id + 1;
    u32 nth = below(uids);
    request.uid = rule.id + nth;
    request.port = static_cast<u16>(range.lo + nth * rule.each +
                                    below(rule.each + 2U) - below(2));
  } else if (below(8)) {
    request.uid = rule.id;
    if (below(2))
      request.gid = rule.id;
    else if (shape_.max_groups)
      request.groups.push_back(rule.id);
  }
  if (rule.on && below(2)) {
    // Inside the prefix, or just outside.
    request.addr = rule.prefix;
    if (below(2))
      request.addr.lo ^= u64{1} << below(33);
    else if (rule.prefix_len && rule.prefix_len <= 64 && below(2))
      request.addr.hi ^= u64{1} << (64 - rule.prefix_len);
  }
  if (rule.until && below(4) == 0)
    request.now.wall = rule.until - below(2);
  if (below(4))
    request.proto = rule.proto ? rule.proto : request.proto;
  std::ranges::sort(request.groups);
  return request;
}

testing::AssertionResult agree(const pacl_policy *policy, const RuleSet &rules,
                               const Request &request) {
  auto failure = [&] {
    auto answer = testing::AssertionFailure();
    answer << "uid " << request.uid << " gid " << request.gid << " groups "
           << testing::PrintToString(request.groups) << " port " << request.port
           << '/' << pacl_proto_name(request.proto) << " on "
           << reference_format_address(request.addr) << " at "
           << request.now.wall << ' ' << request.now.boot << ": ";
    return answer;
  };
  pacl_request view = request.view();
  pacl_atom never = {};
  const pacl_atom *why = &never;
  pacl_verdict verdict = pacl_match(policy, &view, &why);
  pacl_verdict expected = rules.verdict(view);

  if (verdict != expected)
    return failure() << "verdict " << pacl_verdict_name(verdict)
                     << ", expected " << pacl_verdict_name(expected);
  if (why == &never)
    return failure() << "the rule was left unset";
  std::optional<u8> action = deciding_action(verdict);
  // What an allow no longer grants may name it.
  if (!action && rules.closing && why)
    action = PACL_ALLOW;
  if (!action && why)
    return failure() << "no rule decides, but one is named";
  if (action && !why)
    return failure() << "a rule decides, but none is named";
  if (why) {
    pacl_rule rule;
    pacl_atom_rule(why, &rule);
    if (!rules.contains(rule))
      return failure() << "named a rule that is not there: " << text_of(rule);
    if (rule.action != *action)
      return failure() << "named a rule of another action: " << text_of(rule);
    if (!rules.applies(rule, view))
      return failure() << "named a rule that does not apply: " << text_of(rule);
    if (pacl_policy_find(policy, why) != pacl_atom_head(why))
      return failure() << "the rule is not found where it decided: "
                       << text_of(rule);
  }
  note_ends(policy, rules, request.now);
  return testing::AssertionSuccess();
}
