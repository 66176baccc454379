// SPDX-License-Identifier: GPL-2.0-only
/* SCTP is granted with a capability for one call, which shows nowhere. */
#define _GNU_SOURCE
#include "ways_sctp.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "sctp.h"

/* What /proc tells of a task's ids and capabilities. */
static void read_credentials(const char *path, char *out, size_t size)
{
	static const char *const names[] = { "Uid:", "Gid:", "Groups:", "Cap" };
	char text[4096], *line, *rest = text;
	size_t n = 0;
	int error = file_read(path, text, sizeof(text));

	if (error)
		die("%s: %s", path, errno_name(error));
	*out = '\0';
	while ((line = strsep(&rest, "\n")))
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (!strncmp(line, names[i], strlen(names[i])))
				n += snprintf(out + n, size - n, "%s\n", line);
	if (n >= size || !strstr(out, "CapEff:"))
		die("%s cannot be understood", path);
}

static void check_credentials(const char *before, const char *what)
{
	static const char *const paths[] = { "/proc/self/status",
					     "/proc/thread-self/status" };
	char now[1024];

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		read_credentials(paths[i], now, sizeof(now));
		check(!strcmp(before, now), "%s: %s was\n%sand is\n%s", what,
		      paths[i], before, now);
	}
}

static int bind_700(enum sctp_style style)
{
	return sctp_try(FAMILY_V4, style, "127.0.0.1", 700);
}

static int bindx_700(enum sctp_style style)
{
	int fd = sctp_socket(FAMILY_V6, style);
	int error = sctp_add(fd, "127.0.0.1 ::1", 700);

	close(fd);
	return error;
}

/* The ways of a granted call to fail. */
static int bind_in_use(enum sctp_style style)
{
	return sctp_try(FAMILY_V4, style, "127.0.0.1", 707);
}

static int bind_elsewhere(enum sctp_style style)
{
	return sctp_try(FAMILY_V4, style, "192.0.2.1", 700);
}

static int bind_short(enum sctp_style style)
{
	int fd = sctp_socket(FAMILY_V4, style), error;
	union sockaddr_any any;
	socklen_t length = make_address(&any, "127.0.0.1", 700);

	error = bind_errno(fd, &any, length - 1);
	close(fd);
	return error;
}

static int bindx_twice(enum sctp_style style)
{
	int fd = sctp_socket(FAMILY_V4, style), error;

	error = sctp_add(fd, "127.0.0.1 127.0.0.1", 700);
	close(fd);
	return error;
}

/* From a granted port to nobody: the kernel asks for the capability twice. */
static int connect_from_700(enum sctp_style style)
{
	int fd = sctp_socket(FAMILY_V4, style);
	int error = sctp_bind(fd, "127.0.0.1", 700);

	if (!error)
		error = sctp_connect(fd, "127.0.0.1", 9);
	close(fd);
	return error;
}

static int bind_denied(enum sctp_style style)
{
	return sctp_try(FAMILY_V4, style, "127.0.0.1", 8447);
}

static const struct {
	const char *name;
	int (*call)(enum sctp_style style);
	int error;
} calls[] = {
	{ "granted", bind_700, 0 },
	{ "granted, two addresses", bindx_700, 0 },
	{ "in use", bind_in_use, EADDRINUSE },
	{ "not a local address", bind_elsewhere, EADDRNOTAVAIL },
	{ "too short", bind_short, EINVAL },
	{ "the same address twice", bindx_twice, EINVAL },
	{ "connecting from the granted port", connect_from_700, ECONNREFUSED },
	{ "denied", bind_denied, EACCES },
};

static void try_calls(void *arg)
{
	char before[1024];

	(void)arg;
	read_credentials("/proc/self/status", before, sizeof(before));
	check(strstr(before, "CapEff:\t0000000000000000\n"),
	      "a process without capabilities has\n%s", before);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		for (int style = 0; style < SCTP_STYLES; style++) {
			check_errno(calls[i].call(style), calls[i].error, "%s",
				    calls[i].name);
			check_errno(sctp_try(FAMILY_V4, style, "127.0.0.1",
					     701),
				    EACCES, "port 701, after: %s",
				    calls[i].name);
			check_credentials(before, calls[i].name);
			check(!used_privilege(), "%s: marked as privileged",
			      calls[i].name);
		}
}

