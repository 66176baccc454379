// SPDX-License-Identifier: GPL-2.0-only
// Units that give a user privileged ports.

#ifndef PORTACL_CLI_UNIT_USERS_H
#define PORTACL_CLI_UNIT_USERS_H

#include <string>

#include "cli/context.h"
#include "lib/unit_files.h"

namespace portacl {

// Whether a process is of this unit, or of one of its instances.
bool runs_in_unit(const Context &context, int pid, const Unit &unit);

// Whether it is started now, as its control group shows.
bool unit_is_running(const Context &context, const Unit &unit);

// The uid of User=, 0 without it. Code::policy if it cannot be told, with the
// reason.
Result<uint32_t> unit_uid(const Context &context, const Unit &unit);

} // namespace portacl

#endif
