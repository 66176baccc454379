// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "sctp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

/* More than the addresses of any list here take. */
#define LIST_SIZE 1024

const char *const sctp_style_names[SCTP_STYLES] = {
	[SCTP_ONE_TO_ONE] = "one-to-one",
	[SCTP_ONE_TO_MANY] = "one-to-many",
};

bool sctp_wanted(void)
{
	char hooks[1024];

	/* Looking for it loads it, and only then there is something to hook. */
	if (!have_transport(TRANSPORT_SCTP)) {
		skip("this kernel has no SCTP");
		return false;
	}
	sysfs_read("hooks", hooks, sizeof(hooks));
	if (!strstr(hooks, "sctp_do_bind attached"))
		die("SCTP is there and not hooked");
	return true;
}

int sctp_socket(enum family family, enum sctp_style style)
{
	static const int types[SCTP_STYLES] = { SOCK_STREAM, SOCK_SEQPACKET };
	const struct timeval deadline = { .tv_sec = DEADLINE_MS / 1000 };
	const struct linger aborting = { .l_onoff = 1 };
	const int on = 1;
	int fd = socket(family == FAMILY_V4 ? AF_INET : AF_INET6,
			types[style] | SOCK_CLOEXEC, IPPROTO_SCTP);

	if (fd < 0)
		die("a %s socket: %m", sctp_style_names[style]);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline,
		       sizeof(deadline)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline,
		       sizeof(deadline)) ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &aborting,
		       sizeof(aborting)) ||
	    setsockopt(fd, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof(on)))
		die("setsockopt: %m");
	return fd;
}

int sctp_bind(int fd, const char *address, uint16_t port)
{
	union sockaddr_any any;
	socklen_t length = make_address(&any, address, port);

	return bind_errno(fd, &any, length);
}

socklen_t sctp_pack(void *out, size_t size, const char *addresses,
		    uint16_t port)
{
	size_t have = 0;
	char text[64];
	int used;

	while (sscanf(addresses, "%63s%n", text, &used) == 1) {
		union sockaddr_any any;
		socklen_t length = make_address(&any, text, port);

		if (have + length > size)
			die("too many addresses");
		memcpy((char *)out + have, &any, length);
		have += length;
		addresses += used;
	}
	return have;
}

static int set_list(int fd, int option, const char *addresses, uint16_t port)
{
	char list[LIST_SIZE];
	socklen_t size = sctp_pack(list, sizeof(list), addresses, port);

	return setsockopt(fd, IPPROTO_SCTP, option, list, size) < 0 ? errno : 0;
}

int sctp_add(int fd, const char *addresses, uint16_t port)
{
	return set_list(fd, SCTP_SOCKOPT_BINDX_ADD, addresses, port);
}

int sctp_remove(int fd, const char *addresses, uint16_t port)
{
	return set_list(fd, SCTP_SOCKOPT_BINDX_REM, addresses, port);
}

int sctp_connectx(int fd, const char *addresses, uint16_t port)
{
	return set_list(fd, SCTP_SOCKOPT_CONNECTX, addresses, port);
}

int sctp_connect(int fd, const char *address, uint16_t port)
{
	union sockaddr_any any;
	socklen_t length = make_address(&any, address, port);

	return connect(fd, &any.sa, length) ? errno : 0;
}

int sctp_listen(int fd)
{
	return listen(fd, 8) ? errno : 0;
}

int sctp_try(enum family family, enum sctp_style style, const char *address,
	     uint16_t port)
{
	int fd = sctp_socket(family, style);
	int error = sctp_bind(fd, address, port);

	if (!error && port && bound_port(fd) != port)
		check(false, "%s port %u was bound as %u", address, port,
		      bound_port(fd));
	close(fd);
	return error;
}

static size_t add_text(char *out, size_t size, const union sockaddr_any *any)
{
	char text[INET6_ADDRSTRLEN];
	const void *address = &any->in.sin_addr;
	int family = any->sa.sa_family;

	if (family == AF_INET6) {
		address = &any->in6.sin6_addr;
		/* An IPv6 socket has no other form for an IPv4 address. */
		if (IN6_IS_ADDR_V4MAPPED(&any->in6.sin6_addr)) {
			family = AF_INET;
			address = &any->in6.sin6_addr.s6_addr[12];
		}
	}
	if (!inet_ntop(family, address, text, sizeof(text)))
		die("inet_ntop: %m");
	return snprintf(out, size, " %s", text);
}

static const char *get_list(int fd, int option, sctp_assoc_t association)
{
	static char text[LIST_SIZE];
	union {
		struct sctp_getaddrs got;
		char room[LIST_SIZE];
	} list = { .got.assoc_id = association };
	socklen_t size = sizeof(list);
	char *next = (char *)list.got.addrs;
	size_t n = 0;

	if (getsockopt(fd, IPPROTO_SCTP, option, &list, &size))
		die("the addresses of a socket: %m");
	*text = '\0';
	for (unsigned int i = 0; i < list.got.addr_num; i++) {
		union sockaddr_any any;
		sa_family_t family;

		memcpy(&family, next, sizeof(family));
		size = family == AF_INET ? sizeof(any.in) : sizeof(any.in6);
		memcpy(&any, next, size);
		next += size;
		n += add_text(text + n, sizeof(text) - n, &any);
	}
	return n ? text + 1 : text;
}

const char *sctp_local(int fd)
{
	return get_list(fd, SCTP_GET_LOCAL_ADDRS, 0);
}

const char *sctp_peers(int fd, sctp_assoc_t association)
{
	return get_list(fd, SCTP_GET_PEER_ADDRS, association);
}

const char *sctp_wait_for_peers(int fd, sctp_assoc_t association,
				const char *addresses)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	long long deadline = now_ms() + DEADLINE_MS;
	const char *peers;

	/* Nothing that could be polled for tells of an address. */
	while (strcmp(peers = sctp_peers(fd, association), addresses) &&
	       now_ms() < deadline)
		nanosleep(&pause, NULL);
	return peers;
}

int sctp_send(int fd, const char *to, uint16_t port, const char *text)
{
	union sockaddr_any any;
	socklen_t length = to ? make_address(&any, to, port) : 0;
	ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL,
			      to ? &any.sa : NULL, length);

	return sent < 0 ? errno : 0;
}

int sctp_receive(int fd, char *text, size_t size, sctp_assoc_t *association)
{
	char control[256] __attribute__((aligned(8)));
	struct iovec part = { .iov_base = text, .iov_len = size - 1 };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(fd, &message, 0);

	if (got < 0)
		return errno;
	text[got] = '\0';
	*association = 0;
	for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head;
	     head = CMSG_NXTHDR(&message, head)) {
		struct sctp_rcvinfo info;

		if (head->cmsg_level != IPPROTO_SCTP ||
		    head->cmsg_type != SCTP_RCVINFO)
			continue;
		memcpy(&info, CMSG_DATA(head), sizeof(info));
		*association = info.rcv_assoc_id;
	}
	return 0;
}
