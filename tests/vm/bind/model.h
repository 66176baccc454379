/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a bind should answer: rules and subjects as tables, and the decision
 * read from the documentation. Shares no code with the module.
 */
#ifndef PORTACL_TEST_MODEL_H
#define PORTACL_TEST_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PRIVILEGED_PORTS 1024

/* The subjects; none of these ids need exist on the machine. */
enum {
	UID_GRANTED = 61001,
	UID_OTHER = 61009,
	UID_MEMBER = 61010,	/* granted through a group only */
	UID_PORTS = 61020,
	UID_TRANSPORT = 61021,
	UID_ENDS = 61022,
	UID_EACH_FIRST = 61100,
	UID_EACH_LAST = 61109,
	UID_EACH_ONE = 61200,
	UID_CONTAINER = 100001,
	GID_GRANTED = 62001,
	GID_OTHER = 62009,
};

#define UID_HIGHEST 4294967294U

enum {
	PORT_GRANTED = 443,
	PORT_LOW = 80,
	PORT_HIGH = 8443,
	PORT_ANY = 700,
	PORT_ROOT = 444,
	/* Granted to everybody, denied to UID_OTHER; reserved for UID_GRANTED. */
	PORT_DENIED = 703,
	PORT_RESERVED = 8444,
};

enum transport {
	TRANSPORT_TCP,
	TRANSPORT_UDP,
	TRANSPORT_MPTCP,
	TRANSPORT_UDPLITE,
	TRANSPORT_DCCP,
	TRANSPORT_SCTP,
	TRANSPORTS,
};

enum rule_proto { RULE_ALL, RULE_TCP, RULE_UDP };

struct port_range {
	uint16_t first;
	uint16_t last;
};

#define RULE_RANGES 4

struct rule {
	enum { RULE_ALLOW, RULE_DENY, RULE_RESERVE } action;
	enum { RULE_USER, RULE_GROUP, RULE_ANY, RULE_EACH } kind;
	uint32_t id;
	uint32_t id_last;		/* RULE_EACH */
	uint16_t each_count;		/* RULE_EACH, from ports[0].first */
	struct port_range ports[RULE_RANGES];
	enum rule_proto proto;
};

#define SUBJECT_GROUPS 40

struct subject {
	const char *name;
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;
	gid_t groups[SUBJECT_GROUPS];
	size_t group_count;
	/* Whether the process still holds CAP_NET_BIND_SERVICE. */
	bool capable;
};

extern const struct rule model_rules[];
extern const size_t model_rule_count;

/* The number of what rule_count counts: subjects times port ranges. */
size_t model_range_count(void);

/* Whether model_rules are in force, and refuse, too; set by the phase. */
extern bool model_in_force;
extern bool model_refusing;

/* The rules as text, one a line. */
void model_text(char *buffer, size_t size);

bool model_grants(const struct subject *subject, enum transport transport,
		  uint16_t port);
/* The errno, or 0, of a bind whose address has nothing wrong with it. */
int model_expect(const struct subject *subject, enum transport transport,
		 uint16_t port);

/* Makes this process the subject; for good. */
void subject_become(const struct subject *subject);
/* A plain user whose group grants nothing. */
struct subject subject_user(const char *name, uid_t uid);

#endif
