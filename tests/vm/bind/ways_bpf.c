// SPDX-License-Identifier: GPL-2.0-only
/* Programs of a cgroup that change, refuse or make binds. */
#define _GNU_SOURCE
#include "ways.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup_bpf.h"
#include "control.h"
#include "harness.h"
#include "model.h"
#include "sockets.h"

/* Ports of which somebody has one, and others. */
enum {
	GRANTED_PORT = 443,	/* to the holder */
	ROOTS_PORT = 444,	/* granted to user 0 */
	LOW_PORT = 80,
	HIGH_PORT = 8443,
	RESERVED_PORT = 8444,	/* for the holder */
	DENIED_PORT = 8445,
	LOW_DENIED_PORT = 81,
	LOW_RESERVED_PORT = 82,
	/* Granted, and denied, on the loopback address only. */
	PREFIX_PORT = 500,
	PREFIX_DENIED_PORT = 8447,
};

static void put_policy(void)
{
	char rules[1024];

	snprintf(rules, sizeof(rules),
		 "allow user %u %u,%u\n"
		 "allow user 0 %u\n"
		 "reserve %u,%u\n"
		 "deny any %u,%u\n"
		 "allow user %u %u on 127.0.0.1\n"
		 "allow user %u %u on ::1\n"
		 "deny any %u on 127.0.0.1\n"
		 "deny any %u on ::1\n",
		 UID_GRANTED, GRANTED_PORT, RESERVED_PORT, ROOTS_PORT,
		 RESERVED_PORT, LOW_RESERVED_PORT, DENIED_PORT, LOW_DENIED_PORT,
		 UID_GRANTED, PREFIX_PORT, UID_GRANTED, PREFIX_PORT,
		 PREFIX_DENIED_PORT, PREFIX_DENIED_PORT);
	must_upload(rules);
}

enum who { HOLDER, STRANGER, ROOT };

static const char *const who_names[] = {
	[HOLDER] = "holder",
	[STRANGER] = "stranger",
	[ROOT] = "root",
};

static void become(enum who who)
{
	static const uid_t uids[] = {
		[HOLDER] = UID_GRANTED,
		[STRANGER] = UID_OTHER,
		[ROOT] = 0,
	};
	struct subject subject = subject_user(who_names[who], uids[who]);

	subject_become(&subject);
}

static void be_strict(bool strict)
{
	must_write("strict", strict ? "1" : "0");
}

/* To both families. */
static void attach_change(const struct bind_change *change)
{
	attach_bind(false, change);
	attach_bind(true, change);
}

static const enum transport transports[] = {
	TRANSPORT_TCP,
	TRANSPORT_UDP,
	TRANSPORT_MPTCP,
};

/* The port asked for, the one that the program makes of it, and what then. */
struct port_case {
	enum who who;
	bool strict;
	uint16_t asked;
	uint16_t made;
	int want;
};

/*
 * While such programs are attached anywhere, a process with the capability is
 * refused with EAFNOSUPPORT: what would say EACCES is passed by it.
 */
