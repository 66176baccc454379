// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is told of binds and changes: the tracepoint, the kernel log, and audit
 * records. Run as root in a machine of its own, with the module loaded and no
 * audit daemon:
 *     report_test
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "audit.h"
#include "control.h"
#include "harness.h"
#include "model.h"
#include "sockets.h"

#define TRACING "/sys/kernel/tracing/"
#define RESERVED_PORTS "/proc/sys/net/ipv4/ip_local_reserved_ports"

/* The rate limit has a line of its own, which begins alike. */
#define REFUSED "refused: op="

enum { UID_DENIED = 61402 };

#define POLICY \
	"allow user 61001 443/tcp\n" \
	"allow user 61001 9447\n" \
	"allow any 444\n" \
	"deny user 61402 444,9444\n" \
	"reserve 445,9445\n"

/* Every way to be told of, and some that nothing is told of. */
static const struct told {
	const char *name;
	const char *mode;
	const char *strict;
	uid_t uid;
	enum transport transport;
	const char *address;
	uint16_t port;
	/* NULL when nothing is told. */
	const char *verdict;
	const char *rule;	/* NULL: none */
	bool permissive;
} tolds[] = {
	{ "grant", "enforce", "0", UID_GRANTED, TRANSPORT_TCP, "127.0.0.1", 443,
	  "grant", "allow user 61001 443/tcp", false },
	{ "grant, IPv6", "enforce", "0", UID_GRANTED, TRANSPORT_TCP, "::1", 443,
	  "grant", "allow user 61001 443/tcp", false },
	{ "grant to anybody", "enforce", "0", UID_OTHER, TRANSPORT_UDP,
	  "0.0.0.0", 444, "grant", "allow any 444", false },
	{ "deny", "enforce", "0", UID_DENIED, TRANSPORT_TCP, "127.0.0.1", 444,
	  "deny", "deny user 61402 444,9444", false },
	{ "deny, high port", "enforce", "0", UID_DENIED, TRANSPORT_UDP, "::",
	  9444, "deny", "deny user 61402 444,9444", false },
	{ "reserved", "enforce", "0", UID_OTHER, TRANSPORT_UDP, "127.0.0.1",
	  445, "reserved", "reserve 445,9445", false },
	{ "reserved, high port", "enforce", "0", UID_OTHER, TRANSPORT_TCP, "::1",
	  9445, "reserved", "reserve 445,9445", false },
	{ "strict", "enforce", "1", UID_OTHER, TRANSPORT_TCP, "0.0.0.0", 80,
	  "strict", NULL, false },
	{ "strict, root", "enforce", "1", 0, TRANSPORT_UDP, "::", 80, "strict",
	  NULL, false },
	{ "no rule", "enforce", "0", UID_OTHER, TRANSPORT_TCP, "0.0.0.0", 80,
	  "no_rule", NULL, false },
	{ "no rule for him", "enforce", "0", UID_OTHER, TRANSPORT_UDP, "::1",
	  443, "no_rule", NULL, false },
	{ "deny, permissive", "permissive", "0", UID_DENIED, TRANSPORT_TCP,
	  "127.0.0.1", 9444, "deny", "deny user 61402 444,9444", true },
	{ "reserved, permissive", "permissive", "0", UID_OTHER, TRANSPORT_TCP,
	  "::1", 9445, "reserved", "reserve 445,9445", true },
	{ "strict, permissive", "permissive", "1", 0, TRANSPORT_TCP, "::1", 81,
	  "strict", NULL, true },
	{ "ungoverned", "enforce", "0", UID_OTHER, TRANSPORT_TCP, "0.0.0.0",
	  9446, NULL, NULL, false },
	{ "granted to another, high port", "enforce", "0", UID_OTHER,
	  TRANSPORT_TCP, "0.0.0.0", 9447, NULL, NULL, false },
	{ "root, ungoverned", "enforce", "0", 0, TRANSPORT_UDP, "0.0.0.0", 82,
	  NULL, NULL, false },
	{ "root, denied to others", "enforce", "0", 0, TRANSPORT_TCP, "::",
	  9445, NULL, NULL, false },
	{ "port 0", "enforce", "1", UID_OTHER, TRANSPORT_TCP, "::", 0, NULL,
	  NULL, false },
	{ "off", "off", "1", UID_DENIED, TRANSPORT_TCP, "::", 9444, NULL, NULL,
	  false },
};

