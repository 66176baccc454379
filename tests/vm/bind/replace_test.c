// SPDX-License-Identifier: GPL-2.0-only
/*
 * A large policy is replaced over and over while eight processes bind without
 * pause; no bind may ever get another answer than it always gets. Run as root
 * in a machine of its own, with the module loaded:
 *     replace_test RULES REPLACEMENTS BINDS
 * Goes on until so many replacements and binds were made. Prints one line;
 * progress goes to stderr.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "model.h"
#include "sockets.h"

enum {
	UID_OWNER = 61401,
	UID_DENIED = 61402,
	PORT_DATABASE = 5432,
	PORT_GROUP = 25,
	/* Granted to its user by one policy, and not by the other. */
	PORT_MARK = 999,
};

/* In both policies, so that these answers never change. */
#define CONSTANT_RULES \
	"allow user 61001 443\n" \
	"allow group 62001 25/udp\n" \
	"reserve 5432\n" \
	"allow user 61401 5432\n" \
	"allow any 700\n" \
	"deny user 61402 700\n"
#define CONSTANT_COUNT 6

static const struct binder {
	const char *name;
	uid_t uid;
	gid_t gid;
	enum transport transport;
	enum family family;
	uint16_t port;
	int want;
} binders[] = {
	{ "granted user, tcp", UID_GRANTED, GID_OTHER, TRANSPORT_TCP,
	  FAMILY_V4, PORT_GRANTED, 0 },
	{ "granted user, udp", UID_GRANTED, GID_OTHER, TRANSPORT_UDP,
	  FAMILY_V6, PORT_GRANTED, 0 },
	{ "granted group", UID_MEMBER, GID_GRANTED, TRANSPORT_UDP, FAMILY_V4,
	  PORT_GROUP, 0 },
	{ "owner of the reserved port", UID_OWNER, GID_OTHER, TRANSPORT_TCP,
	  FAMILY_V6, PORT_DATABASE, 0 },
	{ "stranger on the reserved port", UID_OTHER, GID_OTHER,
	  TRANSPORT_UDP, FAMILY_V4, PORT_DATABASE, EACCES },
	{ "denied user on a granted port", UID_DENIED, GID_OTHER,
	  TRANSPORT_TCP, FAMILY_V4, PORT_ANY, EACCES },
	{ "stranger on a privileged port", UID_OTHER, GID_OTHER,
	  TRANSPORT_TCP, FAMILY_V6, PORT_GRANTED, EACCES },
	{ "root", 0, 0, TRANSPORT_TCP, FAMILY_V4, 81, 0 },
};

#define BINDERS ARRAY_SIZE(binders)

static struct shared {
	atomic_bool stop;
	atomic_ulong wrong;
	/* A cache line each. */
	struct {
		atomic_ulong binds;
		char room[56];
	} of[BINDERS];
} *shared;

/* One policy, as the writes that upload it: begin, chunks, commit. */
struct script {
	char *text;
	size_t *ends;
	size_t writes;
	/* The user whose port tells which policy is in force. */
	uid_t mark;
	unsigned int rules;
};

/* Every write has its nonce at the same place, of the same length. */
#define NONCE "u0000000"
#define NONCE_LENGTH 8

static int bind_once(const struct binder *binder)
{
	union sockaddr_any any;
	socklen_t length = make_plain_address(&any, binder->family,
					      ADDRESS_LOOPBACK, binder->port);
	int fd = need_socket(binder->transport, binder->family);
	int error = bind_errno(fd, &any, length);

	close(fd);
	return error;
}

