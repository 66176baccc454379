// SPDX-License-Identifier: GPL-2.0-only

#include "cli/change.h"

#include <cerrno>

#include <fmt/format.h>

namespace portacl {

namespace {

Result<KernelPart> change_kernel(const Context &context,
                                 const PolicyChange &change) {
  const auto before = read_number(context.kernel, "generation");
  if (!before)
    return before.error();
  auto changed = change_policy(context.kernel, change);
  // A rule that was not in force is as good as removed.
  if (!changed && changed.error().errnum != ENOENT)
    return changed.error();
  const auto after = read_number(context.kernel, "generation");
  if (!after)
    return after.error();
  return *before == *after ? KernelPart::unchanged : KernelPart::changed;
}

// Puts the first files back and adds to the error what the state is now.
Error take_back(std::vector<DropIn> &files, size_t saved, Error error) {
  bool clean = true;
  for (size_t i = 0; i < saved; i++) {
    if (auto restored = files[i].restore(); !restored) {
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

Result<KernelPart> carry_out(const Context &context, Change &change,
                             bool kernel_loaded) {
  for (size_t i = 0; i < change.files.size(); i++) {
    if (auto saved = change.files[i].save(); !saved)
      return take_back(change.files, i + 1, saved.error());
    if (context.options.verbose)
      context.console.note("wrote " + change.files[i].path());
  }
  if (!context.options.root.empty())
    return KernelPart::not_asked;
  if (!kernel_loaded)
    return KernelPart::not_loaded;
  if (change.kernel.empty())
    return KernelPart::unchanged;
  auto done = change_kernel(context, change.kernel);
  if (!done)
    return take_back(change.files, change.files.size(), done.error());
  if (context.options.verbose)
    context.console.note("kernel policy " + kernel_part_name(*done));
  return done;
}

void warn_of_bad_files(const Context &context, const RuleFiles &files) {
  for (const Error &error : files.errors)
    context.console.warning(error);
}

void warn_not_in_force(const Context &context) {
  context.console.warning("not yet in force: the portacl module is not loaded");
  context.console.hint("to load it, run: portaclctl load");
}

} // namespace portacl
