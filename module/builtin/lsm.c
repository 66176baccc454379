// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - as a security module that is built into the kernel
 *
 * Takes the place of what hooks the kernel from a loadable module: the kernel
 * calls, by linux/portacl.h, where that one listens.
 */

#include <linux/export.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/init.h>
#include <linux/jump_label.h>
#include <linux/lsm_hooks.h>
#include <linux/net.h>
#include <linux/portacl.h>
#include <linux/rcupdate.h>
#include <linux/sysfs.h>
#include <net/inet_common.h>
#include <net/sock.h>

#include "bind.h"
#include "first_line.h"
#include "judge.h"
#include "lsm_compat.h"
#include "ruleset.h"

struct static_key_false portacl_judging = STATIC_KEY_FALSE_INIT;
EXPORT_SYMBOL_GPL(portacl_judging);

/**
 * struct portacl_call - a bind that the kernel asks about
 * @sk: the socket
 * @addr: the address, long enough for its family
 * @flags: BIND_*, of the kernel
 * @err: what the kernel is to answer
 */
struct portacl_call {
	const struct sock *sk;
	const void *addr;
	u32 *flags;
	int err;
};

static const struct sock *call_sk(const struct portacl_call *call)
{
	return call->sk;
}

static const void *call_addr(const struct portacl_call *call)
{
	return call->addr;
}

static u32 call_flags(const struct portacl_call *call)
{
	return *call->flags;
}

static __always_inline void call_grant(struct portacl_call *call)
{
	*call->flags |= BIND_NO_CAP_NET_BIND_SERVICE;
}

static void call_refuse(struct portacl_call *call, int family, bool capable)
{
	call->err = -EACCES;
}

#include "call.h"

/* The list of security modules names it. */
static bool is_listed __ro_after_init;

int __portacl_bind(const struct sock *sk, const void *addr, int family,
		   u16 port, u32 *flags)
{
	struct portacl_call call = { .sk = sk, .addr = addr, .flags = flags };

	judge(&call, port, family);
	return call.err;
}
EXPORT_SYMBOL_GPL(__portacl_bind);

bool __portacl_grants(const struct sock *sk, const void *addr, int family,
		      u16 port)
{
	const struct portacl_bind bind = {
		.sk = sk,
		.addr = addr,
		.family = family,
		.protocol = sk->sk_protocol,
		.port = port,
	};
	struct pacl_request request pacl_uninitialized;
	struct portacl_judgement judgement;

	rcu_read_lock_sched();
	judgement = portacl_decide(rcu_dereference_sched(portacl_policy), &bind,
				   &request);
	rcu_read_unlock_sched();
	return judgement.verdict == PACL_GRANT;
}
EXPORT_SYMBOL_GPL(__portacl_grants);

static int portacl_socket_bind(struct socket *sock, struct sockaddr *addr,
			       int len)
{
	if (!static_branch_likely(&portacl_judging) ||
	    likely(portacl_first_line_passes(sock)) ||
	    !portacl_first_line_refuses(sock, addr, len))
		return 0;
	return -EACCES;
}

void portacl_first_line_update(void)
{
}

int portacl_bind_attach(void)
{
	if (is_listed)
		return 0;
	pr_notice("is built in but not switched on: the list of security modules (lsm=, else CONFIG_LSM) does not name it\n");
	return -ENODEV;
}

void portacl_bind_detach(void)
{
}

/*
 * The last step, when all else has come up: a task that has seen the key on
 * could not be waited for. There is no policy where something failed.
 */
static int __init portacl_lsm_start(void)
{
	if (rcu_access_pointer(portacl_policy))
		static_branch_enable(&portacl_judging);
	return 0;
}
late_initcall(portacl_lsm_start);

ssize_t portacl_bind_hooks_show(char *buf)
{
	static const char * const symbols[] = {
		"__inet_bind",
		"__inet6_bind",
#if IS_ENABLED(CONFIG_IP_SCTP)
		"sctp_do_bind",
		"sctp_connect_new_asoc",
#endif
		"security_socket_bind",
	};
	ssize_t len = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(symbols); i++)
		len += sysfs_emit_at(buf, len, "%s attached\n", symbols[i]);
	return len;
}

static struct security_hook_list portacl_hooks[] portacl_ro_after_init = {
	LSM_HOOK_INIT(socket_bind, portacl_socket_bind),
};

static const struct lsm_id portacl_lsmid = {
	.name = "portacl",
	.id = LSM_ID_PORTACL,
};

static int __init portacl_lsm_init(void)
{
	security_add_hooks(portacl_hooks, ARRAY_SIZE(portacl_hooks),
			   &portacl_lsmid);
	is_listed = true;
	return 0;
}

DEFINE_LSM(portacl) = {
	PORTACL_LSM_ID,
	.init = portacl_lsm_init,
};