static void must_set(const char *path, const char *text)
{
	int error = file_write(path, text, strlen(text));

	if (error)
		die("%s: %s", path, errno_name(error));
}

static void clear_trace(void)
{
	int fd = open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0)
		die("the trace: %m");
	close(fd);
}

static void told_bind(const struct told *told)
{
	struct subject subject = subject_user(told->name, told->uid);

	subject.capable = !told->uid;
	must_write("mode", told->mode);
	must_write("strict", told->strict);
	bind_as(&subject, told->transport, told->address, told->port);
}

static bool contains(const char *text, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool contains(const char *text, const char *fmt, ...)
{
	char part[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(part, sizeof(part), fmt, args);
	va_end(args);
	return strstr(text, part);
}

static void check_traced(const struct told *told, const char *line)
{
	bool v6 = strchr(told->address, ':');
	char quoted[128];

	snprintf(quoted, sizeof(quoted), "rule=\"%s\"",
		 told->rule ? told->rule : "");
	check(contains(line, " verdict=%s", told->verdict) &&
		      contains(line, " permissive=%d ", told->permissive),
	      "%s: verdict in '%s'", told->name, line);
	check(told->rule ? contains(line, "%s", quoted) :
			   !strstr(line, "rule=\"a"),
	      "%s: rule in '%s'", told->name, line);
	check(contains(line, " uid=%u gid=%u ", told->uid, GID_OTHER),
	      "%s: ids in '%s'", told->name, line);
	check(contains(line, " protocol=%s ",
		       transport_names[told->transport]),
	      "%s: protocol in '%s'", told->name, line);
	check(contains(line, " family=%s ", v6 ? "inet6" : "inet"),
	      "%s: family in '%s'", told->name, line);
	check(contains(line, " address=%s ", told->address) &&
		      contains(line, " port=%u ", told->port),
	      "%s: address in '%s'", told->name, line);
	check(contains(line, " comm=report_test"), "%s: program in '%s'",
	      told->name, line);
}

/* The only line that the bind has left there. */
static void trace_one(const struct told *told)
{
	char *trace = malloc(1 << 16), *found = NULL;
	unsigned int count = 0;

	clear_trace();
	told_bind(told);
	if (!trace || file_read(TRACING "trace", trace, 1 << 16))
		die("the trace cannot be read");
	for (char *line = strtok(trace, "\n"); line;
	     line = strtok(NULL, "\n")) {
		if (*line == '#')
			continue;
		count++;
		found = line;
	}
	check(count == !!told->verdict, "%s: %u lines in the trace, the last '%s'",
	      told->name, count, found ? found : "");
	if (count && told->verdict)
		check_traced(told, found);
	free(trace);
}

static void tracepoint(void)
{
	static const char *const fields[] = {
		"verdict", "rule", "uid", "gid", "protocol", "family",
		"address", "port", "comm", "permissive",
	};
	char format[8192], *field;

	group_begin("tracepoint");
	if (access(TRACING, F_OK) && built_in()) {
		skip("the kernel has no tracepoints");
		return;
	}
	if (access(TRACING "events/portacl/bind/enable", W_OK)) {
		check(false, "there is no tracepoint portacl:bind");
		group_end();
		return;
	}
	if (file_read(TRACING "events/portacl/bind/format", format,
		      sizeof(format)))
		die("the format of the tracepoint cannot be read");
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		field = strstr(format, fields[i]);
		check(field, "the tracepoint has no field %s", fields[i]);
	}
	must_upload(POLICY);
	must_set(TRACING "events/portacl/bind/enable", "1");
	for (size_t i = 0; i < ARRAY_SIZE(tolds); i++)
		trace_one(&tolds[i]);
	must_set(TRACING "events/portacl/bind/enable", "0");
	clear_trace();
	reset();
	group_end();
}

/* The next line that has both in it; NULL when there is none in time. */
static const char *find_line(struct kernel_log *log, const char *first,
			     const char *second, long long wait)
{
	static char line[4096];
	long long deadline = now_ms() + wait;

	while (kernel_log_line(log, line, sizeof(line), deadline))
		if (strstr(line, first) && strstr(line, second))
			return line;
	return NULL;
}

/* How many lines have this in them, up to now. */
static unsigned int count_lines(struct kernel_log *log, const char *part)
{
	static unsigned int marks;
	char mark[64], line[4096];
	unsigned int count = 0;

	snprintf(mark, sizeof(mark), "report_test mark %u.\n", marks++);
	/* Without its newline a message is not over. */
	must_set("/dev/kmsg", mark);
	mark[strcspn(mark, "\n")] = '\0';
	for (;;) {
		if (!kernel_log_line(log, line, sizeof(line),
				     now_ms() + DEADLINE_MS))
			die("a mark in the kernel log does not appear");
		if (strstr(line, mark))
			return count;
		count += !!strstr(line, part);
	}
}

static void check_refusal(const struct told *told, const char *line)
{
	check(strstr(line, "op=bind"), "%s: op in '%s'", told->name, line);
	check(contains(line, " verdict=%s", told->verdict),
	      "%s: verdict in '%s'", told->name, line);
	if (told->rule)
		check(contains(line, " rule=\"%s\"", told->rule),
		      "%s: rule in '%s'", told->name, line);
	check(contains(line, " proto=%s", transport_names[told->transport]) &&
		      contains(line, " lport=%u ", told->port),
	      "%s: transport and port in '%s'", told->name, line);
	check(contains(line, " uid=%u ", told->uid) &&
		      contains(line, " gid=%u ", GID_OTHER),
	      "%s: ids in '%s'", told->name, line);
	check(strstr(line, "comm=") && strstr(line, "report_test"),
	      "%s: program in '%s'", told->name, line);
	check(contains(line, " permissive=%d ", told->permissive),
	      "%s: permissive in '%s'", told->name, line);
}

static bool refusal(const struct told *told)
{
	return told->verdict && strcmp(told->verdict, "grant");
}

#define STORM 1000

static void storm_binds(void *arg)
{
	struct subject subject = subject_user("storm", UID_DENIED);

	(void)arg;
	subject_become(&subject);
	for (int i = 0; i < STORM; i++)
		check_errno(try_bind(TRANSPORT_UDP, FAMILY_V4, ADDRESS_LOOPBACK,
				     9444),
			    EACCES, "bind %d of a storm", i);
}

/* A program that tries again and again must not fill the log. */
static void storm(struct kernel_log *log)
{
	unsigned int lines;
	long long start = now_ms(), seconds;

	in_child(storm_binds, NULL);
	seconds = (now_ms() - start) / 1000;
	lines = count_lines(log, REFUSED);
	/* Ten in each five seconds. */
	check(lines >= 1 && lines <= 10 * (seconds / 5 + 2),
	      "%d refusals in %lld s gave %u lines", STORM, seconds, lines);
}

/*
 * Until the rate limit lets something through again. After a storm, which left
 * nothing of its time before, it lets nine more through.
 */
static void calm(struct kernel_log *log, const struct told *told)
{
	long long deadline = now_ms() + DEADLINE_MS;

	told_bind(told);
	while (!find_line(log, REFUSED, "", 100)) {
		if (now_ms() > deadline)
			die("the rate limit never ends");
		told_bind(told);
	}
}

static void low_port_binds(void *arg)
{
	struct subject subject = subject_user("storm", UID_OTHER);

	(void)arg;
	subject_become(&subject);
	for (int i = 0; i < STORM; i++)
		check_errno(try_bind(TRANSPORT_TCP, FAMILY_V4, ADDRESS_LOOPBACK,
				     80),
			    EACCES, "bind %d of a low port", i);
}

/* Anybody may ask for a low port: that must not hide what others are refused. */
static void storm_apart(void)
{
	struct kernel_log log;

	group_begin("a storm of one sort");
	must_upload(POLICY);
	kernel_log_open(&log);
	in_child(storm_binds, NULL);
	count_lines(&log, REFUSED);
	calm(&log, &tolds[3]);
	in_child(low_port_binds, NULL);
	count_lines(&log, REFUSED);
	told_bind(&tolds[5]);
	check(find_line(&log, REFUSED, "verdict=reserved", 1000),
	      "a storm on a low port hides a refusal of a reserved one");
	kernel_log_close(&log);
	reset();
	group_end();
}

static void messages(void)
{
	struct kernel_log log;
	unsigned int since = 0;

	group_begin("kernel messages");
	must_upload(POLICY);
	kernel_log_open(&log);
	for (size_t i = 0; i < ARRAY_SIZE(tolds); i++) {
		const struct told *told = &tolds[i];
		const char *line;

		if (!refusal(told)) {
			told_bind(told);
			check(!count_lines(&log, REFUSED),
			      "%s: a line about no refusal", told->name);
			continue;
		}
		if (since++ % 8 == 0) {
			/* Whatever is left of the time before. */
			in_child(storm_binds, NULL);
			count_lines(&log, REFUSED);
			calm(&log, &tolds[3]);
			storm(&log);
			calm(&log, &tolds[3]);
		}
		told_bind(told);
		line = find_line(&log, REFUSED, "", DEADLINE_MS);
		if (check(line, "%s: no line in the kernel log", told->name)) {
			check(!strncmp(line, told->permissive ?
						     "portacl: would be refused: " :
						     "portacl: refused: ",
				       told->permissive ? 27 : 18),
			      "%s: '%s'", told->name, line);
			check_refusal(told, line);
		}
		check(!count_lines(&log, REFUSED),
		      "%s: two lines about one bind", told->name);
	}
	kernel_log_close(&log);
	reset();
	group_end();
}

static const struct change {
	const char *file;	/* NULL: an upload */
	const char *text;
	/* NULL: nothing changes, and nothing is said. */
	const char *said;
	bool setting;
} changes[] = {
	{ "add", "allow user 5 5\nallow user 5 6,8\n",
	  "2 added, 0 removed, 3 rules in force", false },
	{ "add", "allow user 5 5\n", NULL, false },
	{ "add", "allow user 5 0\n", NULL, false },
	{ "remove", "allow user 5 6,8\n",
	  "0 added, 1 removed, 1 rules in force", false },
	{ NULL, "allow user 5 5\nreserve 7\ndeny any 8\n",
	  "2 added, 0 removed, 3 rules in force", false },
	{ NULL, "reserve 7\ndeny any 9\n",
	  "1 added, 2 removed, 2 rules in force", false },
	{ NULL, "", "0 added, 2 removed, 0 rules in force", false },
	{ "mode", "permissive", "mode permissive", true },
	{ "mode", "permissive", NULL, true },
	{ "mode", "nonsense", NULL, true },
	{ "mode", "off", "mode off", true },
	{ "mode", "enforce", "mode enforce", true },
	{ "strict", "1", "strict 1", true },
	{ "strict", "1", NULL, true },
	{ "strict", "0", "strict 0", true },
	{ "scope", "all", "scope all", true },
	{ "scope", "init", "scope init", true },
};

/* One line for each change, by name of what it was and who did it. */
static void check_changes(const char *rule_line, const char *setting_line,
			  bool messages_too)
{
	struct kernel_log log;

	kernel_log_open(&log);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		const struct change *change = &changes[i];
		const char *what = change->file ? change->file : "upload";
		const char *head = change->setting ? setting_line : rule_line;
		char generation[64];
		const char *line;

		if (change->file)
			sysfs_write(change->file, change->text);
		else
			must_upload(change->text);
		snprintf(generation, sizeof(generation), "generation %llu",
			 sysfs_number("generation"));
		if (!change->said) {
			check(!count_lines(&log, head),
			      "%s, change %zu: a line about nothing new", what,
			      i + 1);
			continue;
		}
		line = find_line(&log, head, "", DEADLINE_MS);
		if (!check(line, "%s, change %zu: no line with '%s'", what,
			   i + 1, head))
			continue;
		if (messages_too)
			check(strstr(line, generation) &&
				      strstr(line, change->said),
			      "%s, change %zu: '%s' says not '%s' and '%s'",
			      what, i + 1, line, generation, change->said);
		check(strstr(line, "auid=") && strstr(line, " uid=0") &&
			      strstr(line, "comm=") &&
			      strstr(line, "report_test"),
		      "%s, change %zu: by whom in '%s'", what, i + 1, line);
		check(!count_lines(&log, head),
		      "%s, change %zu: more than one line", what, i + 1);
	}
	kernel_log_close(&log);
}

