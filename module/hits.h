/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - how many binds each rule has decided
 *
 * An atom counts in its own member hits until it has a slot: a counter on each
 * processor, so that binds on two processors share no cache line. It gets one
 * the first time it is hit, without a lock, and keeps it while it is hit now
 * and then. Only where more atoms are in use than there are slots do some go
 * on counting in themselves.
 */

#ifndef PORTACL_HITS_H
#define PORTACL_HITS_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/types.h>

#include "core/policy.h"

/* In an atom's hits: the rest is the number of its slot, not a count. */
#define PORTACL_HIT_SLOT	BIT(31)

/* A processor's counters fill 32 KiB, the most that alloc_percpu() gives. */
#define PORTACL_HIT_SLOTS	4096

extern u64 __percpu *portacl_hit_counts;

/**
 * portacl_hit_quick - count a bind that an atom has decided, if it has a slot
 * @atom: the atom
 *
 * As portacl_hit(); calls nothing.
 *
 * Return: false when portacl_hit() must count it.
 */
static __always_inline bool portacl_hit_quick(const struct pacl_atom *atom)
{
	u32 hits = READ_ONCE(atom->hits);

	if (unlikely(!(hits & PORTACL_HIT_SLOT)))
		return false;
	this_cpu_inc(portacl_hit_counts[hits & ~PORTACL_HIT_SLOT]);
	return true;
}

/**
 * portacl_hit - count a bind that an atom has decided
 * @atom: the atom
 *
 * In the reader's section in which the atom was found.
 */
void portacl_hit(const struct pacl_atom *atom);

/**
 * portacl_hits_of_rule - how many binds a rule has decided
 * @atom: any atom of the rule
 *
 * May sleep; takes portacl_hits_lock. The rule must not be freed meanwhile.
 *
 * Return: the sum over all processors, not a snapshot of one moment.
 */
u64 portacl_hits_of_rule(const struct pacl_atom *atom);

/*
 * Held by whoever gives or takes back what atoms count in: from the first
 * portacl_hits_inherit() until the new policy is published. Taken inside
 * portacl_policy_lock.
 */
extern struct mutex portacl_hits_lock;

/**
 * portacl_hits_inherit - let a rule go on counting where another one is
 * @atom: first atom of a rule that nobody can hit yet, and that will be in force
 * @old: first atom of the same rule in the policy in force
 *
 * Both count in the same slots from now on. Under portacl_hits_lock.
 */
void portacl_hits_inherit(const struct pacl_atom *atom,
			  const struct pacl_atom *old);

/**
 * portacl_hits_release - take back the slots of atoms that are to be freed
 * @dying: whether an atom is to be freed; no reader may see it any more
 * @heir: who gets what such an atom has counted since its rule was inherited,
 *	  or NULL
 * @data: for both
 *
 * May sleep; takes portacl_hits_lock.
 */
void portacl_hits_release(bool (*dying)(const struct pacl_atom *atom,
					const void *data),
			  const struct pacl_atom *(*heir)(const struct pacl_atom *atom,
							  const void *data),
			  const void *data);

/**
 * portacl_hits_init - get ready to count
 *
 * Return: 0 or -ENOMEM.
 */
int portacl_hits_init(void);

/**
 * portacl_hits_stop - look at atoms no more, but for what is asked for
 *
 * May sleep. Nobody may hit any more, and all atoms must be there.
 */
void portacl_hits_stop(void);

/**
 * portacl_hits_exit - free all counters
 *
 * Nobody may release any more.
 */
void portacl_hits_exit(void);

#endif /* PORTACL_HITS_H */
