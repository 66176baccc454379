// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports that the kernel chooses, for a socket that never asked for one: no rule
 * is in their way, and the list of ip_local_reserved_ports keeps reservations
 * out of what is chosen.
 */
#define _GNU_SOURCE
#include "ways.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "model.h"
#include "sockets.h"
#include "ways_sockets.h"

enum { OWNER = UID_GRANTED, STRANGER = UID_OTHER };

#define PORT_RANGE "net/ipv4/ip_local_port_range"
#define RESERVED_PORTS "net/ipv4/ip_local_reserved_ports"

/* Nothing at all may be bound. */
#define EVERYTHING "reserve 1-65535\ndeny any 1-65535\n"

/* A way to a port without naming one. */
enum way_to {
	LISTEN,
	BIND_ZERO,
	CONNECT,
	NO_PORT_CONNECT,	/* IP_BIND_ADDRESS_NO_PORT, port 0, connect */
	SENDTO,
	WAYS_TO,
};

static const struct {
	const char *name;
	bool stream, datagram;
	/* What it says when no port is left. */
	int stream_error, datagram_error;
} ways_to[WAYS_TO] = {
	[LISTEN] = { "listen", true, false, EADDRINUSE, 0 },
	[BIND_ZERO] = { "bind port 0", true, true, EADDRINUSE, EADDRINUSE },
	[CONNECT] = { "connect", true, true, EADDRNOTAVAIL, EAGAIN },
	[NO_PORT_CONNECT] = { "bind without port, connect", true, true,
			      EADDRNOTAVAIL, EAGAIN },
	[SENDTO] = { "sendto", false, true, 0, EAGAIN },
};

static const enum transport transports[] = {
	TRANSPORT_TCP, TRANSPORT_UDP, TRANSPORT_MPTCP
};

/* An attempt to get a port, and where those that connect go to. */
struct attempt {
	enum transport transport;
	enum family family;
	enum way_to way;
	uint16_t peer;
	/* Not 0: IP_LOCAL_PORT_RANGE. */
	uint16_t low, high;
};

static bool is_stream(enum transport transport)
{
	return transport != TRANSPORT_UDP;
}

static bool is_possible(const struct attempt *attempt)
{
	return is_stream(attempt->transport) ? ways_to[attempt->way].stream :
					       ways_to[attempt->way].datagram;
}

static int no_port_error(const struct attempt *attempt)
{
	return is_stream(attempt->transport) ?
		       ways_to[attempt->way].stream_error :
		       ways_to[attempt->way].datagram_error;
}

static int take_port(const struct attempt *attempt, int fd)
{
	union sockaddr_any zero, peer;
	socklen_t length = make_plain_address(&zero, attempt->family,
					      ADDRESS_LOOPBACK, 0);
	int error;

	make_plain_address(&peer, attempt->family, ADDRESS_LOOPBACK,
			   attempt->peer);
	switch (attempt->way) {
	case LISTEN:
		return listen_errno(fd);
	case BIND_ZERO:
		return bind_errno(fd, &zero, length);
	case NO_PORT_CONNECT:
		must_set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		error = bind_errno(fd, &zero, length);
		if (error)
			return error;
		/* Otherwise it would be the same as connecting after bind. */
		if (is_stream(attempt->transport) && bound_port(fd))
			die("the port was chosen too early");
		return connect_errno(fd, &peer, length);
	case CONNECT:
		return connect_errno(fd, &peer, length);
	case SENDTO:
		return sendto(fd, "", 1, 0, &peer.sa, length) == 1 ? 0 : errno;
	case WAYS_TO:
		break;
	}
	die("no such way");
}

static int make_socket(const struct attempt *attempt)
{
	int fd = need_socket(attempt->transport, attempt->family);

	if (attempt->low) {
		unsigned int range = attempt->low |
				     (unsigned int)attempt->high << 16;

		must_set(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, range);
	}
	return fd;
}

/*
 * Whether sockets of a transport know an option of IPv4; it is said once in a
 * case when they do not.
 */
