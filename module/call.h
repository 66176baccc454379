/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - the judgement of one call of __inet_bind() or __inet6_bind()
 *
 * Shared by the module, which sees the arguments in registers, and by what is
 * built in, which is given them. Whoever includes this has defined
 * struct portacl_call and, as static functions of no cost:
 *
 *     const struct sock *call_sk(const struct portacl_call *call)
 *     const void *call_addr(const struct portacl_call *call)
 *     u32 call_flags(const struct portacl_call *call)
 *     void call_grant(struct portacl_call *call)
 *	   the kernel is not to ask for the capability
 *     void call_refuse(struct portacl_call *call, int family, bool capable)
 *	   the bind is to fail with EACCES; @capable as in struct portacl_judgement
 *
 * All of it is for the context of the process that binds, and does not sleep.
 */

#ifndef PORTACL_CALL_H
#define PORTACL_CALL_H

#include <linux/cred.h>
#include <linux/in.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <net/inet_common.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "core/match.h"
#include "hits.h"
#include "judge.h"
#include "ruleset.h"

/* Judges any bind of a governed or privileged port. */
static noinline void judge_fully(const struct pacl_policy *policy,
				 struct portacl_call *call, u16 port, int family)
{
	const struct sock *sk = call_sk(call);
	const struct portacl_bind bind = {
		.sk = sk,
		.addr = call_addr(call),
		.family = family,
		.protocol = sk->sk_protocol,
		.flags = call_flags(call),
		.port = port,
	};
	struct pacl_request request pacl_uninitialized;
	struct portacl_judgement judgement;

	judgement = portacl_decide(policy, &bind, &request);
	if (judgement.verdict == PACL_GRANT)
		call_grant(call);
	else if (portacl_is_refused(&judgement))
		call_refuse(call, family, judgement.capable);
	portacl_account(&bind, &judgement, &request);
}

static noinline void judge_fully_and_end(const struct pacl_policy *policy,
					 struct portacl_call *call, u16 port,
					 int family)
	__releases(RCU_SCHED)
{
	judge_fully(policy, call, port, family);
	rcu_read_unlock_sched_notrace();
}

static noinline void hit_and_end(const struct pacl_atom *why)
	__releases(RCU_SCHED)
{
	portacl_hit(why);
	rcu_read_unlock_sched_notrace();
}

static __always_inline void grant_and_end(struct portacl_call *call,
					  const struct pacl_atom *why)
	__releases(RCU_SCHED)
{
	call_grant(call);
	portacl_count(PORTACL_GRANTED);
	if (unlikely(!portacl_hit_quick(why)))
		return hit_and_end(why);
	rcu_read_unlock_sched_notrace();
}

/* What a TCP bind of an ordinary user needs, by pacl_match_user(). */
static __always_inline u32 user_planes(void)
{
	return pacl_planes(PACL_ALLOW, PACL_PROTO_TCP);
}

/*
 * The rules for the user that binds a TCP port, where one of them would decide;
 * 0 when judge_fully() must.
 */
static __always_inline uintptr_t user_rules(const struct pacl_policy *policy,
					    const struct portacl_call *call)
{
	const struct cred *cred = current_cred();
	const struct sock *sk = call_sk(call);
	u32 uid = __kuid_val(cred->euid);

	if (sk->sk_protocol != IPPROTO_TCP ||
	    !net_eq(sock_net(sk), &init_net) ||
	    current->flags & PF_KTHREAD || call_flags(call) & BIND_FROM_BPF ||
	    cap_raised(cred->cap_effective, CAP_NET_BIND_SERVICE) ||
	    portacl_report_wanted())
		return 0;
	return pacl_find_id(policy->quick[uid % PACL_USER_SLOTS], uid);
}

static noinline void judge_several(const struct pacl_policy *policy,
				   struct portacl_call *call, u16 port, int family,
				   uintptr_t rules)
	__releases(RCU_SCHED)
{
	const struct pacl_atom *why;

	why = pacl_find_below(rules, __kuid_val(current_euid()), user_planes(),
			      port);
	if (why)
		grant_and_end(call, why);
	else
		judge_fully_and_end(policy, call, port, family);
}

/*
 * Judges a bind of a governed port, and ends the reader's section. Like judge()
 * it calls only what it need not return from.
 */
static __always_inline void judge_governed(const struct pacl_policy *policy,
					   struct portacl_call *call, u16 port,
					   int family)
	__releases(RCU_SCHED)
{
	uintptr_t rules = user_rules(policy, call);

	if (rules & PACL_OTHER_NODE)
		return judge_several(policy, call, port, family, rules);
	if (unlikely(!rules ||
		     !pacl_applies(pacl_to_atom(rules),
				   __kuid_val(current_euid()), user_planes(),
				   port)))
		return judge_fully_and_end(policy, call, port, family);
	grant_and_end(call, pacl_to_atom(rules));
}

/* One for each family, which then takes no register. */
static noinline void judge_governed_inet(const struct pacl_policy *policy,
					 struct portacl_call *call, u16 port)
	__releases(RCU_SCHED)
{
	judge_governed(policy, call, port, AF_INET);
}

static noinline void judge_governed_inet6(const struct pacl_policy *policy,
					  struct portacl_call *call, u16 port)
	__releases(RCU_SCHED)
{
	judge_governed(policy, call, port, AF_INET6);
}

/*
 * Reads the policy once: all of a bind is judged by the same one. Since all
 * flavours of RCU are one, running without preemption is a reader, too, and
 * costs a third of rcu_read_lock() on a preemptible kernel. What most binds do
 * calls nothing, so that no register needs to be saved for it.
 */
static __always_inline void judge(struct portacl_call *call, u16 port, int family)
{
	const struct pacl_policy *policy;

	rcu_read_lock_sched_notrace();
	policy = rcu_dereference_sched(portacl_policy);
	if (unlikely(pacl_governed(policy, port)))
		return family == AF_INET ?
			       judge_governed_inet(policy, call, port) :
			       judge_governed_inet6(policy, call, port);
	if (unlikely(port < portacl_boundary(sock_net(call_sk(call)))) && port)
		return judge_fully_and_end(policy, call, port, family);
	portacl_count(PORTACL_PASSED);
	rcu_read_unlock_sched_notrace();
}

#endif /* PORTACL_CALL_H */
