// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl engine - tries of atoms, changed by copying the path
 */

#include "trie.h"

/* Where two keys part. */
struct fork {
	unsigned int half;
	unsigned int shift;
};

static unsigned int term_half(const struct pacl_terms *terms, unsigned int i)
{
	if (i == 0)
		return (unsigned int)terms->on << 8 | terms->prefix_len;
	if (i <= 4)
		return terms->prefix.hi >> 16 * (4 - i) & 0xffff;
	if (i <= 8)
		return terms->prefix.lo >> 16 * (8 - i) & 0xffff;
	return terms->until >> 16 * (12 - i) & 0xffff;
}

static unsigned int content_half(const struct pacl_atom *atom,
				 unsigned int half)
{
	const struct pacl_atom *head = pacl_atom_head(atom);
	unsigned int i;

	if (half == PACL_CONTENT_HALF)
		return atom->kind == PACL_EACH ? pacl_atom_terms(atom)->each : 0;
	if (half < PACL_COUNT_HALF)
		return pacl_plane_conditional(atom->plane) ?
			term_half(pacl_atom_terms(atom), half - PACL_TERM_HALF) : 0;
	if (half == PACL_COUNT_HALF)
		return atom->count;
	i = half - PACL_RANGE_HALF;
	/* A search may meet nodes that part longer keys than its own. */
	if (i / 2 >= atom->count)
		return 0;
	return i & 1 ? head[i / 2].hi : head[i / 2].lo;
}

static unsigned int key_half(const struct pacl_atom *atom,
			     enum pacl_order order, unsigned int half)
{
	static const u8 by_port[] = { 3, 4, 0, 1, 2 };

	if (half >= PACL_CONTENT_HALF)
		return content_half(atom, half);
	switch (order == PACL_BY_PORT ? by_port[half] : half) {
	case 0:
		return atom->id >> 16;
	case 1:
		return atom->id & 0xffff;
	case 2:
		return atom->plane;
	case 3:
		return atom->lo;
	default:
		return atom->hi ^ 0xffffU;
	}
}

/* Finds where the keys of two atoms part; false when they are equal. */
static bool find_fork(const struct pacl_atom *a, const struct pacl_atom *b,
		      enum pacl_order order, struct fork *fork)
{
	/* Past the count of ranges both keys have the same length. */
	unsigned int halves = PACL_RANGE_HALF + 2U * a->count;
	unsigned int half, diff;

	for (half = 0; half < halves; half++) {
		diff = key_half(a, order, half) ^ key_half(b, order, half);
		if (diff) {
			fork->half = half;
			fork->shift = diff >> 10 ? 10 : diff >> 4 ? 4 : 0;
			return true;
		}
	}
	return false;
}

static bool parts_before(const struct pacl_node *node, const struct fork *fork)
{
	if (node->half != fork->half)
		return node->half < fork->half;
	return PACL_STEP_SHIFT(node->step) > fork->shift;
}

static bool parts_at(const struct pacl_node *node, const struct fork *fork)
{
	return node->half == fork->half &&
	       PACL_STEP_SHIFT(node->step) == fork->shift;
}

/*
 * Six bits even where the step has four: all atoms below share the others, so
 * that order and uniqueness are the same.
 */
static unsigned int value_at(const struct pacl_atom *atom,
			     enum pacl_order order, unsigned int half,
			     unsigned int shift)
{
	return key_half(atom, order, half) >> shift & 63;
}

static unsigned int node_value(const struct pacl_node *node,
			       enum pacl_order order,
			       const struct pacl_atom *atom)
{
	return value_at(atom, order, node->half, PACL_STEP_SHIFT(node->step));
}

static bool has_tops(unsigned int half, enum pacl_order order)
{
	return half >= (order == PACL_BY_PORT ? PACL_PORT_PORT_HALF :
						PACL_SUBJECT_PORT_HALF);
}

static size_t node_size(unsigned int count, bool tops)
{
	return sizeof(struct pacl_node) + count * sizeof(uintptr_t) +
	       (tops ? count * (sizeof(u16) + sizeof(u8)) : 0);
}