static const struct port_case port_cases[] = {
	{ HOLDER, false, HIGH_PORT, GRANTED_PORT, 0 },
	{ HOLDER, false, LOW_PORT, GRANTED_PORT, 0 },
	{ HOLDER, false, RESERVED_PORT, GRANTED_PORT, 0 },
	{ HOLDER, false, DENIED_PORT, RESERVED_PORT, 0 },
	{ HOLDER, false, 0, GRANTED_PORT, 0 },
	{ HOLDER, false, GRANTED_PORT, HIGH_PORT, 0 },
	{ HOLDER, false, GRANTED_PORT, LOW_PORT, EACCES },
	{ HOLDER, false, GRANTED_PORT, DENIED_PORT, EACCES },
	{ HOLDER, false, RESERVED_PORT, LOW_RESERVED_PORT, EACCES },
	{ STRANGER, false, HIGH_PORT, GRANTED_PORT, EACCES },
	{ STRANGER, false, HIGH_PORT, LOW_PORT, EACCES },
	{ STRANGER, false, HIGH_PORT, RESERVED_PORT, EACCES },
	{ STRANGER, false, HIGH_PORT, DENIED_PORT, EACCES },
	{ STRANGER, false, 0, RESERVED_PORT, EACCES },
	{ STRANGER, false, GRANTED_PORT, HIGH_PORT, 0 },
	{ STRANGER, false, RESERVED_PORT, HIGH_PORT, 0 },
	{ STRANGER, false, DENIED_PORT, HIGH_PORT, 0 },
	{ STRANGER, false, RESERVED_PORT, 0, 0 },
	{ ROOT, false, HIGH_PORT, LOW_PORT, 0 },
	{ ROOT, false, HIGH_PORT, RESERVED_PORT, 0 },
	{ ROOT, false, HIGH_PORT, DENIED_PORT, 0 },
	{ HOLDER, true, LOW_PORT, GRANTED_PORT, 0 },
	{ HOLDER, true, GRANTED_PORT, LOW_PORT, EACCES },
	{ STRANGER, true, LOW_PORT, HIGH_PORT, 0 },
	{ ROOT, true, LOW_PORT, ROOTS_PORT, 0 },
	{ ROOT, true, LOW_PORT, HIGH_PORT, 0 },
	{ ROOT, true, RESERVED_PORT, HIGH_PORT, 0 },
	{ ROOT, true, ROOTS_PORT, LOW_PORT, EAFNOSUPPORT },
	{ ROOT, true, HIGH_PORT, RESERVED_PORT, EAFNOSUPPORT },
	{ ROOT, true, HIGH_PORT, DENIED_PORT, EAFNOSUPPORT },
};

static void try_port(const struct port_case *way, enum transport transport,
		     enum family family)
{
	int fd = need_socket(transport, family);
	union sockaddr_any any;
	socklen_t length = make_plain_address(&any, family, ADDRESS_LOOPBACK,
					      way->asked);
	char what[128];

	snprintf(what, sizeof(what), "%s%s, %s %s, port %u made %u",
		 who_names[way->who], way->strict ? " under strict" : "",
		 transport_names[transport], family_names[family], way->asked,
		 way->made);
	if (check_errno(bind_errno(fd, &any, length), way->want, "%s", what) &&
	    !way->want)
		check(way->made ? bound_port(fd) == way->made :
				  bound_port(fd) >= PRIVILEGED_PORTS,
		      "%s: port %u is bound", what, bound_port(fd));
	close(fd);
}

static void port_case(void *arg)
{
	const struct port_case *way = arg;

	cgroup_join();
	become(way->who);
	for (size_t t = 0; t < ARRAY_SIZE(transports); t++) {
		if (!have_transport(transports[t]))
			continue;
		for (int f = 0; f < FAMILIES; f++)
			try_port(way, transports[t], f);
	}
}

static void ports_changed(void)
{
	put_policy();
	for (size_t i = 0; i < ARRAY_SIZE(port_cases); i++) {
		const struct bind_change change = {
			.verdict = BIND_GO_ON,
			.port = port_cases[i].made,
		};

		be_strict(port_cases[i].strict);
		attach_change(&change);
		in_child(port_case, (void *)&port_cases[i]);
	}
}

static void ports_run(void)
{
	with_cgroup(ports_changed);
}

struct address_case {
	enum who who;
	uint16_t port;
	const char *asked;
	const char *made;
	int want;
};

