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

bool counts_agree(const pacl_policy *policy, const RuleSet &rules) {
  u32 each = 0, deny = 0, reserve = 0, conditional = 0, timed = 0;
  for (const pacl_rule &rule : rules) {
    each += rule.kind == PACL_EACH;
    timed += rule.until != 0;
    if (rule.on || rule.until)
      conditional += rule.count;
    if (rule.action == PACL_DENY)
      deny += rule.count;
    if (rule.action == PACL_RESERVE)
      reserve += rule.count;
  }
  bool refuses =
      rules.mode == PACL_MODE_ENFORCE && (deny || reserve || rules.strict);
  return policy->rule_count == rules.atoms() &&
         policy->written_count == rules.size() && policy->each_count == each &&
         policy->deny_count == deny && policy->reserve_count == reserve &&
         policy->conditional_count == conditional &&
         policy->timed_count == timed && policy->mode == rules.mode &&
         policy->strict == rules.strict && policy->closing == rules.closing &&
         pacl_policy_refuses(policy) == refuses;
}

pacl_addr addr_of(std::string_view text) {
  pacl_addr addr;
  if (!reference_parse_address(text, addr)) {
    fprintf(stderr, "not an address: %.*s\n", static_cast<int>(text.size()),
            text.data());
    ::abort();
  }
  return addr;
}

const pacl_atom *find(const pacl_policy *policy, std::string_view text) {
  const pacl_rule wanted = rule_of(text);
  const pacl_atom *atom = nullptr;
  while ((atom = pacl_policy_next(policy, atom))) {
    pacl_rule rule;
    pacl_atom_rule(atom, &rule);
    if (reference_same(rule, wanted))
      break;
  }
  return atom;
}

void note_ends(const pacl_policy *policy, const RuleSet &rules,
               pacl_clock now) {
  const pacl_atom *atom = nullptr;
  while (policy->timed_count && (atom = pacl_policy_next(policy, atom))) {
    const pacl_terms *terms = pacl_atom_terms(atom);
    if (terms && terms->until)
      pacl_terms_ended(atom, now);
  }
  rules.note_ends(now);
}

std::optional<u8> deciding_action(pacl_verdict verdict) {
  switch (verdict) {
  case PACL_DENIED:
    return PACL_DENY;
  case PACL_GRANT:
    return PACL_ALLOW;
  case PACL_RESERVED:
    return PACL_RESERVE;
  default:
    return {};
  }
}

pacl_request Request::view() const {
  pacl_request view = {};
  view.groups = groups.data();
  view.group_count = static_cast<u32>(groups.size());
  view.uid = uid;
  view.gid = gid;
  view.addr = addr;
  view.now = now;
  view.port = port;
  view.proto = proto;
  view.privileged = privileged;
  return view;
}

int Transaction::begin(const pacl_policy *base) {
  abort();
  int err = pacl_txn_begin(txn_.get(), base);
  open_ = err == 0;
  if (open_)
    set_now({0, 0});
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
  if (!err) {
    txn.set_now(now);
    err = txn.insert(rule);
  }
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
