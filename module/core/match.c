// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl engine - a policy and a request to a verdict
 */

#include "match.h"
#include "trie.h"

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

		side = pacl_compare_lo(node, port_half, port);
		if (side < 0)
			return NULL;
		if (side > 0)
			return top[count - 1] >= port ? pacl_top_atom(slot) : NULL;
		value = port >> PACL_STEP_SHIFT(node->step) & 63;
		rank = pacl_node_rank(node, value);
		if (rank && top[rank - 1] >= port)
			return pacl_top_atom(pacl_node_slots(node)[top_slot[rank - 1]]);
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

static bool is_deny(const struct pacl_atom *atom)
{
	u32 denying = 1U << PACL_PLANE(PACL_DENY, 0, 0) |
		      1U << PACL_PLANE(PACL_DENY, 1, 0);

	return denying >> (atom->plane & ~(PACL_PROTOS - 1U)) & 1;
}

bool pacl_terms_ended(const struct pacl_atom *atom, struct pacl_clock now)
{
	struct pacl_terms *terms = pacl_atom_terms(atom);
	bool wall = now.wall >= terms->until;
	bool boot = now.boot >= terms->deadline;

	if (pacl_load(terms->ended))
		return true;
	if (is_deny(atom) ? !wall || !boot : !wall && !boot)
		return false;
	pacl_store(terms->ended, 1);
	return true;
}

/* Whether all that a socket at an address receives lies inside a prefix. */
static bool contains(const struct pacl_terms *terms, struct pacl_addr addr)
{
	/* Both families, which no prefix holds. */
	if (!addr.hi && !addr.lo)
		return false;
	if (pacl_addr_is_ipv4(addr) != pacl_addr_is_ipv4(terms->prefix))
		return false;
	if (pacl_addr_equal(addr, PACL_ADDR_IPV4(0)))
		return terms->prefix_len == 96;
	return pacl_addr_equal(pacl_addr_cut(addr, terms->prefix_len),
			       terms->prefix);
}

/* Whether any of it does. */
static bool overlaps(const struct pacl_terms *terms, struct pacl_addr addr)
{
	if (!addr.hi && !addr.lo)
		return true;
	if (pacl_addr_equal(addr, PACL_ADDR_IPV4(0)))
		return pacl_addr_is_ipv4(terms->prefix);
	return contains(terms, addr);
}

/* For an atom of a rule with a condition. */
static bool met_by_address(const struct pacl_atom *atom,
			   const struct pacl_request *request)
{
	const struct pacl_terms *terms = pacl_atom_terms(atom);

	return !terms->on || (is_deny(atom) ? overlaps(terms, request->addr) :
					      contains(terms, request->addr));
}

/* Whether the conditions of a rule, if it has any, are met. */
static bool holds(const struct pacl_atom *atom,
		  const struct pacl_request *request)
{
	if (!pacl_plane_conditional(atom->plane))
		return true;
	return met_by_address(atom, request) &&
	       (!pacl_atom_terms(atom)->until ||
		!pacl_terms_ended(atom, request->now));
}

/* The planes of the same rules under a condition. */
static u32 conditional(u32 planes)
{
	return planes << PACL_PLANE(PACL_ALLOW, 1, 0);
}

static bool addr_less(struct pacl_addr a, struct pacl_addr b)
{
	return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
}

/*
 * Goes on behind a rule whose prefix is not met. Rules for the same ports with a
 * prefix of the same length follow each other in the order of their addresses:
 * only one address of them can be met, so that all others are passed over.
 */
static const struct pacl_atom *
skip_prefixes(uintptr_t slot, const struct pacl_atom *atom,
	      const struct pacl_request *request)
{
	const struct pacl_terms *terms = pacl_atom_terms(atom);
	struct pacl_key key = { .atom = *atom, .terms = *terms };
	struct pacl_addr wanted = pacl_addr_cut(request->addr,
						terms->prefix_len);

	/* A deny with any IPv4 prefix is met, the last of them first. */
	if (is_deny(atom) && pacl_addr_equal(request->addr, PACL_ADDR_IPV4(0)))
		wanted = PACL_ADDR_IPV4(U32_MAX);
	key.atom.at = 0;
	key.atom.count = 1;
	if (addr_less(wanted, terms->prefix)) {
		/* On to those with the address, whenever they end. */
		key.terms.prefix = wanted;
		key.terms.until = ~(u64)0;
	} else {
		/* None of those that are left has it. */
		key.terms.prefix = (struct pacl_addr){ 0, 0 };
		key.terms.until = 0;
	}
	return pacl_trie_cover_before(slot, request->port, &key);
}

static const struct pacl_atom *
find_held(uintptr_t slot, const struct pacl_request *request)
{
	const struct pacl_atom *atom;

	atom = pacl_trie_cover(slot, PACL_BY_SUBJECT, request->port, NULL);
	while (atom && !holds(atom, request)) {
		if (met_by_address(atom, request))
			atom = pacl_trie_cover(slot, PACL_BY_SUBJECT,
					       request->port, atom);
		else
			atom = skip_prefixes(slot, atom, request);
	}
	return atom;
}

