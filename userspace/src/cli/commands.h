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
int cmd_explain(const Context &context);
int cmd_who(const Context &context);
int cmd_ports(const Context &context);
int cmd_log(const Context &context);
int cmd_suggest(const Context &context);
int cmd_stats(const Context &context);
int cmd_setting(const Context &context); // mode, strict and scope
int cmd_lock(const Context &context);
int cmd_check(const Context &context);
int cmd_diff(const Context &context);
int cmd_apply(const Context &context);
int cmd_flush(const Context &context);
int cmd_cat_config(const Context &context);
int cmd_load(const Context &context);
int cmd_unload(const Context &context);
int cmd_doctor(const Context &context);
int cmd_import(const Context &context);
int cmd_version(const Context &context);

} // namespace portacl

#endif
