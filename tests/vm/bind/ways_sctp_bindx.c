// SPDX-License-Identifier: GPL-2.0-only
/* bindx: lists of addresses, each of which is one bind. */
#define _GNU_SOURCE
#include "ways_sctp.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "sctp.h"

#define RULES \
	"allow user 61001 700/sctp\n" \
	"allow user 61001 701/sctp on 127.0.0.0/8\n" \
	"reserve 8444/sctp\n" \
	"allow user 61001 8444/sctp\n" \
	"deny user 61001 8450/sctp on 127.0.0.3\n"

static void check_local(int fd, const char *want, const char *what,
			enum person person)
{
	const char *got = sctp_local(fd);

	check(!strcmp(got, want), "%s, %s: bound to '%s', want '%s'",
	      sctp_people[person].name, what, got, want);
}

/*
 * What is bound afterwards. When a list fails, the kernel removes what it has
 * added, but no socket may lose its only address: then it puts the others back.
 */
static const struct {
	enum person person;
	enum family family;
	const char *addresses;
	uint16_t port;
	int error;
	const char *local;
} new_sockets[] = {
	{ OWNER, FAMILY_V4, "127.0.0.1", 700, 0, "127.0.0.1" },
	{ OWNER, FAMILY_V4, "127.0.0.1 127.0.0.2", 700, 0,
	  "127.0.0.1 127.0.0.2" },
	{ OWNER, FAMILY_V6, "::1 127.0.0.1 ::ffff:127.0.0.2", 700, 0,
	  "::1 127.0.0.1 127.0.0.2" },
	{ OWNER, FAMILY_V6, "127.0.0.1 ::1", 8444, 0, "127.0.0.1 ::1" },
	{ OWNER, FAMILY_V6, "127.0.0.1 127.0.0.2", 701, 0,
	  "127.0.0.1 127.0.0.2" },
	{ OWNER, FAMILY_V6, "::1 127.0.0.1", 701, EACCES, "" },
	{ OWNER, FAMILY_V6, "127.0.0.1 ::1", 701, EACCES, "127.0.0.1" },
	{ OWNER, FAMILY_V6, "127.0.0.1 127.0.0.2 ::1", 701, EACCES,
	  "127.0.0.2 127.0.0.1" },
	{ OWNER, FAMILY_V4, "127.0.0.1 127.0.0.2 127.0.0.3", 8450, EACCES,
	  "127.0.0.2 127.0.0.1" },
	{ OWNER, FAMILY_V4, "127.0.0.1 127.0.0.2 192.0.2.1", 8446,
	  EADDRNOTAVAIL, "127.0.0.2 127.0.0.1" },
	{ OWNER, FAMILY_V6, "::1 127.0.0.3", 8450, EACCES, "::1" },
	{ OWNER, FAMILY_V6, "127.0.0.3 ::1", 8450, EACCES, "" },
	{ OWNER, FAMILY_V4, "127.0.0.1 192.0.2.1", 700, EADDRNOTAVAIL,
	  "127.0.0.1" },
	{ STRANGER, FAMILY_V6, "127.0.0.1", 700, EACCES, "" },
	{ STRANGER, FAMILY_V6, "::1 127.0.0.1", 700, EACCES, "" },
	{ STRANGER, FAMILY_V6, "::1", 8444, EACCES, "" },
	{ STRANGER, FAMILY_V6, "127.0.0.1 ::1", 8444, EACCES, "" },
	{ STRANGER, FAMILY_V6, "127.0.0.1 ::1 127.0.0.3", 8450, 0,
	  "127.0.0.1 ::1 127.0.0.3" },
	{ ROOT, FAMILY_V6, "127.0.0.1 ::1", 700, 0, "127.0.0.1 ::1" },
	{ ROOT, FAMILY_V6, "127.0.0.1 ::1", 8444, 0, "127.0.0.1 ::1" },
};

static void bind_new_sockets(void *arg)
{
	enum person person = *(enum person *)arg;

	for (size_t i = 0; i < ARRAY_SIZE(new_sockets); i++)
		for (int style = 0; style < SCTP_STYLES; style++) {
			const char *addresses = new_sockets[i].addresses;
			int fd;

			if (new_sockets[i].person != person)
				continue;
			fd = sctp_socket(new_sockets[i].family, style);
			check_errno(sctp_add(fd, addresses,
					     new_sockets[i].port),
				    new_sockets[i].error,
				    "%s, %s, '%s' port %u",
				    sctp_people[person].name,
				    sctp_style_names[style], addresses,
				    new_sockets[i].port);
			check_local(fd, new_sockets[i].local, addresses,
				    person);
			close(fd);
		}
}

void sctp_bindx_run(void)
{
	enum person who[] = { OWNER, STRANGER, ROOT };

	if (!sctp_wanted())
		return;
	must_upload(RULES);
	for (size_t i = 0; i < ARRAY_SIZE(who); i++)
		sctp_as(who[i], bind_new_sockets, &who[i]);
}

