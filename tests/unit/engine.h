// SPDX-License-Identifier: GPL-2.0-only
// The engine's C interface as the tests like to use it.

#ifndef ENGINE_H
#define ENGINE_H

#include "core/match.h"
#include "core/parse.h"
#include "core/policy.h"

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "reference_text.h"

/// A set of rules in the order of a listing: the model of a policy.
using RuleSet = std::set<pacl_rule, ReferenceLess>;

/// The rule that a text means. The text must be right: anything else ends the
/// program.
pacl_rule rule_of(std::string_view text);

/// The canonical text of a rule, by the engine.
std::string text_of(const pacl_rule &rule);

/// One rule of a user without protocol, from ports lo to hi.
pacl_rule user_rule(u32 uid, u16 lo, u16 hi);

/// Every rule of a policy as the engine lists it.
std::vector<std::string> list(const pacl_policy *policy);

/// The same of a model.
std::vector<std::string> list(const RuleSet &rules);

/// Atoms of a model.
u32 atoms_of(const RuleSet &rules);

/// A request with its groups.
struct Request {
  u32 uid = 0;
  u32 gid = 0;
  std::vector<u32> groups = {};
  u16 port = 0;
  u8 proto = PACL_PROTO_TCP;

  pacl_request view() const;
};

/// A transaction; aborts what was not committed.
class Transaction {
public:
  Transaction() : txn_(std::make_unique<pacl_txn>()) {}
  ~Transaction() { abort(); }
  Transaction(const Transaction &) = delete;
  Transaction &operator=(const Transaction &) = delete;

  int begin(const pacl_policy *base);
  int insert(const pacl_rule &rule) { return pacl_insert(txn_.get(), &rule); }
  int remove(const pacl_rule &rule) { return pacl_remove(txn_.get(), &rule); }
  int insert(std::string_view text) { return insert(rule_of(text)); }
  int remove(std::string_view text) { return remove(rule_of(text)); }
  const pacl_policy *policy() const { return txn_->policy; }
  pacl_policy *commit(pacl_pile *stale);
  void abort();

private:
  std::unique_ptr<pacl_txn> txn_;
  bool open_ = false;
};

/// A policy that changes as the kernel's does: one transaction a change, the
/// old one freed after each.
class Engine {
public:
  Engine() : policy_(pacl_policy_new()) {}
  explicit Engine(pacl_policy *policy) : policy_(policy) {}
  ~Engine() { pacl_policy_free(policy_); }
  Engine(const Engine &) = delete;
  Engine &operator=(const Engine &) = delete;

  const pacl_policy *get() const { return policy_; }
  int insert(const pacl_rule &rule);
  int remove(const pacl_rule &rule);
  int insert(std::string_view text) { return insert(rule_of(text)); }
  int remove(std::string_view text) { return remove(rule_of(text)); }
  void commit(Transaction &txn);

private:
  pacl_policy *policy_;
};

#endif // ENGINE_H
