// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - the judgement of one bind
 *
 * __inet_bind() and __inet6_bind() are where the kernel itself asks whether a
 * port is privileged: with the final address, which a cgroup BPF program may
 * have rewritten, and for every transport that takes its port there. Their
 * argument flags can say that the question was answered.
 */

#include <linux/cred.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/net.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/user_namespace.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#ifndef PORTACL_HAVE_INET6_BIND
#include <net/ipv6_stubs.h>
#endif

#include "bind.h"
#include "core/match.h"
#include "ruleset.h"

/* The handlers take the arguments from registers: their types must be these. */
static_assert(__same_type(__inet_bind, int (struct sock *,
					    struct sockaddr_unsized *, int,
					    u32)));
#ifdef PORTACL_HAVE_INET6_BIND
static_assert(__same_type(__inet6_bind, __inet_bind));
#else
static_assert(__same_type(*((struct ipv6_bpf_stub *)0)->inet6_bind,
			  __inet_bind));
#endif
/* The engine reads a process's groups in place. */
static_assert(sizeof(kgid_t) == sizeof(u32));

static DEFINE_PER_CPU(u64[PORTACL_OUTCOMES], outcomes);

u64 portacl_bind_count(enum portacl_outcome outcome)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(outcomes, cpu)[outcome];
	return sum;
}

/* Arguments of __inet_bind() and __inet6_bind(), which have the same type. */
static struct sock *arg_sk(const struct pt_regs *regs)
{
	return (struct sock *)regs->di;
}

static const void *arg_addr(const struct pt_regs *regs)
{
	return (const void *)regs->si;
}

static int arg_addr_len(const struct pt_regs *regs)
{
	return (int)regs->dx;
}

static u32 arg_flags(const struct pt_regs *regs)
{
	return (u32)regs->cx;
}

/*
 * The port that a bind asks for, or 0 where the kernel refuses the address
 * itself: then it decides, and its error is the one the program sees. The
 * checks and their order are those of inet_bind_sk(), __inet_bind() and
 * inet6_bind_sk(); a program may use the 24-byte form of RFC 2133.
 */
static __always_inline u16 inet_port(const struct pt_regs *regs)
{
	const struct sockaddr_in *sin = arg_addr(regs);

	if (arg_addr_len(regs) < (int)sizeof(*sin))
		return 0;
	if (sin->sin_family != AF_INET &&
	    (sin->sin_family != AF_UNSPEC ||
	     sin->sin_addr.s_addr != htonl(INADDR_ANY)))
		return 0;
	return ntohs(sin->sin_port);
}

static __always_inline u16 inet6_port(const struct pt_regs *regs)
{
	const struct sockaddr_in6 *sin6 = arg_addr(regs);

	if (arg_addr_len(regs) < SIN6_LEN_RFC2133 ||
	    sin6->sin6_family != AF_INET6)
		return 0;
	return ntohs(sin6->sin6_port);
}

/*
 * Which port space a socket takes its number from; PACL_PROTOS for none. Ping
 * sockets come here, too: what they carry in the field is no port.
 */
static unsigned int socket_proto(const struct sock *sk)
{
	switch (sk->sk_protocol) {
	case IPPROTO_TCP:
	case IPPROTO_MPTCP:
		return PACL_PROTO_TCP;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return PACL_PROTO_UDP;
	case IPPROTO_DCCP:
		return PACL_PROTO_ANY;
	default:
		return PACL_PROTOS;
	}
}

/* Whether the kernel decides whatever the rules say. */
static __always_inline bool left_to_kernel(const struct pt_regs *regs,
					   const struct cred *cred)
{
	/*
	 * Not ns_capable(): that marks the process as having used privilege,
	 * and the kernel will ask itself.
	 */
	return !net_eq(sock_net(arg_sk(regs)), &init_net) ||
	       current->flags & PF_KTHREAD ||
	       arg_flags(regs) & BIND_FROM_BPF ||
	       (cap_raised(cred->cap_effective, CAP_NET_BIND_SERVICE) &&
		cred->user_ns == &init_user_ns);
}

static bool grants(const struct pacl_policy *policy,
		   const struct pt_regs *regs, u16 port)
{
	const struct cred *cred = current_cred();
	const struct group_info *groups = cred->group_info;
	const struct pacl_request request = {
		.groups = (const u32 *)groups->gid,
		.group_count = groups->ngroups,
		.uid = __kuid_val(cred->euid),
		.gid = __kgid_val(cred->egid),
		.port = port,
		.proto = socket_proto(arg_sk(regs)),
	};
	const struct pacl_atom *why;

	return request.proto != PACL_PROTOS && !left_to_kernel(regs, cred) &&
	       pacl_match(policy, &request, &why) == PACL_GRANT;
}

/* Judges any bind of a governed port. */
static noinline void judge_fully(const struct pacl_policy *policy,
				 struct pt_regs *regs, u16 port)
{
	if (grants(policy, regs, port)) {
		regs->cx |= BIND_NO_CAP_NET_BIND_SERVICE;
		this_cpu_inc(outcomes[PORTACL_GRANTED]);
	} else {
		this_cpu_inc(outcomes[PORTACL_PASSED]);
	}
}

