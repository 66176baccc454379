// SPDX-License-Identifier: GPL-2.0-only
/* A policy of several thousand rules, read in pieces and by several at once. */
#define _GNU_SOURCE
#include "sysfs_test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

enum { RULES = 5000, FIRST_UID = 200000, READERS = 4 };

#define POLICY_SIZE (RULES * 64)

static int open_policy(void)
{
	int fd = open(SYSFS "policy", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("policy: %m");
	return fd;
}

static void add_many(const char *file)
{
	char text[SYSFS_WRITE_MAX + 1];
	size_t n = 0;

	for (unsigned int i = 0; i < RULES; i++) {
		n += sprintf(text + n, "allow user %u %u-%u/tcp\n",
			     FIRST_UID + i, 100 + i % 500, 700 + i % 300);
		if (n + 64 < sizeof(text) && i + 1 < RULES)
			continue;
		must_write(file, text);
		n = 0;
	}
}

/* The whole policy in pieces of this size; NULL and the errno on failure. */
static char *read_pieces(size_t piece, int *error)
{
	char *policy = malloc(POLICY_SIZE + piece);
	size_t n = 0;
	ssize_t got;
	int fd = open_policy();

	if (!policy)
		die("malloc: %m");
	while ((got = read(fd, policy + n, piece)) > 0) {
		n += got;
		if (n >= POLICY_SIZE)
			die("the policy has no end");
	}
	*error = got < 0 ? errno : 0;
	close(fd);
	if (*error) {
		free(policy);
		return NULL;
	}
	policy[n] = '\0';
	return policy;
}

/* The generation named by a comment line, which ends at the newline. */
static unsigned long long named_generation(const char *line)
{
	size_t at = strcspn(line, "0123456789\n");

	if (*line != '#' || line[at] == '\n' || !line[at])
		return 0;
	return strtoull(line + at, NULL, 10);
}

/* Whether this is one policy from its first line to its last. */
static bool whole_policy(const char *policy, size_t *rules)
{
	size_t size = strlen(policy);
	const char *last = policy, *next;

	*rules = 0;
	if (!size || policy[size - 1] != '\n')
		return false;
	for (const char *line = policy; *line; line = next) {
		next = strchr(line, '\n') + 1;
		last = line;
		*rules += *line != '#';
	}
	return last != policy && named_generation(policy) &&
	       named_generation(policy) == named_generation(last);
}

static void pieces(void)
{
	static const size_t sizes[] = { 7, 64, 1000, 4095, 4096, 4097, 65536 };
	char *first = NULL;
	size_t rules;
	int error;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char *policy = read_pieces(sizes[i], &error);

		check_errno(error, 0, "pieces of %zu", sizes[i]);
		if (!policy)
			continue;
		if (!first) {
			first = policy;
			check(whole_policy(policy, &rules),
			      "the first and last line do not name one generation");
			check(rules == RULES, "the policy has %zu rules, want %u",
			      rules, RULES);
			check(named_generation(policy) ==
				      sysfs_number("generation"),
			      "the policy names generation %llu, it is %llu",
			      named_generation(policy),
			      sysfs_number("generation"));
			continue;
		}
		check(!strcmp(first, policy),
		      "the policy in pieces of %zu differs", sizes[i]);
		free(policy);
	}
	for (unsigned int i = 0; first && i < RULES; i += 97) {
		char line[96];

		sprintf(line, "\nallow user %u %u-%u/tcp # hits          0\n",
			FIRST_UID + i, 100 + i % 500, 700 + i % 300);
		check(strstr(first, line), "'%s' is not in the policy",
		      strtok(line, "\n"));
	}
	free(first);
}

/* Two descriptors, a piece at a time in turn. */
static void interleaved(void)
{
	char a[300], b[300];
	int one = open_policy(), two = open_policy();
	ssize_t got_a, got_b;
	bool same = true;

	do {
		got_a = read(one, a, sizeof(a));
		got_b = read(two, b, sizeof(b));
		same = same && got_a == got_b && got_a >= 0 &&
		       !memcmp(a, b, got_a);
	} while (got_a > 0 && got_b > 0);
	check(same, "two descriptors read different policies");
	close(one);
	close(two);
}

static void stale(void)
{
	char text[5000];
	ssize_t got;
	int fd = open_policy();

	if (read(fd, text, 100) != 100)
		die("policy: %m");
	must_write("add", "allow user 9 90\n");
	got = read(fd, text, 100);
	check_errno(got < 0 ? errno : 0, ESTALE, "read on after a change");
	got = read(fd, text, 100);
	check_errno(got < 0 ? errno : 0, ESTALE, "read on once more");
	if (lseek(fd, 0, SEEK_SET))
		die("lseek: %m");
	got = read(fd, text, 100);
	check_errno(got < 0 ? errno : 0, 0, "read from the start again");
	got = read(fd, text, sizeof(text));
	check_errno(got < 0 ? errno : 0, 0, "read on from there");
	must_write("remove", "allow user 9 90\n");
	got = read(fd, text, 100);
	check_errno(got < 0 ? errno : 0, ESTALE, "read on after the removal");
	close(fd);

	/* A change that changes nothing does not count. */
	fd = open_policy();
	if (read(fd, text, 100) != 100)
		die("policy: %m");
	sprintf(text, "allow user %u 100-700/tcp\n", FIRST_UID);
	must_write("add", text);
	got = read(fd, text, 100);
	check_errno(got < 0 ? errno : 0, 0, "read on after nothing new");
	close(fd);
}

