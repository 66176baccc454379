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
 * What a policy may hold, counted as one subject x one port range x protocol x
 * prefix: a rule with a list of three ports counts three.
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

/* The last second of the year 9999, the last one that ISO 8601 can write. */
#define PACL_MAX_TIME		253402300799ULL

enum pacl_action {
	PACL_ALLOW,
	PACL_DENY,
	PACL_RESERVE,
	PACL_ACTIONS,
};

/* Whom a rule is for; a reservation is for nobody. */
enum pacl_kind {
	PACL_USER,
	PACL_GROUP,
	PACL_ANY,
	PACL_EACH,
	PACL_NOBODY,
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
	PACL_MODES,
};

/* Network namespaces whose sockets are judged: the initial one, or all. */
enum pacl_scope {
	PACL_SCOPE_INIT,
	PACL_SCOPE_ALL,
	PACL_SCOPES,
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
 * struct pacl_addr - an IP address
 * @hi: its first 64 bits, in host byte order
 * @lo: the others
 *
 * An IPv4 address is written as IPv6 does, ::ffff:a.b.c.d (RFC 4291, 2.5.5.2),
 * so that the kernel's own mapped addresses are the same ones.
 */
struct pacl_addr {
	u64 hi;
	u64 lo;
};

#define PACL_ADDR_IPV4(host_order) \
	((struct pacl_addr){ 0, 0xffffULL << 32 | (u32)(host_order) })

static inline bool pacl_addr_is_ipv4(struct pacl_addr addr)
{
	return !addr.hi && addr.lo >> 32 == 0xffff;
}

/* The bits of an address that a prefix of a length, at most 128, keeps. */
static inline struct pacl_addr pacl_addr_cut(struct pacl_addr addr,
					     unsigned int len)
{
	if (len < 64)
		addr.hi &= ~(~(u64)0 >> len);
	if (len <= 64)
		addr.lo = 0;
	else if (len < 128)
		addr.lo &= ~(~(u64)0 >> (len - 64));
	return addr;
}

static inline bool pacl_addr_equal(struct pacl_addr a, struct pacl_addr b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

/**
 * struct pacl_clock - what time it is
 * @wall: seconds since the epoch, as anybody may set them
 * @boot: seconds since boot, suspended ones included, which nobody can set
 */
struct pacl_clock {
	u64 wall;
	u64 boot;
};

/* What the clock since boot will say when the wall clock says @until. */
static inline u64 pacl_deadline(u64 until, struct pacl_clock now)
{
	return until > now.wall ? now.boot + (until - now.wall) : now.boot;
}

/**
 * struct pacl_rule - one rule as it was written, in canonical form
 * @action: enum pacl_action
 * @kind: enum pacl_kind; PACL_NOBODY exactly for PACL_RESERVE
 * @proto: enum pacl_proto
 * @count: how many of @range are used, 1 to PACL_MAX_ITEMS
 * @id: uid or gid; the first uid of a PACL_EACH; 0 for PACL_ANY and PACL_NOBODY
 * @last_id: the last uid of a PACL_EACH, else equal to @id
 * @each: ports that every uid of a PACL_EACH gets, else 0
 * @on: 1 when the rule is for the addresses of a prefix only, else 0
 * @prefix_len: bits of @prefix that count: 0 to 128 for IPv6, 96 to 128 for
 *              IPv4; 0 without @on
 * @prefix: the prefix, all bits that do not count are 0; zeroed without @on
 * @until: seconds since the epoch at which the rule ends, 1 to PACL_MAX_TIME;
 *         0 for never
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
	u8 on;
	u8 prefix_len;
	struct pacl_addr prefix;
	u64 until;
	struct pacl_range range[PACL_MAX_ITEMS];
};

/**
 * struct pacl_request - one bind, as the engine sees it
 * @groups: supplementary groups in ascending order, owned by the caller
 * @group_count: how many
 * @uid: effective uid
 * @gid: effective gid
 * @addr: the local address: all zero is the IPv6 wildcard and counts as both
 *        families, PACL_ADDR_IPV4(0) is the IPv4 wildcard
 * @now: read only while the policy has rules that end
 * @port: the port in host byte order; 0 is never governed
 * @proto: enum pacl_proto
 * @privileged: whether the kernel would ask for CAP_NET_BIND_SERVICE
 *
 * All ids are those of the initial user namespace.
 */
struct pacl_request {
	const u32 *groups;
	u32 group_count;
	u32 uid;
	u32 gid;
	struct pacl_addr addr;
	struct pacl_clock now;
	u16 port;
	u8 proto;
	bool privileged;
};

/* In the order in which they are looked for, but for the first. */
enum pacl_verdict {
	/* No rule applies: the kernel's own rules decide. */
	PACL_DEFAULT,
	/* A deny matches. */
	PACL_DENIED,
	/* An allow matches: the privileged-port check is skipped. */
	PACL_GRANT,
	/* No allow matches, and the port is reserved. */
	PACL_RESERVED,
	/* No allow matches, the port is privileged and the policy strict. */
	PACL_STRICT,
	PACL_VERDICTS,
};

static inline bool pacl_refuses(enum pacl_verdict verdict)
{
	return verdict != PACL_DEFAULT && verdict != PACL_GRANT;
}

#endif /* PACL_RULE_H */
