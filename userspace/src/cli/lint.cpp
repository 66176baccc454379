// SPDX-License-Identifier: GPL-2.0-only

#include "cli/lint.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "cli/describe.h"
#include "lib/policy.h"
#include "lib/text.h"

namespace portacl {

namespace {

// Old protocols trust clients that come from these ports.
constexpr uint16_t trusted_low = 512;
constexpr uint16_t trusted_high = 1023;

// The address that a socket on all addresses has is none that a packet has.
std::optional<std::string> lint_wildcard(const pacl_rule &rule) {
  const bool ipv4 = pacl_addr_is_ipv4(rule.prefix);
  const uint64_t host = ipv4 ? rule.prefix.lo & UINT32_MAX : rule.prefix.lo;
  if (rule.on == 0 || rule.prefix_len != 128 || rule.prefix.hi != 0 ||
      host != 0)
    return std::nullopt;
  // A socket on :: is of both families, which no prefix holds.
  return fmt::format("'on {}' never matches: {}leave 'on' out",
                     address_text(rule.prefix),
                     ipv4 ? "for every IPv4 address write 0.0.0.0/0, or " : "");
}

bool shares_ports(const pacl_rule &a, const pacl_rule &b) {
  if (a.proto != b.proto && a.proto != PACL_PROTO_ANY &&
      b.proto != PACL_PROTO_ANY)
    return false;
  for (unsigned i = 0; i < a.count; i++) {
    for (unsigned j = 0; j < b.count; j++) {
      if (a.range[i].lo <= b.range[j].hi && b.range[j].lo <= a.range[i].hi)
        return true;
    }
  }
  return false;
}

bool shares_addresses(const pacl_rule &a, const pacl_rule &b) {
  if (a.on == 0 || b.on == 0)
    return true;
  const unsigned length = std::min(a.prefix_len, b.prefix_len);
  return pacl_addr_equal(pacl_addr_cut(a.prefix, length),
                         pacl_addr_cut(b.prefix, length));
}

// How many rules of a kind cover the ports up to each one.
class PortCounts final {
public:
  void add(const pacl_rule &rule) {
    for (unsigned i = 0; i < rule.count; i++) {
      for (unsigned proto = 0; proto < PACL_PROTOS; proto++) {
        if (rule.proto != PACL_PROTO_ANY && rule.proto != proto)
          continue;
        steps_[proto][rule.range[i].lo]++;
        steps_[proto][rule.range[i].hi + 1U]--;
      }
    }
  }
  void finish() {
    for (auto &steps : steps_) {
      int64_t here = 0;
      int64_t covered = 0;
      for (int64_t &step : steps) {
        here += step;
        covered += here > 0 ? 1 : 0;
        step = covered;
      }
    }
  }
  // Whether a port of the rule is covered, on a transport of the rule.
  bool touches(const pacl_rule &rule) const {
    for (unsigned i = 0; i < rule.count; i++) {
      for (unsigned proto = 0; proto < PACL_PROTOS; proto++) {
        if ((rule.proto == PACL_PROTO_ANY || rule.proto == proto) &&
            steps_[proto][rule.range[i].hi] >
                steps_[proto][rule.range[i].lo - 1U])
          return true;
      }
    }
    return false;
  }

private:
  std::array<std::vector<int64_t>, PACL_PROTOS> steps_ = [] {
    std::array<std::vector<int64_t>, PACL_PROTOS> none;
    none.fill(std::vector<int64_t>(size_t{UINT16_MAX} + 2));
    return none;
  }();
};

// Whether a rule was written with the id as a number.
bool by_number(const FileRule &origin) {
  const std::string &numeric = origin.numeric;
  const size_t subject = numeric.find(' ', numeric.find(' ') + 1);
  return origin.words.starts_with(
      numeric.substr(0, numeric.find(' ', subject + 1) + 1));
}

class Linter final {
public:
  Linter(const Context &context, const RuleFiles &files)
      : context_(context), files_(files), denials_(context, files) {}

  std::vector<Error> run();

private:
  enum Kind { ended, duplicate, grant, overruled, unused, unresolved, kinds };

  bool has_room(Kind kind) { return counts_[kind] < most_shown; }
  void add(Kind kind, const FileRule &rule, std::string message);
  void look_at(const FileRule &origin, const pacl_rule &rule);
  void look_at_allow(const FileRule &origin, const pacl_rule &rule);
  void look_at_id(const FileRule &origin, const pacl_rule &rule);

  static constexpr size_t most_shown = 20;

