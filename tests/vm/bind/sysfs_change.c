// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "sysfs_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "model.h"
#include "sockets.h"

enum effect {
	SAME,		/* success, and no new generation */
	CHANGES,
	REFUSED,
};

struct step {
	const char *file;
	const char *text;
	enum effect effect;
	int want;		/* the errno of REFUSED */
	/* The rules that are there afterwards, in any order; NULL: as before. */
	const char *after;
};

static const struct step steps[] = {
	{ "add", "allow user 61001 443\n", CHANGES, 0,
	  "allow user 61001 443\n" },
	{ "add", "allow user 61001 443\n", SAME, 0, NULL },
	{ "add", "allow user 61001 443 # said before\n", SAME, 0, NULL },
	{ "add", "allow 61001 443\n", SAME, 0, NULL },
	{ "add", "# two\n\nallow user 61001 443\n", SAME, 0, NULL },
	/* Not the same rule, although it says less. */
	{ "add", "allow user 61001 443/tcp\n", CHANGES, 0,
	  "allow user 61001 443\nallow user 61001 443/tcp\n" },
	{ "remove", "allow user 61001 443/udp\n", REFUSED, ENOENT, NULL },
	{ "remove", "allow user 61001 444\n", REFUSED, ENOENT, NULL },
	{ "remove", "allow user 61002 443\n", REFUSED, ENOENT, NULL },
	{ "remove", "allow group 61001 443\n", REFUSED, ENOENT, NULL },
	{ "remove", "allow any 443\n", REFUSED, ENOENT, NULL },
	{ "remove", "allow user 61001 443/tcp\n", CHANGES, 0,
	  "allow user 61001 443\n" },
	{ "remove", "allow user 61001 443/tcp\n", REFUSED, ENOENT, NULL },
	/* A range is one rule. */
	{ "add", "allow user 61001 80-90\n", CHANGES, 0,
	  "allow user 61001 443\nallow user 61001 80-90\n" },
	{ "remove", "allow user 61001 80\n", REFUSED, ENOENT, NULL },
	{ "remove", "allow user 61001 85-90\n", REFUSED, ENOENT, NULL },
	{ "remove", "allow user 61001 80-91\n", REFUSED, ENOENT, NULL },
	/* All or nothing. */
	{ "remove", "allow user 61001 443\nallow user 61001 80\n", REFUSED,
	  ENOENT, NULL },
	{ "remove", "allow user 61001 443\nallow user 61001 443\n", REFUSED,
	  ENOENT, NULL },
	{ "add", "allow user 61003 1\nallow user 61001 443\n", CHANGES, 0,
	  "allow user 61001 443\nallow user 61001 80-90\nallow user 61003 1\n" },
	{ "add", "allow user 61004 2\nallow user 61004 2\n", CHANGES, 0,
	  "allow user 61001 443\nallow user 61001 80-90\nallow user 61003 1\n"
	  "allow user 61004 2\n" },
	{ "remove", "allow user 61003 1\nallow user 61004 2\n", CHANGES, 0,
	  "allow user 61001 443\nallow user 61001 80-90\n" },
	/* A list is one rule. */
	{ "add", "allow any 100,102-103,110/udp\n", CHANGES, 0,
	  "allow user 61001 443\nallow user 61001 80-90\n"
	  "allow any 100,102-103,110/udp\n" },
	{ "remove", "allow any 100/udp\n", REFUSED, ENOENT, NULL },
	{ "remove", "allow any 100,102-103,110\n", REFUSED, ENOENT, NULL },
	{ "remove", "allow any 100,102-103,110/udp\n", CHANGES, 0,
	  "allow user 61001 443\nallow user 61001 80-90\n" },
	{ "add", "allow each 1000-1009 2000+10\n", CHANGES, 0,
	  "allow user 61001 443\nallow user 61001 80-90\n"
	  "allow each 1000-1009 2000+10\n" },
	{ "remove", "allow each 1000-1009 2000+9\n", REFUSED, ENOENT, NULL },
	{ "remove", "allow each 1001-1009 2010+10\n", REFUSED, ENOENT, NULL },
	{ "remove", "allow user 1000 2000-2009\n", REFUSED, ENOENT, NULL },
	{ "remove", "allow each 1000-1009 2000+10\n", CHANGES, 0,
	  "allow user 61001 443\nallow user 61001 80-90\n" },
	/* The ends of every number. */
	{ "add", "allow user 0 1\nallow group 0 65535\n"
		 "allow user 4294967294 1-65535\nallow group 4294967294 1\n"
		 "allow each 4294967294-4294967294 65535+1\n",
	  CHANGES, 0,
	  "allow user 61001 443\nallow user 61001 80-90\n"
	  "allow user 0 1\nallow group 0 65535\n"
	  "allow user 4294967294 1-65535\nallow group 4294967294 1\n"
	  "allow each 4294967294-4294967294 65535+1\n" },
	{ "mode", "enforce\n", SAME, 0, NULL },
	{ "mode", "permissive\n", CHANGES, 0, NULL },
	{ "mode", "off", CHANGES, 0, NULL },
	{ "mode", "enforce", CHANGES, 0, NULL },
};

