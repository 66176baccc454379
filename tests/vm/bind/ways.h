/* SPDX-License-Identifier: GPL-2.0-only */
/* The named cases of transports_test: every transport, every way to a port. */
#ifndef PORTACL_WAYS_H
#define PORTACL_WAYS_H

/*
 * One case. It runs as root in a process of its own, with the module loaded,
 * no rule, mode enforce, not strict and scope init, and calls skip() where the
 * kernel lacks what it is about. The name is TRANSPORT-OR-WAY/WHAT.
 */
struct way {
	const char *name;
	const char *about;
	void (*run)(void);
};

/* Each ends with an entry without a name. */
extern const struct way sctp_ways[];	/* ways_sctp.c */
extern const struct way inner_ways[];	/* ways_inner.c */
extern const struct way auto_ways[];	/* ways_auto.c */
extern const struct way sharing_ways[];	/* ways_sharing.c */
extern const struct way call_ways[];	/* ways_calls.c */
extern const struct way bpf_ways[];	/* ways_bpf.c */
extern const struct way creds_ways[];	/* ways_creds.c */

#endif
