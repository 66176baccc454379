// SPDX-License-Identifier: GPL-2.0-only
/* Who a process is: its ids, its program's, its namespaces'. */
#define _GNU_SOURCE
#include "ways.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "maker.h"
#include "standing.h"

/* What the rules are of is one id among many that are not. */
struct ids_case {
	struct subject subject;
	enum standing standing;
	/* For the file system only, and only if not 0. */
	uid_t fsuid;
	gid_t fsgid;
};

#define IDS(r, e, s, rg, eg, sg) \
	.ruid = (r), .euid = (e), .suid = (s), \
	.rgid = (rg), .egid = (eg), .sgid = (sg)
#define U UID_GRANTED
#define G GID_GRANTED
#define O UID_OTHER
#define P GID_OTHER

static const struct ids_case ids_cases[] = {
	{ { "effective uid only", IDS(O, U, O, P, P, P) }, HOLDER, 0, 0 },
	{ { "real uid only", IDS(U, O, O, P, P, P) }, STRANGER, 0, 0 },
	{ { "saved uid only", IDS(O, O, U, P, P, P) }, STRANGER, 0, 0 },
	{ { "file system's uid", IDS(U, O, O, P, P, P) }, STRANGER, U, 0 },
	{ { "all but the file system's uid", IDS(O, U, U, P, P, P) },
	  HOLDER, O, 0 },
	{ { "effective gid only", IDS(O, O, O, P, G, P) }, HOLDER, 0, 0 },
	{ { "real gid only", IDS(O, O, O, G, P, P) }, STRANGER, 0, 0 },
	{ { "saved gid only", IDS(O, O, O, P, P, G) }, STRANGER, 0, 0 },
	{ { "file system's gid", IDS(O, O, O, G, P, P) }, STRANGER, 0, G },
	{ { "all but the file system's gid", IDS(O, O, O, P, G, G) },
	  HOLDER, 0, P },
	{ { "one of the groups", IDS(O, O, O, P, P, P),
	    .groups = { 1, 2, G, 70000 }, .group_count = 4 }, HOLDER, 0, 0 },
	{ { "other groups", IDS(O, O, O, P, P, P),
	    .groups = { 1, 2, G - 1, G + 1 }, .group_count = 4 },
	  STRANGER, 0, 0 },
	{ { "a uid like the granted gid", IDS(G, G, G, P, P, P) },
	  STRANGER, 0, 0 },
	{ { "a gid like the granted uid", IDS(O, O, O, U, U, U),
	    .groups = { U }, .group_count = 1 }, STRANGER, 0, 0 },
	{ { "real uid is root's", IDS(0, O, 0, 0, P, 0) }, STRANGER, 0, 0 },
};

#undef U
#undef G
#undef O
#undef P

static void ids_case(void *arg)
{
	const struct ids_case *ids = arg;

	subject_become(&ids->subject);
	if (ids->fsuid)
		setfsuid(ids->fsuid);
	if (ids->fsgid)
		setfsgid(ids->fsgid);
	if ((ids->fsuid && (uid_t)setfsuid(-1) != ids->fsuid) ||
	    (ids->fsgid && (gid_t)setfsgid(-1) != ids->fsgid))
		die("%s: the ids of the file system do not change",
		    ids->subject.name);
	standing_check_here(ids->standing, ids->subject.name);
}

static void ids_run(void)
{
	standing_policy();
	for (size_t i = 0; i < ARRAY_SIZE(ids_cases); i++)
		in_child(ids_case, (void *)&ids_cases[i]);
}

/* A process is at each bind what it is then. */
struct turn {
	const char *what;
	uid_t euid;
	gid_t egid;
	gid_t group;
	enum standing standing;
};

static const struct turn turns[] = {
	{ "before", UID_OTHER, GID_OTHER, 1, STRANGER },
	{ "seteuid", UID_GRANTED, GID_OTHER, 1, HOLDER },
	{ "seteuid back", UID_OTHER, GID_OTHER, 1, STRANGER },
	{ "setegid", UID_OTHER, GID_GRANTED, 1, HOLDER },
	{ "setegid back", UID_OTHER, GID_OTHER, 1, STRANGER },
	{ "setgroups", UID_OTHER, GID_OTHER, GID_GRANTED, HOLDER },
	{ "setgroups back", UID_OTHER, GID_OTHER, 1, STRANGER },
	{ "seteuid of root", 0, 0, 1, CAPABLE },
};

