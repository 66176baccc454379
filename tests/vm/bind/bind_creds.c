// SPDX-License-Identifier: GPL-2.0-only
/* Which of a process' many ids counts, and what a grant leaves behind. */
#define _GNU_SOURCE
#include "bind_test.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "model.h"
#include "sockets.h"

#define IDS(r, e, s, rg, eg, sg) \
	.ruid = (r), .euid = (e), .suid = (s), \
	.rgid = (rg), .egid = (eg), .sgid = (sg)

static const struct subject id_subjects[] = {
	{ .name = "real uid only",
	  IDS(UID_GRANTED, UID_OTHER, UID_OTHER, 1, 1, 1) },
	{ .name = "saved uid only",
	  IDS(UID_OTHER, UID_OTHER, UID_GRANTED, 1, 1, 1) },
	{ .name = "real and saved uid",
	  IDS(UID_GRANTED, UID_OTHER, UID_GRANTED, 1, 1, 1) },
	{ .name = "effective uid only",
	  IDS(UID_OTHER, UID_GRANTED, UID_OTHER, 1, 1, 1) },
	{ .name = "effective uid, real is root",
	  IDS(0, UID_GRANTED, 0, 1, 1, 1) },
	{ .name = "effective uid of a stranger, real is root",
	  IDS(0, UID_OTHER, 0, 1, 1, 1) },
	{ .name = "set-uid root of a granted user",
	  IDS(UID_GRANTED, 0, 0, 1, 1, 1), .capable = true },
	{ .name = "real gid only",
	  IDS(UID_OTHER, UID_OTHER, UID_OTHER, GID_GRANTED, 1, 1) },
	{ .name = "saved gid only",
	  IDS(UID_OTHER, UID_OTHER, UID_OTHER, 1, 1, GID_GRANTED) },
	{ .name = "real and saved gid",
	  IDS(UID_OTHER, UID_OTHER, UID_OTHER, GID_GRANTED, 1, GID_GRANTED) },
	{ .name = "effective gid only",
	  IDS(UID_OTHER, UID_OTHER, UID_OTHER, 1, GID_GRANTED, 1) },
	{ .name = "first of the groups",
	  IDS(UID_OTHER, UID_OTHER, UID_OTHER, 1, 1, 1),
	  .groups = { GID_GRANTED, 1, 2 }, .group_count = 3 },
	{ .name = "granted user in no group",
	  IDS(UID_GRANTED, UID_GRANTED, UID_GRANTED, 1, 1, 1) },
};

static void try_ports(const struct subject *subject, const char *note)
{
	static const uint16_t ports[] = { PORT_GRANTED, PORT_LOW, PORT_ROOT,
					  PORT_HIGH, PORT_DENIED, PORT_RESERVED };

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
		check_errno(try_bind(TRANSPORT_TCP, FAMILY_V4,
				     ADDRESS_LOOPBACK, ports[i]),
			    model_expect(subject, TRANSPORT_TCP, ports[i]),
			    "%s%s, port %u", subject->name, note, ports[i]);
}

static void ids_subject(void *arg)
{
	const struct subject *subject = arg;

	subject_become(subject);
	try_ports(subject, "");
}

/* The ids of the file system are for files. */
static void file_ids(void *arg)
{
	struct subject subject = subject_user("file system ids", UID_OTHER);

	(void)arg;
	subject.ruid = UID_GRANTED;
	subject.rgid = GID_GRANTED;
	subject_become(&subject);
	/* Only what the process could switch to is allowed here. */
	setfsuid(UID_GRANTED);
	setfsgid(GID_GRANTED);
	if (setfsuid(-1) != UID_GRANTED || setfsgid(-1) != GID_GRANTED)
		die("the file system ids do not change");
	try_ports(&subject, "");
}

static void set_caps(unsigned int effective, unsigned int permitted)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = effective, .permitted = permitted },
	};

	if (syscall(SYS_capset, &head, data))
		die("capset: %m");
}

/* Root is the capability, not the number; and uid 0 is a user like others. */
static void root_without_capability(void *arg)
{
	const struct subject subject = { .name = "root without capability" };

	(void)arg;
	set_caps(0, 1U << CAP_NET_BIND_SERVICE);
	try_ports(&subject, ", permitted only");
	set_caps(0, 0);
	try_ports(&subject, "");
}

static void capability_without_root(void *arg)
{
	struct subject subject = subject_user("capable user", UID_OTHER);

	(void)arg;
	if (prctl(PR_SET_KEEPCAPS, 1))
		die("PR_SET_KEEPCAPS: %m");
	subject_become(&subject);
	set_caps(1U << CAP_NET_BIND_SERVICE, 1U << CAP_NET_BIND_SERVICE);
	subject.capable = true;
	try_ports(&subject, "");
	set_caps(0, 0);
	subject.capable = false;
	try_ports(&subject, ", dropped");
}

/* A grant is judged at each bind, with the ids of that moment. */
static void change_of_mind(void *arg)
{
	struct subject granted = subject_user("switching user", UID_GRANTED);
	struct subject other = subject_user("switching user", UID_OTHER);
	union sockaddr_any any;
	socklen_t length = make_address(&any, "127.0.0.1", PORT_GRANTED);
	int fd = need_socket(TRANSPORT_TCP, FAMILY_V4);

	(void)arg;
	/* A socket made by root, bound by others. */
	if (seteuid(UID_OTHER))
		die("seteuid: %m");
	check_errno(bind_errno(fd, &any, length),
		    model_expect(&other, TRANSPORT_TCP, PORT_GRANTED),
		    "root's socket, other user");
	if (seteuid(0) || seteuid(UID_GRANTED))
		die("seteuid: %m");
	check_errno(bind_errno(fd, &any, length),
		    model_expect(&granted, TRANSPORT_TCP, PORT_GRANTED),
		    "root's socket, granted user");
	close(fd);
}

void ids_run(void)
{
	group_begin("ids");
	for (size_t i = 0; i < ARRAY_SIZE(id_subjects); i++)
		in_child(ids_subject, (void *)&id_subjects[i]);
	in_child(file_ids, NULL);
	in_child(root_without_capability, NULL);
	in_child(capability_without_root, NULL);
	in_child(change_of_mind, NULL);
	group_end();
}

static unsigned int capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &head, data))
		die("capget: %m");
	return data[0].effective | data[0].permitted | data[0].inheritable;
}

/* fork() clears the flag, hence a child of its own for each. */
static void traces_bind(void *arg)
{
	const struct subject *subject = arg;
	int error;

	if (used_privilege())
		die("a new process has used privilege");
	error = try_bind(TRANSPORT_TCP, FAMILY_V4, ADDRESS_LOOPBACK,
			 PORT_GRANTED);
	check_errno(error, model_expect(subject, TRANSPORT_TCP, PORT_GRANTED),
		    "%s, port %u", subject->name, PORT_GRANTED);
	check(used_privilege() == subject->capable,
	      "%s: PF_SUPERPRIV is %d after the bind", subject->name,
	      used_privilege());
	check(subject->capable || !capabilities(),
	      "%s: capabilities %#x after the bind", subject->name,
	      capabilities());
}

static void traces_subject(void *arg)
{
	subject_become(arg);
	in_child(traces_bind, arg);
}

void traces_run(void)
{
	struct subject subjects[] = {
		subject_user("granted user", UID_GRANTED),
		subject_user("other user", UID_OTHER),
		{ .name = "root", .capable = true },
	};

	group_begin("traces");
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		in_child(traces_subject, &subjects[i]);
	group_end();
}
