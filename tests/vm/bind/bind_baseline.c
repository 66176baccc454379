// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's own answers, as measured on unmodified kernels: they must be
 * the same with the module loaded, and a grant must lift the privilege check
 * and nothing else.
 */
#define _GNU_SOURCE
#include "bind_test.h"

#include <errno.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "model.h"
#include "sockets.h"

enum row_setup {
	SETUP_NONE,
	SETUP_BOUND,		/* bound to another port first */
	SETUP_V6ONLY,
};

struct row {
	const char *name;
	enum transport transport;
	enum family family;	/* of the socket */
	const char *address;
	int sa_family;		/* unless 0 */
	bool sized;		/* of this length, not the address' own */
	int length;
	enum row_setup setup;
	/* The answers: a low port refused, a low port granted, a high port. */
	int refused;
	int granted;
	int high;
};

#define ROW(n, t, f, a, ...) \
	{ .name = n, .transport = TRANSPORT_##t, .family = FAMILY_##f, \
	  .address = a, __VA_ARGS__ }
#define LENGTH(n) .sized = true, .length = (n)
/* Refused or not, the privilege check is never reached, or never passed. */
#define ALWAYS(error) .refused = (error), .granted = (error), .high = (error)
/* The privilege check comes first, and then there is this. */
#define THEN(error) .refused = EACCES, .granted = (error), .high = (error)

