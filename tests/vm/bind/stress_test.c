// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binds that never stop while the module, or the policy, comes and goes. Run
 * as root in a machine of its own, with the module not loaded:
 *     stress_test module FILE.ko CYCLES
 * and with it loaded and empty:
 *     stress_test policy CHANGES
 *     stress_test writers CHANGES
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "model.h"
#include "sockets.h"

/* What a granted bind must answer at the moment. */
enum state { STATE_REFUSED, STATE_EITHER, STATE_GRANTED };

struct binder {
	const char *name;
	uid_t uid;
	gid_t gid;
	enum transport transport;
	enum family family;
	uint16_t port;
	enum { ALWAYS_REFUSED, ALWAYS_OK, AS_GRANTED } want;
};

/* No two share a port of a transport, so that nobody is in the way. */
static const struct binder binders[] = {
	{ "granted user, tcp", UID_GRANTED, GID_OTHER, TRANSPORT_TCP,
	  FAMILY_V4, 443, AS_GRANTED },
	{ "granted user, udp", UID_GRANTED, GID_OTHER, TRANSPORT_UDP,
	  FAMILY_V6, 443, AS_GRANTED },
	{ "granted group, mptcp", UID_MEMBER, GID_GRANTED, TRANSPORT_MPTCP,
	  FAMILY_V4, 25, AS_GRANTED },
	{ "granted user, other port", UID_GRANTED, GID_OTHER, TRANSPORT_TCP,
	  FAMILY_V6, 80, ALWAYS_REFUSED },
	{ "stranger, tcp", UID_OTHER, GID_OTHER, TRANSPORT_TCP, FAMILY_V4,
	  443, ALWAYS_REFUSED },
	{ "stranger, udp", UID_OTHER, GID_OTHER, TRANSPORT_UDP, FAMILY_V4,
	  443, ALWAYS_REFUSED },
	{ "stranger, high port", UID_OTHER, GID_OTHER, TRANSPORT_TCP,
	  FAMILY_V6, 8443, ALWAYS_OK },
	{ "root", 0, 0, TRANSPORT_UDP, FAMILY_V4, 81, ALWAYS_OK },
};

#define BINDERS ARRAY_SIZE(binders)
#define RULES "allow user 61001 443\nallow group 62001 25/tcp\n"

static struct shared {
	/* The state in its lowest bits, a count above them. */
	atomic_uint state;
	atomic_bool stop;
	/* Calls that began and ended in the state that holds. */
	atomic_ulong judged[BINDERS];
	atomic_ulong binds;
	/* The controlling process sleeps until it is woken by an answer. */
	atomic_bool waiting;
} *shared;

static int wake_fd;

static void binder_loop(size_t index)
{
	const struct binder *binder = &binders[index];
	struct subject subject = subject_user(binder->name, binder->uid);

	subject.rgid = subject.egid = subject.sgid = binder->gid;
	subject_become(&subject);
	/* A change of ids forgets this. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Whoever loads and changes must get a processor when it wants one. */
	setpriority(PRIO_PROCESS, 0, 10);
	while (!shared->stop) {
		unsigned int before = shared->state;
		int error = try_bind(binder->transport, binder->family,
				     ADDRESS_LOOPBACK, binder->port);
		bool steady = shared->state == before;
		bool good = error == 0 || error == EACCES;

		if (binder->want == ALWAYS_REFUSED)
			good = error == EACCES;
		else if (binder->want == ALWAYS_OK)
			good = !error;
		else if (steady && before % 4 == STATE_GRANTED)
			good = !error;
		else if (steady && before % 4 == STATE_REFUSED)
			good = error == EACCES;
		/* Thousands of good answers are no thousands of cases. */
		if (!good)
			check(false, "%s: got %s in state %u", binder->name,
			      errno_name(error), before % 4);
		shared->binds++;
		if (steady) {
			shared->judged[index]++;
			if (shared->waiting)
				eventfd_write(wake_fd, 1);
		}
	}
}

static void start_binders(void)
{
	fflush(stdout);
	for (size_t i = 0; i < BINDERS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork: %m");
		if (!pid) {
			binder_loop(i);
			fflush(stdout);
			_exit(0);
		}
	}
}

static void stop_binders(void)
{
	int status;

	shared->stop = true;
	for (size_t i = 0; i < BINDERS; i++)
		check(wait(&status) > 0 && WIFEXITED(status) &&
			      !WEXITSTATUS(status),
		      "a binding process did not end well");
	printf("# %lu binds\n", shared->binds);
	check(shared->binds > 100 * BINDERS, "only %lu binds were made",
	      shared->binds);
}

static void set_state(enum state state)
{
	shared->state = (shared->state / 4 + 1) * 4 + state;
}

/* Until everybody has been judged a few times in the state that holds. */
static void let_bind(void)
{
	long long deadline = now_ms() + DEADLINE_MS;
	unsigned long seen[BINDERS];

	shared->waiting = true;
	for (size_t i = 0; i < BINDERS; i++)
		seen[i] = shared->judged[i];
	for (size_t i = 0; i < BINDERS; i++)
		while (shared->judged[i] < seen[i] + 3) {
			eventfd_t count;

			if (now_ms() > deadline)
				die("%s does not bind any more",
				    binders[i].name);
			eventfd_read(wake_fd, &count);
		}
	shared->waiting = false;
}

