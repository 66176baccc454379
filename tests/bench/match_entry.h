/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MATCH_ENTRY_H
#define MATCH_ENTRY_H

#include "core/match.h"

#ifdef __cplusplus
extern "C" {
#endif

enum pacl_verdict match_entry(const struct pacl_policy *policy,
			      const struct pacl_request *request,
			      const struct pacl_atom **why);

#ifdef __cplusplus
}
#endif

#endif /* MATCH_ENTRY_H */
