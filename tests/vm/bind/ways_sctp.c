// SPDX-License-Identifier: GPL-2.0-only
/* SCTP has no flag that grants, and sockets with many addresses. */
#define _GNU_SOURCE
#include "ways_sctp.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "ways.h"

#define PERSON(who, real, effective) \
	{ .name = (who), .ruid = (real), .euid = (effective), \
	  .suid = (effective), .rgid = GID_OTHER, .egid = GID_OTHER, \
	  .sgid = GID_OTHER }

const struct subject sctp_people[PEOPLE] = {
	[OWNER] = PERSON("the owner", UID_GRANTED, UID_GRANTED),
	[STRANGER] = PERSON("a stranger", UID_OTHER, UID_OTHER),
	[MEMBER] = { .name = "a member", .ruid = UID_MEMBER,
		     .euid = UID_MEMBER, .suid = UID_MEMBER,
		     .rgid = GID_OTHER, .egid = GID_OTHER, .sgid = GID_OTHER,
		     .groups = { GID_GRANTED }, .group_count = 1 },
	[EFFECTIVE] = PERSON("a stranger who acts as the owner", UID_OTHER,
			     UID_GRANTED),
	[ROOT] = { .name = "root", .capable = true },
};

struct acting {
	enum person person;
	void (*fn)(void *arg);
	void *arg;
};

static void act(void *arg)
{
	const struct acting *acting = arg;

	actor_become(&sctp_people[acting->person]);
	in_child(acting->fn, acting->arg);
}

void sctp_as(enum person person, void (*fn)(void *arg), void *arg)
{
	struct acting acting = { person, fn, arg };

	in_child(act, &acting);
}

void sctp_switch(enum person person)
{
	/* The kernel takes the effective capabilities along, both ways. */
	if (seteuid(0) || seteuid(sctp_people[person].euid))
		die("becoming %s: %m", sctp_people[person].name);
}

int sctp_answer(char letter)
{
	return letter == '+' ? 0 : EACCES;
}

void sctp_own_network(void)
{
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET))
		die("unshare: %m");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback))
		die("lo of a network namespace: %m");
	close(fd);
	must_write("scope", "all");
}

void sctp_sysctl(const char *name, const char *value)
{
	char path[128];
	int error;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	error = file_write(path, value, strlen(value));
	if (error)
		die("%s: %s", path, errno_name(error));
}

const struct way sctp_ways[] = {
	{ "sctp/bind", "bind of both styles of sockets", sctp_bind_run },
	{ "sctp/v6only", "bind where IPv4 is not possible", sctp_v6only_run },
	{ "sctp/settings", "deny, reserve, modes and strict",
	  sctp_settings_run },
	{ "sctp/port-1", "a refusal where port 1 is granted",
	  sctp_port_1_run },
	{ "sctp/boundary", "other boundaries of the privileged ports",
	  sctp_boundary_run },
	{ "sctp/prefix", "rules for some addresses only", sctp_prefix_run },
	{ "sctp/errors", "what the kernel refuses by itself",
	  sctp_errors_run },
	{ "sctp/sharing", "sockets that share a port", sctp_sharing_run },
	{ "sctp/counters", "each address is one bind", sctp_counters_run },
	{ "sctp/compat", "the calls of 32-bit programs", sctp_compat_run },
	{ "sctp/uring", "binds by io_uring", sctp_uring_run },
	{ "sctp/bindx", "bindx of a new socket", sctp_bindx_run },
	{ "sctp/bindx-bound", "bindx of a bound socket",
	  sctp_bindx_bound_run },
	{ "sctp/bindx-inherit", "bindx with the port that is bound",
	  sctp_bindx_inherit_run },
	{ "sctp/bindx-remove", "bindx that takes addresses away",
	  sctp_bindx_remove_run },
	{ "sctp/auto", "ports that the kernel chooses", sctp_auto_run },
	{ "sctp/connect", "connections to and from governed ports",
	  sctp_connect_run },
	{ "sctp/traffic", "messages to a granted port", sctp_traffic_run },
	{ "sctp/peeloff", "an association that gets its own socket",
	  sctp_peeloff_run },
	{ "sctp/asconf", "an address that the peer gets later",
	  sctp_asconf_run },
	{ "sctp/capability", "a grant is no capability",
	  sctp_capability_run },
	{ "sctp/threads", "a grant is no capability for other threads",
	  sctp_threads_run },
	{ "sctp/crowd", "more binds at once than processors",
	  sctp_crowd_run },
	{ "sctp/user-namespace", "a process of a user namespace",
	  sctp_user_namespace_run },
	{ "sctp/network", "sockets of other networks", sctp_network_run },
	{ 0 },
};
