// SPDX-License-Identifier: GPL-2.0-only
/* Other calls that bind SCTP sockets, and what is counted for each. */
#define _GNU_SOURCE
#include "ways_sctp.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "compat.h"
#include "control.h"
#include "harness.h"
#include "sctp.h"
#include "uring.h"

#define COUNTER_RULES \
	"allow user 61001 700/sctp\n" \
	"allow user 61001 701/sctp on 127.0.0.0/8\n" \
	"reserve 8444/sctp\n" \
	"allow user 61001 8444/sctp\n" \
	"deny user 61009 8446/sctp\n"

#define MORE(...) .more.value = { __VA_ARGS__ }

/* A list of several addresses is one for bindx. */
static const struct {
	const char *name;
	enum person person;
	const char *addresses;
	uint16_t port;
	int error;
	const char *mode, *strict;
	struct counters more;
} counted[] = {
	{ "granted", OWNER, "::1", 700, 0, "enforce", "0",
	  MORE([GRANTED] = 1) },
	{ "granted, IPv4 address", OWNER, "127.0.0.1", 700, 0, "enforce", "0",
	  MORE([GRANTED] = 1) },
	{ "granted, reserved", OWNER, "::1", 8444, 0, "enforce", "0",
	  MORE([GRANTED] = 1) },
	{ "granted, strict", OWNER, "::1", 700, 0, "enforce", "1",
	  MORE([GRANTED] = 1) },
	{ "granted, permissive", OWNER, "::1", 700, 0, "permissive", "0",
	  MORE([GRANTED] = 1) },
	{ "granted, two addresses", OWNER, "::1 127.0.0.1", 700, 0, "enforce",
	  "0", MORE([GRANTED] = 2) },
	{ "granted, three addresses", OWNER, "127.0.0.2 ::1 127.0.0.1", 8444, 0,
	  "enforce", "0", MORE([GRANTED] = 3) },
	{ "only the first address granted", OWNER, "127.0.0.1 ::1", 701, EACCES,
	  "enforce", "0", MORE([GRANTED] = 1, [NO_RULE] = 1, [PASSED] = 1) },
	{ "the first address not granted", OWNER, "::1 127.0.0.1", 701, EACCES,
	  "enforce", "0", MORE([NO_RULE] = 1, [PASSED] = 1) },
	{ "no rule", STRANGER, "::1", 700, EACCES, "enforce", "0",
	  MORE([NO_RULE] = 1, [PASSED] = 1) },
	{ "no rule, two addresses", STRANGER, "::1 127.0.0.1", 700, EACCES,
	  "enforce", "0", MORE([NO_RULE] = 1, [PASSED] = 1) },
	{ "free", STRANGER, "::1", 8443, 0, "enforce", "0",
	  MORE([PASSED] = 1) },
	{ "free, two addresses", STRANGER, "::1 127.0.0.1", 8443, 0, "enforce",
	  "0", MORE([PASSED] = 2) },
	{ "reserved", STRANGER, "::1", 8444, EACCES, "enforce", "0",
	  MORE([DENIED_RESERVED] = 1) },
	{ "reserved, IPv4 address", STRANGER, "127.0.0.1", 8444, EACCES,
	  "enforce", "0", MORE([DENIED_RESERVED] = 1) },
	{ "reserved, two addresses", STRANGER, "::1 127.0.0.1", 8444, EACCES,
	  "enforce", "0", MORE([DENIED_RESERVED] = 1) },
	{ "reserved, permissive", STRANGER, "::1", 8444, 0, "permissive", "0",
	  MORE([PERMISSIVE] = 1, [PASSED] = 1) },
	{ "denied", STRANGER, "::1", 8446, EACCES, "enforce", "0",
	  MORE([DENIED_RULE] = 1) },
	{ "denied, permissive", STRANGER, "::1 127.0.0.1", 8446, 0,
	  "permissive", "0", MORE([PERMISSIVE] = 2, [PASSED] = 2) },
	{ "strict", STRANGER, "::1", 80, EACCES, "enforce", "1",
	  MORE([DENIED_STRICT] = 1) },
	{ "root", ROOT, "::1", 8444, 0, "enforce", "0", MORE([PASSED] = 1) },
	{ "root, strict", ROOT, "::1", 80, EACCES, "enforce", "1",
	  MORE([DENIED_STRICT] = 1) },
	{ "root, strict, reserved", ROOT, "::1", 8444, EACCES, "enforce", "1",
	  MORE([DENIED_RESERVED] = 1) },
	{ "off", STRANGER, "::1", 8444, 0, "off", "1", MORE([PASSED] = 1) },
};

