// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - what administrators get to see of binds and changes
 */

#include <linux/audit.h>
#include <linux/bitmap.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/in.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/uidgid.h>
#include <net/ip.h>
#include <net/net_namespace.h>

#include "core/format.h"
#include "core/trie.h"
#include "report.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/*
 * A refused program tries again and again, and any program can ask for a
 * privileged port: neither may flood a log, nor hide what others are refused.
 * Audit's queue is long, but who fills it makes others wait.
 */
#define AUDIT_BURST	(50 * DEFAULT_RATELIMIT_BURST)

static struct ratelimit_state logged[] = {
	RATELIMIT_STATE_INIT(refused, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST),
	RATELIMIT_STATE_INIT(no_rule, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST),
};

static struct ratelimit_state audited[] = {
	RATELIMIT_STATE_INIT(refused, DEFAULT_RATELIMIT_INTERVAL, AUDIT_BURST),
	RATELIMIT_STATE_INIT(no_rule, DEFAULT_RATELIMIT_INTERVAL, AUDIT_BURST),
};

/* A line of the kernel log ends at 1024 bytes; rules may be longer. */
#define LOG_LINE	900
#define LOG_RULE	600

/* Too large for the stack of a process that binds, which is not preempted. */
struct scratch {
	struct pacl_rule rule;
	char text[PACL_MAX_RULE_TEXT];
	char address[PACL_MAX_ADDR_TEXT];
	char line[LOG_LINE];
};

static DEFINE_PER_CPU(struct scratch, scratch);

static const char *protocol_name(u16 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_MPTCP:
		return "mptcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_UDPLITE:
		return "udplite";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_DCCP:
		return "dccp";
	default:
		return "unknown";
	}
}

static struct portacl_words words_of(const struct portacl_event *event)
{
	struct scratch *s = this_cpu_ptr(&scratch);
	struct portacl_words words = {
		.verdict = event->verdict == PACL_DEFAULT ?
				   "no_rule" : pacl_verdict_name(event->verdict),
		.protocol = protocol_name(event->protocol),
		.address = s->address,
		.rule = "",
	};

	pacl_format_addr(event->request->addr, s->address, sizeof(s->address));
	if (event->why) {
		pacl_atom_rule(event->why, &s->rule);
		pacl_format(&s->rule, s->text, sizeof(s->text));
		words.rule = s->text;
	}
	return words;
}

/*
 * A program names itself: what could pass for another field is written in
 * hexadecimal, as audit_log_untrustedstring() does, which modules cannot call.
 */
struct comm_text {
	char text[2 * TASK_COMM_LEN + 3];
};

static struct comm_text comm_text(void)
{
	char comm[TASK_COMM_LEN];
	struct comm_text out;
	const char *p;

	get_task_comm(comm, current);
	for (p = comm; *p; p++)
		if (*p == '"' || !isascii(*p) || !isgraph(*p))
			break;
	if (*p)
		snprintf(out.text, sizeof(out.text), "%*phN", (int)strlen(comm),
			 comm);
	else
		snprintf(out.text, sizeof(out.text), "\"%s\"", comm);
	return out;
}

static void log_refusal(const struct portacl_event *event,
			const struct portacl_words *words)
{
	const struct pacl_request *request = event->request;
	struct comm_text comm = comm_text();
	char *line = this_cpu_ptr(&scratch)->line;
	struct audit_buffer *ab;

	scnprintf(line, LOG_LINE,
		  "op=bind verdict=%s permissive=%d rule=\"%.*s\" proto=%s laddr=%s lport=%u uid=%u gid=%u auid=%u pid=%d comm=%s",
		  words->verdict, event->permissive, LOG_RULE, words->rule,
		  words->protocol, words->address, request->port, request->uid,
		  request->gid,
		  from_kuid(&init_user_ns, audit_get_loginuid(current)),
		  task_tgid_nr(current), comm.text);
	if (!audit_enabled) {
		pr_notice("%s: %s\n",
			  event->permissive ? "would be refused" : "refused",
			  line);
		return;
	}
	ab = audit_log_start(audit_context(), GFP_ATOMIC | __GFP_NOWARN,
			     AUDIT_AVC);
	if (!ab)
		return;
	audit_log_format(ab, "lsm=portacl action=%s %s",
			 event->permissive ? "permitted" : "refused", line);
	audit_log_end(ab);
}

