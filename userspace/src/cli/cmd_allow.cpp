// SPDX-License-Identifier: GPL-2.0-only

#include <algorithm>

#include <fmt/format.h>

#include "cli/change.h"
#include "cli/commands.h"
#include "cli/describe.h"
#include "cli/lint.h"
#include "cli/name_changes.h"
#include "cli/preflight.h"
#include "lib/boot.h"
#include "lib/config_dirs.h"
#include "lib/local_ports.h"
#include "lib/policy.h"
#include "lib/text.h"
#include "lib/times.h"

namespace portacl {

namespace {

struct Plan {
  bool kernel_loaded = false;
  bool files_are_good = true;
  Settings file_settings;
  // Where the rule stands already, or will stand.
  std::string file;
  uint32_t line = 0;
  bool was_in_file = false;
  bool stays = false;                    // in a file that a reboot keeps
  std::string endless;                   // "FILE:LINE" of the same without end
  std::vector<std::string> overruled_by; // "FILE:LINE: deny any 443"
  Change change;
};

void warn_of_mode(const Context &context, const pacl_rule &rule,
                  const std::string &mode) {
  if (mode == "off")
    context.console.warning("mode is off: no rule has an effect");
  else if (mode == "permissive" && rule.action != PACL_ALLOW)
    context.console.warning("mode is permissive: what the rule would refuse is "
                            "only logged and counted");
}

void warn(const Context &context, const pacl_rule &rule,
          const Settings &settings) {
  warn_of_mode(context, rule, settings[Setting::mode]);
  if (rule.action == PACL_ALLOW) {
    for (const std::string &text : lint_grant(rule, settings.strict()))
      context.console.warning(text);
  } else if (!settings.strict()) {
    context.console.note("note: who holds CAP_NET_BIND_SERVICE, as root does, "
                         "is not bound by it unless strict is on");
  }
}

void find_in_files(const Context &context, const RuleFiles &files,
                   const WrittenRule &rule, Plan &plan) {
  const std::string run = context.root + std::string(config_run) + "/";
  plan.stays = !context.options.runtime;
  const RuleIndex index(files);
  for (const FileRule *found : index.find(rule.numeric)) {
    const std::string &path = files.paths[found->file];
    const bool stays = !path.starts_with(run);
    // What a reboot drops does not count when the rule is to stay.
    if (!stays && (plan.was_in_file || !context.options.runtime))
      continue;
    plan.was_in_file = true;
    plan.file = path;
    plan.line = found->line;
    plan.stays = stays;
    if (stays)
      break;
  }
  if (rule.rule.until == 0)
    return;
  const auto &endless = index.find(without_end(rule.numeric));
  if (!endless.empty())
    plan.endless = files.origin(*endless.front());
}

// With the rule among those in force, or of the files where there are none.
Result<AutomaticChoice> plan_automatic(const Context &context,
                                       const RuleFiles &files,
                                       const WrittenRule &rule, bool loaded) {
  PortSet before;
  if (loaded) {
    const auto policy = read_policy(context.kernel);
    if (!policy)
      return policy.error();
    before = reserved_ports(policy->rules);
  } else {
    before = reserved_ports(files.numeric());
  }
  return AutomaticChoice(before, before | reserved_ports({rule.numeric}));
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
  plan.file_settings = files.settings();
  if (rule.rule.action == PACL_ALLOW) {
    for (const FileRule *deny : Denials(context, files).overruling(rule.rule))
      plan.overruled_by.push_back(
          fmt::format("{}: {}", files.origin(*deny), deny->words));
  }
  find_in_files(context, files, rule, plan);
  if (!plan.was_in_file) {
    auto file = DropIn::open(context.root, context.options.runtime);
    if (!file)
      return file.error();
    file->remove_lines(dropped_lines(context, *file));
    plan.file = file->path();
    plan.line = file->next_line();
    file->append(rule.words);
    plan.change.files.push_back(std::move(*file));
  }
  plan.change.kernel = {"add", rule.numeric};
  if (rule.rule.action == PACL_RESERVE) {
    auto automatic = plan_automatic(context, files, rule, *loaded);
    if (!automatic)
      return automatic.error();
    plan.change.automatic = *automatic;
  }
  return plan;
}

Json change_json(const Context &context, const WrittenRule &rule,
                 const Plan &plan, KernelPart part) {
  Json json = {{"command", context.options.command},
               {"dry_run", context.options.dry_run},
               {"rule", rule_json(context, rule.numeric)},
               {"file", plan.file},
               {"line", plan.line},
               {"file_changed", !plan.was_in_file},
               {"kernel", kernel_part_name(part)},
               {"runtime", context.options.runtime},
               {"applied_at_boot", applied_at_boot(context.root)}};
  if (plan.change.automatic)
    plan.change.automatic->add_to(json);
  return json;
}

std::string how_long(const Context &context, const WrittenRule &rule,
                     const Plan &plan, KernelPart part) {
  std::string place = how_long(context, part, plan.files_are_good, !plan.stays);
  if (rule.rule.until == 0)
    return place;
  const std::string end = iso_time(rule.rule.until);
  if (part != KernelPart::not_asked && part != KernelPart::not_loaded &&
      !plan.stays)
    return fmt::format("now, until {} or the next reboot", end);
  return fmt::format("{}, until {}", place, end);
}

int report(const Context &context, const WrittenRule &rule, const Plan &plan,
           KernelPart part) {
  const bool in_force = part != KernelPart::not_loaded;
  const bool nothing_new =
      plan.was_in_file && part != KernelPart::changed && in_force;
  const std::string done = action_done(rule.rule);
  const std::string word = nothing_new ? "already " + done
                           : !in_force || part == KernelPart::not_asked
                               ? "saved"
                               : done;
  context.console.verdict(word, true,
                          fmt::format("{}, {}",
                                      describe_rule(context, rule.rule),
                                      how_long(context, rule, plan, part)));
  if (plan.change.automatic)
    plan.change.automatic->report(context);
  context.console.json("change", change_json(context, rule, plan, part));
  if (in_force)
    return static_cast<int>(Code::done);
  warn_not_in_force(context);
  return static_cast<int>(Code::attention);
}

int dry_run(const Context &context, const WrittenRule &rule, Plan &plan) {
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
    context.console.note(not_loaded_error(context).message +
                         ": the rule would not be in force yet");
  if (plan.was_in_file && part != KernelPart::changed)
    context.console.line(fmt::format("would change nothing: already in {}:{}",
                                     plan.file, plan.line));
  if (plan.change.automatic && plan.kernel_loaded) {
    plan.change.automatic->begin(context);
    plan.change.automatic->commit(context);
    plan.change.automatic->report(context);
  }
  context.console.json("change", change_json(context, rule, plan, part));
  return static_cast<int>(Code::done);
}

std::vector<std::string> with_action(const Context &context) {
  const auto &words = context.options.words;
  const std::string &action = context.options.command;
  // One argument with blanks is a line.
  if (words.size() == 1 && words[0].find_first_of(" \t") != std::string::npos)
    return {action + " " + words[0]};
  std::vector<std::string> line = {action};
  line.insert(line.end(), words.begin(), words.end());
  return line;
}

Result<WrittenRule> with_end(const Context &context, const WrittenRule &rule) {
  if (rule.rule.until != 0)
    return usage("--for does not go with 'until'", "leave one of them out");
  const uint64_t end = clock_now().wall + context.options.duration;
  auto ending =
      parse_rule(fmt::format("{} until {}", rule.words, end), context.names);
  if (!ending)
    return ending.error();
  return std::move(**ending);
}

Result<WrittenRule> wanted_rule(const Context &context) {
  auto rule = rule_of_words(context, with_action(context));
  if (rule && context.options.duration != 0)
    rule = with_end(context, *rule);
  if (rule && rule->rule.until != 0 && rule->rule.until <= clock_now().wall)
    return usage(fmt::format("the rule would have ended already: until {}",
                             iso_time(rule->rule.until)));
  return rule;
}

// Rules that take something away may take it from who has it now.
Result<void> check_losers(const Context &context, const WrittenRule &rule,
                          bool strict) {
  if (rule.rule.action == PACL_ALLOW)
    return {};
  Intent intent{.words = rule.words,
                .rules = {rule.numeric},
                .strict = strict,
                .may_refuse = rule.rule.action == PACL_DENY};
  intent.concerns = [&rule](uint16_t port) {
    return covers_port(rule.rule, port);
  };
  return check_listeners(context, intent);
}

Result<void> check(const Context &context, const WrittenRule &rule,
                   Plan &plan) {
  const auto settings =
      plan.kernel_loaded ? read_settings(context.kernel) : plan.file_settings;
  if (!settings)
    return settings.error();
  if (plan.change.automatic) {
    if (const auto much = plan.change.automatic->too_much(context))
      return too_much_error(*much);
  }
  warn(context, rule.rule, *settings);
  if (!plan.endless.empty())
    context.console.warning(fmt::format("{} {} it without an end", plan.endless,
                                        action_does(rule.rule)));
  for (const std::string &deny : plan.overruled_by)
    context.console.warning("a deny goes before it, " + printable(deny));
  return check_losers(context, rule, settings->strict());
}

} // namespace

int cmd_allow(const Context &context) {
  const auto rule = wanted_rule(context);
  if (!rule)
    return fail(context, rule.error());
  const auto lock = lock_changes(context);
  if (!lock)
    return fail(context, lock.error());
  auto plan = make_plan(context, *rule);
  if (!plan)
    return fail(context, plan.error());
  if (auto fine = check(context, *rule, *plan); !fine)
    return fail(context, fine.error());
  if (context.options.dry_run)
    return dry_run(context, *rule, *plan);
  const auto part = carry_out(context, plan->change, plan->kernel_loaded);
  if (!part)
    return fail(context, part.error());
  const int status = report(context, *rule, *plan, *part);
  const bool in_kernel =
      *part == KernelPart::changed || *part == KernelPart::unchanged;
  if (in_kernel && !record_name(context, *rule))
    return static_cast<int>(Code::attention);
  return status;
}

} // namespace portacl