void sctp_counters_run(void)
{
	static const char rule[] = "allow user 61001 700/sctp";
	long long hits;

	if (!sctp_wanted())
		return;
	must_upload(COUNTER_RULES);
	hits = rule_hits(rule);
	for (size_t i = 0; i < ARRAY_SIZE(counted); i++) {
		bool several = strchr(counted[i].addresses, ' ');
		struct counters old;
		int error, fd;

		must_write("mode", counted[i].mode);
		must_write("strict", counted[i].strict);
		sctp_switch(counted[i].person);
		counters_take(&old);
		fd = sctp_socket(FAMILY_V6, i % SCTP_STYLES);
		error = several ? sctp_add(fd, counted[i].addresses,
					   counted[i].port) :
				  sctp_bind(fd, counted[i].addresses,
					    counted[i].port);
		close(fd);
		sctp_switch(ROOT);
		check_errno(error, counted[i].error, "%s", counted[i].name);
		counters_check(&old, &counted[i].more, counted[i].name);
	}
	check(rule_hits(rule) == hits + 6, "'%s' has %lld hits more, want 6",
	      rule, rule_hits(rule) - hits);
}

#define CALL_RULES \
	"allow user 61001 700,8444/sctp\n" \
	"reserve 8444/sctp\n"

static const enum person callers[] = { OWNER, STRANGER };

static const struct {
	uint16_t port;
	char answers[ARRAY_SIZE(callers) + 1];
} call_answers[] = {
	{ 700, "+-" }, { 80, "--" }, { 8444, "+-" }, { 8446, "++" },
};

#if defined(__x86_64__)

enum { I386_SETSOCKOPT = 366 };

/* The list is in the lower half of the addresses. */
static int i386_add(int fd, const char *list, socklen_t size)
{
	long result;

	asm volatile("int $0x80"
		     : "=a"(result)
		     : "0"(I386_SETSOCKOPT), "b"(fd), "c"(IPPROTO_SCTP),
		       "d"(SCTP_SOCKOPT_BINDX_ADD), "S"(list), "D"(size)
		     : "memory", "r8", "r9", "r10", "r11");
	return -(int)result;
}

static void compat_of(void *arg)
{
	size_t caller = *(size_t *)arg;
	const char *who = sctp_people[callers[caller]].name;
	struct {
		union sockaddr_any any;
		char list[256];
	} *low;

	/* The old calls take addresses of 32 bits. */
	low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		die("mmap: %m");
	for (size_t i = 0; i < ARRAY_SIZE(call_answers); i++) {
		uint16_t port = call_answers[i].port;
		int want = sctp_answer(call_answers[i].answers[caller]);
		int fd = sctp_socket(FAMILY_V6, SCTP_ONE_TO_ONE);
		socklen_t length = make_address(&low->any, "127.0.0.1", port);

		check_errno(i386_bind(fd, &low->any, length, i % 2), want,
			    "bind, %s, port %u", who, port);
		close(fd);
		fd = sctp_socket(FAMILY_V6, SCTP_ONE_TO_MANY);
		length = sctp_pack(low->list, sizeof(low->list),
				   "127.0.0.1 ::1", port);
		check_errno(i386_add(fd, low->list, length), want,
			    "bindx, %s, port %u", who, port);
		check(!strcmp(sctp_local(fd), want ? "" : "127.0.0.1 ::1"),
		      "bindx, %s, port %u: bound to '%s'", who, port,
		      sctp_local(fd));
		close(fd);
	}
}

void sctp_compat_run(void)
{
	if (!sctp_wanted() || !have_i386())
		return;
	must_upload(CALL_RULES);
	for (size_t i = 0; i < ARRAY_SIZE(callers); i++)
		sctp_as(callers[i], compat_of, &i);
}

#else

void sctp_compat_run(void)
{
	skip("written for x86 only");
}

#endif

struct ring_try {
	struct ring *ring;
	const char *address;
	uint16_t port;
	unsigned int flags;
};

static int ring_bind_once(void *arg)
{
	const struct ring_try *try = arg;
	int fd = sctp_socket(FAMILY_V6, SCTP_ONE_TO_MANY), error;
	union sockaddr_any any;
	socklen_t length = make_address(&any, try->address, try->port);

	error = ring_bind(try->ring, fd, &any, length, try->flags, 0);
	close(fd);
	return error;
}

static void uring_of(void *arg)
{
	static const unsigned int flags[] = { 0, IOSQE_ASYNC };
	size_t caller = *(size_t *)arg;
	const char *who = sctp_people[callers[caller]].name;
	struct ring ring;

	if (ring_open(&ring, 0))
		die("io_uring_setup: %m");
	for (size_t f = 0; f < ARRAY_SIZE(flags); f++)
		for (size_t i = 0; i < ARRAY_SIZE(call_answers); i++) {
			struct ring_try try = {
				.ring = &ring,
				.address = i % 2 ? "::1" : "127.0.0.1",
				.port = call_answers[i].port,
				.flags = flags[f],
			};
			char letter = call_answers[i].answers[caller];

			check_errno(once_free(ring_bind_once, &try),
				    sctp_answer(letter), "%s, %s, port %u",
				    who, flags[f] ? "by a worker" : "inline",
				    try.port);
		}
	ring_close(&ring);
}

void sctp_uring_run(void)
{
	if (!sctp_wanted() || !uring_can_bind())
		return;
	must_upload(CALL_RULES);
	for (size_t i = 0; i < ARRAY_SIZE(callers); i++)
		sctp_as(callers[i], uring_of, &i);
}
