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

/* Nodes on the way to a leaf: three for each 16 bits of the longest key. */
#define PACL_MAX_DEPTH		(3 * (7 + 2 * PACL_MAX_ITEMS))

struct pacl_node;

/**
 * struct pacl_atom - one range of a rule, the unit that is indexed and counted
 * @id: as in struct pacl_rule
 * @lo: first port
 * @hi: last port
 * @kind: enum pacl_kind
 * @plane: action and protocol, see PACL_PLANE()
 * @at: which range of its rule this is; the rule's atoms lie in one array
 * @count: ranges of the rule
 * @each: as in struct pacl_rule
 * @spare: 0
 */
struct pacl_atom {
	u32 id;
	u16 lo;
	u16 hi;
	u8 kind;
	u8 plane;
	u8 at;
	u8 count;
	u16 each;
	u16 spare;
};

/* What a request may match is a mask of planes, tested in one go. */
#define PACL_PLANE(action, proto) \
	((unsigned int)(action) * (unsigned int)PACL_PROTOS + \
	 (unsigned int)(proto))

/**
 * struct pacl_policy - the published object: all that a verdict depends on
 * @users: PACL_USER_SLOTS tries of the atoms of PACL_USER by id, plane and
 *	   port; NULL when there has been none. Most users are alone in theirs
 *	   and found in one step.
 * @subject: by enum pacl_kind, the same in one trie for all other kinds
 * @group_ports: the atoms of PACL_GROUP once more, by port
 * @each_ports: the atoms of PACL_EACH once more, by port
 * @governed: a clear bit means that no rule names the port; a set bit may be
 *            left over from a removed rule; NULL when the policy is empty
 * @generation: grows with every change; set by the owner of the policy
 * @rule_count: atoms, never more than PACL_MAX_RULES
 * @each_count: those of PACL_EACH, never more than PACL_MAX_EACH
 * @removed: atoms removed since @governed was exact
 * @mode: enum pacl_mode
 *
 * The roots are slots of tries, see trie.h.
 */
struct pacl_policy {
	uintptr_t *users;
	uintptr_t subject[PACL_KINDS];
	uintptr_t group_ports;
	uintptr_t each_ports;
	u64 *governed;
	u64 generation;
	u32 rule_count;
	u32 each_count;
	u32 removed;
	u8 mode;
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
 * pacl_policy_next - walk the rules of a policy
 * @policy: the policy
 * @atom: what the last call returned, NULL for the first rule
 *
 * The order depends on the rules alone: user, group, any, each; then id (of
 * users its lowest ten bits first), protocol, first port, the wider range
 * first, the shorter list first.
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
