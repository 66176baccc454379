// SPDX-License-Identifier: GPL-2.0-only
/* One bind counts once, and for the rule that decided it. */
#define _GNU_SOURCE
#include "policy_test.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "model.h"
#include "sockets.h"

#define GOVERNED \
	"allow user 61001 443,8443\n" \
	"allow user 61002 445\n"
/* With one of these the first line is attached. */
#define REFUSING \
	"deny user 61003 443,8443\n" \
	"allow any 446\n" \
	"reserve 447,8447\n"

struct judged {
	const char *name;
	const char *policy;
	const char *mode;
	const char *strict;
	struct subject who;
	uint16_t port;
	int error;
	struct counters more;
};

#define USER(uid) \
	{ .ruid = (uid), .euid = (uid), .suid = (uid), .rgid = GID_OTHER, \
	  .egid = GID_OTHER, .sgid = GID_OTHER, .capable = !(uid) }
#define MORE(...) .more.value = { __VA_ARGS__ }

static const struct judged judged[] = {
	{ "granted", GOVERNED, "enforce", "0", USER(61001), 443, 0,
	  MORE([GRANTED] = 1) },
	{ "granted, high port", GOVERNED, "enforce", "0", USER(61001), 8443, 0,
	  MORE([GRANTED] = 1) },
	{ "granted, with denials elsewhere", GOVERNED REFUSING, "enforce", "0",
	  USER(61001), 443, 0, MORE([GRANTED] = 1) },
	{ "granted, strict", GOVERNED, "enforce", "1", USER(61001), 443, 0,
	  MORE([GRANTED] = 1) },
	{ "granted, permissive", GOVERNED REFUSING, "permissive", "0",
	  USER(61001), 443, 0, MORE([GRANTED] = 1) },
	{ "no rule for him", GOVERNED, "enforce", "0", USER(61009), 443, EACCES,
	  MORE([NO_RULE] = 1, [PASSED] = 1) },
	{ "no rule for him, high port", GOVERNED, "enforce", "0", USER(61009),
	  8443, 0, MORE([PASSED] = 1) },
	{ "no rule at all", "", "enforce", "0", USER(61009), 80, EACCES,
	  MORE([NO_RULE] = 1, [PASSED] = 1) },
	{ "no rule at all, with denials elsewhere", GOVERNED REFUSING,
	  "enforce", "0", USER(61009), 80, EACCES,
	  MORE([NO_RULE] = 1, [PASSED] = 1) },
	{ "no rule at all, high port", "", "enforce", "0", USER(61009), 8080, 0,
	  MORE([PASSED] = 1) },
	{ "no rule at all, high port, with denials elsewhere",
	  GOVERNED REFUSING, "enforce", "0", USER(61009), 8080, 0,
	  MORE([PASSED] = 1) },
	{ "root on an ungoverned port", GOVERNED REFUSING, "enforce", "0",
	  USER(0), 80, 0, MORE([PASSED] = 1) },
	{ "root on a reserved port", GOVERNED REFUSING, "enforce", "0", USER(0),
	  447, 0, MORE([PASSED] = 1) },
	{ "denied", GOVERNED REFUSING, "enforce", "0", USER(61003), 443, EACCES,
	  MORE([DENIED_RULE] = 1) },
	{ "denied, high port", GOVERNED REFUSING, "enforce", "0", USER(61003),
	  8443, EACCES, MORE([DENIED_RULE] = 1) },
	{ "reserved", GOVERNED REFUSING, "enforce", "0", USER(61009), 447,
	  EACCES, MORE([DENIED_RESERVED] = 1) },
	{ "reserved, high port", GOVERNED REFUSING, "enforce", "0",
	  USER(61009), 8447, EACCES, MORE([DENIED_RESERVED] = 1) },
	{ "reserved, root, strict", GOVERNED REFUSING, "enforce", "1", USER(0),
	  8447, EACCES, MORE([DENIED_RESERVED] = 1) },
	{ "strict", GOVERNED, "enforce", "1", USER(61009), 80, EACCES,
	  MORE([DENIED_STRICT] = 1) },
	{ "strict, no rule at all", "", "enforce", "1", USER(61009), 80, EACCES,
	  MORE([DENIED_STRICT] = 1) },
	{ "strict, root", GOVERNED, "enforce", "1", USER(0), 80, EACCES,
	  MORE([DENIED_STRICT] = 1) },
	{ "strict, high port", GOVERNED, "enforce", "1", USER(61009), 8080, 0,
	  MORE([PASSED] = 1) },
	{ "denied, permissive", GOVERNED REFUSING, "permissive", "0",
	  USER(61003), 443, EACCES, MORE([PERMISSIVE] = 1, [PASSED] = 1) },
	{ "denied, permissive, although somebody is allowed",
	  "allow any 443\ndeny user 61003 443\n", "permissive", "0",
	  USER(61003), 443, EACCES, MORE([PERMISSIVE] = 1, [PASSED] = 1) },
	{ "reserved, permissive", GOVERNED REFUSING, "permissive", "0",
	  USER(61009), 8447, 0, MORE([PERMISSIVE] = 1, [PASSED] = 1) },
	{ "root, strict, permissive", GOVERNED, "permissive", "1", USER(0), 80,
	  0, MORE([PERMISSIVE] = 1, [PASSED] = 1) },
	{ "granted but off", GOVERNED REFUSING, "off", "1", USER(61001), 443,
	  EACCES, MORE([PASSED] = 1) },
	{ "denied but off", GOVERNED REFUSING, "off", "1", USER(61003), 8443, 0,
	  MORE([PASSED] = 1) },
};

