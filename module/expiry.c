// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - rules that end
 */

#include <linux/hrtimer.h>
#include <linux/limits.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "core/match.h"
#include "expiry.h"
#include "ruleset.h"

static struct hrtimer wall_timer;
static struct hrtimer boot_timer;

/* The next end by each clock, U64_MAX for none; under portacl_policy_lock. */
static struct pacl_clock next_end = { U64_MAX, U64_MAX };

static void look(struct work_struct *work);
static DECLARE_WORK(look_work, look);

static enum hrtimer_restart expired(struct hrtimer *timer)
{
	queue_work(portacl_workqueue, &look_work);
	return HRTIMER_NORESTART;
}

static void start(struct hrtimer *timer, u64 second)
{
	hrtimer_start(timer, ktime_set(second, 0), HRTIMER_MODE_ABS);
}

/* Brings the next ends forward to those of one rule, of which one may be none. */
static void bring_forward(struct pacl_clock end)
{
	if (end.wall < next_end.wall) {
		next_end.wall = end.wall;
		start(&wall_timer, end.wall);
	}
	if (end.boot < next_end.boot) {
		next_end.boot = end.boot;
		start(&boot_timer, end.boot);
	}
}

void portacl_expiry_note(const struct pacl_rule *rule, struct pacl_clock now)
{
	lockdep_assert_held(&portacl_policy_lock);
	if (rule->until > now.wall)
		bring_forward((struct pacl_clock){
			rule->until, pacl_deadline(rule->until, now),
		});
}

void portacl_expiry_recount(void)
{
	const struct pacl_policy *policy;
	const struct pacl_atom *atom = NULL;
	struct pacl_clock now = portacl_clock_now();
	u32 left;

	policy = rcu_dereference_protected(portacl_policy,
					   lockdep_is_held(&portacl_policy_lock));
	/* Timers that are started now would outlive the module. */
	if (policy->closing)
		return;
	next_end = (struct pacl_clock){ U64_MAX, U64_MAX };
	left = policy->timed_count;
	while (left && (atom = pacl_policy_next(policy, atom))) {
		const struct pacl_terms *terms = pacl_atom_terms(atom);
		struct pacl_clock end = { U64_MAX, U64_MAX };

		cond_resched();
		if (!terms || !terms->until)
			continue;
		left--;
		if (pacl_terms_ended(atom, now))
			continue;
		if (terms->until > now.wall)
			end.wall = terms->until;
		if (terms->deadline > now.boot)
			end.boot = terms->deadline;
		bring_forward(end);
	}
}

static void look(struct work_struct *work)
{
	mutex_lock(&portacl_policy_lock);
	portacl_expiry_recount();
	mutex_unlock(&portacl_policy_lock);
}

void portacl_expiry_init(void)
{
	hrtimer_setup(&wall_timer, expired, CLOCK_REALTIME, HRTIMER_MODE_ABS);
	hrtimer_setup(&boot_timer, expired, CLOCK_BOOTTIME, HRTIMER_MODE_ABS);
}

void portacl_expiry_exit(void)
{
	hrtimer_cancel(&wall_timer);
	hrtimer_cancel(&boot_timer);
	cancel_work_sync(&look_work);
}