static const struct address_case address_cases[] = {
	{ HOLDER, PREFIX_PORT, "127.0.0.2", "127.0.0.1", 0 },
	{ HOLDER, PREFIX_PORT, "0.0.0.0", "127.0.0.1", 0 },
	{ HOLDER, PREFIX_PORT, "127.0.0.1", "127.0.0.2", EACCES },
	{ HOLDER, PREFIX_PORT, "127.0.0.1", "0.0.0.0", EACCES },
	{ STRANGER, PREFIX_PORT, "127.0.0.2", "127.0.0.1", EACCES },
	{ HOLDER, PREFIX_PORT, "::", "::1", 0 },
	{ HOLDER, PREFIX_PORT, "::ffff:127.0.0.2", "::1", 0 },
	{ HOLDER, PREFIX_PORT, "::", "::ffff:127.0.0.1", 0 },
	{ HOLDER, PREFIX_PORT, "::1", "::", EACCES },
	{ HOLDER, PREFIX_PORT, "::1", "::ffff:127.0.0.2", EACCES },
	{ HOLDER, PREFIX_PORT, "::1", "::ffff:0.0.0.0", EACCES },
	{ STRANGER, PREFIX_PORT, "::", "::1", EACCES },
	{ STRANGER, PREFIX_DENIED_PORT, "127.0.0.1", "127.0.0.2", 0 },
	{ STRANGER, PREFIX_DENIED_PORT, "0.0.0.0", "127.0.0.2", 0 },
	{ STRANGER, PREFIX_DENIED_PORT, "127.0.0.2", "127.0.0.1", EACCES },
	{ STRANGER, PREFIX_DENIED_PORT, "127.0.0.2", "0.0.0.0", EACCES },
	{ STRANGER, PREFIX_DENIED_PORT, "::1", "::ffff:127.0.0.2", 0 },
	{ STRANGER, PREFIX_DENIED_PORT, "::", "::ffff:127.0.0.2", 0 },
	{ STRANGER, PREFIX_DENIED_PORT, "::ffff:127.0.0.2", "::1", EACCES },
	{ STRANGER, PREFIX_DENIED_PORT, "::ffff:127.0.0.2",
	  "::ffff:127.0.0.1", EACCES },
	{ STRANGER, PREFIX_DENIED_PORT, "::ffff:127.0.0.2", "::", EACCES },
};

static bool is_bound_to(int fd, const char *address, uint16_t port)
{
	union sockaddr_any want, got;
	socklen_t length = make_address(&want, address, port);
	socklen_t got_length = sizeof(got);

	memset(&got, 0, sizeof(got));
	if (getsockname(fd, &got.sa, &got_length))
		die("getsockname: %m");
	return got_length == length && !memcmp(&got, &want, length);
}

static void address_case(void *arg)
{
	const struct address_case *way = arg;

	cgroup_join();
	become(way->who);
	for (size_t t = 0; t < ARRAY_SIZE(transports); t++) {
		union sockaddr_any any;
		socklen_t length = make_address(&any, way->asked, way->port);
		char what[160];
		int fd;

		if (!have_transport(transports[t]))
			continue;
		fd = need_socket(transports[t], any.sa.sa_family == AF_INET ?
							FAMILY_V4 : FAMILY_V6);
		snprintf(what, sizeof(what), "%s, %s port %u, %s made %s",
			 who_names[way->who], transport_names[transports[t]],
			 way->port, way->asked, way->made);
		if (check_errno(bind_errno(fd, &any, length), way->want, "%s",
				what) &&
		    !way->want)
			check(is_bound_to(fd, way->made, way->port),
			      "%s: another is bound", what);
		close(fd);
	}
}

static void addresses_changed(void)
{
	put_policy();
	for (size_t i = 0; i < ARRAY_SIZE(address_cases); i++) {
		const struct address_case *way = &address_cases[i];
		const struct bind_change change = {
			.verdict = BIND_GO_ON,
			.port = BIND_KEEP_PORT,
			.address = way->made,
		};

		attach_bind(!!strchr(way->made, ':'), &change);
		in_child(address_case, (void *)way);
	}
}

static void addresses_run(void)
{
	with_cgroup(addresses_changed);
}

