// SPDX-License-Identifier: GPL-2.0-only

#include "reference_match.h"

#include <algorithm>
#include <cstdint>
#include <span>

bool reference_matches(const pacl_rule &rule, const pacl_request &request) {
  std::span groups(request.groups, request.group_count);
  std::span ranges(rule.range, rule.count);

  if (request.port == 0)
    return false;
  if (rule.proto != PACL_PROTO_ANY && rule.proto != request.proto)
    return false;
  switch (rule.kind) {
  case PACL_USER:
    if (request.uid != rule.id)
      return false;
    break;
  case PACL_GROUP:
    if (request.gid != rule.id && std::ranges::count(groups, rule.id) == 0)
      return false;
    break;
  case PACL_EACH: {
    if (request.uid < rule.id || request.uid > rule.last_id)
      return false;
    int64_t first =
        rule.range[0].lo + int64_t{rule.each} * (request.uid - rule.id);
    return request.port >= first && request.port < first + rule.each;
  }
  default: // any
    break;
  }
  return std::ranges::any_of(ranges, [&](const pacl_range &range) {
    return request.port >= range.lo && request.port <= range.hi;
  });
}