static void count_one(const struct judged *j)
{
	struct subject who = j->who;

	who.name = j->name;
	must_upload(j->policy);
	must_write("mode", j->mode);
	must_write("strict", j->strict);
	for (int t = TRANSPORT_TCP; t <= TRANSPORT_DCCP; t++) {
		if (!have_transport(t))
			continue;
		for (int f = 0; f < FAMILIES; f++) {
			struct counters old;
			char what[256];

			snprintf(what, sizeof(what), "%s: %s %s port %u",
				 j->name, transport_names[t], family_names[f],
				 j->port);
			counters_take(&old);
			check_errno(plain_bind_as(&who, t, f, j->port),
				    j->error, "%s", what);
			counters_check(&old, &j->more, what);
		}
	}
}

/* Sockets of another network namespace are left to the kernel. */
static void elsewhere(void *arg)
{
	struct counters old, more = { .value = { [PASSED] = 1 } };
	struct subject who = subject_user("elsewhere", 61009);

	(void)arg;
	if (unshare(CLONE_NEWNET))
		die("unshare: %m");
	counters_take(&old);
	check_errno(bind_as(&who, TRANSPORT_TCP, "0.0.0.0", 8447), 0,
		    "reserved, in another network namespace");
	counters_check(&old, &more, "reserved, in another network namespace");
	counters_take(&old);
	check_errno(bind_as(&who, TRANSPORT_UDP, "::", 80), EACCES,
		    "low port in another network namespace");
	counters_check(&old, &more, "low port in another network namespace");
	must_write("scope", "all");
	more = (struct counters){ .value = { [DENIED_RESERVED] = 1 } };
	counters_take(&old);
	check_errno(bind_as(&who, TRANSPORT_TCP, "0.0.0.0", 8447), EACCES,
		    "reserved, in another network namespace, scope all");
	counters_check(&old, &more,
		       "reserved, in another network namespace, scope all");
	must_write("scope", "init");
}