  const Context &context_;
  const RuleFiles &files_;
  Denials denials_;
  PortCounts allowed_;
  std::unordered_map<std::string_view, const FileRule *> seen_;
  std::set<std::pair<uint8_t, uint32_t>> ids_;
  std::array<size_t, kinds> counts_{};
  std::vector<Error> found_;
};

void Linter::add(Kind kind, const FileRule &rule, std::string message) {
  if (counts_[kind]++ >= most_shown)
    return;
  found_.push_back({.code = Code::policy,
                    .message = std::move(message),
                    .file = files_.paths[rule.file],
                    .line = rule.line});
}

void Linter::look_at_id(const FileRule &origin, const pacl_rule &rule) {
  if ((rule.kind != PACL_USER && rule.kind != PACL_GROUP) ||
      !has_room(unresolved) || !by_number(origin) ||
      !ids_.emplace(rule.kind, rule.id).second)
    return;
  const bool user = rule.kind == PACL_USER;
  const bool known = user ? context_.names.user(rule.id).has_value()
                          : !context_.names.group_name(rule.id).empty();
  if (!known)
    add(unresolved, origin,
        fmt::format("unresolved: no {} has the {} {}", user ? "user" : "group",
                    user ? "uid" : "gid", rule.id));
}

void Linter::look_at_allow(const FileRule &origin, const pacl_rule &rule) {
  allowed_.add(rule);
  for (std::string &text : lint_grant(rule, files_.settings().strict()))
    add(grant, origin, std::move(text));
  if (!has_room(overruled))
    return;
  if (const FileRule *deny = denials_.first_overruling(rule))
    add(overruled, origin,
        fmt::format("a deny goes before it, {}: {}", files_.origin(*deny),
                    printable(deny->words)));
}

void Linter::look_at(const FileRule &origin, const pacl_rule &rule) {
  const auto [first, is_new] = seen_.emplace(origin.numeric, &origin);
  if (!is_new) {
    add(duplicate, origin,
        fmt::format("the same rule as {}", files_.origin(*first->second)));
    return;
  }
  look_at_id(origin, rule);
  if (has_ended(rule))
    add(ended, origin,
        fmt::format("the rule has ended: {}", printable(origin.words)));
  else if (rule.action == PACL_ALLOW)
    look_at_allow(origin, rule);
}

std::vector<Error> Linter::run() {
  for (const FileRule &origin : files_.rules)
    look_at(origin, rule_from_text(origin.numeric));
  allowed_.finish();
  for (const FileRule &origin : files_.rules) {
    if (!origin.numeric.starts_with("reserve ") || !has_room(unused))
      continue;
    const pacl_rule rule = rule_from_text(origin.numeric);
    if (!allowed_.touches(rule))
      add(unused, origin,
          fmt::format("nobody may bind {}: no rule allows any of it",
                      describe_ports(rule)));
  }
  std::ranges::stable_sort(found_, {}, [](const Error &error) {
    return std::pair(error.file, error.line);
  });
  if (std::ranges::any_of(counts_,
                          [](size_t count) { return count >= most_shown; }))
    found_.push_back(
        {.code = Code::policy,
         .message = fmt::format("of each kind of warning only the first {} "
                                "are shown",
                                most_shown)});
  return std::move(found_);
}

} // namespace

std::vector<std::string> lint_grant(const pacl_rule &rule, bool strict) {
  std::vector<std::string> found;
  if (auto never = lint_wildcard(rule))
    found.push_back(std::move(*never));
  for (unsigned i = 0; i < rule.count; i++) {
    if (rule.range[i].lo <= trusted_high && rule.range[i].hi >= trusted_low) {
      found.emplace_back(
          "ports 512-1023 carry trust with some old protocols (clients of "
          "NFS and of the r-commands)");
      break;
    }
  }
  if (rule.kind == PACL_USER && rule.id == 0 && !strict)
    found.emplace_back(
        "root may bind every port anyway, unless its capability was dropped");
  return found;
}

Denials::Denials(const Context &context, const RuleFiles &files)
    : context_(context) {
  for (const FileRule &origin : files.rules) {
    if (!origin.numeric.starts_with("deny "))
      continue;
    const pacl_rule rule = rule_from_text(origin.numeric);
    if (!has_ended(rule))
      denies_.push_back({&origin, rule});
  }
  for (const Deny &deny : denies_) {
    add(subjects_[{deny.rule.kind, deny.rule.id}], deny);
    if (deny.rule.kind == PACL_GROUP)
      add(all_groups_, deny);
  }
}

void Denials::add(Subject &subject, const Deny &deny) {
  subject.denies.push_back(&deny);
  for (unsigned proto = 0; proto < PACL_PROTOS; proto++) {
    if (deny.rule.proto != PACL_PROTO_ANY && deny.rule.proto != proto)
      continue;
    for (unsigned i = 0; i < deny.rule.count; i++)
      cover(subject.covered[proto], deny.rule.range[i], deny);
  }
}

// Adds the parts of the range that are not covered yet.
void Denials::cover(Coverage &covered, const pacl_range &range,
                    const Deny &deny) {
  uint32_t at = range.lo;
  auto next = covered.upper_bound(range.lo);
  if (next != covered.begin())
    at = std::max<uint32_t>(at, std::prev(next)->second.first + 1U);
  while (at <= range.hi) {
    const uint32_t end = next == covered.end()
                             ? range.hi
                             : std::min<uint32_t>(range.hi, next->first - 1U);
    if (at <= end)
      covered.emplace_hint(next, static_cast<uint16_t>(at),
                           std::pair(static_cast<uint16_t>(end), &deny));
    if (next == covered.end())
      return;
    at = next->second.first + 1U;
    ++next;
  }
}

const FileRule *Denials::find(const Subject &subject, const pacl_rule &allow) {
  bool ports_met = false;
  for (unsigned proto = 0; proto < PACL_PROTOS; proto++) {
    if (allow.proto != PACL_PROTO_ANY && allow.proto != proto)
      continue;
    const Coverage &covered = subject.covered[proto];
    for (unsigned i = 0; i < allow.count; i++) {
      const auto after = covered.upper_bound(allow.range[i].hi);
      if (after == covered.begin() ||
          std::prev(after)->second.first < allow.range[i].lo)
        continue;
      const Deny &deny = *std::prev(after)->second.second;
      if (shares_addresses(deny.rule, allow))
        return deny.origin;
      ports_met = true;
    }
  }
  if (!ports_met)
    return nullptr;
  // Another one for these ports may be for these addresses, too.
  for (const Deny *deny : subject.denies) {
    if (shares_ports(deny->rule, allow) && shares_addresses(deny->rule, allow))
      return deny->origin;
  }
  return nullptr;
}

const std::vector<uint32_t> &Denials::groups_of(uint32_t uid) {
  const auto known = groups_.find(uid);
  if (known != groups_.end())
    return known->second;
  std::vector<uint32_t> groups;
  if (const auto user = context_.names.user(uid)) {
    if (auto found = context_.names.groups_of(*user))
      groups = std::move(*found);
  }
  return groups_.emplace(uid, std::move(groups)).first->second;
}

// Those whose denies are for all whom the allow is for.
std::vector<const Denials::Subject *>
Denials::subjects_of(const pacl_rule &allow) {
  std::vector<const Subject *> found;
  const auto add = [&](uint8_t kind, uint32_t id) {
    const auto subject = subjects_.find({kind, id});
    if (subject != subjects_.end())
      found.push_back(&subject->second);
  };
  add(PACL_ANY, 0);
  if (allow.kind == PACL_USER || allow.kind == PACL_GROUP)
    add(allow.kind, allow.id);
  // To look up a user's groups is dear.
  if (allow.kind == PACL_USER && find(all_groups_, allow) != nullptr) {
    for (const uint32_t group : groups_of(allow.id))
      add(PACL_GROUP, group);
  }
  return found;
}

const FileRule *Denials::first_overruling(const pacl_rule &allow) {
  for (const Subject *subject : subjects_of(allow)) {
    if (const FileRule *deny = find(*subject, allow))
      return deny;
  }
  return nullptr;
}

std::vector<const FileRule *> Denials::overruling(const pacl_rule &allow) {
  std::vector<const FileRule *> found;
  for (const Subject *subject : subjects_of(allow)) {
    for (const Deny *deny : subject->denies) {
      if (shares_ports(deny->rule, allow) &&
          shares_addresses(deny->rule, allow))
        found.push_back(deny->origin);
    }
  }
  // In the order of the files, which is that of their rules in memory.
  std::ranges::sort(found);
  return found;
}

std::vector<Error> lint_files(const Context &context, const RuleFiles &files) {
  return Linter(context, files).run();
}

void note_hidden(const Context &context, const ConfigFiles &files) {
  if (!context.options.verbose)
    return;
  for (const HiddenFile &hidden : files.hidden)
    context.console.note(fmt::format("{} is {} by {}", printable(hidden.path),
                                     hidden.masked ? "masked" : "replaced",
                                     printable(hidden.by)));
}

} // namespace portacl