static const uint16_t verdict_ports[] = {
	GRANTED_PORT,	ROOTS_PORT,  LOW_PORT,	      HIGH_PORT,
	RESERVED_PORT,	DENIED_PORT, LOW_DENIED_PORT, LOW_RESERVED_PORT,
};

#define VERDICT_PORTS ARRAY_SIZE(verdict_ports)

struct verdict_case {
	enum who who;
	enum bind_verdict verdict;
	const char *mode;
	bool strict;
	int want[VERDICT_PORTS];
};

#define A EACCES
#define F EAFNOSUPPORT
#define P EPERM
#define ALL_BOUND { 0 }
#define ALL_REFUSED { P, P, P, P, P, P, P, P }

static const struct verdict_case verdict_cases[] = {
	{ HOLDER, BIND_GO_ON, "enforce", false, { 0, A, A, 0, 0, A, A, A } },
	{ STRANGER, BIND_GO_ON, "enforce", false, { A, A, A, 0, A, A, A, A } },
	{ ROOT, BIND_GO_ON, "enforce", false, ALL_BOUND },
	{ ROOT, BIND_GO_ON, "enforce", true, { F, 0, F, 0, F, F, F, F } },
	/* What policy says nothing about is as without the module. */
	{ HOLDER, BIND_SKIP_CAPABILITY, "enforce", false,
	  { 0, 0, 0, 0, 0, A, A, A } },
	{ STRANGER, BIND_SKIP_CAPABILITY, "enforce", false,
	  { 0, 0, 0, 0, A, A, A, A } },
	{ ROOT, BIND_SKIP_CAPABILITY, "enforce", false, ALL_BOUND },
	{ HOLDER, BIND_SKIP_CAPABILITY, "enforce", true,
	  { 0, A, A, 0, 0, A, A, A } },
	{ STRANGER, BIND_SKIP_CAPABILITY, "enforce", true,
	  { A, A, A, 0, A, A, A, A } },
	{ ROOT, BIND_SKIP_CAPABILITY, "enforce", true,
	  { F, 0, F, 0, F, F, F, F } },
	{ STRANGER, BIND_SKIP_CAPABILITY, "permissive", true, ALL_BOUND },
	{ STRANGER, BIND_SKIP_CAPABILITY, "off", true, ALL_BOUND },
	/* A grant is one of privileged ports, and of nothing else. */
	{ HOLDER, BIND_REFUSE, "enforce", false, ALL_REFUSED },
	{ STRANGER, BIND_REFUSE, "enforce", false, ALL_REFUSED },
	{ ROOT, BIND_REFUSE, "enforce", false, ALL_REFUSED },
	{ ROOT, BIND_REFUSE, "enforce", true, ALL_REFUSED },
	{ HOLDER, BIND_REFUSE_FLAG, "enforce", false, ALL_REFUSED },
	{ STRANGER, BIND_REFUSE_FLAG, "enforce", true, ALL_REFUSED },
};

static const struct verdict_case without_program = {
	ROOT, BIND_GO_ON, "enforce", true, { A, 0, A, 0, A, A, A, A }
};

#undef A
#undef F
#undef P

static void try_verdict(const struct verdict_case *way, const char *note,
			enum family family)
{
	for (int t = TRANSPORT_TCP; t <= TRANSPORT_UDP; t++)
		for (size_t i = 0; i < VERDICT_PORTS; i++)
			check_errno(try_bind(t, family, ADDRESS_LOOPBACK,
					     verdict_ports[i]),
				    way->want[i],
				    "%s, mode %s%s, %s%d, %s %s port %u",
				    who_names[way->who], way->mode,
				    way->strict ? ", strict" : "", note,
				    way->verdict, transport_names[t],
				    family_names[family], verdict_ports[i]);
}

static void verdict_case(void *arg)
{
	const struct verdict_case *way = arg;

	cgroup_join();
	become(way->who);
	for (int f = 0; f < FAMILIES; f++)
		try_verdict(way, "verdict ", f);
}