static bool first_line(void)
{
	char hooks[512];

	sysfs_read("hooks", hooks, sizeof(hooks));
	if (strstr(hooks, "\nsecurity_socket_bind attached\n"))
		return true;
	if (!strstr(hooks, "\nsecurity_socket_bind detached\n"))
		die("hooks says '%s'", hooks);
	return false;
}

/* Attached while there is something to refuse, and only then, by a module. */
static void attachment(void)
{
	static const struct {
		const char *file;
		const char *text;
		bool attached;
	} steps[] = {
		{ "mode", "enforce", false },
		{ "add", "allow any 443\n", false },
		{ "add", "deny any 444\n", true },
		{ "mode", "permissive", false },
		{ "mode", "enforce", true },
		{ "mode", "off", false },
		{ "mode", "enforce", true },
		{ "add", "reserve 445\n", true },
		{ "remove", "deny any 444\n", true },
		{ "remove", "reserve 445\n", false },
		{ "strict", "1", true },
		{ "mode", "permissive", false },
		{ "strict", "0", false },
		{ "mode", "enforce", false },
		{ "remove", "allow any 443\n", false },
		{ "strict", "1", true },
		{ "strict", "0", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		must_write(steps[i].file, steps[i].text);
		check(first_line() == (steps[i].attached || built_in()),
		      "step %zu, %s '%s': the first line is %s", i + 1,
		      steps[i].file, steps[i].text,
		      first_line() ? "attached" : "detached");
	}
	must_upload("reserve 445\n");
	check(first_line(), "after an upload the first line is detached");
	must_upload("");
	check(first_line() == built_in(),
	      "after an empty upload the first line is %s",
	      first_line() ? "attached" : "detached");
}

void counting_run(void)
{
	group_begin("counting");
	attachment();
	for (size_t i = 0; i < ARRAY_SIZE(judged); i++)
		count_one(&judged[i]);
	reset();
	must_upload(GOVERNED REFUSING);
	in_child(elsewhere, NULL);
	reset();
	group_end();
}

static void bind_times(enum transport transport, uint16_t port,
		       unsigned int times, int want)
{
	for (unsigned int i = 0; i < times; i++) {
		int error = try_bind(transport, i % FAMILIES, ADDRESS_LOOPBACK,
				     port);

		if (error != want)
			check_errno(error, want, "port %u, time %u", port, i);
	}
}

static void check_hits(const char *rule, long long want, const char *when)
{
	long long got = rule_hits(rule);

	check(got == want, "'%s', %s: %lld hits, want %lld", rule, when, got,
	      want);
}

static const struct {
	const char *rule;
	uid_t uid;
	gid_t gid;
	enum transport transport;
	uint16_t ports[2];
	unsigned int times;
	int want;
} deciding[] = {
	{ "allow user 61001 443,8443", 61001, GID_OTHER, TRANSPORT_TCP,
	  { 443, 8443 }, 3, 0 },
	{ "allow user 61001 500-510/udp", 61001, GID_OTHER, TRANSPORT_UDP,
	  { 500, 510 }, 5, 0 },
	{ "allow group 62001 25/tcp", UID_MEMBER, 62001, TRANSPORT_MPTCP,
	  { 25, 25 }, 7, 0 },
	{ "allow any 700", UID_OTHER, GID_OTHER, TRANSPORT_TCP, { 700, 700 },
	  11, 0 },
	{ "allow each 61100-61109 600+2", 61104, GID_OTHER, TRANSPORT_UDP,
	  { 608, 609 }, 13, 0 },
	{ "deny user 61402 701,9701", 61402, GID_OTHER, TRANSPORT_TCP,
	  { 701, 9701 }, 17, EACCES },
	{ "deny any 702/udp", UID_OTHER, GID_OTHER, TRANSPORT_UDP,
	  { 702, 702 }, 19, EACCES },
	{ "reserve 703,9703", UID_OTHER, GID_OTHER, TRANSPORT_UDP,
	  { 703, 9703 }, 23, EACCES },
	{ "allow user 61001 80 on 127.0.0.0/8", 61001, GID_OTHER, TRANSPORT_TCP,
	  { 0 }, 0, 0 },
};

static void deciding_binds(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(deciding); i++) {
		if (setegid(deciding[i].gid) || seteuid(deciding[i].uid))
			die("seteuid: %m");
		for (int p = 0; p < 2; p++)
			bind_times(deciding[i].transport, deciding[i].ports[p],
				   deciding[i].times, deciding[i].want);
		if (seteuid(0))
			die("seteuid: %m");
	}
	/* Root passes all of them, and no rule decides that. */
	bind_times(TRANSPORT_TCP, 9703, 4, 0);
	bind_times(TRANSPORT_TCP, 701, 4, 0);
}

