// SPDX-License-Identifier: GPL-2.0-only
// mode, strict, scope and lock.

#include <algorithm>

#include <fmt/format.h>

#include "cli/automatic.h"
#include "cli/change.h"
#include "cli/commands.h"
#include "cli/in_force.h"
#include "cli/preflight.h"
#include "cli/signals.h"
#include "lib/local_ports.h"
#include "lib/text.h"

namespace portacl {

namespace {

struct SettingPlan {
  bool kernel_loaded = false;
  bool files_are_good = true;
  std::string file;
  uint32_t line = 0;
  bool was_in_file = false;
  std::string overruled_by; // "FILE:LINE", by a line with another value
  // "FILE:LINE" of the directives of --runtime that this one ends.
  std::vector<std::string> removed_from;
  Settings now; // the kernel's, else the files'
  Change change;
};

// Puts the directive where the last of its kind stands in the file, or at its
// end. Others before it are the user's and have no effect.
void edit(const Context &context, DropIn &file, const Directive &wanted,
          const std::vector<uint32_t> &lines, SettingPlan &plan) {
  const auto ended = dropped_lines(context, file);
  if (lines.empty()) {
    file.remove_lines(ended);
    plan.line = file.next_line();
    file.append(wanted.text());
    return;
  }
  file.replace_words(lines.back(), wanted.text());
  file.remove_lines(ended);
  plan.line =
      lines.back() -
      static_cast<uint32_t>(std::ranges::count_if(
          ended, [&lines](uint32_t line) { return line < lines.back(); }));
}

// What is to stay would not, as long as a line of --runtime overrules it.
Result<void> plan_runtime_file(const Context &context,
                               std::vector<uint32_t> lines, SettingPlan &plan) {
  if (lines.empty())
    return {};
  auto file = DropIn::open(context.root, true);
  if (!file)
    return file.error();
  for (const uint32_t line : lines)
    plan.removed_from.push_back(fmt::format("{}:{}", file->path(), line));
  const auto dropped = dropped_lines(context, *file);
  lines.insert(lines.end(), dropped.begin(), dropped.end());
  file->remove_lines(lines);
  plan.change.files.push_back(std::move(*file));
  return {};
}

Result<void> plan_file(const Context &context, const RuleFiles &files,
                       const Directive &wanted, SettingPlan &plan) {
  plan.file = DropIn::path(context.root, context.options.runtime);
  const std::string runtime_file = DropIn::path(context.root, true);
  std::vector<uint32_t> lines;
  std::vector<uint32_t> runtime_lines;
  bool right = false;
  for (const Directive &directive : files.directives) {
    if (directive.setting != wanted.setting)
      continue;
    const std::string &path = files.paths[directive.file];
    if (path == plan.file) {
      lines.push_back(directive.line);
      right = directive.value == wanted.value;
    } else if (path == runtime_file) {
      runtime_lines.push_back(directive.line);
    } else if (file_name(path) > file_name(plan.file)) {
      plan.overruled_by =
          directive.value == wanted.value ? "" : files.origin(directive);
    }
  }
  if (auto done = plan_runtime_file(context, runtime_lines, plan); !done)
    return done;
  if (right) {
    plan.was_in_file = true;
    plan.line = lines.back();
    return {};
  }
  auto file = DropIn::open(context.root, context.options.runtime);
  if (!file)
    return file.error();
  edit(context, *file, wanted, lines, plan);
  plan.change.files.push_back(std::move(*file));
  return {};
}

Result<SettingPlan> make_plan(const Context &context, const Directive &wanted) {
  SettingPlan plan;
  const auto loaded = kernel_in_use(context);
  if (!loaded)
    return loaded.error();
  plan.kernel_loaded = *loaded;
  const RuleFiles files = read_rule_files(context.root, context.names);
  warn_of_bad_files(context, files);
  plan.files_are_good = files.errors.empty();
  if (auto done = plan_file(context, files, wanted, plan); !done)
    return done.error();
  plan.now = files.settings();
  if (!*loaded)
    return plan;
  const auto settings = read_settings(context.kernel);
  if (!settings)
    return settings.error();
  plan.now = *settings;
  if (plan.now[wanted.setting] != wanted.value)
    plan.change.kernel = {setting_attribute(wanted.setting),
                          kernel_value(wanted.setting, wanted.value)};
  return plan;
}

// Both can keep services from coming back, sshd among them, and on every port:
// strict makes deny and reserve hold for root, too.
Result<void> check(const Context &context, const Directive &wanted,
                   const Settings &now) {
  if (wanted.setting == Setting::strict && wanted.value == "on")
    return check_listeners(context, {.words = wanted.text(), .strict = true});
  if (wanted.setting == Setting::mode && wanted.value == "enforce" &&
      now[Setting::mode] != wanted.value)
    return check_listeners(context, {.words = wanted.text(),
                                     .strict = now.strict(),
                                     .nothing_before = true});
  return {};
}

Json change_json(const Context &context, const Directive &wanted,
                 const SettingPlan &plan, KernelPart part) {
  return {{"command", context.options.command},
          {"dry_run", context.options.dry_run},
          {"value", wanted.value},
          {"file", plan.file},
          {"line", plan.line},
          {"file_changed", !plan.was_in_file},
          {"removed_from", plan.removed_from},
          {"kernel", kernel_part_name(part)},
          {"runtime", context.options.runtime}};
}

void warn_of_overrule(const Context &context, const Directive &wanted,
                      const SettingPlan &plan) {
  if (!plan.overruled_by.empty())
    context.console.warning(
        fmt::format("{} sets {}, too, and wins when the files are applied",
                    plan.overruled_by, setting_name(wanted.setting)));
}

int dry_run(const Context &context, const Directive &wanted,
            const SettingPlan &plan) {
  const KernelPart part = !context.options.root.empty() ? KernelPart::not_asked
                          : !plan.kernel_loaded         ? KernelPart::not_loaded
                          : plan.change.kernel          ? KernelPart::changed
                                                        : KernelPart::unchanged;
  if (!plan.was_in_file)
    context.console.line(fmt::format("would write to {}:{}: {}", plan.file,
                                     plan.line, wanted.text()));
  for (const std::string &place : plan.removed_from)
    context.console.line(fmt::format("would remove from {}: {}", place,
                                     setting_name(wanted.setting)));
  if (part == KernelPart::changed)
    context.console.line("would set in the kernel: " + wanted.text());
  if (plan.change.files.empty() && part != KernelPart::changed)
    context.console.line("would change nothing");
  context.console.json("change", change_json(context, wanted, plan, part));
  return static_cast<int>(Code::done);
}

int report(const Context &context, const Directive &wanted,
           const SettingPlan &plan, KernelPart part) {
  const bool in_force = part != KernelPart::not_loaded;
  const bool saved_only = !in_force || part == KernelPart::not_asked;
  const bool overruled = !plan.overruled_by.empty();
  const bool nothing_new =
      plan.change.files.empty() && part != KernelPart::changed && in_force;
  // In files, a line that is overruled sets nothing.
  const char *word = nothing_new && !(overruled && saved_only) ? "already set"
                     : saved_only                              ? "saved"
                                                               : "set";
  context.console.verdict(
      word, true,
      fmt::format("{}, {}", wanted.text(),
                  overruled && !saved_only
                      ? "now, until the files are applied"
                      : how_long(context, part, plan.files_are_good,
                                 context.options.runtime)));
  context.console.json("change", change_json(context, wanted, plan, part));
  if (!in_force)
    warn_not_in_force(context);
  return static_cast<int>(in_force && !overruled ? Code::done
                                                 : Code::attention);
}

int set(const Context &context, const Directive &wanted) {
  const auto lock = lock_changes(context);
  if (!lock)
    return fail(context, lock.error());
  auto plan = make_plan(context, wanted);
  if (!plan)
    return fail(context, plan.error());
  if (auto fine = check(context, wanted, plan->now); !fine)
    return fail(context, fine.error());
  warn_of_overrule(context, wanted, *plan);
  if (context.options.dry_run)
    return dry_run(context, wanted, *plan);
  const auto part = carry_out(context, plan->change, plan->kernel_loaded);
  if (!part)
    return fail(context, part.error());
  return report(context, wanted, *plan, *part);
}

// The kernel's settings, else those that the files amount to.
Result<ActivePolicy> read_values(const Context &context) {
  ActivePolicy in_force;
  const auto loaded = kernel_in_use(context);
  if (!loaded)
    return loaded.error();
  in_force.from_kernel = *loaded;
  if (*loaded) {
    const auto settings = read_settings(context.kernel);
    if (!settings)
      return settings.error();
    in_force.settings = *settings;
    return in_force;
  }
  in_force.files = read_rule_files(context.root, context.names);
  for (const Error &error : in_force.files.errors)
    context.console.error(error);
  in_force.settings = in_force.files.settings();
  warn_of_files_only(context, in_force);
  return in_force;
}

int show(const Context &context, Setting setting) {
  const auto values = read_values(context);
  if (!values)
    return fail(context, values.error());
  const std::string &value = values->settings[setting];
  if (setting == Setting::lock)
    context.console.text(value == "on" ? "locked\n" : "not locked\n");
  else
    context.console.text(printable(value) + "\n");
  context.console.json(
      setting_name(setting),
      {{"value", value}, {"source", values->from_kernel ? "kernel" : "files"}});
  const auto &errors = values->files.errors;
  return static_cast<int>(errors.empty() ? Code::done : errors.front().code);
}

int report_locked(const Context &context, const char *word, KernelPart part,
                  const AutomaticChoice &automatic) {
  const RuleFiles files = read_rule_files(context.root, context.names);
  const Directive *directive = files.directive(Setting::lock);
  context.console.verdict(
      word, true,
      "rules, settings and the module stay as they are until the next reboot");
  automatic.report(context);
  if (directive == nullptr)
    context.console.hint("to have it locked after each boot, write a line "
                         "'lock' into a policy file");
  else
    context.console.note(fmt::format("{} locks it again after each boot",
                                     files.origin(*directive)));
  Json json = {{"command", "lock"},
               {"dry_run", context.options.dry_run},
               {"value", "on"},
               {"kernel", kernel_part_name(part)}};
  automatic.add_to(json);
  context.console.json("change", json);
  return static_cast<int>(Code::done);
}

// The range may have been moved since the rules came.
Result<AutomaticChoice> keep_reserved(const Context &context) {
  const auto policy = read_policy(context.kernel);
  if (!policy)
    return policy.error();
  const PortSet reserved = reserved_ports(policy->rules);
  AutomaticChoice automatic(reserved, reserved);
  automatic.begin(context);
  automatic.commit(context);
  return automatic;
}

} // namespace

int cmd_setting(const Context &context) {
  const auto setting = setting_of(context.options.command);
  if (!setting)
    return fail(context, usage("no such setting"));
  if (context.options.words.empty())
    return show(context, *setting);
  const auto value = setting_value(*setting, context.options.words.front());
  if (!value)
    return fail(context, value.error());
  return set(context, {.setting = *setting, .value = *value});
}

int cmd_lock(const Context &context) {
  const auto &words = context.options.words;
  if (!words.empty() && words.front() != "status")
    return fail(
        context,
        usage(fmt::format("'{}' is no word for lock", printable(words.front())),
              "portaclctl lock locks, portaclctl lock status tells"));
  if (!words.empty())
    return show(context, Setting::lock);
  if (!context.options.root.empty())
    return fail(context, usage("lock does not go with --root"));
  if (auto there = require_loaded(context); !there)
    return fail(context, there.error());
  const auto settings = read_settings(context.kernel);
  if (!settings)
    return fail(context, settings.error());
  if (settings->locked())
    return report_locked(context, "already locked", KernelPart::unchanged, {});
  if (context.options.dry_run) {
    const auto automatic = keep_reserved(context);
    if (!automatic)
      return fail(context, automatic.error());
    return report_locked(context, "would be locked", KernelPart::changed,
                         *automatic);
  }
  if (auto go_on = ask(context,
                       "Until the next reboot nobody will be able to change "
                       "rules or settings, or to unload the module. Lock?",
                       "not locked");
      !go_on)
    return fail(context, go_on.error());
  const auto lock = lock_changes(context);
  if (!lock)
    return fail(context, lock.error());
  const SignalsBlocked whole_or_not_at_all;
  const auto automatic = keep_reserved(context);
  if (!automatic)
    return fail(context, automatic.error());
  if (auto done =
          submit(context.kernel, setting_attribute(Setting::lock), "1\n");
      !done)
    return fail(context, done.error());
  return report_locked(context, "locked", KernelPart::changed, *automatic);
}

} // namespace portacl
