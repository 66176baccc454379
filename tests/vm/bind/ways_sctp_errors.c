// SPDX-License-Identifier: GPL-2.0-only
/* What SCTP refuses by itself, and ports that are shared. */
#define _GNU_SOURCE
#include "ways_sctp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "sctp.h"

#define OWN_FAMILY (-1)

/* Addresses that are wrong by themselves. */
static const struct {
	const char *name;
	enum family family;
	const char *address;
	socklen_t length;	/* 0: what the address has */
	int sa_family;
} invalid[] = {
	{ "no address", FAMILY_V4, "127.0.0.1", 1, OWN_FAMILY },
	{ "IPv4, one byte less", FAMILY_V4, "127.0.0.1", 15, OWN_FAMILY },
	{ "IPv4, one byte less, IPv6 socket", FAMILY_V6, "127.0.0.1", 15,
	  OWN_FAMILY },
	{ "IPv6, length of IPv4", FAMILY_V6, "::1", 16, OWN_FAMILY },
	{ "IPv6, the old form", FAMILY_V6, "::1", 24, OWN_FAMILY },
	{ "IPv6, one byte less", FAMILY_V6, "::1", 27, OWN_FAMILY },
	{ "IPv6 address, IPv4 socket", FAMILY_V4, "::1", 0, OWN_FAMILY },
	{ "AF_UNSPEC, wildcard", FAMILY_V4, "0.0.0.0", 0, AF_UNSPEC },
	{ "AF_UNSPEC", FAMILY_V4, "127.0.0.1", 0, AF_UNSPEC },
	{ "AF_UNSPEC, IPv6 socket", FAMILY_V6, "::", 0, AF_UNSPEC },
	{ "AF_UNIX", FAMILY_V4, "127.0.0.1", 0, AF_UNIX },
	{ "an impossible family", FAMILY_V6, "::1", 0, 0xffff },
};

/* Granted, reserved for another user, without a rule, free. */
static const uint16_t error_ports[] = { 700, 8444, 80, 8446 };

static void check_invalid(enum person person)
{
	for (size_t i = 0; i < ARRAY_SIZE(invalid); i++)
		for (size_t p = 0; p < ARRAY_SIZE(error_ports); p++) {
			uint16_t port = error_ports[p];
			union sockaddr_any any;
			socklen_t length = make_address(
				&any, invalid[i].address, port);
			int style = (i + p) % SCTP_STYLES;
			int fd = sctp_socket(invalid[i].family, style);

			if (invalid[i].length)
				length = invalid[i].length;
			if (invalid[i].sa_family != OWN_FAMILY)
				any.sa.sa_family = invalid[i].sa_family;
			check_errno(bind_errno(fd, &any, length), EINVAL,
				    "%s, %s, port %u", sctp_people[person].name,
				    invalid[i].name, port);
			close(fd);
		}
}

/* Errors about an address that is right but cannot be had now. */
static void check_taken(enum person person)
{
	static const struct place elsewhere[] = {
		{ FAMILY_V4, "192.0.2.1" }, { FAMILY_V6, "192.0.2.1" },
		{ FAMILY_V6, "::ffff:192.0.2.1" }, { FAMILY_V6, "2001:db8::1" },
		{ FAMILY_V4, "224.0.0.1" }, { FAMILY_V6, "ff02::1" },
	};
	static const struct place held[] = {
		{ FAMILY_V4, "127.0.0.1" }, { FAMILY_V4, "0.0.0.0" },
		{ FAMILY_V6, "127.0.0.1" }, { FAMILY_V6, "::ffff:127.0.0.1" },
		{ FAMILY_V6, "::" },
	};
	const char *who = sctp_people[person].name;
	int got;

	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		for (size_t p = 0; p < ARRAY_SIZE(error_ports); p++) {
			uint16_t port = error_ports[p];
			int want = EADDRNOTAVAIL;

			got = sctp_try(elsewhere[i].family,
				       SCTP_ONE_TO_ONE, elsewhere[i].address,
				       port);
			/* Policy may come first where it refuses. */
			if (person == STRANGER && port == 8444 && got == EACCES)
				want = EACCES;
			check_errno(got, want, "%s, %s port %u", who,
				    elsewhere[i].address, port);
		}
	/* Port 707 is held by somebody else who may. */
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		check_errno(sctp_try(held[i].family, SCTP_ONE_TO_MANY,
				     held[i].address, 707),
			    person == OWNER ? EADDRINUSE : EACCES,
			    "%s, %s port 707 in use", who, held[i].address);
}