/* Whether the policy holds exactly these rules. */
static void check_policy(const char *what, const char *policy,
			 const char *rules)
{
	size_t want = 0, got = 0;
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", rules);
	for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
		char whole[256];

		snprintf(whole, sizeof(whole), "\n%s #", line);
		check(strstr(policy, whole), "%s: '%s' is not in the policy",
		      what, line);
		want++;
	}
	for (const char *line = policy; *line; line = strchr(line, '\n') + 1) {
		got += *line != '#';
		if (!strchr(line, '\n'))
			die("%s: the policy ends without a newline", what);
	}
	check(got == want, "%s: %zu rules in the policy, want %zu", what, got,
	      want);
}

static void take_step(const struct step *step)
{
	struct snapshot old, now;
	char what[160], error[512];
	int got;

	snprintf(what, sizeof(what), "%s '%.*s%s'", step->file,
		 (int)strcspn(step->text, "\n"), step->text,
		 strchr(step->text, '\n') ? "..." : "");
	snapshot_take(&old);
	got = sysfs_write(step->file, step->text);
	snapshot_take(&now);
	sysfs_read("error", error, sizeof(error));
	check_errno(got, step->effect == REFUSED ? step->want : 0, "%s", what);
	if (step->effect == REFUSED)
		check(!strncmp(error, "line ", 5), "%s: error says '%s'", what,
		      error);
	else
		check(!*error || !strcmp(error, "\n"),
		      "%s: error says '%s' after a success", what, error);
	if (step->effect == CHANGES)
		check(now.generation > old.generation,
		      "%s: generation %llu after %llu", what, now.generation,
		      old.generation);
	else
		snapshot_check(&old, what);
	if (step->after)
		check_policy(what, now.policy, step->after);
}

/* What counts as a rule: one subject times one range. */
static void counts(void)
{
	must_write("add", "allow user 5 80,100-110,443\nallow group 5 1/tcp\n");
	check(sysfs_number("rule_count") == 4, "rule_count is %llu, want 4",
	      sysfs_number("rule_count"));
	must_write("remove", "allow user 5 80,100-110,443\n");
	check(sysfs_number("rule_count") == 1, "rule_count is %llu, want 1",
	      sysfs_number("rule_count"));
	must_write("remove", "allow group 5 1/tcp\n");
}

/* Each write is a change of its own, wherever the descriptor stands. */
static void one_descriptor(void)
{
	static const char *const texts[] = { "allow user 5 80\n",
					     "allow user 6 80\n" };
	int fd = open(SYSFS "add", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		die("add: %m");
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		ssize_t size = strlen(texts[i]);

		check(write(fd, texts[i], size) == size,
		      "write %zu to one descriptor: %m", i + 1);
	}
	close(fd);
	check(sysfs_number("rule_count") == 2,
	      "after two writes to one descriptor there are %llu rules",
	      sysfs_number("rule_count"));
	remove_all();
}

static void bind_some(void *arg)
{
	struct subject subject = subject_user("granted user", UID_GRANTED);

	(void)arg;
	subject_become(&subject);
	try_bind(TRANSPORT_TCP, FAMILY_V4, ADDRESS_LOOPBACK, PORT_GRANTED);
	try_bind(TRANSPORT_UDP, FAMILY_V6, ADDRESS_LOOPBACK, PORT_GRANTED);
	try_bind(TRANSPORT_TCP, FAMILY_V4, ADDRESS_LOOPBACK, PORT_LOW);
	try_bind(TRANSPORT_TCP, FAMILY_V4, ADDRESS_LOOPBACK, PORT_HIGH);
}

/* One bind is counted once. */
static void statistics(void)
{
	unsigned long long granted, passed;

	must_write("add", "allow user 61001 443\n");
	granted = sysfs_number("stats/granted");
	passed = sysfs_number("stats/passed");
	in_child(bind_some, NULL);
	check(sysfs_number("stats/granted") == granted + 2,
	      "stats/granted went from %llu to %llu, want 2 more", granted,
	      sysfs_number("stats/granted"));
	check(sysfs_number("stats/passed") >= passed,
	      "stats/passed fell from %llu to %llu", passed,
	      sysfs_number("stats/passed"));
	remove_all();
}

static void fixed_files(void)
{
	char text[512], *end;

	check(sysfs_number("abi") >= 1, "abi is %llu", sysfs_number("abi"));
	sysfs_read("version", text, sizeof(text));
	end = strchr(text, '\n');
	check(end && end > text && !end[1], "version is '%s'", text);
	sysfs_read("hooks", text, sizeof(text));
	check(strstr(text, "__inet_bind attached\n") &&
		      strstr(text, "__inet6_bind attached\n") &&
		      strstr(text, built_in() ?
					   "security_socket_bind attached\n" :
					   "security_socket_bind detached\n"),
	      "hooks says '%s'", text);
	sysfs_read("mode", text, sizeof(text));
	check(!strcmp(text, "enforce\n"), "mode is '%s' at first", text);
}

void change_run(void)
{
	group_begin("changes");
	fixed_files();
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		take_step(&steps[i]);
	remove_all();
	counts();
	one_descriptor();
	statistics();
	group_end();
}
