// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the documentation says of denials, reservations and settings, as far as
 * tests/vectors cannot say it. Run as root in a machine of its own, with the
 * module loaded and no rule in it:
 *     policy_test rules
 * or with the module not loaded:
 *     policy_test unload FILE.ko CYCLES
 */
#define _GNU_SOURCE
#include "policy_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "harness.h"

int main(int argc, char **argv)
{
	harness_start();
	if (argc == 2 && !strcmp(argv[1], "rules")) {
		if (!sysfs_present())
			die("the module is not loaded");
		errors_run();
		refusals_run();
		kernel_binds_run();
		counting_run();
		hits_run();
		ends_run();
		settings_run();
	} else if (argc == 4 && !strcmp(argv[1], "unload")) {
		unload_run(argv[2], atoi(argv[3]));
	} else {
		fprintf(stderr,
			"usage: policy_test rules | unload FILE CYCLES\n");
		return 2;
	}
	return harness_finish();
}
