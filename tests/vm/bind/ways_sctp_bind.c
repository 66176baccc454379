// SPDX-License-Identifier: GPL-2.0-only
/* bind(2) of SCTP sockets. */
#define _GNU_SOURCE
#include "ways_sctp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "sctp.h"

static const struct place places[] = {
	{ FAMILY_V4, "0.0.0.0" },	   { FAMILY_V4, "127.0.0.1" },
	{ FAMILY_V6, "::" },		   { FAMILY_V6, "::1" },
	{ FAMILY_V6, "::ffff:0.0.0.0" },   { FAMILY_V6, "::ffff:127.0.0.1" },
	{ FAMILY_V6, "0.0.0.0" },	   { FAMILY_V6, "127.0.0.1" },
};

static const char *family_name(enum family family)
{
	return family == FAMILY_V4 ? "IPv4" : "IPv6";
}

#define BIND_RULES \
	"allow user 61001 700/sctp\n" \
	"allow user 61001 701\n" \
	"allow user 61001 702/tcp\n" \
	"allow user 61001 703/udp\n" \
	"allow group 62001 704/sctp\n" \
	"allow any 705/sctp\n" \
	"reserve 8444/sctp\n" \
	"reserve 8445\n" \
	"allow user 61001 8444/sctp\n"

static const struct {
	uint16_t port;
	char answers[PEOPLE + 1];
} bind_answers[] = {
	{ 700, "+--++" }, { 701, "+--++" }, { 702, "----+" },
	{ 703, "----+" }, { 704, "--+-+" }, { 705, "+++++" },
	{ 706, "----+" }, { 8444, "+--++" }, { 8445, "----+" },
	{ 8446, "+++++" }, { 0, "+++++" },
};

static void bind_as_person(void *arg)
{
	enum person person = *(enum person *)arg;

	for (size_t i = 0; i < ARRAY_SIZE(bind_answers); i++)
		for (size_t j = 0; j < ARRAY_SIZE(places); j++)
			for (int style = 0; style < SCTP_STYLES; style++)
				check_errno(sctp_try(places[j].family, style,
						     places[j].address,
						     bind_answers[i].port),
					    sctp_answer(bind_answers[i]
							   .answers[person]),
					    "%s, %s %s socket, %s port %u",
					    sctp_people[person].name,
					    family_name(places[j].family),
					    sctp_style_names[style],
					    places[j].address,
					    bind_answers[i].port);
}

void sctp_bind_run(void)
{
	if (!sctp_wanted())
		return;
	must_upload(BIND_RULES);
	for (enum person who = 0; who < PEOPLE; who++)
		sctp_as(who, bind_as_person, &who);
}

/*
 * An IPv4 address is of a wrong family here, in either form. Whether policy or
 * the kernel says so first is open where both do.
 */
static const struct {
	const char *address;
	uint16_t port;
	int owner;
	int stranger;
	int stranger_or;
} v6only_answers[] = {
	{ "::", 700, 0, EACCES, EACCES },
	{ "::1", 700, 0, EACCES, EACCES },
	{ "::", 8444, 0, EACCES, EACCES },
	{ "::1", 8446, 0, 0, 0 },
	{ "127.0.0.1", 700, EINVAL, EINVAL, EINVAL },
	{ "::ffff:127.0.0.1", 700, EINVAL, EINVAL, EINVAL },
	{ "0.0.0.0", 8444, EINVAL, EINVAL, EACCES },
	{ "::ffff:127.0.0.1", 8444, EINVAL, EINVAL, EACCES },
};

static int try_v6only(const char *address, enum sctp_style style,
		      uint16_t port)
{
	int fd = sctp_socket(FAMILY_V6, style), on = 1, error;

	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)))
		die("IPV6_V6ONLY: %m");
	error = sctp_bind(fd, address, port);
	close(fd);
	return error;
}

