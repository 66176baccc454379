/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl engine - the kernel's types and attributes, in a program
 */

#ifndef PACL_ENV_USER_H
#define PACL_ENV_USER_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#ifndef U16_MAX
#define U16_MAX UINT16_MAX
#define U32_MAX UINT32_MAX
#endif

#define pacl_popcount64(x)	((unsigned int)__builtin_popcountll(x))
#define pacl_ctz64(x)		((unsigned int)__builtin_ctzll(x))

static inline bool pacl_test_bit(const u64 *map, unsigned int n)
{
	return map[n / 64] >> (n & 63) & 1;
}

#define pacl_load(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define pacl_store(x, value)	__atomic_store_n(&(x), value, __ATOMIC_RELAXED)
#define pacl_relax()		((void)0)
#define pacl_noinline		__attribute__((__noinline__))
#define pacl_always_inline	inline __attribute__((__always_inline__))

#endif /* PACL_ENV_USER_H */
