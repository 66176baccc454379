// SPDX-License-Identifier: GPL-2.0-only
/*
 * A rule that has ended does not begin again: not when the clock goes back, and
 * not when the same policy is uploaded once more.
 */
#define _GNU_SOURCE
#include "policy_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "model.h"
#include "sockets.h"

enum { SECONDS = 2, UID_DENIED = 61402 };

static struct subject granted, denied;

static int granted_bind(void)
{
	return plain_bind_as(&granted, TRANSPORT_TCP, FAMILY_V4, 443);
}

static int denied_bind(void)
{
	return plain_bind_as(&denied, TRANSPORT_UDP, FAMILY_V6, 9443);
}

static void check_ended(const char *when)
{
	check_errno(granted_bind(), EACCES, "%s: an allow that has ended",
		    when);
	check_errno(denied_bind(), 0, "%s: a deny that has ended", when);
}

static void set_wall(const struct timespec *wall)
{
	if (clock_settime(CLOCK_REALTIME, wall))
		die("setting the clock: %m");
}

/* Either may end first, as their seconds need not begin together. */
static void await_ends(void)
{
	long long deadline = now_ms() + DEADLINE_MS;

	while (granted_bind() != EACCES || denied_bind())
		if (now_ms() > deadline)
			die("the rules do not end");
}

void ends_run(void)
{
	struct timespec start, back, boot_start, boot;
	char policy[256], *listing;
	int error;

	group_begin("ends");
	granted = subject_user("granted user", UID_GRANTED);
	denied = subject_user("denied user", UID_DENIED);
	clock_gettime(CLOCK_REALTIME, &start);
	clock_gettime(CLOCK_BOOTTIME, &boot_start);
	snprintf(policy, sizeof(policy),
		 "allow user %u 443 until %lld\ndeny user %u 9443 until %lld\n",
		 UID_GRANTED, (long long)start.tv_sec + SECONDS, UID_DENIED,
		 (long long)start.tv_sec + SECONDS);
	must_write("add", policy);
	check_errno(granted_bind(), 0, "an allow that will end");
	check_errno(denied_bind(), EACCES, "a deny that will end");
	await_ends();
	check_ended("at the end");

	back = start;
	back.tv_sec -= 1000;
	set_wall(&back);
	check_ended("with the clock set back");
	check_errno(sysfs_write("add", policy), 0, "adding them once more");
	check_ended("added once more");
	must_write("mode", "permissive");
	must_write("mode", "enforce");
	check_ended("after a change of mode");
	must_write("add", "allow user 5 5\n");
	check_ended("after another rule");
	listing = policy_read(&error);
	if (!listing)
		die("policy: %s", errno_name(error));
	check_errno(upload(listing, strlen(listing)), 0, "uploading the listing");
	check_ended("uploaded as listed");
	check_errno(upload(policy, strlen(policy)), 0, "uploading the rules");
	check_ended("uploaded once more");
	free(listing);

	clock_gettime(CLOCK_BOOTTIME, &boot);
	start.tv_sec += boot.tv_sec - boot_start.tv_sec;
	set_wall(&start);
	reset();
	group_end();
}
