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

/*
 * Where what takes long, or must wait for readers, is done; one after the
 * other, as what is retired must be freed in the order of the changes.
 */
extern struct workqueue_struct *portacl_workqueue;

/* What a write to add or remove does with its rules. */
enum portacl_change {
	PORTACL_ADD,
	PORTACL_REMOVE,
};

/* What is set by a word. */
enum portacl_setting {
	PORTACL_MODE,
	PORTACL_STRICT,
	PORTACL_SCOPE,
	PORTACL_LOCKED,
	PORTACL_SETTINGS,
};

/**
 * portacl_ruleset_init - put the empty policy in force
 *
 * Return: 0 or -ENOMEM.
 */
int portacl_ruleset_init(void);

/**
 * portacl_ruleset_close - end all grants
 *
 * May sleep. What is refused stays so: only when no bind can be granted any
 * more may the hooks go. Nobody may change the policy any more.
 */
void portacl_ruleset_close(void);

/**
 * portacl_ruleset_exit - free everything
 *
 * May sleep. The policy must be closed, hooks and sysfs files gone.
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
 * the policy would pass PACL_MAX_RULES; -EROFS when the policy is locked;
 * -ENOMEM.
 */
int portacl_ruleset_change(const char *text, size_t len,
			   enum portacl_change change);

/**
 * portacl_ruleset_replace - put other rules in force, with the settings that are
 * @staged: an open transaction without a base, which this ends
 *
 * May sleep; takes portacl_policy_lock. Rules that are in both go on counting
 * their hits and end when they would have. Nothing is published when the rules
 * are the same.
 *
 * Return: 0, -EROFS when the policy is locked, or -ENOMEM.
 */
int portacl_ruleset_replace(struct pacl_txn *staged);

/**
 * portacl_ruleset_set - change a setting
 * @setting: which
 * @text: what to, with or without a newline behind it
 * @len: bytes of @text
 *
 * May sleep; takes portacl_policy_lock, otherwise as portacl_ruleset_change().
 *
 * Return: 0, -EINVAL, -EROFS or -ENOMEM.
 */
int portacl_ruleset_set(enum portacl_setting setting, const char *text,
			size_t len);

/**
 * portacl_ruleset_setting - what a setting is, in words
 * @setting: which
 *
 * Any context.
 *
 * Return: a constant word.
 */
const char *portacl_ruleset_setting(enum portacl_setting setting);

/**
 * portacl_change_code - why a rule cannot be inserted or removed
 * @err: what pacl_insert() or pacl_remove() said
 *
 * Return: PACL_OK also for a rule that was there already, else the code.
 */
u8 portacl_change_code(int err);

/**
 * portacl_ruleset_refuse - keep why a change was refused
 * @err: for portacl_ruleset_error()
 *
 * May sleep; takes portacl_policy_lock.
 *
 * Return: the errno that goes with it, 0 for PACL_OK.
 */
int portacl_ruleset_refuse(const struct pacl_error *err);

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
	bool refuses;
	bool locked;
};

/**
 * portacl_ruleset_state - what the policy of one moment amounts to
 *
 * Any context.
 */
struct portacl_state portacl_ruleset_state(void);

/**
 * portacl_clock_now - what time it is, for rules that end
 *
 * Any context.
 */
struct pacl_clock portacl_clock_now(void);

#endif /* PORTACL_RULESET_H */
