// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl engine - a policy: a set of rules, and how it changes
 */

#include "policy.h"
#include "trie.h"

struct pacl_pile_chunk {
	struct pacl_pile_chunk *next;
	u32 used;
	u32 room;
	const void *ptr[];
};

/* A chunk of this many pointers fills 512 bytes. */
#define PILE_CHUNK	62

int pacl_pile_reserve(struct pacl_pile *pile, unsigned int count)
{
	struct pacl_pile_chunk *chunk = pile->first;
	unsigned int room = count > PILE_CHUNK ? count : PILE_CHUNK;

	if (chunk && chunk->room - chunk->used >= count)
		return 0;
	chunk = pacl_alloc(sizeof(*chunk) + room * sizeof(chunk->ptr[0]));
	if (!chunk)
		return -ENOMEM;
	chunk->next = pile->first;
	chunk->used = 0;
	chunk->room = room;
	pile->first = chunk;
	return 0;
}

void pacl_pile_push(struct pacl_pile *pile, const void *ptr)
{
	struct pacl_pile_chunk *chunk = pile->first;

	chunk->ptr[chunk->used++] = ptr;
}

/* Drops a pile; with @contents frees what lies on it. */
static void pile_drop(struct pacl_pile *pile, bool contents)
{
	struct pacl_pile_chunk *chunk;

	while ((chunk = pile->first)) {
		pile->first = chunk->next;
		while (contents && chunk->used)
			pacl_free(chunk->ptr[--chunk->used]);
		pacl_free(chunk);
	}
}

void pacl_pile_free(struct pacl_pile *pile)
{
	pile_drop(pile, true);
}

/* What is governed by no rules; never written to. */
static u64 nothing_governed[PACL_GOVERNED_WORDS];

/* The users that no rule is for. */
static const uintptr_t no_users[PACL_USER_SLOTS];

struct pacl_policy *pacl_policy_new(void)
{
	struct pacl_policy *policy = pacl_alloc(sizeof(*policy));

	if (!policy)
		return NULL;
	memset(policy, 0, sizeof(*policy));
	policy->governed = nothing_governed;
	policy->quick = no_users;
	return policy;
}

static void free_governed(u64 *governed)
{
	if (governed != nothing_governed)
		pacl_free(governed);
}

static void policy_free(struct pacl_policy *policy,
			const struct pacl_atom *keep)
{
	unsigned int i;

	if (!policy)
		return;
	pacl_trie_free(policy->group_ports, NULL, false);
	pacl_trie_free(policy->each_ports, NULL, false);
	for (i = 0; policy->users && i < PACL_USER_SLOTS; i++)
		pacl_trie_free(policy->users[i], keep, true);
	for (i = 0; i < PACL_KINDS; i++)
		pacl_trie_free(policy->subject[i], keep, true);
	pacl_free(policy->users);
	free_governed(policy->governed);
	pacl_free(policy);
}

void pacl_policy_free(struct pacl_policy *policy)
{
	policy_free(policy, NULL);
}

int pacl_txn_begin(struct pacl_txn *txn, const struct pacl_policy *base)
{
	txn->base = base;
	txn->fresh.first = NULL;
	txn->stale.first = NULL;
	txn->partial = NULL;
	txn->now = (struct pacl_clock){ 0, 0 };
	txn->policy = pacl_policy_new();
	if (!txn->policy)
		return -ENOMEM;
	if (!base)
		return 0;
	*txn->policy = *base;
	if (pacl_pile_reserve(&txn->stale, 1)) {
		pacl_free(txn->policy);
		return -ENOMEM;
	}
	pacl_pile_push(&txn->stale, base);
	return 0;
}

static void set_quick(struct pacl_policy *policy)
{
	bool quick = !policy->deny_count && !policy->closing &&
		     policy->mode != PACL_MODE_OFF;

	policy->quick = quick && policy->users ? policy->users : no_users;
}

void pacl_policy_close(struct pacl_policy *policy)
{
	policy->closing = true;
	set_quick(policy);
}

struct pacl_policy *pacl_txn_commit(struct pacl_txn *txn,
				    struct pacl_pile *stale)
{
	*stale = txn->stale;
	pile_drop(&txn->fresh, false);
	set_quick(txn->policy);
	return txn->policy;
}

void pacl_txn_abort(struct pacl_txn *txn)
{
	if (txn->base) {
		pile_drop(&txn->fresh, true);
		pile_drop(&txn->stale, false);
		pacl_free(txn->policy);
	} else {
		policy_free(txn->policy, txn->partial);
		pacl_free(txn->partial);
	}
}

