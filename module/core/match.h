/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl engine - a policy and a request to a verdict
 */

#ifndef PACL_MATCH_H
#define PACL_MATCH_H

#include "policy.h"
#include "trie.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * pacl_governed - whether a rule may name a port
 * @policy: the policy
 * @port: the port in host byte order
 *
 * Any context; the few instructions that most binds cost.
 *
 * Return: false when pacl_match() would find nothing, whoever asks.
 */
static inline bool pacl_governed(const struct pacl_policy *policy, u16 port)
{
	return policy->governed && policy->governed[port / 64] >> (port & 63) & 1;
}

/**
 * struct pacl_decision - what the engine says of a bind
 * @why: an atom of the rule that decided, NULL when none did
 * @verdict: the verdict
 *
 * Small enough to be returned in registers.
 */
struct pacl_decision {
	const struct pacl_atom *why;
	enum pacl_verdict verdict;
};

/* The allowing planes that hold rules for a protocol. */
static pacl_always_inline u32 pacl_allow_planes(unsigned int proto)
{
	return 1U << PACL_PLANE(PACL_ALLOW, PACL_PROTO_ANY) |
	       1U << PACL_PLANE(PACL_ALLOW, proto);
}

/**
 * pacl_match_user - decide one bind by the rules for its user, if they do
 * @policy: the policy
 * @uid: effective uid
 * @planes: pacl_allow_planes() of the bind's protocol
 * @port: the port in host byte order, for which pacl_governed() is true
 *
 * The way most granted binds take: inline, without memory for a request.
 *
 * Return: an atom of the rule that grants the bind; NULL when
 * pacl_match_others() must decide.
 */
static pacl_always_inline const struct pacl_atom *
pacl_match_user(const struct pacl_policy *policy, u32 uid, u32 planes, u16 port)
{
	if (!policy->users || policy->mode == PACL_MODE_OFF)
		return NULL;
	return pacl_find(policy->users[uid % PACL_USER_SLOTS], uid, planes,
			 port);
}

/**
 * pacl_match_others - decide one bind that pacl_match_user() did not
 * @policy: the policy
 * @request: the bind
 *
 * Return: the decision.
 */
struct pacl_decision pacl_match_others(const struct pacl_policy *policy,
				       const struct pacl_request *request);

/**
 * pacl_match - decide one bind
 * @policy: the policy
 * @request: the bind
 * @why: set to an atom of the rule that decided, or to NULL
 *
 * Pure: takes no lock, allocates nothing, changes nothing; any context. The
 * cost does not depend on the number of rules but for the depth of a trie.
 *
 * Return: the verdict.
 */
static inline enum pacl_verdict pacl_match(const struct pacl_policy *policy,
					   const struct pacl_request *request,
					   const struct pacl_atom **why)
{
	struct pacl_decision decision;

	*why = NULL;
	if (!pacl_governed(policy, request->port))
		return PACL_DEFAULT;
	*why = pacl_match_user(policy, request->uid,
			       pacl_allow_planes(request->proto),
			       request->port);
	if (*why)
		return PACL_GRANT;
	decision = pacl_match_others(policy, request);
	*why = decision.why;
	return decision.verdict;
}

#ifdef __cplusplus
}
#endif

#endif /* PACL_MATCH_H */