static void change_messages(void)
{
	group_begin("changes");
	check_changes("portacl: generation ", "portacl: generation ", true);
	reset();
	group_end();
}

static void ungoverned_binds(void *arg)
{
	struct subject subject = subject_user("ungoverned", UID_OTHER);

	(void)arg;
	subject_become(&subject);
	for (uint16_t port = 20000; port < 20100; port++)
		for (int t = TRANSPORT_TCP; t <= TRANSPORT_MPTCP; t++)
			try_bind(t, port % FAMILIES, ADDRESS_LOOPBACK, port);
}

/* Without a daemon the kernel prints its records. */
static void audit(void)
{
	struct kernel_log log;
	int error = audit_enable(1);

	group_begin("audit");
	if (error) {
		skip("audit cannot be enabled: %s", errno_name(error));
		return;
	}
	/* It prints no more than others' limit lets it. */
	must_set("/proc/sys/kernel/printk_ratelimit", "0");
	check_changes(" type=1403 ", " type=1405 ", false);
	reset();
	must_upload(POLICY);
	kernel_log_open(&log);
	for (size_t i = 0; i < ARRAY_SIZE(tolds); i++) {
		const struct told *told = &tolds[i];
		const char *line;

		told_bind(told);
		if (!refusal(told))
			continue;
		/* The first one: what is not to be told of was not. */
		line = find_line(&log, " type=1400 ", "", DEADLINE_MS);
		if (!check(line, "%s: no record", told->name))
			continue;
		check(strstr(line, "portacl"), "%s: '%s'", told->name, line);
		check_refusal(told, line);
	}
	kernel_log_close(&log);
	kernel_log_open(&log);
	must_write("mode", "enforce");
	must_write("strict", "0");
	in_child(ungoverned_binds, NULL);
	told_bind(&tolds[3]);
	check(find_line(&log, " type=1400 ", tolds[3].rule, DEADLINE_MS),
	      "no record of the bind that comes last");
	kernel_log_close(&log);
	kernel_log_open(&log);
	in_child(ungoverned_binds, NULL);
	check(!count_lines(&log, "portacl"),
	      "lines about binds of ungoverned ports");
	check(!count_lines(&log, REFUSED),
	      "kernel messages although audit is enabled");
	kernel_log_close(&log);
	must_set("/proc/sys/kernel/printk_ratelimit", "5");
	error = audit_enable(0);
	if (error)
		die("audit cannot be switched off: %s", errno_name(error));
	reset();
	group_end();
}

