// SPDX-License-Identifier: GPL-2.0-only
/*
 * The match as a hook has it: whatever the header inlines, in one function
 * with an address.
 */

#include "match_entry.h"

__attribute__((__noinline__)) enum pacl_verdict
match_entry(const struct pacl_policy *policy,
	    const struct pacl_request *request, const struct pacl_atom **why)
{
	return pacl_match(policy, request, why);
}
