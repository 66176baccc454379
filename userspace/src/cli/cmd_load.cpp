// SPDX-License-Identifier: GPL-2.0-only

#include <fmt/format.h>

#include "cli/automatic.h"
#include "cli/commands.h"
#include "cli/in_force.h"
#include "cli/signals.h"
#include "lib/drop_in.h"
#include "lib/local_ports.h"
#include "lib/policy.h"
#include "lib/text.h"
#include "lib/upload.h"
#include "uapi/portacl.h"

namespace portacl {

namespace {

// What the files say and the kernel does not have yet.
struct Difference {
  PolicyChange rules;
  std::vector<Directive> settings;
};

// The files' rules, or all that is wrong with them.
Result<std::vector<std::string>> valid_rules(const Context &context,
                                             RuleFiles &files) {
  files = read_rule_files(context.root, context.names);
  if (!files.errors.empty()) {
    for (const Error &error : files.errors)
      context.console.error(error);
    return Error{.code = files.errors.front().code,
                 .message = "nothing was loaded or changed"};
  }
  auto rules = files.numeric();
  // So many that the kernel would not take them?
  if (const auto policy = Policy::make(rules); !policy)
    return policy.error();
  return rules;
}

// The directives that would change something, in the order of their effect.
std::vector<Directive> settings_to_set(const RuleFiles &files,
                                       const Settings &now) {
  std::vector<Directive> wanted;
  for (const Setting setting : all_settings) {
    const Directive *directive = files.directive(setting);
    if (directive != nullptr && directive->value != now[setting])
      wanted.push_back(*directive);
  }
  return wanted;
}

// At boot a refusal would leave the machine without its other rules, too.
void warn_of_too_much(const Context &context, const RuleFiles &files,
                      AutomaticChoice &automatic) {
  const auto much = automatic.too_much(context);
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

int report(const Context &context, const RuleFiles &files, bool was_loaded,
           const Difference &difference, const AutomaticChoice &automatic) {
  const bool dry = context.options.dry_run;
  const std::string word = fmt::format("{}{}", dry ? "would be " : "",
                                       was_loaded ? "applied" : "loaded");
  std::string settings;
  Json set = Json::object();
  for (const Directive &directive : difference.settings) {
    settings += ", " + directive.text();
    set[setting_name(directive.setting)] = directive.value;
  }
  context.console.verdict(word, true,
                          fmt::format("{} from {} ({} added, {} removed){}",
                                      counted(files.rules.size(), "rule"),
                                      counted(files.paths.size(), "file"),
                                      difference.rules.add.size(),
                                      difference.rules.remove.size(),
                                      settings));
  automatic.report(context);
  Json json = {{"dry_run", dry},
               {"already_loaded", was_loaded},
               {"rules", files.rules.size()},
               {"files", files.paths},
               {"added", difference.rules.add},
               {"removed", difference.rules.remove},
               {"set", set}};
  automatic.add_to(json);
  context.console.json("load", json);
  return static_cast<int>(Code::done);
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

Result<void> apply(const Context &context, const RuleFiles &files,
                   const std::vector<std::string> &rules,
                   const Difference &difference, const Settings &before,
                   AutomaticChoice &automatic) {
  const SignalsBlocked whole_or_not_at_all;
  std::vector<Directive> first;
  std::vector<Directive> last;
  for (const Directive &directive : difference.settings)
    (goes_first(directive) ? first : last).push_back(directive);
  std::vector<Directive> done;
  for (const Directive &directive : first) {
    if (auto set_now = set(context, directive.setting, directive.value);
        !set_now)
      return take_back(context, done, before,
                       with_place(set_now.error(), files, directive));
    done.push_back(directive);
  }
  automatic.begin(context);
  if (!difference.rules.empty()) {
    const auto uploaded = upload_policy(
        context.kernel, rules, [&context](size_t part, size_t all) {
          context.console.progress("applying", part, all);
        });
    if (!uploaded) {
      automatic.abort(context);
      return take_back(context, done, before,
                       with_origin(uploaded.error(), files));
    }
  }
  automatic.commit(context);
  for (size_t i = 0; i < last.size(); i++) {
    if (auto set_now = set(context, last[i].setting, last[i].value); !set_now)
      return without_settings(with_place(set_now.error(), files, last[i]), last,
                              i);
  }
  return {};
}

void warn_of_ended(const Context &context, const RuleFiles &files) {
  for (const FileRule &rule : files.rules) {
    if (has_ended(rule_from_text(rule.numeric)))
      context.console.warning(fmt::format(
          "{} has ended: {}", files.origin(rule), printable(rule.words)));
  }
}

Result<void> load_module(const Context &context) {
  const auto &words = context.options.words;
  const std::string module = words.empty() ? PORTACL_MODULE : words.front();
  if (auto loaded = context.kmod.load(module); !loaded)
    return loaded;
  if (context.options.verbose)
    context.console.note("loaded " + module);
  const auto there = is_loaded(context.kernel);
  if (!there)
    return there.error();
  if (!*there)
    return Error{.message = fmt::format("{} was loaded, but {} is not there",
                                        module, PORTACL_SYSFS),
                 .hint = "was it the right module?"};
  return {};
}

} // namespace

int cmd_load(const Context &context) {
  if (!context.options.root.empty())
    return fail(context, usage("load does not go with --root"));
  Result<ChangeLock> lock = ChangeLock::none();
  if (!context.options.dry_run)
    lock = ChangeLock::take(context.root);
  if (!lock)
    return fail(context, lock.error());
  RuleFiles files;
  const auto rules = valid_rules(context, files);
  if (!rules)
    return fail(context, rules.error());
  warn_of_ended(context, files);
  const auto loaded = is_loaded(context.kernel);
  if (!loaded)
    return fail(context, loaded.error());
  Result<KernelState> present =
      *loaded ? read_kernel_state(context) : KernelState();
  if (!present)
    return fail(context, present.error());
  AutomaticChoice automatic(reserved_ports(present->rules),
                            reserved_ports(*rules));
  warn_of_too_much(context, files, automatic);
  const bool dry = context.options.dry_run;
  if (!*loaded && !dry) {
    if (auto done = load_module(context); !done)
      return fail(context, done.error());
    present = read_kernel_state(context);
    if (!present)
      return fail(context, present.error());
  }
  const Difference wanted{difference(present->rules, *rules),
                          settings_to_set(files, present->settings)};
  if (dry) {
    automatic.begin(context);
    automatic.commit(context);
  } else if (auto done = apply(context, files, *rules, wanted,
                               present->settings, automatic);
             !done) {
    return fail(context, done.error());
  }
  return report(context, files, *loaded, wanted, automatic);
}

} // namespace portacl
