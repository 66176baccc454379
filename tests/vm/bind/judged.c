// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small table of binds, granted and refused, by a user with a rule, another
 * one and root, not strict and strict, on both families; for scripts:
 *     judged by-all|by-judgement|by-kernel TRANSPORT...
 * by-all: the module is loaded. by-judgement: it is, and its first line cannot
 * refuse, so that whom the kernel would let pass may be refused with
 * EAFNOSUPPORT. by-kernel: it is not.
 * Leaves the table's rules in force, and not strict.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "sockets.h"

static const char rules[] = "deny any 444\n"
			    "allow user 61001 443\n"
			    "reserve 8443\n";

enum who { GRANTED_USER, OTHER_USER, ROOT, ACTORS };

static const char *const who_names[ACTORS] = { "granted", "other", "root" };

/* What the verdict is, not strict and strict. */
static const struct {
	enum who who;
	uint16_t port;
	enum counter verdict[2];
} table[] = {
	{ GRANTED_USER, 443, { GRANTED, GRANTED } },
	{ GRANTED_USER, 80, { NO_RULE, DENIED_STRICT } },
	{ GRANTED_USER, 444, { DENIED_RULE, DENIED_RULE } },
	{ GRANTED_USER, 8443, { DENIED_RESERVED, DENIED_RESERVED } },
	{ OTHER_USER, 443, { NO_RULE, DENIED_STRICT } },
	{ OTHER_USER, 8443, { DENIED_RESERVED, DENIED_RESERVED } },
	{ OTHER_USER, 8444, { PASSED, PASSED } },
	{ ROOT, 80, { PASSED, DENIED_STRICT } },
	{ ROOT, 444, { PASSED, DENIED_RULE } },
	{ ROOT, 8443, { PASSED, DENIED_RESERVED } },
	{ ROOT, 8444, { PASSED, PASSED } },
};

static enum { BY_ALL, BY_JUDGEMENT, BY_KERNEL, BYS } by;

static const char *const by_names[BYS] = {
	[BY_ALL] = "by-all",
	[BY_JUDGEMENT] = "by-judgement",
	[BY_KERNEL] = "by-kernel",
};

static enum transport transports[TRANSPORTS];
static size_t transport_count;
static int strict;

static int expected(size_t i)
{
	enum counter verdict = table[i].verdict[strict];

	if (by == BY_KERNEL)
		return table[i].who != ROOT && table[i].port < PRIVILEGED_PORTS ?
			       EACCES :
			       0;
	return verdict == GRANTED || verdict == PASSED ? 0 : EACCES;
}

static void check_one(size_t i, enum transport transport, enum family family,
		      enum address address)
{
	int want = expected(i);
	int got = try_bind(transport, family, address, table[i].port);

	/* The one answer that needs no capability to be missing. */
	if (by == BY_JUDGEMENT && table[i].who == ROOT && want &&
	    got == EAFNOSUPPORT)
		got = want;
	check_errno(got, want, "%s%s %s %s port %u", strict ? "strict, " : "",
		    who_names[table[i].who], transport_names[transport],
		    family_names[family], table[i].port);
}

static void check_as(void *arg)
{
	const enum who *who = arg;
	struct subject user =
		subject_user(who_names[*who],
			     *who == GRANTED_USER ? UID_GRANTED : UID_OTHER);

	if (*who != ROOT)
		subject_become(&user);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		for (size_t t = 0; table[i].who == *who && t < transport_count;
		     t++) {
			check_one(i, transports[t], FAMILY_V4,
				  ADDRESS_LOOPBACK);
			check_one(i, transports[t], FAMILY_V6,
				  ADDRESS_WILDCARD);
		}
}

/* Every bind counts once, whatever it has passed on its way. */
static void expect_counters(struct counters *more)
{
	memset(more, 0, sizeof(*more));
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		enum counter verdict = table[i].verdict[strict];

		more->value[verdict] += 2 * transport_count;
		/* It was left to the kernel, which refused. */
		if (verdict == NO_RULE)
			more->value[PASSED] += 2 * transport_count;
	}
}

static void check_table(void)
{
	struct counters before, more;

	if (by != BY_KERNEL) {
		must_write("strict", strict ? "1" : "0");
		counters_take(&before);
	}
	for (enum who who = 0; who < ACTORS; who++)
		in_child(check_as, &who);
	if (by != BY_KERNEL) {
		expect_counters(&more);
		counters_check(&before, &more,
			       strict ? "strict, counters" : "counters");
	}
}

static void usage(void)
{
	fprintf(stderr, "usage: judged by-all|by-judgement|by-kernel "
			"TRANSPORT...\n");
	exit(2);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		usage();
	while (strcmp(by_names[by], argv[1]))
		if (++by == BYS)
			usage();
	for (char **name = argv + 2; *name; name++) {
		enum transport transport = 0;

		while (strcmp(transport_names[transport], *name))
			if (++transport == TRANSPORTS)
				usage();
		if (transport_count == TRANSPORTS)
			usage();
		transports[transport_count++] = transport;
	}
	harness_start();
	group_begin(by_names[by]);
	if (by == BY_KERNEL) {
		if (sysfs_present())
			die("the module is loaded");
	} else {
		must_upload(rules);
	}
	for (strict = 0; strict < (by == BY_KERNEL ? 1 : 2); strict++)
		check_table();
	if (by != BY_KERNEL)
		must_write("strict", "0");
	return harness_finish();
}
