// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"

void must_write(const char *name, const char *text)
{
	int error = sysfs_write(name, text);
	char reason[256];

	if (!error)
		return;
	sysfs_read("error", reason, sizeof(reason));
	die("writing '%.60s' to %s: %s: %s", text, name, errno_name(error),
	    reason);
}

/* RFC 1952, section 8. */
uint32_t upload_sum(const char *data, size_t size)
{
	static uint32_t table[256];
	uint32_t sum = 0xffffffff;

	for (uint32_t i = 0; !table[255] && i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^
				   (table[i] & 1 ? 0xedb88320 : 0);
	}
	for (size_t i = 0; i < size; i++)
		sum = sum >> 8 ^ table[(sum ^ (unsigned char)data[i]) & 0xff];
	return ~sum;
}

int upload_begin(const char *nonce, size_t length)
{
	char text[128];

	snprintf(text, sizeof(text), "begin %zu %s\n", length, nonce);
	return sysfs_write("policy", text);
}

static size_t chunk_head(char *out, size_t size, const char *nonce,
			 size_t offset)
{
	return snprintf(out, size, "chunk %s %zu\n", nonce, offset);
}

size_t upload_room(const char *nonce, size_t offset)
{
	char head[128];

	return SYSFS_WRITE_MAX - chunk_head(head, sizeof(head), nonce, offset);
}

int upload_chunk(const char *nonce, size_t offset, const char *data,
		 size_t size)
{
	char text[8192];
	size_t n = chunk_head(text, sizeof(text), nonce, offset);

	if (n + size > sizeof(text))
		die("a chunk of %zu bytes", size);
	memcpy(text + n, data, size);
	return file_write(SYSFS "policy", text, n + size);
}

int upload_commit(const char *nonce, uint32_t sum)
{
	char text[128];

	snprintf(text, sizeof(text), "commit %s %08x\n", nonce, sum);
	return sysfs_write("policy", text);
}

int upload_abort(const char *nonce)
{
	char text[128];

	snprintf(text, sizeof(text), "abort %s\n", nonce);
	return sysfs_write("policy", text);
}

int upload_all(const char *nonce, const char *data, size_t size)
{
	int error = upload_begin(nonce, size);
	size_t offset = 0;

	while (!error && offset < size) {
		size_t room = upload_room(nonce, offset);

		if (room > size - offset)
			room = size - offset;
		error = upload_chunk(nonce, offset, data + offset, room);
		offset += room;
	}
	return error;
}

int upload(const char *data, size_t size)
{
	static unsigned int count;
	char nonce[33];
	int error;

	snprintf(nonce, sizeof(nonce), "t%dx%u", getpid(), count++);
	error = upload_all(nonce, data, size);
	return error ? error : upload_commit(nonce, upload_sum(data, size));
}

void must_upload(const char *text)
{
	int error = upload(text, strlen(text));
	char reason[256];

	if (!error)
		return;
	sysfs_read("error", reason, sizeof(reason));
	die("uploading '%.60s': %s: %s", text, errno_name(error), reason);
}

void reset(void)
{
	must_upload("");
	must_write("mode", "enforce");
	must_write("strict", "0");
	must_write("scope", "init");
}

char *policy_read(int *error)
{
	int fd = open(SYSFS "policy", O_RDONLY | O_CLOEXEC);
	size_t size = 1 << 16, have = 0;
	char *policy = malloc(size);
	ssize_t got;

	if (fd < 0)
		die("policy: %m");
	while (policy && (got = read(fd, policy + have, size - have - 1)) > 0) {
		have += got;
		if (have + 1 == size)
			policy = realloc(policy, size *= 2);
	}
	if (!policy)
		die("malloc: %m");
	*error = got < 0 ? errno : 0;
	close(fd);
	if (*error) {
		free(policy);
		return NULL;
	}
	policy[have] = '\0';
	return policy;
}

static char *must_read_policy(void)
{
	int error;
	char *policy = policy_read(&error);

	if (!policy)
		die("reading the policy: %s", errno_name(error));
	return policy;
}

char *policy_rules(void)
{
	char *policy = must_read_policy(), *out = policy;

	for (char *line = policy, *next; *line; line = next) {
		size_t rule = strcspn(line, "#\n"), all = strcspn(line, "\n");

		next = line + all + (line[all] == '\n');
		while (rule && line[rule - 1] == ' ')
			rule--;
		if (!rule)
			continue;
		memmove(out, line, rule);
		out += rule;
		*out++ = '\n';
	}
	*out = '\0';
	return policy;
}

