// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* More lines than these say nothing new. */
#define FAILURE_LINES 25

static struct tally {
	atomic_uint passed;
	atomic_uint failed;
	atomic_uint skipped;
	atomic_uint group_passed;
	atomic_uint group_failed;
	char group[64];
} *tally;

void harness_start(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	strcpy(tally->group, "test");
}

int harness_finish(void)
{
	printf("%u passed, %u failed, %u skipped\n", tally->passed,
	       tally->failed, tally->skipped);
	return tally->failed ? 1 : 0;
}

void group_begin(const char *name)
{
	snprintf(tally->group, sizeof(tally->group), "%s", name);
	tally->group_passed = 0;
	tally->group_failed = 0;
}

void group_end(void)
{
	unsigned int good = tally->group_passed, bad = tally->group_failed;

	if (bad)
		printf("not ok - %s: %u of %u failed\n", tally->group, bad,
		       good + bad);
	else if (good)
		printf("ok - %s: %u cases\n", tally->group, good);
}

static void failure(const char *what, const char *fmt, va_list args)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, args);
	tally->failed++;
	if (++tally->group_failed <= FAILURE_LINES)
		printf("not ok - %s: %s%s\n", tally->group, text, what);
}

static void success(void)
{
	tally->passed++;
	tally->group_passed++;
}

bool check(bool good, const char *fmt, ...)
{
	va_list args;

	if (good) {
		success();
		return true;
	}
	va_start(args, fmt);
	failure("", fmt, args);
	va_end(args);
	return false;
}

bool check_errno(int got, int want, const char *fmt, ...)
{
	char what[96];
	va_list args;

	if (got == want) {
		success();
		return true;
	}
	snprintf(what, sizeof(what), ": got %s, want %s", errno_name(got),
		 errno_name(want));
	va_start(args, fmt);
	failure(what, fmt, args);
	va_end(args);
	return false;
}

static void skipped(unsigned int count, const char *fmt, va_list args)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, args);
	tally->skipped += count;
	printf("ok - %s # SKIP %s\n", tally->group, text);
}

void skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	skipped(1, fmt, args);
	va_end(args);
}

void skip_many(unsigned int count, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	skipped(count, fmt, args);
	va_end(args);
}

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	failure("", fmt, args);
	va_end(args);
	exit(1);
}

const char *errno_name(int error)
{
	const char *name = error ? strerrorname_np(error) : "success";

	return name ? name : "an unknown error";
}

long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

#define PF_SUPERPRIV 0x100

bool used_privilege(void)
{
	char text[1024], *field;
	unsigned int flags;
	int error = file_read("/proc/self/stat", text, sizeof(text));

	if (error)
		die("/proc/self/stat: %s", errno_name(error));
	field = strrchr(text, ')');
	/* state ppid pgrp session tty tpgid flags */
	if (!field || sscanf(field + 1, " %*c %*d %*d %*d %*d %*d %u",
			     &flags) != 1)
		die("/proc/self/stat cannot be understood");
	return flags & PF_SUPERPRIV;
}

static pid_t start_child(void)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork: %m");
	return pid;
}

static int wait_for_child(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid: %m");
	return status;
}

void in_child(void (*fn)(void *arg), void *arg)
{
	pid_t pid = start_child();
	int status;

	if (!pid) {
		fn(arg);
		fflush(stdout);
		_exit(0);
	}
	status = wait_for_child(pid);
	/* A child that called die() has counted its failure. */
	if (WIFSIGNALED(status))
		check(false, "a child was killed by signal %d",
		      WTERMSIG(status));
}

int from_child(int (*fn)(void *arg), void *arg)
{
	pid_t pid = start_child();
	int status;

	if (!pid) {
		status = fn(arg);
		fflush(stdout);
		_exit(status);
	}
	status = wait_for_child(pid);
	if (!WIFEXITED(status))
		die("a child was killed by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

int file_write(const char *path, const void *data, size_t size)
{
	int fd, error = 0;
	ssize_t done;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	done = write(fd, data, size);
	if (done < 0)
		error = errno;
	else if ((size_t)done != size)
		error = EIO;
	close(fd);
	return error;
}

int file_read(const char *path, char *buffer, size_t size)
{
	size_t have = 0;
	ssize_t done;
	int fd, error = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	while (have + 1 < size) {
		done = read(fd, buffer + have, size - 1 - have);
		if (done < 0)
			error = errno;
		if (done <= 0)
			break;
		have += done;
	}
	buffer[have] = '\0';
	close(fd);
	return error;
}

int sysfs_write(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), SYSFS "%s", name);
	return file_write(path, text, strlen(text));
}

void sysfs_read(const char *name, char *buffer, size_t size)
{
	char path[128];
	int error;

	snprintf(path, sizeof(path), SYSFS "%s", name);
	error = file_read(path, buffer, size);
	if (error)
		die("reading %s: %s", path, errno_name(error));
}

unsigned long long sysfs_number(const char *name)
{
	char text[64], *end;
	unsigned long long number;

	sysfs_read(name, text, sizeof(text));
	number = strtoull(text, &end, 10);
	if (end == text || strcmp(end, "\n"))
		die("%s holds no number but '%s'", name, text);
	return number;
}

bool sysfs_present(void)
{
	return access(SYSFS, F_OK) == 0;
}

bool built_in(void)
{
	return sysfs_present() && access("/sys/module/portacl/initstate", F_OK);
}