static void check_deciding(unsigned int rounds, const char *when)
{
	for (size_t i = 0; i < ARRAY_SIZE(deciding); i++)
		check_hits(deciding[i].rule, 2LL * rounds * deciding[i].times,
			   when);
}

static char *deciding_policy(const char *more)
{
	static char text[2048];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(deciding); i++)
		n += sprintf(text + n, "%s\n", deciding[i].rule);
	sprintf(text + n, "%s", more);
	return text;
}

/* What a rule has decided is its own, whatever happens beside it. */
static void hits_survive(void)
{
	char *listing;
	int error;

	must_upload(deciding_policy(""));
	check_deciding(0, "at first");
	in_child(deciding_binds, NULL);
	check_deciding(1, "after binds");
	must_upload(deciding_policy("allow user 5 5\ndeny any 9999\n"));
	check_deciding(1, "after an upload that keeps it");
	check_hits("allow user 5 5", 0, "new in an upload");
	must_write("add", "allow user 6 6\n");
	must_write("add", "allow any 700\n");
	check_deciding(1, "after adding others, and one that was there");
	must_write("remove", "allow user 6 6\n");
	must_write("mode", "permissive");
	must_write("mode", "enforce");
	must_write("strict", "1");
	must_write("strict", "0");
	check_deciding(1, "after a change of settings");
	in_child(deciding_binds, NULL);
	check_deciding(2, "after more binds");
	/* A listing is a policy; the counts in it are comments. */
	must_write("remove", "allow any 700\n");
	must_write("add", "allow any 700\n");
	check_hits("allow any 700", 0, "removed and added again");
	listing = policy_read(&error);
	if (!listing)
		die("policy: %s", errno_name(error));
	in_child(deciding_binds, NULL);
	must_upload(listing);
	free(listing);
	check_hits("allow any 700", 22, "after the upload of a listing");
	check_hits("reserve 703,9703", 2 * 3 * 23,
		   "after the upload of a listing");
	must_upload("allow any 700\n");
	must_upload(deciding_policy(""));
	check_hits("allow any 700", 22, "kept by two uploads");
	check_hits("reserve 703,9703", 0, "removed and added by uploads");
	reset();
}

#define QUICK_ROUNDS 100

/*
 * What a rule has decided is not that of one added later, however soon: these
 * uploads are faster than the module buries what they replace.
 */
static void hits_begin_anew(void)
{
	unsigned int late = 0;

	for (int i = 0; i < QUICK_ROUNDS; i++) {
		must_upload("allow any 700\n");
		if (seteuid(UID_OTHER))
			die("seteuid: %m");
		bind_times(TRANSPORT_TCP, 700, 3, 0);
		if (seteuid(0))
			die("seteuid: %m");
		must_upload("allow user 5 5\n");
		must_upload("allow any 700\n");
		/* A grace period each, behind that of the burials. */
		for (int n = 0; n < 2; n++)
			if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
				die("membarrier: %m");
		late += rule_hits("allow any 700") != 0;
		must_upload("allow user 5 5\n");
	}
	check(!late, "%u of %u new rules began with the hits of old ones", late,
	      QUICK_ROUNDS);
	reset();
}

