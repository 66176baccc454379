// SPDX-License-Identifier: GPL-2.0-only
// The policy engine's headers.

#ifndef PORTACL_LIB_ENGINE_H
#define PORTACL_LIB_ENGINE_H

#include "core/env.h"
#include "core/format.h"
#include "core/match.h"
#include "core/parse.h"
#include "core/policy.h"
#include "core/rule.h"

#endif
