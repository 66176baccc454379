/* SPDX-License-Identifier: GPL-2.0-only */
/* bind by io_uring: no system call of that name is ever made. */
#ifndef PORTACL_TEST_URING_H
#define PORTACL_TEST_URING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stddef.h>

#include "sockets.h"

struct ring {
	int fd;
	unsigned int setup;
	char *rings;
	size_t rings_size;
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
};

/* With IORING_SETUP_*: 0 or a positive errno. */
int ring_open(struct ring *ring, unsigned int setup);
void ring_close(struct ring *ring);
/* Whether this kernel's io_uring binds; it skips the case when not. */
bool uring_can_bind(void);

/* A bind as a request, with IOSQE_* and a personality or 0. */
struct io_uring_sqe bind_request(int fd, const union sockaddr_any *any,
				 socklen_t length, unsigned int flags,
				 int personality);
/* Puts a request in the queue; at most four fit. */
void ring_queue(struct ring *ring, const struct io_uring_sqe *request);
/* Submits so many requests and waits until so many answers are there. */
void ring_enter(struct ring *ring, unsigned int submit, unsigned int wait);
/* The oldest answer, if there is one. */
bool ring_answer(struct ring *ring, struct io_uring_cqe *answer);

/* The number under which the ring keeps this process' credentials. */
int ring_lend(struct ring *ring);

/* One bind, waited for: 0 or a positive errno. */
int ring_bind(struct ring *ring, int fd, const union sockaddr_any *any,
	      socklen_t length, unsigned int flags, int personality);

/*
 * A request may hold its socket for a moment after it has answered, so that the
 * port of a socket that was closed before is not free at once: bind_once(arg)
 * again until it is.
 */
int once_free(int (*bind_once)(void *arg), void *arg);

#endif
