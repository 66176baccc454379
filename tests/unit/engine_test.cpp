// SPDX-License-Identifier: GPL-2.0-only

#include "engine_test.h"

#include "core/format.h"
#include "reference_match.h"

#include <algorithm>

// Weights are of user, group, any, each.
const std::vector<Shape> shapes = {
    {"few", 0, 3, 1, 12, {3, 2, 1, 2}, 3, 4, 3},
    {"users", 1000, 40, 60, 90, {1, 0, 0, 0}, 4, 6, 0},
    {"nested", 5, 1, 1, 400, {1, 0, 0, 0}, 1, 400, 0},
    {"groups", 0, 300, 400, 60, {0, 1, 0, 0}, 3, 4, 120},
    {"each", 990, 60, 1, 600, {1, 0, 0, 6}, 1, 3, 0},
    {"any", 0, 8, 1, 300, {1, 1, 6, 1}, 5, 20, 4},
    {"sparse", 0, 4294967295U, 1, 65535, {4, 4, 1, 2}, 4, 3000, 8},
    {"top", 4294967200U, 95, 65500, 36, {3, 3, 1, 3}, 3, 6, 8},
    {"halves", 2147483640U, 16, 32760, 16, {3, 3, 1, 3}, 3, 6, 8},
    {"digits", 65530, 12, 250, 12, {3, 3, 1, 3}, 3, 300, 8},
    {"strided", 7, 200, 1, 40, {6, 3, 0, 1}, 2, 6, 8, 1024},
    {"wide_strides", 3, 60, 1, 40, {6, 3, 0, 1}, 2, 6, 8, 67108864},
    {"lists", 7, 2, 1, 200, {2, 2, 1, 0}, 64, 2, 2},
};

void PrintTo(const Shape &shape, std::ostream *out) { *out << shape.name; }

pacl_rule Random::rule() {
  pacl_rule rule = {};
  unsigned sum = 0;
  for (unsigned weight : shape_.weight)
    sum += weight;
  unsigned at = below(sum);
  while (at >= shape_.weight[rule.kind])
    at -= shape_.weight[rule.kind++];
  rule.action = PACL_ALLOW;
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
  if (rule.kind != PACL_ANY)
    rule.id = rule.last_id = id();
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
           << '/' << pacl_proto_name(request.proto) << ": ";
    return answer;
  };
  pacl_request view = request.view();
  pacl_atom never = {};
  const pacl_atom *why = &never;
  pacl_verdict verdict = pacl_match(policy, &view, &why);
  pacl_verdict expected = reference_match(rules, view);

  if (verdict != expected)
    return failure() << "verdict " << verdict << ", expected " << expected;
  if (verdict == PACL_DEFAULT) {
    if (why)
      return failure() << "no rule applies, but one is named";
    return testing::AssertionSuccess();
  }
  if (!why || why == &never)
    return failure() << "granted, but no rule is named";
  pacl_rule rule;
  pacl_atom_rule(why, &rule);
  if (!rules.contains(rule))
    return failure() << "named a rule that is not there: " << text_of(rule);
  if (!reference_matches(rule, view))
    return failure() << "named a rule that does not apply: " << text_of(rule);
  return testing::AssertionSuccess();
}
