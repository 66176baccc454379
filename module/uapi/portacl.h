/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * portacl - what user space may rely on
 *
 * The files are described one by one in doc/ABI-sysfs-portacl.
 */

#ifndef _UAPI_PORTACL_H
#define _UAPI_PORTACL_H

/* Grows when a file changes its meaning; files that are added do not count. */
#define PORTACL_ABI		1

#define PORTACL_SYSFS		"/sys/kernel/portacl"
#define PORTACL_MODULE		"portacl"

/*
 * A write to add or remove holds less than a page: the kernel cuts longer
 * ones, and a cut rule could be a different rule.
 */
#define PORTACL_MAX_WRITE	4095

/* First and last line of the file policy; %llu is the generation. */
#define PORTACL_POLICY_HEAD	"# portacl policy, generation %llu\n"
#define PORTACL_POLICY_TAIL	"# end of generation %llu\n"

#endif /* _UAPI_PORTACL_H */
