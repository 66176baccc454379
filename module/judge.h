/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - from a bind to what becomes of it
 *
 * What all the hooks share: the decision table, the errors of a refusal, and the
 * books. Nothing here sleeps, allocates or takes a lock.
 */

#ifndef PORTACL_JUDGE_H
#define PORTACL_JUDGE_H

#include <linux/cred.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include <linux/user_namespace.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "core/match.h"
#include "report.h"

/**
 * struct portacl_bind - one bind, on its way to a verdict
 * @sk: the socket that a port is for
 * @addr: the address, long enough for its family
 * @family: AF_INET or AF_INET6: that of @addr
 * @protocol: IPPROTO_*: that of the packets, not always that of @sk
 * @flags: BIND_*
 * @port: in host byte order, not 0; that of @addr may be 0 where the transport
 *	  takes one that the socket has
 */
struct portacl_bind {
	const struct sock *sk;
	const void *addr;
	int family;
	int protocol;
	u32 flags;
	u16 port;
};

/**
 * struct portacl_judgement - what becomes of a bind
 * @why: an atom of the rule that decided, NULL when none did
 * @verdict: the verdict
 * @permissive: the verdict is a refusal and not carried out
 * @no_rule: the kernel will refuse: the port is privileged and no rule grants it
 * @capable: the process holds the capability that the kernel asks for; known
 *	     unless the socket or the process is none of the policy's business
 */
struct portacl_judgement {
	const struct pacl_atom *why;
	enum pacl_verdict verdict;
	bool permissive;
	bool no_rule;
	bool capable;
};

/**
 * portacl_decide - lines 1 to 7 of the decision table
 * @policy: the policy, which the caller keeps in force
 * @bind: the bind, by the current task
 * @request: filled unless the verdict is PACL_DEFAULT without no_rule
 *
 * Only reads. In the context of the process that binds, as an RCU-sched reader.
 *
 * Return: the judgement.
 */
struct portacl_judgement portacl_decide(const struct pacl_policy *policy,
					const struct portacl_bind *bind,
					struct pacl_request *request);

/**
 * portacl_account - count a bind, once, and report it where that is due
 * @bind: the bind
 * @judgement: what became of it
 * @request: as portacl_decide() left it
 *
 * In the context of portacl_decide().
 */
void portacl_account(const struct portacl_bind *bind,
		     const struct portacl_judgement *judgement,
		     const struct pacl_request *request);

static inline bool portacl_is_refused(const struct portacl_judgement *judgement)
{
	return pacl_refuses(judgement->verdict) && !judgement->permissive;
}

/*
 * What a refusal makes of an address where no other is refused for sure: of an
 * impossible family, long enough for any.
 */
extern const struct sockaddr_in6 portacl_impossible_address;

DECLARE_PER_CPU(u64[PORTACL_OUTCOMES], portacl_outcomes);

/* Counts an outcome; any context. */
static __always_inline void portacl_count(enum portacl_outcome outcome)
{
	this_cpu_inc(portacl_outcomes[outcome]);
}

/**
 * portacl_bind_count - how many binds had an outcome since the module loaded
 * @outcome: which
 *
 * Return: the sum over all processors, not a snapshot of one moment.
 */
u64 portacl_bind_count(enum portacl_outcome outcome);

/* Below it the kernel asks for the capability. */
static inline u32 portacl_boundary(const struct net *net)
{
	return READ_ONCE(net->ipv4.sysctl_ip_prot_sock);
}

/*
 * The port that an address asks for, or 0 where the kernel refuses the address
 * itself: then it decides, and its error is the one the program sees. The
 * checks and their order are those of inet_bind_sk(), __inet_bind() and
 * inet6_bind_sk(); a program may use the 24-byte form of RFC 2133.
 */
static __always_inline u16 portacl_inet_port(const void *addr, int addr_len)
{
	const struct sockaddr_in *sin = addr;

	if (addr_len < (int)sizeof(*sin))
		return 0;
	if (sin->sin_family != AF_INET &&
	    (sin->sin_family != AF_UNSPEC ||
	     sin->sin_addr.s_addr != htonl(INADDR_ANY)))
		return 0;
	return ntohs(sin->sin_port);
}

static __always_inline u16 portacl_inet6_port(const void *addr, int addr_len)
{
	const struct sockaddr_in6 *sin6 = addr;

	if (addr_len < SIN6_LEN_RFC2133 || sin6->sin6_family != AF_INET6)
		return 0;
	return ntohs(sin6->sin6_port);
}

#endif /* PORTACL_JUDGE_H */
