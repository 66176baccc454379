/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl engine - a policy: a set of rules, and how it changes
 *
 * A policy is immutable once it is handed out. A change makes a new one that
 * shares all but the touched paths with its predecessor, so that readers need
 * no lock and a change costs no more than the depth of the tries:
 *
 *	struct pacl_txn *t = ...;
 *	struct pacl_pile stale;
 *
 *	pacl_txn_begin(t, old);
 *	err = pacl_insert(t, &rule);		any number of these
 *	new = pacl_txn_commit(t, &stale);	or pacl_txn_abort(t)
 *	... publish new, wait until nobody reads old ...
 *	pacl_pile_free(&stale);			frees old, too
 *
 * Only one transaction may be open on a policy at a time.
 */

#ifndef PACL_POLICY_H
#define PACL_POLICY_H

#include "rule.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Words of the bitmap of governed ports, one bit a port. */
#define PACL_GOVERNED_WORDS	1024

/* Tries of users, one for each value of the lowest bits of their ids. */
#define PACL_USER_SLOTS		1024

/* 16-bit halves of a key: ids, plane, ports, content; see trie.h. */
#define PACL_TERM_HALVES	13
#define PACL_MAX_HALVES		(5 + 2 + PACL_TERM_HALVES + 2 * PACL_MAX_ITEMS)

/* Nodes on the way to a leaf: three for each half of the longest key. */
#define PACL_MAX_DEPTH		(3 * PACL_MAX_HALVES)

struct pacl_node;

/**
 * struct pacl_atom - one range of a rule, the unit that is indexed and counted
 * @id: as in struct pacl_rule
 * @lo: first port
 * @hi: last port
 * @kind: enum pacl_kind
 * @plane: see PACL_PLANE()
 * @at: which range of its rule this is; the rule's atoms lie in one array
 * @count: ranges of the rule
 * @hits: of a rule's first atom: binds that it decided, as far as whoever
 *        counts has written them here; stays at U32_MAX. All else is constant.
 */
struct pacl_atom {
	u32 id;
	u16 lo;
	u16 hi;
	u8 kind;
	u8 plane;
	u8 at;
	u8 count;
	u32 hits;
};

/**
 * struct pacl_terms - what few rules have; behind the atoms of those
 * @prefix: as in struct pacl_rule
 * @until: as in struct pacl_rule
 * @deadline: the clock since boot at which the rule ends
 * @each: as in struct pacl_rule
 * @on: as in struct pacl_rule
 * @prefix_len: as in struct pacl_rule
 * @ended: set once a rule has been seen to have ended, whatever the clocks say
 *         later; all else is constant
 */
struct pacl_terms {
	struct pacl_addr prefix;
	u64 until;
	u64 deadline;
	u16 each;
	u8 on;
	u8 prefix_len;
	u8 ended;
};

/*
 * What a request may match is a mask of planes, tested in one go. Rules that
 * hold on a condition (a prefix, an end) have planes of their own. A
 * reservation needs no action: its kind says it all.
 */
#define PACL_PLANE(action, conditional, proto) \
	(((unsigned int)((action) == PACL_DENY) + \
	  2U * (unsigned int)(conditional)) * (unsigned int)PACL_PROTOS + \
	 (unsigned int)(proto))

static inline bool pacl_plane_conditional(unsigned int plane)
{
	return plane >= PACL_PLANE(PACL_ALLOW, 1, 0);
}

static inline const struct pacl_atom *pacl_atom_head(const struct pacl_atom *atom)
{
	return atom - atom->at;
}

/**
 * pacl_atom_terms - the terms of the rule that an atom belongs to
 * @atom: any atom of the rule
 *
 * Return: the terms, NULL when the rule has none.
 */
static inline struct pacl_terms *pacl_atom_terms(const struct pacl_atom *atom)
{
	const struct pacl_atom *head = pacl_atom_head(atom);

	if (!pacl_plane_conditional(atom->plane) && atom->kind != PACL_EACH)
		return NULL;
	return (struct pacl_terms *)(head + head->count);
}

