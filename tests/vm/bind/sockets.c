// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

const char *const transport_names[TRANSPORTS] = {
	[TRANSPORT_TCP] = "tcp",
	[TRANSPORT_UDP] = "udp",
	[TRANSPORT_MPTCP] = "mptcp",
	[TRANSPORT_UDPLITE] = "udplite",
	[TRANSPORT_DCCP] = "dccp",
	[TRANSPORT_SCTP] = "sctp",
};

const char *const family_names[FAMILIES] = {
	[FAMILY_V4] = "v4",
	[FAMILY_V6] = "v6",
	[FAMILY_MAPPED] = "mapped",
};

const char *const address_names[ADDRESSES] = {
	[ADDRESS_WILDCARD] = "wildcard",
	[ADDRESS_LOOPBACK] = "loopback",
};

static const struct {
	int type;
	int protocol;
} kinds[TRANSPORTS] = {
	[TRANSPORT_TCP] = { SOCK_STREAM, IPPROTO_TCP },
	[TRANSPORT_UDP] = { SOCK_DGRAM, IPPROTO_UDP },
	[TRANSPORT_MPTCP] = { SOCK_STREAM, IPPROTO_MPTCP },
	[TRANSPORT_UDPLITE] = { SOCK_DGRAM, IPPROTO_UDPLITE },
	[TRANSPORT_DCCP] = { SOCK_DCCP, IPPROTO_DCCP },
	[TRANSPORT_SCTP] = { SOCK_STREAM, IPPROTO_SCTP },
};

static const char *const address_text[FAMILIES][ADDRESSES] = {
	[FAMILY_V4] = { "0.0.0.0", "127.0.0.1" },
	[FAMILY_V6] = { "::", "::1" },
	[FAMILY_MAPPED] = { "::ffff:0.0.0.0", "::ffff:127.0.0.1" },
};

int open_socket(enum transport transport, enum family family)
{
	int fd = socket(family == FAMILY_V4 ? AF_INET : AF_INET6,
			kinds[transport].type | SOCK_CLOEXEC,
			kinds[transport].protocol);

	return fd < 0 ? -errno : fd;
}

int need_socket(enum transport transport, enum family family)
{
	int fd = open_socket(transport, family);

	if (fd < 0)
		die("a %s socket: %s", transport_names[transport],
		    errno_name(-fd));
	return fd;
}

static bool find_transport(enum transport transport)
{
	for (int family = FAMILY_V4; family <= FAMILY_V6; family++) {
		int fd = open_socket(transport, family);

		if (fd < 0)
			return false;
		close(fd);
	}
	return true;
}

/* Once, as the kernel looks for a module each time. */
bool have_transport(enum transport transport)
{
	static enum { UNKNOWN, MISSING, PRESENT } known[TRANSPORTS];

	if (!known[transport])
		known[transport] =
			find_transport(transport) ? PRESENT : MISSING;
	return known[transport] == PRESENT;
}

socklen_t make_address(union sockaddr_any *out, const char *text,
		       uint16_t port)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &out->in.sin_addr) == 1) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons(port);
		return sizeof(out->in);
	}
	if (inet_pton(AF_INET6, text, &out->in6.sin6_addr) != 1)
		die("'%s' is no address", text);
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons(port);
	return sizeof(out->in6);
}

socklen_t make_plain_address(union sockaddr_any *out, enum family family,
			     enum address address, uint16_t port)
{
	return make_address(out, address_text[family][address], port);
}

int bind_errno(int fd, const union sockaddr_any *address, socklen_t length)
{
	return bind(fd, &address->sa, length) ? errno : 0;
}

uint16_t bound_port(int fd)
{
	union sockaddr_any got;
	socklen_t length = sizeof(got);

	if (getsockname(fd, &got.sa, &length))
		die("getsockname: %m");
	return ntohs(got.sa.sa_family == AF_INET ? got.in.sin_port :
						   got.in6.sin6_port);
}

/* A socket that got another address than it asked for would not show. */
static bool same_name(int fd, const union sockaddr_any *want)
{
	union sockaddr_any got;
	socklen_t length = sizeof(got);

	if (getsockname(fd, &got.sa, &length) ||
	    got.sa.sa_family != want->sa.sa_family)
		return false;
	if (want->sa.sa_family == AF_INET)
		return got.in.sin_addr.s_addr == want->in.sin_addr.s_addr &&
		       (got.in.sin_port == want->in.sin_port ||
			!want->in.sin_port);
	return !memcmp(&got.in6.sin6_addr, &want->in6.sin6_addr,
		       sizeof(got.in6.sin6_addr)) &&
	       (got.in6.sin6_port == want->in6.sin6_port ||
		!want->in6.sin6_port);
}

int try_bind(enum transport transport, enum family family,
	     enum address address, uint16_t port)
{
	union sockaddr_any any;
	socklen_t length = make_plain_address(&any, family, address, port);
	int fd = need_socket(transport, family);
	int error = bind_errno(fd, &any, length);

	if (!error && !same_name(fd, &any))
		die("%s %s %s port %u was bound to another name",
		    transport_names[transport], family_names[family],
		    address_names[address], port);
	if (!error && !port && bound_port(fd) < PRIVILEGED_PORTS)
		die("an automatic port is %u", bound_port(fd));
	close(fd);
	return error;
}