/* Brings the maxima up to date after slot @from or later ones have changed. */
static void update_tops(struct pacl_node *node, enum pacl_order order,
			unsigned int from)
{
	unsigned int count = pacl_node_count(node);
	u8 *top_slot = pacl_node_top_slot(node, count);
	u16 *top = pacl_node_top(node, count);
	unsigned int i;

	if (!has_tops(node->half, order))
		return;
	for (i = from; i < count; i++) {
		u16 hi = pacl_slot_top(pacl_node_slots(node)[i]);

		if (i && top[i - 1] >= hi) {
			top[i] = top[i - 1];
			top_slot[i] = top_slot[i - 1];
		} else {
			top[i] = hi;
			top_slot[i] = (u8)i;
		}
	}
}

/* A node like @like with room for other slots; the caller fills them. */
static struct pacl_node *node_like(const struct pacl_node *like,
				   enum pacl_order order, u64 bitmap)
{
	unsigned int count = pacl_popcount64(bitmap);
	struct pacl_node *node;

	node = pacl_alloc(node_size(count, has_tops(like->half, order)));
	if (node) {
		*node = *like;
		node->bitmap = bitmap;
	}
	return node;
}

static struct pacl_node *node_copy(const struct pacl_node *old,
				   enum pacl_order order, unsigned int rank,
				   uintptr_t slot)
{
	unsigned int count = pacl_node_count(old);
	size_t size = node_size(count, has_tops(old->half, order));
	struct pacl_node *node = pacl_alloc(size);

	if (node) {
		memcpy(node, old, size);
		pacl_node_slots(node)[rank] = slot;
		update_tops(node, order, rank);
	}
	return node;
}

static struct pacl_node *node_add(const struct pacl_node *old,
				  enum pacl_order order,
				  const struct pacl_atom *atom)
{
	unsigned int value = node_value(old, order, atom);
	unsigned int rank = pacl_node_rank(old, value);
	unsigned int count = pacl_node_count(old);
	struct pacl_node *node;

	node = node_like(old, order, old->bitmap | (u64)1 << value);
	if (!node)
		return NULL;
	memcpy(pacl_node_slots(node), pacl_node_slots(old), rank * sizeof(uintptr_t));
	pacl_node_slots(node)[rank] = (uintptr_t)atom;
	memcpy(pacl_node_slots(node) + rank + 1, pacl_node_slots(old) + rank,
	       (count - rank) * sizeof(uintptr_t));
	update_tops(node, order, 0);
	return node;
}

static struct pacl_node *node_drop(const struct pacl_node *old,
				   enum pacl_order order,
				   const struct pacl_atom *atom)
{
	unsigned int value = node_value(old, order, atom);
	unsigned int rank = pacl_node_rank(old, value);
	unsigned int count = pacl_node_count(old);
	struct pacl_node *node;

	node = node_like(old, order, old->bitmap & ~((u64)1 << value));
	if (!node)
		return NULL;
	memcpy(pacl_node_slots(node), pacl_node_slots(old), rank * sizeof(uintptr_t));
	memcpy(pacl_node_slots(node) + rank, pacl_node_slots(old) + rank + 1,
	       (count - rank - 1) * sizeof(uintptr_t));
	update_tops(node, order, 0);
	return node;
}

/* Parts @atom from @slot, whose atoms' keys are like @other's up to the fork. */
static struct pacl_node *node_fork(enum pacl_order order,
				   const struct fork *fork,
				   const struct pacl_atom *atom,
				   uintptr_t slot,
				   const struct pacl_atom *other)
{
	unsigned int value = value_at(atom, order, fork->half, fork->shift);
	unsigned int rest = value_at(other, order, fork->half, fork->shift);
	struct pacl_node head = {
		.id = atom->id,
		.lo = atom->lo,
		.half = (u8)fork->half,
		.step = (u8)(fork->shift | (unsigned int)atom->plane << 4),
	};
	struct pacl_node *node;

	if (order == PACL_BY_SUBJECT && fork->half < PACL_SUBJECT_PLANE_HALF)
		head.lo = (u16)(fork->half ? fork->shift : fork->shift + 16);
	node = node_like(&head, order, (u64)1 << value | (u64)1 << rest);
	if (!node)
		return NULL;
	pacl_node_slots(node)[value > rest] = (uintptr_t)atom;
	pacl_node_slots(node)[value < rest] = slot;
	update_tops(node, order, 0);
	return node;
}

