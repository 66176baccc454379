// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl engine - a policy and a request to a verdict
 */

#include "match.h"
#include "trie.h"

/* Nodes above PACL_PORT_ALIKE_HALF on one way down: three for each half. */
#define MAX_FRAMES	(3 * PACL_PORT_ALIKE_HALF)

/* The atom with the greatest last port below a slot. */
static const struct pacl_atom *top_atom(uintptr_t slot)
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
static int compare_lo(const struct pacl_node *node, unsigned int port_half,
		      u32 port)
{
	unsigned int above;

	if (node->half > port_half)
		return port < node->lo ? -1 : 1;
	above = pacl_node_above(node);
	return (int)(port >> above) - (int)((u32)node->lo >> above);
}

/*
 * An atom that covers a port: of one plane of one subject, or of a whole trie
 * by port, as @port_half says.
 */
static pacl_always_inline const struct pacl_atom *
stab(uintptr_t slot, unsigned int port_half, u32 port)
{
	while (pacl_is_node(slot)) {
		const struct pacl_node *node = pacl_to_node(slot);
		unsigned int count = pacl_node_count(node);
		const u8 *top_slot = pacl_node_top_slot(node, count);
		const u16 *top = pacl_node_top(node, count);
		unsigned int value, rank;
		int side;

		side = compare_lo(node, port_half, port);
		if (side < 0)
			return NULL;
		if (side > 0)
			return top[count - 1] >= port ? top_atom(slot) : NULL;
		value = port >> PACL_STEP_SHIFT(node->step) & 63;
		rank = pacl_node_rank(node, value);
		if (rank && top[rank - 1] >= port)
			return top_atom(pacl_node_slots(node)[top_slot[rank - 1]]);
		if (!pacl_node_has(node, value))
			return NULL;
		slot = pacl_node_slots(node)[rank];
	}
	return pacl_covers(pacl_to_atom(slot), port) ? pacl_to_atom(slot) : NULL;
}

const struct pacl_atom *pacl_find_below(uintptr_t slot, u32 id, u32 planes,
					u32 port)
{
	const struct pacl_node *node = pacl_to_node(slot);
	const struct pacl_atom *atom = NULL;
	u64 left;

	if (node->id != id)
		return NULL;
	if (node->half > PACL_SUBJECT_PLANE_HALF)
		return planes >> PACL_STEP_PLANE(node->step) & 1 ?
		       stab(slot, PACL_SUBJECT_PORT_HALF, port) : NULL;
	for (left = node->bitmap & planes; left && !atom; left &= left - 1) {
		unsigned int rank = pacl_node_rank(node, pacl_ctz64(left));

		atom = stab(pacl_node_slots(node)[rank],
			    PACL_SUBJECT_PORT_HALF, port);
	}
	return atom;
}

/* Where a walk over the atoms that cover a port stands in one node. */
struct frame {
	const struct pacl_node *node;
	const u16 *top;
	int next;
};

/* A walk over the atoms of a trie by port that cover a port. */
struct walk {
	struct frame frame[MAX_FRAMES];
	int depth;
	u32 port;
};

static void walk_into(struct walk *w, const struct pacl_node *node)
{
	struct frame *f = &w->frame[w->depth++];
	unsigned int count = pacl_node_count(node);
	unsigned int value;
	int side = compare_lo(node, PACL_PORT_PORT_HALF, w->port);

	f->node = node;
	f->top = pacl_node_top(node, count);
	if (side < 0) {
		f->next = -1;
	} else if (side > 0) {
		f->next = (int)count - 1;
	} else {
		value = w->port >> PACL_STEP_SHIFT(node->step) & 63;
		f->next = (int)(pacl_node_rank(node, value) +
				pacl_node_has(node, value)) - 1;
	}
}