/* Reads until it has seen whole policies of several generations. */
static void reader(int want_rules, int done)
{
	unsigned long long first = 0, generation = 0;
	long long deadline = now_ms() + DEADLINE_MS;
	unsigned int whole = 0, stopped = 0;
	size_t rules;
	int error;

	while (whole < 5 || generation == first) {
		char *policy = read_pieces(4096, &error);

		if (write(done, "", 1) != 1 || now_ms() > deadline)
			die("a reader got %u policies and %u times ESTALE",
			    whole, stopped);
		if (!policy) {
			if (error != ESTALE)
				die("a reader got %s", errno_name(error));
			stopped++;
			continue;
		}
		if (!whole_policy(policy, &rules))
			die("a reader got a mixture of policies");
		/* The one rule that comes and goes. */
		if (rules != (size_t)want_rules &&
		    rules != (size_t)want_rules + 1)
			die("a reader got %zu rules", rules);
		generation = named_generation(policy);
		if (!whole++)
			first = generation;
		free(policy);
	}
	_exit(0);
}

static void concurrent(void)
{
	unsigned int reads = 0, changes = 0;
	int done[2], status;
	char byte;

	if (pipe(done))
		die("pipe: %m");
	fflush(stdout);
	for (int i = 0; i < READERS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork: %m");
		if (!pid) {
			close(done[0]);
			reader(RULES, done[1]);
		}
	}
	close(done[1]);
	/* Readers must get through between two changes, and not always. */
	while (read(done[0], &byte, 1) == 1) {
		if (++reads % (2 * READERS))
			continue;
		must_write(changes % 2 ? "remove" : "add",
			   "allow user 9 90\n");
		changes++;
	}
	close(done[0]);
	for (int i = 0; i < READERS; i++)
		check(wait(&status) > 0 && WIFEXITED(status) &&
			      !WEXITSTATUS(status),
		      "a reader did not end well");
	if (changes % 2)
		must_write("remove", "allow user 9 90\n");
}

static void poll_generation(void)
{
	int fd = open(SYSFS "generation", O_RDONLY | O_CLOEXEC);
	struct pollfd poller = { .fd = fd, .events = POLLPRI };
	unsigned long long before = sysfs_number("generation");
	char text[32];

	if (fd < 0 || read(fd, text, sizeof(text)) <= 0)
		die("generation: %m");
	check(poll(&poller, 1, 0) == 0, "poll returns with no change");
	fflush(stdout);
	if (!fork()) {
		must_write("add", "allow user 9 91\n");
		_exit(0);
	}
	check(poll(&poller, 1, DEADLINE_MS) == 1 &&
		      (poller.revents & POLLPRI),
	      "poll does not return after a change");
	while (wait(NULL) > 0)
		;
	memset(text, 0, sizeof(text));
	if (lseek(fd, 0, SEEK_SET) || read(fd, text, sizeof(text) - 1) <= 0)
		die("generation: %m");
	check(strtoull(text, NULL, 10) > before,
	      "generation is %s after the change, was %llu", text, before);
	check(poll(&poller, 1, 0) == 0, "poll returns again");
	must_write("add", "allow user 9 91\n");
	check(poll(&poller, 1, 0) == 0, "poll returns when nothing changed");
	if (lseek(fd, 0, SEEK_SET) || read(fd, text, sizeof(text) - 1) <= 0)
		die("generation: %m");
	must_write("mode", "permissive\n");
	check(poll(&poller, 1, DEADLINE_MS) == 1,
	      "poll does not return after a change of mode");
	must_write("mode", "enforce\n");
	must_write("remove", "allow user 9 91\n");
	close(fd);
}

void reading_run(void)
{
	char text[256];
	size_t rules;

	group_begin("reading");
	sysfs_read("policy", text, sizeof(text));
	check(whole_policy(text, &rules) && !rules,
	      "an empty policy reads '%s'", text);
	poll_generation();
	add_many("add");
	check(sysfs_number("rule_count") == RULES, "rule_count is %llu",
	      sysfs_number("rule_count"));
	pieces();
	interleaved();
	stale();
	concurrent();
	add_many("remove");
	check(sysfs_number("rule_count") == 0, "rule_count is %llu at the end",
	      sysfs_number("rule_count"));
	group_end();
}