/* The owner's socket, which has 127.0.0.1 already: all the others or none. */
static const struct {
	const char *addresses;
	uint16_t port;
	int error;
	const char *local;
} bound_sockets[] = {
	{ "127.0.0.2", 700, 0, "127.0.0.1 127.0.0.2" },
	{ "127.0.0.2 ::1", 700, 0, "127.0.0.1 127.0.0.2 ::1" },
	{ "127.0.0.2 127.0.0.3", 701, 0, "127.0.0.1 127.0.0.2 127.0.0.3" },
	{ "::1", 701, EACCES, "127.0.0.1" },
	{ "127.0.0.2 ::1", 701, EACCES, "127.0.0.1" },
	{ "127.0.0.2 127.0.0.4 ::1 127.0.0.5", 701, EACCES, "127.0.0.1" },
	{ "127.0.0.2 127.0.0.3", 8450, EACCES, "127.0.0.1" },
	{ "127.0.0.2 192.0.2.1", 700, EADDRNOTAVAIL, "127.0.0.1" },
	{ "127.0.0.2 127.0.0.2", 700, EINVAL, "127.0.0.1" },
};

static void bind_bound_sockets(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(bound_sockets); i++)
		for (int inherit = 0; inherit < 2; inherit++) {
			int fd = sctp_socket(FAMILY_V6, i % SCTP_STYLES);
			uint16_t port = bound_sockets[i].port;
			const char *addresses = bound_sockets[i].addresses;

			if (sctp_bind(fd, "127.0.0.1", port))
				die("127.0.0.1 port %u: %m", port);
			check_errno(sctp_add(fd, addresses, inherit ? 0 : port),
				    bound_sockets[i].error, "'%s' port %u%s",
				    addresses, port,
				    inherit ? " by inheritance" : "");
			check_local(fd, bound_sockets[i].local, addresses,
				    OWNER);
			close(fd);
		}
}

void sctp_bindx_bound_run(void)
{
	if (!sctp_wanted())
		return;
	must_upload(RULES);
	sctp_as(OWNER, bind_bound_sockets, NULL);
}

/* One makes the socket, with one address; another, who has it too, adds one. */
static const struct {
	enum person maker;
	uint16_t port;
	enum person user;
	uint16_t added_port;
	const char *mode, *strict;
	int error;
} inherited[] = {
	{ OWNER, 700, OWNER, 0, "enforce", "0", 0 },
	{ OWNER, 700, OWNER, 700, "enforce", "0", 0 },
	{ OWNER, 700, STRANGER, 0, "enforce", "0", EACCES },
	{ OWNER, 700, STRANGER, 700, "enforce", "0", EACCES },
	{ OWNER, 700, STRANGER, 8446, "enforce", "0", EINVAL },
	{ OWNER, 700, ROOT, 0, "enforce", "0", 0 },
	{ OWNER, 700, ROOT, 0, "enforce", "1", EACCES },
	{ OWNER, 700, OWNER, 0, "enforce", "1", 0 },
	{ OWNER, 700, STRANGER, 0, "permissive", "0", EACCES },
	{ OWNER, 700, OWNER, 0, "off", "0", EACCES },
	{ OWNER, 8444, OWNER, 0, "enforce", "0", 0 },
	{ OWNER, 8444, STRANGER, 0, "enforce", "0", EACCES },
	{ OWNER, 8444, STRANGER, 8444, "enforce", "0", EACCES },
	{ OWNER, 8444, STRANGER, 0, "permissive", "0", 0 },
	{ OWNER, 8444, STRANGER, 0, "off", "0", 0 },
	{ OWNER, 8444, ROOT, 0, "enforce", "0", 0 },
	{ OWNER, 8444, ROOT, 0, "enforce", "1", EACCES },
	{ ROOT, 80, STRANGER, 0, "enforce", "0", EACCES },
	{ ROOT, 80, OWNER, 0, "enforce", "0", EACCES },
	{ ROOT, 80, ROOT, 0, "enforce", "0", 0 },
	{ ROOT, 700, OWNER, 0, "enforce", "0", 0 },
	{ ROOT, 8444, OWNER, 0, "enforce", "0", 0 },
	{ STRANGER, 8446, OWNER, 0, "enforce", "1", 0 },
	{ STRANGER, 8446, STRANGER, 0, "enforce", "0", 0 },
};

