/* SPDX-License-Identifier: GPL-2.0-only */
/* SCTP without its library: both styles of sockets, and many addresses. */
#ifndef PORTACL_TEST_SCTP_H
#define PORTACL_TEST_SCTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
/* Last: it needs the two above and includes neither. */
#include <linux/sctp.h>

#include "sockets.h"

enum sctp_style { SCTP_ONE_TO_ONE, SCTP_ONE_TO_MANY, SCTP_STYLES };

extern const char *const sctp_style_names[SCTP_STYLES];

/*
 * Whether the case can go on: it skips where the kernel has no SCTP, and dies
 * when the module does not judge it.
 */
bool sctp_wanted(void);

/*
 * A socket, or death. What it waits for has a deadline, and closing it aborts
 * its associations, so that its port is free at once.
 */
int sctp_socket(enum family family, enum sctp_style style);

/* All return 0 or a positive errno. */
int sctp_bind(int fd, const char *address, uint16_t port);
/* Blanks separate the addresses. */
int sctp_add(int fd, const char *addresses, uint16_t port);
int sctp_remove(int fd, const char *addresses, uint16_t port);
int sctp_connect(int fd, const char *address, uint16_t port);
int sctp_connectx(int fd, const char *addresses, uint16_t port);
int sctp_listen(int fd);
/* socket, bind, close; a port that it got must be the one it asked for. */
int sctp_try(enum family family, enum sctp_style style, const char *address,
	     uint16_t port);

/* The addresses in the form that the socket options take; returns the size. */
socklen_t sctp_pack(void *out, size_t size, const char *addresses,
		    uint16_t port);

/*
 * SCTP_GET_LOCAL_ADDRS of the endpoint, or SCTP_GET_PEER_ADDRS of its only or
 * of that association, as text like the one above.
 */
const char *sctp_local(int fd);
const char *sctp_peers(int fd, sctp_assoc_t association);
/* Waits until they are these, or for the deadline, and says what they are. */
const char *sctp_wait_for_peers(int fd, sctp_assoc_t association,
				const char *addresses);

/* One message there; "to" may be NULL for a connected socket. */
int sctp_send(int fd, const char *to, uint16_t port, const char *text);
/* The next message, and from whom it is; 0 or a positive errno. */
int sctp_receive(int fd, char *text, size_t size, sctp_assoc_t *association);

#endif