/* Frees at commit what readers of the base may see, else now. */
static int retire(struct pacl_txn *txn, const void *ptr)
{
	if (!ptr)
		return 0;
	if (!txn->base) {
		pacl_free(ptr);
		return 0;
	}
	if (pacl_pile_reserve(&txn->stale, 1))
		return -ENOMEM;
	pacl_pile_push(&txn->stale, ptr);
	return 0;
}

static bool governed_covers(const u64 *governed, const struct pacl_atom *atom)
{
	u32 port;

	for (port = atom->lo; port <= atom->hi; port++) {
		if (!(port & 63) && port + 63 <= atom->hi) {
			if (~governed[port / 64])
				return false;
			port += 63;
		} else if (!(governed[port / 64] >> (port & 63) & 1)) {
			return false;
		}
	}
	return true;
}

static void governed_set(u64 *governed, const struct pacl_atom *atom)
{
	u32 port;

	for (port = atom->lo; port <= atom->hi; port++) {
		if (!(port & 63) && port + 63 <= atom->hi) {
			governed[port / 64] = ~(u64)0;
			port += 63;
		} else {
			governed[port / 64] |= (u64)1 << (port & 63);
		}
	}
}

/*
 * A table that the transaction may write to: @old when that is its own, else a
 * new one, with the contents of @old or zeroed. NULL without memory.
 */
static void *own_table(struct pacl_txn *txn, void *old, const void *shared,
		       size_t size, bool copy)
{
	void *table;

	if (copy && old && (!txn->base || old != shared))
		return old;
	if (txn->base && pacl_pile_reserve(&txn->fresh, 1))
		return NULL;
	table = pacl_alloc(size);
	if (!table)
		return NULL;
	if (retire(txn, old)) {
		pacl_free(table);
		return NULL;
	}
	if (copy && old)
		memcpy(table, old, size);
	else
		memset(table, 0, size);
	if (txn->base)
		pacl_pile_push(&txn->fresh, table);
	return table;
}

static int own_governed(struct pacl_txn *txn, bool copy)
{
	struct pacl_policy *policy = txn->policy;
	u64 *old = policy->governed != nothing_governed ? policy->governed :
							  NULL;
	u64 *table;

	table = own_table(txn, old, txn->base ? txn->base->governed : NULL,
			  PACL_GOVERNED_WORDS * sizeof(*table), copy);
	if (!table)
		return -ENOMEM;
	policy->governed = table;
	return 0;
}

static int own_users(struct pacl_txn *txn)
{
	struct pacl_policy *policy = txn->policy;
	uintptr_t *table;

	table = own_table(txn, policy->users,
			  txn->base ? txn->base->users : NULL,
			  PACL_USER_SLOTS * sizeof(*table), true);
	if (!table)
		return -ENOMEM;
	policy->users = table;
	return 0;
}

static int governed_add(struct pacl_txn *txn, const struct pacl_atom *atom)
{
	if (governed_covers(txn->policy->governed, atom))
		return 0;
	if (own_governed(txn, true))
		return -ENOMEM;
	governed_set(txn->policy->governed, atom);
	return 0;
}

/*
 * Bits of removed rules cost a search and never a wrong verdict. They are
 * cleared when enough rules have gone to pay for the walk.
 */
static int governed_shrink(struct pacl_txn *txn)
{
	struct pacl_policy *policy = txn->policy;
	const struct pacl_atom *atom = NULL;
	unsigned int i;

	if (!policy->rule_count) {
		policy->removed = 0;
		if (policy->governed != nothing_governed &&
		    retire(txn, policy->governed))
			return -ENOMEM;
		policy->governed = nothing_governed;
		if (retire(txn, policy->users))
			return -ENOMEM;
		policy->users = NULL;
		return 0;
	}
	if (policy->removed <= policy->rule_count)
		return 0;
	if (own_governed(txn, false))
		return -ENOMEM;
	while ((atom = pacl_policy_next(policy, atom)))
		for (i = 0; i < atom->count; i++)
			governed_set(policy->governed, atom + i);
	policy->removed = 0;
	return 0;
}

static bool is_conditional(const struct pacl_rule *rule)
{
	return rule->on || rule->until;
}

/* An allow's end is the earlier one of the two clocks, a deny's the later. */
static void set_terms(struct pacl_terms *terms, const struct pacl_rule *rule,
		      struct pacl_clock now)
{
	*terms = (struct pacl_terms){
		.prefix = rule->prefix,
		.until = rule->until,
		.deadline = pacl_deadline(rule->until, now),
		.each = rule->each,
		.on = rule->on,
		.prefix_len = rule->prefix_len,
	};
	terms->ended = rule->until && rule->until <= now.wall;
}

