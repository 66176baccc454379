// SPDX-License-Identifier: GPL-2.0-only
// Names in policy files that do not stand for what they stood for, or for
// nothing.

#ifndef PORTACL_CLI_NAME_CHANGES_H
#define PORTACL_CLI_NAME_CHANGES_H

#include "cli/context.h"

namespace portacl {

// Says which names have other numbers than at the last apply, which could not
// be looked up, and which rules are left out.
void warn_of_names(const Context &context, const RuleFiles &files);

// Whether what is applied is less than the files say, or is not sure.
bool is_incomplete(const RuleFiles &files);

// All names that are not what the record says, and the rules left out.
Json names_json(const RuleFiles &files);
Json left_out_json(const RuleFiles &files);

// Writes down what the names of the files, all of which are in force now, stand
// for; or that of one rule, beside what was written before. Failures are
// warnings. The caller holds the ChangeLock. The second is false, with a
// warning, for a name that the record has under another number, which stays
// there.
void record_names(const Context &context, const RuleFiles &files);
bool record_name(const Context &context, const WrittenRule &rule);

} // namespace portacl

#endif
