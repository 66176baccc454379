/* SPDX-License-Identifier: GPL-2.0-only */
/* What the cases about sockets share. */
#ifndef PORTACL_WAYS_SOCKETS_H
#define PORTACL_WAYS_SOCKETS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>

#include "sockets.h"

/* The older headers lack these. */
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

/*
 * Makes the uid the effective one, with root's capabilities for 0 and none for
 * all others: there is a way back, and a process can be several users in turn.
 */
void act_as(uid_t uid);

/*
 * Changes a file below /proc/sys until sysctls_restore(), which a case calls at
 * its end; one that dies has it called.
 */
void sysctl_set(const char *name, const char *value);
void sysctls_restore(void);

/* Whether the kernel has a module, which it then loads, or has it built in. */
bool load_module(const char *name);

/* setsockopt() of an int: 0 or a positive errno. */
int set_option(int fd, int level, int name, int value);
/* The same, and it dies of an error. */
void must_set(int fd, int level, int name, int value);
/* Closes without leaving anything of a connection behind, as TIME_WAIT. */
void close_at_once(int fd);

int connect_errno(int fd, const union sockaddr_any *to, socklen_t length);
int listen_errno(int fd);

/* How many binds were judged: each counts once, whatever became of it. */
unsigned long long binds_judged(void);

#endif
