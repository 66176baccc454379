// SPDX-License-Identifier: GPL-2.0-only
/*
 * The upload of a policy: whole or not at all, whatever happens on the way. Run
 * as root in a machine of its own, with the module loaded:
 *     upload_test protocol|limits|timeout
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"
#include "model.h"
#include "sockets.h"

/* As in module/uapi/portacl.h and module/core/rule.h. */
#define MAX_UPLOAD 134217728UL
#define MAX_RULES 1048576U
#define MAX_LINE 4095
#define TIMEOUT_S 30

/* What is in force before each upload that must not succeed. */
#define OLD "allow user 61001 443\nreserve 5432\n"
#define NEW "allow user 61002 444\ndeny any 445/udp\n"

static unsigned long long generation;

static void set_old(void)
{
	must_upload(OLD);
	generation = sysfs_number("generation");
}

/* Several cases: the old policy is in force, and an upload works. */
static void check_old(const char *what)
{
	char *rules = policy_rules();

	check(!strcmp(rules, OLD), "%s: the policy is '%.200s'", what, rules);
	check(sysfs_number("generation") == generation,
	      "%s: generation %llu after %llu", what,
	      sysfs_number("generation"), generation);
	free(rules);
}

static void check_next(const char *what)
{
	char *rules;

	check_errno(upload(NEW, strlen(NEW)), 0, "%s: the next upload", what);
	rules = policy_rules();
	check(!strcmp(rules, NEW), "%s: after the next upload: '%.200s'", what,
	      rules);
	free(rules);
	set_old();
}

static void check_gone(const char *nonce, const char *what)
{
	check_errno(upload_chunk(nonce, 0, "\n", 1), ESTALE,
		    "%s: a chunk afterwards", what);
	check_errno(upload_commit(nonce, 0), ESTALE, "%s: a commit afterwards",
		    what);
}

static void check_reason(const char *what)
{
	char reason[256];

	sysfs_read("error", reason, sizeof(reason));
	check(strlen(reason) > 5, "%s: error says '%s'", what, reason);
}

/* "line L column C: reason"; column 0: any. */
static void check_place(const char *what, unsigned int line,
			unsigned int column)
{
	unsigned int got_line = 0, got_column = 0;
	char reason[256];

	sysfs_read("error", reason, sizeof(reason));
	check(sscanf(reason, "line %u column %u: ", &got_line,
		     &got_column) == 2 && got_line == line &&
		      (!column || got_column == column),
	      "%s: error says '%.*s', want line %u column %u", what,
	      (int)strcspn(reason, "\n"), reason, line, column);
}

static int command(const char *text)
{
	return sysfs_write("policy", text);
}

static const struct {
	const char *text;
	size_t size;		/* 0: up to its end */
} garbage[] = {
	{ "\n", 0 },
	{ " \n", 0 },
	{ "\0", 1 },
	{ "hello\n", 0 },
	{ "allow any 80\n", 0 },
	{ "Begin 5 abc\n", 0 },
	{ "beginx 5 abc\n", 0 },
	{ "begin\n", 0 },
	{ "begin 5\n", 0 },
	{ "begin 5 \n", 0 },
	{ "begin  5 abc\n", 0 },
	{ "begin abc 5\n", 0 },
	{ "begin x abc\n", 0 },
	{ "begin -1 abc\n", 0 },
	{ "begin +1 abc\n", 0 },
	{ "begin 0x5 abc\n", 0 },
	{ "begin 5 abc def\n", 0 },
	{ "begin 5 a-c\n", 0 },
	{ "begin 5 a/c\n", 0 },
	{ "begin 5 a\0c\n", 12 },
	{ "begin 5 abc\n\0", 13 },
	{ "begin 5 abc\nchunk abc 0\n", 0 },
	{ "begin 5 \303\244\n", 0 },
	{ "begin 5 abcdefghijklmnopqrstuvwxyz0123456\n", 0 },
	{ "chunk\n", 0 },
	{ "commit\n", 0 },
	{ "commit abc\n", 0 },
	{ "abort\n", 0 },
	{ "abort abc def\n", 0 },
	{ "\377\376\375\n", 0 },
};

