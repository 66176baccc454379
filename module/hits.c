// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - how many binds each rule has decided
 */

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "hits.h"
#include "ruleset.h"

/* Slots that an atom tries before it goes on without one. */
#define TRIES	16

/* How long slots may rest, when all are taken, before others get them. */
#define COOL_INTERVAL	(30 * HZ)

/* What an atom can count in itself. */
#define OWN_MAX		(PORTACL_HIT_SLOT - 1)

/**
 * struct slot - what the counters of one number belong to
 * @atom: the atom, NULL when the slot is free
 * @before: what the atom had counted in itself
 * @seen: the sum when it was last looked for slots that rest
 */
struct slot {
	const struct pacl_atom *atom;
	u64 before;
	u64 seen;
};

static struct slot *slots;
u64 __percpu *portacl_hit_counts;

/* Held to give, inherit and take back slots. */
DEFINE_MUTEX(portacl_hits_lock);

static void cool(struct work_struct *work);
static DECLARE_DELAYED_WORK(cool_work, cool);

static u32 *own_hits(const struct pacl_atom *atom)
{
	return (u32 *)&atom->hits;
}

/* False when the atom has a slot. */
static bool count_in_atom(const struct pacl_atom *atom, u64 count)
{
	u32 old = READ_ONCE(atom->hits);

	do {
		if (old & PORTACL_HIT_SLOT)
			return false;
	} while (!try_cmpxchg(own_hits(atom), &old,
			      (u32)min_t(u64, old + count, OWN_MAX)));
	return true;
}

static struct slot *take_slot(const struct pacl_atom *atom)
{
	u32 at = hash_ptr(atom, ilog2(PORTACL_HIT_SLOTS));
	unsigned int i;

	for (i = 0; i < TRIES; i++) {
		struct slot *slot = &slots[(at + i) % PORTACL_HIT_SLOTS];

		if (!READ_ONCE(slot->atom) &&
		    !cmpxchg(&slot->atom, NULL, atom))
			return slot;
	}
	return NULL;
}

/* Gives an atom a slot, its own or one that another processor has given it. */
static bool give_slot(const struct pacl_atom *atom)
{
	struct slot *slot = take_slot(atom);
	u32 old = READ_ONCE(atom->hits);

	if (!slot)
		return false;
	do {
		if (old & PORTACL_HIT_SLOT) {
			/* Nothing was counted in it. */
			WRITE_ONCE(slot->atom, NULL);
			return true;
		}
		slot->before = old;
	} while (!try_cmpxchg(own_hits(atom), &old,
			      PORTACL_HIT_SLOT | (u32)(slot - slots)));
	return true;
}

void portacl_hit(const struct pacl_atom *atom)
{
	/* Cooling may take the slot away again, before it was counted in. */
	while (!portacl_hit_quick(atom)) {
		if (give_slot(atom))
			continue;
		if (!delayed_work_pending(&cool_work))
			queue_delayed_work(portacl_workqueue, &cool_work,
					   COOL_INTERVAL);
		if (count_in_atom(atom, 1))
			return;
	}
}

static u64 slot_count(const struct slot *slot)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(portacl_hit_counts, cpu)[slot - slots];
	return sum;
}

/* For a slot that nobody counts in any more. */
static void free_slot(struct slot *slot)
{
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu_ptr(portacl_hit_counts, cpu)[slot - slots] = 0;
	slot->before = 0;
	slot->seen = 0;
	/* Whoever takes it must find zeros. */
	smp_store_release(&slot->atom, NULL);
}

static u64 hits_of_atom(const struct pacl_atom *atom)
{
	u32 hits = READ_ONCE(atom->hits);
	const struct slot *slot;

	if (!(hits & PORTACL_HIT_SLOT))
		return hits;
	slot = &slots[hits & ~PORTACL_HIT_SLOT];
	return slot->before + slot_count(slot);
}

u64 portacl_hits_of_rule(const struct pacl_atom *atom)
{
	const struct pacl_atom *head = pacl_atom_head(atom);
	unsigned int i;
	u64 sum = 0;

	/* Else a slot could cool, and count for another atom, meanwhile. */
	mutex_lock(&portacl_hits_lock);
	for (i = 0; i < head->count; i++)
		sum += hits_of_atom(&head[i]);
	mutex_unlock(&portacl_hits_lock);
	return sum;
}

