// SPDX-License-Identifier: GPL-2.0-only
// What the commands that change something have in common: a change of files
// and kernel that happens whole or not at all.

#ifndef PORTACL_CLI_CHANGE_H
#define PORTACL_CLI_CHANGE_H

#include <optional>
#include <string>
#include <vector>

#include "cli/automatic.h"
#include "cli/context.h"
#include "lib/drop_in.h"

namespace portacl {

enum class KernelPart { not_asked, not_loaded, unchanged, changed };

std::string kernel_part_name(KernelPart part);

struct KernelWrite {
  std::string attribute;
  std::string text; // without the newline
};

struct Change {
  std::vector<DropIn> files; // edited, not yet saved
  std::optional<KernelWrite> kernel;
  std::optional<AutomaticChoice> automatic; // where it is about reservations
};

// Held while something is changed; nothing with --dry-run. Says that it waits.
Result<ChangeLock> lock_changes(const Context &context);

// Saves the files, then changes the kernel; puts the files back if that fails.
Result<KernelPart> carry_out(const Context &context, Change &change,
                             bool kernel_loaded);

// "now and after a reboot", as far as that is true.
std::string how_long(const Context &context, KernelPart part,
                     bool files_are_good, bool runtime);

// The lines to drop when the file is written anew: in the one of --runtime
// those that have ended.
std::vector<uint32_t> dropped_lines(const Context &context, const DropIn &file);

// Errors in files, as warnings.
void warn_of_bad_files(const Context &context, const RuleFiles &files);

// The warning and hint for what is saved but not in force.
void warn_not_in_force(const Context &context);

// Asks unless --yes; an error if the answer is no or nobody can be asked.
Result<void> ask(const Context &context, const std::string &question,
                 const std::string &refusal);

} // namespace portacl

#endif
