// SPDX-License-Identifier: GPL-2.0-only

#include <fmt/format.h>

#include "cli/commands.h"
#include "lib/drop_in.h"
#include "lib/policy.h"
#include "lib/text.h"
#include "uapi/portacl.h"

namespace portacl {

namespace {

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
  std::vector<std::string> rules;
  for (const FileRule &rule : files.rules)
    rules.push_back(rule.numeric);
  // So many that the kernel would not take them?
  if (const auto policy = Policy::make(rules); !policy)
    return policy.error();
  return rules;
}

int report(const Context &context, const RuleFiles &files, bool was_loaded,
           const PolicyChange &change) {
  const bool dry = context.options.dry_run;
  const std::string word = fmt::format("{}{}", dry ? "would be " : "",
                                       was_loaded ? "applied" : "loaded");
  context.console.verdict(word, true,
                          fmt::format("{} from {} ({} added, {} removed)",
                                      counted(files.rules.size(), "rule"),
                                      counted(files.paths.size(), "file"),
                                      change.add.size(), change.remove.size()));
  context.console.json("load", {{"dry_run", dry},
                                {"already_loaded", was_loaded},
                                {"rules", files.rules.size()},
                                {"files", files.paths},
                                {"added", change.add},
                                {"removed", change.remove}});
  return static_cast<int>(Code::done);
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
  const auto loaded = is_loaded(context.kernel);
  if (!loaded)
    return fail(context, loaded.error());
  if (!*loaded && context.options.dry_run)
    return report(context, files, false, {*rules, {}});
  if (!*loaded) {
    if (auto done = load_module(context); !done)
      return fail(context, done.error());
  }
  const auto policy = read_policy(context.kernel);
  if (!policy)
    return fail(context, policy.error());
  const PolicyChange change = difference(policy->rules, *rules);
  if (!context.options.dry_run) {
    const auto done = change_policy(
        context.kernel, change, [&context](size_t part, size_t all) {
          context.console.progress("applying", part, all);
        });
    if (!done)
      return fail(context, done.error());
  }
  return report(context, files, *loaded, change);
}

} // namespace portacl