/* No process may get this capability any more; a grant is none. */
static void without_bounds(void *arg)
{
	(void)arg;
	if (prctl(PR_CAPBSET_DROP, CAP_NET_BIND_SERVICE) ||
	    prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die("prctl: %m");
	actor_become(&sctp_people[OWNER]);
	check_errno(bind_700(SCTP_ONE_TO_ONE), 0, "outside the bounding set");
	check_errno(bindx_700(SCTP_ONE_TO_MANY), 0,
		    "outside the bounding set, bindx");
	check_errno(sctp_try(FAMILY_V4, SCTP_ONE_TO_ONE, "127.0.0.1", 701),
		    EACCES, "outside the bounding set, port 701");
}

static void use_privilege(void *arg)
{
	(void)arg;
	check(!used_privilege(), "a new process is marked as privileged");
	check_errno(sctp_try(FAMILY_V4, SCTP_ONE_TO_ONE, "127.0.0.1", 701), 0,
		    "root binds port 701");
	check(used_privilege(), "who used the capability is not marked");
	sctp_switch(OWNER);
	check_errno(bind_700(SCTP_ONE_TO_ONE), 0, "port 700 after that");
	check(used_privilege(), "a grant takes the mark away");
}

void sctp_capability_run(void)
{
	int fd;

	if (!sctp_wanted())
		return;
	must_upload("allow user 61001 700,707/sctp\n"
		    "deny user 61001 8447\n");
	fd = sctp_socket(FAMILY_V4, SCTP_ONE_TO_ONE);
	if (sctp_bind(fd, "127.0.0.1", 707))
		die("root cannot bind port 707: %m");
	sctp_as(OWNER, try_calls, NULL);
	close(fd);
	in_child(without_bounds, NULL);
	in_child(use_privilege, NULL);
}

#define THREAD_BINDS 20000

static struct {
	atomic_bool end;
	atomic_uint looks, raised;
	atomic_uint tries, granted;
	char status[64];
} watch;

/* Reads the credentials of the thread that binds. */
static void *watch_status(void *arg)
{
	char before[1024], now[1024];

	read_credentials(watch.status, before, sizeof(before));
	while (!watch.end) {
		read_credentials(watch.status, now, sizeof(now));
		watch.looks++;
		if (strcmp(before, now))
			watch.raised++;
	}
	return arg;
}

/* Tries to make use of what the other thread is granted. */
static void *try_meanwhile(void *arg)
{
	int fd = sctp_socket(FAMILY_V4, SCTP_ONE_TO_ONE);

	while (!watch.end) {
		watch.tries++;
		if (sctp_bind(fd, "127.0.0.1", 701) != EACCES)
			watch.granted++;
	}
	close(fd);
	return arg;
}

static void bind_under_watch(void *arg)
{
	static void *(*const watchers[])(void *arg) = { watch_status,
							try_meanwhile };
	pthread_t threads[ARRAY_SIZE(watchers)];
	int fd = sctp_socket(FAMILY_V4, SCTP_ONE_TO_MANY);
	unsigned int refused = 0, done;

	(void)arg;
	snprintf(watch.status, sizeof(watch.status),
		 "/proc/self/task/%d/status", gettid());
	/* A change of ids makes the files of /proc those of root. */
	if (prctl(PR_SET_DUMPABLE, 1))
		die("PR_SET_DUMPABLE: %m");
	for (size_t i = 0; i < ARRAY_SIZE(watchers); i++)
		if (pthread_create(&threads[i], NULL, watchers[i], NULL))
			die("pthread_create");
	if (sctp_bind(fd, "127.0.0.1", 700))
		die("127.0.0.1 port 700: %m");
	for (done = 0; done < THREAD_BINDS; done++)
		refused += sctp_add(fd, "127.0.0.2", 700) ||
			   sctp_remove(fd, "127.0.0.2", 700);
	watch.end = true;
	for (size_t i = 0; i < ARRAY_SIZE(watchers); i++)
		pthread_join(threads[i], NULL);
	check(!refused, "%u of %u binds were refused", refused, done);
	check(watch.looks, "nobody looked");
	check(!watch.raised, "other credentials at %u of %u looks",
	      watch.raised, watch.looks);
	check(watch.tries, "nobody tried");
	check(!watch.granted, "another thread got something at %u of %u tries",
	      watch.granted, watch.tries);
	check(!used_privilege(), "marked as privileged");
	close(fd);
}

void sctp_threads_run(void)
{
	if (!sctp_wanted())
		return;
	must_upload("allow user 61001 700/sctp\n");
	sctp_as(OWNER, bind_under_watch, NULL);
}

/*
 * The crowd looks for a free port where none is left, which takes the kernel a
 * while, and is interrupted meanwhile: so many calls are under way at any time.
 */
#define CROWD 40
#define CROWD_FIRST_PORT 40000
#define CROWD_PORTS 256
#define CROWD_BINDS 60

static struct {
	atomic_bool end;
	atomic_uint calls, other;
} crowd;

static void *join_crowd(void *arg)
{
	/* Out of the way of the thread that looks. */
	setpriority(PRIO_PROCESS, 0, 10);
	while (!crowd.end) {
		int fd = sctp_socket(FAMILY_V4, SCTP_ONE_TO_ONE);

		if (sctp_bind(fd, "127.0.0.1", 0) != EADDRINUSE)
			crowd.other++;
		crowd.calls++;
		close(fd);
	}
	return arg;
}

/* The socket that was given has a port that is denied to its user now. */
static void bind_in_crowd(void *arg)
{
	int denied = *(int *)arg;
	pthread_t threads[CROWD];

	for (size_t i = 0; i < CROWD; i++)
		if (pthread_create(&threads[i], NULL, join_crowd, NULL))
			die("pthread_create");
	while (crowd.calls < CROWD)
		sched_yield();
	for (int i = 0; i < CROWD_BINDS; i++) {
		check_errno(sctp_try(FAMILY_V4, SCTP_ONE_TO_MANY, "127.0.0.1",
				     700),
			    0, "bind %d of port 700 in a crowd", i);
		check_errno(sctp_try(FAMILY_V4, SCTP_ONE_TO_MANY, "127.0.0.1",
				     701),
			    EACCES, "bind %d of port 701 in a crowd", i);
		check_errno(sctp_add(denied, "127.0.0.2", 0), EACCES,
			    "bindx %d of a denied port in a crowd", i);
	}
	crowd.end = true;
	for (size_t i = 0; i < CROWD; i++)
		pthread_join(threads[i], NULL);
	check(!crowd.other, "%u of %u automatic ports were found",
	      crowd.other, crowd.calls);
	check(!used_privilege(), "marked as privileged");
}

void sctp_crowd_run(void)
{
	const struct rlimit files = { 1024, 1024 };
	char range[32];
	int denied;

	if (!sctp_wanted())
		return;
	sctp_own_network();
	if (setrlimit(RLIMIT_NOFILE, &files))
		die("RLIMIT_NOFILE: %m");
	snprintf(range, sizeof(range), "%u %u", CROWD_FIRST_PORT,
		 CROWD_FIRST_PORT + CROWD_PORTS - 1);
	sctp_sysctl("ipv4/ip_local_port_range", range);
	/* Closed when this process ends. */
	for (int i = 0; i < CROWD_PORTS; i++)
		if (sctp_bind(sctp_socket(FAMILY_V4, SCTP_ONE_TO_ONE),
			      "0.0.0.0", CROWD_FIRST_PORT + i))
			die("port %d: %m", CROWD_FIRST_PORT + i);
	denied = sctp_socket(FAMILY_V4, SCTP_ONE_TO_ONE);
	if (sctp_bind(denied, "127.0.0.1", 8447))
		die("port 8447: %m");
	must_upload("allow user 61001 700/sctp\n"
		    "deny user 61001 8447\n");
	sctp_as(OWNER, bind_in_crowd, &denied);
}

static void write_map(const char *path, const char *text)
{
	int error = file_write(path, text, strlen(text));

	if (error)
		die("%s: %s", path, errno_name(error));
}

/* A namespace of the user's own, with all capabilities in it, if he may. */
static bool own_user_namespace(int flags, const char *uid_map)
{
	if (unshare(CLONE_NEWUSER | flags)) {
		if (errno != EPERM && errno != ENOSPC && errno != EINVAL)
			die("unshare: %m");
		skip("users may not make user namespaces");
		return false;
	}
	/* The change of uid has given /proc/self to root. */
	if (prctl(PR_SET_DUMPABLE, 1))
		die("PR_SET_DUMPABLE: %m");
	if (uid_map)
		write_map("/proc/self/uid_map", uid_map);
	return true;
}

/* The same on the host's network: what counts is who he is outside. */
static const struct {
	const char *name;
	enum person person;
	const char *uid_map;
	char answers[4 + 1];	/* of the ports below */
} namespaced[] = {
	{ "the owner, without a name", OWNER, NULL, "+-+-" },
	{ "the owner as root", OWNER, "0 61001 1", "+-+-" },
	{ "the owner as somebody else", OWNER, "61009 61001 1", "+-+-" },
	{ "a stranger as root", STRANGER, "0 61009 1", "----" },
	{ "a stranger named like the owner", STRANGER, "61001 61009 1",
	  "----" },
	{ "a member as root", MEMBER, "0 61010 1", "-+--" },
};

static const uint16_t namespaced_ports[] = { 700, 704, 8444, 80 };

static void bind_namespaced(void *arg)
{
	size_t row = *(size_t *)arg;
	char before[1024];

	if (!own_user_namespace(0, namespaced[row].uid_map))
		return;
	read_credentials("/proc/self/status", before, sizeof(before));
	for (size_t i = 0; i < ARRAY_SIZE(namespaced_ports); i++)
		for (int style = 0; style < SCTP_STYLES; style++)
			check_errno(sctp_try(FAMILY_V6, style, "::1",
					     namespaced_ports[i]),
				    sctp_answer(namespaced[row].answers[i]),
				    "%s, port %u", namespaced[row].name,
				    namespaced_ports[i]);
	check_credentials(before, namespaced[row].name);
}

void sctp_user_namespace_run(void)
{
	if (!sctp_wanted())
		return;
	must_upload("allow user 61001 700,8444/sctp\n"
		    "allow group 62001 704/sctp\n"
		    "reserve 8444/sctp\n");
	for (size_t i = 0; i < ARRAY_SIZE(namespaced); i++)
		sctp_as(namespaced[i].person, bind_namespaced, &i);
}

/* Whose the network is: root's, the user's, or his without his capabilities. */
enum network { OF_ROOT, OF_USER, OF_POWERLESS };

static const struct networked {
	const char *scope, *strict;
	enum network network;
	enum person person;
	uint16_t port;
	int error;
} networked[] = {
	{ "init", "0", OF_ROOT, OWNER, 700, EACCES },
	{ "init", "0", OF_ROOT, STRANGER, 8444, 0 },
	{ "init", "1", OF_ROOT, ROOT, 80, 0 },
	{ "all", "0", OF_ROOT, OWNER, 700, 0 },
	{ "all", "0", OF_ROOT, OWNER, 701, EACCES },
	{ "all", "0", OF_ROOT, OWNER, 8444, 0 },
	{ "all", "0", OF_ROOT, STRANGER, 700, EACCES },
	{ "all", "0", OF_ROOT, STRANGER, 8444, EACCES },
	{ "all", "0", OF_ROOT, ROOT, 8444, 0 },
	{ "all", "1", OF_ROOT, ROOT, 80, EACCES },
	{ "init", "1", OF_USER, STRANGER, 80, 0 },
	{ "init", "1", OF_USER, STRANGER, 8444, 0 },
	{ "all", "0", OF_USER, STRANGER, 80, 0 },
	{ "all", "0", OF_USER, STRANGER, 8444, 0 },
	{ "all", "1", OF_USER, STRANGER, 80, EACCES },
	{ "all", "1", OF_USER, STRANGER, 8444, EACCES },
	{ "all", "1", OF_USER, OWNER, 700, 0 },
	{ "init", "0", OF_POWERLESS, OWNER, 700, EACCES },
	{ "all", "0", OF_POWERLESS, OWNER, 700, 0 },
	{ "all", "0", OF_POWERLESS, OWNER, 80, EACCES },
	{ "all", "0", OF_POWERLESS, STRANGER, 700, EACCES },
};

static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { 0 };

	if (syscall(SYS_capset, &head, none))
		die("capset: %m");
}