static bool knows_option(enum transport transport, int option, int value)
{
	static bool told[TRANSPORTS][IP_LOCAL_PORT_RANGE + 1];
	int fd = need_socket(transport, FAMILY_V4);
	int error = set_option(fd, IPPROTO_IP, option, value);

	close(fd);
	if (error && error != ENOPROTOOPT && error != EOPNOTSUPP)
		die("option %d: %s", option, errno_name(error));
	if (error && !told[transport][option])
		skip("%s: no %s in this kernel", transport_names[transport],
		     option == IP_LOCAL_PORT_RANGE ? "IP_LOCAL_PORT_RANGE" :
						     "IP_BIND_ADDRESS_NO_PORT");
	if (error)
		told[transport][option] = true;
	return !error;
}

/* Something that accepts connections from both families. */
static int make_peer(uint16_t port)
{
	int fd = need_socket(TRANSPORT_TCP, FAMILY_V6);
	union sockaddr_any any;
	socklen_t length = make_address(&any, "::", port);
	int error = bind_errno(fd, &any, length);

	if (!error)
		error = listen(fd, 64) ? errno : 0;
	if (error)
		die("a listener on port %u: %s", port, errno_name(error));
	return fd;
}

/* fn() for all that can be tried, narrowed to a range unless low is 0. */
static void each_attempt(uint16_t peer, uint16_t low, uint16_t high,
			 void (*fn)(const struct attempt *attempt))
{
	for (size_t t = 0; t < ARRAY_SIZE(transports); t++) {
		if (low &&
		    !knows_option(transports[t], IP_LOCAL_PORT_RANGE, 0))
			continue;
		for (int f = FAMILY_V4; f <= FAMILY_V6; f++)
			for (int w = 0; w < WAYS_TO; w++) {
				struct attempt attempt = {
					transports[t], f, w, peer, low, high
				};

				if (!is_possible(&attempt) ||
				    (w == NO_PORT_CONNECT &&
				     !knows_option(transports[t],
						   IP_BIND_ADDRESS_NO_PORT,
						   1)))
					continue;
				fn(&attempt);
			}
	}
}

enum { PEER = 8470 };

/* How many were judged: those that say bind, and no other. */
static unsigned int said_bind;

static void try_unreserved(const struct attempt *attempt)
{
	int fd = make_socket(attempt);

	check_errno(take_port(attempt, fd), 0, "%s, %s %s, user %u",
		    ways_to[attempt->way].name,
		    transport_names[attempt->transport],
		    family_names[attempt->family], geteuid());
	check(bound_port(fd) >= PRIVILEGED_PORTS, "%s, %s: it is port %u",
	      ways_to[attempt->way].name, transport_names[attempt->transport],
	      bound_port(fd));
	said_bind += attempt->way == BIND_ZERO ||
		     attempt->way == NO_PORT_CONNECT;
	if (is_stream(attempt->transport))
		close_at_once(fd);
	else
		close(fd);
}

/* Port 0 in the other transports and forms of address. */
static void try_other_zeros(void)
{
	for (int t = 0; t < TRANSPORTS; t++) {
		if (!have_transport(t) || t == TRANSPORT_SCTP)
			continue;
		for (int f = 0; f < FAMILIES; f++)
			for (int a = 0; a < ADDRESSES; a++) {
				check_errno(try_bind(t, f, a, 0), 0,
					    "port 0, %s %s %s, user %u",
					    transport_names[t],
					    family_names[f], address_names[a],
					    geteuid());
				said_bind++;
			}
	}
}

