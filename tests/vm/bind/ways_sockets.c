// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "ways_sockets.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"

void act_as(uid_t uid)
{
	/* From one user to the next is by way of root. */
	if ((uid && geteuid() && seteuid(0)) || seteuid(uid))
		die("becoming user %u: %m", uid);
}

#define SYSCTLS 8

static struct {
	char path[128];
	char old[4096];
} sysctls[SYSCTLS];
static size_t sysctl_count;
static pid_t sysctl_owner;

/* A child that dies must not undo what its parent goes on with. */
static void restore_at_exit(void)
{
	if (getpid() == sysctl_owner)
		sysctls_restore();
}

void sysctl_set(const char *name, const char *value)
{
	char path[sizeof(sysctls[0].path)];
	size_t i = 0;
	int error;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	while (i < sysctl_count && strcmp(sysctls[i].path, path))
		i++;
	if (i == SYSCTLS)
		die("too many sysctls");
	if (i == sysctl_count) {
		error = file_read(path, sysctls[i].old,
				  sizeof(sysctls[i].old));
		if (error)
			die("%s: %s", path, errno_name(error));
		strcpy(sysctls[i].path, path);
		if (!sysctl_count++) {
			sysctl_owner = getpid();
			atexit(restore_at_exit);
		}
	}
	/* A list is emptied with a line, as a write of nothing is none. */
	error = file_write(path, *value ? value : "\n",
			   *value ? strlen(value) : 1);
	if (error)
		die("%s to '%s': %s", path, value, errno_name(error));
}

void sysctls_restore(void)
{
	act_as(0);
	while (sysctl_count) {
		const char *old = sysctls[--sysctl_count].old;
		const char *path = sysctls[sysctl_count].path;
		int error = file_write(path, *old ? old : "\n",
				       *old ? strlen(old) : 1);

		check_errno(error, 0, "%s back to '%s'", path, old);
	}
}

bool load_module(const char *name)
{
	char *argv[] = { "modprobe", "-q", (char *)name, NULL };
	char *envp[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	int error, status;
	pid_t pid;

	error = posix_spawn(&pid, "/sbin/modprobe", NULL, NULL, argv, envp);
	if (error)
		die("modprobe: %s", errno_name(error));
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid: %m");
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? errno : 0;
}

void must_set(int fd, int level, int name, int value)
{
	int error = set_option(fd, level, name, value);

	if (error)
		die("socket option %d:%d: %s", level, name, errno_name(error));
}

void close_at_once(int fd)
{
	const struct linger linger = { .l_onoff = 1 };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
		die("SO_LINGER: %m");
	close(fd);
}

int connect_errno(int fd, const union sockaddr_any *to, socklen_t length)
{
	return connect(fd, &to->sa, length) ? errno : 0;
}

int listen_errno(int fd)
{
	return listen(fd, 8) ? errno : 0;
}

unsigned long long binds_judged(void)
{
	struct counters now;

	counters_take(&now);
	return now.value[GRANTED] + now.value[DENIED_RULE] +
	       now.value[DENIED_RESERVED] + now.value[DENIED_STRICT] +
	       now.value[PASSED];
}