const struct pacl_atom *pacl_trie_first(uintptr_t root)
{
	while (pacl_is_node(root))
		root = pacl_node_slots(pacl_to_node(root))[0];
	return pacl_to_atom(root);
}

/* An atom with whose key @atom's agrees as far as with any in the trie. */
static const struct pacl_atom *nearest(uintptr_t root, enum pacl_order order,
				       const struct pacl_atom *atom)
{
	while (pacl_is_node(root)) {
		const struct pacl_node *node = pacl_to_node(root);
		unsigned int value = node_value(node, order, atom);
		unsigned int rank = 0;

		if (pacl_node_has(node, value))
			rank = pacl_node_rank(node, value);
		root = pacl_node_slots(node)[rank];
	}
	return pacl_to_atom(root);
}

const struct pacl_atom *pacl_trie_find(uintptr_t root, enum pacl_order order,
				       const struct pacl_atom *atom)
{
	const struct pacl_atom *found = nearest(root, order, atom);
	struct fork fork;

	return found && !find_fork(atom, found, order, &fork) ? found : NULL;
}

const struct pacl_atom *pacl_trie_next(uintptr_t root, enum pacl_order order,
				       const struct pacl_atom *atom)
{
	uintptr_t next = 0;

	while (pacl_is_node(root)) {
		const struct pacl_node *node = pacl_to_node(root);
		unsigned int rank;

		rank = pacl_node_rank(node, node_value(node, order, atom));
		if (rank + 1 < pacl_node_count(node))
			next = pacl_node_slots(node)[rank + 1];
		root = pacl_node_slots(node)[rank];
	}
	return pacl_trie_first(next);
}

/*
 * Puts @slot where the path of @depth steps ends and, where readers may see
 * the nodes on the path, replaces these by copies. @old is replaced by @slot,
 * @made was made for it; either may be NULL.
 */
static int replace(struct pacl_txn *txn, uintptr_t *root,
		   enum pacl_order order, unsigned int depth, uintptr_t slot,
		   struct pacl_node *old, struct pacl_node *made)
{
	struct pacl_step *path = txn->path;
	unsigned int i;

	if (!txn->base) {
		if (depth)
			pacl_node_slots(path[depth - 1].node)[path[depth - 1].rank] = slot;
		else
			*root = slot;
		for (i = depth; i-- > 0;)
			update_tops(path[i].node, order, path[i].rank);
		pacl_free(old);
		return 0;
	}
	if (pacl_pile_reserve(&txn->fresh, depth + 1) ||
	    pacl_pile_reserve(&txn->stale, depth + 1))
		return -ENOMEM;
	for (i = depth; i-- > 0;) {
		path[i].copy = node_copy(path[i].node, order, path[i].rank,
					 slot);
		if (!path[i].copy) {
			while (++i < depth)
				pacl_free(path[i].copy);
			return -ENOMEM;
		}
		slot = pacl_node_slot(path[i].copy);
	}
	*root = slot;
	for (i = 0; i < depth; i++) {
		pacl_pile_push(&txn->fresh, path[i].copy);
		pacl_pile_push(&txn->stale, path[i].node);
	}
	if (made)
		pacl_pile_push(&txn->fresh, made);
	if (old)
		pacl_pile_push(&txn->stale, old);
	return 0;
}

static uintptr_t step_down(struct pacl_step *step, struct pacl_node *node,
			   enum pacl_order order, const struct pacl_atom *atom)
{
	step->node = node;
	step->rank = pacl_node_rank(node, node_value(node, order, atom));
	return pacl_node_slots(node)[step->rank];
}

int pacl_trie_insert(struct pacl_txn *txn, uintptr_t *root,
		     enum pacl_order order, const struct pacl_atom *atom)
{
	const struct pacl_atom *other = nearest(*root, order, atom);
	struct pacl_node *made, *old = NULL;
	uintptr_t slot = *root;
	unsigned int depth = 0;
	struct fork fork;
	int err;