static const struct row rows[] = {
	ROW("LB-02", TCP, V4, "0.0.0.0", THEN(0)),
	ROW("LB-03 unspec wildcard", TCP, V4, "0.0.0.0",
	    .sa_family = -1, THEN(0)),
	ROW("LB-04 unspec wildcard", UDP, V4, "0.0.0.0",
	    .sa_family = -1, THEN(0)),
	ROW("unspec wildcard", MPTCP, V4, "0.0.0.0",
	    .sa_family = -1, THEN(0)),
	ROW("LB-05 unspec loopback", TCP, V4, "127.0.0.1",
	    .sa_family = -1, ALWAYS(EAFNOSUPPORT)),
	ROW("unspec loopback", UDP, V4, "127.0.0.1",
	    .sa_family = -1, ALWAYS(EAFNOSUPPORT)),
	ROW("LB-06 unspec wildcard", TCP, V6, "::",
	    .sa_family = -1, ALWAYS(EAFNOSUPPORT)),
	ROW("LB-06 unspec loopback", UDP, V6, "::1",
	    .sa_family = -1, ALWAYS(EAFNOSUPPORT)),
	ROW("LB-07 IPv4 address", TCP, V6, "127.0.0.1",
	    LENGTH(28), ALWAYS(EAFNOSUPPORT)),
	ROW("LB-07 IPv4 address", UDP, V6, "0.0.0.0",
	    LENGTH(28), ALWAYS(EAFNOSUPPORT)),
	ROW("IPv4 address of its own length", TCP, V6, "127.0.0.1",
	    ALWAYS(EINVAL)),
	ROW("IPv6 address", TCP, V4, "::1", ALWAYS(EAFNOSUPPORT)),
	ROW("IPv6 wildcard", UDP, V4, "::", ALWAYS(EAFNOSUPPORT)),
	ROW("LB-08 family 99", TCP, V4, "0.0.0.0",
	    .sa_family = 99, ALWAYS(EAFNOSUPPORT)),
	ROW("family 99", TCP, V6, "::",
	    .sa_family = 99, ALWAYS(EAFNOSUPPORT)),
	ROW("LB-09 length 0", TCP, V4, "0.0.0.0",
	    LENGTH(0), ALWAYS(EINVAL)),
	ROW("length 1", TCP, V4, "0.0.0.0", LENGTH(1), ALWAYS(EINVAL)),
	ROW("length 2", UDP, V4, "0.0.0.0", LENGTH(2), ALWAYS(EINVAL)),
	ROW("length 4", UDP, V4, "0.0.0.0", LENGTH(4), ALWAYS(EINVAL)),
	ROW("LB-09 length 15", TCP, V4, "0.0.0.0",
	    LENGTH(15), ALWAYS(EINVAL)),
	ROW("length 16", TCP, V4, "0.0.0.0", LENGTH(16), THEN(0)),
	ROW("length 128", TCP, V4, "0.0.0.0", LENGTH(128), THEN(0)),
	ROW("length 129", TCP, V4, "0.0.0.0", LENGTH(129), ALWAYS(EINVAL)),
	ROW("length 0", TCP, V6, "::", LENGTH(0), ALWAYS(EINVAL)),
	ROW("length 1", UDP, V6, "::", LENGTH(1), ALWAYS(EINVAL)),
	ROW("length 2", TCP, V6, "::", LENGTH(2), ALWAYS(EINVAL)),
	ROW("length 16", TCP, V6, "::", LENGTH(16), ALWAYS(EINVAL)),
	ROW("LB-10 length 23", TCP, V6, "::", LENGTH(23), ALWAYS(EINVAL)),
	ROW("length 23", UDP, V6, "::1", LENGTH(23), ALWAYS(EINVAL)),
	ROW("LB-11 length 24", TCP, V6, "::", LENGTH(24), THEN(0)),
	ROW("length 24", UDP, V6, "::1", LENGTH(24), THEN(0)),
	ROW("length 24", MPTCP, V6, "::1", LENGTH(24), THEN(0)),
	ROW("length 24", TCP, V6, "::ffff:127.0.0.1", LENGTH(24), THEN(0)),
	ROW("length 27", TCP, V6, "::", LENGTH(27), THEN(0)),
	ROW("length 128", UDP, V6, "::", LENGTH(128), THEN(0)),
	ROW("LB-12/13 mapped", TCP, V6, "::ffff:127.0.0.1", THEN(0)),
	ROW("mapped, v6only", TCP, V6, "::ffff:127.0.0.1",
	    .setup = SETUP_V6ONLY, THEN(EINVAL)),
	ROW("LB-14 not local", TCP, V4, "192.0.2.1", ALWAYS(EADDRNOTAVAIL)),
	ROW("not local", UDP, V4, "192.0.2.1", ALWAYS(EADDRNOTAVAIL)),
	ROW("not local", MPTCP, V4, "192.0.2.1", ALWAYS(EADDRNOTAVAIL)),
	ROW("LB-15/16 not local", TCP, V6, "2001:db8::1",
	    THEN(EADDRNOTAVAIL)),
	ROW("not local", UDP, V6, "2001:db8::1", THEN(EADDRNOTAVAIL)),
	ROW("not local, mapped", TCP, V6, "::ffff:192.0.2.1",
	    THEN(EADDRNOTAVAIL)),
	ROW("link-local without scope", TCP, V6, "fe80::1", THEN(EINVAL)),
	ROW("LB-17 multicast", TCP, V6, "ff0e::1", ALWAYS(EINVAL)),
	ROW("multicast", MPTCP, V6, "ff0e::1", ALWAYS(EINVAL)),
	ROW("multicast", UDP, V6, "ff0e::1", THEN(0)),
	ROW("LB-18 multicast", TCP, V4, "224.0.0.1", THEN(0)),
	ROW("multicast", UDP, V4, "224.0.0.1", THEN(0)),
	ROW("broadcast", UDP, V4, "255.255.255.255", THEN(0)),
	ROW("LB-21", MPTCP, V4, "0.0.0.0", THEN(0)),
	ROW("LB-22", UDPLITE, V4, "0.0.0.0", THEN(0)),
	ROW("LB-22", UDPLITE, V6, "::1", THEN(0)),
	ROW("wildcard", DCCP, V4, "0.0.0.0", THEN(0)),
	ROW("wildcard", DCCP, V6, "::", THEN(0)),
	ROW("LB-24 bound", TCP, V4, "127.0.0.1",
	    .setup = SETUP_BOUND, THEN(EINVAL)),
	ROW("bound", UDP, V4, "0.0.0.0", .setup = SETUP_BOUND, THEN(EINVAL)),
	ROW("bound", TCP, V6, "::1", .setup = SETUP_BOUND, THEN(EINVAL)),
	ROW("bound", UDP, V6, "::", .setup = SETUP_BOUND, THEN(EINVAL)),
	/* MPTCP refuses an odd state before it asks its inner socket. */
	ROW("bound", MPTCP, V4, "127.0.0.1",
	    .setup = SETUP_BOUND, THEN(EINVAL)),
};

static int row_bind(const struct row *row, uint16_t port)
{
	union {
		union sockaddr_any any;
		char room[256];
	} address;
	socklen_t length;
	int fd, on = 1, error;

	memset(&address, 0, sizeof(address));
	length = make_address(&address.any, row->address, port);
	if (row->sized)
		length = row->length;
	if (row->sa_family)
		address.any.sa.sa_family =
			row->sa_family < 0 ? AF_UNSPEC : row->sa_family;
	fd = need_socket(row->transport, row->family);
	if (row->setup == SETUP_V6ONLY &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)))
		die("IPV6_V6ONLY: %m");
	if (row->setup == SETUP_BOUND) {
		union sockaddr_any first;
		socklen_t first_length = make_plain_address(
			&first, row->family, ADDRESS_LOOPBACK, 9001);

		error = bind_errno(fd, &first, first_length);
		if (error)
			die("%s: the first bind: %s", row->name,
			    errno_name(error));
	}
	error = bind_errno(fd, &address.any, length);
	close(fd);
	return error;
}

