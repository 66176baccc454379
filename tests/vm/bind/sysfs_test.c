// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files below /sys/kernel/portacl. Run as root in a machine of its own,
 * with the module loaded and no rule in it.
 */
#define _GNU_SOURCE
#include "sysfs_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

void snapshot_take(struct snapshot *snapshot)
{
	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->generation = sysfs_number("generation");
	snapshot->rules = sysfs_number("rule_count");
	sysfs_read("policy", snapshot->policy, sizeof(snapshot->policy));
}

void snapshot_check(const struct snapshot *old, const char *what)
{
	struct snapshot now;

	snapshot_take(&now);
	check(now.generation == old->generation && now.rules == old->rules &&
		      !strcmp(now.policy, old->policy),
	      "%s: generation %llu, was %llu; %llu rules, were %llu; policy %s",
	      what, now.generation, old->generation, now.rules, old->rules,
	      strcmp(now.policy, old->policy) ? "changed" : "as it was");
}

void remove_all(void)
{
	size_t size = 1 << 20, n = 0;
	char *policy = malloc(size), *part = malloc(SYSFS_WRITE_MAX + 1);

	if (!policy || !part)
		die("malloc: %m");
	sysfs_read("policy", policy, size);
	for (char *line = strtok(policy, "\n"); line;
	     line = strtok(NULL, "\n")) {
		if (*line == '#')
			continue;
		if (n + strlen(line) + 1 > SYSFS_WRITE_MAX) {
			must_write("remove", part);
			n = 0;
		}
		n += sprintf(part + n, "%s\n", line);
	}
	if (n)
		must_write("remove", part);
	if (sysfs_number("rule_count"))
		die("%llu rules remain when all are removed",
		    sysfs_number("rule_count"));
	free(policy);
	free(part);
}

int main(void)
{
	harness_start();
	if (!sysfs_present())
		die("the module is not loaded");
	if (sysfs_number("rule_count"))
		die("there are rules already");
	input_run();
	change_run();
	access_run();
	reading_run();
	return harness_finish();
}