	if (!other)
		return replace(txn, root, order, 0, (uintptr_t)atom, NULL,
			       NULL);
	if (!find_fork(atom, other, order, &fork))
		return -EEXIST;
	while (pacl_is_node(slot) && parts_before(pacl_to_node(slot), &fork))
		slot = step_down(&txn->path[depth++], pacl_to_node(slot),
				 order, atom);
	if (pacl_is_node(slot) && parts_at(pacl_to_node(slot), &fork)) {
		old = pacl_to_node(slot);
		made = node_add(old, order, atom);
	} else {
		made = node_fork(order, &fork, atom, slot, other);
	}
	if (!made)
		return -ENOMEM;
	err = replace(txn, root, order, depth, pacl_node_slot(made), old,
		      made);
	if (err)
		pacl_free(made);
	return err;
}

int pacl_trie_remove(struct pacl_txn *txn, uintptr_t *root,
		     enum pacl_order order, const struct pacl_atom *atom)
{
	struct pacl_node *made = NULL, *old;
	uintptr_t slot = *root;
	unsigned int depth = 0;
	int err;

	while (pacl_is_node(slot))
		slot = step_down(&txn->path[depth++], pacl_to_node(slot),
				 order, atom);
	if (!depth)
		return replace(txn, root, order, 0, 0, NULL, NULL);
	depth--;
	old = txn->path[depth].node;
	if (pacl_node_count(old) == 2) {
		/* A node with one slot parts nothing. */
		slot = pacl_node_slots(old)[!txn->path[depth].rank];
	} else {
		made = node_drop(old, order, atom);
		if (!made)
			return -ENOMEM;
		slot = pacl_node_slot(made);
	}
	err = replace(txn, root, order, depth, slot, old, made);
	if (err)
		pacl_free(made);
	return err;
}

/* Whether a walk goes no deeper: one atom below stands for all of them. */
static bool is_last(uintptr_t slot, enum pacl_order order)
{
	const struct pacl_node *node = pacl_to_node(slot);

	return !pacl_is_node(slot) ||
	       (order == PACL_BY_PORT && node->half >= PACL_PORT_ALIKE_HALF &&
		!pacl_plane_conditional(PACL_STEP_PLANE(node->step)));
}

/* Slots of a node whose atoms begin at or before a port and one covers it. */
struct cover {
	const struct pacl_node *node;
	unsigned int slots;
};

static void note_cover(struct cover *cover, const struct pacl_node *node,
		       unsigned int slots, u32 port)
{
	unsigned int count = pacl_node_count(node);

	/* Keys below are greater than those noted before. */
	if (slots && pacl_node_top(node, count)[slots - 1] >= port)
		*cover = (struct cover){ node, slots };
}

static const struct pacl_atom *last_cover(const struct cover *cover,
					  enum pacl_order order, u32 port)
{
	const struct pacl_node *node = cover->node;
	unsigned int i = cover->slots;
	uintptr_t slot;

	if (!node)
		return NULL;
	for (;;) {
		do {
			slot = pacl_node_slots(node)[--i];
		} while (pacl_slot_top(slot) < port);
		if (is_last(slot, order))
			return pacl_top_atom(slot);
		node = pacl_to_node(slot);
		i = pacl_node_count(node);
	}
}

static const struct pacl_atom *first_of_walk(uintptr_t slot,
					     enum pacl_order order, u32 port)
{
	unsigned int port_half = order == PACL_BY_PORT ? PACL_PORT_PORT_HALF :
							 PACL_SUBJECT_PORT_HALF;
	const struct pacl_atom *atom;
	struct cover cover = { NULL, 0 };

	while (!is_last(slot, order)) {
		const struct pacl_node *node = pacl_to_node(slot);
		int side = pacl_compare_lo(node, port_half, port);
		unsigned int value, rank;

		if (side) {
			if (side > 0)
				note_cover(&cover, node, pacl_node_count(node),
					   port);
			return last_cover(&cover, order, port);
		}
		value = port >> PACL_STEP_SHIFT(node->step) & 63;
		rank = pacl_node_rank(node, value);
		note_cover(&cover, node, rank, port);
		if (!pacl_node_has(node, value))
			return last_cover(&cover, order, port);
		slot = pacl_node_slots(node)[rank];
	}
	atom = pacl_top_atom(slot);
	return atom && pacl_covers(atom, port) ? atom :
						 last_cover(&cover, order, port);
}