static void auto_everything(void)
{
	static const uid_t uids[] = { STRANGER, 0 };
	struct counters before;
	int peer = make_peer(PEER);

	must_write("strict", "1");
	must_upload(EVERYTHING);
	/* It is in force, for root, too. */
	for (size_t i = 0; i < ARRAY_SIZE(uids); i++) {
		act_as(uids[i]);
		check_errno(try_bind(TRANSPORT_TCP, FAMILY_V4,
				     ADDRESS_LOOPBACK, 40000),
			    EACCES, "a port named, user %u", uids[i]);
	}
	/* A transport that comes with a module may bind when it is loaded. */
	for (int t = 0; t < TRANSPORTS; t++)
		have_transport(t);
	counters_take(&before);
	said_bind = 0;
	for (size_t i = 0; i < ARRAY_SIZE(uids); i++) {
		act_as(uids[i]);
		each_attempt(PEER, 0, 0, try_unreserved);
		try_other_zeros();
	}
	act_as(0);
	counters_check(&before,
		       &(struct counters){ .value = {
			       [PASSED] = said_bind,
		       } },
		       "each bind of port 0 counts once, all else not");
	close(peer);
}

/* The range is 39998 to 40005, and the four in its middle are reserved. */
enum { FREE_PORTS = 4 };

static bool is_free(uint16_t port)
{
	return (port >= 39998 && port <= 39999) ||
	       (port >= 40004 && port <= 40005);
}

/* Takes ports until there are no more: all that are free, and no other. */
static void try_exhaust(const struct attempt *attempt)
{
	int fds[FREE_PORTS + 1], count, error = 0;
	const char *way = ways_to[attempt->way].name;
	const char *transport = transport_names[attempt->transport];
	const char *family = family_names[attempt->family];

	for (count = 0; count <= FREE_PORTS; count++) {
		uint16_t port;

		fds[count] = make_socket(attempt);
		error = take_port(attempt, fds[count]);
		if (error)
			break;
		port = bound_port(fds[count]);
		check(is_free(port), "%s, %s %s: it is port %u", way,
		      transport, family, port);
	}
	check(count == FREE_PORTS, "%s, %s %s: %d ports were free", way,
	      transport, family, count);
	check_errno(error, no_port_error(attempt), "%s, %s %s, the last one",
		    way, transport, family);
	for (int i = 0; i <= count && i <= FREE_PORTS; i++)
		if (is_stream(attempt->transport))
			close_at_once(fds[i]);
		else
			close(fds[i]);
}

static void auto_covered(void)
{
	int peer = make_peer(PEER);

	sysctl_set(RESERVED_PORTS, "40000-40003");
	sysctl_set(PORT_RANGE, "39998 40005");
	must_upload("reserve 40000-40003\nallow user 61001 40000-40003\n");
	act_as(STRANGER);
	each_attempt(PEER, 0, 0, try_exhaust);
	act_as(OWNER);
	check_errno(try_bind(TRANSPORT_TCP, FAMILY_V4, ADDRESS_LOOPBACK,
			     40000),
		    0, "the owner, who names it");
	act_as(0);
	close(peer);
	sysctls_restore();
}

/* What the narrowed range leaves: that port, or none. */
static uint16_t want_port;

static void try_narrowed(const struct attempt *attempt)
{
	int fd = make_socket(attempt);
	int error = take_port(attempt, fd);
	const char *way = ways_to[attempt->way].name;
	const char *transport = transport_names[attempt->transport];
	const char *family = family_names[attempt->family];

	check_errno(error, want_port ? 0 : no_port_error(attempt),
		    "%s, %s %s", way, transport, family);
	if (want_port && !error)
		check(bound_port(fd) == want_port, "%s, %s %s: it is port %u",
		      way, transport, family, bound_port(fd));
	if (is_stream(attempt->transport))
		close_at_once(fd);
	else
		close(fd);
}

/* Whether there was a message about the port since; it is made during add. */
static bool was_warned(struct kernel_log *log)
{
	char line[512];
	bool found = false;

	while (kernel_log_line(log, line, sizeof(line), 0))
		found |= strstr(line, "portacl: reserved ports 40000 lie in") !=
			 NULL;
	return found;
}

struct narrowing {
	const char *name;
	/* ip_local_port_range, and what each socket asks for on top. */
	const char *range;
	uint16_t low, high;
	const char *covered;	/* ip_local_reserved_ports */
	uint16_t port;		/* what anybody then gets, or 0 */
};