void portacl_hits_inherit(const struct pacl_atom *atom,
			  const struct pacl_atom *old)
{
	unsigned int i;

	lockdep_assert_held(&portacl_hits_lock);
	for (i = 0; i < atom->count; i++) {
		u32 hits = READ_ONCE(old[i].hits);

		*own_hits(&atom[i]) = hits;
		if (hits & PORTACL_HIT_SLOT)
			WRITE_ONCE(slots[hits & ~PORTACL_HIT_SLOT].atom,
				   &atom[i]);
	}
}

/* Adds hits that were counted elsewhere. */
static void add_hits(const struct pacl_atom *atom, u64 count)
{
	if (!count_in_atom(atom, count))
		slots[atom->hits & ~PORTACL_HIT_SLOT].before += count;
}

void portacl_hits_release(bool (*dying)(const struct pacl_atom *atom,
					const void *data),
			  const struct pacl_atom *(*heir)(const struct pacl_atom *atom,
							  const void *data),
			  const void *data)
{
	struct slot *slot;

	mutex_lock(&portacl_hits_lock);
	for (slot = slots; slot < slots + PORTACL_HIT_SLOTS; slot++) {
		const struct pacl_atom *atom = READ_ONCE(slot->atom);
		const struct pacl_atom *next;

		if (!atom || !dying(atom, data))
			continue;
		/* Taken after the rule was inherited, or it would be the heir's. */
		next = heir(atom, data);
		if (next)
			add_hits(next, slot_count(slot));
		free_slot(slot);
	}
	mutex_unlock(&portacl_hits_lock);
}

/*
 * Sends an atom back to counting in itself. What it counts in the slot until
 * all have seen that is added by finish_cooling().
 */
static bool begin_cooling(struct slot *slot)
{
	const struct pacl_atom *atom = READ_ONCE(slot->atom);
	u32 taken = PORTACL_HIT_SLOT | (u32)(slot - slots);
	u64 count;

	/* One that is just being taken is not published yet. */
	if (!atom || READ_ONCE(atom->hits) != taken)
		return false;
	count = slot_count(slot);
	if (count != slot->seen) {
		slot->seen = count;
		return false;
	}
	return cmpxchg(own_hits(atom), taken,
		       (u32)min_t(u64, slot->before + count, OWN_MAX)) == taken;
}

static void finish_cooling(struct slot *slot)
{
	/* It may have another slot already. */
	add_hits(slot->atom, slot_count(slot) - slot->seen);
	free_slot(slot);
}

/* Slots are rare: those that were not hit for a while go to others. */
static void cool(struct work_struct *work)
{
	unsigned long *cooling = bitmap_zalloc(PORTACL_HIT_SLOTS, GFP_KERNEL);
	unsigned int i;

	/* Only memory is short: it will be tried again. */
	if (!cooling)
		return;
	/* An atom with a slot is not freed before the slot was released. */
	mutex_lock(&portacl_hits_lock);
	for (i = 0; i < PORTACL_HIT_SLOTS; i++)
		if (begin_cooling(&slots[i]))
			__set_bit(i, cooling);
	synchronize_rcu();
	for_each_set_bit(i, cooling, PORTACL_HIT_SLOTS)
		finish_cooling(&slots[i]);
	mutex_unlock(&portacl_hits_lock);
	bitmap_free(cooling);
}

int portacl_hits_init(void)
{
	slots = kvcalloc(PORTACL_HIT_SLOTS, sizeof(*slots), GFP_KERNEL);
	portacl_hit_counts = __alloc_percpu(PORTACL_HIT_SLOTS * sizeof(u64),
					    __alignof__(u64));
	if (slots && portacl_hit_counts)
		return 0;
	portacl_hits_exit();
	return -ENOMEM;
}

void portacl_hits_stop(void)
{
	cancel_delayed_work_sync(&cool_work);
}

void portacl_hits_exit(void)
{
	free_percpu(portacl_hit_counts);
	kvfree(slots);
}