static void turns_run(void)
{
	standing_policy();
	for (size_t i = 0; i < ARRAY_SIZE(turns); i++) {
		const struct turn *turn = &turns[i];

		if (seteuid(0) || setgroups(1, &turn->group) ||
		    setegid(turn->egid) || seteuid(turn->euid))
			die("%s: %m", turn->what);
		standing_check_here(turn->standing, turn->what);
	}
}

static void set_caps(unsigned int effective, unsigned int permitted,
		     unsigned int inheritable)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = effective, .permitted = permitted,
		  .inheritable = inheritable },
	};

	if (syscall(SYS_capset, &head, data))
		die("capset: %m");
}

#define BIND_SERVICE (1U << CAP_NET_BIND_SERVICE)

enum { NO_NEW_PRIVS = 1, NOSUID = 2, STRICT = 4, AMBIENT = 8, FILE_CAPS = 16 };

/* A program's file, who starts it, and what comes of that. */
struct file_case {
	const char *name;
	uid_t owner;
	gid_t group;
	mode_t mode;
	uid_t starter;
	gid_t starter_group;
	unsigned int flags;
	enum standing standing;
};

static const struct file_case file_cases[] = {
	{ "plain file", UID_GRANTED, GID_GRANTED, 0755,
	  UID_OTHER, GID_OTHER, 0, STRANGER },
	{ "set-uid of the holder, stranger", UID_GRANTED, GID_OTHER, 04755,
	  UID_OTHER, GID_OTHER, 0, HOLDER },
	{ "set-uid of a stranger, holder", UID_OTHER, GID_OTHER, 04755,
	  UID_GRANTED, GID_OTHER, 0, STRANGER },
	{ "set-gid of the holders, stranger", UID_OTHER, GID_GRANTED, 02755,
	  UID_OTHER, GID_OTHER, 0, HOLDER },
	{ "set-gid of a stranger, holder by group", UID_OTHER, GID_OTHER,
	  02755, UID_OTHER, GID_GRANTED, 0, STRANGER },
	{ "set-gid of a stranger, holder by user", UID_OTHER, GID_OTHER,
	  02755, UID_GRANTED, GID_OTHER, 0, HOLDER },
	{ "set-gid without execution is none", UID_OTHER, GID_GRANTED, 02745,
	  UID_OTHER, GID_OTHER, 0, STRANGER },
	{ "set-uid, no new privileges", UID_GRANTED, GID_GRANTED, 06755,
	  UID_OTHER, GID_OTHER, NO_NEW_PRIVS, STRANGER },
	{ "set-uid, no new privileges, holder", UID_OTHER, GID_OTHER, 06755,
	  UID_GRANTED, GID_OTHER, NO_NEW_PRIVS, HOLDER },
	{ "set-uid, file system without", UID_GRANTED, GID_GRANTED, 06755,
	  UID_OTHER, GID_OTHER, NOSUID, STRANGER },
	{ "set-uid root, stranger", 0, 0, 04755,
	  UID_OTHER, GID_OTHER, 0, CAPABLE },
	{ "set-uid root, holder, strict", 0, 0, 04755,
	  UID_GRANTED, GID_OTHER, STRICT, ROOT_STRICT },
	{ "set-uid of the holder, root", UID_GRANTED, GID_OTHER, 04755,
	  0, 0, 0, HOLDER },
	{ "file capability, stranger", UID_OTHER, GID_OTHER, 0755,
	  UID_OTHER, GID_OTHER, FILE_CAPS, CAPABLE },
	{ "file capability, stranger, strict", UID_OTHER, GID_OTHER, 0755,
	  UID_OTHER, GID_OTHER, FILE_CAPS | STRICT, STRANGER },
	{ "file capability, holder, strict", UID_OTHER, GID_OTHER, 0755,
	  UID_GRANTED, GID_OTHER, FILE_CAPS | STRICT, HOLDER },
	{ "file capability, no new privileges", UID_OTHER, GID_OTHER, 0755,
	  UID_OTHER, GID_OTHER, FILE_CAPS | NO_NEW_PRIVS, STRANGER },
	{ "ambient capability, stranger", UID_OTHER, GID_OTHER, 0755,
	  UID_OTHER, GID_OTHER, AMBIENT, CAPABLE },
	{ "ambient capability, stranger, strict", UID_OTHER, GID_OTHER, 0755,
	  UID_OTHER, GID_OTHER, AMBIENT | STRICT, STRANGER },
	{ "ambient capability, holder, strict", UID_OTHER, GID_OTHER, 0755,
	  UID_GRANTED, GID_OTHER, AMBIENT | STRICT, HOLDER },
};

