// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every transport and every way to a port, granted and refused. Run as root in
 * a machine of its own, with the module loaded:
 *     ways_test [--list] [CASE...]
 * CASE is a name, or the first part of names up to a slash. The policy and the
 * settings that were there are put back at the end.
 */
#define _GNU_SOURCE
#include "ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "harness.h"

static const struct way *const all_ways[] = {
	sctp_ways, inner_ways, auto_ways, sharing_ways,
	call_ways, bpf_ways,   creds_ways,
};

static bool is_called(const struct way *way, const char *name)
{
	size_t size = strlen(name);

	return !strncmp(way->name, name, size) &&
	       (!way->name[size] || way->name[size] == '/');
}

static bool is_chosen(const struct way *way, char **names)
{
	for (char **name = names; *name; name++)
		if (is_called(way, *name))
			return true;
	return !*names;
}

/* fn(way) for all that are chosen; whether there was one. */
static bool for_chosen(char **names, void (*fn)(const struct way *way))
{
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(all_ways); i++)
		for (const struct way *way = all_ways[i]; way->name; way++)
			if (is_chosen(way, names)) {
				found = true;
				fn(way);
			}
	return found;
}

static void show(const struct way *way)
{
	printf("%-32s %s\n", way->name, way->about);
}

static void count(const struct way *way)
{
	(void)way;
}

static void run_in_child(void *arg)
{
	const struct way *way = arg;

	way->run();
}

static void run(const struct way *way)
{
	reset();
	group_begin(way->name);
	in_child(run_in_child, (void *)way);
	group_end();
}

static const char *const settings[] = { "mode", "strict", "scope" };

int main(int argc, char **argv)
{
	bool list = argc > 1 && !strcmp(argv[1], "--list");
	char values[ARRAY_SIZE(settings)][64], **names = argv + 1 + list;
	char *rules;

	for (char **name = names; *name; name++) {
		char *one[] = { *name, NULL };

		if (!for_chosen(one, count)) {
			fprintf(stderr, "ways_test: no case '%s'\n", *name);
			return 2;
		}
	}
	if (list)
		return !for_chosen(names, show);
	harness_start();
	rules = policy_rules();
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		sysfs_read(settings[i], values[i], sizeof(values[i]));
	for_chosen(names, run);
	reset();
	must_upload(rules);
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		must_write(settings[i], values[i]);
	free(rules);
	return harness_finish();
}