/* Wildcards only, as nothing is up in a new network. */
static void bind_networked(void *arg)
{
	static const char *const owners[] = { "root's", "his own",
					      "his own, given up," };
	const struct networked *row = arg;

	if (row->network != OF_ROOT && !own_user_namespace(CLONE_NEWNET, NULL))
		return;
	if (row->network == OF_POWERLESS)
		drop_capabilities();
	for (int style = 0; style < SCTP_STYLES; style++)
		check_errno(sctp_try(FAMILY_V6, style, "::", row->port),
			    row->error,
			    "scope %s, strict %s, %s in %s network, port %u",
			    row->scope, row->strict,
			    sctp_people[row->person].name,
			    owners[row->network], row->port);
}

static void enter_network(void *arg)
{
	const struct networked *row = arg;

	if (unshare(CLONE_NEWNET))
		die("unshare: %m");
	sctp_as(row->person, bind_networked, arg);
}

void sctp_network_run(void)
{
	if (!sctp_wanted())
		return;
	must_upload("allow user 61001 700,8444/sctp\n"
		    "reserve 8444/sctp\n");
	for (size_t i = 0; i < ARRAY_SIZE(networked); i++) {
		struct networked row = networked[i];

		must_write("scope", row.scope);
		must_write("strict", row.strict);
		if (row.network == OF_ROOT)
			in_child(enter_network, &row);
		else
			sctp_as(row.person, bind_networked, &row);
	}
}