static void verdicts_given(void)
{
	put_policy();
	for (size_t i = 0; i < ARRAY_SIZE(verdict_cases); i++) {
		const struct verdict_case *way = &verdict_cases[i];
		const struct bind_change change = {
			.verdict = way->verdict,
			.port = BIND_KEEP_PORT,
		};

		must_write("mode", way->mode);
		be_strict(way->strict);
		attach_change(&change);
		in_child(verdict_case, (void *)way);
	}
}

static void verdicts_run(void)
{
	with_cgroup(verdicts_given);
}

/*
 * Programs of another cgroup change nothing for a process but the error of a
 * refusal under strict, and that of their family only.
 */
static void elsewhere(void)
{
	const struct bind_change change = {
		.verdict = BIND_SKIP_CAPABILITY,
		.port = HIGH_PORT,
	};
	const struct verdict_case *with_program = &verdict_cases[3];

	put_policy();
	be_strict(true);
	try_verdict(&without_program, "before ", FAMILY_V4);
	try_verdict(&without_program, "before ", FAMILY_V6);
	attach_bind(false, &change);
	try_verdict(with_program, "elsewhere ", FAMILY_V4);
	try_verdict(&without_program, "elsewhere ", FAMILY_V6);
	attach_bind(true, &change);
	try_verdict(with_program, "elsewhere, both ", FAMILY_V6);
	detach_all();
	try_verdict(&without_program, "after ", FAMILY_V4);
	try_verdict(&without_program, "after ", FAMILY_V6);
	be_strict(false);
	attach_change(&change);
	become(STRANGER);
	try_verdict(&verdict_cases[1], "elsewhere ", FAMILY_V4);
	try_verdict(&verdict_cases[1], "elsewhere ", FAMILY_V6);
}

static void elsewhere_run(void)
{
	with_cgroup(elsewhere);
}

/* One bind is one, by the port that it came to. */
static const struct {
	struct port_case way;
	struct counters more;
} counter_cases[] = {
	{ { HOLDER, false, LOW_PORT, GRANTED_PORT, 0 },
	  { .value = { [GRANTED] = 1 } } },
	{ { HOLDER, false, GRANTED_PORT, LOW_PORT, EACCES },
	  { .value = { [PASSED] = 1, [NO_RULE] = 1 } } },
	{ { STRANGER, false, RESERVED_PORT, HIGH_PORT, 0 },
	  { .value = { [PASSED] = 1 } } },
	{ { STRANGER, false, DENIED_PORT, RESERVED_PORT, EACCES },
	  { .value = { [DENIED_RESERVED] = 1 } } },
	{ { STRANGER, false, RESERVED_PORT, DENIED_PORT, EACCES },
	  { .value = { [DENIED_RULE] = 1 } } },
	{ { ROOT, true, RESERVED_PORT, LOW_PORT, EAFNOSUPPORT },
	  { .value = { [DENIED_STRICT] = 1 } } },
};

static void counter_case(void *arg)
{
	const struct port_case *way = arg;

	cgroup_join();
	become(way->who);
	try_port(way, TRANSPORT_TCP, FAMILY_V4);
}

static void counted(void)
{
	put_policy();
	for (size_t i = 0; i < ARRAY_SIZE(counter_cases); i++) {
		const struct port_case *way = &counter_cases[i].way;
		const struct bind_change change = {
			.verdict = BIND_GO_ON,
			.port = way->made,
		};
		struct counters old;
		char what[64];

		be_strict(way->strict);
		attach_change(&change);
		counters_take(&old);
		in_child(counter_case, (void *)way);
		snprintf(what, sizeof(what), "%s, port %u made %u",
			 who_names[way->who], way->asked, way->made);
		counters_check(&old, &counter_cases[i].more, what);
	}
}

static void counters_run(void)
{
	with_cgroup(counted);
}

/*
 * A bind that a program makes before a connect is the kernel's own: policy
 * neither refuses nor grants it.
 */
