// SPDX-License-Identifier: GPL-2.0-only

#include "cli/change.h"

#include <cerrno>

#include <fmt/format.h>

#include "cli/signals.h"
#include "lib/boot.h"
#include "lib/text.h"

namespace portacl {

namespace {

Result<KernelPart> change_kernel(const Context &context,
                                 const KernelWrite &write) {
  const auto before = read_number(context.kernel, "generation");
  if (!before)
    return before.error();
  auto written = submit(context.kernel, write.attribute, write.text + "\n");
  // A rule that was not in force is as good as removed.
  if (!written && written.error().errnum != ENOENT)
    return written.error();
  const auto after = read_number(context.kernel, "generation");
  // The write is done: files without it would be wrong.
  if (!after)
    return KernelPart::changed;
  return *before == *after ? KernelPart::unchanged : KernelPart::changed;
}

// Puts the files back and adds to the error what the state is now.
Error take_back(std::vector<DropIn> &files, Error error) {
  bool clean = true;
  for (DropIn &file : files) {
    if (auto restored = file.restore(); !restored) {
      clean = false;
      error.message += "; " + restored.error().message;
    }
  }
  if (clean)
    error.message += "; nothing was changed";
  return error;
}

} // namespace

std::string kernel_part_name(KernelPart part) {
  switch (part) {
  case KernelPart::not_asked:
    return "not_asked";
  case KernelPart::not_loaded:
    return "not_loaded";
  case KernelPart::unchanged:
    return "unchanged";
  default:
    return "changed";
  }
}

Result<ChangeLock> lock_changes(const Context &context) {
  if (context.options.dry_run)
    return ChangeLock::none();
  return ChangeLock::take(context.root, [&context] {
    context.console.note("waiting for another portaclctl to be done");
  });
}

Result<KernelPart> carry_out(const Context &context, Change &change,
                             bool kernel_loaded) {
  const SignalsBlocked whole_or_not_at_all;
  for (DropIn &file : change.files) {
    if (auto saved = file.save(); !saved)
      return take_back(change.files, saved.error());
    if (context.options.verbose)
      context.console.note("wrote " + printable(file.path()));
  }
  if (!context.options.root.empty())
    return KernelPart::not_asked;
  if (!kernel_loaded) {
    if (change.automatic)
      change.automatic->clear(context);
    return KernelPart::not_loaded;
  }
  if (change.automatic)
    change.automatic->begin(context);
  auto done = change.kernel ? change_kernel(context, *change.kernel)
                            : Result(KernelPart::unchanged);
  if (!done) {
    if (change.automatic)
      change.automatic->abort(context);
    return take_back(change.files, done.error());
  }
  if (change.automatic)
    change.automatic->commit(context);
  if (context.options.verbose)
    context.console.note("kernel policy " + kernel_part_name(*done));
  return done;
}

std::string how_long(const Context &context, KernelPart part,
                     bool files_are_good, bool runtime) {
  if (part == KernelPart::not_asked)
    return fmt::format("in {}", printable(context.options.root));
  if (part == KernelPart::not_loaded)
    return "once the module is loaded";
  if (runtime)
    return "now, until the next reboot";
  if (!files_are_good)
    return "now; after a reboot once the policy files are corrected";
  if (applied_at_boot(context.root))
    return "now and after a reboot";
  std::string by_hand = "now; after a reboot once portaclctl load has run";
  if (boot_unit_installed(context.root))
    by_hand += ", or with: systemctl enable portacl.service";
  return by_hand;
}

std::vector<uint32_t> dropped_lines(const Context &context,
                                    const DropIn &file) {
  if (file.path() != DropIn::path(context.root, true))
    return {};
  return ended_lines(file.text(), context.names);
}

void warn_of_bad_files(const Context &context, const RuleFiles &files) {
  for (const Error &error : files.errors)
    context.console.warning(error);
}

void warn_not_in_force(const Context &context) {
  const Error reason = not_loaded_error(context);
  context.console.warning("not yet in force: " + reason.message);
  context.console.hint(reason.hint);
}

Result<void> ask(const Context &context, const std::string &question,
                 const std::string &refusal) {
  const std::string &command = context.options.command;
  if (context.options.yes)
    return {};
  if (!context.console.can_ask())
    return usage(fmt::format("{} asks first, and there is no terminal to ask "
                             "on",
                             command),
                 fmt::format("to go on without being asked: portaclctl {} "
                             "--yes",
                             command));
  if (context.console.confirm(question))
    return {};
  return Error{.code = Code::no, .message = refusal};
}

} // namespace portacl
