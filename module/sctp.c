// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - the judgement of SCTP binds
 *
 * sctp_do_bind() is where SCTP asks whether a port is privileged: for bind(), for
 * each address of sctp_bindx(), and when it chooses a port itself. It has no flag
 * to say that the question was answered, so that a granted call runs with other
 * credentials until it returns. sctp_connect_new_asoc() asks again before it opens
 * an association from a bound port; nothing is refused there. sctp.ko may come
 * later and go earlier.
 */

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/highuid.h>
#include <linux/in.h>
#include <linux/init_task.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/notifier.h>
#include <linux/ptrace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sysfs.h>
#include <net/sctp/sctp.h>

#include "core/match.h"
#include "hook.h"
#include "judge.h"
#include "ruleset.h"
#include "sctp.h"

/* On more addresses no association is opened from a granted port. */
#define CONNECT_ADDRESSES	64

/*
 * What a granted call runs with: one capability, and nobody's ids, as none of
 * them matters there. The security label is the kernel's: a grant skips the
 * question for the capability, as that of other transports does. One for all,
 * since none can be made where the hook runs.
 */
static struct cred *granting;

static struct cred *make_granting(void)
{
	struct cred *cred = prepare_kernel_cred(&init_task);

	if (!cred)
		return NULL;
	cred->uid = KUIDT_INIT(DEFAULT_OVERFLOWUID);
	cred->euid = cred->uid;
	cred->suid = cred->uid;
	cred->fsuid = cred->uid;
	cred->gid = KGIDT_INIT(DEFAULT_OVERFLOWGID);
	cred->egid = cred->gid;
	cred->sgid = cred->gid;
	cred->fsgid = cred->gid;
	cap_clear(cred->cap_permitted);
	cap_raise(cred->cap_permitted, CAP_NET_BIND_SERVICE);
	cred->cap_effective = cred->cap_permitted;
	cap_clear(cred->cap_inheritable);
	cap_clear(cred->cap_ambient);
	cap_clear(cred->cap_bset);
	return cred;
}

/* Arguments of sctp_do_bind(sk, addr, len), whose caller has locked the socket. */
static struct sock *arg_sk(const struct pt_regs *regs)
{
	return (struct sock *)regs->di;
}

static const union sctp_addr *arg_addr(const struct pt_regs *regs)
{
	return (const union sctp_addr *)regs->si;
}

static int arg_len(const struct pt_regs *regs)
{
	return (int)regs->dx;
}

static u16 bound_port(struct sock *sk)
{
	return sctp_sk(sk)->ep->base.bind_addr.port;
}

/*
 * Whether SCTP takes an address of this form: the checks of sctp_sockaddr_af().
 * Otherwise it decides, and its error is the one that the program sees.
 */
static bool is_supported(struct sctp_sock *sp, const union sctp_addr *addr,
			 int len)
{
	if (len < (int)sizeof(struct sockaddr) ||
	    !sp->pf->af_supported(addr->sa.sa_family, sp))
		return false;
	if (addr->sa.sa_family != AF_INET6)
		return true;
	return len >= (int)sizeof(addr->v6) &&
	       (!ipv6_addr_v4mapped(&addr->v6.sin6_addr) ||
		sp->pf->af_supported(AF_INET, sp));
}

/*
 * A bind with the port that it takes: the one given, or that of the socket when
 * none is; 0 where SCTP chooses one or refuses the bind itself.
 */
static struct portacl_bind see(const struct pt_regs *regs)
{
	const union sctp_addr *addr = arg_addr(regs);
	struct sock *sk = arg_sk(regs);
	struct portacl_bind bind = {
		.sk = sk,
		.addr = addr,
		.protocol = IPPROTO_SCTP,
	};
	u16 bound;

	if (!is_supported(sctp_sk(sk), addr, arg_len(regs)))
		return bind;
	bound = bound_port(sk);
	bind.family = addr->sa.sa_family;
	bind.port = ntohs(addr->v4.sin_port);
	if (!bind.port)
		bind.port = bound;
	else if (bound && bind.port != bound)
		bind.port = 0;
	return bind;
}

static bool is_privileged(const struct portacl_bind *bind)
{
	return bind->port < portacl_boundary(sock_net(bind->sk));
}

/* The socket of a bind that the module makes itself, and what saw it. */
static const struct sock *check_sk;
static unsigned int check_hooks, check_returns;

static bool is_check(const struct pt_regs *regs)
{
	return unlikely(arg_sk(regs) == READ_ONCE(check_sk)) &&
	       arg_len(regs) == sizeof(struct sockaddr_in) &&
	       arg_addr(regs)->sa.sa_family == AF_INET &&
	       !arg_addr(regs)->v4.sin_port;
}

