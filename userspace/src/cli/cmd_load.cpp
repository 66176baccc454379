// SPDX-License-Identifier: GPL-2.0-only

#include <fmt/format.h>

#include "cli/applying.h"
#include "cli/change.h"
#include "cli/commands.h"
#include "cli/name_changes.h"
#include "lib/drop_in.h"
#include "lib/kernel_files.h"
#include "uapi/portacl.h"

namespace portacl {

namespace {

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

// With the module there already this is what apply does.
Result<void> bring_in(const Context &context, Applying &applying,
                      bool was_loaded) {
  if (context.options.dry_run) {
    applying.automatic.begin(context);
    applying.automatic.commit(context);
    return {};
  }
  if (!was_loaded) {
    if (is_built_in(context.root, PORTACL_MODULE))
      return not_loaded_error(context);
    if (auto done = load_module(context); !done)
      return done;
    auto fresh = read_kernel_state(context);
    if (!fresh)
      return fresh.error();
    applying.drift = drift_of(applying.files, fresh->rules, fresh->settings);
    applying.before = std::move(*fresh);
  }
  if (auto done = put_into_force(context, applying); !done)
    return done;
  record_names(context, applying.files);
  return {};
}

} // namespace

int cmd_load(const Context &context) {
  if (!context.options.root.empty())
    return fail(context, usage("load does not go with --root"));
  const auto lock = lock_changes(context);
  if (!lock)
    return fail(context, lock.error());
  auto applying = read_to_apply(context);
  if (!applying)
    return fail(context, applying.error());
  const auto loaded = is_loaded(context.kernel);
  if (!loaded)
    return fail(context, loaded.error());
  Result<KernelState> present =
      *loaded ? read_kernel_state(context) : KernelState();
  if (!present)
    return fail(context, present.error());
  compare(*applying, std::move(*present));
  warn_of_too_much(context, *applying);
  warn_of_losers(context, *applying, *loaded);
  if (auto done = bring_in(context, *applying, *loaded); !done)
    return fail(context, done.error());
  return report_applied(context, *applying, *loaded ? "applied" : "loaded",
                        *loaded);
}

} // namespace portacl