static void module_cycles(const char *file, unsigned int cycles)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	group_begin("module comes and goes");
	if (fd < 0)
		die("%s: %m", file);
	set_state(STATE_REFUSED);
	start_binders();
	for (unsigned int i = 0; i < cycles && !shared->stop; i++) {
		int error;

		let_bind();
		if (syscall(SYS_finit_module, fd, "", 0)) {
			check(false, "cycle %u: loading: %m", i);
			break;
		}
		/* Without a rule the module changes nothing. */
		if (i % 2)
			let_bind();
		set_state(STATE_EITHER);
		must_write("add", RULES);
		set_state(STATE_GRANTED);
		let_bind();
		set_state(STATE_EITHER);
		/* Now and then without the policy being empty. */
		if (i % 4 == 3)
			must_write("remove", RULES);
		error = syscall(SYS_delete_module, "portacl", O_NONBLOCK) ?
				errno : 0;
		set_state(STATE_REFUSED);
		if (!check_errno(error, 0, "cycle %u: unloading", i))
			break;
		check(!sysfs_present(), "cycle %u: files are left behind", i);
	}
	let_bind();
	stop_binders();
	group_end();
}

/* Rules of others are added and removed; those of the binders stay. */
static void policy_changes(unsigned int changes)
{
	char text[128];

	group_begin("policy changes");
	must_write("add", RULES);
	set_state(STATE_GRANTED);
	start_binders();
	for (unsigned int i = 0; i < changes; i++) {
		/* Beside the binders' own rules, on either side of them. */
		snprintf(text, sizeof(text),
			 "allow user %u 443\nallow user %u 1-1023\n"
			 "allow group %u 80-90,443/tcp\nallow user %u %u\n",
			 UID_GRANTED - 1, UID_GRANTED + 1 + i % 3,
			 GID_GRANTED + 1, UID_GRANTED, 100 + i % 50);
		must_write("add", text);
		if (i % 16 == 0)
			let_bind();
		must_write("remove", text);
	}
	/* And the same for the rules that do count. */
	for (unsigned int i = 0; i < changes / 16; i++) {
		set_state(STATE_EITHER);
		must_write("remove", RULES);
		set_state(STATE_REFUSED);
		let_bind();
		set_state(STATE_EITHER);
		must_write("add", RULES);
		set_state(STATE_GRANTED);
		let_bind();
		set_state(STATE_EITHER);
		must_write("mode", "off");
		set_state(STATE_REFUSED);
		let_bind();
		set_state(STATE_EITHER);
		must_write("mode", "enforce");
		set_state(STATE_GRANTED);
		let_bind();
	}
	stop_binders();
	must_write("remove", RULES);
	check(!sysfs_number("rule_count"), "%llu rules remain",
	      sysfs_number("rule_count"));
	group_end();
}

/* A reader that a change overtakes starts again. */
static void read_policy(char *policy, size_t size)
{
	long long deadline = now_ms() + DEADLINE_MS;
	int error;

	do {
		error = file_read(SYSFS "policy", policy, size);
		if (error && (error != ESTALE || now_ms() > deadline))
			die("reading the policy: %s", errno_name(error));
	} while (error);
}

/* Each has a user of its own, and every write must have its effect. */
static void writer(unsigned int id, unsigned int changes)
{
	char text[256], policy[16384], line[128];
	unsigned long long generation = 0, now;

	for (unsigned int i = 0; i < changes; i++) {
		snprintf(text, sizeof(text),
			 "allow user %u %u\nallow user %u %u-%u/udp\n",
			 70000 + id, 1 + i, 70000 + id, 1 + i, 100 + i);
		snprintf(line, sizeof(line), "\nallow user %u %u #",
			 70000 + id, 1 + i);
		must_write("add", text);
		read_policy(policy, sizeof(policy));
		if (!strstr(policy, line))
			die("writer %u: its rule %u is not there", id, i);
		now = sysfs_number("generation");
		if (now <= generation)
			die("writer %u: generation %llu after %llu", id, now,
			    generation);
		generation = now;
		must_write("remove", text);
		read_policy(policy, sizeof(policy));
		if (strstr(policy, line))
			die("writer %u: its rule %u is still there", id, i);
	}
}

static void two_writers(unsigned int changes)
{
	unsigned long long before, after;
	int status;

	group_begin("two writers");
	before = sysfs_number("generation");
	fflush(stdout);
	for (unsigned int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork: %m");
		if (!pid) {
			writer(i, changes);
			fflush(stdout);
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < 2; i++)
		check(wait(&status) > 0 && WIFEXITED(status) &&
			      !WEXITSTATUS(status),
		      "a writer did not end well");
	after = sysfs_number("generation");
	check(after == before + 4 * changes,
	      "generation went from %llu to %llu in %u changes", before, after,
	      4 * changes);
	check(!sysfs_number("rule_count"), "%llu rules remain",
	      sysfs_number("rule_count"));
	group_end();
}

int main(int argc, char **argv)
{
	harness_start();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap: %m");
	wake_fd = eventfd(0, EFD_CLOEXEC);
	if (wake_fd < 0)
		die("eventfd: %m");
	if (argc == 4 && !strcmp(argv[1], "module")) {
		module_cycles(argv[2], atoi(argv[3]));
	} else if (argc == 3 && !strcmp(argv[1], "policy")) {
		policy_changes(atoi(argv[2]));
	} else if (argc == 3 && !strcmp(argv[1], "writers")) {
		two_writers(atoi(argv[2]));
	} else {
		fprintf(stderr,
			"usage: stress_test module FILE CYCLES | policy CHANGES | writers CHANGES\n");
		return 2;
	}
	return harness_finish();
}
