// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - from a bind to what becomes of it
 */

#include <linux/capability.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <net/inet_common.h>
#include <net/mptcp.h>

#include "hits.h"
#include "judge.h"
#include "ruleset.h"

/* The engine reads a process's groups in place. */
static_assert(sizeof(kgid_t) == sizeof(u32));

DEFINE_PER_CPU(u64[PORTACL_OUTCOMES], portacl_outcomes);

u64 portacl_bind_count(enum portacl_outcome outcome)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(portacl_outcomes, cpu)[outcome];
	return sum;
}

/* The address beside a port that is not 0. */
static struct pacl_addr local_addr(int family, const void *addr)
{
	const struct sockaddr_in6 *sin6 = addr;
	const struct sockaddr_in *sin = addr;

	if (family == AF_INET)
		return PACL_ADDR_IPV4(ntohl(sin->sin_addr.s_addr));
	return (struct pacl_addr){
		.hi = (u64)ntohl(sin6->sin6_addr.s6_addr32[0]) << 32 |
		      ntohl(sin6->sin6_addr.s6_addr32[1]),
		.lo = (u64)ntohl(sin6->sin6_addr.s6_addr32[2]) << 32 |
		      ntohl(sin6->sin6_addr.s6_addr32[3]),
	};
}

/*
 * Which port space a socket takes its number from; PACL_PROTOS for none. Ping
 * and raw sockets come here, too: what they carry in the field is no port.
 */
static unsigned int port_space(const struct portacl_bind *bind)
{
	if (bind->sk->sk_type == SOCK_RAW)
		return PACL_PROTOS;
	switch (bind->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_MPTCP:
		return PACL_PROTO_TCP;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return PACL_PROTO_UDP;
	case IPPROTO_SCTP:
		return PACL_PROTO_SCTP;
	case IPPROTO_DCCP:
		return PACL_PROTO_ANY;
	default:
		return PACL_PROTOS;
	}
}

/*
 * Whether a process holds a capability over a user namespace, by the rules of
 * cap_capable(). Not ns_capable(): that marks the process as having used
 * privilege and may leave an audit record, and the kernel will ask itself.
 */
static __always_inline bool holds(const struct cred *cred,
				  const struct user_namespace *ns, int cap)
{
	for (;;) {
		if (likely(ns == cred->user_ns))
			return cap_raised(cred->cap_effective, cap);
		if (ns->level <= cred->user_ns->level)
			return false;
		/* Who made a namespace holds everything over it. */
		if (ns->parent == cred->user_ns &&
		    uid_eq(ns->owner, cred->euid))
			return true;
		ns = ns->parent;
	}
}

/*
 * A socket that the kernel has made, as no program holds it, and binds as part of
 * a mount or of the set-up of a device or server, for a process that may do so.
 * MPTCP, SMC and RXRPC make such sockets for programs: MPTCP's are marked, and of
 * the others those of ordinary users are judged here, those of administrators by
 * the first line.
 */
static bool is_for_kernel(const struct sock *sk, const struct cred *cred)
{
	const struct user_namespace *ns = sock_net(sk)->user_ns;

	if (likely(!sk->sk_socket || sk->sk_socket->file) ||
	    (sk->sk_protocol == IPPROTO_TCP && sk_is_mptcp(sk)))
		return false;
	return holds(cred, ns, CAP_NET_ADMIN) || holds(cred, ns, CAP_SYS_ADMIN);
}

static bool in_scope(const struct pacl_policy *policy, const struct net *net)
{
	return net_eq(net, &init_net) || policy->scope == PACL_SCOPE_ALL;
}