static void prepare_file_case(const void *arg)
{
	const struct file_case *file = arg;
	struct subject starter = subject_user(file->name, file->starter);

	starter.rgid = starter.egid = starter.sgid = file->starter_group;
	if (prctl(PR_SET_KEEPCAPS, !!(file->flags & AMBIENT)))
		die("PR_SET_KEEPCAPS: %m");
	subject_become(&starter);
	if (file->flags & AMBIENT) {
		set_caps(BIND_SERVICE, BIND_SERVICE, BIND_SERVICE);
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE,
			  CAP_NET_BIND_SERVICE, 0, 0))
			die("PR_CAP_AMBIENT_RAISE: %m");
	}
	if (file->flags & NO_NEW_PRIVS &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die("PR_SET_NO_NEW_PRIVS: %m");
}

#define FILES "/tmp"
#define PROGRAM FILES "/program"

static void copy_program(const struct file_case *file, int from)
{
	struct vfs_cap_data caps = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data = { { .permitted = BIND_SERVICE } },
	};
	off_t offset = 0;
	struct stat stat;
	int to;

	unlink(PROGRAM);
	to = open(PROGRAM, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	if (to < 0 || fstat(from, &stat))
		die(PROGRAM ": %m");
	while (offset < stat.st_size)
		if (sendfile(to, from, &offset, stat.st_size - offset) <= 0)
			die("copying the program: %m");
	/* In this order, as each takes away what comes after it. */
	if (fchown(to, file->owner, file->group) || fchmod(to, file->mode))
		die(PROGRAM ": %m");
	if (file->flags & FILE_CAPS &&
	    fsetxattr(to, "security.capability", &caps, sizeof(caps), 0))
		die("security.capability: %m");
	close(to);
}

static void files_run(void)
{
	int from = bind_program_open("bind_list");

	if (from < 0)
		die("bind_list: %s", errno_name(-from));
	/* Seen by this process only, and gone with it. */
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("portacl", FILES, "tmpfs", 0, "mode=0755"))
		die("a tmpfs on " FILES ": %m");
	standing_policy();
	for (size_t i = 0; i < ARRAY_SIZE(file_cases); i++) {
		const struct file_case *file = &file_cases[i];
		struct bind_program program = {
			.prepare = prepare_file_case,
			.arg = file,
		};

		copy_program(file, from);
		if (mount(NULL, FILES, NULL,
			  MS_REMOUNT | MS_BIND |
				  (file->flags & NOSUID ? MS_NOSUID : 0),
			  NULL))
			die("remounting " FILES ": %m");
		must_write("strict", file->flags & STRICT ? "1" : "0");
		program.fd = open(PROGRAM, O_RDONLY | O_CLOEXEC);
		if (program.fd < 0)
			die(PROGRAM ": %m");
		standing_check_program(file->standing, file->name, &program);
		close(program.fd);
	}
}

/* Network and user namespaces, and who a process is in them. */
enum network {
	HOST,
	MADE_BY_ROOT,		/* owned by the first user namespace */
	MADE_INSIDE,		/* owned by that of the process */
};

struct namespace_case {
	const char *name;
	/* No user namespace if NULL. */
	const char *uid_map;
	const char *gid_map;
	/* As seen inside. */
	uid_t uid;
	gid_t gid;
	gid_t group;
	enum network network;
	/* Whether it keeps the capability that it has inside. */
	bool capable;
	/* In one more user namespace, without a map. */
	bool nested;
	/* By scope and strict. */
	enum standing init, init_strict, all, all_strict;
};

