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
#include <linux/jump_label.h>
#include <linux/net.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#ifndef PORTACL_HAVE_INET6_BIND
#include <net/ipv6_stubs.h>
#endif

#include "bind.h"
#include "core/match.h"
#include "first_line.h"
#include "hits.h"
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
static void refuse(struct pt_regs *regs, int family, bool capable)
{
	const void *addr = &portacl_impossible_address;

	if (!capable && portacl_boundary(sock_net(arg_sk(regs))) > 1)
		addr = family == AF_INET ? (const void *)&privileged_inet :
					   &privileged_inet6;
	regs->si = (unsigned long)addr;
	regs->cx &= ~(unsigned long)BIND_NO_CAP_NET_BIND_SERVICE;
}

/* Judges any bind of a governed or privileged port. */
static noinline void judge_fully(const struct pacl_policy *policy,
				 struct pt_regs *regs, u16 port, int family)
{
	const struct sock *sk = arg_sk(regs);
	const struct portacl_bind bind = {
		.sk = sk,
		.addr = arg_addr(regs),
		.family = family,
		.protocol = sk->sk_protocol,
		.flags = arg_flags(regs),
		.port = port,
	};
	struct pacl_request request pacl_uninitialized;
	struct portacl_judgement judgement;

	judgement = portacl_decide(policy, &bind, &request);
	if (judgement.verdict == PACL_GRANT)
		regs->cx |= BIND_NO_CAP_NET_BIND_SERVICE;
	else if (portacl_is_refused(&judgement))
		refuse(regs, family, judgement.capable);
	portacl_account(&bind, &judgement, &request);
}

static noinline void judge_fully_and_end(const struct pacl_policy *policy,
					 struct pt_regs *regs, u16 port,
					 int family)
	__releases(RCU_SCHED)
{
	judge_fully(policy, regs, port, family);
	rcu_read_unlock_sched_notrace();
}

static noinline void hit_and_end(const struct pacl_atom *why)
	__releases(RCU_SCHED)
{
	portacl_hit(why);
	rcu_read_unlock_sched_notrace();
}

static __always_inline void grant_and_end(struct pt_regs *regs,
					  const struct pacl_atom *why)
	__releases(RCU_SCHED)
{
	regs->cx |= BIND_NO_CAP_NET_BIND_SERVICE;
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
					    const struct pt_regs *regs)
{
	const struct cred *cred = current_cred();
	const struct sock *sk = arg_sk(regs);
	u32 uid = __kuid_val(cred->euid);

	if (sk->sk_protocol != IPPROTO_TCP ||
	    !net_eq(sock_net(sk), &init_net) ||
	    current->flags & PF_KTHREAD || arg_flags(regs) & BIND_FROM_BPF ||
	    cap_raised(cred->cap_effective, CAP_NET_BIND_SERVICE) ||
	    portacl_report_wanted())
		return 0;
	return pacl_find_id(policy->quick[uid % PACL_USER_SLOTS], uid);
}

static noinline void judge_several(const struct pacl_policy *policy,
				   struct pt_regs *regs, u16 port, int family,
				   uintptr_t rules)
	__releases(RCU_SCHED)
{
	const struct pacl_atom *why;

	why = pacl_find_below(rules, __kuid_val(current_euid()), user_planes(),
			      port);
	if (why)
		grant_and_end(regs, why);
	else
		judge_fully_and_end(policy, regs, port, family);
}

/*
 * Judges a bind of a governed port, and ends the reader's section. Like judge()
 * it calls only what it need not return from.
 */
static __always_inline void judge_governed(const struct pacl_policy *policy,
					   struct pt_regs *regs, u16 port,
					   int family)
	__releases(RCU_SCHED)
{
	uintptr_t rules = user_rules(policy, regs);

	if (rules & PACL_OTHER_NODE)
		return judge_several(policy, regs, port, family, rules);
	if (unlikely(!rules ||
		     !pacl_applies(pacl_to_atom(rules),
				   __kuid_val(current_euid()), user_planes(),
				   port)))
		return judge_fully_and_end(policy, regs, port, family);
	grant_and_end(regs, pacl_to_atom(rules));
}