static void garbage_commands(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++) {
		const char *text = garbage[i].text;
		size_t size = garbage[i].size ? garbage[i].size : strlen(text);
		char what[64];

		snprintf(what, sizeof(what), "garbage %zu '%.*s'", i + 1,
			 (int)strcspn(text, "\n"), text);
		check_errno(file_write(SYSFS "policy", text, size), EINVAL,
			    "%s", what);
		check_reason(what);
		check_old(what);
	}
	check_next("after garbage");
}

/* Good up to the command that is not; each names an upload that was begun. */
static void garbage_later(void)
{
	static const char *const later[] = {
		"chunk abc\n", "chunk abc x\nallow", "chunk abc -0\nallow",
		"chunk abc 0 allow", "chunk abc 0", "chunk abc 0\n",
		"commit abc\n", "commit abc 1234567\n",
		"commit abc 123456789\n", "commit abc 1234567g\n",
		"commit abc ABCDEF01\n", "commit abc 0x123456\n",
		"commit abc 12345678 \n", "commit abc 12345678\n\n",
		"abort abc \n", "begin 5 abc",
	};

	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		check_errno(upload_begin("abc", 21), 0, "begin");
		check_errno(command(later[i]), EINVAL, "'%.*s'",
			    (int)strcspn(later[i], "\n"), later[i]);
		check_reason(later[i]);
		check_old(later[i]);
	}
	check_next("after garbage later");
}

/* Names are what an upload is known by. */
static void names(void)
{
	static const char longest[] = "abcdefghijklmnopqrstuvwxyz012345";
	static const char *const good[] = { "a", "0", "Z", longest };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		check_errno(upload_all(good[i], OLD, strlen(OLD)), 0,
			    "nonce '%s'", good[i]);
		check_errno(upload_commit(good[i],
					  upload_sum(OLD, strlen(OLD))),
			    0, "nonce '%s': commit", good[i]);
	}
	set_old();
	check_gone("never", "a nonce that was never begun");
	check_errno(upload_begin("abc", 5), 0, "begin");
	check_errno(upload_chunk("abcd", 0, "\n", 1), ESTALE,
		    "a longer nonce");
	check_errno(upload_chunk("ab", 0, "\n", 1), ESTALE, "a shorter nonce");
	check_errno(upload_chunk("ABC", 0, "\n", 1), ESTALE, "another case");
	/* Others' mistakes are not this upload's. */
	check_errno(upload_chunk("abc", 0, "\n\n\n\n\n", 5), 0,
		    "the nonce itself");
	check_errno(upload_commit("abc", upload_sum("\n\n\n\n\n", 5)), 0,
		    "the nonce itself: commit");
	check(!sysfs_number("rule_count"), "%llu rules of five empty lines",
	      sysfs_number("rule_count"));
	set_old();
}

