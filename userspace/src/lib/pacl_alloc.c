// SPDX-License-Identifier: GPL-2.0-only
/*
 * The allocator that the policy engine asks for, see core/env.h
 */

#include <stdlib.h>

#include "core/env.h"

void *pacl_alloc(size_t size)
{
	return malloc(size);
}

void pacl_free(const void *ptr)
{
	free((void *)ptr);
}
