// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "model.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

bool model_in_force;
bool model_refusing;

/* Each uid has rules of one sort only, so that no case hides another. */
const struct rule model_rules[] = {
	{ .kind = RULE_USER, .id = UID_GRANTED, .ports = { { 443, 443 } } },
	{ .kind = RULE_GROUP, .id = GID_GRANTED, .ports = { { 443, 443 } } },
	{ .kind = RULE_GROUP, .id = GID_GRANTED,
	  .ports = { { 25, 25 }, { 465, 465 }, { 587, 587 } },
	  .proto = RULE_TCP },
	{ .kind = RULE_USER, .id = UID_PORTS,
	  .ports = { { 80, 80 }, { 100, 103 }, { 110, 110 } } },
	{ .kind = RULE_USER, .id = UID_TRANSPORT, .ports = { { 500, 505 } },
	  .proto = RULE_TCP },
	{ .kind = RULE_USER, .id = UID_TRANSPORT, .ports = { { 503, 510 } },
	  .proto = RULE_UDP },
	{ .kind = RULE_USER, .id = UID_ENDS,
	  .ports = { { 1, 1 }, { 1023, 1023 } } },
	{ .kind = RULE_ANY, .ports = { { 700, 700 } } },
	{ .kind = RULE_ANY, .ports = { { 701, 702 } }, .proto = RULE_UDP },
	{ .kind = RULE_EACH, .id = UID_EACH_FIRST, .id_last = UID_EACH_LAST,
	  .ports = { { 200 } }, .each_count = 3 },
	{ .kind = RULE_EACH, .id = UID_EACH_ONE, .id_last = UID_EACH_ONE,
	  .ports = { { 300 } }, .each_count = 1, .proto = RULE_TCP },
	/* The last port that there is. */
	{ .kind = RULE_EACH, .id = 61300, .id_last = 61301,
	  .ports = { { 65532 } }, .each_count = 2 },
	{ .kind = RULE_USER, .id = 0, .ports = { { PORT_ROOT, PORT_ROOT } } },
	{ .kind = RULE_USER, .id = UID_HIGHEST, .ports = { { 445, 445 } } },
	{ .kind = RULE_EACH, .id = UID_HIGHEST - 1, .id_last = UID_HIGHEST,
	  .ports = { { 446 } }, .each_count = 2 },
	{ .kind = RULE_USER, .id = UID_CONTAINER, .ports = { { 443, 443 } } },
	{ .kind = RULE_ANY, .ports = { { PORT_DENIED, PORT_DENIED } } },
	{ .action = RULE_DENY, .kind = RULE_USER, .id = UID_OTHER,
	  .ports = { { PORT_DENIED, PORT_DENIED } } },
	{ .action = RULE_RESERVE, .kind = RULE_ANY,
	  .ports = { { PORT_RESERVED, PORT_RESERVED } } },
	{ .kind = RULE_USER, .id = UID_GRANTED,
	  .ports = { { PORT_RESERVED, PORT_RESERVED } } },
};
const size_t model_rule_count = ARRAY_SIZE(model_rules);

static size_t range_count(const struct rule *rule)
{
	size_t count = 0;

	while (count < RULE_RANGES && rule->ports[count].first)
		count++;
	return count;
}

size_t model_range_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < model_rule_count; i++)
		count += range_count(&model_rules[i]);
	return count;
}

static size_t rule_text(const struct rule *rule, char *out, size_t size)
{
	static const char *const actions[] = { "allow", "deny", "reserve" };
	static const char *const suffix[] = { "", "/tcp", "/udp" };
	size_t n = 0;

#define ADD(...) (n += snprintf(out + n, size - n, __VA_ARGS__))
	ADD("%s ", actions[rule->action]);
	switch (rule->kind) {
	case RULE_USER:
		ADD("user %u ", rule->id);
		break;
	case RULE_GROUP:
		ADD("group %u ", rule->id);
		break;
	case RULE_ANY:
		if (rule->action != RULE_RESERVE)
			ADD("any ");
		break;
	case RULE_EACH:
		ADD("each %u-%u %u+%u%s\n", rule->id, rule->id_last,
		    rule->ports[0].first, rule->each_count,
		    suffix[rule->proto]);
		return n;
	}
	for (size_t i = 0; i < range_count(rule); i++) {
		const struct port_range *range = &rule->ports[i];

		ADD("%s%u", i ? "," : "", range->first);
		if (range->first != range->last)
			ADD("-%u", range->last);
	}
	ADD("%s\n", suffix[rule->proto]);
#undef ADD
	return n;
}