/* A bound socket cannot be bound again, and not to another port. */
static void check_bound(enum person person)
{
	const char *who = sctp_people[person].name;
	int fd = sctp_socket(FAMILY_V4, SCTP_ONE_TO_ONE);

	check_errno(sctp_bind(fd, "127.0.0.1", 8446), 0, "%s, port 8446", who);
	check_errno(sctp_bind(fd, "127.0.0.2", 8446), EINVAL,
		    "%s, the same port again", who);
	for (size_t p = 0; p < ARRAY_SIZE(error_ports); p++) {
		if (error_ports[p] == 8446)
			continue;
		check_errno(sctp_add(fd, "127.0.0.2", error_ports[p]), EINVAL,
			    "%s, another address with port %u", who,
			    error_ports[p]);
	}
	check_errno(sctp_add(fd, "127.0.0.1", 8446), EINVAL,
		    "%s, the same address again", who);
	check_errno(sctp_add(fd, "::1", 8446), EINVAL,
		    "%s, IPv6 address for an IPv4 socket", who);
	check(!strcmp(sctp_local(fd), "127.0.0.1"),
	      "%s: bound to '%s' in the end", who, sctp_local(fd));
	close(fd);
}

/* What the kernel refuses by itself is neither granted nor denied. */
static void check_not_judged(const struct counters *old, enum person person)
{
	struct counters now;

	counters_take(&now);
	for (int i = 0; i < COUNTERS; i++)
		check(i == PASSED || now.value[i] == old->value[i],
		      "%s, invalid addresses: %s: %lld more",
		      sctp_people[person].name, counter_names[i],
		      (long long)(now.value[i] - old->value[i]));
}

static void errors_of(void *arg)
{
	enum person person = *(enum person *)arg;
	struct counters old;

	counters_take(&old);
	check_invalid(person);
	check_not_judged(&old, person);
	check_taken(person);
	check_bound(person);
	check_errno(sctp_try(FAMILY_V4, SCTP_ONE_TO_ONE, "127.0.0.1", 80),
		    EACCES, "%s, port 80 after all errors",
		    sctp_people[person].name);
	check(!used_privilege(), "%s has used a capability",
	      sctp_people[person].name);
}

void sctp_errors_run(void)
{
	enum person who[] = { OWNER, STRANGER };
	int fd;

	if (!sctp_wanted())
		return;
	must_upload("allow user 61001 700,707/sctp\n"
		    "reserve 8444/sctp\n"
		    "allow user 61001 8444/sctp\n");
	fd = sctp_socket(FAMILY_V4, SCTP_ONE_TO_ONE);
	if (sctp_bind(fd, "127.0.0.1", 707))
		die("root cannot bind port 707: %m");
	for (size_t i = 0; i < ARRAY_SIZE(who); i++)
		sctp_as(who[i], errors_of, &who[i]);
	close(fd);
}

/* Options that let sockets share a port, and what the second one gets. */
static const struct {
	const char *name;
	int level, option;
	bool one_to_many;
	int same_user;
	int other_user;
} sharing[] = {
	{ "nothing", 0, 0, true, EADDRINUSE, EADDRINUSE },
	{ "SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, true, 0, 0 },
	{ "SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, true, 0, EADDRINUSE },
	{ "SCTP_REUSE_PORT", IPPROTO_SCTP, SCTP_REUSE_PORT, false, 0, 0 },
};

static int bind_sharing(size_t how, enum sctp_style style, uint16_t port,
			int *fd)
{
	int on = 1;

	*fd = sctp_socket(FAMILY_V6, style);
	if (sharing[how].option &&
	    setsockopt(*fd, sharing[how].level, sharing[how].option, &on,
		       sizeof(on)))
		die("%s: %m", sharing[how].name);
	return sctp_bind(*fd, "::1", port);
}

void sctp_sharing_run(void)
{
	static const uint16_t ports[] = { 700, 8444, 8446 };

	if (!sctp_wanted())
		return;
	must_upload("allow user 61001 700/sctp\n"
		    "reserve 8444/sctp\n"
		    "allow user 61001 8444/sctp\n");
	for (size_t how = 0; how < ARRAY_SIZE(sharing); how++)
		for (int style = 0; style <= sharing[how].one_to_many; style++)
			for (size_t p = 0; p < ARRAY_SIZE(ports); p++) {
				bool free = ports[p] == 8446;
				int first, second, third;
				char what[64];

				snprintf(what, sizeof(what), "%s, %s, port %u",
					 sharing[how].name,
					 sctp_style_names[style], ports[p]);
				sctp_switch(OWNER);
				check_errno(bind_sharing(how, style, ports[p],
							 &first),
					    0, "%s, the owner", what);
				check_errno(bind_sharing(how, style, ports[p],
							 &second),
					    sharing[how].same_user,
					    "%s, the owner again", what);
				sctp_switch(STRANGER);
				check_errno(bind_sharing(how, style, ports[p],
							 &third),
					    free ? sharing[how].other_user :
						   EACCES,
					    "%s, a stranger", what);
				close(first);
				close(second);
				close(third);
			}
	sctp_switch(ROOT);
}