/* Before the text is made, which costs more. */
static bool may_log(const struct portacl_event *event)
{
	bool no_rule = event->verdict == PACL_DEFAULT;

	return event->verdict != PACL_GRANT &&
	       ___ratelimit(audit_enabled ? &audited[no_rule] : &logged[no_rule],
			    no_rule ? KBUILD_MODNAME ": no rule" :
				      KBUILD_MODNAME ": refused");
}

void portacl_report_bind(const struct portacl_event *event)
{
	bool log = may_log(event);
	struct portacl_words words;

	if (!log && !portacl_report_wanted())
		return;
	words = words_of(event);
	trace_bind(event, &words);
	if (log)
		log_refusal(event, &words);
}

/* Leaves who did it, which the kernel message and the audit record share. */
static void log_change(int type, const char *message, const char *fields)
{
	struct comm_text comm = comm_text();
	unsigned int auid = from_kuid(&init_user_ns, audit_get_loginuid(current));
	unsigned int uid = from_kuid(&init_user_ns, current_uid());
	struct audit_buffer *ab;

	if (!audit_enabled) {
		pr_info("%s, by auid=%u uid=%u comm=%s\n", message, auid, uid,
			comm.text);
		return;
	}
	ab = audit_log_start(audit_context(), GFP_KERNEL, type);
	if (!ab)
		return;
	audit_log_format(ab, "lsm=portacl %s auid=%u ses=%u uid=%u pid=%d comm=%s res=1",
			 fields, auid, audit_get_sessionid(current), uid,
			 task_tgid_nr(current), comm.text);
	audit_log_end(ab);
}

void portacl_report_rules(const struct portacl_counts *counts)
{
	char message[96], fields[96];

	snprintf(message, sizeof(message),
		 "generation %llu: %u added, %u removed, %u rules in force",
		 counts->generation, counts->added, counts->removed,
		 counts->rules);
	snprintf(fields, sizeof(fields),
		 "op=policy generation=%llu added=%u removed=%u rules=%u",
		 counts->generation, counts->added, counts->removed,
		 counts->rules);
	log_change(AUDIT_MAC_POLICY_LOAD, message, fields);
}

void portacl_report_setting(const char *name, const char *value,
			    u64 generation)
{
	char message[64], fields[64];

	snprintf(message, sizeof(message), "generation %llu: %s %s", generation,
		 name, value);
	snprintf(fields, sizeof(fields), "op=setting generation=%llu %s=%s",
		 generation, name, value);
	log_change(AUDIT_MAC_CONFIG_CHANGE, message, fields);
}

void portacl_report_uncovered(const struct pacl_policy *policy)
{
	const u32 all = (1U << PACL_PROTOS) - 1;
	unsigned long *ports;
	int port, low, high;

	if (!policy->reserve_count)
		return;
	ports = bitmap_zalloc(U16_MAX + 1, GFP_KERNEL);
	if (!ports) {
		pr_warn("no memory to see whether ip_local_reserved_ports covers the reserved ports\n");
		return;
	}
	inet_get_local_port_range(&init_net, &low, &high);
	for (port = low; port <= high; port++)
		if (pacl_find(policy->subject[PACL_NOBODY], 0, all, port) &&
		    !inet_is_local_reserved_port(&init_net, port))
			__set_bit(port, ports);
	if (!bitmap_empty(ports, U16_MAX + 1))
		pr_warn("reserved ports %*pbl lie in ip_local_port_range and not in ip_local_reserved_ports: the kernel may give them to anybody\n",
			U16_MAX + 1, ports);
	bitmap_free(ports);
}
