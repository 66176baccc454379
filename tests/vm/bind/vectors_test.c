// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vectors of tests/vectors, by real binds. Run as root in a machine of its
 * own, with the module loaded and the boundary at 1024:
 *     vectors_test FILE.vec...
 * What each line means is said in tests/vectors/README.md.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/in6.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "model.h"
#include "sockets.h"

/* More lines of one sort than these in a row do not occur. */
#define MAX_BINDS 512
#define MAX_LISTED 16384

enum verdict {
	VERDICT_DEFAULT,
	VERDICT_GRANT,
	VERDICT_DENY,
	VERDICT_RESERVED,
	VERDICT_STRICT,
	VERDICTS,
};

static const struct {
	const char *name;
	enum counter counter;
} verdicts[VERDICTS] = {
	[VERDICT_DEFAULT] = { "default", PASSED },
	[VERDICT_GRANT] = { "grant", GRANTED },
	[VERDICT_DENY] = { "deny", DENIED_RULE },
	[VERDICT_RESERVED] = { "reserved", DENIED_RESERVED },
	[VERDICT_STRICT] = { "strict", DENIED_STRICT },
};

struct bind_line {
	struct subject subject;
	unsigned int line;
	enum transport transport;
	uint16_t port;
	enum verdict verdict;
	char on[64];		/* empty: every address */
	bool netns;
	bool done;
};

/* Where in which file we are, and what its case has said so far. */
static const char *file;
static unsigned int line_number;
static char case_name[128];
static char mode[16];
static bool scope_all;
static struct bind_line binds[MAX_BINDS];
static size_t bind_count;
static char listed[MAX_LISTED];
static bool any_listed;

static bool have[TRANSPORTS];
static unsigned int left_out[TRANSPORTS];
static int other_net, own_net;

/* The clocks at the beginning of the case. */
static struct timespec wall_start, boot_start;
static bool wall_moved;

static void __attribute__((noreturn)) bad_line(const char *what)
{
	die("%s:%u: %s", file, line_number, what);
}

static int open_net(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("/proc/self/ns/net: %m");
	return fd;
}

static void make_net(void)
{
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	own_net = open_net();
	if (unshare(CLONE_NEWNET))
		die("a network namespace: %m");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback))
		die("lo of a network namespace: %m");
	close(fd);
	other_net = open_net();
	if (setns(own_net, CLONE_NEWNET))
		die("setns: %m");
}

/* One that the module does not judge, or not yet, can tell nothing. */
static void find_transports(void)
{
	char hooks[1024];

	for (int t = 0; t < TRANSPORTS; t++)
		have[t] = have_transport(t);
	sysfs_read("hooks", hooks, sizeof(hooks));
	if (have[TRANSPORT_SCTP] && !strstr(hooks, "sctp_do_bind attached"))
		die("SCTP is here and not judged");
}

/* The kernel asks for the capability, unless a rule grants the port. */
static int kernel_answer(const struct bind_line *b)
{
	return b->port && b->port < PRIVILEGED_PORTS && !b->subject.capable ?
		       EACCES :
		       0;
}

static int expect(const struct bind_line *b)
{
	if (b->verdict == VERDICT_GRANT)
		return 0;
	if (b->verdict == VERDICT_DEFAULT || !strcmp(mode, "permissive"))
		return kernel_answer(b);
	return EACCES;
}

/* What one bind adds to the counters. */
static void expect_counters(const struct bind_line *b, struct counters *more)
{
	bool judged = strcmp(mode, "off") && (scope_all || !b->netns);

	if (b->verdict == VERDICT_DEFAULT && judged && kernel_answer(b))
		more->value[NO_RULE]++;
	if (b->verdict <= VERDICT_GRANT || strcmp(mode, "permissive")) {
		more->value[verdicts[b->verdict].counter]++;
	} else {
		more->value[PERMISSIVE]++;
		more->value[PASSED]++;
	}
}

