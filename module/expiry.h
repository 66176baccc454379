/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - rules that end
 *
 * A bind that meets a rule past its end notes that it has ended. That nobody
 * binds while a clock is ahead must not bring a rule back when the clock is set
 * back, so that timers on both clocks see to it, too.
 */

#ifndef PORTACL_EXPIRY_H
#define PORTACL_EXPIRY_H

#include "core/rule.h"

/**
 * portacl_expiry_note - a rule comes into force
 * @rule: the rule, with or without an end
 * @now: when
 *
 * Any number too many does no harm. Under portacl_policy_lock.
 */
void portacl_expiry_note(const struct pacl_rule *rule, struct pacl_clock now);

/**
 * portacl_expiry_recount - a policy with other rules came into force
 *
 * May sleep. Under portacl_policy_lock.
 */
void portacl_expiry_recount(void);

/* May sleep; portacl_workqueue must be there. */
void portacl_expiry_init(void);

/* May sleep; nobody may call the above any more. */
void portacl_expiry_exit(void);

#endif /* PORTACL_EXPIRY_H */
