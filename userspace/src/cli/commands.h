// SPDX-License-Identifier: GPL-2.0-only
// One function per verb; each returns the exit status.

#ifndef PORTACL_CLI_COMMANDS_H
#define PORTACL_CLI_COMMANDS_H

#include "cli/context.h"

namespace portacl {

int cmd_status(const Context &context);
int cmd_list(const Context &context);
int cmd_allow(const Context &context); // deny and reserve, too
int cmd_remove(const Context &context);
int cmd_query(const Context &context);
int cmd_setting(const Context &context); // mode, strict and scope
int cmd_lock(const Context &context);
int cmd_load(const Context &context);
int cmd_unload(const Context &context);
int cmd_version(const Context &context);

} // namespace portacl

#endif
