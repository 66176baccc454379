// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "bind_test.h"

#include <errno.h>
#include <stdio.h>

#include "harness.h"
#include "model.h"
#include "sockets.h"

#define PLAIN(user, group) \
	.ruid = (user), .euid = (user), .suid = (user), \
	.rgid = (group), .egid = (group), .sgid = (group)

static const struct subject table_subjects[] = {
	{ .name = "granted user", PLAIN(UID_GRANTED, GID_OTHER) },
	{ .name = "granted group", PLAIN(UID_MEMBER, GID_GRANTED) },
	{ .name = "supplementary group", PLAIN(UID_MEMBER, GID_OTHER),
	  .groups = { 1, 5, GID_OTHER, GID_GRANTED, 65000 },
	  .group_count = 5 },
	{ .name = "other user", PLAIN(UID_OTHER, GID_OTHER),
	  .groups = { 1, 5, GID_OTHER, GID_GRANTED - 1, GID_GRANTED + 1 },
	  .group_count = 5 },
	{ .name = "root", .capable = true },
};

static const uint16_t table_ports[] = { PORT_GRANTED, PORT_LOW, PORT_HIGH,
					PORT_DENIED, PORT_RESERVED, 0 };

static void table_case(const struct subject *subject, enum transport transport,
		       enum family family, enum address address, uint16_t port)
{
	check_errno(try_bind(transport, family, address, port),
		    model_expect(subject, transport, port),
		    "%s %s %s, %s, port %u", transport_names[transport],
		    family_names[family], address_names[address],
		    subject->name, port);
}

static void table_subject(void *arg)
{
	const struct subject *subject = arg;

	subject_become(subject);
	for (int t = TRANSPORT_TCP; t <= TRANSPORT_MPTCP; t++)
		for (int f = 0; f < FAMILIES; f++)
			for (int a = 0; a < ADDRESSES; a++)
				for (size_t p = 0; p < ARRAY_SIZE(table_ports);
				     p++)
					table_case(subject, t, f, a,
						   table_ports[p]);
}

void table_run(void)
{
	group_begin("table");
	for (size_t i = 0; i < ARRAY_SIZE(table_subjects); i++)
		in_child(table_subject, (void *)&table_subjects[i]);
	group_end();
}

static const struct subject sweep_subjects[] = {
	{ .name = "granted user", PLAIN(UID_GRANTED, GID_OTHER) },
	{ .name = "granted group", PLAIN(UID_MEMBER, GID_GRANTED) },
	{ .name = "user before the granted one",
	  PLAIN(UID_GRANTED - 1, GID_OTHER) },
	{ .name = "user after the granted one",
	  PLAIN(UID_GRANTED + 1, GID_OTHER) },
	{ .name = "uid like the granted group", PLAIN(GID_GRANTED, GID_OTHER) },
	{ .name = "gid like the granted user", PLAIN(UID_OTHER, UID_GRANTED) },
	{ .name = "granted uid modulo 65536",
	  PLAIN(UID_GRANTED + 65536, GID_OTHER) },
	{ .name = "user with lists", PLAIN(UID_PORTS, GID_OTHER) },
	{ .name = "user with transports", PLAIN(UID_TRANSPORT, GID_OTHER) },
	{ .name = "user with first and last", PLAIN(UID_ENDS, GID_OTHER) },
	{ .name = "user before each", PLAIN(UID_EACH_FIRST - 1, GID_OTHER) },
	{ .name = "first of each", PLAIN(UID_EACH_FIRST, GID_OTHER) },
	{ .name = "fifth of each", PLAIN(UID_EACH_FIRST + 4, GID_OTHER) },
	{ .name = "last of each", PLAIN(UID_EACH_LAST, GID_OTHER) },
	{ .name = "user after each", PLAIN(UID_EACH_LAST + 1, GID_OTHER) },
	{ .name = "each of one", PLAIN(UID_EACH_ONE, GID_OTHER) },
	{ .name = "highest uid", PLAIN(UID_HIGHEST, GID_OTHER) },
	{ .name = "two rights at once", PLAIN(UID_PORTS, GID_GRANTED) },
	/* Forty groups, the granted one in the middle. */
	{ .name = "many groups", PLAIN(UID_OTHER, GID_OTHER),
	  .groups = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17,
		      18, 19, GID_GRANTED, 65001, 65002, 65003, 65004, 65005,
		      65006, 65007, 65008, 65009, 65010, 65011, 65012, 65013,
		      65014, 65015, 65016, 65017, 65018, 65019, 65020 },
	  .group_count = 40 },
};

/* One case a sweep; the first port that differs is named. */
static void sweep_ports(const struct subject *subject,
			enum transport transport, enum family family)
{
	unsigned int bad = 0, granted = 0;
	uint16_t bad_port = 0;
	int bad_error = 0;

	for (uint16_t port = 1; port <= PRIVILEGED_PORTS; port++) {
		int error = try_bind(transport, family, ADDRESS_LOOPBACK, port);

		granted += !error && port < PRIVILEGED_PORTS;
		if (error == model_expect(subject, transport, port))
			continue;
		if (!bad++) {
			bad_port = port;
			bad_error = error;
		}
	}
	check(!bad,
	      "%s, %s %s: %u ports differ (%u granted), the first is %u: got %s, want %s",
	      subject->name, transport_names[transport], family_names[family],
	      bad, granted, bad_port, errno_name(bad_error),
	      errno_name(model_expect(subject, transport, bad_port)));
}

static void sweep_subject(void *arg)
{
	const struct subject *subject = arg;

	subject_become(subject);
	sweep_ports(subject, TRANSPORT_TCP, FAMILY_V6);
	sweep_ports(subject, TRANSPORT_UDP, FAMILY_V4);
	/* The rest shares their path; the ports around a boundary will do. */
	if (subject->euid != UID_TRANSPORT)
		return;
	sweep_ports(subject, TRANSPORT_MPTCP, FAMILY_V4);
	if (have_transport(TRANSPORT_UDPLITE))
		sweep_ports(subject, TRANSPORT_UDPLITE, FAMILY_V6);
	else
		skip("sweep of UDP-Lite: not in this kernel");
}

void sweep_run(void)
{
	group_begin("sweep");
	for (size_t i = 0; i < ARRAY_SIZE(sweep_subjects); i++)
		in_child(sweep_subject, (void *)&sweep_subjects[i]);
	group_end();
}
