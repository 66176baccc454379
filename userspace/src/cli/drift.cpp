// SPDX-License-Identifier: GPL-2.0-only

#include "cli/drift.h"

#include <fmt/format.h>

#include "lib/policy.h"
#include "lib/text.h"

namespace portacl {

Drift drift_of(const RuleFiles &files, const std::vector<std::string> &rules,
               const Settings &settings) {
  Drift drift{.rules = difference(rules, files.numeric())};
  for (const Setting setting : all_settings) {
    const Directive *directive = files.directive(setting);
    if (directive != nullptr && directive->value != settings[setting])
      drift.settings.push_back(*directive);
  }
  return drift;
}

Drift without_ended(Drift drift) {
  for (auto *rules : {&drift.rules.add, &drift.rules.remove})
    std::erase_if(*rules, [](const std::string &rule) {
      return has_ended(rule_from_text(rule));
    });
  return drift;
}

std::string drift_text(const Drift &drift) {
  std::vector<std::string> parts;
  if (!drift.rules.add.empty())
    parts.push_back(fmt::format("{} of the files not in force",
                                counted(drift.rules.add.size(), "rule")));
  if (!drift.rules.remove.empty())
    parts.push_back(fmt::format("{} in force but in no file",
                                counted(drift.rules.remove.size(), "rule")));
  for (const Directive &directive : drift.settings)
    parts.push_back(fmt::format("'{}' not in force", directive.text()));
  return parts.empty() ? "none" : fmt::format("{}", fmt::join(parts, ", "));
}

} // namespace portacl
