// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where privileged ports end, by real binds in this network namespace, whose lo
 * is up, and without a rule of portacl's:
 *     boundary_test [--here|--capable] WHERE BOUNDARY
 * binds as a user without capabilities; --here as who it is started as, and
 * --capable, too, who holds the capability in this namespace and is refused
 * nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "model.h"
#include "sockets.h"

static bool here, capable;
static unsigned int boundary;

static int expect(unsigned int port)
{
	return port < boundary && !capable ? EACCES : 0;
}

static void try_port(unsigned int port)
{
	for (int t = 0; t < TRANSPORTS; t++) {
		if (!have_transport(t))
			continue;
		for (int f = 0; f < FAMILIES; f++)
			for (int a = 0; a < ADDRESSES; a++)
				check_errno(try_bind(t, f, a, port),
					    expect(port), "%s %s %s port %u",
					    transport_names[t],
					    family_names[f], address_names[a],
					    port);
	}
}

/* Both sides of the boundary, of the usual one, and ports that have users. */
static void try_ports(void)
{
	const unsigned int ports[] = {
		boundary - 1, boundary, boundary + 1, 1, 22, 23, 24, 25, 79,
		80, 81, 443, PRIVILEGED_PORTS - 1, PRIVILEGED_PORTS, 32767,
		32768, 65535,
	};

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		size_t first = 0;

		while (ports[first] != ports[i])
			first++;
		if (first == i && ports[i] >= 1 && ports[i] <= 65535)
			try_port(ports[i]);
	}
}

static int need_bound(enum transport transport, enum family family,
		      const union sockaddr_any *any, socklen_t length)
{
	const struct timeval patience = { .tv_sec = DEADLINE_MS / 1000 };
	int fd = need_socket(transport, family), on = 1, error;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)))
		die("a %s socket's options: %m", transport_names[transport]);
	error = bind_errno(fd, any, length);
	if (error)
		die("%s %s, to be served: %s", transport_names[transport],
		    family_names[family], errno_name(error));
	return fd;
}

/* A bind that is of no use would be the wrong sort of success. */
static void serve(enum transport transport, enum family family)
{
	unsigned int port = boundary && !capable ? boundary : 1;
	bool datagrams = transport == TRANSPORT_UDP ||
			 transport == TRANSPORT_UDPLITE;
	union sockaddr_any any;
	socklen_t length = make_plain_address(&any, family, ADDRESS_LOOPBACK,
					      port);
	int server = need_bound(transport, family, &any, length);
	int client = need_socket(transport, family), served = server;
	char byte = 0;

	if ((!datagrams && listen(server, 1)) ||
	    connect(client, &any.sa, length))
		die("%s %s port %u: connect: %m", transport_names[transport],
		    family_names[family], port);
	if (!datagrams)
		served = accept(server, NULL, NULL);
	check(served >= 0 && send(client, "x", 1, 0) == 1 &&
		      recv(served, &byte, 1, 0) == 1 && byte == 'x',
	      "%s %s port %u: nothing is received: %m",
	      transport_names[transport], family_names[family], port);
	/* First, so that the port is not the one that is kept for a while. */
	close(client);
	if (served != server)
		close(served);
	close(server);
}

static void as_user(void *arg)
{
	const struct subject user = subject_user("ordinary user", UID_OTHER);

	(void)arg;
	if (!here)
		actor_become(&user);
	try_ports();
	for (int t = 0; t < TRANSPORTS; t++)
		for (int f = FAMILY_V4; f <= FAMILY_V6; f++)
			if (have_transport(t))
				serve(t, f);
}

int main(int argc, char **argv)
{
	char *end = NULL;

	if (argc > 1 && !strcmp(argv[1], "--capable"))
		capable = here = true;
	else if (argc > 1 && !strcmp(argv[1], "--here"))
		here = true;
	argc -= here;
	argv += here;
	if (argc == 3)
		boundary = strtoul(argv[2], &end, 10);
	if (!end || end == argv[2] || *end || boundary > 65535) {
		fprintf(stderr, "usage: boundary_test [--here|--capable] WHERE BOUNDARY\n");
		return 2;
	}
	harness_start();
	group_begin(argv[1]);
	for (int t = 0; t < TRANSPORTS; t++)
		if (!have_transport(t))
			skip("no %s in this kernel", transport_names[t]);
	in_child(as_user, NULL);
	group_end();
	return harness_finish();
}
