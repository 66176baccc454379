// SPDX-License-Identifier: GPL-2.0-only
/* A host-network process in a user namespace is its host user. */
#define _GNU_SOURCE
#include "bind_test.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "harness.h"
#include "model.h"
#include "sockets.h"

static void try_ports(const struct subject *subject)
{
	static const uint16_t ports[] = { PORT_GRANTED, PORT_LOW, PORT_HIGH,
					  PORT_DENIED, PORT_RESERVED };

	for (int t = TRANSPORT_TCP; t <= TRANSPORT_MPTCP; t++)
		for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
			check_errno(try_bind(t, FAMILY_V6, ADDRESS_LOOPBACK,
					     ports[i]),
				    model_expect(subject, t, ports[i]),
				    "%s, %s port %u", subject->name,
				    transport_names[t], ports[i]);
}

static void write_map(const char *path, const char *text)
{
	int error = file_write(path, text, strlen(text));

	if (error)
		die("%s: %s", path, errno_name(error));
}

struct own_namespace {
	struct subject subject;
	const char *uid_map;
};

/* A user's own user namespace: every capability there, none on the host. */
static void own_user_namespace(void *arg)
{
	struct own_namespace *own = arg;

	subject_become(&own->subject);
	if (unshare(CLONE_NEWUSER)) {
		if (errno == EPERM || errno == ENOSPC || errno == EINVAL) {
			skip("%s: users may not make user namespaces",
			     own->subject.name);
			return;
		}
		die("unshare: %m");
	}
	/* The change of uid has given /proc/self to root. */
	if (prctl(PR_SET_DUMPABLE, 1))
		die("PR_SET_DUMPABLE: %m");
	if (own->uid_map)
		write_map("/proc/self/uid_map", own->uid_map);
	try_ports(&own->subject);
}

/*
 * A namespace made by root with a range of ids, as a container's: pipes
 * order the steps. The child makes it, the parent maps it.
 */