#define SAME(standing) standing, standing, standing, standing
#define HOST_MAP "0 0 4294967295"

static const struct namespace_case host_network[] = {
	{ "root inside is the holder outside", "0 61001 1", "0 62009 1",
	  0, 0, 0, HOST, true, false, SAME(HOLDER) },
	{ "root inside is a stranger outside", "0 61009 1", "0 62009 1",
	  0, 0, 0, HOST, true, false, SAME(STRANGER) },
	{ "root inside without capabilities", "0 61001 1", "0 62009 1",
	  0, 0, 0, HOST, false, false, SAME(HOLDER) },
	{ "group 0 inside is the holders' outside", "0 61009 1", "0 62001 1",
	  0, 0, 0, HOST, true, false, SAME(HOLDER) },
	{ "a group inside is the holders' outside", "0 61009 1",
	  "0 62009 1\n5 62001 1", 0, 0, 5, HOST, true, false, SAME(HOLDER) },
	{ "called like the holder inside", "61001 61009 1", "62001 62009 1",
	  UID_GRANTED, GID_GRANTED, GID_GRANTED, HOST, true, false,
	  SAME(STRANGER) },
	{ "a subordinate id of the holder", "0 61001 1\n1 100000 65536",
	  "0 62001 1\n1 100000 65536", 33, 33, 33, HOST, false, false,
	  SAME(STRANGER) },
	{ "root of a range of ids", "0 100000 65536", "0 100000 65536",
	  0, 0, 0, HOST, true, false, SAME(STRANGER) },
	{ "the holder among a range of ids", "0 61000 10", "0 62005 10",
	  1, 0, 0, HOST, false, false, SAME(HOLDER) },
	{ "root inside is root outside", HOST_MAP, HOST_MAP,
	  0, 0, 0, HOST, true, false, SAME(ROOT_STRICT) },
	{ "holder two namespaces down", "0 61001 1", "0 62009 1",
	  0, 0, 0, HOST, true, true, SAME(HOLDER) },
	{ "stranger two namespaces down", "0 61009 1", "0 62009 1",
	  0, 0, 0, HOST, true, true, SAME(STRANGER) },
};

static const struct namespace_case other_networks[] = {
	{ "stranger in root's network", NULL, NULL,
	  UID_OTHER, GID_OTHER, GID_OTHER, MADE_BY_ROOT, false, false,
	  UNJUDGED, UNJUDGED, STRANGER, STRANGER },
	{ "holder in root's network", NULL, NULL,
	  UID_GRANTED, GID_OTHER, GID_OTHER, MADE_BY_ROOT, false, false,
	  UNJUDGED, UNJUDGED, HOLDER, HOLDER },
	{ "root in root's network", NULL, NULL,
	  0, 0, 0, MADE_BY_ROOT, true, false,
	  CAPABLE, CAPABLE, CAPABLE, ROOT_STRICT },
	{ "root inside, stranger, in root's network", "0 61009 1", "0 62009 1",
	  0, 0, 0, MADE_BY_ROOT, true, false,
	  UNJUDGED, UNJUDGED, STRANGER, STRANGER },
	{ "root inside, holder, in root's network", "0 61001 1", "0 62009 1",
	  0, 0, 0, MADE_BY_ROOT, true, false,
	  UNJUDGED, UNJUDGED, HOLDER, HOLDER },
	{ "root inside, stranger, in its network", "0 61009 1", "0 62009 1",
	  0, 0, 0, MADE_INSIDE, true, false,
	  CAPABLE, CAPABLE, CAPABLE, STRANGER },
	{ "root inside, holder, in its network", "0 61001 1", "0 62009 1",
	  0, 0, 0, MADE_INSIDE, true, false,
	  CAPABLE, CAPABLE, CAPABLE, HOLDER },
	{ "holder without capabilities in its network", "0 61001 1",
	  "0 62009 1", 0, 0, 0, MADE_INSIDE, false, false,
	  UNJUDGED, UNJUDGED, HOLDER, HOLDER },
	{ "user inside, stranger, in its network", "0 100000 65536",
	  "0 100000 65536", 33, 33, 33, MADE_INSIDE, false, false,
	  UNJUDGED, UNJUDGED, STRANGER, STRANGER },
	{ "stranger one namespace below its network", "0 61009 1",
	  "0 62009 1", 0, 0, 0, MADE_INSIDE, true, true,
	  UNJUDGED, UNJUDGED, STRANGER, STRANGER },
	{ "holder one namespace below its network", "0 61001 1",
	  "0 62009 1", 0, 0, 0, MADE_INSIDE, true, true,
	  UNJUDGED, UNJUDGED, HOLDER, HOLDER },
};

