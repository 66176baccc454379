// SPDX-License-Identifier: GPL-2.0-only
/* What SCTP sockets do besides bind: ports of the kernel's choice, messages. */
#define _GNU_SOURCE
#include "ways_sctp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "sctp.h"

/*
 * A socket of a person that listens. A one-to-one socket keeps what connected,
 * until it is accepted, also when it has gone, and takes few of those.
 */
static int server_of(enum person person, enum family family,
		     enum sctp_style style, const char *addresses,
		     uint16_t port)
{
	int fd, error;

	sctp_switch(person);
	fd = sctp_socket(family, style);
	error = sctp_add(fd, addresses, port);
	if (!error)
		error = sctp_listen(fd);
	check_errno(error, 0, "%s listens on '%s' port %u",
		    sctp_people[person].name, addresses, port);
	return fd;
}

/* What makes the kernel choose a port. */
static int bind_zero(int fd)
{
	return sctp_bind(fd, "127.0.0.1", 0);
}

static int bind_zero_wildcard(int fd)
{
	return sctp_bind(fd, "::", 0);
}

static int bindx_zero(int fd)
{
	return sctp_add(fd, "127.0.0.1", 0);
}

static int connect_it(int fd)
{
	return sctp_connect(fd, "127.0.0.1", 700);
}

static int connectx_it(int fd)
{
	return sctp_connectx(fd, "127.0.0.1 127.0.0.2", 700);
}

static int send_it(int fd)
{
	return sctp_send(fd, "127.0.0.1", 700, "hello");
}

static const struct {
	const char *name;
	int (*choose)(int fd);
	enum family family;
	bool only_one_to_many;
} choices[] = {
	{ "bind to port 0", bind_zero, FAMILY_V4, false },
	{ "bind to port 0, wildcard", bind_zero_wildcard, FAMILY_V6, false },
	{ "bindx to port 0", bindx_zero, FAMILY_V6, false },
	{ "listen", sctp_listen, FAMILY_V4, false },
	{ "listen, IPv6", sctp_listen, FAMILY_V6, false },
	{ "connect", connect_it, FAMILY_V4, false },
	{ "connectx", connectx_it, FAMILY_V4, false },
	{ "sendto", send_it, FAMILY_V4, true },
};

static void choose_ports(enum person person, uint16_t first, uint16_t last,
			 const char *when)
{
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++)
		for (int style = choices[i].only_one_to_many;
		     style < SCTP_STYLES; style++) {
			int fd, error;

			sctp_switch(person);
			fd = sctp_socket(choices[i].family, style);
			error = choices[i].choose(fd);
			check_errno(error, 0, "%s, %s, %s, %s", when,
				    sctp_people[person].name, choices[i].name,
				    sctp_style_names[style]);
			check(error || (bound_port(fd) >= first &&
					bound_port(fd) <= last),
			      "%s, %s: port %u is not one of %u-%u", when,
			      choices[i].name, bound_port(fd), first, last);
			close(fd);
		}
}

void sctp_auto_run(void)
{
	struct counters old, passed = { .value = { [PASSED] = 1 } };
	int fd, server;

	if (!sctp_wanted())
		return;
	sctp_own_network();
	sctp_sysctl("ipv4/ip_local_port_range", "40000 41000");
	must_upload("allow user 61001 700/sctp\n"
		    "reserve 1-65535\n");
	must_write("strict", "1");
	server = server_of(OWNER, FAMILY_V4, SCTP_ONE_TO_MANY,
			   "127.0.0.1 127.0.0.2", 700);
	choose_ports(STRANGER, 40000, 41000, "all reserved");
	/* No second address for such a port, though: that asks for the port. */
	fd = sctp_socket(FAMILY_V6, SCTP_ONE_TO_ONE);
	check_errno(bind_zero(fd), 0, "port 0");
	check_errno(sctp_add(fd, "::1", 0), EACCES,
		    "another address for a port that was chosen");
	close(fd);

	sctp_switch(ROOT);
	must_upload("allow user 61001 700/sctp\n"
		    "reserve 1-40989,41001-65535\n");
	sctp_sysctl("ipv4/ip_local_reserved_ports", "40000-40989");
	choose_ports(STRANGER, 40990, 41000, "most of the range reserved");
	fd = sctp_socket(FAMILY_V6, SCTP_ONE_TO_ONE);
	check_errno(bind_zero(fd), 0, "port 0");
	check_errno(sctp_add(fd, "::1", 0), 0,
		    "another address for a free port that was chosen");
	close(fd);
	counters_take(&old);
	fd = sctp_socket(FAMILY_V6, SCTP_ONE_TO_ONE);
	check_errno(sctp_listen(fd), 0, "listen");
	counters_check(&old, &passed, "a port that the kernel chooses");
	close(fd);
	close(server);
	sctp_switch(ROOT);
}

