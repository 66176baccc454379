// SPDX-License-Identifier: GPL-2.0-only
// What is right in a policy and hardly meant.

#ifndef PORTACL_CLI_LINT_H
#define PORTACL_CLI_LINT_H

#include <array>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cli/context.h"
#include "lib/config_dirs.h"
#include "lib/engine.h"

namespace portacl {

// What to mind about an allow by itself.
std::vector<std::string> lint_grant(const pacl_rule &rule, bool strict);

// The rules of files that refuse, to be held against those that allow.
class Denials final {
public:
  Denials(const Context &context, const RuleFiles &files);

  // Those that refuse at least a part of what the rule allows, to all whom it
  // allows it.
  std::vector<const FileRule *> overruling(const pacl_rule &allow);
  // One of them, in time that hardly grows with their number; nullptr for none.
  const FileRule *first_overruling(const pacl_rule &allow);

private:
  struct Deny {
    const FileRule *origin;
    pacl_rule rule;
  };
  // Disjoint ranges of ports: their first to their last and a rule for them.
  using Coverage = std::map<uint16_t, std::pair<uint16_t, const Deny *>>;
  struct Subject {
    std::vector<const Deny *> denies;
    // By protocol, PACL_PROTO_ANY for transports without a name.
    std::array<Coverage, PACL_PROTOS> covered;
  };
  using Key = std::pair<uint8_t, uint32_t>; // kind and id

  static void add(Subject &subject, const Deny &deny);
  static void cover(Coverage &covered, const pacl_range &range,
                    const Deny &deny);
  static const FileRule *find(const Subject &subject, const pacl_rule &allow);
  std::vector<const Subject *> subjects_of(const pacl_rule &allow);
  const std::vector<uint32_t> &groups_of(uint32_t uid);

  const Context &context_;
  std::vector<Deny> denies_;
  std::map<Key, Subject> subjects_;
  Subject all_groups_;
  std::unordered_map<uint32_t, std::vector<uint32_t>> groups_;
};

// Warnings with their places; of each kind no more than people read.
std::vector<Error> lint_files(const Context &context, const RuleFiles &files);

// With --verbose: which files have no effect, and why.
void note_hidden(const Context &context, const ConfigFiles &files);

} // namespace portacl

#endif