const struct pacl_atom *pacl_trie_cover(uintptr_t root, enum pacl_order order,
					u32 port, const struct pacl_atom *after)
{
	struct cover cover = { NULL, 0 };

	if (!after)
		return first_of_walk(root, order, port);
	while (!is_last(root, order)) {
		const struct pacl_node *node = pacl_to_node(root);
		unsigned int rank;

		rank = pacl_node_rank(node, node_value(node, order, after));
		note_cover(&cover, node, rank, port);
		root = pacl_node_slots(node)[rank];
	}
	return last_cover(&cover, order, port);
}

/* What a slot holds, all of whose atoms begin at or before the port. */
static const struct pacl_atom *cover_of_slot(uintptr_t slot, u32 port)
{
	struct cover cover = { NULL, 0 };

	if (!pacl_is_node(slot))
		return pacl_covers(pacl_to_atom(slot), port) ?
			       pacl_to_atom(slot) : NULL;
	note_cover(&cover, pacl_to_node(slot),
		   pacl_node_count(pacl_to_node(slot)), port);
	return last_cover(&cover, PACL_BY_SUBJECT, port);
}

const struct pacl_atom *pacl_trie_cover_before(uintptr_t root, u32 port,
					       const struct pacl_key *key)
{
	const enum pacl_order order = PACL_BY_SUBJECT;
	const struct pacl_atom *atom = &key->atom;
	const struct pacl_atom *other = nearest(root, order, atom);
	struct cover cover = { NULL, 0 };
	const struct pacl_node *node;
	struct fork fork;

	if (!other)
		return NULL;
	if (!find_fork(atom, other, order, &fork))
		return pacl_trie_cover(root, order, port, other);
	while (pacl_is_node(root) && parts_before(pacl_to_node(root), &fork)) {
		unsigned int rank;

		node = pacl_to_node(root);
		rank = pacl_node_rank(node, node_value(node, order, atom));
		note_cover(&cover, node, rank, port);
		root = pacl_node_slots(node)[rank];
	}
	if (pacl_is_node(root) && parts_at(pacl_to_node(root), &fork)) {
		node = pacl_to_node(root);
		note_cover(&cover, node,
			   pacl_node_rank(node, node_value(node, order, atom)),
			   port);
	} else if (value_at(atom, order, fork.half, fork.shift) >
		   value_at(other, order, fork.half, fork.shift)) {
		other = cover_of_slot(root, port);
		if (other)
			return other;
	}
	return last_cover(&cover, order, port);
}

static void free_rule_of(const struct pacl_atom *atom,
			 const struct pacl_atom *keep)
{
	const struct pacl_atom *head = pacl_atom_head(atom);

	/* The atoms of a rule come in order, so the last one is the last use. */
	if (head != keep && atom->at + 1 == atom->count)
		pacl_free(head);
}

/*
 * Needs neither a stack nor memory: a node that is being freed holds, in place
 * of its first slot, the way back and, in place of its bitmap, how many slots
 * it has and how many of these are done.
 */
void pacl_trie_free(uintptr_t root, const struct pacl_atom *keep, bool rules)
{
	struct pacl_node *parent = NULL, *node;
	uintptr_t slot = root;
	u32 done;

	while (slot || parent) {
		if (slot && pacl_is_node(slot)) {
			node = pacl_to_node(slot);
			slot = pacl_node_slots(node)[0];
			pacl_node_slots(node)[0] = (uintptr_t)parent;
			node->bitmap = (u64)pacl_node_count(node) << 32 | 1;
			parent = node;
			continue;
		}
		if (slot && rules)
			free_rule_of(pacl_to_atom(slot), keep);
		pacl_relax();
		slot = 0;
		if (!parent)
			continue;
		done = (u32)parent->bitmap;
		if (done < parent->bitmap >> 32) {
			slot = pacl_node_slots(parent)[done];
			parent->bitmap++;
		} else {
			node = parent;
			parent = (struct pacl_node *)pacl_node_slots(node)[0];
			pacl_free(node);
		}
	}
}
