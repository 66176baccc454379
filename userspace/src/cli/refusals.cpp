// SPDX-License-Identifier: GPL-2.0-only

#include "cli/refusals.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/describe.h"
#include "lib/policy.h"
#include "lib/text.h"

namespace portacl {

std::string describe_uid(const Context &context, uint32_t uid) {
  pacl_rule rule{};
  rule.kind = PACL_USER;
  rule.id = uid;
  return describe_subject(context, rule);
}

std::string program_name(const Actor &actor) {
  return actor.program.empty() ? "a program without a name"
                               : printable(actor.program);
}

bool is_wildcard(const pacl_addr &address) {
  return pacl_addr_equal(address, pacl_addr{}) ||
         pacl_addr_equal(address, PACL_ADDR_IPV4(0));
}

std::string allow_for(uint32_t uid, const Refusal &refusal) {
  std::string text = fmt::format("allow user {} {}", uid, refusal.port);
  if (refusal.protocol != PACL_PROTO_ANY)
    text += fmt::format("/{}", pacl_proto_name(refusal.protocol));
  if (!is_wildcard(refusal.address))
    text += " on " + address_text(refusal.address);
  return rule_text(rule_from_text(text));
}

void tell_sources(const Context &context) {
  for (const Error &error : context.events.unreadable())
    context.console.warning(error);
  if (!context.options.verbose)
    return;
  for (const std::string &source : context.events.sources())
    context.console.note("reading " + source);
}

Result<Retry> Retry::make(const Context &context) {
  auto in_force = read_in_force(context);
  if (!in_force)
    return in_force.error();
  auto policy = Policy::make(in_force->rules, in_force->settings.strict());
  if (!policy)
    return policy.error();
  return Retry(context, std::move(*in_force), std::move(*policy));
}

const std::vector<uint32_t> &Retry::groups_of(uint32_t uid) {
  const auto [entry, is_new] = groups_.try_emplace(uid);
  const auto user = is_new ? context_.names.user(uid) : std::nullopt;
  if (user) {
    if (auto groups = context_.names.groups_of(*user))
      entry->second = std::move(*groups);
  }
  return entry->second;
}

Decision Retry::ask(const Policy &policy, uint32_t uid,
                    const Refusal &refusal) {
  pacl_request request =
      make_request(refusal.address, refusal.protocol, refusal.port, free_from_);
  const auto &groups = groups_of(uid);
  request.groups = groups.data();
  request.group_count = static_cast<uint32_t>(groups.size());
  request.uid = uid;
  request.gid = refusal.gid;
  return policy.decide(request);
}

bool Retry::is_denied_by(const Refusal &refusal,
                         const std::string &rule) const {
  return refusal.reason == Reason::denied && refusal.rule == rule &&
         !has_ended(rule_from_text(rule));
}

Decision Retry::decide(uint32_t uid, const Refusal &refusal) {
  const auto named =
      std::ranges::find_if(in_force_.rules, [&](const std::string &rule) {
        return is_denied_by(refusal, rule);
      });
  if (named != in_force_.rules.end())
    return {.verdict = PACL_DENIED, .rule = *named};
  return ask(policy_, uid, refusal);
}

bool Retry::passes(const Refusal &refusal, const Decision &decision) const {
  return decision.verdict == PACL_GRANT ||
         (decision.verdict == PACL_DEFAULT && refusal.port >= free_from_);
}

Result<Retry::Obstacles> Retry::obstacles(uint32_t uid,
                                          const Refusal &refusal) {
  Obstacles obstacles;
  std::vector<std::string> others;
  for (const std::string &rule : in_force_.rules) {
    const pacl_rule parsed = rule_from_text(rule);
    if (parsed.action != PACL_DENY) {
      if (!without_denies_)
        others.push_back(rule);
      continue;
    }
    if (!covers_port(parsed, refusal.port))
      continue;
    if (is_denied_by(refusal, rule)) {
      obstacles.denies.push_back(rule);
      continue;
    }
    const auto alone = Policy::make(std::vector{rule});
    if (!alone)
      return alone.error();
    if (ask(*alone, uid, refusal).verdict == PACL_DENIED)
      obstacles.denies.push_back(rule);
  }
  if (!without_denies_) {
    auto rest = Policy::make(others, in_force_.settings.strict());
    if (!rest)
      return rest.error();
    without_denies_ = std::move(*rest);
  }
  obstacles.needs_allow = !passes(refusal, ask(*without_denies_, uid, refusal));
  return obstacles;
}

} // namespace portacl