static void __attribute__((noreturn)) binder_loop(size_t index)
{
	const struct binder *binder = &binders[index];
	struct subject subject = subject_user(binder->name, binder->uid);

	subject.rgid = subject.egid = subject.sgid = binder->gid;
	/* All alike, and the one who replaces gets a processor when it wants. */
	setpriority(PRIO_PROCESS, 0, 10);
	subject_become(&subject);
	/* A change of ids forgets this. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!shared->stop) {
		int error = bind_once(binder);

		shared->of[index].binds++;
		if (error == binder->want)
			continue;
		shared->wrong++;
		check(false, "%s: got %s, want %s", binder->name,
		      errno_name(error), errno_name(binder->want));
	}
	fflush(stdout);
	_exit(0);
}

static unsigned long count_binds(void)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < BINDERS; i++)
		sum += shared->of[i].binds;
	return sum;
}

/* Rules of everybody else; none is in both policies. */
static char *make_policy(unsigned int rules, uid_t first)
{
	char *text = malloc(rules * 48 + sizeof(CONSTANT_RULES));
	size_t n = 0;

	if (!text || rules < 100)
		die("a policy of %u rules", rules);
	n += sprintf(text, "%sallow user %u %u\n", CONSTANT_RULES, first,
		     PORT_MARK);
	for (unsigned int i = 1; i < rules - CONSTANT_COUNT; i++) {
		unsigned int port = 1 + i * 7 % 60000;

		if (i % 100 == 0)
			n += sprintf(text + n, "deny user %u %u\n", first + i,
				     port);
		else if (i % 10 == 0)
			n += sprintf(text + n, "allow group %u %u/udp\n",
				     first + i, port);
		else if (i % 10 == 1)
			n += sprintf(text + n, "allow user %u %u-%u/tcp\n",
				     first + i, port, port + 9);
		else
			n += sprintf(text + n, "allow user %u %u\n", first + i,
				     port);
	}
	return text;
}

static void end_write(struct script *script, size_t at)
{
	script->ends[script->writes++] = at;
}

static void make_script(struct script *script, unsigned int rules, uid_t first)
{
	char *policy = make_policy(rules, first);
	size_t size = strlen(policy), offset = 0, n;

	/* A chunk has room for all but its head. */
	script->text = malloc(size + size / 2 + 8192);
	script->ends = calloc(size / 2048 + 8, sizeof(*script->ends));
	if (!script->text || !script->ends)
		die("malloc: %m");
	script->mark = first;
	script->rules = rules;
	n = sprintf(script->text, "begin %zu " NONCE "\n", size);
	end_write(script, n);
	while (offset < size) {
		size_t part = upload_room(NONCE, offset);

		if (part > size - offset)
			part = size - offset;
		n += sprintf(script->text + n, "chunk " NONCE " %zu\n", offset);
		memcpy(script->text + n, policy + offset, part);
		n += part;
		offset += part;
		end_write(script, n);
	}
	n += sprintf(script->text + n, "commit " NONCE " %08x\n",
		     upload_sum(policy, size));
	end_write(script, n);
	free(policy);
}

static void set_nonce(char *write, unsigned int number)
{
	char nonce[16];

	snprintf(nonce, sizeof(nonce), "u%07u", number % 10000000);
	/* Behind the length it is the last word of its line. */
	if (*write == 'b')
		write = strchr(write, '\n') - NONCE_LENGTH;
	else
		write = strchr(write, ' ') + 1;
	memcpy(write, nonce, NONCE_LENGTH);
}

/* True when the policy is in force. */
static bool replace(struct script *script, unsigned int number)
{
	int fd = open(SYSFS "policy", O_WRONLY | O_CLOEXEC);
	size_t start = 0;
	char reason[256];

	if (fd < 0)
		die("policy: %m");
	for (size_t i = 0; i < script->writes; i++) {
		ssize_t size = script->ends[i] - start;

		set_nonce(script->text + start, number);
		if (write(fd, script->text + start, size) != size) {
			int error = errno;

			sysfs_read("error", reason, sizeof(reason));
			check(false, "replacement %u, write %zu: %s: %s",
			      number, i, errno_name(error), reason);
			close(fd);
			return false;
		}
		start = script->ends[i];
	}
	close(fd);
	return true;
}

static int bind_mark(uid_t uid)
{
	const struct binder mark = { .transport = TRANSPORT_UDP,
				     .family = FAMILY_V4, .port = PORT_MARK };
	int error;

	if (seteuid(uid))
		die("seteuid: %m");
	error = bind_once(&mark);
	if (seteuid(0))
		die("seteuid: %m");
	return error;
}

static bool in_force(const struct script *now, const struct script *other)
{
	bool good = true;

	good &= check(sysfs_number("rule_count") == now->rules,
		      "%llu rules in force, want %u",
		      sysfs_number("rule_count"), now->rules);
	good &= check_errno(bind_mark(now->mark), 0,
			    "a rule of the new policy");
	good &= check_errno(bind_mark(other->mark), EACCES,
			    "a rule of the old policy");
	return good;
}

/*
 * What each bind has added must have outlived its policy. What was added to an
 * old one at its end comes over when nobody can be reading it any more.
 */
static bool hits_reach(unsigned long binds)
{
	long long deadline = now_ms() + DEADLINE_MS;
	long long hits;

	do {
		hits = rule_hits("allow user 61001 443");
	} while (hits < (long long)binds && now_ms() < deadline);
	return hits == (long long)binds;
}

int main(int argc, char **argv)
{
	unsigned long replacements = 0, want_replacements, want_binds;
	struct script scripts[2] = { 0 };
	unsigned int rules;
	long long start;
	bool good = true;
	int status;

	if (argc != 4) {
		fprintf(stderr,
			"usage: replace_test RULES REPLACEMENTS BINDS\n");
		return 2;
	}
	rules = strtoul(argv[1], NULL, 10);
	want_replacements = strtoul(argv[2], NULL, 10);
	want_binds = strtoul(argv[3], NULL, 10);
	harness_start();
	group_begin("replace under load");
	if (!sysfs_present())
		die("the module is not loaded");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap: %m");
	make_script(&scripts[0], rules, 200000);
	make_script(&scripts[1], rules, 2000000);
	start = now_ms();
	if (!replace(&scripts[0], 0) || !in_force(&scripts[0], &scripts[1]))
		return 1;
	fprintf(stderr, "# the first upload took %lld ms\n", now_ms() - start);
	fflush(stdout);
	for (size_t i = 0; i < BINDERS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork: %m");
		if (!pid)
			binder_loop(i);
	}
	start = now_ms();
	while (good && !shared->wrong &&
	       (replacements < want_replacements ||
		count_binds() < want_binds)) {
		unsigned int next = (replacements + 1) % 2;

		good = replace(&scripts[next], replacements + 1) &&
		       in_force(&scripts[next], &scripts[!next]);
		replacements++;
		if (replacements % 10 == 0)
			fprintf(stderr, "# %lld s: %lu binds, %lu replacements\n",
				(now_ms() - start) / 1000, count_binds(),
				replacements);
	}
	shared->stop = true;
	for (size_t i = 0; i < BINDERS; i++)
		good &= wait(&status) > 0 && WIFEXITED(status) &&
			!WEXITSTATUS(status);
	/* One that never got a turn has proven nothing. */
	for (size_t i = 0; i < BINDERS; i++)
		good &= check(shared->of[i].binds > want_binds / 100,
			      "%s made %lu binds only", binders[i].name,
			      shared->of[i].binds);
	good &= check(hits_reach(shared->of[0].binds + shared->of[1].binds),
		      "%lld hits of the granted user's rule, %lu binds",
		      rule_hits("allow user 61001 443"),
		      shared->of[0].binds + shared->of[1].binds);
	printf("%lu binds, %lu replacements, %u rules each, %lu wrong\n",
	       count_binds(), replacements, rules, shared->wrong);
	reset();
	return good && !shared->wrong ? 0 : 1;
}
