/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs of a cgroup for bind and connect, by bpf(2) and nothing else, and a
 * cgroup to attach them to.
 */
#ifndef PORTACL_TEST_CGROUP_BPF_H
#define PORTACL_TEST_CGROUP_BPF_H

#include <stdbool.h>
#include <stdint.h>

#include "sockets.h"

/*
 * Makes a cgroup and runs fn() in a child of this process, which sees it; then
 * detaches all programs and removes it. Skips the case where the kernel lacks
 * what that takes.
 */
void with_cgroup(void (*fn)(void));
/* This process and the children that it will have are in it from now on. */
void cgroup_join(void);

/* What such a program answers; the second bit is for the capability. */
enum bind_verdict {
	BIND_REFUSE = 0,
	BIND_GO_ON = 1,
	BIND_REFUSE_FLAG = 2,
	BIND_SKIP_CAPABILITY = 3,
};

#define BIND_KEEP_PORT (-1)

/* What a program does to every bind of a family. */
struct bind_change {
	enum bind_verdict verdict;
	int port;			/* or BIND_KEEP_PORT */
	const char *address;		/* or NULL */
};

void attach_bind(bool v6, const struct bind_change *change);
/* To every connect: binds the socket first, and refuses if that is refused. */
void attach_connect(bool v6, const char *address, uint16_t port);
void detach_all(void);

#endif