/* Judges a bind, and refuses it by an address that SCTP refuses. */
static void hook_do_bind(unsigned long ip, unsigned long parent_ip,
			 struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct pt_regs *regs = portacl_fregs(fregs);
	struct portacl_bind bind = see(regs);
	struct pacl_request request pacl_uninitialized;
	const struct pacl_policy *policy;
	struct portacl_judgement judgement;

	if (is_check(regs))
		check_hooks++;
	if (!bind.port) {
		portacl_count(PORTACL_PASSED);
		return;
	}
	/* The kretprobe was called first. */
	if (current_cred() == granting) {
		portacl_count(PORTACL_GRANTED);
		return;
	}
	rcu_read_lock_sched_notrace();
	policy = rcu_dereference_sched(portacl_policy);
	judgement = portacl_decide(policy, &bind, &request);
	if (portacl_is_refused(&judgement))
		/*
		 * Not a privileged port: SCTP writes to an address that it
		 * finds good, and that may depend on rules and the boundary.
		 */
		regs->si = (unsigned long)&portacl_impossible_address;
	portacl_account(&bind, &judgement, &request);
	rcu_read_unlock_sched_notrace();
}

/**
 * struct call - a call whose return is waited for
 * @old: the credentials to go back to; NULL for a bind that is refused
 * @is_marked: the task was already marked as having used privilege
 */
struct call {
	const struct cred *old;
	bool is_marked;
};

static void lend(struct call *call)
{
	call->is_marked = current->flags & PF_SUPERPRIV;
	call->old = override_creds(granting);
}

static void take_back(const struct call *call)
{
	revert_creds(call->old);
	if (!call->is_marked)
		current->flags &= ~PF_SUPERPRIV;
}

static struct portacl_judgement judge(const struct portacl_bind *bind)
{
	struct pacl_request request pacl_uninitialized;
	const struct pacl_policy *policy;
	struct portacl_judgement judgement;

	rcu_read_lock_sched_notrace();
	policy = rcu_dereference_sched(portacl_policy);
	judgement = portacl_decide(policy, bind, &request);
	rcu_read_unlock_sched_notrace();
	/* Its rule may be freed from now on. */
	judgement.why = NULL;
	return judgement;
}

static bool is_granted(const struct portacl_judgement *judgement)
{
	return judgement->verdict == PACL_GRANT && !judgement->capable;
}

/*
 * Lends the capability to a granted call that will be asked for it, and sees to
 * the error of one that is refused. Judges again rather than believe what the
 * hook has left behind: which of the two the kernel calls first is not theirs to
 * say. A change of policy between them makes the bind one of before or of after
 * it.
 */
static bool enter_do_bind(void *data, struct pt_regs *regs)
{
	struct portacl_judgement judgement;
	struct call *call = data;
	struct portacl_bind bind;

	call->old = NULL;
	if (arg_addr(regs) == (const void *)&portacl_impossible_address)
		return true;
	if (is_check(regs))
		check_returns++;
	bind = see(regs);
	if (!bind.port)
		return false;
	judgement = judge(&bind);
	if (portacl_is_refused(&judgement))
		return true;
	if (!is_granted(&judgement) || !is_privileged(&bind))
		return false;
	lend(call);
	return true;
}

static void leave_do_bind(void *data, struct pt_regs *regs)
{
	const struct call *call = data;

	if (call->old)
		take_back(call);
	/* What SCTP says to the impossible address. */
	else if ((int)regs_return_value(regs) == -EINVAL)
		regs_set_return_value(regs, -EACCES);
}

/*
 * Lends it to sctp_connect_new_asoc(ep, ...), whose caller has locked the socket,
 * where the process may bind all that the socket is bound to.
 */
static bool enter_connect(void *data, struct pt_regs *regs)
{
	const struct sctp_endpoint *ep = (const struct sctp_endpoint *)regs->di;
	const struct sctp_sockaddr_entry *entry;
	struct portacl_bind bind = {
		.sk = ep->base.sk,
		.protocol = IPPROTO_SCTP,
		.port = ep->base.bind_addr.port,
	};

	struct portacl_judgement judgement;
	unsigned int count = 0;

	if (!bind.port || !is_privileged(&bind))
		return false;
	list_for_each_entry(entry, &ep->base.bind_addr.address_list, list) {
		bind.addr = &entry->a;
		bind.family = entry->a.sa.sa_family;
		judgement = judge(&bind);
		if (!is_granted(&judgement) || ++count > CONNECT_ADDRESSES)
			return false;
	}
	if (!count)
		return false;
	lend(data);
	return true;
}

static void leave_connect(void *data, struct pt_regs *regs)
{
	take_back(data);
}

