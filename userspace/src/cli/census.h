// SPDX-License-Identifier: GPL-2.0-only
// Who may bind a port: asks the engine for each whom a rule names.

#ifndef PORTACL_CLI_CENSUS_H
#define PORTACL_CLI_CENSUS_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/question.h"

namespace portacl {

struct ListedRule {
  std::string text; // canonical
  pacl_rule rule{};
};
using ListedRules = std::vector<const ListedRule *>;

struct AskedPort {
  uint16_t number = 0;
  std::vector<uint8_t> protocols;
  std::optional<pacl_addr> address; // every one without it
};

// Somebody who may, by rules that differ in their ports only.
struct Holder {
  pacl_rule subject{};            // a user, a group or any
  ListedRules rules = {};         // none: the port is free for everybody
  std::vector<uint8_t> protocols; // on which he may
  ListedRules exceptions = {};    // denies for a part of what rules allow
};

class Census final {
public:
  // All three must outlive it.
  Census(const Context &context, const AskedPort &port,
         const ActivePolicy &in_force);

  // Looks up no name but of those who may lose by their groups what a rule
  // gives them.
  Result<void> take();

  // In the order of users, groups, any; then of ids.
  const std::vector<Holder> &holders() const { return holders_; }
  // What is denied to everybody.
  const ListedRules &denied_to_all() const { return denied_to_all_; }
  // What allows nothing: other rules deny all of it.
  const ListedRules &in_vain() const { return in_vain_; }
  bool privileged() const { return port_.number < free_from_; }
  // Whether who holds the capability needs no rule.
  bool capable_may() const;

private:
  bool asked_for(const pacl_rule &rule) const;
  bool rules_count() const;
  void collect();
  Result<const Policy *> policy_for(const pacl_rule &rule);
  Result<const Subject *> user(uint32_t uid);
  Result<Subject> subject_of(const pacl_rule &whom);
  pacl_request request_for(const pacl_rule &rule, uint8_t protocol) const;
  Result<void> ask(const ListedRule &candidate);
  Result<void> ask_for_everybody();
  void merge();
  Result<void> note_denied(const ListedRule &deny);
  Result<void> note_denied_groups_of_members(uint32_t gid);
  Result<void> find_exceptions();
  Result<void> find_exceptions_of(Holder &holder);

  const Context &context_;
  const AskedPort &port_;
  const ActivePolicy &in_force_;
  uint64_t free_from_;

  std::vector<ListedRule> rules_; // those that are about the port
  std::map<uint32_t, ListedRules> user_denies_;
  std::map<uint32_t, ListedRules> group_denies_;
  ListedRules personal_denies_; // both
  ListedRules denied_to_all_;
  // Of each group, what is denied to users in it or to their other groups.
  std::map<uint32_t, ListedRules> denied_inside_;
  std::map<int, Policy> policies_; // see policy_for()
  std::map<uint32_t, Subject> users_;

  std::vector<Holder> holders_;
  ListedRules in_vain_;
};

} // namespace portacl

#endif
