// SPDX-License-Identifier: GPL-2.0-only
/*
 * Binds everything as everybody and compares the kernel's answer with the
 * documentation. Run as root in a machine of its own:
 *     bind_test before|loaded|rules|after-remove|after-rmmod|quick
 * The caller loads and unloads the module; rules are put in by the phase
 * "rules" and taken out by "after-remove"; "quick" does a part of both. With
 * PORTACL_TEST_INERT=1 the rules are put in and then switched off, unknown to
 * the tests: they must fail.
 */
#define _GNU_SOURCE
#include "bind_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "harness.h"
#include "model.h"

static void all_groups(void)
{
	table_run();
	sweep_run();
	baseline_run();
	sharing_run();
	ids_run();
	namespaces_run();
	uring_run();
	compat_run();
	traces_run();
}

static void need_state(bool present)
{
	if (sysfs_present() != present)
		die("the module is %sloaded", present ? "not " : "");
}

static void need_empty(void)
{
	if (sysfs_number("rule_count"))
		die("there are rules already");
}

static void phase_plain(void)
{
	need_state(false);
	all_groups();
}

static void phase_loaded(void)
{
	need_state(true);
	need_empty();
	all_groups();
}

/* In these modes grants hold, or do not. */
static void phase_modes(void)
{
	static const struct {
		const char *mode;
		bool grants, refuses;
	} modes[] = {
		{ "permissive\n", true, false },
		{ "off\n", false, false },
		{ "enforce", true, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		char now[32];

		group_begin("mode");
		must_write("mode", modes[i].mode);
		sysfs_read("mode", now, sizeof(now));
		check(!strncmp(now, modes[i].mode, strcspn(now, "\n")) &&
			      strcspn(now, "\n") ==
				      strcspn(modes[i].mode, "\n"),
		      "mode is '%s' after writing '%s'", now, modes[i].mode);
		model_in_force = modes[i].grants;
		model_refusing = modes[i].refuses;
		table_run();
		ids_run();
	}
}

static void phase_rules(void)
{
	char text[SYSFS_WRITE_MAX + 1], policy[8192];

	need_state(true);
	need_empty();
	model_text(text, sizeof(text));
	must_write("add", text);

	group_begin("policy");
	sysfs_read("policy", policy, sizeof(policy));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char whole[128];

		snprintf(whole, sizeof(whole), "\n%s #", line);
		check(strstr(policy, whole), "'%s' is not in the policy", line);
	}
	group_end();

	if (getenv("PORTACL_TEST_INERT"))
		must_write("mode", "off\n");
	model_in_force = true;
	model_refusing = true;
	all_groups();
	if (!getenv("PORTACL_TEST_INERT"))
		phase_modes();
}

static void phase_after_remove(void)
{
	char text[SYSFS_WRITE_MAX + 1];

	need_state(true);
	model_text(text, sizeof(text));
	must_write("remove", text);
	need_empty();
	all_groups();
}

static void phase_quick(void)
{
	char text[SYSFS_WRITE_MAX + 1];

	need_state(true);
	need_empty();
	model_text(text, sizeof(text));
	must_write("add", text);
	model_in_force = true;
	model_refusing = true;
	table_run();
	ids_run();
	must_write("remove", text);
	model_in_force = false;
	model_refusing = false;
	table_run();
}

static const struct phase {
	const char *name;
	void (*run)(void);
} phases[] = {
	{ "before", phase_plain },
	{ "loaded", phase_loaded },
	{ "rules", phase_rules },
	{ "after-remove", phase_after_remove },
	{ "after-rmmod", phase_plain },
	{ "quick", phase_quick },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(phases); i++) {
		if (strcmp(argv[1], phases[i].name))
			continue;
		harness_start();
		phases[i].run();
		return harness_finish();
	}
	fprintf(stderr,
		"usage: bind_test before|loaded|rules|after-remove|after-rmmod|quick\n");
	return 2;
}
