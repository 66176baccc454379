// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "mptcp_pm.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "sockets.h"

#define PM_NAME "mptcp_pm"
#define PM_VERSION 1

enum { PM_CMD_ADD_ADDR = 1, PM_CMD_DEL_ADDR = 2 };
enum { PM_ATTR_ADDR = 1 };
enum {
	PM_ADDR_FAMILY = 1,
	PM_ADDR_ID,
	PM_ADDR_ADDR4,
	PM_ADDR_ADDR6,
	PM_ADDR_PORT,
	PM_ADDR_FLAGS,
};

/* A request, or the answer to one. */
struct message {
	struct nlmsghdr head;
	struct genlmsghdr generic;
	char room[1024];
};

static void message_begin(struct message *message, uint16_t type,
			  uint8_t command, uint8_t version)
{
	memset(message, 0, sizeof(*message));
	message->head.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	message->head.nlmsg_type = type;
	message->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	message->generic.cmd = command;
	message->generic.version = version;
}

static struct nlattr *put(struct message *message, uint16_t type,
			  const void *data, size_t size)
{
	struct nlattr *attribute =
		(void *)((char *)message + message->head.nlmsg_len);

	attribute->nla_type = type;
	attribute->nla_len = NLA_HDRLEN + size;
	if (size)
		memcpy((char *)attribute + NLA_HDRLEN, data, size);
	message->head.nlmsg_len += NLA_ALIGN(attribute->nla_len);
	return attribute;
}

static struct nlattr *nest_begin(struct message *message, uint16_t type)
{
	return put(message, type | NLA_F_NESTED, NULL, 0);
}

static void nest_end(struct message *message, struct nlattr *nest)
{
	nest->nla_len = (char *)message + message->head.nlmsg_len -
			(char *)nest;
}

/* Sends one; the answer before the acknowledgement, if any, in its place. */
static int exchange(struct message *message)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	struct message got;
	const struct nlmsgerr *end;
	ssize_t size;

	if (fd < 0)
		die("a generic netlink socket: %m");
	if (send(fd, message, message->head.nlmsg_len, 0) < 0)
		die("generic netlink: %m");
	for (;;) {
		size = recv(fd, &got, sizeof(got), 0);
		if (size < (ssize_t)NLMSG_HDRLEN)
			die("generic netlink: %m");
		if (got.head.nlmsg_type == NLMSG_ERROR)
			break;
		*message = got;
	}
	close(fd);
	end = NLMSG_DATA(&got.head);
	return -end->error;
}

/* The number of the family, 0 when there is none. */
static uint16_t pm_family(void)
{
	static uint16_t family;
	struct message message;
	char *at, *end;

	if (family)
		return family;
	message_begin(&message, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	put(&message, CTRL_ATTR_FAMILY_NAME, PM_NAME, sizeof(PM_NAME));
	if (exchange(&message))
		return 0;
	at = message.room;
	end = (char *)&message + message.head.nlmsg_len;
	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *attribute = (void *)at;

		if (attribute->nla_len < NLA_HDRLEN)
			break;
		if (attribute->nla_type == CTRL_ATTR_FAMILY_ID)
			memcpy(&family, at + NLA_HDRLEN, sizeof(family));
		at += NLA_ALIGN(attribute->nla_len);
	}
	return family;
}

bool have_mptcp_pm(void)
{
	return pm_family();
}

int mptcp_pm_add(const char *address, uint16_t port, unsigned int flags,
		 uint8_t id)
{
	union sockaddr_any any;
	struct message message;
	struct nlattr *nest;
	uint16_t family;

	make_address(&any, address, port);
	family = any.sa.sa_family;
	message_begin(&message, pm_family(), PM_CMD_ADD_ADDR, PM_VERSION);
	nest = nest_begin(&message, PM_ATTR_ADDR);
	put(&message, PM_ADDR_FAMILY, &family, sizeof(family));
	put(&message, PM_ADDR_ID, &id, sizeof(id));
	if (family == AF_INET)
		put(&message, PM_ADDR_ADDR4, &any.in.sin_addr,
		    sizeof(any.in.sin_addr));
	else
		put(&message, PM_ADDR_ADDR6, &any.in6.sin6_addr,
		    sizeof(any.in6.sin6_addr));
	if (port)
		put(&message, PM_ADDR_PORT, &port, sizeof(port));
	put(&message, PM_ADDR_FLAGS, &flags, sizeof(flags));
	nest_end(&message, nest);
	return exchange(&message);
}

int mptcp_pm_remove(uint8_t id)
{
	struct message message;
	struct nlattr *nest;

	message_begin(&message, pm_family(), PM_CMD_DEL_ADDR, PM_VERSION);
	nest = nest_begin(&message, PM_ATTR_ADDR);
	put(&message, PM_ADDR_ID, &id, sizeof(id));
	nest_end(&message, nest);
	return exchange(&message);
}
