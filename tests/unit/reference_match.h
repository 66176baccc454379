// SPDX-License-Identifier: GPL-2.0-only
// What rules mean, in the plainest words: a linear scan to compare with.

#ifndef REFERENCE_MATCH_H
#define REFERENCE_MATCH_H

#include "reference_text.h"

#include <initializer_list>
#include <map>
#include <memory>
#include <set>
#include <utility>

/// Whether the bound address is one that a rule is for.
bool reference_address_matches(const pacl_rule &rule, pacl_addr bound);

/// Whether a rule applies to a request, as long as it has not ended.
bool reference_matches(const pacl_rule &rule, const pacl_request &request);

/// The model of a policy: a set of rules in the order of a listing, and the
/// settings.
class RuleSet {
public:
  using Rules = std::set<pacl_rule, ReferenceLess>;

  RuleSet() = default;
  RuleSet(std::initializer_list<pacl_rule> rules) {
    for (const pacl_rule &rule : rules)
      insert(rule);
  }

  u8 mode = PACL_MODE_ENFORCE;
  bool strict = false;
  bool closing = false;
  /// From when the rules that end count; one whose end is past has ended.
  pacl_clock now = {0, 0};

  Rules::const_iterator begin() const { return rules_.begin(); }
  Rules::const_iterator end() const { return rules_.end(); }
  size_t size() const { return rules_.size(); }
  bool empty() const { return rules_.empty(); }
  bool contains(const pacl_rule &rule) const { return rules_.contains(rule); }
  std::pair<Rules::const_iterator, bool> insert(const pacl_rule &rule);
  size_t erase(const pacl_rule &rule);
  void erase(Rules::const_iterator rule) { erase(pacl_rule(*rule)); }

  /// Atoms of all rules.
  u32 atoms() const;

  /// Whether a rule has ended. Changes nothing; see note_ends().
  bool ended(const pacl_rule &rule, pacl_clock now) const;

  /// Notes which rules have ended: they stay so, here and in every copy that
  /// has them from the same insertion.
  void note_ends(pacl_clock now) const;

  /// Whether a rule applies to a request now.
  bool applies(const pacl_rule &rule, const pacl_request &request) const {
    return reference_matches(rule, request) && !ended(rule, request.now);
  }

  pacl_verdict verdict(const pacl_request &request) const;

private:
  struct End {
    u64 deadline;
    bool ended = false;
  };

  bool any(u8 action, const pacl_request &request) const;

  Rules rules_;
  std::map<pacl_rule, std::shared_ptr<End>, ReferenceLess> ends_;
};

#endif // REFERENCE_MATCH_H