static void v6only_of(void *arg)
{
	bool owner = *(enum person *)arg == OWNER;

	for (size_t i = 0; i < ARRAY_SIZE(v6only_answers); i++)
		for (int style = 0; style < SCTP_STYLES; style++) {
			const char *address = v6only_answers[i].address;
			uint16_t port = v6only_answers[i].port;
			int want = owner ? v6only_answers[i].owner :
					   v6only_answers[i].stranger;
			int got = try_v6only(address, style, port);

			if (!owner && got == v6only_answers[i].stranger_or)
				want = got;
			check_errno(got, want, "%s, %s, %s port %u",
				    owner ? "the owner" : "a stranger",
				    sctp_style_names[style], address, port);
		}
}

void sctp_v6only_run(void)
{
	enum person who[] = { OWNER, STRANGER };

	if (!sctp_wanted())
		return;
	must_upload(BIND_RULES);
	for (size_t i = 0; i < ARRAY_SIZE(who); i++)
		sctp_as(who[i], v6only_of, &who[i]);
}

#define SETTINGS_RULES \
	"allow user 61001 700/sctp\n" \
	"allow any 703\n" \
	"deny user 61009 703/sctp\n" \
	"allow user 0 704/sctp\n" \
	"reserve 8444/sctp\n" \
	"allow user 61001 8444/sctp\n" \
	"reserve 8445\n" \
	"deny user 61009 8446/sctp\n" \
	"deny any 8447\n" \
	"reserve 8448/tcp\n" \
	"deny any 8449/udp\n"

enum setting { PLAIN, STRICT, PERMISSIVE_ONE, PERMISSIVE_STRICT, OFF,
	       SETTINGS };

static const struct {
	const char *name;
	const char *mode;
	const char *strict;
} settings[SETTINGS] = {
	[PLAIN] = { "enforce", "enforce", "0" },
	[STRICT] = { "strict", "enforce", "1" },
	[PERMISSIVE_ONE] = { "permissive", "permissive", "0" },
	[PERMISSIVE_STRICT] = { "permissive and strict", "permissive", "1" },
	[OFF] = { "off", "off", "1" },
};

static const enum person setting_people[] = { OWNER, STRANGER, ROOT };

/* The letters stand for the owner, the stranger and root. */
static const struct {
	uint16_t port;
	const char *answers[SETTINGS];
} setting_answers[] = {
	{ 80, { "--+", "---", "--+", "--+", "--+" } },
	{ 700, { "+-+", "+--", "+-+", "+-+", "--+" } },
	{ 703, { "+-+", "+-+", "+-+", "+-+", "--+" } },
	{ 704, { "--+", "--+", "--+", "--+", "--+" } },
	{ 8443, { "+++", "+++", "+++", "+++", "+++" } },
	{ 8444, { "+-+", "+--", "+++", "+++", "+++" } },
	{ 8445, { "--+", "---", "+++", "+++", "+++" } },
	{ 8446, { "+-+", "+-+", "+++", "+++", "+++" } },
	{ 8447, { "--+", "---", "+++", "+++", "+++" } },
	{ 8448, { "+++", "+++", "+++", "+++", "+++" } },
	{ 8449, { "+++", "+++", "+++", "+++", "+++" } },
};

struct with_setting {
	enum setting setting;
	size_t column;
};

static void bind_with_setting(void *arg)
{
	const struct with_setting *with = arg;

	for (size_t i = 0; i < ARRAY_SIZE(setting_answers); i++)
		for (int style = 0; style < SCTP_STYLES; style++) {
			uint16_t port = setting_answers[i].port;
			const char *answers =
				setting_answers[i].answers[with->setting];
			enum person person = setting_people[with->column];

			check_errno(sctp_try(FAMILY_V6, style, "::1", port),
				    sctp_answer(answers[with->column]),
				    "%s, %s, %s port %u",
				    settings[with->setting].name,
				    sctp_people[person].name,
				    sctp_style_names[style], port);
		}
}

