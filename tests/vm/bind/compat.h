/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The system calls of 32-bit programs. The old interrupt reaches them from a
 * 64-bit program too, provided that its addresses fit.
 */
#ifndef PORTACL_TEST_COMPAT_H
#define PORTACL_TEST_COMPAT_H

#include <stdbool.h>

#include "sockets.h"

/* Whether this kernel has them; it skips the case when not. */
bool have_i386(void);
/* bind by its own call, or by socketcall: 0 or a positive errno. */
int i386_bind(int fd, const union sockaddr_any *any, socklen_t length,
	      bool socketcall);

#endif