/* pacl_find() among the rules that hold on a condition. */
static pacl_noinline const struct pacl_atom *
find_conditional(uintptr_t slot, u32 id, u32 planes,
		 const struct pacl_request *request)
{
	const struct pacl_atom *atom = NULL;
	const struct pacl_node *node;
	u64 left;

	slot = pacl_find_id(slot, id);
	if (!pacl_is_node(slot)) {
		atom = pacl_to_atom(slot);
		return atom && atom->id == id && planes >> atom->plane & 1 ?
		       find_held(slot, request) : NULL;
	}
	node = pacl_to_node(slot);
	if (node->id != id)
		return NULL;
	if (node->half > PACL_SUBJECT_PLANE_HALF)
		return planes >> PACL_STEP_PLANE(node->step) & 1 ?
		       find_held(slot, request) : NULL;
	for (left = node->bitmap & planes; left && !atom; left &= left - 1) {
		unsigned int rank = pacl_node_rank(node, pacl_ctz64(left));

		atom = find_held(pacl_node_slots(node)[rank], request);
	}
	return atom;
}

/* A rule of one subject, be it on a condition that is met. */
static const struct pacl_atom *
find_subject(const struct pacl_policy *policy, uintptr_t slot, u32 id,
	     u32 planes, const struct pacl_request *request)
{
	const struct pacl_atom *atom;

	atom = pacl_find(slot, id, planes, request->port);
	if (!atom && policy->conditional_count)
		atom = find_conditional(slot, id, conditional(planes), request);
	return atom;
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

static bool applies_to_group(const struct pacl_atom *atom, u32 planes,
			     const struct pacl_request *request)
{
	return planes >> atom->plane & 1 && in_group(request, atom->id) &&
	       holds(atom, request);
}

/*
 * Tests the rules that cover the port against the process's groups or, when
 * there are more of these rules than groups, the other way round.
 */
static pacl_noinline const struct pacl_atom *
walk_groups(const struct pacl_policy *policy,
	    const struct pacl_request *request, u32 planes)
{
	const struct pacl_atom *atom = NULL;
	uintptr_t groups = policy->subject[PACL_GROUP];
	u32 both = planes | conditional(planes);
	u32 i;

	for (i = 0; i <= request->group_count + 1; i++) {
		atom = pacl_trie_cover(policy->group_ports, PACL_BY_PORT,
				       request->port, atom);
		if (!atom || applies_to_group(atom, both, request))
			return atom;
	}
	atom = find_subject(policy, groups, request->gid, planes, request);
	for (i = 0; i < request->group_count && !atom; i++)
		atom = find_subject(policy, groups, request->groups[i], planes,
				    request);
	return atom;
}

static const struct pacl_atom *
find_group(const struct pacl_policy *policy, const struct pacl_request *request,
	   u32 planes)
{
	const struct pacl_atom *atom;

	/* Most ports are in the rules of one group only. */
	atom = stab(policy->group_ports, PACL_PORT_PORT_HALF, request->port);
	if (!atom || applies_to_group(atom, planes, request))
		return atom;
	return walk_groups(policy, request, planes);
}

static const struct pacl_atom *
find_each(const struct pacl_policy *policy, const struct pacl_request *request,
	  u32 planes)
{
	const struct pacl_atom *atom = NULL;

	while ((atom = pacl_trie_cover(policy->each_ports, PACL_BY_PORT,
				       request->port, atom))) {
		u32 nth = ((u32)request->port - atom->lo) /
			  pacl_atom_terms(atom)->each;

		if (planes >> atom->plane & 1 && request->uid >= atom->id &&
		    request->uid - atom->id == nth)
			break;
	}
	return atom;
}

/* A rule of an action that applies. */
static const struct pacl_atom *
find_rule(const struct pacl_policy *policy, const struct pacl_request *request,
	  unsigned int action)
{
	const u32 planes = pacl_planes(action, request->proto);
	const struct pacl_atom *atom = NULL;

	/* What pacl_match_user() has found nothing of may be conditional. */
	if (policy->users &&
	    (policy->quick != policy->users || policy->conditional_count))
		atom = find_subject(policy,
				    policy->users[request->uid % PACL_USER_SLOTS],
				    request->uid, planes, request);
	if (!atom)
		atom = find_subject(policy, policy->subject[PACL_ANY], 0, planes,
				    request);
	if (!atom && policy->group_ports)
		atom = find_group(policy, request, planes);
	if (!atom && policy->each_ports && action == PACL_ALLOW)
		atom = find_each(policy, request, planes);
	return atom;
}

struct pacl_decision pacl_match_others(const struct pacl_policy *policy,
				       const struct pacl_request *request)
{
	struct pacl_decision decision = { NULL, PACL_DEFAULT };

	if (policy->mode == PACL_MODE_OFF)
		return decision;
	if (policy->deny_count) {
		decision.why = find_rule(policy, request, PACL_DENY);
		if (decision.why) {
			decision.verdict = PACL_DENIED;
			return decision;
		}
	}
	decision.why = find_rule(policy, request, PACL_ALLOW);
	if (decision.why) {
		if (policy->closing)
			decision.why = NULL;
		else
			decision.verdict = PACL_GRANT;
		return decision;
	}
	if (policy->reserve_count)
		decision.why = pacl_find(policy->subject[PACL_NOBODY], 0,
					 pacl_planes(PACL_RESERVE, request->proto),
					 request->port);
	if (decision.why)
		decision.verdict = PACL_RESERVED;
	else if (policy->strict && request->privileged)
		decision.verdict = PACL_STRICT;
	return decision;
}
