// SPDX-License-Identifier: GPL-2.0-only
/*
 * Enables or disables audit, for scripts:
 *     audit_switch 0|1
 * exit status 0, or 1 where that cannot be done.
 */
#include <stdio.h>
#include <string.h>

#include "audit.h"

int main(int argc, char **argv)
{
	int error;

	if (argc != 2 || (strcmp(argv[1], "0") && strcmp(argv[1], "1"))) {
		fprintf(stderr, "usage: audit_switch 0|1\n");
		return 2;
	}
	error = audit_enable(argv[1][0] == '1');
	if (error)
		fprintf(stderr, "audit_switch: %s\n", strerror(error));
	return error ? 1 : 0;
}
