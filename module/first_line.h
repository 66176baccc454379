/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - the first line, in the security hook of bind(2)
 */

#ifndef PORTACL_FIRST_LINE_H
#define PORTACL_FIRST_LINE_H

#include <linux/cred.h>
#include <linux/in.h>
#include <linux/net.h>
#include <linux/types.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "judge.h"

/*
 * Whether a bind is none of the first line's business. One that the judgement
 * refuses gets its EACCES from the kernel's own check, so that only those are
 * refused here whom that check would let pass, and all others lose no time. Over
 * the initial namespace that is a matter of one bit. What SMC and RXRPC sockets
 * ask for is always looked at: the judgement may have to take the socket inside
 * for the kernel's own, and a second RXRPC socket shares a UDP port without a
 * bind.
 */
static __always_inline bool portacl_first_line_passes(const struct socket *sock)
{
	const struct sock *sk = sock->sk;

	return net_eq(sock_net(sk), &init_net) &&
	       !cap_raised(current_cred()->cap_effective,
			   CAP_NET_BIND_SERVICE) &&
	       portacl_boundary(&init_net) > 1 &&
	       sk->sk_family <= AF_INET6 && sk->sk_protocol != IPPROTO_SMC;
}

/**
 * portacl_first_line_refuses - judge what portacl_first_line_passes() does not
 * @sock: the socket of the program, not locked
 * @addr: the address that it gave, in the kernel
 * @len: of @addr
 *
 * In the context of the process that binds; does not sleep. A refusal has been
 * counted and reported.
 *
 * Return: whether the bind is to end with EACCES.
 */
bool portacl_first_line_refuses(const struct socket *sock, const void *addr,
				int len);

/**
 * portacl_first_line_update - follow the policy in force
 *
 * May sleep. The first line is attached only while there is something to
 * refuse.
 */
void portacl_first_line_update(void);

/**
 * portacl_first_line_detach - end it, whatever the policy
 *
 * May sleep, and does not return when ftrace has been killed by a fault and
 * cannot be detached from.
 */
void portacl_first_line_detach(void);

/**
 * portacl_first_line_show - its line of hooks
 * @buf: one page
 * @len: bytes of @buf that are in use
 *
 * Return: bytes written.
 */
ssize_t portacl_first_line_show(char *buf, ssize_t len);

#endif /* PORTACL_FIRST_LINE_H */
