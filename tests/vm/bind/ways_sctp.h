/* SPDX-License-Identifier: GPL-2.0-only */
/* The cases of SCTP, by what they are about, and who binds in them. */
#ifndef PORTACL_WAYS_SCTP_H
#define PORTACL_WAYS_SCTP_H

#include "model.h"
#include "sockets.h"

enum person { OWNER, STRANGER, MEMBER, EFFECTIVE, ROOT, PEOPLE };

/* ROOT is uid 0 with no capability but CAP_NET_BIND_SERVICE. */
extern const struct subject sctp_people[PEOPLE];

/*
 * Runs fn(arg) as one of them, in a process that has not used a capability: the
 * one that became him has.
 */
void sctp_as(enum person person, void (*fn)(void *arg), void *arg);
/*
 * Makes this process one of them until the next call, as far as the rules can
 * tell; it must have begun as root.
 */
void sctp_switch(enum person person);

/* Of what family a socket is, and what it is bound to: not always the same. */
struct place {
	enum family family;
	const char *address;
};

/* One letter stands for a bind: '+' is bound, '-' is refused with EACCES. */
int sctp_answer(char letter);

/*
 * A network of its own for the rest of the case, judged like the first one: its
 * settings are gone with it.
 */
void sctp_own_network(void);
/* One of its settings; the name begins below net. */
void sctp_sysctl(const char *name, const char *value);

/* ways_sctp_bind.c */
void sctp_bind_run(void);
void sctp_v6only_run(void);
void sctp_settings_run(void);
void sctp_port_1_run(void);
void sctp_boundary_run(void);
void sctp_prefix_run(void);

/* ways_sctp_errors.c */
void sctp_errors_run(void);
void sctp_sharing_run(void);

/* ways_sctp_calls.c */
void sctp_counters_run(void);
void sctp_compat_run(void);
void sctp_uring_run(void);

/* ways_sctp_bindx.c */
void sctp_bindx_run(void);
void sctp_bindx_bound_run(void);
void sctp_bindx_inherit_run(void);
void sctp_bindx_remove_run(void);

/* ways_sctp_traffic.c */
void sctp_auto_run(void);
void sctp_connect_run(void);
void sctp_traffic_run(void);
void sctp_peeloff_run(void);
void sctp_asconf_run(void);

/* ways_sctp_creds.c */
void sctp_capability_run(void);
void sctp_threads_run(void);
void sctp_crowd_run(void);
void sctp_user_namespace_run(void);
void sctp_network_run(void);

#endif
