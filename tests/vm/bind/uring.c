// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "uring.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"

/* Since Linux 6.11; the header may be older. */
#define OP_BIND 56

#define ENTRIES 4

static size_t sqes_size(const struct ring *ring)
{
	return ring->params.sq_entries * sizeof(*ring->sqes);
}

int ring_open(struct ring *ring, unsigned int setup)
{
	size_t size;

	memset(ring, 0, sizeof(*ring));
	ring->setup = setup;
	ring->params.flags = setup;
	ring->params.sq_thread_idle = 1000;
	ring->fd = syscall(SYS_io_uring_setup, ENTRIES, &ring->params);
	if (ring->fd < 0)
		return errno;
	if (!(ring->params.features & IORING_FEAT_SINGLE_MMAP))
		die("io_uring is too old");
	size = ring->params.cq_off.cqes +
	       ring->params.cq_entries * sizeof(struct io_uring_cqe);
	if (size < ring->params.sq_off.array + ENTRIES * sizeof(unsigned int))
		size = ring->params.sq_off.array +
		       ENTRIES * sizeof(unsigned int);
	ring->rings_size = size;
	ring->rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			   ring->fd, IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, sqes_size(ring), PROT_READ | PROT_WRITE,
			  MAP_SHARED, ring->fd, IORING_OFF_SQES);
	if (ring->rings == MAP_FAILED || ring->sqes == MAP_FAILED)
		die("mapping the ring: %m");
	return 0;
}

void ring_close(struct ring *ring)
{
	munmap(ring->sqes, sqes_size(ring));
	munmap(ring->rings, ring->rings_size);
	close(ring->fd);
}

static bool ring_can_bind(const struct ring *ring)
{
	size_t size = sizeof(struct io_uring_probe) +
		      256 * sizeof(struct io_uring_probe_op);
	struct io_uring_probe *probe = calloc(1, size);
	bool can;

	if (!probe)
		die("calloc: %m");
	if (syscall(SYS_io_uring_register, ring->fd, IORING_REGISTER_PROBE,
		    probe, 256))
		die("IORING_REGISTER_PROBE: %m");
	can = probe->last_op >= OP_BIND &&
	      (probe->ops[OP_BIND].flags & IO_URING_OP_SUPPORTED);
	free(probe);
	return can;
}

bool uring_can_bind(void)
{
	struct ring ring;
	int error = ring_open(&ring, 0);
	bool can;

	if (error) {
		skip("io_uring: %s", errno_name(error));
		return false;
	}
	can = ring_can_bind(&ring);
	ring_close(&ring);
	if (!can)
		skip("this kernel's io_uring does not bind");
	return can;
}

#define RING_AT(ring, member) \
	((_Atomic unsigned int *)((ring)->rings + (ring)->params.member))

struct io_uring_sqe bind_request(int fd, const union sockaddr_any *any,
				 socklen_t length, unsigned int flags,
				 int personality)
{
	return (struct io_uring_sqe){
		.opcode = OP_BIND,
		.fd = fd,
		.flags = flags,
		.personality = personality,
		.addr = (uintptr_t)any,
		.addr2 = length,
	};
}

/* A thread that polls takes a request as soon as the tail has moved. */
void ring_queue(struct ring *ring, const struct io_uring_sqe *request)
{
	_Atomic unsigned int *sq_tail = RING_AT(ring, sq_off.tail);
	unsigned int mask = *RING_AT(ring, sq_off.ring_mask);
	unsigned int tail = *sq_tail;

	ring->sqes[tail & mask] = *request;
	RING_AT(ring, sq_off.array)[tail & mask] = tail & mask;
	*sq_tail = tail + 1;
}

static unsigned int answers(const struct ring *ring)
{
	return *RING_AT(ring, cq_off.tail) - *RING_AT(ring, cq_off.head);
}

void ring_enter(struct ring *ring, unsigned int submit, unsigned int wait)
{
	unsigned int flags = wait ? IORING_ENTER_GETEVENTS : 0;

	if (ring->setup & IORING_SETUP_SQPOLL)
		flags |= IORING_ENTER_SQ_WAKEUP;
	if (syscall(SYS_io_uring_enter, ring->fd, submit, wait, flags, NULL,
		    0) < 0)
		die("io_uring_enter: %m");
	if (answers(ring) < wait)
		die("io_uring_enter came back without an answer");
}

bool ring_answer(struct ring *ring, struct io_uring_cqe *answer)
{
	_Atomic unsigned int *head = RING_AT(ring, cq_off.head);
	unsigned int mask = *RING_AT(ring, cq_off.ring_mask);
	const struct io_uring_cqe *cqes =
		(void *)(ring->rings + ring->params.cq_off.cqes);

	if (!answers(ring))
		return false;
	*answer = cqes[*head & mask];
	*head += 1;
	return true;
}

int ring_lend(struct ring *ring)
{
	int id = syscall(SYS_io_uring_register, ring->fd,
			 IORING_REGISTER_PERSONALITY, NULL, 0);

	if (id < 0)
		die("IORING_REGISTER_PERSONALITY: %m");
	return id;
}

int ring_bind(struct ring *ring, int fd, const union sockaddr_any *any,
	      socklen_t length, unsigned int flags, int personality)
{
	struct io_uring_sqe request =
		bind_request(fd, any, length, flags, personality);
	struct io_uring_cqe answer;

	ring_queue(ring, &request);
	ring_enter(ring, 1, 1);
	ring_answer(ring, &answer);
	return answer.res < 0 ? -answer.res : 0;
}

int once_free(int (*bind_once)(void *arg), void *arg)
{
	long long deadline = now_ms() + DEADLINE_MS;
	int error;

	do {
		error = bind_once(arg);
	} while (error == EADDRINUSE && now_ms() < deadline);
	return error;
}
