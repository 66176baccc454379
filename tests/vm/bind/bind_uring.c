// SPDX-License-Identifier: GPL-2.0-only
/* bind by io_uring: no system call of that name is ever made. */
#define _GNU_SOURCE
#include "bind_test.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "model.h"
#include "sockets.h"

/* Since Linux 6.11; the header may be older. */
#define OP_BIND 56

struct ring {
	int fd;
	unsigned int setup;
	char *rings;
	struct io_uring_sqe *sqes;
	struct io_uring_params params;
};

static int ring_open(struct ring *ring, unsigned int setup)
{
	size_t size;

	memset(ring, 0, sizeof(*ring));
	ring->setup = setup;
	ring->params.flags = setup;
	ring->params.sq_thread_idle = 1000;
	ring->fd = syscall(SYS_io_uring_setup, 4, &ring->params);
	if (ring->fd < 0)
		return errno;
	if (!(ring->params.features & IORING_FEAT_SINGLE_MMAP))
		die("io_uring is too old");
	size = ring->params.cq_off.cqes +
	       ring->params.cq_entries * sizeof(struct io_uring_cqe);
	if (size < ring->params.sq_off.array + 4 * sizeof(unsigned int))
		size = ring->params.sq_off.array + 4 * sizeof(unsigned int);
	ring->rings = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			   ring->fd, IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL,
			  ring->params.sq_entries * sizeof(*ring->sqes),
			  PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
			  IORING_OFF_SQES);
	if (ring->rings == MAP_FAILED || ring->sqes == MAP_FAILED)
		die("mapping the ring: %m");
	return 0;
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

#define RING_AT(ring, member) \
	((_Atomic unsigned int *)((ring)->rings + (ring)->params.member))

/* One request, waited for: 0 or a positive errno. */
static int ring_bind(struct ring *ring, int fd, const union sockaddr_any *any,
		     socklen_t length, unsigned int flags, int personality)
{
	_Atomic unsigned int *sq_tail = RING_AT(ring, sq_off.tail);
	_Atomic unsigned int *cq_head = RING_AT(ring, cq_off.head);
	unsigned int mask = *RING_AT(ring, sq_off.ring_mask);
	unsigned int tail = *sq_tail, head = *cq_head;
	struct io_uring_sqe *sqe = &ring->sqes[tail & mask];
	unsigned int enter = IORING_ENTER_GETEVENTS;
	struct io_uring_cqe *cqes;

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = OP_BIND;
	sqe->fd = fd;
	sqe->flags = flags;
	sqe->personality = personality;
	sqe->addr = (uintptr_t)any;
	sqe->addr2 = length;
	RING_AT(ring, sq_off.array)[tail & mask] = tail & mask;
	*sq_tail = tail + 1;
	if (ring->setup & IORING_SETUP_SQPOLL)
		enter |= IORING_ENTER_SQ_WAKEUP;
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, enter, NULL, 0) < 0)
		die("io_uring_enter: %m");
	if (*RING_AT(ring, cq_off.tail) == head)
		die("io_uring_enter came back without an answer");
	cqes = (void *)(ring->rings + ring->params.cq_off.cqes);
	mask = *RING_AT(ring, cq_off.ring_mask);
	fd = cqes[head & mask].res;
	*cq_head = head + 1;
	return fd < 0 ? -fd : 0;
}

/*
 * A request may hold its socket for a moment after it has answered, so that the
 * port of a socket that was closed before is not free at once.
 */
static int bind_free_port(struct ring *ring, enum transport transport,
			  enum family family, uint16_t port,
			  unsigned int flags, int personality)
{
	long long deadline = now_ms() + DEADLINE_MS;
	union sockaddr_any any;
	socklen_t length = make_plain_address(&any, family, ADDRESS_LOOPBACK,
					      port);
	int error;

	do {
		int fd = need_socket(transport, family);

		error = ring_bind(ring, fd, &any, length, flags, personality);
		close(fd);
	} while (error == EADDRINUSE && now_ms() < deadline);
	return error;
}

static void try_ports(struct ring *ring, const struct subject *subject,
		      unsigned int flags, int personality, const char *how)
{
	static const uint16_t ports[] = { PORT_GRANTED, PORT_LOW, PORT_HIGH,
					  PORT_DENIED, PORT_RESERVED, 0 };

	for (int t = TRANSPORT_TCP; t <= TRANSPORT_MPTCP; t++)
		for (int f = 0; f < FAMILIES; f++)
			for (size_t p = 0; p < ARRAY_SIZE(ports); p++)
				check_errno(bind_free_port(ring, t, f, ports[p],
							   flags, personality),
					    model_expect(subject, t, ports[p]),
					    "%s, %s, %s %s port %u", how,
					    subject->name, transport_names[t],
					    family_names[f], ports[p]);
}

static void own_ring(void *arg)
{
	const struct subject *subject = arg;
	struct ring ring;
	int error;

	subject_become(subject);
	if (ring_open(&ring, 0))
		die("io_uring_setup: %m");
	try_ports(&ring, subject, 0, 0, "inline");
	try_ports(&ring, subject, IOSQE_ASYNC, 0, "worker");
	close(ring.fd);
	error = ring_open(&ring, IORING_SETUP_SQPOLL);
	if (error) {
		skip("a ring with its own thread: %s", errno_name(error));
		return;
	}
	try_ports(&ring, subject, 0, 0, "polling thread");
	close(ring.fd);
}

/* A request may carry the credentials that its ring was given before. */
static void lent_credentials(void *arg)
{
	struct subject granted = subject_user("lent by the granted user",
					      UID_GRANTED);
	struct subject other = subject_user("lent by another user", UID_OTHER);
	int granted_id, other_id;
	struct ring ring;

	(void)arg;
	if (ring_open(&ring, 0))
		die("io_uring_setup: %m");
	if (seteuid(UID_GRANTED))
		die("seteuid: %m");
	granted_id = syscall(SYS_io_uring_register, ring.fd,
			     IORING_REGISTER_PERSONALITY, NULL, 0);
	if (seteuid(0) || seteuid(UID_OTHER))
		die("seteuid: %m");
	other_id = syscall(SYS_io_uring_register, ring.fd,
			   IORING_REGISTER_PERSONALITY, NULL, 0);
	if (granted_id < 0 || other_id < 0)
		die("IORING_REGISTER_PERSONALITY: %m");
	try_ports(&ring, &granted, 0, granted_id, "another user's ring");
	try_ports(&ring, &granted, IOSQE_ASYNC, granted_id,
		  "another user's worker");
	if (seteuid(0) || seteuid(UID_GRANTED))
		die("seteuid: %m");
	try_ports(&ring, &other, 0, other_id, "the granted user's ring");
	try_ports(&ring, &other, IOSQE_ASYNC, other_id,
		  "the granted user's worker");
	close(ring.fd);
}

void uring_run(void)
{
	struct subject subjects[] = {
		subject_user("granted user", UID_GRANTED),
		subject_user("other user", UID_OTHER),
		{ .name = "root", .capable = true },
	};
	struct ring ring;
	int error;

	group_begin("io_uring");
	error = ring_open(&ring, 0);
	if (error) {
		skip("io_uring: %s", errno_name(error));
		return;
	}
	if (!ring_can_bind(&ring)) {
		skip("this kernel's io_uring does not bind");
		close(ring.fd);
		return;
	}
	close(ring.fd);
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		in_child(own_ring, &subjects[i]);
	in_child(lent_credentials, NULL);
	group_end();
}
