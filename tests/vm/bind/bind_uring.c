// SPDX-License-Identifier: GPL-2.0-only
/* bind by io_uring: no system call of that name is ever made. */
#define _GNU_SOURCE
#include "bind_test.h"

#include <unistd.h>

#include "harness.h"
#include "model.h"
#include "sockets.h"
#include "uring.h"

struct ring_try {
	struct ring *ring;
	enum transport transport;
	enum family family;
	uint16_t port;
	unsigned int flags;
	int personality;
};

static int bind_once(void *arg)
{
	const struct ring_try *try = arg;
	int fd = need_socket(try->transport, try->family);
	union sockaddr_any any;
	socklen_t length = make_plain_address(&any, try->family,
					      ADDRESS_LOOPBACK, try->port);
	int error = ring_bind(try->ring, fd, &any, length, try->flags,
			      try->personality);

	close(fd);
	return error;
}

static int bind_free_port(struct ring *ring, enum transport transport,
			  enum family family, uint16_t port,
			  unsigned int flags, int personality)
{
	struct ring_try try = { ring, transport, family, port, flags,
				personality };

	return once_free(bind_once, &try);
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
	ring_close(&ring);
	error = ring_open(&ring, IORING_SETUP_SQPOLL);
	if (error) {
		skip("a ring with its own thread: %s", errno_name(error));
		return;
	}
	try_ports(&ring, subject, 0, 0, "polling thread");
	ring_close(&ring);
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
	granted_id = ring_lend(&ring);
	if (seteuid(0) || seteuid(UID_OTHER))
		die("seteuid: %m");
	other_id = ring_lend(&ring);
	try_ports(&ring, &granted, 0, granted_id, "another user's ring");
	try_ports(&ring, &granted, IOSQE_ASYNC, granted_id,
		  "another user's worker");
	if (seteuid(0) || seteuid(UID_GRANTED))
		die("seteuid: %m");
	try_ports(&ring, &other, 0, other_id, "the granted user's ring");
	try_ports(&ring, &other, IOSQE_ASYNC, other_id,
		  "the granted user's worker");
	ring_close(&ring);
}

void uring_run(void)
{
	struct subject subjects[] = {
		subject_user("granted user", UID_GRANTED),
		subject_user("other user", UID_OTHER),
		{ .name = "root", .capable = true },
	};

	group_begin("io_uring");
	if (!uring_can_bind())
		return;
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		in_child(own_ring, &subjects[i]);
	in_child(lent_credentials, NULL);
	group_end();
}
