// SPDX-License-Identifier: GPL-2.0-only
/* Only CAP_MAC_ADMIN over the machine changes anything, whoever opened. */
#define _GNU_SOURCE
#include "sysfs_test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "model.h"

static const struct {
	const char *file;
	const char *text;
} writes[] = {
	{ "add", "allow user 61009 80\n" },
	{ "remove", "allow user 61001 443\n" },
	{ "mode", "off\n" },
	{ "strict", "1\n" },
	{ "scope", "all\n" },
	{ "policy", "begin 0 access\n" },
	/* The last, as nothing undoes it: never written by who may. */
	{ "locked", "1\n" },
};

#define WRITES ARRAY_SIZE(writes)
#define WRITES_UNDONE (WRITES - 1)

static int open_file(size_t i)
{
	char path[128];

	snprintf(path, sizeof(path), SYSFS "%s", writes[i].file);
	return open(path, O_WRONLY | O_CLOEXEC);
}

static int write_fd(int fd, size_t i)
{
	return write(fd, writes[i].text, strlen(writes[i].text)) < 0 ? errno :
								       0;
}

/* The whole of open and write: 0, or the errno of the one that failed. */
static int open_and_write(size_t i)
{
	int fd = open_file(i), error;

	if (fd < 0)
		return errno;
	error = write_fd(fd, i);
	close(fd);
	return error;
}

static void mac_admin(bool effective, bool permitted)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	const unsigned int bit = 1U << (CAP_MAC_ADMIN - 32);

	if (syscall(SYS_capget, &head, data))
		die("capget: %m");
	data[1].effective &= ~bit;
	data[1].permitted &= ~bit;
	if (effective)
		data[1].effective |= bit;
	if (permitted)
		data[1].permitted |= bit;
	if (syscall(SYS_capset, &head, data))
		die("capset: %m");
}

static void ordinary_user(void *arg)
{
	struct subject other = subject_user("other user", UID_OTHER);
	static const char *const open_to_all[] = {
		"abi", "version", "mode", "policy", "error", "generation",
		"rule_count", "hooks", "strict", "scope", "locked",
		"stats/granted", "stats/denied_rule", "stats/denied_reserved",
		"stats/denied_strict", "stats/permissive", "stats/no_rule",
		"stats/passed",
	};
	char text[8192], path[128];

	(void)arg;
	subject_become(&other);
	for (size_t i = 0; i < WRITES; i++)
		check_errno(open_and_write(i), EACCES, "ordinary user, %s",
			    writes[i].file);
	for (size_t i = 0; i < ARRAY_SIZE(open_to_all); i++) {
		snprintf(path, sizeof(path), SYSFS "%s", open_to_all[i]);
		check_errno(file_read(path, text, sizeof(text)), 0,
			    "ordinary user reads %s", open_to_all[i]);
	}
}

/* What is to be changed with the file's mode is not what counts. */
static void root_without(void *arg)
{
	(void)arg;
	mac_admin(false, true);
	for (size_t i = 0; i < WRITES; i++)
		check_errno(open_and_write(i), EPERM,
			    "root with CAP_MAC_ADMIN permitted only, %s",
			    writes[i].file);
	mac_admin(false, false);
	for (size_t i = 0; i < WRITES; i++)
		check_errno(open_and_write(i), EPERM,
			    "root without CAP_MAC_ADMIN, %s", writes[i].file);
}

static void namespace_root(void *arg)
{
	(void)arg;
	if (unshare(CLONE_NEWUSER))
		die("unshare: %m");
	if (file_write("/proc/self/uid_map", "0 0 1", 5))
		die("uid_map cannot be written");
	for (size_t i = 0; i < WRITES; i++)
		check_errno(open_and_write(i), EPERM,
			    "root of a user namespace, %s", writes[i].file);
}

static void write_all(const int *fds, int want, const char *who)
{
	for (size_t i = 0; i < WRITES; i++)
		check_errno(write_fd(fds[i], i), want, "%s, %s", who,
			    writes[i].file);
}