/* Where a client is bound before, and what connecting it answers. */
static const struct {
	enum person person;
	uint16_t bound;		/* 0: not at all */
	int error;
} clients[] = {
	{ OWNER, 0, 0 },
	{ STRANGER, 0, 0 },
	{ ROOT, 0, 0 },
	{ OWNER, 8445, 0 },
	{ OWNER, 8446, 0 },
	{ STRANGER, 8446, 0 },
	/* A socket that connects is asked for the capability once more. */
	{ OWNER, 701, 0 },
	{ ROOT, 701, 0 },
};

static const struct {
	const char *name;
	bool only_one_to_many;
} callings[] = {
	{ "connect", false }, { "connectx", false }, { "sendto", true },
};

static int call_server(size_t how, int fd, uint16_t port)
{
	switch (how) {
	case 0:
		return sctp_connect(fd, "127.0.0.1", port);
	case 1:
		return sctp_connectx(fd, "127.0.0.1 127.0.0.2", port);
	default:
		return sctp_send(fd, "127.0.0.2", port, "hello");
	}
}

static void call_from(size_t i, uint16_t port)
{
	for (size_t how = 0; how < ARRAY_SIZE(callings); how++)
		for (int style = callings[how].only_one_to_many;
		     style < SCTP_STYLES; style++) {
			int fd;

			sctp_switch(clients[i].person);
			fd = sctp_socket(FAMILY_V4, style);
			if (clients[i].bound &&
			    sctp_bind(fd, "127.0.0.1", clients[i].bound))
				die("%s cannot bind port %u: %m",
				    sctp_people[clients[i].person].name,
				    clients[i].bound);
			check_errno(call_server(how, fd, port),
				    clients[i].error,
				    "%s, bound to %u, %s, %s port %u",
				    sctp_people[clients[i].person].name,
				    clients[i].bound, sctp_style_names[style],
				    callings[how].name, port);
			close(fd);
		}
}

#define CONNECT_RULES \
	"allow user 61001 700-701,8444-8445/sctp\n" \
	"reserve 8444-8445\n"

/*
 * A socket bound by one connects in the hands of another, or under other rules.
 * Only the kernel refuses that, where a privileged port is not granted.
 */
static const struct {
	const char *name;
	enum person maker;
	uint16_t bound;
	enum person user;
	const char *rules;	/* NULL: as they were */
	int error;
} handed[] = {
	{ "granted", OWNER, 701, OWNER, NULL, 0 },
	{ "granted to another", OWNER, 701, STRANGER, NULL, EACCES },
	{ "granted no more", OWNER, 701, OWNER, "", EACCES },
	{ "denied now", OWNER, 701, OWNER, CONNECT_RULES "deny any 701\n",
	  EACCES },
	{ "granted, though root's", ROOT, 701, OWNER, NULL, 0 },
	{ "no rule", ROOT, 80, OWNER, NULL, EACCES },
	{ "granted on other addresses only", OWNER, 701, OWNER,
	  "allow user 61001 701/sctp on 127.0.0.3\n", EACCES },
	{ "reserved for another", OWNER, 8445, STRANGER, NULL, 0 },
	{ "denied now, high port", OWNER, 8445, OWNER, "deny any 1-65535\n",
	  0 },
};

static void hand_over(size_t i, enum sctp_style style)
{
	struct counters old, none = { 0 };
	int fd, error;

	must_upload(CONNECT_RULES);
	sctp_switch(handed[i].maker);
	fd = sctp_socket(FAMILY_V4, style);
	if (sctp_bind(fd, "127.0.0.1", handed[i].bound))
		die("%s, port %u: %m", handed[i].name, handed[i].bound);
	sctp_switch(ROOT);
	if (handed[i].rules)
		must_upload(handed[i].rules);
	counters_take(&old);
	sctp_switch(handed[i].user);
	error = sctp_connect(fd, "127.0.0.1", 700);
	sctp_switch(ROOT);
	check_errno(error, handed[i].error, "connecting from port %u: %s",
		    handed[i].bound, handed[i].name);
	counters_check(&old, &none, "connecting is no bind");
	close(fd);
}

