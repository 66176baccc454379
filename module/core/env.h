/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl engine - everything it needs from the world around it
 *
 * This is the porting contract and the only file of the engine that knows
 * whether it is built into the kernel or, with env_user.h, into a program:
 * fixed-width integers, memcpy() and friends, errno values, a few bit operations
 * and an allocator.
 */

#ifndef PACL_ENV_H
#define PACL_ENV_H

#ifdef __KERNEL__

#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/sched.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>

#define pacl_popcount64(x)	((unsigned int)hweight64(x))
#define pacl_ctz64(x)		((unsigned int)__ffs64(x))

#define pacl_load(x)		READ_ONCE(x)
#define pacl_store(x, value)	WRITE_ONCE(x, value)

/* Long work that may sleep lets others run. */
#define pacl_relax()		cond_resched()

static __always_inline bool pacl_test_bit(const u64 *map, unsigned int n)
{
	return test_bit(n, (const unsigned long *)map);
}

/* Zeroing scratch space on every bind would cost more than the search. */
#define pacl_uninitialized	__uninitialized
#define pacl_noinline		noinline
#define pacl_always_inline	__always_inline

#else
#include "env_user.h"
#endif /* __KERNEL__ */

#ifdef __cplusplus
extern "C" {
#endif

/**
 * pacl_alloc - allocate memory for a node, a rule or a policy
 * @size: bytes, at most 8 KiB
 *
 * Supplied by whoever links the engine; called by changes to a policy only,
 * never by pacl_match(). May sleep in the kernel.
 *
 * Return: memory aligned for a pointer, contents undefined, or NULL.
 */
void *pacl_alloc(size_t size);

/**
 * pacl_free - release what pacl_alloc() returned
 * @ptr: the memory; NULL does nothing
 */
void pacl_free(const void *ptr);

#ifdef __cplusplus
}
#endif

#endif /* PACL_ENV_H */