struct connect_case {
	enum who who;
	bool strict;
	uint16_t port;
	int want;
};

static const struct connect_case connect_cases[] = {
	{ STRANGER, false, HIGH_PORT, 0 },
	{ STRANGER, false, RESERVED_PORT, 0 },
	{ STRANGER, true, DENIED_PORT, 0 },
	{ HOLDER, false, RESERVED_PORT, 0 },
	{ HOLDER, false, GRANTED_PORT, EPERM },
	{ STRANGER, false, LOW_PORT, EPERM },
	{ ROOT, false, LOW_PORT, 0 },
	{ ROOT, true, LOW_PORT, 0 },
	{ ROOT, true, RESERVED_PORT, 0 },
};

struct connect_run {
	const struct connect_case *way;
	uint16_t listener[2];
};

static int listen_on(enum family family, uint16_t *port)
{
	union sockaddr_any any;
	socklen_t length = make_plain_address(&any, family, ADDRESS_LOOPBACK,
					      0);
	int fd = need_socket(TRANSPORT_TCP, family);

	if (bind_errno(fd, &any, length) || listen(fd, 100))
		die("a listener: %m");
	*port = bound_port(fd);
	return fd;
}

static void try_connect(const struct connect_run *run, enum transport transport,
			enum family family)
{
	/* Closed without a wait that would keep the port. */
	const struct linger linger = { .l_onoff = 1 };
	int fd = need_socket(transport, family);
	union sockaddr_any any;
	socklen_t length = make_plain_address(&any, family, ADDRESS_LOOPBACK,
					      run->listener[family]);
	char what[128];
	int error;

	snprintf(what, sizeof(what), "%s%s, %s %s from port %u",
		 who_names[run->way->who],
		 run->way->strict ? " under strict" : "",
		 transport_names[transport], family_names[family],
		 run->way->port);
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
		die("SO_LINGER: %m");
	error = connect(fd, &any.sa, length) ? errno : 0;
	if (check_errno(error, run->way->want, "%s", what) && !error)
		check(bound_port(fd) == run->way->port, "%s: it is port %u",
		      what, bound_port(fd));
	close(fd);
}

static void connect_case(void *arg)
{
	const struct connect_run *run = arg;

	cgroup_join();
	become(run->way->who);
	for (int t = TRANSPORT_TCP; t <= TRANSPORT_UDP; t++)
		for (int f = FAMILY_V4; f <= FAMILY_V6; f++)
			try_connect(run, t, f);
}

static void connects(void)
{
	const struct counters more = { .value = { [PASSED] = 4 } };
	struct connect_run run;
	int v4 = listen_on(FAMILY_V4, &run.listener[FAMILY_V4]);
	int v6 = listen_on(FAMILY_V6, &run.listener[FAMILY_V6]);

	put_policy();
	for (size_t i = 0; i < ARRAY_SIZE(connect_cases); i++) {
		const struct connect_case *way = &connect_cases[i];
		struct counters old;
		char what[64];

		run.way = way;
		be_strict(way->strict);
		attach_connect(false, "127.0.0.1", way->port);
		attach_connect(true, "::1", way->port);
		counters_take(&old);
		in_child(connect_case, &run);
		snprintf(what, sizeof(what), "%s from port %u",
			 who_names[way->who], way->port);
		counters_check(&old, &more, what);
	}
	close(v4);
	close(v6);
}

static void connects_run(void)
{
	with_cgroup(connects);
}

const struct way bpf_ways[] = {
	{ "bpf/ports", "programs that change the port", ports_run },
	{ "bpf/addresses", "programs that change the address", addresses_run },
	{ "bpf/verdicts", "programs that refuse, or waive the capability",
	  verdicts_run },
	{ "bpf/elsewhere", "programs of another cgroup", elsewhere_run },
	{ "bpf/counters", "a changed bind counts once", counters_run },
	{ "bpf/connect", "programs that bind before a connect", connects_run },
	{ 0 },
};
