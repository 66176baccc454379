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

/*
 * A new policy is written to the file policy in pieces, each one write:
 *
 *	begin LENGTH NONCE\n		the bytes that will follow, and a name
 *	chunk NONCE OFFSET\n...	the next bytes, of which OFFSET came before
 *	commit NONCE CRC32\n		puts the policy in force
 *	abort NONCE\n			drops what was uploaded
 *
 * LENGTH and OFFSET are decimal; NONCE is 1 to 32 letters and digits, chosen
 * anew for each upload; CRC32 is that of RFC 1952 over all bytes, in eight
 * lower-case hexadecimal digits. The limit is that of 1048576 rules of 128
 * bytes each. An upload that rests for the time-out is dropped.
 */
#define PORTACL_MAX_UPLOAD		134217728
#define PORTACL_MAX_NONCE		32
#define PORTACL_UPLOAD_TIMEOUT_S	30

/*
 * Behind each rule of the file policy: %10llu is how many binds it has decided
 * since it was added, 9999999999 for that many or more.
 */
#define PORTACL_POLICY_HITS	" # hits %10llu"

/* First and last line of the file policy; %llu is the generation. */
#define PORTACL_POLICY_HEAD	"# portacl policy, generation %llu\n"
#define PORTACL_POLICY_TAIL	"# end of generation %llu\n"

#endif /* _UAPI_PORTACL_H */
