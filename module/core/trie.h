/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl engine - tries of atoms; only the engine's own headers include it
 *
 * A trie holds atoms by a key made of 16-bit halves, most significant first,
 * each consumed in steps of 6, 6 and 4 bits. Nodes exist only where keys part
 * (cf. PATRICIA), so the depth follows the number of atoms, not the key's
 * length. From the half that holds an atom's first port on, a node also knows
 * the greatest last port below each of its slots and all slots before it: one
 * walk down finds a range that covers a port, however the ranges nest (cf. the
 * interval tree augmented with subtree maxima).
 *
 * A slot, be it in a node or the root of a trie, holds nothing (0), an atom, or
 * a node: then its lowest bit is set if the node parts by the first two halves,
 * else the next one.
 *
 * The keys, by enum pacl_order:
 *
 *	by subject:	id (2), plane, first port, ~last port, content
 *	by port:	first port, ~last port, id (2), plane, content
 *
 * where content is all that remains to tell two rules apart: ports for each,
 * terms, count of ranges, every range.
 */

#ifndef PACL_TRIE_H
#define PACL_TRIE_H

#include "policy.h"

#ifdef __cplusplus
extern "C" {
#endif

enum pacl_order {
	PACL_BY_SUBJECT,
	PACL_BY_PORT,
};

/* The half of a key that holds the first port, by enum pacl_order. */
#define PACL_SUBJECT_PLANE_HALF	2
#define PACL_SUBJECT_PORT_HALF	3
#define PACL_PORT_PORT_HALF	0

/* The parts of the content: ports for each, terms, count of ranges, ranges. */
#define PACL_CONTENT_HALF	5
#define PACL_TERM_HALF		6
#define PACL_COUNT_HALF		(PACL_TERM_HALF + PACL_TERM_HALVES)
#define PACL_RANGE_HALF		(PACL_COUNT_HALF + 1)

/*
 * In a trie by port, the first half below which two atoms of the same kind
 * answer every request alike, unless their planes are conditional.
 */
#define PACL_PORT_ALIKE_HALF	6

/**
 * struct pacl_node - where the keys below part
 * @bitmap: which of the 64 values of the step are present
 * @id: id of all atoms below, once the key has passed it
 * @lo: first port of all atoms below, as far as the key has passed it; in a
 *      node that parts by id, how far to shift the id
 * @half: the half that parts here
 * @step: low four bits: how far to shift the half; high four bits: plane of
 *        all atoms below, once the key has passed it
 *
 * Behind it lie its slots, one for each bit, in order. In nodes that part by
 * the first port or later there follow, for each slot, the greatest last port
 * of it and all before it (u16), then the slot that has it (u8).
 */
struct pacl_node {
	u64 bitmap;
	u32 id;
	u16 lo;
	u8 half;
	u8 step;
};

#define PACL_STEP_SHIFT(step)	((step) & 15U)
#define PACL_STEP_PLANE(step)	((unsigned int)(step) >> 4)

/* What marks a slot with a node. */
#define PACL_ID_NODE	1
#define PACL_OTHER_NODE	2

static inline bool pacl_is_node(uintptr_t slot)
{
	return slot & (PACL_ID_NODE | PACL_OTHER_NODE);
}

static inline struct pacl_node *pacl_to_node(uintptr_t slot)
{
	return (struct pacl_node *)(slot & ~(uintptr_t)3);
}

static inline uintptr_t pacl_node_slot(const struct pacl_node *node)
{
	return (uintptr_t)node | (node->half < PACL_SUBJECT_PLANE_HALF ?
				  PACL_ID_NODE : PACL_OTHER_NODE);
}

static inline const struct pacl_atom *pacl_to_atom(uintptr_t slot)
{
	return (const struct pacl_atom *)slot;
}

static inline uintptr_t *pacl_node_slots(const struct pacl_node *node)
{
	return (uintptr_t *)(node + 1);
}

static pacl_always_inline unsigned int pacl_node_count(const struct pacl_node *node)
{
	return pacl_popcount64(node->bitmap);
}

/* Slots before that of a value; bits from 64 on wrap as the key's do. */
static pacl_always_inline unsigned int
pacl_node_rank(const struct pacl_node *node, unsigned int value)
{
	return pacl_popcount64(node->bitmap & (((u64)1 << value) - 1));
}

static pacl_always_inline bool
pacl_node_has(const struct pacl_node *node, unsigned int value)
{
	return node->bitmap >> value & 1;
}

static inline u16 *pacl_node_top(const struct pacl_node *node,
				 unsigned int count)
{
	return (u16 *)(pacl_node_slots(node) + count);
}

static inline u8 *pacl_node_top_slot(const struct pacl_node *node,
				     unsigned int count)
{
	return (u8 *)(pacl_node_top(node, count) + count);
}

/* Bits of the first port that a node parting by it does not look at. */
static pacl_always_inline unsigned int pacl_node_above(const struct pacl_node *node)
{
	unsigned int shift = PACL_STEP_SHIFT(node->step);

	return shift ? shift + 6 : 4;
}

static inline bool pacl_covers(const struct pacl_atom *atom, u32 port)
{
	return atom->lo <= port && port <= atom->hi;
}

/* The greatest last port below a slot that is not empty. */
static inline u16 pacl_slot_top(uintptr_t slot)
{
	unsigned int count;

	if (!pacl_is_node(slot))
		return pacl_to_atom(slot)->hi;
	count = pacl_node_count(pacl_to_node(slot));
	return pacl_node_top(pacl_to_node(slot), count)[count - 1];
}

/* The atom with the greatest last port below a slot, NULL for an empty one. */
static inline const struct pacl_atom *pacl_top_atom(uintptr_t slot)
{
	while (pacl_is_node(slot)) {
		const struct pacl_node *node = pacl_to_node(slot);
		unsigned int count = pacl_node_count(node);

		slot = pacl_node_slots(node)[pacl_node_top_slot(node, count)[count - 1]];
	}
	return pacl_to_atom(slot);
}

/*
 * Compares a port with the first ports of the atoms below a node, as far as
 * all these agree.
 *
 * Return: less than, equal to or greater than 0 when the port lies before all
 * of them, among them, or after them.
 */
static pacl_always_inline int
pacl_compare_lo(const struct pacl_node *node, unsigned int port_half, u32 port)
{
	unsigned int above;

	if (node->half > port_half)
		return port < node->lo ? -1 : 1;
	above = pacl_node_above(node);
	return (int)(port >> above) - (int)((u32)node->lo >> above);
}

/**
 * pacl_trie_cover - walk the atoms that cover a port
 * @root: a trie by port, or what a trie by subject holds of one plane of one
 *        subject
 * @order: which of the two
 * @port: the port
 * @after: what the last call returned, NULL for the first atom
 *
 * In descending order of keys. Of atoms that answer every request alike one is
 * enough.
 *
 * Return: the atom, NULL after the last.
 */
const struct pacl_atom *pacl_trie_cover(uintptr_t root, enum pacl_order order,
					u32 port, const struct pacl_atom *after);

/**
 * struct pacl_key - the key of a rule that need not exist
 * @atom: its only atom
 * @terms: its terms
 */
struct pacl_key {
	struct pacl_atom atom;
	struct pacl_terms terms;
};

/**
 * pacl_trie_cover_before - where a walk over the atoms that cover a port goes on
 * @root: as for pacl_trie_cover(), by subject
 * @port: the port
 * @key: of the same subject and plane, with a first port up to @port
 *
 * Return: the atom with the greatest key below @key that covers the port, or
 * NULL.
 */
const struct pacl_atom *pacl_trie_cover_before(uintptr_t root, u32 port,
					       const struct pacl_key *key);

/* Follows an id down to what the trie holds of it, or of another id. */
static pacl_always_inline uintptr_t pacl_find_id(uintptr_t slot, u32 id)
{
	while (slot & PACL_ID_NODE) {
		const struct pacl_node *node;
		u64 bits;

		node = (const struct pacl_node *)(slot - PACL_ID_NODE);
		/* The value's bit comes first, those before it follow. */
		bits = node->bitmap << (~(id >> node->lo) & 63);
		if (!(bits >> 63))
			return 0;
		slot = pacl_node_slots(node)[pacl_popcount64(bits) - 1];
	}
	return slot;
}

/**
 * pacl_find_below - pacl_find() for a subject with several atoms
 * @slot: the node below which all atoms have the same id
 * @id: the subject's id
 * @planes: a bit for each plane that counts
 * @port: the port
 *
 * Return: an atom or NULL.
 */
const struct pacl_atom *pacl_find_below(uintptr_t slot, u32 id, u32 planes,
					u32 port);

/* Whether the one atom that a subject has is in planes and covers a port. */
static pacl_always_inline bool pacl_applies(const struct pacl_atom *atom,
					    u32 id, u32 planes, u32 port)
{
	return atom->id == id && planes >> atom->plane & 1 &&
	       pacl_covers(atom, port);
}

/**
 * pacl_find - find an atom of a subject that covers a port
 * @slot: a trie by subject
 * @id: the subject's id
 * @planes: a bit for each plane that counts
 * @port: the port
 *
 * Return: an atom or NULL.
 */
static pacl_always_inline const struct pacl_atom *
pacl_find(uintptr_t slot, u32 id, u32 planes, u32 port)
{
	slot = pacl_find_id(slot, id);
	if (slot & PACL_OTHER_NODE)
		return pacl_find_below(slot, id, planes, port);
	return slot && pacl_applies(pacl_to_atom(slot), id, planes, port) ?
		       pacl_to_atom(slot) : NULL;
}

/**
 * pacl_trie_find - find an atom by its whole key
 * @root: the trie
 * @order: its order
 * @atom: an atom with that key
 *
 * Return: the atom in the trie or NULL.
 */
const struct pacl_atom *pacl_trie_find(uintptr_t root, enum pacl_order order,
				       const struct pacl_atom *atom);

/**
 * pacl_trie_first - the atom with the least key
 * @root: the trie
 *
 * Return: the atom, NULL in an empty trie.
 */
const struct pacl_atom *pacl_trie_first(uintptr_t root);

/**
 * pacl_trie_next - the atom with the next greater key
 * @root: the trie
 * @order: its order
 * @atom: an atom in the trie
 *
 * Return: the atom or NULL.
 */
const struct pacl_atom *pacl_trie_next(uintptr_t root, enum pacl_order order,
				       const struct pacl_atom *atom);

/**
 * pacl_trie_insert - add an atom that is not there yet
 * @txn: an open transaction on the policy that holds @root
 * @root: the trie
 * @order: its order
 * @atom: stays in the trie
 *
 * Return: 0 or -ENOMEM, which leaves the trie as it was.
 */
int pacl_trie_insert(struct pacl_txn *txn, uintptr_t *root,
		     enum pacl_order order, const struct pacl_atom *atom);

/**
 * pacl_trie_remove - remove an atom that is there
 * @txn: an open transaction on the policy that holds @root
 * @root: the trie
 * @order: its order
 * @atom: the atom
 *
 * Return: 0 or -ENOMEM, which leaves the trie as it was.
 */
int pacl_trie_remove(struct pacl_txn *txn, uintptr_t *root,
		     enum pacl_order order, const struct pacl_atom *atom);

/**
 * pacl_trie_free - free the nodes of a trie that nobody reads any more
 * @root: the trie
 * @keep: with @rules, atoms that are not freed
 * @rules: free the rules, too; for a trie by subject
 */
void pacl_trie_free(uintptr_t root, const struct pacl_atom *keep, bool rules);

/**
 * pacl_pile_reserve - make room, so that pacl_pile_push() cannot fail
 * @pile: the pile
 * @count: pushes that will follow
 *
 * Return: 0 or -ENOMEM.
 */
int pacl_pile_reserve(struct pacl_pile *pile, unsigned int count);

/**
 * pacl_pile_push - put memory on a pile with room
 * @pile: the pile
 * @ptr: the memory
 */
void pacl_pile_push(struct pacl_pile *pile, const void *ptr);

#ifdef __cplusplus
}
#endif

#endif /* PACL_TRIE_H */
