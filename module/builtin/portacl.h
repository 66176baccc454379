/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - what the network asks of it where it is built in
 */

#ifndef _LINUX_PORTACL_H
#define _LINUX_PORTACL_H

#include <linux/jump_label.h>
#include <linux/types.h>

struct sock;

#ifdef CONFIG_SECURITY_PORTACL

/* On while there is a policy: from boot, where portacl is switched on. */
DECLARE_STATIC_KEY_FALSE(portacl_judging);

int __portacl_bind(const struct sock *sk, const void *addr, int family,
		   u16 port, u32 *flags);
bool __portacl_grants(const struct sock *sk, const void *addr, int family,
		      u16 port);

/**
 * portacl_bind - judge a bind
 * @sk: the socket
 * @addr: the address, long enough for its family
 * @family: AF_INET or AF_INET6: that of @addr
 * @port: that the bind takes, in host byte order; 0 where the kernel chooses
 * @flags: BIND_*; gets BIND_NO_CAP_NET_BIND_SERVICE when a rule grants the port
 *
 * To be called before the kernel asks for CAP_NET_BIND_SERVICE, by the process
 * that binds. Does not sleep.
 *
 * Return: 0, or -EACCES when policy refuses the port.
 */
static inline int portacl_bind(const struct sock *sk, const void *addr,
			       int family, u16 port, u32 *flags)
{
	if (static_branch_unlikely(&portacl_judging))
		return __portacl_bind(sk, addr, family, port, flags);
	return 0;
}

/**
 * portacl_grants - whether a rule would grant a bind
 * @sk: the socket
 * @addr: the address, long enough for its family
 * @family: AF_INET or AF_INET6: that of @addr
 * @port: in host byte order, not 0
 *
 * For what is no bind and needs the same right. In the context of
 * portacl_bind(); counts and reports nothing.
 */
static inline bool portacl_grants(const struct sock *sk, const void *addr,
				  int family, u16 port)
{
	return static_branch_unlikely(&portacl_judging) &&
	       __portacl_grants(sk, addr, family, port);
}

#else

static inline int portacl_bind(const struct sock *sk, const void *addr,
			       int family, u16 port, u32 *flags)
{
	return 0;
}

static inline bool portacl_grants(const struct sock *sk, const void *addr,
				  int family, u16 port)
{
	return false;
}

#endif /* CONFIG_SECURITY_PORTACL */

#endif /* _LINUX_PORTACL_H */