static const struct {
	const char *policy;
	const char *covered;	/* ip_local_reserved_ports */
	const char *warned;	/* NULL: no warning */
} reservations[] = {
	{ "reserve 40000-40010,41000\n", "", "40000-40010,41000" },
	{ "reserve 40000-40010,41000\n", "40000-40010,41000", NULL },
	{ "reserve 40000-40010,41000\n", "40000-40005,41000", "40006-40010" },
	{ "reserve 40000-40010,41000\n", "40000-50000", NULL },
	{ "reserve 5432,8080,61000-65535\n", "", NULL },
	{ "reserve 32768/tcp\nreserve 60999/udp\n", "", "32768,60999" },
	{ "reserve 32000-32770\n", "", "32768-32770" },
	{ "allow any 40000\ndeny any 40001\n", "", NULL },
};

static void reservation_warnings(void)
{
	static const char *const range =
		"/proc/sys/net/ipv4/ip_local_port_range";
	struct kernel_log log;
	char old[4096];

	group_begin("reservations");
	if (file_read(RESERVED_PORTS, old, sizeof(old)))
		die(RESERVED_PORTS " cannot be read");
	must_set(range, "32768 60999");
	for (size_t i = 0; i < ARRAY_SIZE(reservations); i++) {
		const char *warned = reservations[i].warned, *line;
		unsigned int count;
		char want[64];

		must_upload("");
		must_set(RESERVED_PORTS, reservations[i].covered);
		if (!*reservations[i].covered)
			must_set(RESERVED_PORTS, "\n");
		kernel_log_open(&log);
		must_upload(reservations[i].policy);
		if (warned) {
			line = find_line(&log, "ip_local_reserved_ports", "",
					 DEADLINE_MS);
			snprintf(want, sizeof(want), " ports %s ", warned);
			check(line && strstr(line, want),
			      "reservation %zu: '%s' has not '%s'", i + 1,
			      line ? line : "", warned);
		}
		count = count_lines(&log, "ip_local_reserved_ports");
		check(!count, "reservation %zu: %u lines too many", i + 1,
		      count);
		kernel_log_close(&log);
	}
	must_set(RESERVED_PORTS, *old ? old : "\n");
	reset();
	group_end();
}

int main(void)
{
	harness_start();
	if (!sysfs_present())
		die("the module is not loaded");
	tracepoint();
	messages();
	storm_apart();
	change_messages();
	audit();
	reservation_warnings();
	return harness_finish();
}