void sctp_settings_run(void)
{
	if (!sctp_wanted())
		return;
	must_upload(SETTINGS_RULES);
	for (int setting = 0; setting < SETTINGS; setting++) {
		must_write("mode", settings[setting].mode);
		must_write("strict", settings[setting].strict);
		for (size_t i = 0; i < ARRAY_SIZE(setting_people); i++) {
			struct with_setting with = { setting, i };

			sctp_as(setting_people[i], bind_with_setting, &with);
		}
	}
}

/*
 * A refusal is made with port 1 in place of the one that was asked for, and
 * must not be granted that one instead.
 */
static void bind_beside_port_1(void *arg)
{
	static const struct {
		uint16_t port;
		int error;
	} rows[] = { { 1, 0 }, { 8447, EACCES }, { 703, EACCES },
		     { 80, EACCES }, { 1, 0 } };

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t j = 0; j < ARRAY_SIZE(places); j++) {
			int fd = sctp_socket(places[j].family,
					     j % SCTP_STYLES);

			check_errno(sctp_bind(fd, places[j].address,
					      rows[i].port),
				    rows[i].error, "%s socket, %s port %u",
				    family_name(places[j].family),
				    places[j].address, rows[i].port);
			check(bound_port(fd) ==
				      (rows[i].error ? 0 : rows[i].port),
			      "%s socket, %s port %u: bound to port %u",
			      family_name(places[j].family), places[j].address,
			      rows[i].port, bound_port(fd));
			close(fd);
		}
}

void sctp_port_1_run(void)
{
	if (!sctp_wanted())
		return;
	must_upload("allow any 1/sctp\n"
		    "deny any 8447\n"
		    "deny any 703/sctp\n");
	sctp_as(OWNER, bind_beside_port_1, NULL);
	must_write("strict", "1");
	sctp_as(OWNER, bind_beside_port_1, NULL);
}

/* Where the kernel refuses other ports than usual, or none, of itself. */
static const struct {
	const char *boundary;
	uint16_t port;
	char answers[2 + 1];	/* of the owner and a stranger */
} boundary_answers[] = {
	{ "0", 80, "++" }, { "0", 700, "++" }, { "0", 8444, "+-" },
	{ "0", 8447, "--" }, { "0", 703, "--" },
	{ "1", 80, "++" }, { "1", 8444, "+-" }, { "1", 8447, "--" },
	{ "2", 1, "--" }, { "2", 2, "++" }, { "2", 8447, "--" },
	{ "9000", 700, "+-" }, { "9000", 8443, "--" }, { "9000", 8444, "+-" },
	{ "9000", 9000, "++" },
};

struct with_boundary {
	size_t row;
	bool stranger;
};

static void bind_with_boundary(void *arg)
{
	const struct with_boundary *with = arg;
	uint16_t port = boundary_answers[with->row].port;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		int fd = sctp_socket(places[i].family, i % SCTP_STYLES);

		check_errno(sctp_bind(fd, places[i].address, port),
			    sctp_answer(boundary_answers[with->row]
						.answers[with->stranger]),
			    "boundary %s, %s, %s port %u",
			    boundary_answers[with->row].boundary,
			    with->stranger ? "a stranger" : "the owner",
			    places[i].address, port);
		close(fd);
	}
}

void sctp_boundary_run(void)
{
	if (!sctp_wanted())
		return;
	sctp_own_network();
	must_upload("allow user 61001 700,8444/sctp\n"
		    "reserve 8444\n"
		    "deny any 8447\n"
		    "deny any 703/sctp\n");
	for (size_t i = 0; i < ARRAY_SIZE(boundary_answers); i++) {
		struct with_boundary with = { i, false };

		sctp_sysctl("ipv4/ip_unprivileged_port_start",
			    boundary_answers[i].boundary);
		sctp_as(OWNER, bind_with_boundary, &with);
		with.stranger = true;
		sctp_as(STRANGER, bind_with_boundary, &with);
	}
}

