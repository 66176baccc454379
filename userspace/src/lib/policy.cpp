// SPDX-License-Identifier: GPL-2.0-only

#include "lib/policy.h"

#include <array>
#include <cerrno>
#include <stdexcept>

#include <fmt/format.h>

#include "lib/engine.h"
#include "lib/times.h"

namespace portacl {

std::string rule_text(const pacl_rule &rule) {
  std::array<char, PACL_MAX_RULE_TEXT> buffer{};
  const size_t length = pacl_format(&rule, buffer.data(), buffer.size());
  return {buffer.data(), length};
}

bool covers_port(const pacl_rule &rule, uint16_t port) {
  for (unsigned i = 0; i < rule.count; i++) {
    if (port >= rule.range[i].lo && port <= rule.range[i].hi)
      return true;
  }
  return false;
}

bool has_ended(const pacl_rule &rule) {
  return rule.until != 0 && rule.until <= clock_now().wall;
}

std::string without_end(const std::string &numeric) {
  return numeric.substr(0, numeric.find(" until "));
}

pacl_rule rule_from_text(std::string_view text) {
  pacl_rule rule{};
  pacl_error error{};
  if (pacl_parse_line(text.data(), text.size(), &rule, &error) != 1)
    throw std::logic_error(fmt::format("not canonical: {}", text));
  return rule;
}

struct Policy::Builder::Transaction {
  pacl_txn txn{};
  bool open = false;
};

Policy::Builder::Builder(bool strict)
    : transaction_(std::make_unique<Transaction>()) {
  pacl_txn &txn = transaction_->txn;
  if (pacl_txn_begin(&txn, nullptr) != 0)
    throw std::bad_alloc();
  transaction_->open = true;
  txn.now = clock_now();
  txn.policy->strict = strict;
}

Policy::Builder::~Builder() {
  if (transaction_->open)
    pacl_txn_abort(&transaction_->txn);
}

Result<void> Policy::Builder::add(std::string_view text) {
  const pacl_rule rule = rule_from_text(text);
  switch (pacl_insert(&transaction_->txn, &rule)) {
  case 0:
  case -EEXIST:
    return {};
  case -ENOSPC:
    return Error{.code = Code::policy,
                 .message = pacl_error_text(PACL_ERR_FULL)};
  default:
    throw std::bad_alloc();
  }
}

Result<Policy> Policy::Builder::finish() {
  pacl_pile stale{};
  transaction_->open = false;
  Policy policy(pacl_txn_commit(&transaction_->txn, &stale));
  pacl_pile_free(&stale);
  return policy;
}

void Policy::Free::operator()(pacl_policy *policy) const {
  pacl_policy_free(policy);
}

Decision Policy::decide(const pacl_request &request) const {
  const pacl_atom *why = nullptr;
  Decision decision{.verdict = pacl_match(policy_.get(), &request, &why)};
  if (why != nullptr) {
    pacl_rule rule{};
    pacl_atom_rule(why, &rule);
    decision.rule = rule_text(rule);
  }
  return decision;
}

bool rule_matches(const std::string &numeric, const pacl_request &request) {
  const auto alone = Policy::make(std::array{std::string_view(numeric)});
  return alone && alone->decide(request).verdict != PACL_DEFAULT;
}

} // namespace portacl