static bool has_capability(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &head, data))
		die("capget: %m");
	return data[0].effective & BIND_SERVICE;
}

static void must_unshare(int flags)
{
	if (unshare(flags))
		die("unshare %#x: %m", flags);
}

static void pass_on(int fd)
{
	char byte = 0;

	if (write(fd, &byte, 1) != 1)
		die("write: %m");
}

static void wait_for(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		die("the process at the other end is gone");
}

struct pipes {
	int made[2];
	int mapped[2];
};

/* Makes this process the one of the case. */
static void namespace_enter(const struct namespace_case *way,
			    const struct pipes *pipes)
{
	if (way->network == MADE_BY_ROOT)
		must_unshare(CLONE_NEWNET);
	if (way->uid_map) {
		must_unshare(CLONE_NEWUSER);
		pass_on(pipes->made[1]);
		wait_for(pipes->mapped[0]);
	}
	if (way->network == MADE_INSIDE)
		must_unshare(CLONE_NEWNET);
	if (setgroups(1, &way->group) ||
	    setresgid(way->gid, way->gid, way->gid) ||
	    setresuid(way->uid, way->uid, way->uid))
		die("%s: becoming uid %u: %m", way->name, way->uid);
	if (!way->capable)
		set_caps(0, 0, 0);
	if (way->nested)
		must_unshare(CLONE_NEWUSER);
	if (has_capability() != way->capable)
		die("%s: the capability is %sthere", way->name,
		    way->capable ? "not " : "");
}

static void write_map(pid_t pid, const char *name, const char *map)
{
	char path[64];
	int error;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	error = file_write(path, map, strlen(map));
	if (error)
		die("writing '%s' to %s: %s", map, path, errno_name(error));
}

static void namespace_check(const struct namespace_case *way,
			    enum standing standing, const char *settings)
{
	struct pipes pipes;
	char what[128];
	int status;
	pid_t pid;

