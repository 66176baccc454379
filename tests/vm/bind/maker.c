// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "maker.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

struct wish {
	enum transport transport;
	enum family family;
};

union fd_message {
	char data[CMSG_SPACE(sizeof(int))];
	struct cmsghdr head;
};

static struct msghdr message_with(struct iovec *vector,
				  union fd_message *control)
{
	return (struct msghdr){
		.msg_iov = vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(*control),
	};
}

static void send_fd(int channel, int fd)
{
	union fd_message control = { 0 };
	char byte = 0;
	struct iovec vector = { &byte, 1 };
	struct msghdr message = message_with(&vector, &control);

	control.head.cmsg_len = CMSG_LEN(sizeof(fd));
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	if (sendmsg(channel, &message, 0) != 1)
		die("sending a socket: %m");
}

static int receive_fd(int channel)
{
	union fd_message control = { 0 };
	char byte;
	struct iovec vector = { &byte, 1 };
	struct msghdr message = message_with(&vector, &control);
	int fd;

	if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1 ||
	    control.head.cmsg_len != CMSG_LEN(sizeof(fd)))
		die("receiving a socket: %m");
	memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	return fd;
}

/* Until nobody is there any more to wish. */
static void make_sockets(int channel)
{
	struct wish wish;

	while (read(channel, &wish, sizeof(wish)) == sizeof(wish)) {
		int fd = need_socket(wish.transport, wish.family);

		send_fd(channel, fd);
		close(fd);
	}
}

void maker_start(struct maker *maker, void (*prepare)(const void *arg),
		 const void *arg)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		die("socketpair: %m");
	fflush(stdout);
	maker->pid = fork();
	if (maker->pid < 0)
		die("fork: %m");
	if (!maker->pid) {
		close(ends[0]);
		prepare(arg);
		make_sockets(ends[1]);
		fflush(stdout);
		_exit(0);
	}
	close(ends[1]);
	maker->channel = ends[0];
}

int maker_socket(const struct maker *maker, enum transport transport,
		 enum family family)
{
	const struct wish wish = { transport, family };

	if (write(maker->channel, &wish, sizeof(wish)) != sizeof(wish))
		die("the maker of the sockets does not listen: %m");
	return receive_fd(maker->channel);
}

void maker_end(const struct maker *maker)
{
	int status;

	close(maker->channel);
	if (waitpid(maker->pid, &status, 0) != maker->pid || status)
		die("the maker of the sockets has failed");
}
