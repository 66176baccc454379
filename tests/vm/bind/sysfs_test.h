/* SPDX-License-Identifier: GPL-2.0-only */
/* The groups of sysfs_test. Each leaves the policy empty. */
#ifndef PORTACL_SYSFS_TEST_H
#define PORTACL_SYSFS_TEST_H

#include <stdbool.h>
#include <stddef.h>

#include "control.h"

/* Text that is refused, and what is said of it. */
void input_run(void);
/* Text that is taken, and what it does to the policy. */
void change_run(void);
/* Who may write. */
void access_run(void);
/* Reading a large policy, and waiting for a change. */
void reading_run(void);

struct snapshot {
	unsigned long long generation;
	unsigned long long rules;
	char policy[16384];
};

void snapshot_take(struct snapshot *snapshot);
/* One case: whether nothing has changed since. */
void snapshot_check(const struct snapshot *old, const char *what);

/* Removes every rule, read from the policy itself. */
void remove_all(void);

#endif
