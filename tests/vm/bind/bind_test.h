/* SPDX-License-Identifier: GPL-2.0-only */
/* The groups of bind_test; each runs in every phase unless it says so. */
#ifndef PORTACL_BIND_TEST_H
#define PORTACL_BIND_TEST_H

/* Transport x family x address x subject x port. */
void table_run(void);
/* Every privileged port for every subject of a rule. */
void sweep_run(void);

/* The kernel's own answers to odd addresses and sockets. */
void baseline_run(void);
/* Two sockets that want the same port, and sockets without bind. */
void sharing_run(void);

/* Which of a process' ids counts. */
void ids_run(void);
/* User namespaces on the host's network; other network namespaces. */
void namespaces_run(void);

/* Binds that come another way than bind(2) of this ABI. */
void uring_run(void);
void compat_run(void);
/* What a granted bind leaves behind in the process. */
void traces_run(void);

#endif
