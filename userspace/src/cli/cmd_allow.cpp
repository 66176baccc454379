// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>

#include <fmt/format.h>

#include "cli/change.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "lib/boot.h"
#include "lib/config_dirs.h"

namespace portacl {

namespace {

// Old protocols trust clients that come from these ports.
constexpr uint16_t trusted_low = 512;
constexpr uint16_t trusted_high = 1023;

struct Plan {
  bool kernel_loaded = false;
  bool files_are_good = true;
  // Where the rule stands already, or will stand.
  std::string file;
  uint32_t line = 0;
  bool was_in_file = false;
  Change change;
};

void warn_of_grant(const Context &context, const pacl_rule &rule) {
  for (unsigned i = 0; i < rule.count; i++) {
    if (rule.range[i].lo <= trusted_high && rule.range[i].hi >= trusted_low) {
      context.console.warning(
          "ports 512-1023 carry trust with some old protocols (clients of "
          "NFS and of the r-commands)");
      break;
    }
  }
  if (rule.kind == PACL_USER && rule.id == 0)
    context.console.warning(
        "root may bind every port anyway, unless its capability was dropped");
}

Result<Plan> make_plan(const Context &context, const WrittenRule &rule) {
  Plan plan;
  const auto loaded = kernel_in_use(context);
  if (!loaded)
    return loaded.error();
  plan.kernel_loaded = *loaded;
  const RuleFiles files = read_rule_files(context.root, context.names);
  warn_of_bad_files(context, files);
  plan.files_are_good = files.errors.empty();
  const std::string run = context.root + std::string(config_run) + "/";
  const RuleIndex index(files);
  for (const FileRule *found : index.find(rule.numeric)) {
    const std::string &path = files.paths[found->file];
    // What a reboot drops does not count when the rule is to stay.
    if (context.options.runtime || !path.starts_with(run)) {
      plan.was_in_file = true;
      plan.file = path;
      plan.line = found->line;
      break;
    }
  }
  if (!plan.was_in_file) {
    auto file = DropIn::open(context.root, context.options.runtime);
    if (!file)
      return file.error();
    plan.file = file->path();
    plan.line = file->next_line();
    file->append(rule.words);
    plan.change.files.push_back(std::move(*file));
  }
  plan.change.kernel.add.push_back(rule.numeric);
  return plan;
}

std::string how_long(const Context &context, const Plan &plan,
                     KernelPart part) {
  if (part == KernelPart::not_asked)
    return fmt::format("in {}", context.options.root);
  if (part == KernelPart::not_loaded)
    return "once the module is loaded";
  if (context.options.runtime)
    return "now, until the next reboot";
  if (!plan.files_are_good)
    return "now; after a reboot once the policy files are corrected";
  if (applied_at_boot(context.root))
    return "now and after a reboot";
  return "now; after a reboot once portaclctl load has run";
}

Json change_json(const Context &context, const WrittenRule &rule,
                 const Plan &plan, KernelPart part) {
  return {{"command", "allow"},
          {"dry_run", context.options.dry_run},
          {"rule", rule_json(context, rule.numeric)},
          {"file", plan.file},
          {"line", plan.line},
          {"file_changed", !plan.was_in_file},
          {"kernel", kernel_part_name(part)},
          {"runtime", context.options.runtime},
          {"applied_at_boot", applied_at_boot(context.root)}};
}

int report(const Context &context, const WrittenRule &rule, const Plan &plan,
           KernelPart part) {
  const bool in_force = part != KernelPart::not_loaded;
  const bool nothing_new =
      plan.was_in_file && part != KernelPart::changed && in_force;
  const char *word = nothing_new                     ? "already allowed"
                     : !in_force                     ? "saved"
                     : part == KernelPart::not_asked ? "saved"
                                                     : "allowed";
  context.console.verdict(word, true,
                          fmt::format("{}, {}",
                                      describe_rule(context, rule.rule),
                                      how_long(context, plan, part)));
  context.console.json("change", change_json(context, rule, plan, part));
  if (in_force)
    return static_cast<int>(Code::done);
  warn_not_in_force(context);
  return static_cast<int>(Code::attention);
}

int dry_run(const Context &context, const WrittenRule &rule, const Plan &plan) {
  KernelPart part = KernelPart::not_asked;
  bool known = false;
  if (plan.kernel_loaded) {
    const auto policy = read_policy(context.kernel);
    if (!policy)
      return fail(context, policy.error());
    known = std::ranges::count(policy->rules, rule.numeric) != 0;
    part = known ? KernelPart::unchanged : KernelPart::changed;
  } else if (context.options.root.empty()) {
    part = KernelPart::not_loaded;
  }
  if (!plan.was_in_file)
    context.console.line(fmt::format("would add to {}:{}: {}", plan.file,
                                     plan.line, rule.words));
  if (part == KernelPart::changed)
    context.console.line("would add to the kernel: " + rule.numeric);
  if (part == KernelPart::not_loaded)
    context.console.note("the portacl module is not loaded: the rule would "
                         "not be in force yet");
  if (plan.was_in_file && part != KernelPart::changed)
    context.console.line(fmt::format("would change nothing: already in {}:{}",
                                     plan.file, plan.line));
  context.console.json("change", change_json(context, rule, plan, part));
  return static_cast<int>(Code::done);
}

std::vector<std::string> with_action(const std::vector<std::string> &words) {
  // One argument with blanks is a line.
  if (words.size() == 1 && words[0].find_first_of(" \t") != std::string::npos)
    return {"allow " + words[0]};
  std::vector<std::string> line = {"allow"};
  line.insert(line.end(), words.begin(), words.end());
  return line;
}

} // namespace

int cmd_allow(const Context &context) {
  const auto rule = rule_of_words(context, with_action(context.options.words));
  if (!rule)
    return fail(context, rule.error());
  warn_of_grant(context, rule->rule);
  if (context.options.dry_run) {
    const auto plan = make_plan(context, *rule);
    return plan ? dry_run(context, *rule, *plan) : fail(context, plan.error());
  }
  const auto lock = ChangeLock::take(context.root);
  if (!lock)
    return fail(context, lock.error());
  auto plan = make_plan(context, *rule);
  if (!plan)
    return fail(context, plan.error());
  const auto part = carry_out(context, plan->change, plan->kernel_loaded);
  if (!part)
    return fail(context, part.error());
  return report(context, *rule, *plan, *part);
}

} // namespace portacl