static void one_bind(const struct bind_line *b, const char *address,
		     bool v6only, struct counters *more)
{
	union sockaddr_any any;
	socklen_t length = make_address(&any, address, b->port);
	bool v4 = any.sa.sa_family == AF_INET;
	int fd, on = 1, error;

	if (more) {
		expect_counters(b, more);
		return;
	}
	fd = need_socket(b->transport, v4 ? FAMILY_V4 : FAMILY_V6);
	if (setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6,
		       v4 ? IP_FREEBIND : IPV6_FREEBIND, &on, sizeof(on)))
		die("a free bind of %s: %m", transport_names[b->transport]);
	if (v6only &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)))
		die("IPV6_V6ONLY: %m");
	error = bind_errno(fd, &any, length);
	check_errno(error, expect(b),
		    "line %u: %s: uid %u gid %u %s %s%s port %u%s%s, want %s",
		    b->line, case_name, b->subject.euid, b->subject.egid,
		    transport_names[b->transport], address,
		    v6only ? " v6only" : "", b->port,
		    b->subject.capable ? " cap" : "", b->netns ? " netns" : "",
		    verdicts[b->verdict].name);
	close(fd);
}

/* Makes the binds of a line; or says what they would add to the counters. */
static void all_addresses(const struct bind_line *b, struct counters *more)
{
	static const char *const addresses[] = {
		"0.0.0.0", "127.0.0.1", "::", "::1", "::ffff:0.0.0.0",
		"::ffff:127.0.0.1",
	};

	if (!*b->on) {
		for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
			one_bind(b, addresses[i], false, more);
		return;
	}
	one_bind(b, b->on, false, more);
	/* The kernel has no mapped addresses on such a socket. */
	if (strchr(b->on, ':') && !strchr(b->on, '.'))
		one_bind(b, b->on, true, more);
}

static bool same_subject(const struct bind_line *a, const struct bind_line *b)
{
	return a->subject.euid == b->subject.euid &&
	       a->subject.egid == b->subject.egid &&
	       a->subject.capable == b->subject.capable &&
	       a->netns == b->netns &&
	       a->subject.group_count == b->subject.group_count &&
	       !memcmp(a->subject.groups, b->subject.groups,
		       a->subject.group_count * sizeof(a->subject.groups[0]));
}

/* Everything that the subject of this line binds in these lines. */
static void binds_of(void *arg)
{
	struct bind_line *first = arg;

	if (first->netns && setns(other_net, CLONE_NEWNET))
		die("setns: %m");
	actor_become(&first->subject);
	for (struct bind_line *b = first; b < binds + bind_count; b++)
		if (!b->done && same_subject(first, b))
			all_addresses(b, NULL);
}

/* The binds since the last change; the policy is the same for all of them. */
static void flush_binds(void)
{
	struct counters old, more = { 0 };
	char what[256];

	if (!bind_count)
		return;
	counters_take(&old);
	for (struct bind_line *b = binds; b < binds + bind_count; b++) {
		all_addresses(b, &more);
		if (b->done)
			continue;
		in_child(binds_of, b);
		for (struct bind_line *c = binds + bind_count - 1; c >= b; c--)
			c->done |= same_subject(b, c);
	}
	snprintf(what, sizeof(what), "lines %u to %u: %s: counters",
		 binds[0].line, binds[bind_count - 1].line, case_name);
	counters_check(&old, &more, what);
	bind_count = 0;
}

/* The next word of the line; NULL at its end. */
static char *word(char **rest)
{
	return strsep(rest, " ");
}

static unsigned long need_number(char **rest)
{
	char *text = word(rest), *end;
	unsigned long value;

	if (!text || !*text)
		bad_line("a number is missing");
	value = strtoul(text, &end, 10);
	if (*end)
		bad_line("not a number");
	return value;
}

static void read_groups(struct subject *subject, char *text)
{
	char *group;

	if (!strcmp(text, "-"))
		return;
	while ((group = strsep(&text, ","))) {
		if (subject->group_count == SUBJECT_GROUPS)
			bad_line("too many groups");
		subject->groups[subject->group_count++] =
			strtoul(group, NULL, 10);
	}
}