/* The atoms of a rule, in one array, with its terms behind them. */
static struct pacl_atom *make_atoms(const struct pacl_rule *rule,
				    struct pacl_clock now)
{
	bool terms = is_conditional(rule) || rule->kind == PACL_EACH;
	struct pacl_atom *atoms;
	unsigned int i;

	atoms = pacl_alloc(rule->count * sizeof(*atoms) +
			   (terms ? sizeof(struct pacl_terms) : 0));
	if (!atoms)
		return NULL;
	for (i = 0; i < rule->count; i++) {
		atoms[i] = (struct pacl_atom){
			.id = rule->id,
			.lo = rule->range[i].lo,
			.hi = rule->range[i].hi,
			.kind = rule->kind,
			.plane = (u8)PACL_PLANE(rule->action,
						is_conditional(rule),
						rule->proto),
			.at = (u8)i,
			.count = rule->count,
		};
	}
	if (terms)
		set_terms((struct pacl_terms *)(atoms + rule->count), rule, now);
	return atoms;
}

static unsigned int atom_action(const struct pacl_atom *atom)
{
	if (atom->kind == PACL_NOBODY)
		return PACL_RESERVE;
	return atom->plane / PACL_PROTOS % 2 ? PACL_DENY : PACL_ALLOW;
}

void pacl_atom_rule(const struct pacl_atom *atom, struct pacl_rule *rule)
{
	const struct pacl_atom *head = pacl_atom_head(atom);
	const struct pacl_terms *terms = pacl_atom_terms(atom);
	unsigned int i;

	memset(rule, 0, sizeof(*rule));
	rule->action = (u8)atom_action(head);
	rule->proto = head->plane % PACL_PROTOS;
	rule->kind = head->kind;
	rule->count = head->count;
	rule->id = head->id;
	rule->last_id = head->id;
	for (i = 0; i < head->count; i++) {
		rule->range[i].lo = head[i].lo;
		rule->range[i].hi = head[i].hi;
	}
	if (!terms)
		return;
	rule->each = terms->each;
	rule->on = terms->on;
	rule->prefix = terms->prefix;
	rule->prefix_len = terms->prefix_len;
	rule->until = terms->until;
	if (rule->each)
		rule->last_id += (head->hi - head->lo + 1U) / rule->each - 1;
}

/* The trie that holds a subject's atoms. */
static uintptr_t *subject_root(struct pacl_policy *policy, unsigned int kind,
			       u32 id)
{
	if (kind == PACL_USER)
		return &policy->users[id % PACL_USER_SLOTS];
	return &policy->subject[kind];
}

/* The atom with the same key as @atom, or NULL. */
static const struct pacl_atom *find_same(const struct pacl_policy *policy,
					 const struct pacl_atom *atom)
{
	uintptr_t root = policy->subject[atom->kind];

	if (atom->kind == PACL_USER)
		root = policy->users ?
		       policy->users[atom->id % PACL_USER_SLOTS] : 0;
	return pacl_trie_find(root, PACL_BY_SUBJECT, atom);
}

/* The second trie that finds an atom of this kind, or NULL. */
static uintptr_t *ports_root(struct pacl_policy *policy, unsigned int kind)
{
	switch (kind) {
	case PACL_GROUP:
		return &policy->group_ports;
	case PACL_EACH:
		return &policy->each_ports;
	default:
		return NULL;
	}
}

static int insert_atom(struct pacl_txn *txn, const struct pacl_atom *atom)
{
	struct pacl_policy *policy = txn->policy;
	uintptr_t *ports = ports_root(policy, atom->kind);
	int err;

	err = governed_add(txn, atom);
	if (!err && atom->kind == PACL_USER)
		err = own_users(txn);
	if (err)
		return err;
	err = pacl_trie_insert(txn, subject_root(policy, atom->kind, atom->id),
			       PACL_BY_SUBJECT, atom);
	if (!err && ports)
		err = pacl_trie_insert(txn, ports, PACL_BY_PORT, atom);
	return err;
}

