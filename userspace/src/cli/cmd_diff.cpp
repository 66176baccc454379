// SPDX-License-Identifier: GPL-2.0-only

#include <fmt/format.h>

#include "cli/applying.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "lib/text.h"

namespace portacl {

namespace {

// As a file could have it; what names no longer stand for is a number.
void print_foreign(const Context &context, const std::string &rule) {
  bool unresolved = false;
  const std::string shown = show_rule(context, rule, unresolved);
  context.console.line(
      fmt::format("- {}{}", shown, unresolved ? " # unresolved" : ""));
}

void print_missing(const Context &context, const RuleFiles &files,
                   const FileRule &rule) {
  bool unresolved = false;
  context.console.line(fmt::format(
      "+ {} # {}",
      context.options.numeric ? show_rule(context, rule.numeric, unresolved)
                              : printable(rule.words),
      files.origin(rule)));
}

std::string shown_setting(Setting setting, const std::string &value) {
  if (setting == Setting::lock)
    return value == "on" ? "lock" : "";
  return fmt::format("{} {}", setting_name(setting), value);
}

void print_setting(const Context &context, const Applying &applying,
                   const Directive &directive) {
  const std::string before = shown_setting(
      directive.setting, applying.before.settings[directive.setting]);
  if (!before.empty())
    context.console.line("- " + before);
  context.console.line(fmt::format("+ {} # {}", directive.text(),
                                   applying.files.origin(directive)));
}

Json diff_json(const Context &context, const Applying &applying,
               const Drift &drift, const RuleIndex &index) {
  Json foreign = Json::array();
  for (const std::string &rule : drift.rules.remove)
    foreign.push_back(rule_json(context, rule));
  Json missing = Json::array();
  for (const std::string &rule : drift.rules.add) {
    missing.push_back(rule_json(context, rule));
    missing.back()["origins"] = origins_json(applying.files, index.find(rule));
  }
  Json settings = Json::array();
  for (const Directive &directive : drift.settings)
    settings.push_back({{"setting", setting_name(directive.setting)},
                        {"kernel", applying.before.settings[directive.setting]},
                        {"files", directive.value},
                        {"file", applying.files.paths[directive.file]},
                        {"line", directive.line}});
  return {{"different", !drift.empty()},
          {"foreign", foreign},
          {"missing", missing},
          {"settings", settings}};
}

int show(const Context &context, const Applying &applying) {
  const Drift drift = without_ended(applying.drift);
  const RuleIndex index(applying.files);
  if (context.console.wants_json()) {
    context.console.json("diff", diff_json(context, applying, drift, index));
  } else {
    for (const std::string &rule : drift.rules.remove)
      print_foreign(context, rule);
    for (const std::string &rule : drift.rules.add)
      print_missing(context, applying.files, *index.find(rule).front());
    for (const Directive &directive : drift.settings)
      print_setting(context, applying, directive);
  }
  return static_cast<int>(drift.empty() ? Code::done : Code::no);
}

} // namespace

int cmd_diff(const Context &context) {
  if (!context.options.root.empty())
    return fail(context, usage("diff does not go with --root",
                               "it compares the kernel with its own files"));
  if (auto there = require_loaded(context); !there)
    return fail(context, there.error());
  auto applying = read_to_apply(
      context, "nothing to compare with while the policy files have errors");
  if (!applying)
    return fail(context, applying.error());
  auto before = read_kernel_state(context);
  if (!before)
    return fail(context, before.error());
  compare(*applying, std::move(*before));
  return show(context, *applying);
}

} // namespace portacl
