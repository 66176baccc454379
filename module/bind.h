/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - the judgement of one bind
 */

#ifndef PORTACL_BIND_H
#define PORTACL_BIND_H

#include <linux/types.h>

#include "hook.h"

/* What became of a bind. */
enum portacl_outcome {
	PORTACL_PASSED,
	PORTACL_GRANTED,
	PORTACL_OUTCOMES,
};

/* Where binds are judged; for portacl_hooks_attach(). */
extern struct portacl_hook portacl_bind_hooks[];

/**
 * portacl_bind_count - how many binds had an outcome since the module loaded
 * @outcome: which
 *
 * Return: the sum over all processors, not a snapshot of one moment.
 */
u64 portacl_bind_count(enum portacl_outcome outcome);

#endif /* PORTACL_BIND_H */