static void read_bind(char *rest)
{
	struct bind_line *b = &binds[bind_count];
	char *text;
	int i;

	memset(b, 0, sizeof(*b));
	b->line = line_number;
	b->subject = subject_user(case_name, need_number(&rest));
	b->subject.rgid = b->subject.egid = b->subject.sgid =
		need_number(&rest);
	text = word(&rest);
	if (!text)
		bad_line("groups are missing");
	read_groups(&b->subject, text);
	text = word(&rest);
	for (i = 0; text && i < TRANSPORTS; i++)
		if (!strcmp(text, transport_names[i]))
			break;
	if (!text || i == TRANSPORTS)
		bad_line("unknown transport");
	b->transport = i;
	b->port = need_number(&rest);
	text = word(&rest);
	for (i = 0; text && i < VERDICTS; i++)
		if (!strcmp(text, verdicts[i].name))
			break;
	if (!text || i == VERDICTS)
		bad_line("unknown verdict");
	b->verdict = i;
	while ((text = word(&rest))) {
		if (!strcmp(text, "cap"))
			b->subject.capable = true;
		else if (!strcmp(text, "netns"))
			b->netns = true;
		else if (!strncmp(text, "on=", 3) &&
			 strlen(text) < sizeof(b->on))
			strcpy(b->on, text + 3);
		else
			bad_line("unknown option");
	}
	if (!have[b->transport])
		left_out[b->transport]++;
	else if (++bind_count == MAX_BINDS)
		flush_binds();
}

/* "@N" is the beginning of the case plus N seconds. */
static void rule_text(char *out, size_t size, const char *rule)
{
	size_t n = 0;

	while (*rule && n + 32 < size) {
		char *end;

		if (*rule == '@' && strspn(rule + 1, "0123456789")) {
			n += sprintf(out + n, "%llu",
				     wall_start.tv_sec +
					     strtoull(rule + 1, &end, 10));
			rule = end;
		} else {
			out[n++] = *rule++;
		}
	}
	if (*rule)
		bad_line("too long");
	out[n++] = '\n';
	out[n] = '\0';
}

static void change(const char *name, const char *rule)
{
	unsigned long long old = sysfs_number("generation");
	char text[SYSFS_WRITE_MAX + 64], reason[256];
	int error;

	rule_text(text, sizeof(text), rule);
	error = sysfs_write(name, text);
	sysfs_read("error", reason, sizeof(reason));
	check_errno(error, 0, "line %u: %s: %s '%s': %.*s", line_number,
		    case_name, name, rule, (int)strcspn(reason, "\n"), reason);
	check(error || sysfs_number("generation") == old + 1,
	      "line %u: %s: %s '%s': generation %llu after %llu", line_number,
	      case_name, name, rule, sysfs_number("generation"), old);
}

static void refuse(char *rest)
{
	unsigned long column = need_number(&rest), got_line = 0, got_column = 0;
	unsigned long long old = sysfs_number("generation");
	char text[SYSFS_WRITE_MAX + 64], reason[256];

	snprintf(text, sizeof(text), "%s\n", rest ? rest : "");
	check_errno(sysfs_write("add", text), EINVAL, "line %u: %s: '%s'",
		    line_number, case_name, rest);
	sysfs_read("error", reason, sizeof(reason));
	check(sscanf(reason, "line %lu column %lu: ", &got_line,
		     &got_column) == 2 && got_line == 1 && got_column == column,
	      "line %u: %s: '%s': error says '%.*s', want column %lu",
	      line_number, case_name, rest, (int)strcspn(reason, "\n"), reason,
	      column);
	check(sysfs_number("generation") == old,
	      "line %u: %s: '%s' was refused, and the generation is %llu after %llu",
	      line_number, case_name, rest, sysfs_number("generation"), old);
}

static void list(const char *rule)
{
	char text[SYSFS_WRITE_MAX + 64];

	rule_text(text, sizeof(text), rule);
	if (strlen(listed) + strlen(text) >= sizeof(listed))
		bad_line("a policy too long to compare");
	strcat(listed, text);
	any_listed = true;
}

static void set(char *rest)
{
	char *name = word(&rest);

	if (!name || !rest)
		bad_line("a setting and a value are missing");
	must_write(name, rest);
	if (!strcmp(name, "mode"))
		snprintf(mode, sizeof(mode), "%s", rest);
	if (!strcmp(name, "scope"))
		scope_all = !strcmp(rest, "all");
}