static struct portacl_hook bind_hook = {
	.symbol = "sctp_do_bind",
	.needs = "CONFIG_IP_SCTP, CONFIG_DYNAMIC_FTRACE",
	.handler = hook_do_bind,
};

static struct portacl_return bind_return = {
	.symbol = "sctp_do_bind",
	.enter = enter_do_bind,
	.leave = leave_do_bind,
	.size = sizeof(struct call),
};

static struct portacl_return connect_return = {
	.symbol = "sctp_connect_new_asoc",
	.enter = enter_connect,
	.leave = leave_connect,
	.size = sizeof(struct call),
};

/* Guards what follows. */
static DEFINE_MUTEX(sctp_lock);
static bool is_here;

static int detach(void)
{
	int err;

	err = portacl_hook_detach(&bind_hook);
	if (!err)
		err = portacl_return_detach(&connect_return);
	if (!err)
		err = portacl_return_detach(&bind_return);
	if (!err)
		is_here = false;
	return err;
}

static int attach(void)
{
	int err;

	if (is_here)
		/* Or was, and could not be let go. */
		return bind_hook.ops && !portacl_hooks_are_dead() ? 0 : -ENODEV;
	is_here = true;
	err = portacl_return_attach(&bind_return);
	if (!err)
		err = portacl_return_attach(&connect_return);
	if (!err)
		err = portacl_hook_attach(&bind_hook);
	if (err)
		detach();
	return err;
}

static int check(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct socket *sock;
	int err;

	err = sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_SCTP,
			       &sock);
	if (err) {
		pr_err("cannot make an SCTP socket (%d)\n", err);
		return err;
	}
	check_hooks = 0;
	check_returns = 0;
	WRITE_ONCE(check_sk, sock->sk);
	err = kernel_bind(sock, (void *)&sin, sizeof(sin));
	WRITE_ONCE(check_sk, NULL);
	sock_release(sock);
	if (err)
		pr_err("cannot bind port 0 of SCTP (%d)\n", err);
	else if (check_hooks != 1 || check_returns != 1)
		err = -EPROTO;
	if (err)
		pr_err("an SCTP bind was seen %u and %u times with the right arguments\n",
		       check_hooks, check_returns);
	return err;
}

static int follow(struct notifier_block *block, unsigned long event, void *data)
{
	const struct module *module = data;
	int err = 0;

	if (strcmp(module->name, "sctp"))
		return NOTIFY_DONE;
	mutex_lock(&sctp_lock);
	switch (event) {
	case MODULE_STATE_COMING:
		/* Before it can bind anything. */
		err = attach();
		if (err)
			pr_err("sctp.ko is not let in, its binds could not be judged\n");
		break;
	case MODULE_STATE_LIVE:
		/* Too late to refuse it, and for the better to stay. */
		if (attach() || check())
			pr_err("SCTP binds may not be judged as they should, unload portacl or sctp\n");
		break;
	case MODULE_STATE_GOING:
		detach();
		break;
	}
	mutex_unlock(&sctp_lock);
	return notifier_from_errno(err);
}

/* Ahead of what kprobes do of their own accord when a module goes. */
static struct notifier_block follower = {
	.notifier_call = follow,
	.priority = 1,
};

int portacl_sctp_attach(void)
{
	int err;

	granting = make_granting();
	if (!granting)
		return -ENOMEM;
	err = register_module_notifier(&follower);
	if (err)
		goto err_detach;
	mutex_lock(&sctp_lock);
	/* It must not go and be loaded again by the check. */
	if (symbol_get(sctp_for_each_endpoint)) {
		err = attach();
		if (!err)
			err = check();
		symbol_put(sctp_for_each_endpoint);
	}
	mutex_unlock(&sctp_lock);
	if (!err)
		return 0;

err_detach:
	portacl_sctp_detach();
	return err;
}

void portacl_sctp_detach(void)
{
	if (!granting)
		return;
	unregister_module_notifier(&follower);
	mutex_lock(&sctp_lock);
	/* What is still called must stay. */
	while (detach())
		schedule_timeout_idle(MAX_SCHEDULE_TIMEOUT);
	mutex_unlock(&sctp_lock);
	put_cred(granting);
	granting = NULL;
}

ssize_t portacl_sctp_show(char *buf, ssize_t len)
{
	ssize_t more;

	mutex_lock(&sctp_lock);
	if (is_here) {
		more = portacl_hook_show(buf, len, bind_hook.symbol,
					 bind_hook.ops);
		more += portacl_hook_show(buf, len + more,
					  connect_return.symbol,
					  connect_return.probe);
	} else {
		more = sysfs_emit_at(buf, len, "%s absent\n%s absent\n",
				     bind_hook.symbol, connect_return.symbol);
	}
	mutex_unlock(&sctp_lock);
	return more;
}
