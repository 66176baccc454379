// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binds one port after the other, for scripts:
 *     bind_here [--as UID] [--unshare] tcp|udp|mptcp ADDRESS PORT...
 * as whoever runs it or as UID; in a network namespace of its own with
 * --unshare, and in a user namespace, too, if that takes one. Prints "bound" or
 * the name of the error for each, on one line. Being static it also runs in a
 * container that holds nothing else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "sockets.h"

static void usage(void)
{
	fprintf(stderr, "usage: bind_here [--as UID] [--unshare] "
			"tcp|udp|mptcp ADDRESS PORT...\n");
	exit(2);
}

static enum transport transport_called(const char *name)
{
	for (int i = 0; i < TRANSPORTS; i++)
		if (!strcmp(name, transport_names[i]))
			return i;
	die("unknown transport '%s'", name);
}

static void become(const char *uid)
{
	struct subject subject = subject_user(uid, strtoul(uid, NULL, 10));

	subject.rgid = subject.euid;
	subject.egid = subject.euid;
	subject.sgid = subject.euid;
	subject_become(&subject);
}

static void leave_network(void)
{
	int flags = CLONE_NEWNET | (geteuid() ? CLONE_NEWUSER : 0);

	if (unshare(flags)) {
		printf("no namespace: %s\n", errno_name(errno));
		exit(1);
	}
}

static const char *answer(char **words)
{
	enum transport transport = transport_called(words[0]);
	union sockaddr_any any;
	socklen_t length;
	int error, fd;

	length = make_address(&any, words[1], strtoul(words[2], NULL, 10));
	fd = need_socket(transport, any.sa.sa_family == AF_INET ? FAMILY_V4 :
								  FAMILY_V6);
	error = bind_errno(fd, &any, length);
	close(fd);
	return error ? errno_name(error) : "bound";
}

int main(int argc, char **argv)
{
	char **words = argv + 1;
	bool first = true;

	(void)argc;
	harness_start();
	if (*words && !strcmp(*words, "--as")) {
		if (!words[1])
			usage();
		become(words[1]);
		words += 2;
	}
	if (*words && !strcmp(*words, "--unshare")) {
		leave_network();
		words++;
	}
	do {
		if (!words[0] || !words[1] || !words[2])
			usage();
		printf("%s%s", first ? "" : " ", answer(words));
		first = false;
		words += 3;
	} while (*words);
	putchar('\n');
	return 0;
}
