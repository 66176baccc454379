// SPDX-License-Identifier: GPL-2.0-only
/*
 * One bind as somebody, for scripts:
 *     bind_as UID GID tcp|udp|mptcp ADDRESS PORT
 * prints "bound" or the name of the error; exit status 0 or 1.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "sockets.h"

int main(int argc, char **argv)
{
	struct subject subject;
	union sockaddr_any any;
	socklen_t length;
	int transport, error, fd;

	if (argc != 6) {
		fprintf(stderr,
			"usage: bind_as UID GID tcp|udp|mptcp ADDRESS PORT\n");
		return 2;
	}
	harness_start();
	subject = subject_user(argv[1], strtoul(argv[1], NULL, 10));
	subject.rgid = subject.egid = subject.sgid = strtoul(argv[2], NULL, 10);
	for (transport = 0; transport < TRANSPORTS; transport++)
		if (!strcmp(argv[3], transport_names[transport]))
			break;
	if (transport == TRANSPORTS)
		die("unknown transport '%s'", argv[3]);
	length = make_address(&any, argv[4], strtoul(argv[5], NULL, 10));
	subject_become(&subject);
	fd = need_socket(transport, any.sa.sa_family == AF_INET ? FAMILY_V4 :
								  FAMILY_V6);
	error = bind_errno(fd, &any, length);
	puts(error ? errno_name(error) : "bound");
	return error ? 1 : 0;
}