#define PINNED 2000

static void pinned(unsigned int processor, bool same)
{
	cpu_set_t set;
	struct subject subject =
		subject_user("pinned", same ? 61001 : 61001 + processor);

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity: %m");
	subject_become(&subject);
	/* A port for each, so that none is in the way. */
	bind_times(TRANSPORT_TCP, 500 + processor, PINNED, 0);
}

static void two_processors(bool same)
{
	static const char *const one[] = { "allow user 61001 500-509" };
	static const char *const two[] = { "allow user 61001 500",
					   "allow user 61002 501" };
	struct counters old, more = { .value = { [GRANTED] = 2 * PINNED } };
	char policy[128];
	int status;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		skip("there is only one processor");
		return;
	}
	snprintf(policy, sizeof(policy), "%s\n%s\n", same ? one[0] : two[0],
		 same ? "" : two[1]);
	must_upload(policy);
	counters_take(&old);
	fflush(stdout);
	for (unsigned int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork: %m");
		if (!pid) {
			pinned(i, same);
			fflush(stdout);
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < 2; i++)
		check(wait(&status) > 0 && WIFEXITED(status) &&
			      !WEXITSTATUS(status),
		      "a pinned process did not end well");
	counters_check(&old, &more,
		       same ? "one rule on two processors" :
			      "two rules on two processors");
	if (same) {
		check_hits(one[0], 2 * PINNED, "on two processors");
	} else {
		check_hits(two[0], PINNED, "on the first processor");
		check_hits(two[1], PINNED, "on the second processor");
	}
	reset();
}

enum { MANY = 5000, MANY_FIRST = 300000 };

/* Each in turn, and some more often than others. */
static void many_binds(void *arg)
{
	(void)arg;
	for (unsigned int round = 0; round < 3; round++)
		for (unsigned int i = 0; i < MANY; i++) {
			if (round > i % 3)
				continue;
			if (seteuid(MANY_FIRST + i))
				die("seteuid: %m");
			bind_times(TRANSPORT_UDP, 443, 1, 0);
			if (seteuid(0))
				die("seteuid: %m");
		}
}

static void many_rules(void)
{
	struct counters old, more = { 0 };
	char *text = malloc(MANY * 40), *policy, *next;
	unsigned int seen = 0, wrong = 0, wrong_uid = 0;
	unsigned long long sum = 0;
	size_t n = 0;
	int error;

	if (!text)
		die("malloc: %m");
	for (unsigned int i = 0; i < MANY; i++) {
		n += sprintf(text + n, "allow user %u 443\n", MANY_FIRST + i);
		more.value[GRANTED] += 1 + i % 3;
	}
	must_upload(text);
	counters_take(&old);
	in_child(many_binds, NULL);
	counters_check(&old, &more, "5000 rules in turn");
	policy = policy_read(&error);
	if (!policy)
		die("policy: %s", errno_name(error));
	for (char *line = policy; (next = strchr(line, '\n')); line = next + 1) {
		unsigned long long hits;
		unsigned int uid;

		if (sscanf(line, "allow user %u 443 # hits %llu", &uid,
			   &hits) != 2)
			continue;
		seen++;
		sum += hits;
		if (hits != 1 + (uid - MANY_FIRST) % 3 && !wrong++)
			wrong_uid = uid;
	}
	check(seen == MANY, "%u rules are listed, want %u", seen, MANY);
	check(!wrong, "%u of %u rules have wrong hits, the first for uid %u",
	      wrong, MANY, wrong_uid);
	check(sum == more.value[GRANTED], "%llu hits in all, want %llu", sum,
	      more.value[GRANTED]);
	free(policy);
	free(text);
	reset();
}

void hits_run(void)
{
	group_begin("hits");
	hits_survive();
	hits_begin_anew();
	two_processors(true);
	two_processors(false);
	many_rules();
	group_end();
}
