// SPDX-License-Identifier: GPL-2.0-only

#include "cli/applying.h"

#include <algorithm>

#include <fmt/format.h>

#include "cli/name_changes.h"
#include "cli/preflight.h"
#include "cli/signals.h"
#include "lib/local_ports.h"
#include "lib/policy.h"
#include "lib/text.h"
#include "lib/upload.h"

namespace portacl {

namespace {

void warn_of_ended(const Context &context, const RuleFiles &files) {
  for (const FileRule &rule : files.rules) {
    if (has_ended(rule_from_text(rule.numeric)))
      context.console.warning(fmt::format(
          "{} has ended: {}", files.origin(rule), printable(rule.words)));
  }
}

// The place in the files, not the one in what was uploaded.
Error with_origin(Error error, const RuleFiles &files) {
  if (error.line > 0 && error.line <= files.rules.size()) {
    const FileRule &rule = files.rules[error.line - 1];
    error.file = files.paths[rule.file];
    error.line = rule.line;
  } else {
    error.line = 0;
  }
  return error;
}

// What makes rules refuse less goes before them: no deny is to bite for a
// moment that the files do not mean.
bool goes_first(const Directive &directive) {
  switch (directive.setting) {
  case Setting::mode:
    return directive.value != "enforce";
  case Setting::strict:
    return directive.value == "off";
  default:
    return false;
  }
}

Result<void> set(const Context &context, Setting setting,
                 const std::string &value) {
  return submit(context.kernel, setting_attribute(setting),
                kernel_value(setting, value) + "\n");
}

Error with_place(Error error, const RuleFiles &files,
                 const Directive &directive) {
  error.file = files.paths[directive.file];
  error.line = directive.line;
  return error;
}

// Undoes the first settings; adds to the error what could not be.
Error take_back(const Context &context, std::vector<Directive> &done,
                const Settings &before, Error error) {
  for (; !done.empty(); done.pop_back()) {
    const Setting setting = done.back().setting;
    if (!set(context, setting, before[setting]))
      error.message += fmt::format("; '{}' is in force, though the rules are "
                                   "not",
                                   done.back().text());
  }
  return error;
}

// The settings from first on, the one that failed among them, are missing.
Error without_settings(Error error, const std::vector<Directive> &settings,
                       size_t first) {
  std::vector<std::string> missing;
  for (size_t i = first; i < settings.size(); i++)
    missing.push_back(settings[i].text());
  error.message += fmt::format("; the rules are in force, but not: {}",
                               fmt::join(missing, ", "));
  return error;
}

// What was in force, as a file would say it. A lock cannot be taken back.
RuleFiles as_files(const KernelState &state) {
  RuleFiles files;
  files.paths.emplace_back("the policy that was in force");
  for (const std::string &rule : state.rules)
    files.rules.push_back({.numeric = rule, .words = rule});
  for (const Setting setting : all_settings) {
    if (setting != Setting::lock)
      files.directives.push_back(
          {.setting = setting, .value = state.settings[setting]});
  }
  return files;
}

} // namespace

Reading reading_of(const Context &context) {
  const bool boot = context.options.boot;
  return {.skip_unresolved = boot || context.options.skip_unresolved,
          .with_record = !boot,
          .progress = [&context](size_t done, size_t all) {
            context.console.progress("reading", done, all);
          }};
}

Result<Applying> to_apply(const Context &context, RuleFiles files,
                          const char *refusal) {
  if (!files.errors.empty()) {
    for (const Error &error : files.errors)
      context.console.error(error);
    return Error{.code = files.errors.front().code, .message = refusal};
  }
  Applying applying{.files = std::move(files)};
  applying.rules = applying.files.numeric();
  // So many that the kernel would not take them?
  if (const auto policy = Policy::make(applying.rules); !policy)
    return policy.error();
  warn_of_names(context, applying.files);
  warn_of_ended(context, applying.files);
  return applying;
}

Result<Applying> read_to_apply(const Context &context, const char *refusal) {
  return to_apply(
      context,
      read_rule_files(context.root, context.names, reading_of(context)),
      refusal);
}

void compare(Applying &applying, KernelState before) {
  applying.drift = drift_of(applying.files, before.rules, before.settings);
  applying.automatic = AutomaticChoice(reserved_ports(before.rules),
                                       reserved_ports(applying.rules));
  applying.before = std::move(before);
}

// At boot a refusal would leave the machine without its other rules, too.
void warn_of_too_much(const Context &context, Applying &applying) {
  const RuleFiles &files = applying.files;
  const auto much = applying.automatic.too_much(context);
  if (!much)
    return;
  Error warning = too_much_warning(*much);
  PortSet range;
  add_ports(range, much->range);
  PortSet taken = much->foreign & range;
  for (const FileRule &rule : files.rules) {
    const PortSet more = reserved_ports({rule.numeric}) & range & ~taken;
    taken |= more;
    if (more.none() || !takes_too_much(range, taken))
      continue;
    warning.file = files.paths[rule.file];
    warning.line = rule.line;
    break;
  }
  context.console.warning(warning);
  context.console.hint(warning.hint);
}

void warn_of_losers(const Context &context, const Applying &applying,
                    bool was_loaded) {
  Settings after = applying.before.settings;
  for (const Directive &directive : applying.drift.settings)
    after[directive.setting] = directive.value;
  const Settings &before = applying.before.settings;
  const bool enforcing = after[Setting::mode] == "enforce";
  const bool newly = !was_loaded || before[Setting::mode] != "enforce";
  const auto &added = applying.drift.rules.add;
  const bool refuses_more =
      newly || (after.strict() && !before.strict()) ||
      std::ranges::any_of(added, [](const std::string &rule) {
        return !rule.starts_with("allow ");
      });
  if (context.options.boot || !enforcing || !refuses_more)
    return;
  // Cannot fail where it may not refuse.
  static_cast<void>(check_listeners(context, {.words = "apply",
                                              .rules = added,
                                              .strict = after.strict(),
                                              .may_refuse = false,
                                              .nothing_before = newly}));
}

Result<void> put_into_force(const Context &context, Applying &applying) {
  const RuleFiles &files = applying.files;
  const SignalsBlocked whole_or_not_at_all;
  std::vector<Directive> first;
  std::vector<Directive> last;
  for (const Directive &directive : applying.drift.settings)
    (goes_first(directive) ? first : last).push_back(directive);
  std::vector<Directive> done;
  for (const Directive &directive : first) {
    if (auto set_now = set(context, directive.setting, directive.value);
        !set_now)
      return take_back(context, done, applying.before.settings,
                       with_place(set_now.error(), files, directive));
    done.push_back(directive);
  }
  applying.automatic.begin(context);
  if (!applying.drift.rules.empty()) {
    const auto uploaded = upload_policy(
        context.kernel, applying.rules, [&context](size_t part, size_t all) {
          context.console.progress("applying", part, all);
        });
    if (!uploaded) {
      applying.automatic.abort(context);
      return take_back(context, done, applying.before.settings,
                       with_origin(uploaded.error(), files));
    }
  }
  applying.automatic.commit(context);
  for (size_t i = 0; i < last.size(); i++) {
    if (auto set_now = set(context, last[i].setting, last[i].value); !set_now)
      return without_settings(with_place(set_now.error(), files, last[i]), last,
                              i);
  }
  return {};
}

Result<void> put_back(const Context &context, const KernelState &before) {
  auto now = read_kernel_state(context);
  if (!now)
    return now.error();
  Applying back{.files = as_files(before), .rules = before.rules};
  compare(back, std::move(*now));
  return put_into_force(context, back);
}

int report_applied(const Context &context, const Applying &applying,
                   const std::string &done, bool was_loaded) {
  const bool dry = context.options.dry_run;
  const RuleFiles &files = applying.files;
  const Drift &drift = applying.drift;
  const bool unchanged = was_loaded && drift.empty();
  std::string settings;
  Json set = Json::object();
  for (const Directive &directive : drift.settings) {
    settings += ", " + directive.text();
    set[setting_name(directive.setting)] = directive.value;
  }
  const std::string source =
      fmt::format("{} from {}", counted(files.rules.size(), "rule"),
                  counted(files.paths.size(), "file"));
  if (unchanged)
    context.console.verdict("already " + done, true, source);
  else
    context.console.verdict((dry ? "would be " : "") + done, true,
                            fmt::format("{} ({} added, {} removed){}", source,
                                        drift.rules.add.size(),
                                        drift.rules.remove.size(), settings));
  applying.automatic.report(context);
  Json json = {{"dry_run", dry},
               {"already_loaded", was_loaded},
               {"changed", !unchanged},
               {"rules", files.rules.size()},
               {"files", files.paths},
               {"added", drift.rules.add},
               {"removed", drift.rules.remove},
               {"set", set},
               {"names", names_json(files)},
               {"left_out", left_out_json(files)}};
  applying.automatic.add_to(json);
  context.console.json(context.options.command, json);
  return static_cast<int>(is_incomplete(files) ? Code::attention : Code::done);
}

} // namespace portacl
