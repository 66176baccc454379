// SPDX-License-Identifier: GPL-2.0-only

#include "cli/census.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "lib/engine.h"

namespace portacl {

namespace {

// Rules between two reports.
constexpr size_t progress_step = 1000;

// Whom a rule is for: the port of an "each" belongs to one user.
pacl_rule whom(const pacl_rule &rule, uint16_t port) {
  pacl_rule subject = rule;
  if (rule.kind != PACL_EACH)
    return subject;
  subject.kind = PACL_USER;
  subject.id = rule.id + (port - rule.range[0].lo) / uint32_t{rule.each};
  subject.last_id = subject.id;
  subject.each = 0;
  return subject;
}

bool share_a_protocol(const pacl_rule &a, const pacl_rule &b) {
  return a.proto == PACL_PROTO_ANY || b.proto == PACL_PROTO_ANY ||
         a.proto == b.proto;
}

bool share_an_address(const pacl_rule &a, const pacl_rule &b) {
  if (a.on == 0 || b.on == 0)
    return true;
  const unsigned length = std::min(a.prefix_len, b.prefix_len);
  return pacl_addr_is_ipv4(a.prefix) == pacl_addr_is_ipv4(b.prefix) &&
         pacl_addr_equal(pacl_addr_cut(a.prefix, length),
                         pacl_addr_cut(b.prefix, length));
}

bool overlap(const pacl_rule &a, const pacl_rule &b) {
  return share_a_protocol(a, b) && share_an_address(a, b);
}

auto order(const Holder &holder) {
  const pacl_rule &rule = holder.subject;
  return std::tuple(rule.kind, rule.id, rule.on, rule.prefix.hi, rule.prefix.lo,
                    rule.prefix_len, rule.until);
}

void add_once(ListedRules &rules, const ListedRule *rule) {
  if (rules.empty() || rules.back() != rule)
    rules.push_back(rule);
}

} // namespace

Census::Census(const Context &context, const AskedPort &port,
               const ActivePolicy &in_force)
    : context_(context), port_(port), in_force_(in_force),
      free_from_(unprivileged_start(context)) {}

bool Census::capable_may() const {
  return in_force_.settings[Setting::mode] == "off" ||
         in_force_.settings[Setting::mode] == "permissive" ||
         !in_force_.settings.strict();
}

// Not where they refuse nobody and grant nothing that is not free.
bool Census::rules_count() const {
  const std::string &mode = in_force_.settings[Setting::mode];
  return mode == "enforce" || (mode == "permissive" && privileged());
}

bool Census::asked_for(const pacl_rule &rule) const {
  if (!covers_port(rule, port_.number) || has_ended(rule))
    return false;
  if (rule.proto != PACL_PROTO_ANY &&
      std::ranges::count(port_.protocols, rule.proto) == 0)
    return false;
  if (!port_.address || rule.on == 0)
    return true;
  pacl_request request = make_request(
      *port_.address,
      rule.proto == PACL_PROTO_ANY ? port_.protocols.front() : rule.proto,
      port_.number, free_from_);
  request.uid = whom(rule, port_.number).id;
  request.gid = rule.id;
  return rule_matches(rule_text(rule), request);
}

void Census::collect() {
  std::unordered_set<std::string_view> seen;
  size_t done = 0;
  for (const std::string &text : in_force_.rules) {
    if (++done % progress_step == 0 || done == in_force_.rules.size())
      context_.console.progress("looking at", done, in_force_.rules.size());
    const pacl_rule rule = rule_from_text(text);
    if (asked_for(rule) && seen.insert(text).second)
      rules_.push_back({text, rule});
  }
  for (const ListedRule &listed : rules_) {
    const pacl_rule &rule = listed.rule;
    if (rule.action != PACL_DENY)
      continue;
    if (rule.kind == PACL_ANY) {
      denied_to_all_.push_back(&listed);
      continue;
    }
    (rule.kind == PACL_USER ? user_denies_ : group_denies_)[rule.id].push_back(
        &listed);
  }
  for (const auto *denies : {&user_denies_, &group_denies_}) {
    for (const auto &[id, rules] : *denies)
      personal_denies_.insert(personal_denies_.end(), rules.begin(),
                              rules.end());
  }
}

// The policy by which all that a rule allows is either denied or not: without a
// deny for a part of its addresses, which is an exception. Of what is left any
// address inside the rule's prefix gets the same answer.
Result<const Policy *> Census::policy_for(const pacl_rule &rule) {
  const int length = port_.address ? 128 : rule.on != 0 ? rule.prefix_len : -1;
  const auto known = policies_.find(length);
  if (known != policies_.end())
    return &known->second;
  std::vector<std::string_view> texts;
  for (const ListedRule &listed : rules_) {
    const bool partial = listed.rule.action == PACL_DENY &&
                         listed.rule.on != 0 && listed.rule.prefix_len > length;
    if (!partial)
      texts.emplace_back(listed.text);
  }
  auto policy = Policy::make(texts, in_force_.settings.strict());
  if (!policy)
    return policy.error();
  return &policies_.emplace(length, std::move(*policy)).first->second;
}

Result<const Subject *> Census::user(uint32_t uid) {
  const auto known = users_.find(uid);
  if (known != users_.end())
    return &known->second;
  auto subject = subject_of_user(context_, uid);
  if (!subject)
    return subject.error();
  return &users_.emplace(uid, std::move(*subject)).first->second;
}

Result<Subject> Census::subject_of(const pacl_rule &whom) {
  if (whom.kind == PACL_GROUP)
    return Subject{.gid = whom.id};
  if (whom.kind != PACL_USER)
    return Subject{};
  // What a user's own rule allows his groups can only deny.
  if (group_denies_.empty())
    return Subject{.uid = whom.id};
  const auto subject = user(whom.id);
  if (!subject)
    return subject.error();
  return **subject;
}

pacl_request Census::request_for(const pacl_rule &rule,
                                 uint8_t protocol) const {
  pacl_addr address = port_.address.value_or(ipv6_wildcard);
  if (!port_.address && rule.on != 0) {
    address = rule.prefix;
    // Not the wildcard, which is more than the prefix.
    if (rule.prefix_len < 128)
      address.lo |= 1;
  }
  return make_request(address, protocol, port_.number, free_from_);
}

Result<void> Census::ask(const ListedRule &candidate) {
  Holder holder{.subject = whom(candidate.rule, port_.number),
                .rules = {&candidate},
                .protocols = {}};
  const auto subject = subject_of(holder.subject);
  if (!subject)
    return subject.error();
  const auto policy = policy_for(candidate.rule);
  if (!policy)
    return policy.error();
  for (const uint8_t protocol : port_.protocols) {
    if (candidate.rule.proto != PACL_PROTO_ANY &&
        candidate.rule.proto != protocol)
      continue;
    pacl_request request = request_for(candidate.rule, protocol);
    subject->bind_as(request);
    if ((*policy)->decide(request).verdict == PACL_GRANT)
      holder.protocols.push_back(protocol);
  }
  if (holder.protocols.empty())
    in_vain_.push_back(&candidate);
  else
    holders_.push_back(std::move(holder));
  return {};
}

// Who has no rule may where nothing refuses it and the kernel does not ask for
// the capability.
Result<void> Census::ask_for_everybody() {
  if (privileged())
    return {};
  Holder holder{.protocols = port_.protocols};
  holder.subject.kind = PACL_ANY;
  if (rules_count()) {
    const auto policy = policy_for(holder.subject);
    if (!policy)
      return policy.error();
    std::erase_if(holder.protocols, [&](uint8_t protocol) {
      pacl_request request = request_for(holder.subject, protocol);
      Subject().bind_as(request);
      return (*policy)->decide(request).verdict != PACL_DEFAULT;
    });
  }
  if (!holder.protocols.empty())
    holders_.push_back(std::move(holder));
  return {};
}

// One holder for all rules that give the same subject the port on the same
// terms.
void Census::merge() {
  std::ranges::stable_sort(holders_, {}, order);
  std::vector<Holder> merged;
  for (Holder &holder : holders_) {
    const bool same = !merged.empty() &&
                      order(merged.back()) == order(holder) &&
                      merged.back().rules.empty() == holder.rules.empty();
    if (!same) {
      merged.push_back(std::move(holder));
      continue;
    }
    Holder &first = merged.back();
    first.rules.insert(first.rules.end(), holder.rules.begin(),
                       holder.rules.end());
    std::vector<uint8_t> both;
    std::ranges::set_union(first.protocols, holder.protocols,
                           std::back_inserter(both));
    first.protocols = std::move(both);
  }
  holders_ = std::move(merged);
}

// A denied user, or the members of a denied group, in their groups.
Result<void> Census::note_denied(const ListedRule &deny) {
  std::vector<uint32_t> uids = {deny.rule.id};
  if (deny.rule.kind == PACL_GROUP) {
    uids.clear();
    for (const std::string &member :
         context_.names.group_members(deny.rule.id)) {
      if (const auto uid = context_.names.uid(member))
        uids.push_back(*uid);
    }
  }
  for (const uint32_t uid : uids) {
    const auto subject = user(uid);
    if (!subject)
      return subject.error();
    for (const uint32_t gid : (*subject)->groups) {
      if (deny.rule.kind != PACL_GROUP || gid != deny.rule.id)
        add_once(denied_inside_[gid], &deny);
    }
  }
  return {};
}

// Users whose primary group is denied are no listed members of it.
Result<void> Census::note_denied_groups_of_members(uint32_t gid) {
  for (const std::string &member : context_.names.group_members(gid)) {
    const auto uid = context_.names.uid(member);
    if (!uid)
      continue;
    const auto subject = user(*uid);
    if (!subject)
      return subject.error();
    const auto denied = group_denies_.find((*subject)->gid);
    if (denied == group_denies_.end() || denied->first == gid)
      continue;
    ListedRules &inside = denied_inside_[gid];
    for (const ListedRule *deny : denied->second) {
      if (std::ranges::count(inside, deny) == 0)
        inside.push_back(deny);
    }
  }
  return {};
}

Result<void> Census::find_exceptions_of(Holder &holder) {
  const auto add = [&](const ListedRules &denies) {
    for (const ListedRule *deny : denies) {
      const bool touches =
          holder.rules.empty() ||
          std::ranges::any_of(holder.rules, [&](const ListedRule *rule) {
            return overlap(rule->rule, deny->rule);
          });
      if (touches)
        holder.exceptions.push_back(deny);
    }
  };
  const auto add_of = [&](const std::map<uint32_t, ListedRules> &denies,
                          uint32_t id) {
    if (const auto found = denies.find(id); found != denies.end())
      add(found->second);
  };
  switch (holder.subject.kind) {
  case PACL_USER: {
    add_of(user_denies_, holder.subject.id);
    if (group_denies_.empty())
      return {};
    const auto subject = user(holder.subject.id);
    if (!subject)
      return subject.error();
    for (const uint32_t gid : (*subject)->groups)
      add_of(group_denies_, gid);
    return {};
  }
  case PACL_GROUP:
    if (auto noted = note_denied_groups_of_members(holder.subject.id); !noted)
      return noted.error();
    add_of(group_denies_, holder.subject.id);
    add_of(denied_inside_, holder.subject.id);
    return {};
  default:
    add(personal_denies_);
    return {};
  }
}

Result<void> Census::find_exceptions() {
  const bool groups = std::ranges::any_of(holders_, [](const Holder &holder) {
    return holder.subject.kind == PACL_GROUP;
  });
  if (groups) {
    for (const ListedRule *deny : personal_denies_) {
      if (auto noted = note_denied(*deny); !noted)
        return noted.error();
    }
  }
  for (Holder &holder : holders_) {
    if (auto found = find_exceptions_of(holder); !found)
      return found.error();
  }
  return {};
}

Result<void> Census::take() {
  if (rules_count()) {
    collect();
    size_t done = 0;
    for (const ListedRule &listed : rules_) {
      if (++done % progress_step == 0 || done == rules_.size())
        context_.console.progress("asking for", done, rules_.size());
      if (listed.rule.action != PACL_ALLOW)
        continue;
      if (auto asked = ask(listed); !asked)
        return asked.error();
    }
  }
  if (auto asked = ask_for_everybody(); !asked)
    return asked.error();
  merge();
  return find_exceptions();
}

} // namespace portacl
