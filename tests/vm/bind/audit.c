// SPDX-License-Identifier: GPL-2.0-only

#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "audit.h"

int audit_enable(unsigned int enabled)
{
	struct {
		struct nlmsghdr head;
		struct audit_status status;
	} request = {
		.head = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = AUDIT_SET,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
			.nlmsg_seq = 1,
		},
		.status = { .mask = AUDIT_STATUS_ENABLED, .enabled = enabled },
	};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char room[1024];
	} reply;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	int error = EIO;

	if (fd < 0)
		return errno;
	if (send(fd, &request, sizeof(request), 0) != sizeof(request))
		error = errno;
	else if (recv(fd, &reply, sizeof(reply), 0) < 0)
		error = errno;
	else if (reply.head.nlmsg_type == NLMSG_ERROR)
		error = -reply.error.error;
	close(fd);
	return error;
}
