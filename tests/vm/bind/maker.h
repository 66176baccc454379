/* SPDX-License-Identifier: GPL-2.0-only */
/* A process that makes sockets and sends them to another. */
#ifndef PORTACL_TEST_MAKER_H
#define PORTACL_TEST_MAKER_H

#include <sys/types.h>

#include "sockets.h"

struct maker {
	int channel;
	pid_t pid;
};

/* A child that runs prepare(arg) first, and is what it is then. */
void maker_start(struct maker *maker, void (*prepare)(const void *arg),
		 const void *arg);
/* A socket of its making; it dies when there is none. */
int maker_socket(const struct maker *maker, enum transport transport,
		 enum family family);
void maker_end(const struct maker *maker);

#endif