/**
 * struct pacl_policy - the published object: all that a verdict depends on
 * @quick: @users while a rule that allows a user's bind decides it: nothing
 *	   denies and the mode is not off; else, and without @users, a table in
 *	   which there is no rule
 * @governed: a clear bit means that no rule names the port; a set bit may be
 *            left over from a removed rule; never NULL
 * @users: PACL_USER_SLOTS tries of the atoms of PACL_USER by id, plane and
 *	   port; NULL when there has been none. Most users are alone in theirs
 *	   and found in one step.
 * @subject: by enum pacl_kind, the same in one trie for all other kinds
 * @group_ports: the atoms of PACL_GROUP once more, by port
 * @each_ports: the atoms of PACL_EACH once more, by port
 * @generation: grows with every change; set by the owner of the policy
 * @rule_count: atoms, never more than PACL_MAX_RULES
 * @written_count: rules as they were written
 * @each_count: those of PACL_EACH, never more than PACL_MAX_EACH
 * @deny_count: atoms of PACL_DENY
 * @reserve_count: atoms of PACL_RESERVE
 * @conditional_count: atoms of rules with a prefix or an end
 * @timed_count: written rules that end
 * @removed: atoms removed since @governed was exact
 * @mode: enum pacl_mode
 * @scope: enum pacl_scope, for whoever asks
 * @strict: privileged ports need an allow, whoever binds
 * @locked: for whoever changes it
 * @closing: an allow no longer grants, it leaves the bind to the kernel
 *
 * The roots are slots of tries, see trie.h. The settings, which are the last
 * five, may be written in a transaction.
 */
struct pacl_policy {
	const uintptr_t *quick;
	u64 *governed;
	uintptr_t *users;
	uintptr_t subject[PACL_KINDS];
	uintptr_t group_ports;
	uintptr_t each_ports;
	u64 generation;
	u32 rule_count;
	u32 written_count;
	u32 each_count;
	u32 deny_count;
	u32 reserve_count;
	u32 conditional_count;
	u32 timed_count;
	u32 removed;
	u8 mode;
	u8 scope;
	bool strict;
	bool locked;
	bool closing;
};

struct pacl_pile_chunk;

/**
 * struct pacl_pile - memory to be freed later
 * @first: chunk list, private
 */
struct pacl_pile {
	struct pacl_pile_chunk *first;
};

/**
 * struct pacl_step - one node on the way from a root to a leaf
 * @node: the node
 * @copy: what replaces it
 * @rank: which of its slots leads on
 */
struct pacl_step {
	struct pacl_node *node;
	struct pacl_node *copy;
	u32 rank;
};

/**
 * struct pacl_txn - a change under construction
 * @policy: the new policy, readable by its maker
 * @base: the policy it started from; NULL when nobody else can see any part
 *        of @policy, which is then changed in place
 * @fresh: what an abort frees
 * @stale: what a commit hands out
 * @partial: without a @base, atoms of an insertion that failed half-way
 * @now: from which the rules that end count; whoever inserts such rules sets
 *       it after the beginning
 * @path: scratch space
 *
 * Large: never on a kernel stack.
 */
struct pacl_txn {
	struct pacl_policy *policy;
	const struct pacl_policy *base;
	struct pacl_pile fresh;
	struct pacl_pile stale;
	struct pacl_atom *partial;
	struct pacl_clock now;
	struct pacl_step path[PACL_MAX_DEPTH];
};

/**
 * pacl_policy_new - make an empty policy in mode enforce, generation 0
 *
 * Return: the policy, or NULL without memory.
 */
struct pacl_policy *pacl_policy_new(void);

/**
 * pacl_policy_free - free a policy that nobody reads any more
 * @policy: the policy, or NULL
 *
 * Frees all its parts; a predecessor or successor that shares some of them
 * must be gone, or be freed through its pile.
 */