long long rule_hits(const char *rule)
{
	char *policy = must_read_policy(), *line = policy;
	size_t size = strlen(rule);
	long long hits = -1;

	while (hits < 0 && line && *line) {
		if (!strncmp(line, rule, size) &&
		    sscanf(line + size, " # hits %lld", &hits) == 1)
			break;
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	free(policy);
	return hits;
}

const char *const counter_names[COUNTERS] = {
	[GRANTED] = "granted",
	[DENIED_RULE] = "denied_rule",
	[DENIED_RESERVED] = "denied_reserved",
	[DENIED_STRICT] = "denied_strict",
	[PERMISSIVE] = "permissive",
	[NO_RULE] = "no_rule",
	[PASSED] = "passed",
};

void counters_take(struct counters *counters)
{
	for (int i = 0; i < COUNTERS; i++) {
		char name[64];

		snprintf(name, sizeof(name), "stats/%s", counter_names[i]);
		counters->value[i] = sysfs_number(name);
	}
}

bool counters_check(const struct counters *old, const struct counters *more,
		    const char *what)
{
	char text[256] = "";
	struct counters now;
	size_t n = 0;

	counters_take(&now);
	for (int i = 0; i < COUNTERS; i++) {
		unsigned long long got = now.value[i] - old->value[i];

		if (got != more->value[i])
			n += snprintf(text + n, sizeof(text) - n,
				      ", %s: %lld more, want %llu",
				      counter_names[i], (long long)got,
				      more->value[i]);
	}
	return check(!n, "%s%s", what, text);
}

void actor_become(const struct subject *actor)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { 0 };

	if (prctl(PR_SET_KEEPCAPS, 1))
		die("PR_SET_KEEPCAPS: %m");
	subject_become(actor);
	if (actor->capable) {
		data[0].effective = 1U << CAP_NET_BIND_SERVICE;
		data[0].permitted = 1U << CAP_NET_BIND_SERVICE;
	}
	if (syscall(SYS_capset, &head, data))
		die("capset: %m");
}

struct bind_asked {
	const struct subject *actor;
	enum transport transport;
	const char *address;
	uint16_t port;
};

static int bind_asked(void *arg)
{
	const struct bind_asked *asked = arg;
	union sockaddr_any any;
	socklen_t length;
	int fd;

	actor_become(asked->actor);
	length = make_address(&any, asked->address, asked->port);
	fd = need_socket(asked->transport,
			 any.sa.sa_family == AF_INET ? FAMILY_V4 : FAMILY_V6);
	return bind_errno(fd, &any, length);
}

int bind_as(const struct subject *actor, enum transport transport,
	    const char *address, uint16_t port)
{
	struct bind_asked asked = { actor, transport, address, port };

	return from_child(bind_asked, &asked);
}

int plain_bind_as(const struct subject *actor, enum transport transport,
		  enum family family, uint16_t port)
{
	static const char *const loopback[FAMILIES] = {
		"127.0.0.1", "::1", "::ffff:127.0.0.1"
	};

	return bind_as(actor, transport, loopback[family], port);
}

void kernel_log_open(struct kernel_log *log)
{
	log->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log->fd < 0 || lseek(log->fd, 0, SEEK_END) < 0)
		die("/dev/kmsg: %m");
}

bool kernel_log_line(struct kernel_log *log, char *line, size_t size,
		     long long deadline)
{
	struct pollfd poller = { .fd = log->fd, .events = POLLIN };
	char record[8192], *text;
	ssize_t got;

	for (;;) {
		got = read(log->fd, record, sizeof(record) - 1);
		if (got > 0)
			break;
		/* EPIPE: the oldest lines were overwritten, go on behind. */
		if (got < 0 && errno == EPIPE)
			continue;
		if (got < 0 && errno != EAGAIN)
			die("/dev/kmsg: %m");
		if (now_ms() >= deadline)
			return false;
		poll(&poller, 1, deadline - now_ms());
	}
	record[got] = '\0';
	text = strchr(record, ';');
	text = text ? text + 1 : record;
	snprintf(line, size, "%.*s", (int)strcspn(text, "\n"), text);
	return true;
}

void kernel_log_close(struct kernel_log *log)
{
	close(log->fd);
}