/* One for each family, which then takes no register. */
static noinline void judge_governed_inet(const struct pacl_policy *policy,
					 struct pt_regs *regs, u16 port)
	__releases(RCU_SCHED)
{
	judge_governed(policy, regs, port, AF_INET);
}

static noinline void judge_governed_inet6(const struct pacl_policy *policy,
					  struct pt_regs *regs, u16 port)
	__releases(RCU_SCHED)
{
	judge_governed(policy, regs, port, AF_INET6);
}

/*
 * Reads the policy once: all of a bind is judged by the same one. Since all
 * flavours of RCU are one, running without preemption is a reader, too, and
 * costs a third of rcu_read_lock() on a preemptible kernel. What most binds do
 * calls nothing, so that no register needs to be saved for it.
 */
static __always_inline void judge(struct pt_regs *regs, u16 port, int family)
{
	const struct pacl_policy *policy;

	rcu_read_lock_sched_notrace();
	policy = rcu_dereference_sched(portacl_policy);
	if (unlikely(pacl_governed(policy, port)))
		return family == AF_INET ?
			       judge_governed_inet(policy, regs, port) :
			       judge_governed_inet6(policy, regs, port);
	if (unlikely(port < portacl_boundary(sock_net(arg_sk(regs)))) && port)
		return judge_fully_and_end(policy, regs, port, family);
	portacl_count(PORTACL_PASSED);
	rcu_read_unlock_sched_notrace();
}

/*
 * The socket of a bind that the module makes itself, to see its own hooks work
 * when it is loaded.
 */
static DEFINE_STATIC_KEY_FALSE(checking);
static const struct sock *check_sk;
static int check_family;
static unsigned int check_hits;

static noinline void check_args(const struct pt_regs *regs, int family)
{
	size_t len = family == AF_INET ? sizeof(struct sockaddr_in) :
					 sizeof(struct sockaddr_in6);
	/* Family and port are at the same places in both. */
	const struct sockaddr_in *sin = arg_addr(regs);

	if (arg_sk(regs) == check_sk && family == check_family &&
	    arg_addr_len(regs) == (int)len && sin->sin_family == family &&
	    !sin->sin_port &&
	    /* A cgroup BPF program may have set the flag. */
	    (arg_flags(regs) & ~BIND_NO_CAP_NET_BIND_SERVICE) == BIND_WITH_LOCK)
		check_hits++;
}

static __always_inline void judge_inet(struct pt_regs *regs)
{
	judge(regs, portacl_inet_port(arg_addr(regs), arg_addr_len(regs)),
	      AF_INET);
}

static __always_inline void judge_inet6(struct pt_regs *regs)
{
	judge(regs, portacl_inet6_port(arg_addr(regs), arg_addr_len(regs)),
	      AF_INET6);
}

static noinline void check_inet(struct pt_regs *regs)
{
	check_args(regs, AF_INET);
	judge_inet(regs);
}

static noinline void check_inet6(struct pt_regs *regs)
{
	check_args(regs, AF_INET6);
	judge_inet6(regs);
}

static void hook_inet_bind(unsigned long ip, unsigned long parent_ip,
			   struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	if (static_branch_unlikely(&checking))
		return check_inet(portacl_fregs(fregs));
	judge_inet(portacl_fregs(fregs));
}

static void hook_inet6_bind(unsigned long ip, unsigned long parent_ip,
			    struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	if (static_branch_unlikely(&checking))
		return check_inet6(portacl_fregs(fregs));
	judge_inet6(portacl_fregs(fregs));
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
	return err;
}

void portacl_bind_detach(void)
{
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