/*
 * The wall clock first: while the other one is waited for it must not pass what
 * it is kept from. Full seconds are what the kernel compares, and the clocks
 * need not begin theirs together, hence one more.
 */
static void set_clocks(char *rest)
{
	struct timespec wall = wall_start, boot = boot_start;
	char *text = word(&rest);
	unsigned long wait;

	if (!text)
		bad_line("the clocks are missing");
	wall.tv_sec += strtol(text, NULL, 10);
	wait = need_number(&rest);
	if (clock_settime(CLOCK_REALTIME, &wall))
		die("setting the clock: %m");
	wall_moved = true;
	if (!wait)
		return;
	boot.tv_sec += wait + 1;
	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &boot, NULL) ==
	       EINTR)
		;
}

static void end_case(void)
{
	struct timespec boot;

	flush_binds();
	if (any_listed) {
		char *rules = policy_rules();

		check(!strcmp(rules, listed),
		      "%s: the policy is '%s', want '%s'", case_name, rules,
		      listed);
		free(rules);
	}
	if (wall_moved) {
		clock_gettime(CLOCK_BOOTTIME, &boot);
		wall_start.tv_sec += boot.tv_sec - boot_start.tv_sec;
		if (clock_settime(CLOCK_REALTIME, &wall_start))
			die("setting the clock back: %m");
		wall_moved = false;
	}
}

static void begin_case(const char *name)
{
	end_case();
	reset();
	snprintf(case_name, sizeof(case_name), "%s", name);
	strcpy(mode, "enforce");
	scope_all = false;
	*listed = '\0';
	any_listed = false;
	clock_gettime(CLOCK_REALTIME, &wall_start);
	clock_gettime(CLOCK_BOOTTIME, &boot_start);
	check(!sysfs_number("rule_count"), "%s: %llu rules at its beginning",
	      name, sysfs_number("rule_count"));
}

static void take_line(char *line)
{
	char *rest = line, *name;

	if (!*line || *line == '#')
		return;
	name = word(&rest);
	if (!rest)
		bad_line("nothing but a word");
	if (!strcmp(name, "case")) {
		begin_case(rest);
		return;
	}
	if (!*case_name)
		bad_line("no case has begun");
	if (!strcmp(name, "bind")) {
		read_bind(rest);
		return;
	}
	flush_binds();
	if (!strcmp(name, "rule"))
		change("add", rest);
	else if (!strcmp(name, "remove"))
		change("remove", rest);
	else if (!strcmp(name, "refuse"))
		refuse(rest);
	else if (!strcmp(name, "list"))
		list(rest);
	else if (!strcmp(name, "set"))
		set(rest);
	else if (!strcmp(name, "clock"))
		set_clocks(rest);
	else
		bad_line("unknown word");
}

static void take_file(const char *path)
{
	size_t size = 0;
	char *line = NULL;
	ssize_t got;
	FILE *in = fopen(path, "re");

	if (!in)
		die("%s: %m", path);
	file = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	line_number = 0;
	group_begin(file);
	while ((got = getline(&line, &size, in)) > 0) {
		line_number++;
		if (line[got - 1] == '\n')
			line[got - 1] = '\0';
		take_line(line);
	}
	end_case();
	*case_name = '\0';
	any_listed = false;
	reset();
	for (int t = 0; t < TRANSPORTS; t++)
		if (left_out[t])
			skip_many(left_out[t], "%u lines with %s: %s",
				  left_out[t], transport_names[t],
				  t == TRANSPORT_SCTP ?
					  "not judged" :
					  "not in this kernel");
	memset(left_out, 0, sizeof(left_out));
	group_end();
	free(line);
	fclose(in);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: vectors_test FILE.vec...\n");
		return 2;
	}
	harness_start();
	if (!sysfs_present())
		die("the module is not loaded");
	make_net();
	find_transports();
	for (int i = 1; i < argc; i++)
		take_file(argv[i]);
	return harness_finish();
}
