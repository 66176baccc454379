/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - the judgement of one bind
 */

#ifndef PORTACL_BIND_H
#define PORTACL_BIND_H

#include <linux/types.h>

#include "report.h"

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
 * portacl_bind_update - follow the policy in force
 *
 * May sleep. The first line is attached only while there is something to
 * refuse.
 */
void portacl_bind_update(void);

/**
 * portacl_bind_hooks_show - as portacl_hooks_show()
 * @buf: one page
 *
 * Return: bytes written.
 */
ssize_t portacl_bind_hooks_show(char *buf);

/**
 * portacl_bind_count - how many binds had an outcome since the module loaded
 * @outcome: which
 *
 * Return: the sum over all processors, not a snapshot of one moment.
 */
u64 portacl_bind_count(enum portacl_outcome outcome);

#endif /* PORTACL_BIND_H */