void sctp_bindx_inherit_run(void)
{
	if (!sctp_wanted())
		return;
	must_upload(RULES);
	for (size_t i = 0; i < ARRAY_SIZE(inherited); i++) {
		int fd = sctp_socket(FAMILY_V6, i % SCTP_STYLES);
		uint16_t port = inherited[i].port;
		int error;

		must_write("mode", "enforce");
		must_write("strict", "0");
		sctp_switch(inherited[i].maker);
		if (sctp_bind(fd, "::1", port))
			die("%s, port %u: %m",
			    sctp_people[inherited[i].maker].name, port);
		sctp_switch(ROOT);
		must_write("mode", inherited[i].mode);
		must_write("strict", inherited[i].strict);
		sctp_switch(inherited[i].user);
		error = sctp_add(fd, "127.0.0.1", inherited[i].added_port);
		sctp_switch(ROOT);
		check_errno(error, inherited[i].error,
			    "port %u of %s, %s adds port %u, %s, strict %s",
			    port, sctp_people[inherited[i].maker].name,
			    sctp_people[inherited[i].user].name,
			    inherited[i].added_port, inherited[i].mode,
			    inherited[i].strict);
		check_local(fd, error ? "::1" : "::1 127.0.0.1", "inherited",
			    inherited[i].user);
		close(fd);
	}
}

/* Of four addresses, under a policy that refuses everybody everything. */
static const struct {
	uint16_t port;
	enum person person;
	const char *removed;
	bool inherit;
	int error;
	const char *local;
} removals[] = {
	{ 710, OWNER, "127.0.0.2", false, 0, "127.0.0.1 ::1 127.0.0.3" },
	{ 711, STRANGER, "127.0.0.2", true, 0, "127.0.0.1 ::1 127.0.0.3" },
	{ 712, ROOT, "127.0.0.2", false, 0, "127.0.0.1 ::1 127.0.0.3" },
	{ 713, STRANGER, "::1 127.0.0.1", false, 0, "127.0.0.2 127.0.0.3" },
	{ 714, OWNER, "::1 127.0.0.1 127.0.0.2", true, 0, "127.0.0.3" },
	{ 715, STRANGER, "127.0.0.4", false, EINVAL,
	  "127.0.0.1 127.0.0.2 ::1 127.0.0.3" },
	{ 8460, OWNER, "127.0.0.2", true, 0, "127.0.0.1 ::1 127.0.0.3" },
	{ 8461, STRANGER, "127.0.0.2", false, 0, "127.0.0.1 ::1 127.0.0.3" },
	{ 8462, ROOT, "127.0.0.2", true, 0, "127.0.0.1 ::1 127.0.0.3" },
	{ 8463, STRANGER, "::1 127.0.0.1", true, 0, "127.0.0.2 127.0.0.3" },
};

#define REMOVAL_RULES \
	"allow user 61001 700,710-719,8460-8469/sctp\n" \
	"reserve 8460-8469\n"

/* What cannot be removed as a whole is put back: that is a bind. */
static void put_back(void)
{
	int fd = sctp_socket(FAMILY_V6, SCTP_ONE_TO_ONE);

	sctp_switch(OWNER);
	if (sctp_add(fd, "127.0.0.1 ::1 127.0.0.2", 700))
		die("three addresses: %m");
	check_errno(sctp_remove(fd, "::1 127.0.0.4", 700), EINVAL,
		    "an address that is not there, behind one that is");
	check_local(fd, "127.0.0.1 127.0.0.2 ::1", "put back", OWNER);
	sctp_switch(STRANGER);
	check_errno(sctp_remove(fd, "::1 127.0.0.4", 700), EINVAL,
		    "the same by a stranger");
	check_local(fd, "127.0.0.1 127.0.0.2", "not put back", STRANGER);
	sctp_switch(ROOT);
	close(fd);
}

void sctp_bindx_remove_run(void)
{
	struct counters old, none = { 0 };
	int fds[ARRAY_SIZE(removals)];

	if (!sctp_wanted())
		return;
	must_upload(REMOVAL_RULES);
	put_back();
	for (size_t i = 0; i < ARRAY_SIZE(removals); i++) {
		sctp_switch(OWNER);
		fds[i] = sctp_socket(FAMILY_V6, i % SCTP_STYLES);
		if (sctp_add(fds[i], "127.0.0.1 127.0.0.2 ::1 127.0.0.3",
			     removals[i].port))
			die("four addresses: %m");
	}
	sctp_switch(ROOT);
	must_upload("deny any 1-65535\n");
	must_write("strict", "1");
	counters_take(&old);
	for (size_t i = 0; i < ARRAY_SIZE(removals); i++) {
		enum person person = removals[i].person;

		sctp_switch(person);
		check_errno(sctp_remove(fds[i], removals[i].removed,
					removals[i].inherit ?
						0 :
						removals[i].port),
			    removals[i].error, "%s removes '%s' of port %u",
			    sctp_people[person].name, removals[i].removed,
			    removals[i].port);
		check_local(fds[i], removals[i].local, removals[i].removed,
			    person);
		close(fds[i]);
	}
	sctp_switch(ROOT);
	counters_check(&old, &none, "nothing was judged");
}
