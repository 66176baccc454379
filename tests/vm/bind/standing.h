/* SPDX-License-Identifier: GPL-2.0-only */
/* One plain policy, what a process can be to it, and what that one may bind. */
#ifndef PORTACL_TEST_STANDING_H
#define PORTACL_TEST_STANDING_H

#include <stdint.h>

#include "model.h"
#include "sockets.h"

enum standing {
	HOLDER,		/* UID_GRANTED or GID_GRANTED: has the rules */
	STRANGER,	/* has none; under strict even if capable */
	CAPABLE,	/* holds the capability, and strict is off */
	ROOT_STRICT,	/* user 0 under strict, who has a rule of his own */
	UNJUDGED,	/* no capability, where the policy does not apply */
	STANDINGS,
};

/* Puts the policy in force. */
void standing_policy(void);

/* One bind: 0 or a positive errno. */
typedef int try_fn(void *arg, enum transport transport, enum family family,
		   uint16_t port);

/* Checks tcp and udp, IPv4 and IPv6, on every sort of port. */
void standing_check(enum standing standing, const char *what, try_fn *try,
		    void *arg);
/* By bind(2) of this process, the wildcards. */
void standing_check_here(enum standing standing, const char *what);

/*
 * A program that makes those binds: bind_list, bind_list32. It is started by
 * its descriptor, as users need not have a way to its directory.
 */
struct bind_program {
	int fd;
	const char *option;	/* its first argument, or NULL */
	/* Run in the process that becomes the program. */
	void (*prepare)(const void *arg);
	const void *arg;
};

/* A program beside this one: a descriptor, or the negative errno. */
int bind_program_open(const char *name);
void standing_check_program(enum standing standing, const char *what,
			    const struct bind_program *program);

#endif
