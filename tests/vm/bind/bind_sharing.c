// SPDX-License-Identifier: GPL-2.0-only
/* Two sockets that want the same port, and sockets that never asked for one. */
#define _GNU_SOURCE
#include "bind_test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "model.h"
#include "sockets.h"

struct half {
	enum family family;
	const char *address;
	int option;		/* SO_REUSEADDR, SO_REUSEPORT or 0 */
	bool v6only;
	uid_t uid;
};

struct pair {
	const char *name;
	enum transport transport;
	struct half first, second;
	/* What the second gets when privileges are out of the way. */
	int want;
};

#define HALF(f, a, ...) { .family = FAMILY_##f, .address = a, __VA_ARGS__ }

static const struct pair pairs[] = {
	{ "same port", TRANSPORT_TCP,
	  HALF(V4, "0.0.0.0", .uid = UID_GRANTED),
	  HALF(V4, "0.0.0.0", .uid = UID_GRANTED), EADDRINUSE },
	{ "same port", TRANSPORT_UDP,
	  HALF(V6, "::1", .uid = UID_GRANTED),
	  HALF(V6, "::1", .uid = UID_GRANTED), EADDRINUSE },
	{ "same port", TRANSPORT_MPTCP,
	  HALF(V4, "127.0.0.1", .uid = UID_GRANTED),
	  HALF(V4, "127.0.0.1", .uid = UID_GRANTED), EADDRINUSE },
	{ "other address", TRANSPORT_TCP,
	  HALF(V4, "127.0.0.1", .uid = UID_GRANTED),
	  HALF(V4, "127.0.0.2", .uid = UID_GRANTED), 0 },
	{ "REUSEPORT, same uid", TRANSPORT_TCP,
	  HALF(V4, "0.0.0.0", .option = SO_REUSEPORT, .uid = UID_GRANTED),
	  HALF(V4, "0.0.0.0", .option = SO_REUSEPORT, .uid = UID_GRANTED), 0 },
	{ "LB-32 REUSEPORT, other uid", TRANSPORT_TCP,
	  HALF(V4, "0.0.0.0", .option = SO_REUSEPORT, .uid = UID_GRANTED),
	  HALF(V4, "0.0.0.0", .option = SO_REUSEPORT, .uid = UID_CONTAINER),
	  EADDRINUSE },
	{ "LB-32 REUSEPORT, other uid, loopback", TRANSPORT_TCP,
	  HALF(V4, "0.0.0.0", .option = SO_REUSEPORT, .uid = UID_GRANTED),
	  HALF(V4, "127.0.0.1", .option = SO_REUSEPORT, .uid = UID_CONTAINER),
	  EADDRINUSE },
	{ "LB-33 REUSEADDR, root first", TRANSPORT_UDP,
	  HALF(V4, "0.0.0.0", .option = SO_REUSEADDR),
	  HALF(V4, "0.0.0.0", .option = SO_REUSEADDR, .uid = UID_OTHER), 0 },
	{ "LB-33 REUSEADDR, root first, loopback", TRANSPORT_UDP,
	  HALF(V4, "0.0.0.0", .option = SO_REUSEADDR),
	  HALF(V4, "127.0.0.1", .option = SO_REUSEADDR, .uid = UID_OTHER), 0 },
	{ "REUSEADDR, root first", TRANSPORT_UDP,
	  HALF(V4, "0.0.0.0", .option = SO_REUSEADDR),
	  HALF(V4, "0.0.0.0", .option = SO_REUSEADDR, .uid = UID_GRANTED), 0 },
	{ "LB-34 dual stack", TRANSPORT_TCP,
	  HALF(V6, "::", .uid = UID_GRANTED),
	  HALF(V4, "0.0.0.0", .uid = UID_GRANTED), EADDRINUSE },
	{ "LB-35 v6only", TRANSPORT_TCP,
	  HALF(V6, "::", .v6only = true, .uid = UID_GRANTED),
	  HALF(V4, "0.0.0.0", .uid = UID_GRANTED), 0 },
	{ "LB-35 v6only, other uid", TRANSPORT_TCP,
	  HALF(V6, "::", .v6only = true, .uid = UID_GRANTED),
	  HALF(V4, "0.0.0.0", .uid = UID_OTHER), 0 },
	{ "mapped after IPv4", TRANSPORT_UDP,
	  HALF(V4, "127.0.0.1", .uid = UID_GRANTED),
	  HALF(V6, "::ffff:127.0.0.1", .uid = UID_GRANTED), EADDRINUSE },
};

