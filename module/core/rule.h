/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl engine - rules, requests and verdicts
 */

#ifndef PACL_RULE_H
#define PACL_RULE_H

#include "env.h"

/* Items that one rule's port list may hold, as written. */
#define PACL_MAX_ITEMS		64

/*
 * What a policy may hold, counted as one subject x one port range x protocol:
 * a rule with a list of three ports counts three.
 */
#define PACL_MAX_RULES		1048576

/*
 * Rules for each, counted the same: those that cover a port are searched one
 * after the other.
 */
#define PACL_MAX_EACH		1024

/* Room for the canonical text of any rule, with its terminating NUL. */
#define PACL_MAX_RULE_TEXT	1024

/* (uid_t)-1 and (gid_t)-1 mean "no change" to setresuid() and name nobody. */
#define PACL_MAX_ID		4294967294U

enum pacl_action {
	PACL_ALLOW,
};

enum pacl_kind {
	PACL_USER,
	PACL_GROUP,
	PACL_ANY,
	PACL_EACH,
	PACL_KINDS,
};

/*
 * Transports by the port space they take a number from. A rule without a
 * protocol is PACL_PROTO_ANY; so is a request on a transport that has no name
 * in the rule language, which only such rules can match.
 */
enum pacl_proto {
	PACL_PROTO_ANY,
	PACL_PROTO_TCP,
	PACL_PROTO_UDP,
	PACL_PROTO_SCTP,
	PACL_PROTOS,
};

enum pacl_mode {
	PACL_MODE_ENFORCE,
	PACL_MODE_PERMISSIVE,
	PACL_MODE_OFF,
};

/**
 * struct pacl_range - a closed range of ports
 * @lo: first port, 1 to 65535
 * @hi: last port, @lo to 65535
 */
struct pacl_range {
	u16 lo;
	u16 hi;
};

/**
 * struct pacl_rule - one rule as it was written, in canonical form
 * @action: enum pacl_action
 * @kind: enum pacl_kind
 * @proto: enum pacl_proto
 * @count: how many of @range are used, 1 to PACL_MAX_ITEMS
 * @id: uid or gid; the first uid of a PACL_EACH; 0 for PACL_ANY
 * @last_id: the last uid of a PACL_EACH, else equal to @id
 * @each: ports that every uid of a PACL_EACH gets, else 0
 * @range: sorted, neither overlapping nor adjacent; for a PACL_EACH one range,
 *         the ports of all its uids together
 *
 * Two rules are the same rule exactly when all used members are equal.
 */
struct pacl_rule {
	u8 action;
	u8 kind;
	u8 proto;
	u8 count;
	u32 id;
	u32 last_id;
	u16 each;
	struct pacl_range range[PACL_MAX_ITEMS];
};

/**
 * struct pacl_request - one bind, as the engine sees it
 * @groups: supplementary groups in ascending order, owned by the caller
 * @group_count: how many
 * @uid: effective uid
 * @gid: effective gid
 * @port: the port in host byte order; 0 is never governed
 * @proto: enum pacl_proto
 *
 * All ids are those of the initial user namespace.
 */
struct pacl_request {
	const u32 *groups;
	u32 group_count;
	u32 uid;
	u32 gid;
	u16 port;
	u8 proto;
};

enum pacl_verdict {
	/* No rule applies: the kernel's own rules decide. */
	PACL_DEFAULT,
	/* An allow matches: the privileged-port check is skipped. */
	PACL_GRANT,
};

#endif /* PACL_RULE_H */