/* As a set-uid program would be made to: opened by one, written by another. */
static void opened_by_root(void *arg)
{
	struct subject other = subject_user("other user", UID_OTHER);

	subject_become(&other);
	write_all(arg, EPERM, "opened by root, written by an ordinary user");
}

static void opened_by_root_2(void *arg)
{
	mac_admin(false, false);
	write_all(arg, EPERM,
		  "opened by root, written by root without CAP_MAC_ADMIN");
}

static void opened_by_root_3(void *arg)
{
	if (unshare(CLONE_NEWUSER))
		die("unshare: %m");
	write_all(arg, EPERM,
		  "opened by root, written from a user namespace");
}

static void opened_without(void *arg)
{
	int fds[WRITES];

	(void)arg;
	mac_admin(false, true);
	for (size_t i = 0; i < WRITES; i++) {
		fds[i] = open_file(i);
		if (fds[i] < 0) {
			check_errno(errno, EPERM,
				    "opened without CAP_MAC_ADMIN, %s",
				    writes[i].file);
			continue;
		}
	}
	mac_admin(true, true);
	for (size_t i = 0; i < WRITES; i++)
		if (fds[i] >= 0)
			check_errno(write_fd(fds[i], i), EPERM,
				    "opened without CAP_MAC_ADMIN, written with it, %s",
				    writes[i].file);
}

/* The same calls are good with the capability. */
static void capable_root(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < WRITES_UNDONE; i++)
		check_errno(open_and_write(i), 0, "root, %s", writes[i].file);
	must_write("policy", "abort access\n");
	must_write("mode", "enforce\n");
	must_write("strict", "0\n");
	must_write("scope", "init\n");
	must_write("remove", "allow user 61009 80\n");
	must_write("add", "allow user 61001 443\n");
}

/* It is the capability that counts, not the number. */
static void capable_user(void *arg)
{
	struct subject other = subject_user("capable user", UID_OTHER);
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{ .effective = 1U << CAP_DAC_OVERRIDE,
		  .permitted = 1U << CAP_DAC_OVERRIDE },
		{ .effective = 1U << (CAP_MAC_ADMIN - 32),
		  .permitted = 1U << (CAP_MAC_ADMIN - 32) },
	};

	(void)arg;
	if (prctl(PR_SET_KEEPCAPS, 1))
		die("PR_SET_KEEPCAPS: %m");
	subject_become(&other);
	if (syscall(SYS_capset, &head, data))
		die("capset: %m");
	check_errno(sysfs_write("add", "allow user 61009 80\n"), 0,
		    "user with CAP_MAC_ADMIN");
	check_errno(sysfs_write("remove", "allow user 61009 80\n"), 0,
		    "user with CAP_MAC_ADMIN");
}

void access_run(void)
{
	struct snapshot old;
	int fds[WRITES];

	group_begin("permissions");
	must_write("add", "allow user 61001 443\n");
	for (size_t i = 0; i < WRITES; i++) {
		fds[i] = open_file(i);
		if (fds[i] < 0)
			die("%s: %m", writes[i].file);
	}
	snapshot_take(&old);
	in_child(ordinary_user, NULL);
	in_child(root_without, NULL);
	in_child(namespace_root, NULL);
	in_child(opened_by_root, fds);
	in_child(opened_by_root_2, fds);
	in_child(opened_by_root_3, fds);
	in_child(opened_without, NULL);
	snapshot_check(&old, "what was not permitted");
	check(sysfs_number("locked") == 0 && sysfs_number("strict") == 0,
	      "a setting was changed by who may not");
	check_errno(upload_commit("access", 0), ESTALE,
		    "an upload was begun by who may not");
	in_child(capable_root, NULL);
	in_child(capable_user, NULL);
	for (size_t i = 0; i < WRITES; i++)
		close(fds[i]);
	remove_all();
	group_end();
}
