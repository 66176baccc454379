/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - the judgement of SCTP binds
 */

#ifndef PORTACL_SCTP_H
#define PORTACL_SCTP_H

#include <linux/kconfig.h>
#include <linux/types.h>

#if IS_ENABLED(CONFIG_IP_SCTP)

/**
 * portacl_sctp_attach - judge SCTP binds, from now on or when SCTP comes
 *
 * May sleep. The policy must be there. While this holds, the module of SCTP can
 * only be loaded if its binds can be judged.
 *
 * Return: 0; -ENOMEM; what attaching says when SCTP is here.
 */
int portacl_sctp_attach(void);

/**
 * portacl_sctp_detach - judge no SCTP bind any more
 *
 * May sleep, until the last bind that has been granted has returned. No bind is
 * being judged when this returns; it does not when ftrace has been killed by a
 * fault. The policy must grant nothing any more.
 */
void portacl_sctp_detach(void);

/**
 * portacl_sctp_show - its line of hooks
 * @buf: one page
 * @len: bytes of @buf that are in use
 *
 * May sleep.
 *
 * Return: bytes written.
 */
ssize_t portacl_sctp_show(char *buf, ssize_t len);

#else

static inline int portacl_sctp_attach(void)
{
	return 0;
}

static inline void portacl_sctp_detach(void)
{
}

static inline ssize_t portacl_sctp_show(char *buf, ssize_t len)
{
	return 0;
}

#endif

#endif /* PORTACL_SCTP_H */
