// SPDX-License-Identifier: GPL-2.0-only

#include <optional>

#include <fmt/format.h>

#include "cli/applying.h"
#include "cli/change.h"
#include "cli/commands.h"
#include "cli/guard.h"
#include "cli/name_changes.h"
#include "cli/question.h"
#include "cli/signals.h"
#include "lib/config_dirs.h"
#include "lib/drop_in.h"

namespace portacl {

namespace {

Result<void> check_usage(const Context &context) {
  const Options &options = context.options;
  if (!options.root.empty())
    return usage("apply does not go with --root",
                 "to look for mistakes in its files, run: " +
                     command_here(context, "portaclctl check"));
  if (options.boot && !options.replace.empty())
    return usage("--boot does not go with --replace");
  if (options.confirm == 0)
    return {};
  if (options.boot)
    return usage("--boot does not go with --confirm");
  if (options.yes)
    return usage("--yes does not go with --confirm",
                 "leave out both to have no answer needed");
  if (options.replace == "-")
    return usage("--replace=- does not go with --confirm",
                 "the answer comes from standard input, too");
  if (!options.dry_run && !context.console.can_ask())
    return usage("--confirm asks, and there is no terminal to ask on");
  return {};
}

// A stream may have been cut off anywhere, and what is left of a rule may be
// another rule.
Result<void> check_whole(const std::string &text) {
  if (text.ends_with('\n'))
    return {};
  return Error{.code = Code::policy,
               .message = text.empty() ? "nothing came"
                                       : "the last line has no end: perhaps "
                                         "something is missing",
               .hint = "to take all rules out of the kernel, run: portaclctl "
                       "flush",
               .file = "standard input"};
}

// FILE stands for all policy files. The names of these are still held against
// the record, which is about the same users.
Result<RuleFiles> read_replacement(const Context &context) {
  const std::string &file = context.options.replace;
  const bool standard_input = file == "-";
  const auto text = standard_input ? context.console.input(max_config_bytes)
                                   : read_config_file({}, file);
  if (text && standard_input) {
    if (auto whole = check_whole(*text); !whole)
      return whole.error();
  }
  if (!text) {
    Error error = text.error();
    if (!error.hint.empty() && !error.file.empty())
      error.hint +=
          fmt::format(", or run: portaclctl apply --replace - <{}", file);
    return error;
  }
  RuleReader reader(context.names, NameRecord::read(context.root),
                    reading_of(context));
  reader.read(standard_input ? "standard input" : file, *text);
  return reader.take();
}

// What the record is about are the files in force, as all names are known by.
void record(const Context &context, const Applying &applying) {
  if (context.options.replace.empty() && !context.options.boot)
    record_names(context, applying.files);
}

int report(const Context &context, const Applying &applying) {
  const int status = report_applied(context, applying, "applied", true);
  if (!context.options.replace.empty() && !context.options.dry_run &&
      !applying.drift.empty())
    context.console.hint("the policy files are unchanged; to go back to them, "
                         "run: portaclctl apply");
  return status;
}

int not_confirmed(const Context &context) {
  return fail(context,
              {.code = Code::no, .message = "not confirmed: put back"});
}

Error not_put_back(Error error) {
  error.message = "not confirmed, but what was in force before could not be "
                  "put back: " +
                  error.message;
  return error;
}

int apply_on_trial(const Context &context, Applying &applying) {
  const std::chrono::seconds time(context.options.confirm);
  if (applying.files.settings().locked())
    return fail(
        context,
        {.code = Code::policy,
         .message = "the files lock the policy, which cannot be taken "
                    "back",
         .hint = "run portaclctl apply without --confirm, or take the "
                 "line 'lock' out of the files",
         .file = applying.files
                     .paths[applying.files.directive(Setting::lock)->file],
         .line = applying.files.directive(Setting::lock)->line});
  const SignalsBlocked until_it_is_decided;
  auto guard = Guard::start(time, [&context, before = applying.before] {
    return put_back(context, before);
  });
  if (!guard)
    return fail(context, guard.error());
  if (auto done = put_into_force(context, applying); !done) {
    if (auto undone = guard->undo(); !undone)
      return fail(context, not_put_back(undone.error()));
    Error error = done.error();
    error.message += "; what was in force before is put back";
    return fail(context, error);
  }
  const int status = report(context, applying);
  forget_typed();
  context.console.prompt(fmt::format("Keep it? [y/N] ({} s) ", time.count()));
  guard->begin();
  if (!yes_in_time(time)) {
    context.console.note("");
    if (auto undone = guard->undo(); !undone)
      return fail(context, not_put_back(undone.error()));
    return not_confirmed(context);
  }
  const auto kept = guard->keep();
  if (!kept)
    return fail(context, not_put_back(kept.error()));
  if (!*kept)
    return not_confirmed(context);
  record(context, applying);
  return status;
}

} // namespace

int cmd_apply(const Context &context) {
  if (auto fine = check_usage(context); !fine)
    return fail(context, fine.error());
  if (auto there = require_loaded(context); !there)
    return fail(context, there.error());
  // A stream may take its time, in which others are not to wait.
  std::optional<RuleFiles> replacement;
  if (!context.options.replace.empty()) {
    auto files = read_replacement(context);
    if (!files)
      return fail(context, files.error());
    replacement = std::move(*files);
  }
  const auto lock = lock_changes(context);
  if (!lock)
    return fail(context, lock.error());
  auto applying = replacement ? to_apply(context, std::move(*replacement))
                              : read_to_apply(context);
  if (!applying)
    return fail(context, applying.error());
  auto before = read_kernel_state(context);
  if (!before)
    return fail(context, before.error());
  compare(*applying, std::move(*before));
  warn_of_too_much(context, *applying);
  warn_of_losers(context, *applying, true);
  if (context.options.dry_run) {
    applying->automatic.begin(context);
    applying->automatic.commit(context);
    return report(context, *applying);
  }
  if (context.options.confirm != 0 && !applying->drift.empty())
    return apply_on_trial(context, *applying);
  if (auto done = put_into_force(context, *applying); !done)
    return fail(context, done.error());
  record(context, *applying);
  return report(context, *applying);
}

} // namespace portacl