static void order(void)
{
	static const struct {
		const char *name;
		size_t first, second;	/* the offsets said of two chunks */
		size_t first_size;
	} cases[] = {
		{ "first chunk not at 0", 1, 0, 8 },
		{ "the same chunk twice", 0, 0, 8 },
		{ "a gap of a byte", 0, 9, 8 },
		{ "an overlap of a byte", 0, 7, 8 },
		{ "the second chunk first", 8, 0, 8 },
		{ "an offset beyond the end", 0, 1000, 8 },
		{ "an enormous offset", 0, (size_t)-8, 8 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *name = cases[i].name;
		int error;

		check_errno(upload_begin("abc", strlen(NEW)), 0, "%s: begin",
			    name);
		error = upload_chunk("abc", cases[i].first, NEW,
				     cases[i].first_size);
		if (!cases[i].first) {
			check_errno(error, 0, "%s: the first chunk", name);
			error = upload_chunk("abc", cases[i].second, NEW, 8);
		}
		check_errno(error, EINVAL, "%s", name);
		check_reason(name);
		check_gone("abc", name);
		check_old(name);
	}
	check_next("after chunks out of order");
}

static void lengths(void)
{
	size_t size = strlen(NEW);

	/* Too short by one. */
	check_errno(upload_begin("abc", size), 0, "too short: begin");
	check_errno(upload_chunk("abc", 0, NEW, size - 1), 0,
		    "too short: chunk");
	check_errno(upload_commit("abc", upload_sum(NEW, size - 1)), EINVAL,
		    "too short: commit");
	check_reason("too short");
	check_gone("abc", "too short");
	check_old("too short");

	check_errno(upload_begin("abc", size), 0, "nothing: begin");
	check_errno(upload_commit("abc", 0), EINVAL, "nothing: commit");
	check_old("nothing");

	/* Too long by one, at once and in two. */
	check_errno(upload_begin("abc", size - 1), 0, "too long: begin");
	check_errno(upload_chunk("abc", 0, NEW, size), EINVAL,
		    "too long: chunk");
	check_reason("too long");
	check_gone("abc", "too long");
	check_old("too long");
	check_errno(upload_begin("abc", size - 1), 0, "too long: begin");
	check_errno(upload_chunk("abc", 0, NEW, size - 1), 0,
		    "too long: chunk");
	check_errno(upload_chunk("abc", size - 1, "\n", 1), EINVAL,
		    "too long: chunk");
	check_gone("abc", "too long");
	check_old("too long");

	check_errno(upload_begin("abc", MAX_UPLOAD), 0, "the longest length");
	check_errno(upload_abort("abc"), 0, "the longest length: abort");
	check_errno(upload_begin("abc", MAX_UPLOAD + 1), E2BIG,
		    "a byte more than the longest length");
	check_reason("a byte more than the longest length");
	check_errno(upload_begin("abc", 1UL << 32), E2BIG, "length 2^32");
	check(command("begin 18446744073709551621 abc\n"), "length 2^64 + 5");
	check(command("begin 99999999999999999999999999 abc\n"),
	      "a length of many digits");
	check_gone("abc", "after too great a length");
	check_next("after wrong lengths");
}

static void page(void)
{
	char data[SYSFS_WRITE_MAX + 1];
	size_t room = upload_room("abc", 0);

	memset(data, '\n', sizeof(data));
	check_errno(upload_begin("abc", sizeof(data)), 0, "full page: begin");
	check_errno(upload_chunk("abc", 0, data, room + 1), E2BIG,
		    "a chunk of a full page");
	check_reason("a chunk of a full page");
	check_errno(upload_begin("abc", sizeof(data)), 0, "4095: begin");
	check_errno(upload_chunk("abc", 0, data, room), 0,
		    "a chunk of 4095 bytes");
	check_errno(upload_abort("abc"), 0, "4095: abort");
	check_old("pages");
	check_next("after a full page");
}

static void sums(void)
{
	uint32_t sum = upload_sum(NEW, strlen(NEW));
	uint32_t wrong[] = { sum ^ 1, sum ^ 0x80000000, ~sum, 0, 0xffffffff };

	check(upload_sum("123456789", 9) == 0xcbf43926,
	      "this program's own checksum is wrong");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		check_errno(upload_all("abc", NEW, strlen(NEW)), 0,
			    "wrong checksum: chunks");
		check_errno(upload_commit("abc", wrong[i]), EBADMSG,
			    "checksum %08x instead of %08x", wrong[i], sum);
		check_reason("wrong checksum");
		check_gone("abc", "wrong checksum");
		check_old("wrong checksum");
	}
	check_next("after a wrong checksum");
}

static void aborted(void)
{
	check_errno(upload_all("abc", NEW, strlen(NEW)), 0, "abort: chunks");
	check_errno(upload_abort("abc"), 0, "abort");
	check_gone("abc", "abort");
	check_errno(upload_abort("abc"), ESTALE, "a second abort");
	check_old("abort");
	check_errno(upload_all("abc", OLD, strlen(OLD)), 0, "commit: chunks");
	check_errno(upload_commit("abc", upload_sum(OLD, strlen(OLD))), 0,
		    "commit");
	check_gone("abc", "a second commit");
	set_old();
	check_next("after an abort");
}