void pacl_policy_free(struct pacl_policy *policy);

/**
 * pacl_policy_close - let a policy grant nothing any more
 * @policy: a copy of one, which nobody reads yet
 *
 * What it refuses stays so.
 */
void pacl_policy_close(struct pacl_policy *policy);

/**
 * pacl_txn_begin - start to change a policy
 * @txn: the transaction
 * @base: the policy to start from; NULL for a new one that is built in place,
 *        without the copies that readers of @base need
 *
 * Return: 0 or -ENOMEM.
 */
int pacl_txn_begin(struct pacl_txn *txn, const struct pacl_policy *base);

/**
 * pacl_insert - add a rule
 * @txn: an open transaction
 * @rule: the rule, in canonical form
 *
 * Return: 0; -EEXIST when the rule is there already; -ENOSPC when the policy
 * would pass PACL_MAX_RULES or PACL_MAX_EACH; -ENOMEM, after which only abort is
 * left.
 */
int pacl_insert(struct pacl_txn *txn, const struct pacl_rule *rule);

/**
 * pacl_remove - remove a rule as it was written, never a part of one
 * @txn: an open transaction
 * @rule: the rule, in canonical form
 *
 * Return: 0; -ENOENT; -ENOMEM, after which only abort is left.
 */
int pacl_remove(struct pacl_txn *txn, const struct pacl_rule *rule);

/**
 * pacl_txn_commit - finish a change
 * @txn: the transaction
 * @stale: receives the parts of the base that the new policy does not use,
 *         and the base itself; empty when there was no base
 *
 * Return: the new policy; cannot fail.
 */
struct pacl_policy *pacl_txn_commit(struct pacl_txn *txn,
				    struct pacl_pile *stale);

/**
 * pacl_txn_abort - drop a change; the base is as it was
 * @txn: the transaction
 */
void pacl_txn_abort(struct pacl_txn *txn);

/**
 * pacl_pile_free - free what a commit handed out
 * @pile: the pile; empty afterwards
 */
void pacl_pile_free(struct pacl_pile *pile);

/**
 * pacl_policy_find - find a rule that another policy has
 * @policy: the policy
 * @atom: any atom of the rule
 *
 * Return: the first atom of the same rule in @policy, valid as long as that;
 * NULL.
 */
const struct pacl_atom *pacl_policy_find(const struct pacl_policy *policy,
					 const struct pacl_atom *atom);

/**
 * pacl_policy_refuses - whether a bind may be refused
 * @policy: the policy
 *
 * Return: true in mode enforce when a rule denies or reserves, or with strict.
 */
static inline bool pacl_policy_refuses(const struct pacl_policy *policy)
{
	return policy->mode == PACL_MODE_ENFORCE &&
	       (policy->deny_count || policy->reserve_count || policy->strict);
}

/**
 * pacl_policy_next - walk the rules of a policy
 * @policy: the policy
 * @atom: what the last call returned, NULL for the first rule
 *
 * The order depends on the rules alone: user, group, any, each, reservations;
 * then id (of users its lowest ten bits first); allow before deny, all those
 * with a prefix or an end behind all those without; protocol; first port, the
 * wider range first; the prefix (none first, then by length and address); the
 * end (none first); the shorter list first; the other ranges.
 *
 * Return: the first atom of the next rule, valid as long as the policy; NULL
 * after the last.
 */
const struct pacl_atom *pacl_policy_next(const struct pacl_policy *policy,
					 const struct pacl_atom *atom);

/**
 * pacl_atom_rule - the rule that an atom belongs to
 * @atom: any atom of the rule
 * @rule: filled
 */
void pacl_atom_rule(const struct pacl_atom *atom, struct pacl_rule *rule);

#ifdef __cplusplus
}
#endif

#endif /* PACL_POLICY_H */
