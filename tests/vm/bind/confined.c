// SPDX-License-Identifier: GPL-2.0-only
/*
 * One bind as somebody whom another security module confines, for scripts:
 *     confined apparmor PROFILE UID TRANSPORT ADDRESS PORT
 *     confined landlock PERMITTED-TCP-PORT UID TRANSPORT ADDRESS PORT
 * prints "bound" or the name of the error, or "unsupported" where the kernel
 * cannot confine so.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "sockets.h"

/* Not in the headers of Debian 12, which know no ports. */
#define LANDLOCK_CREATE_RULESET_VERSION 1
#define LANDLOCK_RULE_NET_PORT 2
#define LANDLOCK_ACCESS_NET_BIND_TCP 1
#define LANDLOCK_ABI_NET 4

struct landlock_rules {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
};

struct landlock_port {
	uint64_t allowed_access;
	uint64_t port;
};

static void unsupported(void)
{
	puts("unsupported");
	exit(0);
}

static void confine_by_landlock(const char *permitted)
{
	const struct landlock_rules rules = {
		.handled_access_net = LANDLOCK_ACCESS_NET_BIND_TCP,
	};
	const struct landlock_port port = {
		.allowed_access = LANDLOCK_ACCESS_NET_BIND_TCP,
		.port = strtoul(permitted, NULL, 10),
	};
	int fd;

	if (syscall(SYS_landlock_create_ruleset, NULL, 0,
		    LANDLOCK_CREATE_RULESET_VERSION) < LANDLOCK_ABI_NET)
		unsupported();
	fd = syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
	if (fd < 0 || syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_NET_PORT,
			      &port, 0))
		die("landlock: %m");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_landlock_restrict_self, fd, 0))
		die("landlock: %m");
	close(fd);
}

static void confine_by_apparmor(const char *profile)
{
	static const char current[] = "/proc/self/attr/apparmor/current";
	char text[128], now[128];
	int error;

	if (access("/sys/kernel/security/apparmor", F_OK))
		unsupported();
	/* A process that changed its user cannot write its own files. */
	if (prctl(PR_SET_DUMPABLE, 1))
		die("PR_SET_DUMPABLE: %m");
	snprintf(text, sizeof(text), "changeprofile %s", profile);
	error = file_write(current, text, strlen(text));
	if (error)
		die("changing to profile %s: %s", profile, errno_name(error));
	snprintf(text, sizeof(text), "%s (enforce)\n", profile);
	if (file_read(current, now, sizeof(now)) || strcmp(now, text))
		die("profile %s is not in force: '%s'", profile, now);
}

static enum transport transport_named(const char *name)
{
	for (int i = 0; i < TRANSPORTS; i++)
		if (!strcmp(name, transport_names[i]))
			return i;
	die("unknown transport '%s'", name);
}

int main(int argc, char **argv)
{
	struct subject subject;
	union sockaddr_any any;
	socklen_t length;
	int error, fd;

	if (argc != 7) {
		fprintf(stderr,
			"usage: confined apparmor|landlock PROFILE|PORT "
			"UID TRANSPORT ADDRESS PORT\n");
		return 2;
	}
	harness_start();
	subject = subject_user(argv[3], strtoul(argv[3], NULL, 10));
	length = make_address(&any, argv[5], strtoul(argv[6], NULL, 10));
	/* Before, as a profile may refuse to make a socket, too. */
	fd = need_socket(transport_named(argv[4]),
			 any.sa.sa_family == AF_INET ? FAMILY_V4 : FAMILY_V6);
	/* Root keeps what it has. */
	if (subject.euid)
		subject_become(&subject);
	if (!strcmp(argv[1], "landlock"))
		confine_by_landlock(argv[2]);
	else
		confine_by_apparmor(argv[2]);
	error = bind_errno(fd, &any, length);
	puts(error ? errno_name(error) : "bound");
	return error ? 1 : 0;
}