static int half_bind(const struct pair *pair, const struct half *half,
		     uint16_t port, int *fd)
{
	int error, on = 1;
	socklen_t length;
	union sockaddr_any any;

	/* Only the effective uid, so that there is a way back. */
	if (seteuid(half->uid))
		die("seteuid: %m");
	*fd = need_socket(pair->transport, half->family);
	if (half->option &&
	    setsockopt(*fd, SOL_SOCKET, half->option, &on, sizeof(on)))
		die("%s: setsockopt: %m", pair->name);
	if (half->v6only &&
	    setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)))
		die("%s: IPV6_V6ONLY: %m", pair->name);
	length = make_address(&any, half->address, port);
	error = bind_errno(*fd, &any, length);
	if (seteuid(0))
		die("seteuid: %m");
	return error;
}

static int half_expect(const struct pair *pair, const struct half *half,
		       uint16_t port)
{
	struct subject subject = subject_user("", half->uid);

	subject.capable = !half->uid;
	return model_expect(&subject, pair->transport, port);
}

static void pair_case(const struct pair *pair, uint16_t port)
{
	int first, second, want;

	want = half_expect(pair, &pair->first, port);
	check_errno(half_bind(pair, &pair->first, port, &first), want,
		    "%s, port %u, first", pair->name, port);
	/* With nobody on the port, there is nothing to share. */
	if (!want) {
		want = half_expect(pair, &pair->second, port);
		check_errno(half_bind(pair, &pair->second, port, &second),
			    want ? want : pair->want, "%s, port %u, second",
			    pair->name, port);
		close(second);
	}
	close(first);
}

/* LB-20: a socket that never binds gets a high port and no judgement. */
static void unbound(void *arg)
{
	const struct subject *subject = arg;
	union sockaddr_any any;
	socklen_t length;
	int fd;

	subject_become(subject);
	for (int t = TRANSPORT_TCP; t <= TRANSPORT_MPTCP; t++) {
		if (t == TRANSPORT_UDP)
			continue;
		for (int f = FAMILY_V4; f <= FAMILY_V6; f++) {
			fd = need_socket(t, f);
			check_errno(listen(fd, 1) ? errno : 0, 0,
				    "LB-20 listen without bind: %s %s, %s",
				    transport_names[t], family_names[f],
				    subject->name);
			check(bound_port(fd) >= PRIVILEGED_PORTS,
			      "LB-20 %s got port %u", subject->name,
			      bound_port(fd));
			close(fd);
		}
	}
	fd = need_socket(TRANSPORT_UDP, FAMILY_V4);
	length = make_address(&any, "127.0.0.1", 9);
	check_errno(connect(fd, &any.sa, length) ? errno : 0, 0,
		    "connect without bind, %s", subject->name);
	check(bound_port(fd) >= PRIVILEGED_PORTS, "connect: %s got port %u",
	      subject->name, bound_port(fd));
	close(fd);
}

/* LB-30: this list steers automatic choice and refuses nothing. */
static void reserved_list(void *arg)
{
	static const char *const name =
		"/proc/sys/net/ipv4/ip_local_reserved_ports";
	const struct subject *subject = arg;
	char old[256];
	int error;

	error = file_read(name, old, sizeof(old));
	if (!error)
		error = file_write(name, "8440-8450", 9);
	if (error)
		die("%s: %s", name, errno_name(error));
	if (seteuid(subject->euid))
		die("seteuid: %m");
	check_errno(try_bind(TRANSPORT_TCP, FAMILY_V4, ADDRESS_WILDCARD,
			     PORT_HIGH),
		    0, "LB-30 port in ip_local_reserved_ports, %s",
		    subject->name);
	if (seteuid(0))
		die("seteuid: %m");
	if (file_write(name, old, strlen(old)))
		die("%s cannot be restored", name);
}

void sharing_run(void)
{
	struct subject subjects[] = {
		subject_user("granted user", UID_GRANTED),
		subject_user("other user", UID_OTHER),
	};

	group_begin("sharing");
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		pair_case(&pairs[i], PORT_GRANTED);
		pair_case(&pairs[i], PORT_LOW);
		pair_case(&pairs[i], PORT_HIGH);
		pair_case(&pairs[i], PORT_RESERVED);
	}
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		in_child(unbound, &subjects[i]);
		in_child(reserved_list, &subjects[i]);
	}
	group_end();
}
