// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - the judgement of one bind
 *
 * __inet_bind() and __inet6_bind() are where the kernel itself asks whether a
 * port is privileged: with the final address, which a cgroup BPF program may
 * have rewritten, and for every transport that takes its port there. Their
 * argument flags can say that the question was answered.
 */

#include <linux/bpf-cgroup.h>
#include <linux/cred.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/jump_label.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/security.h>
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
#include "hits.h"
#include "hook.h"
#include "report.h"
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
static_assert(__same_type(security_socket_bind,
			  int (struct socket *, struct sockaddr *, int)));
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
 * The port that an address asks for, or 0 where the kernel refuses the address
 * itself: then it decides, and its error is the one the program sees. The
 * checks and their order are those of inet_bind_sk(), __inet_bind() and
 * inet6_bind_sk(); a program may use the 24-byte form of RFC 2133.
 */
static __always_inline u16 inet_port(const void *addr, int addr_len)
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

static __always_inline u16 inet6_port(const void *addr, int addr_len)
{
	const struct sockaddr_in6 *sin6 = addr;

	if (addr_len < SIN6_LEN_RFC2133 || sin6->sin6_family != AF_INET6)
		return 0;
	return ntohs(sin6->sin6_port);
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
static unsigned int socket_proto(const struct sock *sk)
{
	if (sk->sk_type == SOCK_RAW)
		return PACL_PROTOS;
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

/* Below it the kernel asks for the capability. */
static u32 boundary(const struct net *net)
{
	return READ_ONCE(net->ipv4.sysctl_ip_prot_sock);
}

/*
 * Whether a process holds CAP_NET_BIND_SERVICE over a user namespace, by the
 * rules of cap_capable(). Not ns_capable(): that marks the process as having
 * used privilege and may leave an audit record, and the kernel will ask itself.
 */
static __always_inline bool holds_capability(const struct cred *cred,
					     const struct user_namespace *ns)
{
	for (;;) {
		if (likely(ns == cred->user_ns))
			return cap_raised(cred->cap_effective,
					  CAP_NET_BIND_SERVICE);
		if (ns->level <= cred->user_ns->level)
			return false;
		/* Who made a namespace holds everything over it. */
		if (ns->parent == cred->user_ns &&
		    uid_eq(ns->owner, cred->euid))
			return true;
		ns = ns->parent;
	}
}

static bool in_scope(const struct pacl_policy *policy, const struct net *net)
{
	return net_eq(net, &init_net) || policy->scope == PACL_SCOPE_ALL;
}

/**
 * struct bind - one bind, on its way to a verdict
 * @sk: the socket
 * @addr: the address, long enough for its family
 * @family: AF_INET or AF_INET6: that of the socket
 * @flags: BIND_*
 * @port: in host byte order, not 0
 */
struct bind {
	const struct sock *sk;
	const void *addr;
	int family;
	u32 flags;
	u16 port;
};

/**
 * struct judgement - what becomes of a bind
 * @why: an atom of the rule that decided, NULL when none did
 * @verdict: the verdict
 * @permissive: the verdict is a refusal and not carried out
 * @no_rule: the kernel will refuse: the port is privileged and no rule grants it
 * @capable: the process holds the capability that the kernel asks for
 */
struct judgement {
	const struct pacl_atom *why;
	enum pacl_verdict verdict;
	bool permissive;
	bool no_rule;
	bool capable;
};

static void describe(struct pacl_request *request,
		     const struct pacl_policy *policy, const struct bind *bind,
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
	request->privileged = bind->port < boundary(sock_net(bind->sk));
}

/* The kernel answers EINVAL to a stream that would be multicast. */
static bool is_refused_anyway(const struct bind *bind)
{
	const struct sockaddr_in6 *sin6 = bind->addr;

	return bind->family == AF_INET6 && bind->sk->sk_type == SOCK_STREAM &&
	       ipv6_addr_is_multicast(&sin6->sin6_addr);
}

/*
 * Lines 1 to 7 of the decision table; @request is filled unless the verdict is
 * PACL_DEFAULT without no_rule.
 */
static struct judgement decide(const struct pacl_policy *policy,
			       const struct bind *bind,
			       struct pacl_request *request)
{
	struct judgement judgement = {};
	const struct net *net = sock_net(bind->sk);
	const struct cred *cred = current_cred();
	unsigned int proto = socket_proto(bind->sk);

	if (proto == PACL_PROTOS || is_refused_anyway(bind) ||
	    policy->mode == PACL_MODE_OFF ||
	    !in_scope(policy, net) || current->flags & PF_KTHREAD ||
	    bind->flags & BIND_FROM_BPF)
		return judgement;
	judgement.capable = holds_capability(cred, net->user_ns);
	if (judgement.capable && !policy->strict)
		return judgement;
	describe(request, policy, bind, cred, proto);
	judgement.verdict = pacl_match(policy, request, &judgement.why);
	judgement.permissive = pacl_refuses(judgement.verdict) &&
			       policy->mode == PACL_MODE_PERMISSIVE;
	judgement.no_rule = judgement.verdict == PACL_DEFAULT &&
			    request->privileged && !judgement.capable &&
			    !(bind->flags & BIND_NO_CAP_NET_BIND_SERVICE);
	return judgement;
}

static void report(const struct bind *bind, const struct judgement *judgement,
		   const struct pacl_request *request)
{
	const struct portacl_event event = {
		.request = request,
		.why = judgement->why,
		.verdict = judgement->verdict,
		.permissive = judgement->permissive,
		.family = bind->family,
		.protocol = bind->sk->sk_protocol,
	};

	portacl_report_bind(&event);
}

static void count(enum portacl_outcome outcome)
{
	this_cpu_inc(outcomes[outcome]);
}

/* Counts a bind, once, and reports it where that is due. */
static void account(const struct bind *bind, const struct judgement *judgement,
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
		count(PORTACL_PASSED);
		count(PORTACL_PERMISSIVE);
	} else {
		count(outcome_of[judgement->verdict]);
	}
	if (judgement->no_rule)
		count(PORTACL_NO_RULE);
	if (judgement->why)
		portacl_hit(judgement->why);
	if (pacl_refuses(judgement->verdict) || judgement->no_rule ||
	    (judgement->verdict == PACL_GRANT && portacl_report_wanted()))
		report(bind, judgement, request);
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

static const struct sockaddr_in6 impossible = {
	.sin6_family = AF_MAX,
};

/* Makes the function that is about to run refuse. */
static void refuse(struct pt_regs *regs, const struct bind *bind, bool capable)
{
	const void *addr = &impossible;

	if (!capable && boundary(sock_net(bind->sk)) > 1)
		addr = bind->family == AF_INET ?
		       (const void *)&privileged_inet : &privileged_inet6;
	regs->si = (unsigned long)addr;
	regs->cx &= ~(unsigned long)BIND_NO_CAP_NET_BIND_SERVICE;
}

/* Judges any bind of a governed or privileged port. */
static noinline void judge_fully(const struct pacl_policy *policy,
				 struct pt_regs *regs, u16 port, int family)
{
	const struct bind bind = {
		.sk = arg_sk(regs),
		.addr = arg_addr(regs),
		.family = family,
		.flags = arg_flags(regs),
		.port = port,
	};
	struct pacl_request request pacl_uninitialized;
	struct judgement judgement;

	judgement = decide(policy, &bind, &request);
	if (judgement.verdict == PACL_GRANT)
		regs->cx |= BIND_NO_CAP_NET_BIND_SERVICE;
	else if (pacl_refuses(judgement.verdict) && !judgement.permissive)
		refuse(regs, &bind, judgement.capable);
	account(&bind, &judgement, &request);
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
	count(PORTACL_GRANTED);
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
	if (unlikely(port < boundary(sock_net(arg_sk(regs)))) && port)
		return judge_fully_and_end(policy, regs, port, family);
	count(PORTACL_PASSED);
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
	judge(regs, inet_port(arg_addr(regs), arg_addr_len(regs)), AF_INET);
}

static __always_inline void judge_inet6(struct pt_regs *regs)
{
	judge(regs, inet6_port(arg_addr(regs), arg_addr_len(regs)), AF_INET6);
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

/*
 * Judges a bind before anything else has seen it. What is not refused here goes
 * on to the judgement and is counted there. The socket is not locked and may
 * change its family meanwhile (IPV6_ADDRFORM): the address is read as the one
 * or the other, never beyond the length for it.
 */
static bool first_line_refuses(const struct pt_regs *regs)
{
	const struct sock *sk = ((const struct socket *)regs->di)->sk;
	struct pacl_request request pacl_uninitialized;
	const struct pacl_policy *policy;
	struct judgement judgement = {};
	int len = (int)regs->dx;
	struct bind bind = {
		.sk = sk,
		.addr = arg_addr(regs),
		.family = READ_ONCE(sk->sk_family),
	};

	if (bind.family == AF_INET)
		bind.port = inet_port(bind.addr, len);
	else if (bind.family == AF_INET6)
		bind.port = inet6_port(bind.addr, len);
	if (!bind.port || may_be_rewritten(bind.family))
		return false;
	rcu_read_lock_sched_notrace();
	policy = rcu_dereference_sched(portacl_policy);
	if (pacl_policy_refuses(policy) &&
	    (policy->strict || pacl_governed(policy, bind.port)))
		judgement = decide(policy, &bind, &request);
	if (pacl_refuses(judgement.verdict))
		account(&bind, &judgement, &request);
	rcu_read_unlock_sched_notrace();
	return pacl_refuses(judgement.verdict);
}

/*
 * The first line, security_socket_bind(sock, address, addrlen). A bind that the
 * judgement refuses gets its EACCES from the kernel's own check, so that only
 * those are refused here whom that check would let pass, and all others lose
 * no time.
 */
static __always_inline bool first_line_passes(const struct pt_regs *regs)
{
	const struct socket *sock = (const struct socket *)regs->di;

	return !cap_raised(current_cred()->cap_effective,
			   CAP_NET_BIND_SERVICE) &&
	       boundary(sock_net(sock->sk)) > 1;
}

PORTACL_GUARD_HANDLER(first_line_handler, first_line_passes, first_line_refuses)

static struct portacl_guard first_line = {
	.symbol = "security_socket_bind",
	.handler = first_line_handler,
};

/* Attaching and detaching the first line is one at a time. */
static DEFINE_MUTEX(first_line_lock);

void portacl_bind_update(void)
{
	bool wanted;

	mutex_lock(&first_line_lock);
	wanted = portacl_ruleset_state().refuses;
	if (wanted && !first_line.hook)
		/* The judgement refuses also without it. */
		portacl_guard_attach(&first_line);
	else if (!wanted)
		/* One that cannot be detached has nothing to refuse. */
		portacl_guard_detach(&first_line);
	mutex_unlock(&first_line_lock);
}

int portacl_bind_attach(void)
{
	return portacl_hooks_attach(bind_hooks);
}

void portacl_bind_detach(void)
{
	/* As for the hooks: what is still called must stay. */
	while (portacl_guard_detach(&first_line))
		schedule_timeout_idle(MAX_SCHEDULE_TIMEOUT);
	portacl_hooks_detach(bind_hooks);
}

ssize_t portacl_bind_hooks_show(char *buf)
{
	return portacl_hooks_show(bind_hooks, &first_line, buf);
}