/* Two writers, a command at a time: the one who begins last wins. */
static void interleaved(void)
{
	size_t size = strlen(NEW), half = size / 2;
	char *rules;

	check_errno(upload_begin("aaa", 500), 0, "first begins");
	check_errno(upload_chunk("aaa", 0, "allow any 1\n", 12), 0,
		    "first's chunk");
	check_errno(upload_begin("bbb", size), 0, "second begins");
	check_errno(upload_chunk("aaa", 12, "allow any 2\n", 12), ESTALE,
		    "first's chunk after second began");
	check_errno(upload_chunk("bbb", 0, NEW, half), 0, "second's chunk");
	check_errno(upload_commit("aaa", 0), ESTALE,
		    "first's commit after second began");
	check_errno(upload_abort("aaa"), ESTALE,
		    "first's abort after second began");
	check_old("two writers");
	check_errno(upload_chunk("bbb", half, NEW + half, size - half), 0,
		    "second's chunk after first's mistakes");
	check_errno(upload_commit("bbb", upload_sum(NEW, size)), 0,
		    "second's commit");
	rules = policy_rules();
	check(!strcmp(rules, NEW), "two writers: the policy is '%s'", rules);
	free(rules);
	set_old();

	/* Single rules meanwhile are judged by what is in force. */
	check_errno(upload_all("aaa", NEW, size), 0, "beside add: chunks");
	must_write("add", "allow user 7 7\n");
	check_errno(upload_commit("aaa", upload_sum(NEW, size)), 0,
		    "beside add: commit");
	rules = policy_rules();
	check(!strcmp(rules, NEW), "beside add: the policy is '%s'", rules);
	free(rules);
	set_old();
}

/* One opening of the file for all. */
static void one_descriptor(void)
{
	int fd = open(SYSFS "policy", O_WRONLY | O_CLOEXEC);
	char text[256], *rules;
	size_t size = strlen(NEW);

	if (fd < 0)
		die("policy: %m");
	for (int i = 0; i < 2; i++) {
		dprintf(fd, "begin %zu one\n", size);
		snprintf(text, sizeof(text), "chunk one 0\n%.10s", NEW);
		check(write(fd, text, strlen(text)) > 0, "one descriptor: %m");
		snprintf(text, sizeof(text), "chunk one 10\n%s", NEW + 10);
		check(write(fd, text, strlen(text)) > 0, "one descriptor: %m");
		snprintf(text, sizeof(text), "commit one %08x\n",
			 upload_sum(NEW, size));
		check(write(fd, text, strlen(text)) > 0, "one descriptor: %m");
	}
	close(fd);
	rules = policy_rules();
	check(!strcmp(rules, NEW), "one descriptor: the policy is '%s'", rules);
	free(rules);
	set_old();
}

/* In pieces of this size; the errno of the command that failed, or 0. */
static int upload_pieces(const char *text, size_t size, size_t piece)
{
	int error = upload_begin("pieces", size);

	for (size_t at = 0; !error && at < size; at += piece)
		error = upload_chunk("pieces", at, text + at,
				     size - at < piece ? size - at : piece);
	return error ? error :
		       upload_commit("pieces", upload_sum(text, size));
}

