// SPDX-License-Identifier: GPL-2.0-only
// Recorded refusals: the rules that would end them, and what the policy in
// force would say now.

#ifndef PORTACL_CLI_REFUSALS_H
#define PORTACL_CLI_REFUSALS_H

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cli/in_force.h"
#include "lib/events.h"

namespace portacl {

// "user eve (uid 1002)".
std::string describe_uid(const Context &context, uint32_t uid);

// What the process calls itself.
std::string program_name(const Actor &actor);

// 0.0.0.0 and ::, which no rule is about but by its whole family.
bool is_wildcard(const pacl_addr &address);

// The rule, in canonical text, that allows this bind and no other.
std::string allow_for(uint32_t uid, const Refusal &refusal);

// Warns of logs that could not be read; with --verbose names the others.
void tell_sources(const Context &context);

// Asks for binds that were refused.
class Retry final {
public:
  static Result<Retry> make(const Context &context);

  const ActivePolicy &in_force() const { return in_force_; }
  // A deny that the record names decides as long as it is in force: the process
  // may have had groups that its user has not.
  Decision decide(uint32_t uid, const Refusal &refusal);
  // Whether who is not privileged would get the port by this decision.
  bool passes(const Refusal &refusal, const Decision &decision) const;

  // What stands in the way: canonical texts of every deny that matches, and
  // whether it would take an allow, too, without them.
  struct Obstacles {
    std::vector<std::string> denies;
    bool needs_allow = false;
  };
  Result<Obstacles> obstacles(uint32_t uid, const Refusal &refusal);

private:
  Retry(const Context &context, ActivePolicy in_force, Policy policy)
      : context_(context), in_force_(std::move(in_force)),
        policy_(std::move(policy)), free_from_(unprivileged_start(context)) {}
  bool is_denied_by(const Refusal &refusal, const std::string &rule) const;
  const std::vector<uint32_t> &groups_of(uint32_t uid);
  Decision ask(const Policy &policy, uint32_t uid, const Refusal &refusal);

  const Context &context_;
  ActivePolicy in_force_;
  Policy policy_;
  std::optional<Policy> without_denies_; // once it was asked
  uint64_t free_from_;
  std::unordered_map<uint32_t, std::vector<uint32_t>> groups_;
};

} // namespace portacl

#endif