/* One of 443 and 80 is granted to one of the two subjects, and no other. */
static void rows_subject(void *arg)
{
	static const uint16_t ports[] = { PORT_GRANTED, PORT_LOW, PORT_HIGH };
	const struct subject *subject = arg;
	bool have[TRANSPORTS];

	for (int t = 0; t < TRANSPORTS; t++)
		have[t] = have_transport(t);
	subject_become(subject);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		if (!have[row->transport]) {
			skip("%s: %s is not in this kernel", row->name,
			     transport_names[row->transport]);
			continue;
		}
		for (size_t p = 0; p < ARRAY_SIZE(ports); p++) {
			uint16_t port = ports[p];
			int want = row->high;

			if (port < PRIVILEGED_PORTS)
				want = model_grants(subject, row->transport,
						    port) ?
					       row->granted :
					       row->refused;
			check_errno(row_bind(row, port), want,
				    "%s: %s %s %s, %s, port %u", row->name,
				    transport_names[row->transport],
				    family_names[row->family], row->address,
				    subject->name, port);
		}
	}
}

/* bind(2) itself refuses these before any protocol is asked. */
static void odd_calls(const struct subject *subject)
{
	union sockaddr_any any;
	socklen_t length = make_address(&any, "0.0.0.0", PORT_GRANTED);
	int fd = need_socket(TRANSPORT_TCP, FAMILY_V4);
	int pipes[2];

	check_errno(bind(fd, (void *)8, length) ? errno : 0, EFAULT,
		    "%s: an address that cannot be read", subject->name);
	check_errno(bind(fd, &any.sa, -1) ? errno : 0, EINVAL,
		    "%s: length -1", subject->name);
	close(fd);
	check_errno(bind_errno(fd, &any, length), EBADF,
		    "%s: a closed descriptor", subject->name);
	if (pipe(pipes))
		die("pipe: %m");
	check_errno(bind_errno(pipes[0], &any, length), ENOTSOCK,
		    "%s: a pipe", subject->name);
	close(pipes[0]);
	close(pipes[1]);
}

/* LB-23: vsock has a rule of its own, which no grant of ours touches. */
static void vsock_rows(const struct subject *subject)
{
	static const struct {
		unsigned int port;
		int want;
	} cases[] = { { PORT_GRANTED, EACCES }, { PORT_LOW, EACCES },
		      { PORT_HIGH, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sockaddr_vm address = {
			.svm_family = AF_VSOCK,
			.svm_cid = VMADDR_CID_ANY,
			.svm_port = cases[i].port,
		};
		int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0) {
			skip("LB-23: vsock is not in this kernel");
			return;
		}
		check_errno(bind(fd, (void *)&address, sizeof(address)) ?
				    errno : 0,
			    cases[i].want, "LB-23: vsock, %s, port %u",
			    subject->name, cases[i].port);
		close(fd);
	}
}

/* The identifier of a ping socket stands in the same field as a port. */
static void ping_rows(const struct subject *subject)
{
	union sockaddr_any any;
	socklen_t length;
	int fd;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (fd < 0)
		die("a ping socket: %m");
	length = make_address(&any, "127.0.0.1", PORT_LOW);
	check_errno(bind_errno(fd, &any, length), 0,
		    "ping socket, %s, identifier %u", subject->name, PORT_LOW);
	close(fd);
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	if (fd < 0)
		die("a ping socket: %m");
	length = make_address(&any, "::1", PORT_LOW);
	check_errno(bind_errno(fd, &any, length), 0,
		    "ping6 socket, %s, identifier %u", subject->name, PORT_LOW);
	close(fd);
}

/* SCTP's check is not touched yet: nobody gains anything there. */
static void sctp_rows(const struct subject *subject)
{
	union sockaddr_any any;
	socklen_t length;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP);

	if (fd < 0) {
		skip("SCTP is not in this kernel");
		return;
	}
	length = make_address(&any, "127.0.0.1", PORT_LOW);
	check_errno(bind_errno(fd, &any, length), EACCES,
		    "sctp, %s, port %u", subject->name, PORT_LOW);
	length = make_address(&any, "127.0.0.1", PORT_HIGH);
	check_errno(bind_errno(fd, &any, length), 0, "sctp, %s, port %u",
		    subject->name, PORT_HIGH);
	close(fd);
}

static void others_subject(void *arg)
{
	const struct subject *subject = arg;

	subject_become(subject);
	odd_calls(subject);
	vsock_rows(subject);
	ping_rows(subject);
	sctp_rows(subject);
}

void baseline_run(void)
{
	static const char range[] = "0 2147483647";
	struct subject subjects[] = {
		subject_user("granted user", UID_GRANTED),
		subject_user("other user", UID_OTHER),
	};
	int error = file_write("/proc/sys/net/ipv4/ping_group_range", range,
			       strlen(range));

	group_begin("baseline");
	if (error)
		die("ping_group_range: %s", errno_name(error));
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		in_child(rows_subject, &subjects[i]);
		in_child(others_subject, &subjects[i]);
	}
	group_end();
}