static const struct {
	const char *name;
	const char *text;
	size_t size;		/* 0: up to its end */
	unsigned int line, column;
} bad[] = {
	{ "last line", NEW "allow user 61001 0\n", 0, 3, 18 },
	{ "first line", "allow user 61001 65536\n" NEW, 0, 1, 18 },
	{ "second line of three", "reserve 1\ndeny usr 5 5\nreserve 2\n", 0, 2,
	  6 },
	{ "behind comments and empty lines", "#\n\n # x\nreserve 80-\n", 0, 4,
	  12 },
	{ "no newline at the end", NEW "allow user 61001 80", 0, 3, 20 },
	{ "a comment without a newline at the end", NEW "# x", 0, 3, 4 },
	{ "carriage returns", "allow user 61001 80\r\nallow any 1\r\n", 0, 1,
	  20 },
	{ "carriage return in the last line", NEW "allow user 61001 80\r\n", 0,
	  3, 20 },
	{ "NUL", NEW "allow user 61001 8\0000\n", sizeof(NEW) + 20, 3, 19 },
	{ "NUL behind a comment", NEW "#\0\n", sizeof(NEW) + 2, 3, 2 },
	{ "NUL as the last byte", NEW "\0", sizeof(NEW), 3, 0 },
	{ "not text", NEW "\377\376\n", 0, 3, 1 },
	{ "reserve with a term", NEW "reserve 80 until 5\n", 0, 3, 12 },
};

static void bad_texts(void)
{
	static const size_t pieces[] = { 1, 7, 1000 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		size_t size = bad[i].size ? bad[i].size : strlen(bad[i].text);

		for (size_t p = 0; p < ARRAY_SIZE(pieces); p++) {
			check_errno(upload_pieces(bad[i].text, size,
						  pieces[p]),
				    EINVAL, "%s, in pieces of %zu",
				    bad[i].name, pieces[p]);
			check_place(bad[i].name, bad[i].line, bad[i].column);
			check_old(bad[i].name);
		}
		check_gone("pieces", bad[i].name);
	}
	check_next("after bad texts");
}

/* The error is in the last line of many. */
static void late_error(void)
{
	enum { LINES = 20000 };
	char *text = malloc(LINES * 40);
	size_t n = 0;

	if (!text)
		die("malloc: %m");
	for (unsigned int i = 1; i < LINES; i++)
		n += sprintf(text + n, "allow user %u %u\n", 100000 + i,
			     1 + i % 60000);
	n += sprintf(text + n, "allow user 100000 1-2-3\n");
	check_errno(upload(text, n), EINVAL, "error in line %u", LINES);
	check_place("error in the last line", LINES, 22);
	check_old("error in the last line");
	check_next("after an error in the last line");
	free(text);
}

static void long_lines(void)
{
	char *text = malloc(4 * MAX_LINE);
	static const struct {
		const char *name;
		int length;
		int error;
	} cases[] = {
		{ "a line of 4094 bytes", MAX_LINE - 1, 0 },
		{ "a line of 4095 bytes", MAX_LINE, 0 },
		{ "a line of 4096 bytes", MAX_LINE + 1, EINVAL },
		{ "a line of 10000 bytes", 10000, EINVAL },
	};

	if (!text)
		die("malloc: %m");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *name = cases[i].name;
		size_t n = sprintf(text, NEW);

		n += sprintf(text + n, "reserve 99 #%*s\n",
			     cases[i].length - 12, "");
		check_errno(upload(text, n), cases[i].error, "%s", name);
		if (cases[i].error) {
			check_place(name, 3, 0);
			check_old(name);
		} else {
			check(sysfs_number("rule_count") == 3,
			      "%s: %llu rules, want 3", name,
			      sysfs_number("rule_count"));
		}
		set_old();
	}
	free(text);
	check_next("after long lines");
}

