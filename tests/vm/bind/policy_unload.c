// SPDX-License-Identifier: GPL-2.0-only
/*
 * While the module goes, its rules go one way only: what somebody is denied, or
 * a stranger on a low port, must not slip through between two of the hooks.
 */
#define _GNU_SOURCE
#include "policy_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

enum { UID_DENIED = 61402 };

#define POLICY \
	"allow any 443\n" \
	"deny user 61402 443\n" \
	"reserve 444\n" \
	"allow user 61001 444\n"

static const struct binder {
	const char *name;
	uid_t uid;
	enum transport transport;
	enum family family;
	uint16_t port;
	bool never;		/* gets the port, module or not */
} binders[] = {
	{ "denied user, tcp v4", UID_DENIED, TRANSPORT_TCP, FAMILY_V4, 443,
	  true },
	{ "denied user, udp v6", UID_DENIED, TRANSPORT_UDP, FAMILY_V6, 443,
	  true },
	{ "denied user, mptcp", UID_DENIED, TRANSPORT_MPTCP, FAMILY_V4, 443,
	  true },
	{ "stranger on the reserved port", UID_OTHER, TRANSPORT_TCP, FAMILY_V6,
	  444, true },
	{ "anybody", UID_OTHER, TRANSPORT_UDP, FAMILY_V4, 443, false },
	{ "owner", UID_GRANTED, TRANSPORT_TCP, FAMILY_V4, 444, false },
};

#define BINDERS ARRAY_SIZE(binders)

static struct shared {
	atomic_bool stop;
	atomic_ulong binds[BINDERS];
	atomic_ulong granted[BINDERS];
} *shared;

static void __attribute__((noreturn)) binder_loop(size_t index)
{
	const struct binder *binder = &binders[index];
	struct subject subject = subject_user(binder->name, binder->uid);

	setpriority(PRIO_PROCESS, 0, 10);
	subject_become(&subject);
	/* A change of ids forgets this. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!shared->stop) {
		int error = try_bind(binder->transport, binder->family,
				     ADDRESS_LOOPBACK, binder->port);

		if (!error)
			shared->granted[index]++;
		if (error != EACCES && (error || binder->never))
			check(false, "%s: got %s", binder->name,
			      errno_name(error));
		shared->binds[index]++;
	}
	fflush(stdout);
	_exit(0);
}

/* Until everybody has bound again, and those who may have got their port. */
static void await(bool granted, unsigned int cycle)
{
	unsigned long binds[BINDERS], grants[BINDERS];
	long long deadline = now_ms() + DEADLINE_MS;

	for (size_t i = 0; i < BINDERS; i++) {
		binds[i] = shared->binds[i];
		grants[i] = shared->granted[i];
	}
	for (size_t i = 0; i < BINDERS; i++)
		while (shared->binds[i] < binds[i] + 2 ||
		       (granted && !binders[i].never &&
			shared->granted[i] == grants[i])) {
			if (now_ms() > deadline)
				die("cycle %u: %s does not get on", cycle,
				    binders[i].name);
			sched_yield();
		}
}

void unload_run(const char *file, unsigned int cycles)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC), status;

	group_begin("unload under load");
	if (fd < 0)
		die("%s: %m", file);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap: %m");
	fflush(stdout);
	for (size_t i = 0; i < BINDERS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork: %m");
		if (!pid)
			binder_loop(i);
	}
	for (unsigned int i = 0; i < cycles; i++) {
		int error;

		if (syscall(SYS_finit_module, fd, "", 0)) {
			check(false, "cycle %u: loading: %m", i);
			break;
		}
		must_upload(POLICY);
		await(true, i);
		error = syscall(SYS_delete_module, "portacl", O_NONBLOCK) ?
				errno : 0;
		if (!check_errno(error, 0, "cycle %u: unloading", i))
			break;
		await(false, i);
	}
	shared->stop = true;
	for (size_t i = 0; i < BINDERS; i++) {
		check(wait(&status) > 0 && WIFEXITED(status) &&
			      !WEXITSTATUS(status),
		      "a binding process did not end well");
		check(!binders[i].never || !shared->granted[i],
		      "%s got the port %lu times", binders[i].name,
		      shared->granted[i]);
	}
	close(fd);
	group_end();
}