static void narrow(const struct narrowing *rows, size_t count)
{
	int peer = make_peer(PEER);

	for (size_t i = 0; i < count; i++) {
		struct kernel_log log;
		bool covered = *rows[i].covered;

		sysctl_set(PORT_RANGE, rows[i].range);
		sysctl_set(RESERVED_PORTS, rows[i].covered);
		kernel_log_open(&log);
		must_upload("reserve 40000\nallow user 61001 40000\n");
		check(was_warned(&log) == !covered,
		      "%s: %s message about a reservation", rows[i].name,
		      covered ? "a" : "no");
		kernel_log_close(&log);
		want_port = rows[i].port;
		act_as(STRANGER);
		each_attempt(PEER, rows[i].low, rows[i].high, try_narrowed);
		/* The list refuses nobody who names the port, policy does. */
		check_errno(try_bind(TRANSPORT_TCP, FAMILY_V4,
				     ADDRESS_LOOPBACK, 40000),
			    EACCES, "%s: a stranger names it", rows[i].name);
		act_as(OWNER);
		check_errno(try_bind(TRANSPORT_UDP, FAMILY_V6,
				     ADDRESS_WILDCARD, 40000),
			    0, "%s: the owner names it", rows[i].name);
		act_as(0);
		must_upload("");
	}
	close(peer);
	sysctls_restore();
}

static void auto_socket_range(void)
{
	static const struct narrowing rows[] = {
		{ "one port is left", "32768 60999", 39999, 40000, "40000",
		  39999 },
		{ "none is left", "32768 60999", 40000, 40000, "40000", 0 },
		{ "not covered", "32768 60999", 40000, 40000, "", 40000 },
	};

	narrow(rows, ARRAY_SIZE(rows));
}

static void auto_system_range(void)
{
	static const struct narrowing rows[] = {
		{ "one port is left", "40000 40001", 0, 0, "40000", 40001 },
		{ "none is left", "40000 40000", 0, 0, "40000", 0 },
		{ "not covered", "40000 40000", 0, 0, "", 40000 },
	};

	narrow(rows, ARRAY_SIZE(rows));
}

/* A port that is named is judged, whatever was set before. */
static void auto_named(void)
{
	static const struct {
		const char *name;
		int option;
		unsigned int value;
	} options[] = {
		{ "IP_BIND_ADDRESS_NO_PORT", IP_BIND_ADDRESS_NO_PORT, 1 },
		{ "IP_LOCAL_PORT_RANGE", IP_LOCAL_PORT_RANGE,
		  40000U << 16 | 40000 },
	};
	static const struct {
		uid_t uid;
		uint16_t port;
		int want;
	} rows[] = {
		{ STRANGER, 40000, EACCES }, { OWNER, 40000, 0 },
		{ STRANGER, 443, EACCES },   { OWNER, 443, 0 },
		{ STRANGER, 40001, 0 },	     { OWNER, 80, EACCES },
	};

	sysctl_set(RESERVED_PORTS, "40000");
	must_upload("reserve 40000\nallow user 61001 443,40000\n");
	for (size_t o = 0; o < ARRAY_SIZE(options); o++)
		for (size_t t = 0; t < ARRAY_SIZE(transports); t++) {
			enum transport transport = transports[t];

			if (!knows_option(transport, options[o].option,
					  options[o].value))
				continue;
			for (size_t i = 0; i < ARRAY_SIZE(rows) * FAMILIES;
			     i++) {
				size_t row = i / FAMILIES;
				enum family family = i % FAMILIES;
				union sockaddr_any any;
				socklen_t length = make_plain_address(
					&any, family, ADDRESS_LOOPBACK,
					rows[row].port);
				int fd;

				act_as(rows[row].uid);
				fd = need_socket(transport, family);
				must_set(fd, IPPROTO_IP, options[o].option,
					 options[o].value);
				check_errno(bind_errno(fd, &any, length),
					    rows[row].want,
					    "%s, %s %s port %u, user %u",
					    options[o].name,
					    transport_names[transport],
					    family_names[family],
					    rows[row].port, rows[row].uid);
				if (!rows[row].want)
					check(bound_port(fd) == rows[row].port,
					      "%s: it is port %u",
					      options[o].name, bound_port(fd));
				close(fd);
			}
			act_as(0);
		}
	sysctls_restore();
}

