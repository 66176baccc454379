// SPDX-License-Identifier: GPL-2.0-only

#include "reference_match.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace {

// The bits of an address, the first one first.
std::array<bool, 128> bits_of(pacl_addr addr) {
  std::array<bool, 128> bits = {};
  for (unsigned at = 0; at < 64; at++) {
    bits[at] = addr.hi >> (63 - at) & 1;
    bits[64 + at] = addr.lo >> (63 - at) & 1;
  }
  return bits;
}

bool is_ipv4(pacl_addr addr) {
  auto bits = bits_of(addr);
  return std::count(bits.begin(), bits.begin() + 80, true) == 0 &&
         std::count(bits.begin() + 80, bits.begin() + 96, true) == 16;
}

bool same_addr(pacl_addr a, pacl_addr b) {
  return a.hi == b.hi && a.lo == b.lo;
}

// Families of a bound address or a prefix.
struct Families {
  bool ipv4, ipv6;
};

Families families_of(pacl_addr bound) {
  bool both = same_addr(bound, {0, 0});
  return {both || is_ipv4(bound), both || !is_ipv4(bound)};
}

bool contains(const pacl_rule &rule, pacl_addr addr) {
  auto prefix = bits_of(rule.prefix), bits = bits_of(addr);
  return std::equal(prefix.begin(), prefix.begin() + rule.prefix_len,
                    bits.begin());
}

bool ports_match(const pacl_rule &rule, const pacl_request &request) {
  if (rule.kind == PACL_EACH) {
    int64_t first =
        rule.range[0].lo + int64_t{rule.each} * (request.uid - rule.id);
    return request.port >= first && request.port < first + rule.each;
  }
  return std::ranges::any_of(
      std::span(rule.range, rule.count), [&](const pacl_range &range) {
        return request.port >= range.lo && request.port <= range.hi;
      });
}

bool subject_matches(const pacl_rule &rule, const pacl_request &request) {
  std::span groups(request.groups, request.group_count);
  switch (rule.kind) {
  case PACL_USER:
    return request.uid == rule.id;
  case PACL_GROUP:
    return request.gid == rule.id || std::ranges::count(groups, rule.id) != 0;
  case PACL_EACH:
    return request.uid >= rule.id && request.uid <= rule.last_id;
  default: // any; a reservation, which is for all
    return true;
  }
}

} // namespace

bool reference_address_matches(const pacl_rule &rule, pacl_addr bound) {
  if (!rule.on)
    return true;
  bool prefix_ipv4 = rule.prefix_len >= 96 && is_ipv4(rule.prefix);
  Families families = families_of(bound);
  bool wildcard =
      same_addr(bound, {0, 0}) || same_addr(bound, {0, uint64_t{0xffff} << 32});
  if (rule.action == PACL_DENY) {
    if (!(prefix_ipv4 ? families.ipv4 : families.ipv6))
      return false;
    return wildcard || contains(rule, bound);
  }
  // No prefix holds both families.
  if (families.ipv4 && families.ipv6)
    return false;
  if (prefix_ipv4 != families.ipv4)
    return false;
  // A wildcard is the whole family.
  if (wildcard)
    return rule.prefix_len == 96;
  return contains(rule, bound);
}

bool reference_matches(const pacl_rule &rule, const pacl_request &request) {
  if (request.port == 0)
    return false;
  if (rule.proto != PACL_PROTO_ANY && rule.proto != request.proto)
    return false;
  return subject_matches(rule, request) && ports_match(rule, request) &&
         reference_address_matches(rule, request.addr);
}

std::pair<RuleSet::Rules::const_iterator, bool>
RuleSet::insert(const pacl_rule &rule) {
  auto inserted = rules_.insert(rule);
  if (inserted.second && rule.until) {
    u64 left = rule.until > now.wall ? rule.until - now.wall : 0;
    ends_[rule] = std::make_shared<End>(End{now.boot + left, left == 0});
  }
  return inserted;
}

size_t RuleSet::erase(const pacl_rule &rule) {
  ends_.erase(rule);
  return rules_.erase(rule);
}

u32 RuleSet::atoms() const {
  u32 sum = 0;
  for (const pacl_rule &rule : rules_)
    sum += rule.count;
  return sum;
}

bool RuleSet::ended(const pacl_rule &rule, pacl_clock at) const {
  auto found = ends_.find(rule);
  if (found == ends_.end())
    return false;
  const End &end = *found->second;
  bool wall = at.wall >= rule.until;
  bool boot = at.boot >= end.deadline;
  return end.ended || (rule.action == PACL_DENY ? wall && boot : wall || boot);
}

void RuleSet::note_ends(pacl_clock at) const {
  for (const auto &[rule, end] : ends_)
    end->ended = ended(rule, at);
}

bool RuleSet::any(u8 action, const pacl_request &request) const {
  return std::ranges::any_of(rules_, [&](const pacl_rule &rule) {
    return rule.action == action && applies(rule, request);
  });
}

pacl_verdict RuleSet::verdict(const pacl_request &request) const {
  if (request.port == 0 || mode == PACL_MODE_OFF)
    return PACL_DEFAULT;
  if (any(PACL_DENY, request))
    return PACL_DENIED;
  if (any(PACL_ALLOW, request))
    return closing ? PACL_DEFAULT : PACL_GRANT;
  if (any(PACL_RESERVE, request))
    return PACL_RESERVED;
  if (strict && request.privileged)
    return PACL_STRICT;
  return PACL_DEFAULT;
}
