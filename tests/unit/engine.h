// SPDX-License-Identifier: GPL-2.0-only
// The engine's C interface as the tests like to use it.

#ifndef ENGINE_H
#define ENGINE_H

#include "core/match.h"
#include "core/parse.h"
#include "core/policy.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reference_match.h"

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

/// Whether the settings and counters of a policy are those of a model.
bool counts_agree(const pacl_policy *policy, const RuleSet &rules);

/// The address that a text means, of either family. The text must be right.
pacl_addr addr_of(std::string_view text);

/// The first atom of a rule of a policy, nullptr when it is not there.
const pacl_atom *find(const pacl_policy *policy, std::string_view text);

/// Notes which rules of a policy have ended, as RuleSet::note_ends() does.
void note_ends(const pacl_policy *policy, const RuleSet &rules, pacl_clock now);

/// The action of the rule that a verdict comes from, if one does.
std::optional<u8> deciding_action(pacl_verdict verdict);

/// A request with its groups.
struct Request {
  u32 uid = 0;
  u32 gid = 0;
  std::vector<u32> groups = {};
  u16 port = 0;
  u8 proto = PACL_PROTO_TCP;
  pacl_addr addr = {0, 0};
  pacl_clock now = {0, 0};
  bool privileged = false;

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
  /// The time from which ends count; 0 and 0 after a beginning.
  void set_now(pacl_clock now) { txn_->now = now; }
  const pacl_policy *policy() const { return txn_->policy; }
  pacl_policy *settings() { return txn_->policy; }
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
  /// Changes the settings in a transaction, as all else.
  template <typename Setter> int set(Setter setter) {
    Transaction txn;
    int err = txn.begin(policy_);
    if (!err) {
      setter(*txn.settings());
      commit(txn);
    }
    return err;
  }
  void commit(Transaction &txn);

  /// The time of insert().
  pacl_clock now = {0, 0};

private:
  pacl_policy *policy_;
};

#endif // ENGINE_H
