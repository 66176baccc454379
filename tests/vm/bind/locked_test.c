// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locked: nothing changes any more until the next boot. Run as root in a
 * machine of its own, with the module loaded; leaves it locked:
 *     locked_test
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "model.h"
#include "sockets.h"

#define POLICY "allow user 61001 443\nreserve 5432\ndeny any 445\n"

static const struct {
	const char *file;
	const char *text;
} writes[] = {
	{ "add", "allow user 61009 80\n" },
	{ "add", "allow user 61001 443\n" },
	{ "add", "nonsense\n" },
	{ "remove", "reserve 5432\n" },
	{ "remove", "allow user 61001 443\n" },
	{ "policy", "begin 12 abc\n" },
	{ "policy", "begin 0 abc\n" },
	{ "policy", "chunk abc 0\nallow any 1\n" },
	{ "policy", "commit abc 00000000\n" },
	{ "policy", "abort abc\n" },
	{ "mode", "off\n" },
	{ "mode", "permissive\n" },
	{ "mode", "enforce\n" },
	{ "strict", "0\n" },
	{ "strict", "1\n" },
	{ "scope", "all\n" },
	{ "scope", "init\n" },
	{ "locked", "0\n" },
	{ "locked", "0" },
	{ "locked", "1\n" },
};

static void check_binds(const char *when)
{
	struct subject granted = subject_user("granted", UID_GRANTED);
	struct subject other = subject_user("other", UID_OTHER);

	for (int f = 0; f < FAMILIES; f++) {
		check_errno(plain_bind_as(&granted, TRANSPORT_TCP, f, 443), 0,
			    "%s: granted", when);
		check_errno(plain_bind_as(&other, TRANSPORT_UDP, f, 443),
			    EACCES, "%s: a stranger", when);
		check_errno(plain_bind_as(&other, TRANSPORT_TCP, f, 5432),
			    EACCES, "%s: reserved", when);
		check_errno(plain_bind_as(&granted, TRANSPORT_UDP, f, 445),
			    EACCES, "%s: denied", when);
		check_errno(plain_bind_as(&other, TRANSPORT_TCP, f, 8080), 0,
			    "%s: ungoverned", when);
	}
}

int main(void)
{
	char text[256], *before, *after;
	unsigned long long generation;
	struct counters old, more = { .value = { [GRANTED] = 1 } };
	struct subject granted = subject_user("granted", UID_GRANTED);
	int error, fd;

	harness_start();
	group_begin("locked");
	if (!sysfs_present())
		die("the module is not loaded");
	must_upload(POLICY);
	sysfs_read("locked", text, sizeof(text));
	check(!strcmp(text, "0\n"), "locked is '%s' at first", text);
	check_binds("before");
	/* An upload under way, and files that were opened before. */
	check_errno(upload_begin("early", 12), 0, "an early upload");
	fd = open(SYSFS "mode", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		die("mode: %m");
	generation = sysfs_number("generation");
	check_errno(sysfs_write("locked", "1\n"), 0, "locking");
	sysfs_read("locked", text, sizeof(text));
	check(!strcmp(text, "1\n"), "locked is '%s'", text);
	check(sysfs_number("generation") == generation + 1,
	      "generation %llu after %llu", sysfs_number("generation"),
	      generation);
	before = policy_rules();

	for (size_t i = 0; i < ARRAY_SIZE(writes); i++) {
		check_errno(sysfs_write(writes[i].file, writes[i].text), EROFS,
			    "%s '%.*s'", writes[i].file,
			    (int)strcspn(writes[i].text, "\n"), writes[i].text);
		sysfs_read("error", text, sizeof(text));
		check(strstr(text, "locked"), "%s: error says '%s'",
		      writes[i].file, text);
	}
	check_errno(upload_chunk("early", 0, "allow any 1\n", 12), EROFS,
		    "a chunk of the early upload");
	check_errno(upload_commit("early", upload_sum("allow any 1\n", 12)),
		    EROFS, "the commit of the early upload");
	check_errno(write(fd, "off", 3) < 0 ? errno : 0, EROFS,
		    "mode, opened before");
	close(fd);

	after = policy_rules();
	check(!strcmp(before, after), "the policy is '%s'", after);
	check(sysfs_number("generation") == generation + 1,
	      "generation %llu after %llu", sysfs_number("generation"),
	      generation);
	sysfs_read("mode", text, sizeof(text));
	check(!strcmp(text, "enforce\n"), "mode is '%s'", text);
	sysfs_read("strict", text, sizeof(text));
	check(!strcmp(text, "0\n"), "strict is '%s'", text);
	sysfs_read("scope", text, sizeof(text));
	check(!strcmp(text, "init\n"), "scope is '%s'", text);
	sysfs_read("locked", text, sizeof(text));
	check(!strcmp(text, "1\n"), "locked is '%s'", text);

	error = syscall(SYS_delete_module, "portacl", O_NONBLOCK) ? errno : 0;
	check(error, "the module can be unloaded");
	check(sysfs_present(), "the module's files are gone");
	check_binds("after");
	/* What is counted goes on. */
	counters_take(&old);
	check_errno(plain_bind_as(&granted, TRANSPORT_TCP, FAMILY_V4, 443), 0,
		    "granted");
	counters_check(&old, &more, "counters of a locked policy");
	free(before);
	free(after);
	group_end();
	return harness_finish();
}