/* Whether a rule for the user grants a TCP bind: the cheap and common case. */
static __always_inline bool grants_user_tcp(const struct pacl_policy *policy,
					    const struct pt_regs *regs,
					    u16 port)
{
	const struct cred *cred = current_cred();

	return arg_sk(regs)->sk_protocol == IPPROTO_TCP &&
	       !left_to_kernel(regs, cred) &&
	       pacl_match_user(policy, __kuid_val(cred->euid),
			       pacl_allow_planes(PACL_PROTO_TCP), port);
}

/*
 * Reads the policy once: all of a bind is judged by the same one. Since all
 * flavours of RCU are one, running without preemption is a reader, too, and
 * costs a third of rcu_read_lock() on a preemptible kernel.
 */
static __always_inline void judge(struct pt_regs *regs, u16 port)
{
	const struct pacl_policy *policy;

	rcu_read_lock_sched_notrace();
	policy = rcu_dereference_sched(portacl_policy);
	if (!pacl_governed(policy, port)) {
		this_cpu_inc(outcomes[PORTACL_PASSED]);
	} else if (grants_user_tcp(policy, regs, port)) {
		regs->cx |= BIND_NO_CAP_NET_BIND_SERVICE;
		this_cpu_inc(outcomes[PORTACL_GRANTED]);
	} else {
		judge_fully(policy, regs, port);
	}
	rcu_read_unlock_sched_notrace();
}

/*
 * The socket of a bind that the module makes itself, to see its own hooks work;
 * NULL ever after. No static key: two instructions a bind are a fair price for
 * not patching code that other processors run.
 */
static const struct sock *check_sk;
static int check_family;
static unsigned int check_hits;

static noinline void check_args(const struct pt_regs *regs, int family)
{
	size_t len = family == AF_INET ? sizeof(struct sockaddr_in) :
					 sizeof(struct sockaddr_in6);
	/* Family and port are at the same places in both. */
	const struct sockaddr_in *sin = arg_addr(regs);

	if (arg_sk(regs) == READ_ONCE(check_sk) && family == check_family &&
	    arg_addr_len(regs) == (int)len && sin->sin_family == family &&
	    !sin->sin_port &&
	    /* A cgroup BPF program may have set the flag. */
	    (arg_flags(regs) & ~BIND_NO_CAP_NET_BIND_SERVICE) == BIND_WITH_LOCK)
		check_hits++;
}

static void hook_inet_bind(unsigned long ip, unsigned long parent_ip,
			   struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct pt_regs *regs = portacl_fregs(fregs);

	if (unlikely(READ_ONCE(check_sk)))
		check_args(regs, AF_INET);
	judge(regs, inet_port(regs));
}

static void hook_inet6_bind(unsigned long ip, unsigned long parent_ip,
			    struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct pt_regs *regs = portacl_fregs(fregs);

	if (unlikely(READ_ONCE(check_sk)))
		check_args(regs, AF_INET6);
	judge(regs, inet6_port(regs));
}

static int check_bind(int family, void *addr, int addr_len)
{
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, family, SOCK_DGRAM, IPPROTO_UDP,
			       &sock);
	if (err == -EAFNOSUPPORT) {
		/* No program can bind it, either. */
		pr_info("address family %d is disabled, its hook is not checked\n",
			family);
		return 0;
	}
	if (err) {
		pr_err("cannot make a socket of family %d (%d)\n", family, err);
		return err;
	}
	check_family = family;
	check_hits = 0;
	WRITE_ONCE(check_sk, sock->sk);
	err = kernel_bind(sock, addr, addr_len);
	WRITE_ONCE(check_sk, NULL);
	sock_release(sock);
	if (err) {
		pr_err("cannot bind port 0 of family %d (%d)%s\n", family, err,
		       err == -EPERM ? ", a BPF program of the cgroup refuses" : "");
		return err;
	}
	if (check_hits != 1) {
		pr_err("a bind of family %d was seen %u times with the right arguments\n",
		       family, check_hits);
		return -EPROTO;
	}
	return 0;
}

static int check_inet_bind(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };

	return check_bind(AF_INET, &sin, sizeof(sin));
}

static int check_inet6_bind(void)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };

	return check_bind(AF_INET6, &sin6, sizeof(sin6));
}

struct portacl_hook portacl_bind_hooks[] = {
	{
		.symbol = "__inet_bind",
		.needs = "CONFIG_INET, CONFIG_DYNAMIC_FTRACE",
		.handler = hook_inet_bind,
		.check = check_inet_bind,
	},
	{
		.symbol = "__inet6_bind",
		.needs = "CONFIG_IPV6, CONFIG_DYNAMIC_FTRACE",
		.handler = hook_inet6_bind,
		.check = check_inet6_bind,
	},
	{}
};