#define PREFIX_RULES \
	"allow user 61001 700/sctp on 127.0.0.0/8\n" \
	"allow user 61001 701 on ::1\n" \
	"allow user 61001 702/sctp on 0.0.0.0/0\n" \
	"allow user 61001 703/sctp on ::/0\n" \
	"allow user 61001 704/sctp on 0.0.0.0/0\n" \
	"allow user 61001 704/sctp on ::/0\n" \
	"deny any 8450/sctp on 127.0.0.2\n" \
	"deny any 8451/sctp on ::1\n"

static const struct {
	uint16_t port;
	enum family family;
	const char *address;
	int error;
} prefix_answers[] = {
	{ 700, FAMILY_V4, "127.0.0.1", 0 },
	{ 700, FAMILY_V4, "127.9.9.9", 0 },
	{ 700, FAMILY_V6, "::ffff:127.0.0.1", 0 },
	{ 700, FAMILY_V6, "127.0.0.1", 0 },
	{ 700, FAMILY_V4, "0.0.0.0", EACCES },
	{ 700, FAMILY_V6, "0.0.0.0", EACCES },
	{ 700, FAMILY_V6, "::ffff:0.0.0.0", EACCES },
	{ 700, FAMILY_V6, "::", EACCES },
	{ 700, FAMILY_V6, "::1", EACCES },
	{ 701, FAMILY_V6, "::1", 0 },
	{ 701, FAMILY_V6, "::", EACCES },
	{ 701, FAMILY_V4, "127.0.0.1", EACCES },
	{ 701, FAMILY_V6, "127.0.0.1", EACCES },
	{ 702, FAMILY_V4, "0.0.0.0", 0 },
	{ 702, FAMILY_V4, "127.0.0.1", 0 },
	{ 702, FAMILY_V6, "0.0.0.0", 0 },
	{ 702, FAMILY_V6, "::ffff:0.0.0.0", 0 },
	{ 702, FAMILY_V6, "::", EACCES },
	{ 702, FAMILY_V6, "::1", EACCES },
	{ 703, FAMILY_V6, "::1", 0 },
	{ 703, FAMILY_V4, "0.0.0.0", EACCES },
	{ 703, FAMILY_V6, "0.0.0.0", EACCES },
	{ 703, FAMILY_V6, "::ffff:127.0.0.1", EACCES },
	{ 704, FAMILY_V4, "0.0.0.0", 0 },
	{ 704, FAMILY_V6, "::1", 0 },
	{ 8450, FAMILY_V4, "127.0.0.2", EACCES },
	{ 8450, FAMILY_V6, "127.0.0.2", EACCES },
	{ 8450, FAMILY_V6, "::ffff:127.0.0.2", EACCES },
	{ 8450, FAMILY_V4, "0.0.0.0", EACCES },
	{ 8450, FAMILY_V6, "0.0.0.0", EACCES },
	{ 8450, FAMILY_V6, "::", EACCES },
	{ 8450, FAMILY_V4, "127.0.0.1", 0 },
	{ 8450, FAMILY_V6, "::1", 0 },
	{ 8451, FAMILY_V6, "::1", EACCES },
	{ 8451, FAMILY_V6, "::", EACCES },
	{ 8451, FAMILY_V4, "0.0.0.0", 0 },
	{ 8451, FAMILY_V6, "::ffff:0.0.0.0", 0 },
};

static void bind_prefixes(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(prefix_answers); i++)
		for (int style = 0; style < SCTP_STYLES; style++)
			check_errno(sctp_try(prefix_answers[i].family, style,
					     prefix_answers[i].address,
					     prefix_answers[i].port),
				    prefix_answers[i].error,
				    "%s %s socket, %s port %u",
				    family_name(prefix_answers[i].family),
				    sctp_style_names[style],
				    prefix_answers[i].address,
				    prefix_answers[i].port);
}

void sctp_prefix_run(void)
{
	if (!sctp_wanted())
		return;
	must_upload(PREFIX_RULES);
	sctp_as(OWNER, bind_prefixes, NULL);
}
