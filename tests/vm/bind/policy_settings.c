// SPDX-License-Identifier: GPL-2.0-only
/* The files strict and scope, and waiting for a change. */
#define _GNU_SOURCE
#include "policy_test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"

static const struct {
	const char *file;
	const char *text;
	const char *reads;	/* NULL: refused */
} writes[] = {
	{ "strict", "1\n", "1\n" },	{ "strict", "0\n", "0\n" },
	{ "strict", "1", "1\n" },	{ "strict", "0", "0\n" },
	{ "strict", "2\n", NULL },	{ "strict", "-1\n", NULL },
	{ "strict", "01\n", NULL },	{ "strict", "yes\n", NULL },
	{ "strict", "y\n", NULL },	{ "strict", "on\n", NULL },
	{ "strict", "\n", NULL },	{ "strict", " 1\n", NULL },
	{ "strict", "1 \n", NULL },	{ "strict", "1\n\n", NULL },
	{ "strict", "1\r\n", NULL },	{ "strict", "10\n", NULL },
	{ "scope", "all\n", "all\n" },	{ "scope", "init\n", "init\n" },
	{ "scope", "all", "all\n" },	{ "scope", "init", "init\n" },
	{ "scope", "ini\n", NULL },	{ "scope", "inits\n", NULL },
	{ "scope", "ALL\n", NULL },	{ "scope", "none\n", NULL },
	{ "scope", "\n", NULL },	{ "scope", "init all\n", NULL },
	{ "scope", " all\n", NULL },	{ "scope", "0\n", NULL },
	{ "mode", "permissive", "permissive\n" },
	{ "mode", "enforce", "enforce\n" },
	/* The only way back from here is a boot: see the group "locked". */
	{ "locked", "0\n", "0\n" },	{ "locked", "2\n", NULL },
	{ "locked", "yes\n", NULL },	{ "locked", "\n", NULL },
	{ "locked", "01\n", NULL },
};

static void values(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(writes); i++) {
		unsigned long long old = sysfs_number("generation");
		const char *want = writes[i].reads, *file = writes[i].file;
		char before[64], after[64], reason[256];
		int length = strcspn(writes[i].text, "\r\n");

		sysfs_read(file, before, sizeof(before));
		check_errno(sysfs_write(file, writes[i].text),
			    want ? 0 : EINVAL, "%s '%.*s'", file, length,
			    writes[i].text);
		sysfs_read(file, after, sizeof(after));
		check(!strcmp(after, want ? want : before),
		      "%s after '%.*s' is '%s'", file, length, writes[i].text,
		      after);
		check(sysfs_number("generation") ==
			      old + (strcmp(before, after) ? 1 : 0),
		      "%s '%.*s': generation %llu after %llu", file, length,
		      writes[i].text, sysfs_number("generation"), old);
		sysfs_read("error", reason, sizeof(reason));
		check(want ? !strcmp(reason, "") || !strcmp(reason, "\n") :
			     strlen(reason) > 5,
		      "%s '%.*s': error says '%s'", file, length,
		      writes[i].text, reason);
	}
}

static int generation_open(void)
{
	int fd = open(SYSFS "generation", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("generation: %m");
	return fd;
}

/* As sysfs has it: a wait is for what changed since the last read. */
static void generation_read(int fd)
{
	char text[64];

	if (lseek(fd, 0, SEEK_SET) || read(fd, text, sizeof(text)) <= 0)
		die("generation: %m");
}

static int generation_wait(int fd, int timeout)
{
	struct pollfd poller = { .fd = fd, .events = POLLPRI };

	return poll(&poller, 1, timeout) == 1 && (poller.revents & POLLPRI);
}

static void polling(void)
{
	static const struct {
		const char *file;	/* NULL: an upload */
		const char *text;
		bool changes;
	} steps[] = {
		{ "add", "deny user 5 5\n", true },
		{ "add", "deny user 5 5\n", false },
		{ "add", "deny user 5\n", false },
		{ "remove", "deny user 5 5\n", true },
		{ "mode", "permissive", true },
		{ "mode", "permissive", false },
		{ "mode", "enforce", true },
		{ "strict", "1", true },
		{ "strict", "1", false },
		{ "strict", "2", false },
		{ "strict", "0", true },
		{ "scope", "all", true },
		{ "scope", "nowhere", false },
		{ "scope", "init", true },
		{ "policy", "begin 3 abc\n", false },
		{ "policy", "abort abc\n", false },
		{ NULL, "reserve 5000\nallow user 5 5000\n", true },
		{ NULL, "reserve 5000\n", true },
		{ NULL, "", true },
	};
	int fd = generation_open();

	generation_read(fd);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		const char *file = steps[i].file;

		check(!generation_wait(fd, 0),
		      "step %zu: poll returns before the change", i + 1);
		if (file)
			sysfs_write(file, steps[i].text);
		else
			must_upload(steps[i].text);
		check(generation_wait(fd, steps[i].changes ? DEADLINE_MS : 0) ==
			      steps[i].changes,
		      "step %zu, %s '%.20s': poll returns %d", i + 1,
		      file ? file : "upload", steps[i].text,
		      !steps[i].changes);
		generation_read(fd);
	}
	close(fd);
}

void settings_run(void)
{
	group_begin("settings");
	values();
	reset();
	polling();
	reset();
	group_end();
}
