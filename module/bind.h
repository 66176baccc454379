/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - the judgement of one bind
 */

#ifndef PORTACL_BIND_H
#define PORTACL_BIND_H

#include <linux/types.h>

/**
 * portacl_bind_attach - begin to judge binds
 *
 * May sleep. The policy must be there.
 *
 * Return: 0 or what portacl_hooks_attach() says.
 */
int portacl_bind_attach(void);

/**
 * portacl_bind_detach - judge no bind any more
 *
 * May sleep. No bind is being judged when this returns.
 */
void portacl_bind_detach(void);

/**
 * portacl_bind_hooks_show - list the hooks, one "SYMBOL STATE" a line
 * @buf: one page, as for a sysfs show()
 *
 * May sleep.
 *
 * Return: bytes written.
 */
ssize_t portacl_bind_hooks_show(char *buf);

#endif /* PORTACL_BIND_H */