	if (pipe2(pipes.made, O_CLOEXEC) || pipe2(pipes.mapped, O_CLOEXEC))
		die("pipe: %m");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork: %m");
	if (!pid) {
		close(pipes.made[0]);
		close(pipes.mapped[1]);
		namespace_enter(way, &pipes);
		snprintf(what, sizeof(what), "%s, %s", way->name, settings);
		standing_check_here(standing, what);
		fflush(stdout);
		_exit(0);
	}
	close(pipes.made[1]);
	close(pipes.mapped[0]);
	if (way->uid_map) {
		wait_for(pipes.made[0]);
		write_map(pid, "uid_map", way->uid_map);
		write_map(pid, "gid_map", way->gid_map);
		pass_on(pipes.mapped[1]);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid: %m");
	/* A process that called die() has counted its failure. */
	check(!WIFSIGNALED(status), "%s: killed by signal %d", way->name,
	      WTERMSIG(status));
	close(pipes.made[0]);
	close(pipes.mapped[1]);
}

static void namespaces_check(const struct namespace_case *ways, size_t count,
			     const char *scope, const char *strict)
{
	bool all = !strcmp(scope, "all"), strictly = !strcmp(strict, "1");
	char settings[64];

	snprintf(settings, sizeof(settings), "scope %s%s", scope,
		 strictly ? ", strict" : "");
	must_write("scope", scope);
	must_write("strict", strict);
	for (size_t i = 0; i < count; i++)
		namespace_check(&ways[i],
				all ? strictly ? ways[i].all_strict :
						 ways[i].all :
				strictly ? ways[i].init_strict : ways[i].init,
				settings);
}

static bool have_user_namespaces(void)
{
	if (!access("/proc/self/ns/user", F_OK))
		return true;
	skip("this kernel has no user namespaces");
	return false;
}

static void containers_run(void)
{
	if (!have_user_namespaces())
		return;
	standing_policy();
	namespaces_check(host_network, ARRAY_SIZE(host_network), "init", "0");
	namespaces_check(host_network, ARRAY_SIZE(host_network), "init", "1");
	namespaces_check(host_network, ARRAY_SIZE(host_network), "all", "0");
}

static void network_init_run(void)
{
	if (!have_user_namespaces())
		return;
	standing_policy();
	namespaces_check(other_networks, ARRAY_SIZE(other_networks), "init",
			 "0");
	namespaces_check(other_networks, ARRAY_SIZE(other_networks), "init",
			 "1");
}

static void network_all_run(void)
{
	if (!have_user_namespaces())
		return;
	standing_policy();
	namespaces_check(other_networks, ARRAY_SIZE(other_networks), "all",
			 "0");
	namespaces_check(other_networks, ARRAY_SIZE(other_networks), "all",
			 "1");
}

/*
 * Who makes a user namespace holds every capability over it, and so over the
 * networks that are made in it, without having one in his own.
 */
struct owner_case {
	const char *name;
	uid_t owner;
	uid_t binder;
	enum standing init, all, all_strict;
};

static const struct owner_case owner_cases[] = {
	{ "owner, a stranger", UID_OTHER, UID_OTHER,
	  CAPABLE, CAPABLE, STRANGER },
	{ "owner, the holder", UID_GRANTED, UID_GRANTED,
	  CAPABLE, CAPABLE, HOLDER },
	{ "stranger in the holder's", UID_GRANTED, UID_OTHER,
	  UNJUDGED, STRANGER, STRANGER },
	{ "holder in a stranger's", UID_OTHER, UID_GRANTED,
	  UNJUDGED, HOLDER, HOLDER },
};

static void prepare_owner(const void *arg)
{
	const struct owner_case *way = arg;

	/* The effective uid is the owner. */
	if (seteuid(way->owner))
		die("seteuid: %m");
	must_unshare(CLONE_NEWUSER | CLONE_NEWNET);
}

static int owner_try(void *arg, enum transport transport, enum family family,
		     uint16_t port)
{
	union sockaddr_any any;
	socklen_t length = make_plain_address(&any, family, ADDRESS_WILDCARD,
					      port);
	int fd = maker_socket(arg, transport, family);
	int error = bind_errno(fd, &any, length);

	close(fd);
	return error;
}

struct owner_bind {
	const struct owner_case *way;
	enum standing standing;
	const char *settings;
};

static void owner_run_case(void *arg)
{
	const struct owner_bind *bind = arg;
	struct subject binder = subject_user("binder", bind->way->binder);
	struct maker maker;
	char what[128];

	maker_start(&maker, prepare_owner, bind->way);
	subject_become(&binder);
	snprintf(what, sizeof(what), "%s, %s", bind->way->name, bind->settings);
	standing_check(bind->standing, what, owner_try, &maker);
	maker_end(&maker);
}

static void owner_check(const char *scope, const char *strict)
{
	char settings[64];

	snprintf(settings, sizeof(settings), "scope %s, strict %s", scope,
		 strict);
	must_write("scope", scope);
	must_write("strict", strict);
	for (size_t i = 0; i < ARRAY_SIZE(owner_cases); i++) {
		const struct owner_case *way = &owner_cases[i];
		struct owner_bind bind = { way, way->init, settings };

		if (!strcmp(scope, "all"))
			bind.standing = strict[0] == '1' ? way->all_strict :
							  way->all;
		in_child(owner_run_case, &bind);
	}
}

static int make_namespaces(void *arg)
{
	const uid_t *uid = arg;

	if (seteuid(*uid))
		die("seteuid: %m");
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) ? errno : 0;
}

