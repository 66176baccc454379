/* SPDX-License-Identifier: GPL-2.0-only */
/* Changing the policy and the settings, and what the module counts. */
#ifndef PORTACL_TEST_CONTROL_H
#define PORTACL_TEST_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sockets.h"

/* Writes to a sysfs file, which must succeed, or the test ends. */
void must_write(const char *name, const char *text);

/*
 * The upload of a policy, see module/uapi/portacl.h. Each is one write to the
 * file, newly opened; 0 or a positive errno.
 */
uint32_t upload_sum(const char *data, size_t size);
int upload_begin(const char *nonce, size_t length);
int upload_chunk(const char *nonce, size_t offset, const char *data,
		 size_t size);
int upload_commit(const char *nonce, uint32_t sum);
int upload_abort(const char *nonce);
/* How many bytes a chunk may carry at this offset. */
size_t upload_room(const char *nonce, size_t offset);
/* begin and all the chunks; what is left is to commit. */
int upload_all(const char *nonce, const char *data, size_t size);
/* The whole of it, under a nonce of its own. */
int upload(const char *data, size_t size);
void must_upload(const char *text);
/* No rule, mode enforce, not strict, scope init: as after loading. */
void reset(void);

/* The whole policy, to be freed; NULL with *error set. */
char *policy_read(int *error);
/* The same without comments, so that it can be uploaded or compared. */
char *policy_rules(void);
/* How many binds a rule has decided; -1 when it is not there. */
long long rule_hits(const char *rule);

enum counter {
	GRANTED,
	DENIED_RULE,
	DENIED_RESERVED,
	DENIED_STRICT,
	PERMISSIVE,
	NO_RULE,
	PASSED,
	COUNTERS,
};

extern const char *const counter_names[COUNTERS];

struct counters {
	unsigned long long value[COUNTERS];
};

void counters_take(struct counters *counters);
/* One case: whether exactly this much has come since. */
bool counters_check(const struct counters *old, const struct counters *more,
		    const char *what);

/* Makes this process the subject, with CAP_NET_BIND_SERVICE if capable. */
void actor_become(const struct subject *actor);
/* One bind in a child that is the subject: 0 or a positive errno. */
int bind_as(const struct subject *actor, enum transport transport,
	    const char *address, uint16_t port);
int plain_bind_as(const struct subject *actor, enum transport transport,
		  enum family family, uint16_t port);

/* What the kernel log has said since. */
struct kernel_log {
	int fd;
};

void kernel_log_open(struct kernel_log *log);
/* The next line, without its head; false when there is none until then. */
bool kernel_log_line(struct kernel_log *log, char *line, size_t size,
		     long long deadline);
void kernel_log_close(struct kernel_log *log);

#endif
