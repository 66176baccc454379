// SPDX-License-Identifier: GPL-2.0-only
// What allow and remove have in common: a change of files and kernel that
// happens whole or not at all.

#ifndef PORTACL_CLI_CHANGE_H
#define PORTACL_CLI_CHANGE_H

#include <string>
#include <vector>

#include "cli/context.h"
#include "lib/drop_in.h"

namespace portacl {

enum class KernelPart { not_asked, not_loaded, unchanged, changed };

std::string kernel_part_name(KernelPart part);

struct Change {
  std::vector<DropIn> files; // edited, not yet saved
  PolicyChange kernel;       // canonical texts
};

// Saves the files, then changes the kernel; puts the files back if that fails.
Result<KernelPart> carry_out(const Context &context, Change &change,
                             bool kernel_loaded);

// Errors in files, as warnings.
void warn_of_bad_files(const Context &context, const RuleFiles &files);

// The warning and hint for what is saved but not in force.
void warn_not_in_force(const Context &context);

} // namespace portacl

#endif
