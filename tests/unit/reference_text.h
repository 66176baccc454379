// SPDX-License-Identifier: GPL-2.0-only
// A second reader and writer of rule text, made from the grammar in another
// way than the engine's: slow, with strings, to compare with.

#ifndef REFERENCE_TEXT_H
#define REFERENCE_TEXT_H

#include "core/rule.h"

#include <string>
#include <string_view>
#include <vector>

struct ReferenceLine {
  int result; // of pacl_parse_line(): 1, 0 or -EINVAL
  pacl_rule rule;
};

/// Reads one line without its newline.
ReferenceLine reference_parse(std::string_view line);

/// The canonical text of a rule.
std::string reference_format(const pacl_rule &rule);

/// Reads an address of either family, by inet_pton(3).
bool reference_parse_address(std::string_view text, pacl_addr &addr);

/// The canonical text of an address: dotted IPv4, or RFC 5952 without the mixed
/// notation.
std::string reference_format_address(pacl_addr addr);

/// Sorts and merges ranges; fills count and range.
void reference_set_ranges(pacl_rule &rule,
                          const std::vector<pacl_range> &ranges);

/// Sets the prefix of a rule: so many bits of an address, counted as in IPv6.
void reference_set_prefix(pacl_rule &rule, pacl_addr addr, unsigned length);

/// Whether two rules are the same rule.
bool reference_same(const pacl_rule &a, const pacl_rule &b);

/// The order of a listing, as pacl_policy_next() describes it. Negative, 0 or
/// positive.
int reference_compare(const pacl_rule &a, const pacl_rule &b);

struct ReferenceLess {
  bool operator()(const pacl_rule &a, const pacl_rule &b) const {
    return reference_compare(a, b) < 0;
  }
};

#endif // REFERENCE_TEXT_H