static const struct pacl_atom *walk_next(struct walk *w)
{
	while (w->depth) {
		struct frame *f = &w->frame[w->depth - 1];
		const struct pacl_atom *atom;
		uintptr_t slot;

		if (f->next < 0 || f->top[f->next] < w->port) {
			w->depth--;
			continue;
		}
		slot = pacl_node_slots(f->node)[f->next--];
		if (pacl_is_node(slot) &&
		    pacl_to_node(slot)->half < PACL_PORT_ALIKE_HALF) {
			walk_into(w, pacl_to_node(slot));
			continue;
		}
		atom = top_atom(slot);
		if (pacl_covers(atom, w->port))
			return atom;
	}
	return NULL;
}

/* Begins a walk; the caller has seen that the trie is not empty. */
static const struct pacl_atom *walk_first(struct walk *w, uintptr_t root,
					  u32 port)
{
	const struct pacl_atom *atom;

	w->depth = 0;
	w->port = port;
	if (pacl_is_node(root) &&
	    pacl_to_node(root)->half < PACL_PORT_ALIKE_HALF) {
		walk_into(w, pacl_to_node(root));
		return walk_next(w);
	}
	atom = top_atom(root);
	return pacl_covers(atom, port) ? atom : NULL;
}

static bool in_group(const struct pacl_request *request, u32 gid)
{
	u32 lo = 0, hi = request->group_count;

	if (gid == request->gid)
		return true;
	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (request->groups[mid] == gid)
			return true;
		if (request->groups[mid] < gid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/*
 * Tests the rules that cover the port against the process's groups or, when
 * there are more of these rules than groups, the other way round.
 */
static pacl_noinline const struct pacl_atom *
walk_groups(const struct pacl_policy *policy,
	    const struct pacl_request *request, u32 planes)
{
	const struct pacl_atom *atom;
	struct walk w pacl_uninitialized;
	u32 tries = 0;
	u32 i;

	for (atom = walk_first(&w, policy->group_ports, request->port); atom;
	     atom = walk_next(&w)) {
		if (planes >> atom->plane & 1 && in_group(request, atom->id))
			return atom;
		if (tries++ > request->group_count)
			break;
	}
	if (!atom)
		return NULL;
	atom = pacl_find(policy->subject[PACL_GROUP], request->gid, planes,
			 request->port);
	for (i = 0; i < request->group_count && !atom; i++)
		atom = pacl_find(policy->subject[PACL_GROUP],
				 request->groups[i], planes, request->port);
	return atom;
}

static const struct pacl_atom *
find_group(const struct pacl_policy *policy, const struct pacl_request *request,
	   u32 planes)
{
	const struct pacl_atom *atom;

	/* Most ports are in the rules of one group only. */
	atom = stab(policy->group_ports, PACL_PORT_PORT_HALF, request->port);
	if (!atom || (planes >> atom->plane & 1 && in_group(request, atom->id)))
		return atom;
	return walk_groups(policy, request, planes);
}

static pacl_noinline const struct pacl_atom *
find_each(const struct pacl_policy *policy, const struct pacl_request *request,
	  u32 planes)
{
	const struct pacl_atom *atom;
	struct walk w pacl_uninitialized;

	for (atom = walk_first(&w, policy->each_ports, request->port); atom;
	     atom = walk_next(&w)) {
		u32 nth = ((u32)request->port - atom->lo) / atom->each;

		if (planes >> atom->plane & 1 && request->uid >= atom->id &&
		    request->uid - atom->id == nth)
			return atom;
	}
	return NULL;
}

struct pacl_decision pacl_match_others(const struct pacl_policy *policy,
				       const struct pacl_request *request)
{
	const u32 planes = pacl_allow_planes(request->proto);
	const struct pacl_atom *atom;

	if (policy->mode == PACL_MODE_OFF)
		return (struct pacl_decision){ NULL, PACL_DEFAULT };
	atom = pacl_find(policy->subject[PACL_ANY], 0, planes, request->port);
	if (!atom && policy->group_ports)
		atom = find_group(policy, request, planes);
	if (!atom && policy->each_ports)
		atom = find_each(policy, request, planes);
	return (struct pacl_decision){
		atom, atom ? PACL_GRANT : PACL_DEFAULT,
	};
}