/* From a granted port the module looks at so many addresses; built in, all. */
#define CONNECT_ADDRESSES 64

static void connect_from_many(unsigned int count)
{
	int fd, error = 0;

	sctp_switch(OWNER);
	fd = sctp_socket(FAMILY_V4, SCTP_ONE_TO_ONE);
	for (unsigned int i = 0; i < count && !error; i++) {
		char address[32];

		snprintf(address, sizeof(address), "127.0.1.%u", i + 1);
		error = sctp_add(fd, address, 701);
	}
	check_errno(error, 0, "%u addresses", count);
	check_errno(sctp_connect(fd, "127.0.0.1", 700),
		    count > CONNECT_ADDRESSES && !built_in() ? EACCES : 0,
		    "connecting from port 701 of %u addresses", count);
	close(fd);
	sctp_switch(ROOT);
}

void sctp_connect_run(void)
{
	static const uint16_t ports[] = { 700, 8444 };
	int server;

	if (!sctp_wanted())
		return;
	must_upload(CONNECT_RULES);
	for (size_t p = 0; p < ARRAY_SIZE(ports); p++) {
		server = server_of(OWNER, FAMILY_V4, SCTP_ONE_TO_MANY,
				   "127.0.0.1 127.0.0.2", ports[p]);
		for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
			call_from(i, ports[p]);
		close(server);
		sctp_switch(ROOT);
	}
	server = server_of(OWNER, FAMILY_V4, SCTP_ONE_TO_MANY, "127.0.0.1",
			   700);
	sctp_switch(ROOT);
	for (size_t i = 0; i < ARRAY_SIZE(handed); i++)
		for (int style = 0; style < SCTP_STYLES; style++)
			hand_over(i, style);
	must_upload(CONNECT_RULES);
	connect_from_many(CONNECT_ADDRESSES - 1);
	connect_from_many(CONNECT_ADDRESSES);
	connect_from_many(CONNECT_ADDRESSES + 1);
	close(server);
}

/* A message from one to the other; its association there. */
static sctp_assoc_t check_message(int from, const char *to, uint16_t port,
				  int at, const char *text, const char *what)
{
	sctp_assoc_t association = 0;
	char got[64] = "";

	check_errno(sctp_send(from, to, port, text), 0, "%s: sending", what);
	check_errno(sctp_receive(at, got, sizeof(got), &association), 0,
		    "%s: receiving", what);
	check(!strcmp(got, text), "%s: got '%s', want '%s'", what, got, text);
	return association;
}

static void try_traffic(enum family family, const char *address, uint16_t port)
{
	int server, client, accepted;

	server = server_of(OWNER, family, SCTP_ONE_TO_ONE, address, port);
	sctp_switch(STRANGER);
	client = sctp_socket(family, SCTP_ONE_TO_ONE);
	check_errno(sctp_connect(client, address, port), 0,
		    "connecting to %s port %u", address, port);
	sctp_switch(OWNER);
	accepted = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	if (accepted < 0)
		die("accept: %m");
	check_message(client, NULL, 0, accepted, "question", "to the server");
	check_message(accepted, NULL, 0, client, "answer", "to the client");
	close(client);
	close(accepted);
	close(server);

	server = server_of(OWNER, family, SCTP_ONE_TO_MANY, address, port);
	sctp_switch(STRANGER);
	client = sctp_socket(family, SCTP_ONE_TO_MANY);
	check_message(client, address, port, server, "question",
		      "to the server, one-to-many");
	sctp_switch(OWNER);
	check_message(server, address, bound_port(client), client, "answer",
		      "to the client, one-to-many");
	close(client);
	close(server);
	sctp_switch(ROOT);
}

void sctp_traffic_run(void)
{
	if (!sctp_wanted())
		return;
	must_upload("allow user 61001 700,8444/sctp\n"
		    "reserve 8444/sctp\n");
	try_traffic(FAMILY_V4, "127.0.0.1", 700);
	try_traffic(FAMILY_V6, "::1", 700);
	try_traffic(FAMILY_V6, "127.0.0.1", 8444);
	must_write("strict", "1");
	try_traffic(FAMILY_V4, "127.0.0.1", 700);
}

