// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binds each port, by tcp and udp, IPv4 and IPv6, as the user that it is
 * started as, and writes each errno as a byte:
 *     bind_list PORT...
 */
#include <stdlib.h>
#include <unistd.h>

#include "sockets.h"

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		for (int t = TRANSPORT_TCP; t <= TRANSPORT_UDP; t++)
			for (int f = FAMILY_V4; f <= FAMILY_V6; f++) {
				int fd = open_socket(t, f);
				union sockaddr_any any;
				socklen_t length;
				char error;

				if (fd < 0)
					return 1;
				length = make_plain_address(
					&any, f, ADDRESS_WILDCARD,
					atoi(argv[i]));
				error = bind_errno(fd, &any, length);
				close(fd);
				if (write(STDOUT_FILENO, &error, 1) != 1)
					return 1;
			}
	return 0;
}