static void describe(struct pacl_request *request,
		     const struct pacl_policy *policy, const struct portacl_bind *bind,
		     const struct cred *cred, unsigned int proto)
{
	const struct group_info *groups = cred->group_info;

	/* In place: a process may be in 65536 groups. */
	request->groups = (const u32 *)groups->gid;
	request->group_count = groups->ngroups;
	request->uid = __kuid_val(cred->euid);
	request->gid = __kgid_val(cred->egid);
	request->addr = local_addr(bind->family, bind->addr);
	if (policy->timed_count)
		request->now = portacl_clock_now();
	request->port = bind->port;
	request->proto = proto;
	request->privileged = bind->port < portacl_boundary(sock_net(bind->sk));
}

/* The kernel answers EINVAL to a stream that would be multicast. */
static bool is_refused_anyway(const struct portacl_bind *bind)
{
	const struct sockaddr_in6 *sin6 = bind->addr;

	return bind->family == AF_INET6 && bind->sk->sk_type == SOCK_STREAM &&
	       ipv6_addr_is_multicast(&sin6->sin6_addr);
}

struct portacl_judgement portacl_decide(const struct pacl_policy *policy,
					const struct portacl_bind *bind,
					struct pacl_request *request)
{
	struct portacl_judgement judgement = {};
	const struct net *net = sock_net(bind->sk);
	const struct cred *cred = current_cred();
	unsigned int proto = port_space(bind);

	if (proto == PACL_PROTOS || is_refused_anyway(bind) ||
	    policy->mode == PACL_MODE_OFF ||
	    !in_scope(policy, net) || current->flags & PF_KTHREAD ||
	    bind->flags & BIND_FROM_BPF)
		return judgement;
	judgement.capable = holds(cred, net->user_ns, CAP_NET_BIND_SERVICE);
	if (judgement.capable && !policy->strict)
		return judgement;
	describe(request, policy, bind, cred, proto);
	judgement.verdict = pacl_match(policy, request, &judgement.why);
	if (pacl_refuses(judgement.verdict) && is_for_kernel(bind->sk, cred))
		return (struct portacl_judgement){
			.capable = judgement.capable,
		};
	judgement.permissive = pacl_refuses(judgement.verdict) &&
			       policy->mode == PACL_MODE_PERMISSIVE;
	judgement.no_rule = judgement.verdict == PACL_DEFAULT &&
			    request->privileged && !judgement.capable &&
			    !(bind->flags & BIND_NO_CAP_NET_BIND_SERVICE);
	return judgement;
}

static void report(const struct portacl_bind *bind,
		   const struct portacl_judgement *judgement,
		   const struct pacl_request *request)
{
	const struct portacl_event event = {
		.request = request,
		.why = judgement->why,
		.verdict = judgement->verdict,
		.permissive = judgement->permissive,
		.family = bind->family,
		.protocol = bind->protocol,
	};

	portacl_report_bind(&event);
}

void portacl_account(const struct portacl_bind *bind,
		     const struct portacl_judgement *judgement,
		     const struct pacl_request *request)
{
	static const u8 outcome_of[PACL_VERDICTS] = {
		[PACL_DEFAULT] = PORTACL_PASSED,
		[PACL_GRANT] = PORTACL_GRANTED,
		[PACL_DENIED] = PORTACL_DENIED_RULE,
		[PACL_RESERVED] = PORTACL_DENIED_RESERVED,
		[PACL_STRICT] = PORTACL_DENIED_STRICT,
	};

	if (judgement->permissive) {
		portacl_count(PORTACL_PASSED);
		portacl_count(PORTACL_PERMISSIVE);
	} else {
		portacl_count(outcome_of[judgement->verdict]);
	}
	if (judgement->no_rule)
		portacl_count(PORTACL_NO_RULE);
	if (judgement->why)
		portacl_hit(judgement->why);
	if (pacl_refuses(judgement->verdict) || judgement->no_rule ||
	    (judgement->verdict == PACL_GRANT && portacl_report_wanted()))
		report(bind, judgement, request);
}

const struct sockaddr_in6 portacl_impossible_address = {
	.sin6_family = AF_MAX,
};