void sctp_peeloff_run(void)
{
	static const uint16_t ports[] = { 700, 8444 };

	if (!sctp_wanted())
		return;
	must_upload("allow user 61001 700,8444/sctp\n"
		    "reserve 8444/sctp\n");
	for (size_t p = 0; p < ARRAY_SIZE(ports); p++) {
		sctp_peeloff_arg_t peeled = { 0 };
		socklen_t size = sizeof(peeled);
		struct counters old, none = { 0 };
		int server, client;

		server = server_of(OWNER, FAMILY_V4, SCTP_ONE_TO_MANY,
				   "127.0.0.1", ports[p]);
		sctp_switch(STRANGER);
		client = sctp_socket(FAMILY_V4, SCTP_ONE_TO_MANY);
		peeled.associd = check_message(client, "127.0.0.1", ports[p],
					       server, "question",
					       "to the server");
		counters_take(&old);
		/* Whoever holds the socket may, as it binds nothing. */
		if (getsockopt(server, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF,
			       &peeled, &size) < 0)
			die("SCTP_SOCKOPT_PEELOFF: %m");
		counters_check(&old, &none, "nothing was judged");
		check(bound_port(peeled.sd) == ports[p],
		      "the new socket has port %u, want %u",
		      bound_port(peeled.sd), ports[p]);
		check_message(client, "127.0.0.1", ports[p], peeled.sd,
			      "more", "to the new socket");
		check_errno(sctp_add(peeled.sd, "127.0.0.2", 0), EACCES,
			    "a stranger adds an address to the new socket");
		sctp_switch(OWNER);
		check_errno(sctp_add(peeled.sd, "127.0.0.2", 0), 0,
			    "the owner adds an address to the new socket");
		close(client);
		close(peeled.sd);
		close(server);
		sctp_switch(ROOT);
	}
}

/*
 * The client's user may have 8446, the server's may not. What the client adds
 * later reaches the server in a packet, where no bind is made.
 */
void sctp_asconf_run(void)
{
	struct counters old, one = { .value = { [GRANTED] = 1 } };
	struct counters refused = { .value = { [DENIED_RESERVED] = 1 } };
	int server, client, intruder;
	sctp_assoc_t association;

	if (!sctp_wanted())
		return;
	sctp_own_network();
	sctp_sysctl("sctp/addip_enable", "1");
	sctp_sysctl("sctp/addip_noauth_enable", "1");
	must_upload("allow user 61001 700/sctp\n"
		    "allow user 61009 8446/sctp\n"
		    "reserve 8446/sctp\n"
		    "deny user 61001 8446\n");
	server = server_of(OWNER, FAMILY_V4, SCTP_ONE_TO_MANY, "127.0.0.1",
			   700);
	check_errno(sctp_try(FAMILY_V4, SCTP_ONE_TO_ONE, "127.0.0.3", 8446),
		    EACCES, "the server's user binds the client's port");
	sctp_switch(STRANGER);
	client = sctp_socket(FAMILY_V4, SCTP_ONE_TO_MANY);
	check_errno(sctp_bind(client, "127.0.0.2", 8446), 0, "the client");
	association = check_message(client, "127.0.0.1", 700, server, "before",
				    "to the server");
	check(!strcmp(sctp_peers(server, association), "127.0.0.2"),
	      "the client is at '%s' first", sctp_peers(server, association));

	/* Another user who holds the client's socket. */
	sctp_switch(MEMBER);
	intruder = dup(client);
	counters_take(&old);
	check_errno(sctp_add(intruder, "127.0.0.4", 0), EACCES,
		    "another user adds an address");
	counters_check(&old, &refused, "another user adds an address");
	close(intruder);

	sctp_switch(STRANGER);
	counters_take(&old);
	check_errno(sctp_add(client, "127.0.0.3", 8446), 0,
		    "the client adds an address");
	check(!strcmp(sctp_wait_for_peers(server, association,
					  "127.0.0.2 127.0.0.3"),
		      "127.0.0.2 127.0.0.3"),
	      "the client is at '%s' for the server",
	      sctp_peers(server, association));
	counters_check(&old, &one, "only the client's bind was judged");
	check_message(client, "127.0.0.1", 700, server, "after",
		      "to the server");
	close(client);
	close(server);
	sctp_switch(ROOT);
}
