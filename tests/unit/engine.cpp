// SPDX-License-Identifier: GPL-2.0-only

#include "engine.h"

#include "core/format.h"

#include <cstdio>
#include <cstdlib>

pacl_rule rule_of(std::string_view text) {
  pacl_rule rule = {};
  pacl_error err = {};
  if (pacl_parse_line(text.data(), text.size(), &rule, &err) != 1) {
    fprintf(stderr, "not a rule: %.*s: column %u: %s\n",
            static_cast<int>(text.size()), text.data(), err.column,
            pacl_error_text(err.code));
    ::abort();
  }
  return rule;
}

std::string text_of(const pacl_rule &rule) {
  // On the heap, so that a byte too many is seen.
  std::vector<char> buffer(PACL_MAX_RULE_TEXT);
  size_t size = pacl_format(&rule, buffer.data(), buffer.size());
  return std::string(buffer.data(), size);
}

pacl_rule user_rule(u32 uid, u16 lo, u16 hi) {
  pacl_rule rule = {};
  rule.action = PACL_ALLOW;
  rule.kind = PACL_USER;
  rule.count = 1;
  rule.id = rule.last_id = uid;
  rule.range[0] = {lo, hi};
  return rule;
}

std::vector<std::string> list(const pacl_policy *policy) {
  std::vector<std::string> lines;
  const pacl_atom *atom = nullptr;
  while ((atom = pacl_policy_next(policy, atom))) {
    pacl_rule rule;
    pacl_atom_rule(atom, &rule);
    lines.push_back(text_of(rule));
  }
  return lines;
}

std::vector<std::string> list(const RuleSet &rules) {
  std::vector<std::string> lines;
  for (const pacl_rule &rule : rules)
    lines.push_back(reference_format(rule));
  return lines;
}

u32 atoms_of(const RuleSet &rules) {
  u32 sum = 0;
  for (const pacl_rule &rule : rules)
    sum += rule.count;
  return sum;
}

pacl_request Request::view() const {
  return {groups.data(), static_cast<u32>(groups.size()), uid, gid, port,
          proto};
}

int Transaction::begin(const pacl_policy *base) {
  abort();
  int err = pacl_txn_begin(txn_.get(), base);
  open_ = err == 0;
  return err;
}

pacl_policy *Transaction::commit(pacl_pile *stale) {
  open_ = false;
  return pacl_txn_commit(txn_.get(), stale);
}

void Transaction::abort() {
  if (open_)
    pacl_txn_abort(txn_.get());
  open_ = false;
}

int Engine::insert(const pacl_rule &rule) {
  Transaction txn;
  int err = txn.begin(policy_);
  if (!err)
    err = txn.insert(rule);
  if (!err)
    commit(txn);
  return err;
}

int Engine::remove(const pacl_rule &rule) {
  Transaction txn;
  int err = txn.begin(policy_);
  if (!err)
    err = txn.remove(rule);
  if (!err)
    commit(txn);
  return err;
}

void Engine::commit(Transaction &txn) {
  pacl_pile stale = {};
  policy_ = txn.commit(&stale);
  pacl_pile_free(&stale);
}
