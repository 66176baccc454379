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
 * Return: false when pacl_match() would find no rule, whoever asks.
 */
static inline bool pacl_governed(const struct pacl_policy *policy, u16 port)
{
	return pacl_test_bit(policy->governed, port);
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

/* The planes that hold unconditional rules of an action for a protocol. */
static pacl_always_inline u32 pacl_planes(unsigned int action,
					  unsigned int proto)
{
	return 1U << PACL_PLANE(action, 0, PACL_PROTO_ANY) |
	       1U << PACL_PLANE(action, 0, proto);
}

/**
 * pacl_match_user - decide one bind by the rules for its user, if they do
 * @policy: the policy
 * @uid: effective uid
 * @planes: pacl_planes() of PACL_ALLOW and the bind's protocol
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
	return pacl_find(policy->quick[uid % PACL_USER_SLOTS], uid, planes,
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
 * Takes no lock, allocates nothing; any context. Changes nothing but that it
 * notes the end of a rule that has ended. The cost does not depend on the number
 * of rules but for the depth of a trie, and for the rules with a prefix or an
 * end that one subject has for the port, which are tried one after the other.
 *
 * The verdict is that of mode enforce, also in mode permissive. Whether the
 * bind is to be judged at all (scope, who binds) is for the caller to say.
 *
 * Return: the verdict.
 */
static inline enum pacl_verdict pacl_match(const struct pacl_policy *policy,
					   const struct pacl_request *request,
					   const struct pacl_atom **why)
{
	struct pacl_decision decision = { NULL, PACL_DEFAULT };

	*why = NULL;
	if (!request->port)
		return PACL_DEFAULT;
	if (pacl_governed(policy, request->port)) {
		*why = pacl_match_user(policy, request->uid,
				       pacl_planes(PACL_ALLOW, request->proto),
				       request->port);
		if (*why)
			return PACL_GRANT;
	} else if (!policy->strict || !request->privileged) {
		return PACL_DEFAULT;
	}
	decision = pacl_match_others(policy, request);
	*why = decision.why;
	return decision.verdict;
}

/**
 * pacl_terms_ended - whether a rule that ends has ended
 * @atom: an atom of the rule, which has an end
 * @now: the time
 *
 * An allow ends when the first of the two clocks says so, a deny when both do.
 * A rule that has ended stays so.
 */
bool pacl_terms_ended(const struct pacl_atom *atom, struct pacl_clock now);

#ifdef __cplusplus
}
#endif

#endif /* PACL_MATCH_H */