static void container(void *arg)
{
	struct subject inside = subject_user("uid 1 of a container",
					     UID_CONTAINER);
	struct subject lookalike = subject_user(
		"uid of a container like the granted one",
		100000 + UID_GRANTED);
	struct subject root = subject_user("root of a container", 100000);
	int to_child[2], to_parent[2];
	char path[64], byte = 0;
	pid_t pid = getpid();

	(void)arg;
	if (pipe(to_child) || pipe(to_parent))
		die("pipe: %m");
	if (!fork()) {
		/* Only the writer of the map lives outside the namespace. */
		close(to_parent[1]);
		close(to_child[0]);
		if (read(to_parent[0], &byte, 1) != 1)
			_exit(1);
		snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
		write_map(path, "0 100000 65536");
		snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
		write_map(path, "0 100000 65536");
		if (write(to_child[1], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	close(to_parent[0]);
	close(to_child[1]);
	if (unshare(CLONE_NEWUSER))
		die("unshare: %m");
	if (write(to_parent[1], &byte, 1) != 1 ||
	    read(to_child[0], &byte, 1) != 1)
		die("the container was not mapped");
	if (setgroups(0, NULL) || setresgid(0, 0, 0) || setresuid(0, 0, 0))
		die("root of the container: %m");
	root.rgid = root.egid = root.sgid = 100000;
	try_ports(&root);

	if (setresuid(1, 1, 0))
		die("uid 1: %m");
	try_ports(&inside);
	if (seteuid(0) || setresuid(UID_GRANTED, UID_GRANTED, 0))
		die("uid %u: %m", UID_GRANTED);
	try_ports(&lookalike);
}

/* Wildcard addresses only, as nothing is up in a new network. */
static void try_wildcard(const struct subject *subject, const char *where,
			 int granted_port, int low_port)
{
	check_errno(try_bind(TRANSPORT_TCP, FAMILY_V4, ADDRESS_WILDCARD,
			     PORT_GRANTED),
		    granted_port, "%s, %s, tcp v4 port %u", where,
		    subject->name, PORT_GRANTED);
	check_errno(try_bind(TRANSPORT_UDP, FAMILY_V6, ADDRESS_WILDCARD,
			     PORT_GRANTED),
		    granted_port, "%s, %s, udp v6 port %u", where,
		    subject->name, PORT_GRANTED);
	check_errno(try_bind(TRANSPORT_MPTCP, FAMILY_V4, ADDRESS_WILDCARD,
			     PORT_LOW),
		    low_port, "%s, %s, mptcp v4 port %u", where, subject->name,
		    PORT_LOW);
	check_errno(try_bind(TRANSPORT_UDP, FAMILY_V4, ADDRESS_WILDCARD,
			     PORT_HIGH),
		    0, "%s, %s, udp v4 port %u", where, subject->name,
		    PORT_HIGH);
	check_errno(try_bind(TRANSPORT_TCP, FAMILY_V6, ADDRESS_WILDCARD,
			     PORT_RESERVED),
		    0, "%s, %s, tcp v6 port %u", where, subject->name,
		    PORT_RESERVED);
}

/* Rules are about the initial network namespace; others stay as they are. */
static void other_network(void *arg)
{
	if (unshare(CLONE_NEWNET))
		die("unshare: %m");
	subject_become(arg);
	try_wildcard(arg, "other network", EACCES, EACCES);
}

/* LB-31: whoever owns the network owns its ports. */
static void own_network(void *arg)
{
	const struct subject *subject = arg;

	subject_become(subject);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		if (errno != EPERM && errno != ENOSPC && errno != EINVAL)
			die("unshare: %m");
		skip("LB-31 %s: users may not make user namespaces",
		     subject->name);
		return;
	}
	try_wildcard(subject, "LB-31 own network", 0, 0);
}

/* What counts is the socket's network, not the process'. */
static void socket_of_other_network(void *arg)
{
	const struct subject *subject = arg;
	int here, there, home;
	union sockaddr_any any;
	socklen_t length = make_address(&any, "0.0.0.0", PORT_GRANTED);

	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	here = need_socket(TRANSPORT_TCP, FAMILY_V4);
	if (home < 0 || unshare(CLONE_NEWNET))
		die("unshare: %m");
	there = need_socket(TRANSPORT_TCP, FAMILY_V4);
	if (seteuid(subject->euid))
		die("seteuid: %m");
	check_errno(bind_errno(here, &any, length),
		    model_expect(subject, TRANSPORT_TCP, PORT_GRANTED),
		    "%s: the host's socket, process elsewhere", subject->name);
	if (seteuid(0) || setns(home, CLONE_NEWNET) || seteuid(subject->euid))
		die("setns: %m");
	check_errno(bind_errno(there, &any, length), EACCES,
		    "%s: another network's socket, process on the host",
		    subject->name);
	close(here);
	close(there);
	close(home);
}

void namespaces_run(void)
{
	struct own_namespace own[] = {
		{ subject_user("granted user in its user namespace",
			       UID_GRANTED), NULL },
		{ subject_user("granted user, root of its user namespace",
			       UID_GRANTED), "0 61001 1" },
		{ subject_user("other user, root of its user namespace",
			       UID_OTHER), "0 61009 1" },
		/* Named like the granted one inside, which means nothing. */
		{ subject_user("other user, named like the granted one",
			       UID_OTHER), "61001 61009 1" },
	};
	struct subject subjects[] = {
		subject_user("granted user", UID_GRANTED),
		subject_user("other user", UID_OTHER),
	};

	group_begin("namespaces");
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		in_child(own_user_namespace, &own[i]);
	in_child(container, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		in_child(other_network, &subjects[i]);
		in_child(own_network, &subjects[i]);
		in_child(socket_of_other_network, &subjects[i]);
	}
	group_end();
}
