// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - what the first line refuses
 *
 * Sees the socket and the address of the program before anything else has. What
 * is not refused here goes on to the judgement and is counted there.
 */

#include <linux/bpf-cgroup.h>
#include <linux/in.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/rxrpc.h>
#include <linux/sched.h>
#include <net/sock.h>

#include "first_line.h"
#include "judge.h"
#include "ruleset.h"

/*
 * A program of a cgroup may still change the address, to one that is granted:
 * the judgement sees it then.
 */
static bool may_be_rewritten(int family)
{
#ifdef CONFIG_CGROUP_BPF
	return family == AF_INET ? cgroup_bpf_enabled(CGROUP_INET4_BIND) :
				   cgroup_bpf_enabled(CGROUP_INET6_BIND);
#else
	return false;
#endif
}

/* SMC takes a TCP port; of which family, its protocol says (net/smc/smc.h). */
static void see_smc(struct portacl_bind *bind)
{
	bind->family = bind->sk->sk_protocol == 1 ? AF_INET6 : AF_INET;
	bind->protocol = IPPROTO_TCP;
}

/*
 * RXRPC takes a UDP port, whose address stands inside its own. The checks are
 * those of rxrpc_validate_address(): what they refuse is left to them, but for
 * an IPv6 address on a socket of IPv4, which does not show its family.
 */
static void see_rxrpc(struct portacl_bind *bind, int *len)
{
	const struct sockaddr_rxrpc *srx = bind->addr;
	int room = *len - (int)offsetof(struct sockaddr_rxrpc, transport);

	bind->protocol = IPPROTO_UDP;
	*len = 0;
	if (room < (int)sizeof(srx->transport) || srx->srx_family != AF_RXRPC ||
	    srx->transport_type != SOCK_DGRAM || srx->transport_len > room)
		return;
	bind->addr = &srx->transport;
	bind->family = srx->transport.family;
	if (bind->family != AF_INET6 ||
	    srx->transport_len >= sizeof(struct sockaddr_in6))
		*len = srx->transport_len;
}

/*
 * What a program asks for; a port of 0 where it asks for none. The socket is not
 * locked and may change its family meanwhile (IPV6_ADDRFORM): the address is
 * read as the one or the other, never beyond the length for it.
 */
static struct portacl_bind see(const struct sock *sk, const void *addr, int len)
{
	struct portacl_bind bind = {
		.sk = sk,
		.addr = addr,
		.family = READ_ONCE(sk->sk_family),
		.protocol = sk->sk_protocol,
	};

	if (bind.family == AF_SMC)
		see_smc(&bind);
	else if (bind.family == AF_RXRPC)
		see_rxrpc(&bind, &len);
	if (bind.protocol == IPPROTO_SMC)
		bind.protocol = IPPROTO_TCP;
	/* It accepts other addresses, and its judgement needs no help. */
	if (bind.protocol == IPPROTO_SCTP)
		return bind;
	if (bind.family == AF_INET)
		bind.port = portacl_inet_port(bind.addr, len);
	else if (bind.family == AF_INET6)
		bind.port = portacl_inet6_port(bind.addr, len);
	return bind;
}

/*
 * Whether the port is for a socket that the kernel makes inside that of the
 * program. For some processes it is refused here or nowhere.
 */
static bool is_inside_another(const struct portacl_bind *bind)
{
	return bind->protocol != bind->sk->sk_protocol;
}

bool portacl_first_line_refuses(const struct socket *sock, const void *addr,
				int len)
{
	struct portacl_bind bind = see(sock->sk, addr, len);
	struct pacl_request request pacl_uninitialized;
	struct portacl_judgement judgement = {};
	const struct pacl_policy *policy;
	bool refused;

	if (!bind.port ||
	    (!is_inside_another(&bind) && may_be_rewritten(bind.family)))
		return false;
	rcu_read_lock_sched_notrace();
	policy = rcu_dereference_sched(portacl_policy);
	if (pacl_policy_refuses(policy) &&
	    (policy->strict || pacl_governed(policy, bind.port)))
		judgement = portacl_decide(policy, &bind, &request);
	refused = portacl_is_refused(&judgement);
	if (refused)
		portacl_account(&bind, &judgement, &request);
	rcu_read_unlock_sched_notrace();
	return refused;
}
