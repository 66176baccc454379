/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets and addresses of every sort that the tests bind. */
#ifndef PORTACL_TEST_SOCKETS_H
#define PORTACL_TEST_SOCKETS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "model.h"

enum family { FAMILY_V4, FAMILY_V6, FAMILY_MAPPED, FAMILIES };
enum address { ADDRESS_WILDCARD, ADDRESS_LOOPBACK, ADDRESSES };

extern const char *const transport_names[TRANSPORTS];
extern const char *const family_names[FAMILIES];
extern const char *const address_names[ADDRESSES];

union sockaddr_any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage storage;
};

/* A descriptor, or the negative errno. */
int open_socket(enum transport transport, enum family family);
/* The same, and it dies when there is none. */
int need_socket(enum transport transport, enum family family);
/* Whether the kernel has this transport on both families. */
bool have_transport(enum transport transport);

/* The address as text ("::ffff:127.0.0.1"); returns its length. */
socklen_t make_address(union sockaddr_any *out, const char *text,
		       uint16_t port);
socklen_t make_plain_address(union sockaddr_any *out, enum family family,
			     enum address address, uint16_t port);

/* bind(2): 0 or a positive errno. */
int bind_errno(int fd, const union sockaddr_any *address, socklen_t length);
/* socket, bind, close; the answer must also be what getsockname then says. */
int try_bind(enum transport transport, enum family family,
	     enum address address, uint16_t port);
uint16_t bound_port(int fd);

#endif
