// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - how the module sees a bind
 *
 * __inet_bind() and __inet6_bind() are where the kernel itself asks whether a
 * port is privileged: with the final address, which a cgroup BPF program may
 * have rewritten, and for every transport that takes its port there. Their
 * argument flags can say that the question was answered.
 */

#include <linux/container_of.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/jump_label.h>
#include <linux/net.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#ifndef PORTACL_HAVE_INET6_BIND
#include <net/ipv6_stubs.h>
#endif

#include "bind.h"
#include "first_line.h"
#include "hook.h"
#include "judge.h"
#include "ruleset.h"
#include "sctp.h"

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

/* A call of __inet_bind() or __inet6_bind(), which have the same type. */
struct portacl_call {
	struct pt_regs regs;
};

static struct portacl_call *to_call(struct ftrace_regs *fregs)
{
	return container_of(portacl_fregs(fregs), struct portacl_call, regs);
}

static const struct sock *call_sk(const struct portacl_call *call)
{
	return (const struct sock *)call->regs.di;
}

static const void *call_addr(const struct portacl_call *call)
{
	return (const void *)call->regs.si;
}

static int call_addr_len(const struct portacl_call *call)
{
	return (int)call->regs.dx;
}

static u32 call_flags(const struct portacl_call *call)
{
	return (u32)call->regs.cx;
}

static __always_inline void call_grant(struct portacl_call *call)
{
	call->regs.cx |= BIND_NO_CAP_NET_BIND_SERVICE;
}

/*
 * Addresses that the kernel refuses, for the ones that policy does: with a
 * privileged port it answers EACCES, unless the process holds the capability or
 * no port is privileged. Then the family remains, with EAFNOSUPPORT.
 */
static const struct sockaddr_in privileged_inet = {
	.sin_family = AF_INET,
	.sin_port = htons(1),
};

static const struct sockaddr_in6 privileged_inet6 = {
	.sin6_family = AF_INET6,
	.sin6_port = htons(1),
};

/* Makes the function that is about to run refuse. */
static void call_refuse(struct portacl_call *call, int family, bool capable)
{
	const void *addr = &portacl_impossible_address;

	if (!capable && portacl_boundary(sock_net(call_sk(call))) > 1)
		addr = family == AF_INET ? (const void *)&privileged_inet :
					   &privileged_inet6;
	call->regs.si = (unsigned long)addr;
	call->regs.cx &= ~(unsigned long)BIND_NO_CAP_NET_BIND_SERVICE;
}

#include "call.h"

/*
 * The socket of a bind that the module makes itself, to see its own hooks work
 * when it is loaded.
 */
static DEFINE_STATIC_KEY_FALSE(checking);
static const struct sock *check_sk;
static int check_family;
static unsigned int check_hits;

static noinline void check_args(const struct portacl_call *call, int family)
{
	size_t len = family == AF_INET ? sizeof(struct sockaddr_in) :
					 sizeof(struct sockaddr_in6);
	/* Family and port are at the same places in both. */
	const struct sockaddr_in *sin = call_addr(call);

	if (call_sk(call) == check_sk && family == check_family &&
	    call_addr_len(call) == (int)len && sin->sin_family == family &&
	    !sin->sin_port &&
	    /* A cgroup BPF program may have set the flag. */
	    (call_flags(call) & ~BIND_NO_CAP_NET_BIND_SERVICE) == BIND_WITH_LOCK)
		check_hits++;
}

static __always_inline void judge_inet(struct portacl_call *call)
{
	judge(call, portacl_inet_port(call_addr(call), call_addr_len(call)),
	      AF_INET);
}

static __always_inline void judge_inet6(struct portacl_call *call)
{
	judge(call, portacl_inet6_port(call_addr(call), call_addr_len(call)),
	      AF_INET6);
}

static noinline void check_inet(struct portacl_call *call)
{
	check_args(call, AF_INET);
	judge_inet(call);
}

static noinline void check_inet6(struct portacl_call *call)
{
	check_args(call, AF_INET6);
	judge_inet6(call);
}

static void hook_inet_bind(unsigned long ip, unsigned long parent_ip,
			   struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	if (static_branch_unlikely(&checking))
		return check_inet(to_call(fregs));
	judge_inet(to_call(fregs));
}

static void hook_inet6_bind(unsigned long ip, unsigned long parent_ip,
			    struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	if (static_branch_unlikely(&checking))
		return check_inet6(to_call(fregs));
	judge_inet6(to_call(fregs));
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
	check_sk = sock->sk;
	static_branch_enable(&checking);
	err = kernel_bind(sock, addr, addr_len);
	static_branch_disable(&checking);
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

static struct portacl_hook bind_hooks[] = {
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

int portacl_bind_attach(void)
{
	int err;

	err = portacl_hooks_attach(bind_hooks);
	if (err)
		return err;
	err = portacl_sctp_attach();
	if (err)
		portacl_hooks_detach(bind_hooks);
	else
		portacl_hooks_watch();
	return err;
}

void portacl_bind_detach(void)
{
	portacl_hooks_unwatch();
	portacl_first_line_detach();
	portacl_sctp_detach();
	portacl_hooks_detach(bind_hooks);
}

ssize_t portacl_bind_hooks_show(char *buf)
{
	ssize_t len = portacl_hooks_show(bind_hooks, buf);

	len += portacl_sctp_show(buf, len);
	return len + portacl_first_line_show(buf, len);
}
