/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - the policy in force, and how it changes
 */

#ifndef PORTACL_RULESET_H
#define PORTACL_RULESET_H

#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "core/parse.h"
#include "core/policy.h"

/*
 * The one published object. Readers dereference it once for each decision,
 * under rcu_read_lock() or rcu_read_lock_sched(). Never NULL while a hook or a
 * sysfs file is live.
 */
extern struct pacl_policy __rcu *portacl_policy;

/* Held to change portacl_policy or what is derived from it. */
extern struct mutex portacl_policy_lock;

/* What a write to add or remove does with its rules. */
enum portacl_change {
	PORTACL_ADD,
	PORTACL_REMOVE,
};

/**
 * portacl_ruleset_init - put the empty policy in force
 *
 * Return: 0 or -ENOMEM.
 */
int portacl_ruleset_init(void);

/**
 * portacl_ruleset_exit - free everything
 *
 * May sleep. Hooks and sysfs files must be gone.
 */
void portacl_ruleset_exit(void);

/**
 * portacl_ruleset_change - add or remove rules, all of the text or nothing
 * @text: rules, each ended by a newline
 * @len: bytes of @text
 * @change: what to do with them
 *
 * May sleep; takes portacl_policy_lock. The caller has checked the right to do
 * it. Nothing is published when nothing changes. A refusal is kept for
 * portacl_ruleset_error().
 *
 * Return: 0; -EINVAL for text that is no rule; -E2BIG for @len past
 * PORTACL_MAX_WRITE; -ENOENT when a rule to remove is not there; -ENOSPC when
 * the policy would pass PACL_MAX_RULES; -ENOMEM.
 */
int portacl_ruleset_change(const char *text, size_t len,
			   enum portacl_change change);

/**
 * portacl_ruleset_set_mode - change the mode
 * @text: its name, with or without a newline behind it
 * @len: bytes of @text
 *
 * May sleep; takes portacl_policy_lock, otherwise as portacl_ruleset_change().
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int portacl_ruleset_set_mode(const char *text, size_t len);

/**
 * portacl_ruleset_error - why the last change was refused
 * @err: filled; its code is PACL_OK when the last change was not refused
 *
 * May sleep; takes portacl_policy_lock.
 */
void portacl_ruleset_error(struct pacl_error *err);

/* What shows in the scalar files, read in one go. */
struct portacl_state {
	u64 generation;
	u32 rule_count;
	u8 mode;
};

/**
 * portacl_ruleset_state - generation, rule count and mode of one moment
 *
 * Any context.
 */
struct portacl_state portacl_ruleset_state(void);

#endif /* PORTACL_RULESET_H */
