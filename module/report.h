/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - what administrators get to see of binds and changes
 */

#ifndef PORTACL_REPORT_H
#define PORTACL_REPORT_H

#include <linux/tracepoint-defs.h>
#include <linux/types.h>

#include "core/policy.h"

/* What became of a bind, as it is counted. */
enum portacl_outcome {
	PORTACL_PASSED,
	PORTACL_GRANTED,
	PORTACL_DENIED_RULE,
	PORTACL_DENIED_RESERVED,
	PORTACL_DENIED_STRICT,
	/* Parts of the passed ones: */
	PORTACL_PERMISSIVE,
	PORTACL_NO_RULE,
	PORTACL_OUTCOMES,
};

/**
 * struct portacl_event - a bind that was judged
 * @request: the bind
 * @why: an atom of the rule that decided, NULL when none did
 * @verdict: the verdict; PACL_DEFAULT for a privileged port that the kernel
 *	     will refuse because no rule grants it
 * @permissive: the verdict is not carried out
 * @family: AF_INET or AF_INET6: that of the socket
 * @protocol: IPPROTO_* of the socket
 */
struct portacl_event {
	const struct pacl_request *request;
	const struct pacl_atom *why;
	enum pacl_verdict verdict;
	bool permissive;
	u16 family;
	u16 protocol;
};

/* The texts of an event, made where they are needed only. */
struct portacl_words {
	const char *verdict;
	const char *protocol;
	const char *address;
	const char *rule;
};

/**
 * portacl_report_bind - trace a decision, and log it unless it is a grant
 * @event: the decision
 *
 * In the context of the process that binds, without preemption. Allocates
 * nothing but the audit record of a refusal, and that without sleeping.
 */
void portacl_report_bind(const struct portacl_event *event);

DECLARE_TRACEPOINT(bind);

/**
 * portacl_report_wanted - whether portacl_report_bind() does anything for a
 * grant
 *
 * Any context; a patched jump.
 */
static __always_inline bool portacl_report_wanted(void)
{
	return tracepoint_enabled(bind);
}

/**
 * struct portacl_counts - what a change did
 * @generation: of the policy that it made
 * @added: rules as written
 * @removed: rules as written
 * @rules: in force now, each range counted as one
 */
struct portacl_counts {
	u64 generation;
	u32 added;
	u32 removed;
	u32 rules;
};

/**
 * portacl_report_rules - record a change of the rules
 * @counts: what it did
 *
 * In the context of the process that made it; may sleep.
 */
void portacl_report_rules(const struct portacl_counts *counts);

/**
 * portacl_report_setting - record a change of a setting
 * @name: its file
 * @value: what it is now
 * @generation: of the policy with the setting
 *
 * In the context of the process that made it; may sleep.
 */
void portacl_report_setting(const char *name, const char *value,
			    u64 generation);

/**
 * portacl_report_uncovered - warn of reserved ports that the kernel hands out
 * @policy: a policy that is about to be, or has been published
 *
 * May sleep. Ports in ip_local_port_range of the initial network namespace that
 * ip_local_reserved_ports does not name are taken by connect(), and by listen()
 * with IP_LOCAL_PORT_RANGE, without a bind.
 */
void portacl_report_uncovered(const struct pacl_policy *policy);

#endif /* PORTACL_REPORT_H */
