// SPDX-License-Identifier: GPL-2.0-only
// The C++ face of the policy engine.

#ifndef PORTACL_LIB_POLICY_H
#define PORTACL_LIB_POLICY_H

#include <memory>
#include <string>
#include <string_view>

#include "lib/engine.h"
#include "lib/result.h"

struct pacl_policy;

namespace portacl {

// The canonical text of a rule, with numbers. Two rules are the same rule
// exactly when their texts are equal.
std::string rule_text(const pacl_rule &rule);

bool covers_port(const pacl_rule &rule, uint16_t port);

// Whether its "until" is past by the wall clock.
bool has_ended(const pacl_rule &rule);

// A canonical text without its "until".
std::string without_end(const std::string &numeric);

// Whether one rule, canonical, applies to a bind; the engine says so.
bool rule_matches(const std::string &numeric, const pacl_request &request);

// Parses canonical text, which cannot fail but by a bug.
pacl_rule rule_from_text(std::string_view text);

struct Decision {
  pacl_verdict verdict = PACL_DEFAULT;
  std::string rule = {}; // canonical text of the one that decided, if one did
};

// A policy to ask; its rules are given once.
class Policy final {
public:
  // The texts are canonical. Fails with Code::policy when they are more than
  // a policy can hold.
  template <class Range>
  static Result<Policy> make(const Range &texts, bool strict = false) {
    Builder builder(strict);
    for (const auto &text : texts) {
      if (auto added = builder.add(text); !added)
        return added.error();
    }
    return builder.finish();
  }

  // As the engine decides in mode enforce.
  Decision decide(const pacl_request &request) const;

private:
  struct Free {
    void operator()(pacl_policy *policy) const;
  };
  using Handle = std::unique_ptr<pacl_policy, Free>;

  class Builder final {
  public:
    explicit Builder(bool strict);
    ~Builder();
    Builder(const Builder &) = delete;
    Builder &operator=(const Builder &) = delete;
    Result<void> add(std::string_view text);
    Result<Policy> finish();

  private:
    struct Transaction;
    std::unique_ptr<Transaction> transaction_;
  };

  explicit Policy(pacl_policy *policy) : policy_(policy) {}

  Handle policy_;
};

} // namespace portacl

#endif