/* Counts a rule that has come, or with -1 one that has gone. */
static void count_rule(struct pacl_policy *policy, const struct pacl_rule *rule,
		       u32 sign)
{
	u32 atoms = sign * rule->count;

	policy->rule_count += atoms;
	policy->written_count += sign;
	if (rule->kind == PACL_EACH)
		policy->each_count += sign;
	if (rule->action == PACL_DENY)
		policy->deny_count += atoms;
	if (rule->action == PACL_RESERVE)
		policy->reserve_count += atoms;
	if (is_conditional(rule))
		policy->conditional_count += atoms;
	if (rule->until)
		policy->timed_count += sign;
	set_quick(policy);
}

int pacl_insert(struct pacl_txn *txn, const struct pacl_rule *rule)
{
	struct pacl_policy *policy = txn->policy;
	struct pacl_atom *atoms = make_atoms(rule, txn->now);
	unsigned int i;
	int err = 0;

	if (!atoms)
		return -ENOMEM;
	if (find_same(policy, atoms))
		err = -EEXIST;
	else if (policy->rule_count + rule->count > PACL_MAX_RULES ||
		 (rule->kind == PACL_EACH &&
		  policy->each_count == PACL_MAX_EACH))
		err = -ENOSPC;
	else if (txn->base && pacl_pile_reserve(&txn->fresh, 1))
		err = -ENOMEM;
	if (err) {
		pacl_free(atoms);
		return err;
	}
	if (txn->base)
		pacl_pile_push(&txn->fresh, atoms);
	for (i = 0; i < rule->count && !err; i++)
		err = insert_atom(txn, &atoms[i]);
	if (err) {
		if (!txn->base)
			txn->partial = atoms;
		return err;
	}
	count_rule(policy, rule, 1);
	return 0;
}

/* Last from the trie by subject, through which an abort finds what to free. */
static int remove_atom(struct pacl_txn *txn, const struct pacl_atom *atom)
{
	struct pacl_policy *policy = txn->policy;
	uintptr_t *ports = ports_root(policy, atom->kind);
	int err = 0;

	if (atom->kind == PACL_USER)
		err = own_users(txn);
	if (!err && ports)
		err = pacl_trie_remove(txn, ports, PACL_BY_PORT, atom);
	if (err)
		return err;
	return pacl_trie_remove(txn, subject_root(policy, atom->kind, atom->id),
				PACL_BY_SUBJECT, atom);
}

const struct pacl_atom *pacl_policy_find(const struct pacl_policy *policy,
					 const struct pacl_atom *atom)
{
	return find_same(policy, pacl_atom_head(atom));
}

int pacl_remove(struct pacl_txn *txn, const struct pacl_rule *rule)
{
	struct pacl_policy *policy = txn->policy;
	struct pacl_atom *wanted = make_atoms(rule, txn->now);
	const struct pacl_atom *atoms;
	unsigned int i;
	int err = 0;

	if (!wanted)
		return -ENOMEM;
	atoms = find_same(txn->policy, wanted);
	pacl_free(wanted);
	if (!atoms)
		return -ENOENT;
	for (i = 0; i < rule->count && !err; i++)
		err = remove_atom(txn, &atoms[i]);
	if (err)
		return err;
	policy->removed += rule->count;
	count_rule(policy, rule, (u32)-1);
	err = retire(txn, atoms);
	if (!err)
		err = governed_shrink(txn);
	set_quick(policy);
	return err;
}

static unsigned int root_count(const struct pacl_policy *policy)
{
	return policy->users ? PACL_USER_SLOTS + PACL_KINDS : PACL_KINDS;
}

/* The tries by subject in order; users have none among those of the kinds. */
static uintptr_t nth_root(const struct pacl_policy *policy, unsigned int n)
{
	if (!policy->users)
		return policy->subject[n];
	if (n < PACL_USER_SLOTS)
		return policy->users[n];
	return policy->subject[n - PACL_USER_SLOTS];
}

static unsigned int root_of(const struct pacl_policy *policy,
			    const struct pacl_atom *atom)
{
	if (atom->kind == PACL_USER)
		return atom->id % PACL_USER_SLOTS;
	return atom->kind + (policy->users ? PACL_USER_SLOTS : 0U);
}

const struct pacl_atom *pacl_policy_next(const struct pacl_policy *policy,
					 const struct pacl_atom *atom)
{
	unsigned int n = atom ? root_of(policy, atom) : 0;

	/* Each atom of a rule is a leaf of its own; the first one counts. */
	do {
		if (atom)
			atom = pacl_trie_next(nth_root(policy, n),
					      PACL_BY_SUBJECT, atom);
		else
			atom = pacl_trie_first(nth_root(policy, n));
		while (!atom && ++n < root_count(policy))
			atom = pacl_trie_first(nth_root(policy, n));
	} while (atom && atom->at);
	return atom;
}