void model_text(char *buffer, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < model_rule_count; i++)
		n += rule_text(&model_rules[i], buffer + n, size - n);
	if (n >= size)
		die("the rules take more than %zu bytes", size);
}

static bool covers(enum rule_proto proto, enum transport transport)
{
	switch (proto) {
	case RULE_ALL:
		return true;
	case RULE_TCP:
		return transport == TRANSPORT_TCP ||
		       transport == TRANSPORT_MPTCP;
	case RULE_UDP:
		return transport == TRANSPORT_UDP ||
		       transport == TRANSPORT_UDPLITE;
	}
	return false;
}

static bool in_group(const struct subject *subject, gid_t gid)
{
	if (subject->egid == gid)
		return true;
	for (size_t i = 0; i < subject->group_count; i++)
		if (subject->groups[i] == gid)
			return true;
	return false;
}

static bool matches(const struct rule *rule, const struct subject *subject,
		    enum transport transport, uint16_t port)
{
	uint32_t first;

	if (!covers(rule->proto, transport))
		return false;
	switch (rule->kind) {
	case RULE_EACH:
		if (subject->euid < rule->id || subject->euid > rule->id_last)
			return false;
		first = rule->ports[0].first +
			rule->each_count * (subject->euid - rule->id);
		return port >= first && port < first + rule->each_count;
	case RULE_USER:
		if (subject->euid != rule->id)
			return false;
		break;
	case RULE_GROUP:
		if (!in_group(subject, rule->id))
			return false;
		break;
	case RULE_ANY:
		break;
	}
	for (size_t i = 0; i < range_count(rule); i++)
		if (port >= rule->ports[i].first && port <= rule->ports[i].last)
			return true;
	return false;
}

static bool any_matches(int action, const struct subject *subject,
			enum transport transport, uint16_t port)
{
	for (size_t i = 0; i < model_rule_count; i++)
		if ((int)model_rules[i].action == action &&
		    matches(&model_rules[i], subject, transport, port))
			return true;
	return false;
}

bool model_grants(const struct subject *subject, enum transport transport,
		  uint16_t port)
{
	/* In mode permissive a denial counts, although nothing is refused. */
	return model_in_force &&
	       !any_matches(RULE_DENY, subject, transport, port) &&
	       any_matches(RULE_ALLOW, subject, transport, port);
}

int model_expect(const struct subject *subject, enum transport transport,
		 uint16_t port)
{
	if (!port || subject->capable)
		return 0;
	if (model_grants(subject, transport, port))
		return 0;
	if (port < PRIVILEGED_PORTS)
		return EACCES;
	return model_refusing &&
			       (any_matches(RULE_DENY, subject, transport,
					    port) ||
				any_matches(RULE_RESERVE, subject, transport,
					    port)) ?
		       EACCES :
		       0;
}

void subject_become(const struct subject *subject)
{
	if (setgroups(subject->group_count, subject->groups) ||
	    setresgid(subject->rgid, subject->egid, subject->sgid) ||
	    setresuid(subject->ruid, subject->euid, subject->suid))
		die("becoming '%s': %m", subject->name);
}

struct subject subject_user(const char *name, uid_t uid)
{
	return (struct subject){
		.name = name,
		.ruid = uid, .euid = uid, .suid = uid,
		.rgid = GID_OTHER, .egid = GID_OTHER, .sgid = GID_OTHER,
	};
}
