// SPDX-License-Identifier: GPL-2.0-only
// The way of a whole policy into the kernel.

#ifndef PORTACL_CLI_APPLYING_H
#define PORTACL_CLI_APPLYING_H

#include <string>
#include <vector>

#include "cli/automatic.h"
#include "cli/drift.h"
#include "cli/in_force.h"

namespace portacl {

struct Applying {
  RuleFiles files = {};
  std::vector<std::string> rules = {}; // those of the files, canonical text
  KernelState before = {};             // what the kernel has
  Drift drift = {};                    // what there is to do
  AutomaticChoice automatic = {};
};

// How apply, and whoever says what apply would do, reads files.
Reading reading_of(const Context &context);

// The policy files, or an error that stands for all that are wrong with them
// and that are printed; warns of what is not as it was.
Result<Applying>
read_to_apply(const Context &context,
              const char *refusal = "nothing was loaded or changed");

// The same for rules that were read already.
Result<Applying>
to_apply(const Context &context, RuleFiles files,
         const char *refusal = "nothing was loaded or changed");

// Finds out what there is to do where the kernel has this.
void compare(Applying &applying, KernelState before);

// Reservations that leave the kernel less than half of its ports to choose.
void warn_of_too_much(const Context &context, Applying &applying);

// Warns of listeners that would be refused at their next bind. Not at boot,
// when nobody listens.
void warn_of_losers(const Context &context, const Applying &applying,
                    bool was_loaded);

// Rules at once; the settings that refuse less before them, the others behind.
// What failed half-way is taken back as far as it goes. Changes nothing that is
// as it should be.
Result<void> put_into_force(const Context &context, Applying &applying);

// The other way round: what the kernel had is put into force again.
Result<void> put_back(const Context &context, const KernelState &before);

// Says what was done ("applied", "loaded") and returns the exit status.
int report_applied(const Context &context, const Applying &applying,
                   const std::string &done, bool was_loaded);

} // namespace portacl

#endif
