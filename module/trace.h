/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - the tracepoint portacl:bind
 */

#undef TRACE_SYSTEM
#define TRACE_SYSTEM portacl

#if !defined(PORTACL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define PORTACL_TRACE_H

#include <linux/sched.h>
#include <linux/tracepoint.h>

#include "report.h"

TRACE_EVENT(bind,
	    TP_PROTO(const struct portacl_event *event,
		     const struct portacl_words *words),
	    TP_ARGS(event, words),
	    TP_STRUCT__entry(__string(verdict, words->verdict)
			     __string(rule, words->rule)
			     __string(protocol, words->protocol)
			     __string(address, words->address)
			     __field(u32, uid)
			     __field(u32, gid)
			     __field(u16, family)
			     __field(u16, port)
			     __field(bool, permissive)
			     __array(char, comm, TASK_COMM_LEN)),
	    TP_fast_assign(portacl_assign_str(verdict, words->verdict);
			   portacl_assign_str(rule, words->rule);
			   portacl_assign_str(protocol, words->protocol);
			   portacl_assign_str(address, words->address);
			   __entry->uid = event->request->uid;
			   __entry->gid = event->request->gid;
			   __entry->family = event->family;
			   __entry->port = event->request->port;
			   __entry->permissive = event->permissive;
			   memcpy(__entry->comm, current->comm, TASK_COMM_LEN);),
	    TP_printk("verdict=%s permissive=%d rule=\"%s\" uid=%u gid=%u protocol=%s family=%s address=%s port=%u comm=%s",
		      __get_str(verdict), __entry->permissive, __get_str(rule),
		      __entry->uid, __entry->gid, __get_str(protocol),
		      __print_symbolic(__entry->family, { 2, "inet" },
				       { 10, "inet6" }),
		      __get_str(address), __entry->port, __entry->comm)
);

#endif /* PORTACL_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
