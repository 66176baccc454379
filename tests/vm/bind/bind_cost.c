// SPDX-License-Identifier: GPL-2.0-only
/*
 * What bind(2) costs in instructions, with and without the module:
 *     bind_cost FILE.ko
 * as root in a machine whose clock counts them (tests/vm/run --icount), with
 * the module not loaded. Each line with a budget is a case.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"

#define ROUNDS 1001
#define FREE_PORT 8080
#define MOST_GROUPS 256

/* What one measurement found; shared with the process that made it. */
static struct shared {
	unsigned long long median;
	unsigned int refused;
} *shared;

static unsigned long long plain;

static inline unsigned long long now(void)
{
	unsigned int low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (unsigned long long)high << 32 | low;
}

static int compare(const void *a, const void *b)
{
	unsigned long long x = *(const unsigned long long *)a;
	unsigned long long y = *(const unsigned long long *)b;

	return x < y ? -1 : x > y;
}

struct binder {
	uid_t uid;
	gid_t gid;
	size_t groups;
	uint16_t port;
};

static void measure_here(void *arg)
{
	static unsigned long long took[ROUNDS];
	const struct binder *binder = arg;
	gid_t groups[MOST_GROUPS];
	union sockaddr_any address;
	socklen_t length;

	for (size_t i = 0; i < binder->groups; i++)
		groups[i] = 100000 + i * 7;
	if (setgroups(binder->groups, groups) ||
	    setresgid(binder->gid, binder->gid, binder->gid) ||
	    setresuid(binder->uid, binder->uid, binder->uid))
		die("becoming uid %u: %m", binder->uid);
	length = make_address(&address, "127.0.0.1", binder->port);
	shared->refused = 0;
	for (size_t i = 0; i < ROUNDS; i++) {
		int fd = need_socket(TRANSPORT_TCP, FAMILY_V4);
		unsigned long long before = now();
		int error = bind(fd, &address.sa, length);

		took[i] = now() - before;
		shared->refused += error != 0;
		close(fd);
	}
	qsort(took, ROUNDS, sizeof(took[0]), compare);
	shared->median = took[ROUNDS / 2];
}

/* A case if it has a budget: instructions more than on a plain kernel. */
static void measure(const char *what, struct binder binder, bool granted,
		    long long budget)
{
	long long more;

	in_child(measure_here, &binder);
	more = (long long)shared->median - (long long)plain;
	if (shared->refused != (granted ? 0 : ROUNDS))
		die("%s: %u of %u binds were refused", what, shared->refused,
		    ROUNDS);
	printf("%-48s %6llu %+6lld", what, shared->median, more);
	if (budget >= 0) {
		printf("  of %lld\n", budget);
		check(more <= budget, "%s: %lld instructions more, of %lld",
		      what, more, budget);
	} else {
		printf("\n");
	}
}

static char *text;
static size_t text_size;

static void line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void line(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	text_size += vsprintf(text + text_size, fmt, args);
	va_end(args);
}

static void in_force(void)
{
	int error = upload(text, text_size);

	if (error)
		die("uploading: %s", errno_name(error));
	text_size = 0;
}

#define USER ((struct binder){ .uid = 61001, .gid = 62009, .port = 443 })

static struct binder user_on(uint16_t port)
{
	struct binder binder = USER;

	binder.port = port;
	return binder;
}

static void measure_users(void)
{
	line("allow user 61001 443\n");
	in_force();
	measure("a port that no rule names", user_on(FREE_PORT), true, 75);
	measure("granted, one rule", USER, true, 140);
	for (unsigned int i = 0; i < 300000; i++)
		line("allow user %u 443\n", 10000 + i);
	in_force();
	measure("granted, 300,000 uids", USER, true, 140);
	measure("a port that no rule names, 300,000 uids", user_on(FREE_PORT),
		true, 75);
	for (unsigned int i = 0; i < 50000; i++)
		line("allow user %u %u-%u\n", 50000 + i, 1 + i % 400,
		     500 + i % 400);
	in_force();
	measure("granted, 50,000 users with ranges", USER, true, 140);
	for (unsigned int i = 0; i < 400; i++)
		line("allow user 61001 %u-%u\n", 1 + i, 1000 - i);
	in_force();
	measure("granted, 400 nested ranges of one user", USER, true, -1);
}

static void measure_groups(void)
{
	struct binder member = USER;

	for (unsigned int i = 0; i < 65536; i++)
		line("allow group %u %u\n", 100000 + i * 7, 1 + i % 1000);
	in_force();
	member.port = 201;
	member.groups = MOST_GROUPS;
	measure("granted by one of 256 groups, 65,536 groups", member, true, -1);
}

static void measure_refusals(void)
{
	struct binder stranger = user_on(5432);

	stranger.uid = 61009;
	line("allow user 61001 443\nreserve 5432\n");
	in_force();
	measure("a port that no rule names, first line attached",
		user_on(FREE_PORT), true, 75 + 52);
	measure("granted, first line attached", USER, true, 140 + 52);
	measure("refused a reserved port", stranger, false, -1);
	line("allow user 61001 443\ndeny user 61009 443\n");
	in_force();
	measure("granted, a deny of another user", USER, true, -1);
	line("allow user 61001 443 on 127.0.0.0/8\n");
	in_force();
	measure("granted on a prefix", USER, true, -1);
	line("allow user 61001 443 until 9999999999\n");
	in_force();
	measure("granted until an end", USER, true, -1);
	for (unsigned int i = 0; i < 60000; i++)
		line("deny any 8080 on 10.%u.%u.%u\n", i >> 16, i >> 8 & 255,
		     i & 255);
	in_force();
	/* A search, and not a walk over all of them. */
	measure("a port denied on 60,000 other addresses",
		user_on(FREE_PORT), true, 2500);
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 2) {
		fprintf(stderr, "usage: bind_cost FILE.ko\n");
		return 2;
	}
	harness_start();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	text = malloc(32 << 20);
	if (shared == MAP_FAILED || !text)
		die("memory: %m");
	printf("%-48s %6s %6s\n", "bind(2) of a TCP socket, IPv4", "takes",
	       "more");
	in_child(measure_here, &(struct binder){ .uid = 61001, .gid = 62009,
						 .port = FREE_PORT });
	plain = shared->median;
	printf("%-48s %6llu\n", "plain kernel, a free port", plain);
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		die("%s: %m", argv[1]);
	measure("no rules", user_on(FREE_PORT), true, 75);
	measure_users();
	measure_groups();
	measure_refusals();
	return harness_finish();
}
