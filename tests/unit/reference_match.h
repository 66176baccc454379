// SPDX-License-Identifier: GPL-2.0-only
// What a rule means, in the plainest words: a linear scan to compare with.

#ifndef REFERENCE_MATCH_H
#define REFERENCE_MATCH_H

#include "core/rule.h"

/// Whether one rule applies to a request.
bool reference_matches(const pacl_rule &rule, const pacl_request &request);

/// The verdict of a set of rules, any range of them.
template <typename Rules>
pacl_verdict reference_match(const Rules &rules, const pacl_request &request) {
  for (const pacl_rule &rule : rules)
    if (reference_matches(rule, request))
      return PACL_GRANT;
  return PACL_DEFAULT;
}

#endif // REFERENCE_MATCH_H