static uint16_t port_of(const union sockaddr_any *any)
{
	return ntohs(any->sa.sa_family == AF_INET ? any->in.sin_port :
						    any->in6.sin6_port);
}

/* From a port that was bound, to a peer that sees it. */
static void connect_from(enum transport transport, enum family family,
			 uint16_t port)
{
	union sockaddr_any from, to, seen;
	socklen_t length = make_plain_address(&from, family, ADDRESS_LOOPBACK,
					      port);
	socklen_t size = sizeof(seen);
	int server = need_socket(transport, family), client, accepted = -1;
	char byte;

	make_plain_address(&to, family, ADDRESS_LOOPBACK, 0);
	if (bind_errno(server, &to, length) ||
	    (is_stream(transport) && listen_errno(server)))
		die("a peer: %m");
	make_plain_address(&to, family, ADDRESS_LOOPBACK, bound_port(server));
	client = need_socket(transport, family);
	check_errno(bind_errno(client, &from, length), 0, "bind, %s %s",
		    transport_names[transport], family_names[family]);
	check_errno(connect_errno(client, &to, length), 0,
		    "connect from port %u, %s %s", port,
		    transport_names[transport], family_names[family]);
	if (is_stream(transport)) {
		accepted = accept4(server, &seen.sa, &size, SOCK_CLOEXEC);
		if (accepted < 0)
			die("accept: %m");
	} else if (send(client, "", 1, 0) != 1 ||
		   recvfrom(server, &byte, 1, 0, &seen.sa, &size) != 1) {
		die("a datagram: %m");
	}
	check(port_of(&seen) == port, "%s %s: the peer sees port %u",
	      transport_names[transport], family_names[family],
	      port_of(&seen));
	if (is_stream(transport))
		close_at_once(client);
	else
		close(client);
	if (accepted >= 0)
		close(accepted);
	close(server);
}

static void auto_connect(void)
{
	static const uint16_t ports[] = { 443, 40000 };
	struct counters before;
	unsigned int binds = 0;

	sysctl_set(RESERVED_PORTS, "40000");
	must_upload("reserve 40000\nallow user 61001 443,40000\n");
	counters_take(&before);
	act_as(OWNER);
	for (size_t t = 0; t < ARRAY_SIZE(transports); t++)
		for (int f = 0; f < FAMILIES; f++)
			for (size_t p = 0; p < ARRAY_SIZE(ports); p++) {
				connect_from(transports[t], f, ports[p]);
				binds++;
			}
	act_as(0);
	/* The peers took port 0; connect() and accept() bind nothing. */
	counters_check(&before,
		       &(struct counters){ .value = {
			       [GRANTED] = binds,
			       [PASSED] = binds,
		       } },
		       "each bind counts once");
	sysctls_restore();
}

const struct way auto_ways[] = {
	{ "auto/everything",
	  "ports not named, with every port reserved, denied, and strict",
	  auto_everything },
	{ "auto/covered",
	  "ports not named, beside those of ip_local_reserved_ports",
	  auto_covered },
	{ "auto/socket-range",
	  "IP_LOCAL_PORT_RANGE narrowed to a reserved port",
	  auto_socket_range },
	{ "auto/system-range",
	  "ip_local_port_range narrowed to a reserved port",
	  auto_system_range },
	{ "auto/named",
	  "a port named by a socket with options about choosing one",
	  auto_named },
	{ "auto/connect", "connect from a port that was granted",
	  auto_connect },
	{ 0 },
};