/* A process that ends after so many commands of an upload. */
static void upload_and_die(const char *text, size_t size, size_t piece,
			   unsigned int commands)
{
	size_t at = 0;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork: %m");
	if (!pid) {
		if (commands && upload_begin("dead", size))
			_exit(1);
		commands -= !!commands;
		while (commands && at < size) {
			size_t part = size - at < piece ? size - at : piece;

			if (upload_chunk("dead", at, text + at, part))
				_exit(1);
			at += part;
			commands--;
		}
		if (commands && upload_commit("dead", upload_sum(text, size)))
			_exit(1);
		raise(SIGKILL);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		check(false, "a doomed upload failed first");
}

static void killed_at(const char *text, size_t size, size_t piece,
		      unsigned int commands)
{
	unsigned int all = 2 + (size + piece - 1) / piece;
	char what[64], *rules;

	snprintf(what, sizeof(what), "killed after command %u of %u", commands,
		 all);
	upload_and_die(text, size, piece, commands);
	if (commands < all) {
		check_old(what);
		return;
	}
	rules = policy_rules();
	check(!strcmp(rules, text), "%s: the policy is '%.100s'", what, rules);
	free(rules);
	set_old();
}

static void killed(void)
{
	enum { RULES = 1000 };
	size_t size = strlen(NEW), n = 0;
	char *text = malloc(RULES * 40);
	unsigned int seed = 1;

	for (unsigned int commands = 0; commands <= size + 2; commands++)
		killed_at(NEW, size, 1, commands);
	check_next("after uploads that died");
	if (!text)
		die("malloc: %m");
	for (unsigned int i = 0; i < RULES; i++)
		n += sprintf(text + n, "allow user %u 443\n", 1024 * (1 + i));
	for (unsigned int i = 0; i < 40; i++) {
		size_t piece = 1 + rand_r(&seed) % 4000;
		unsigned int all = 2 + (n + piece - 1) / piece;

		killed_at(text, n, piece, rand_r(&seed) % (all + 1));
	}
	check_next("after more uploads that died");
	free(text);
}

enum { CONTEST_RULES = 300, CONTEST_UPLOADS = 40 };

static char *contest_text(unsigned int who)
{
	char *text = malloc(CONTEST_RULES * 40);
	size_t n = 0;

	if (!text)
		die("malloc: %m");
	/* In the order in which they are listed. */
	for (unsigned int i = 0; i < CONTEST_RULES; i++)
		n += sprintf(text + n, "allow user %u %u\n",
			     1024 * (1 + i) + who, 100 + who);
	return text;
}

static void __attribute__((noreturn)) contestant(unsigned int who)
{
	char *text = contest_text(who), nonce[32];
	unsigned int done = 0, tries = 0, part = 500 + 700 * who;
	long long deadline = now_ms() + 3 * DEADLINE_MS;
	size_t size = strlen(text);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (done < CONTEST_UPLOADS) {
		int error;

		if (now_ms() > deadline)
			die("writer %u: %u uploads in %u tries", who, done,
			    tries);
		snprintf(nonce, sizeof(nonce), "w%ux%u", who, tries++);
		error = upload_begin(nonce, size);
		for (size_t at = 0; !error && at < size; at += part)
			error = upload_chunk(nonce, at, text + at,
					     size - at < part ? size - at :
								part);
		if (!error)
			error = upload_commit(nonce, upload_sum(text, size));
		if (!error)
			done++;
		else if (error != ESTALE)
			die("writer %u: %s", who, errno_name(error));
	}
	fflush(stdout);
	_exit(0);
}

/* Two who know nothing of each other, and one who looks on. */
static void contest(void)
{
	unsigned int seen[2] = { 0 }, running = 2;
	char *texts[2];
	int status;

	for (unsigned int i = 0; i < 2; i++)
		texts[i] = contest_text(i);
	must_upload(texts[0]);
	fflush(stdout);
	for (unsigned int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork: %m");
		if (!pid)
			contestant(i);
	}
	while (running) {
		int error, which;
		char *policy = policy_read(&error);
		char head[64];

		if (waitpid(-1, &status, WNOHANG) > 0) {
			running--;
			check(WIFEXITED(status) && !WEXITSTATUS(status),
			      "a writer did not end well");
		}
		if (!policy) {
			if (error != ESTALE)
				die("reading: %s", errno_name(error));
			continue;
		}
		/* The first rule tells whose it should be. */
		which = !strstr(policy, "\nallow user 1024 100 ");
		for (unsigned int i = 0; i < CONTEST_RULES; i++) {
			snprintf(head, sizeof(head), "\nallow user %u %u ",
				 1024 * (1 + i) + which, 100 + which);
			if (!strstr(policy, head)) {
				check(false, "a mixture of two uploads: no '%s'",
				      head + 1);
				break;
			}
		}
		seen[which]++;
		free(policy);
	}
	check(seen[0] + seen[1] > 2, "%u policies were read",
	      seen[0] + seen[1]);
	check(sysfs_number("rule_count") == CONTEST_RULES, "%llu rules remain",
	      sysfs_number("rule_count"));
	free(texts[0]);
	free(texts[1]);
	set_old();
}

/* A reader that a change overtakes starts again. */
static void stale(void)
{
	int fd = open(SYSFS "policy", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t got;

	if (fd < 0 || read(fd, text, 10) != 10)
		die("policy: %m");
	/* An upload under way changes nothing yet. */
	check_errno(upload_all("abc", NEW, strlen(NEW)), 0, "stale: chunks");
	got = read(fd, text, 10);
	check_errno(got < 0 ? errno : 0, 0, "read on during an upload");
	check_errno(upload_commit("abc", upload_sum(NEW, strlen(NEW))), 0,
		    "stale: commit");
	got = read(fd, text, 10);
	check_errno(got < 0 ? errno : 0, ESTALE, "read on after an upload");
	got = pread(fd, text, 10, 0);
	check_errno(got < 0 ? errno : 0, 0, "read from the start again");
	close(fd);
	set_old();
}

static void protocol(void)
{
	group_begin("upload");
	set_old();
	garbage_commands();
	garbage_later();
	names();
	order();
	lengths();
	page();
	sums();
	aborted();
	interleaved();
	one_descriptor();
	bad_texts();
	late_error();
	long_lines();
	stale();
	group_end();
	group_begin("upload that dies");
	killed();
	group_end();
	group_begin("two uploads");
	contest();
	group_end();
}

static unsigned long available_kb(void)
{
	char text[8192], *line;

	if (file_read("/proc/meminfo", text, sizeof(text)))
		die("/proc/meminfo cannot be read");
	line = strstr(text, "MemAvailable:");
	if (!line)
		die("/proc/meminfo has no MemAvailable");
	return strtoul(line + strlen("MemAvailable:"), NULL, 10);
}

/* Memory comes back some time after the last reader is gone. */
static void check_memory(unsigned long before, const char *what)
{
	long long deadline = now_ms() + DEADLINE_MS;

	while (available_kb() < before / 10 * 9 && now_ms() < deadline)
		usleep(10000);
	check(available_kb() >= before / 10 * 9,
	      "%s: %lu kB are available, %lu were before", what,
	      available_kb(), before);
}

static char *many_text(unsigned int rules)
{
	char *text = malloc(rules * 26UL + 1), *out = text;

	if (!text)
		die("malloc: %m");
	for (unsigned int i = 0; i < rules; i++)
		out += sprintf(out, "allow user %u %u\n", 1000000 + i,
			       1 + i % 65000);
	return text;
}

/* First and last line name one generation, and nothing is between but rules. */
static void check_listing(const char *who)
{
	unsigned long long first = 0, last = 1;
	unsigned int rules = 0, error_line = 0, number = 0;
	int error;
	char *policy = policy_read(&error), *end;

	if (!policy) {
		check_errno(error, 0, "%s reads", who);
		return;
	}
	check(sscanf(policy, "# portacl policy, generation %llu\n", &first) == 1,
	      "%s: the first line is '%.40s'", who, policy);
	for (char *line = policy; (end = strchr(line, '\n')); line = end + 1) {
		number++;
		if (*line != '#')
			rules++;
		else if (number > 1 &&
			 sscanf(line, "# end of generation %llu\n", &last) != 1)
			error_line = number;
	}
	check(rules == MAX_RULES, "%s reads %u rules, want %u", who, rules,
	      MAX_RULES);
	check(first == last && first == sysfs_number("generation"),
	      "%s: first line generation %llu, last line %llu", who, first,
	      last);
	check(!error_line, "%s: line %u is no rule", who, error_line);
	free(policy);
}

static void read_as_user(void *arg)
{
	struct subject other = subject_user("other user", UID_OTHER);

	(void)arg;
	subject_become(&other);
	check_listing("an ordinary user");
}

static void bind_by_many(unsigned int index, int want)
{
	struct subject subject = subject_user("one of many", 1000000 + index);

	/* Of the first thousand, as high ports prove nothing. */
	check_errno(plain_bind_as(&subject, TRANSPORT_TCP, FAMILY_V4,
				  1 + index % 65000),
		    want, "rule %u of many", index);
}

static void limits(void)
{
	unsigned long before;
	long long start;
	char *text;

	group_begin("many rules");
	must_upload("");
	before = available_kb();
	for (int i = 0; i < 50; i++)
		if (upload_begin("big", MAX_UPLOAD))
			die("begin %lu: %m", MAX_UPLOAD);
	check_errno(upload_abort("big"), 0, "abort");
	check_memory(before, "after beginnings of the longest upload");

	text = many_text(MAX_RULES);
	start = now_ms();
	must_upload(text);
	printf("# %u rules in %lld ms\n", MAX_RULES, now_ms() - start);
	check(sysfs_number("rule_count") == MAX_RULES,
	      "rule_count is %llu, want %u", sysfs_number("rule_count"),
	      MAX_RULES);
	bind_by_many(0, 0);
	bind_by_many(1022, 0);
	bind_by_many(65000 * 16 + 1000, 0);
	check_errno(sysfs_write("add", "allow user 1 1\n"), ENOSPC,
		    "one rule more");
	check_reason("one rule more");
	check_errno(sysfs_write("add", "allow user 1000000 1\n"), 0,
		    "a rule that is there");
	start = now_ms();
	in_child(read_as_user, NULL);
	printf("# read in %lld ms\n", now_ms() - start);
	must_write("remove", "allow user 1000000 1\n");
	must_write("add", "allow user 1 1\n");
	must_write("remove", "allow user 1 1\n");
	check_errno(sysfs_write("add", "allow user 1 1,3\n"), ENOSPC,
		    "a list of two where one is left");

	/* Not even a part of one that is too many. */
	free(text);
	text = many_text(MAX_RULES + 1);
	start = now_ms();
	check_errno(upload(text, strlen(text)), ENOSPC, "an upload of %u rules",
		    MAX_RULES + 1);
	printf("# refused in %lld ms\n", now_ms() - start);
	check_reason("too many rules");
	check(sysfs_number("rule_count") == MAX_RULES - 1,
	      "rule_count is %llu, want %u", sysfs_number("rule_count"),
	      MAX_RULES - 1);
	free(text);
	must_upload("");
	check_memory(before, "after an empty upload");
	bind_by_many(0, EACCES);
	group_end();
}

/* The one case that takes long. */
static void rests(void)
{
	long long start = now_ms();
	struct kernel_log log;
	char line[512];
	bool found = false;

	group_begin("time-out");
	set_old();
	kernel_log_open(&log);
	check_errno(upload_begin("slow", 1000), 0, "begin");
	check_errno(upload_chunk("slow", 0, "allow any 1\n", 12), 0, "chunk");
	while (!found && kernel_log_line(&log, line, sizeof(line),
					 start + 1000LL * TIMEOUT_S +
						 DEADLINE_MS))
		found = !strncmp(line, "portacl: upload of ", 19) &&
			strstr(line, " bytes dropped after 30 s without progress");
	check(found, "no line about it in the kernel log");
	check(now_ms() - start > 1000LL * TIMEOUT_S - 2000,
	      "dropped after %lld ms already", now_ms() - start);
	check_gone("slow", "time-out");
	check_old("time-out");
	check_next("after a time-out");
	kernel_log_close(&log);
	group_end();
}

int main(int argc, char **argv)
{
	harness_start();
	if (!sysfs_present())
		die("the module is not loaded");
	if (argc == 2 && !strcmp(argv[1], "protocol")) {
		protocol();
	} else if (argc == 2 && !strcmp(argv[1], "limits")) {
		limits();
	} else if (argc == 2 && !strcmp(argv[1], "timeout")) {
		rests();
	} else {
		fprintf(stderr, "usage: upload_test protocol|limits|timeout\n");
		return 2;
	}
	reset();
	return harness_finish();
}