static void owner_run(void)
{
	uid_t uid = UID_OTHER;
	int error = from_child(make_namespaces, &uid);

	if (error) {
		skip("users may not make namespaces: %s", errno_name(error));
		return;
	}
	standing_policy();
	owner_check("init", "0");
	owner_check("init", "1");
	owner_check("all", "0");
	owner_check("all", "1");
}

/* The capabilities of a container on the host's network. */
#define CAP(name) (1U << CAP_##name)
#define CONTAINER_CAPS \
	(CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) | \
	 CAP(KILL) | CAP(SETGID) | CAP(SETUID) | CAP(SETPCAP) | \
	 CAP(NET_BIND_SERVICE) | CAP(NET_RAW) | CAP(SYS_CHROOT) | CAP(MKNOD) | \
	 CAP(AUDIT_WRITE) | CAP(SETFCAP))

struct caps_case {
	const char *name;
	uid_t uid;
	unsigned int effective;
	unsigned int permitted;
	enum standing lax, strict;
};

static const struct caps_case caps_cases[] = {
	{ "root with this capability only", 0, BIND_SERVICE, BIND_SERVICE,
	  CAPABLE, ROOT_STRICT },
	{ "root with a container's", 0, CONTAINER_CAPS, CONTAINER_CAPS,
	  CAPABLE, ROOT_STRICT },
	{ "root with a container's but this", 0,
	  CONTAINER_CAPS & ~BIND_SERVICE, CONTAINER_CAPS & ~BIND_SERVICE,
	  ROOT_STRICT, ROOT_STRICT },
	{ "root with all but this", 0, ~BIND_SERVICE, ~BIND_SERVICE,
	  ROOT_STRICT, ROOT_STRICT },
	{ "root that could raise it", 0, 0, ~0U, ROOT_STRICT, ROOT_STRICT },
	{ "holder with this capability", UID_GRANTED, BIND_SERVICE,
	  BIND_SERVICE, CAPABLE, HOLDER },
	{ "stranger with this capability", UID_OTHER, BIND_SERVICE,
	  BIND_SERVICE, CAPABLE, STRANGER },
	{ "stranger with a container's", UID_OTHER, CONTAINER_CAPS,
	  CONTAINER_CAPS, CAPABLE, STRANGER },
	{ "stranger with the network's administration", UID_OTHER,
	  CAP(NET_ADMIN) | CAP(SYS_ADMIN), CAP(NET_ADMIN) | CAP(SYS_ADMIN),
	  STRANGER, STRANGER },
};

struct caps_bind {
	const struct caps_case *way;
	bool strict;
};

static void caps_run_case(void *arg)
{
	const struct caps_bind *bind = arg;
	const struct caps_case *way = bind->way;
	struct subject subject = subject_user(way->name, way->uid);
	char what[128];

	if (prctl(PR_SET_KEEPCAPS, 1))
		die("PR_SET_KEEPCAPS: %m");
	subject_become(&subject);
	set_caps(way->effective, way->permitted, 0);
	snprintf(what, sizeof(what), "%s%s", way->name,
		 bind->strict ? ", strict" : "");
	standing_check_here(bind->strict ? way->strict : way->lax, what);
}

static void caps_run(void)
{
	standing_policy();
	for (int strict = 0; strict < 2; strict++) {
		must_write("strict", strict ? "1" : "0");
		for (size_t i = 0; i < ARRAY_SIZE(caps_cases); i++) {
			struct caps_bind bind = { &caps_cases[i], strict };

			in_child(caps_run_case, &bind);
		}
	}
}

const struct way creds_ways[] = {
	{ "creds/ids", "real, effective, saved, file system's, groups",
	  ids_run },
	{ "creds/turns", "a process that changes its ids", turns_run },
	{ "creds/files", "set-uid, set-gid, file and ambient capabilities",
	  files_run },
	{ "creds/capabilities", "the capability, alone and among others",
	  caps_run },
	{ "creds/containers", "user namespaces on the host's network",
	  containers_run },
	{ "creds/network-init", "other networks, scope init",
	  network_init_run },
	{ "creds/network-all", "other networks, scope all", network_all_run },
	{ "creds/network-owner", "who owns a network without being in it",
	  owner_run },
	{ 0 },
};
