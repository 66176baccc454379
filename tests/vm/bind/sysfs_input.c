// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "sysfs_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "model.h"
#include "sockets.h"

struct bad {
	const char *name;
	const char *text;
	size_t size;	/* 0: up to its end */
	int line;	/* 0: any */
	int column;	/* 0: any */
};

/* What is already there, and stays. */
#define PRESENT "allow user 61001 443\n"

/* Column 12 is where the id starts, 18 where the ports start. */
static const struct bad bad_rules[] = {
	{ "last newline missing", "allow user 61001 80", 0, 1, 20 },
	{ "last newline missing after another rule",
	  "allow user 61001 80\nallow user 61001 81", 0, 2, 20 },
	{ "port 0", "allow user 61001 0\n", 0, 1, 18 },
	{ "port 0 as the start of a range", "allow user 61001 0-80\n", 0, 1,
	  18 },
	{ "port 65536", "allow user 61001 65536\n", 0, 1, 18 },
	{ "port 65536 + 80", "allow user 61001 65616\n", 0, 1, 18 },
	{ "port 99999999999", "allow user 61001 99999999999\n", 0, 1, 18 },
	{ "port 2^32 + 80", "allow user 61001 4294967376\n", 0, 1, 18 },
	{ "port 2^64 + 80", "allow user 61001 18446744073709551696\n", 0, 1,
	  18 },
	{ "end of a range 65536", "allow user 61001 80-65536\n", 0, 1, 21 },
	{ "open range", "allow user 61001 80-\n", 0, 1, 21 },
	{ "open range before a transport", "allow user 61001 80-/tcp\n", 0, 1,
	  21 },
	{ "range without a start", "allow user 61001 -80\n", 0, 1, 18 },
	{ "range backwards", "allow user 61001 90-80\n", 0, 1, 18 },
	{ "two dashes", "allow user 61001 80-81-82\n", 0, 1, 23 },
	{ "no ports", "allow user 61001\n", 0, 1, 17 },
	{ "no ports but a blank", "allow user 61001 \n", 0, 1, 18 },
	{ "empty list", "allow user 61001 ,\n", 0, 1, 18 },
	{ "list with a gap", "allow user 61001 80,,81\n", 0, 1, 21 },
	{ "list with an open end", "allow user 61001 80,\n", 0, 1, 21 },
	{ "list with an open start", "allow user 61001 ,80\n", 0, 1, 18 },
	{ "list with a blank", "allow user 61001 80, 81\n", 0, 1, 21 },
	{ "list with a bad second port", "allow user 61001 80,0\n", 0, 1, 21 },
	{ "no ports but a transport", "allow user 61001 /tcp\n", 0, 1, 18 },
	{ "no transport", "allow user 61001 80/\n", 0, 1, 21 },
	{ "unknown transport", "allow user 61001 80/tcpx\n", 0, 1, 21 },
	{ "transport cut short", "allow user 61001 80/tc\n", 0, 1, 21 },
	{ "transport in capitals", "allow user 61001 80/TCP\n", 0, 1, 21 },
	{ "two transports", "allow user 61001 80/tcp/udp\n", 0, 1, 21 },
	{ "trailing word", "allow user 61001 80 81\n", 0, 1, 21 },
	{ "trailing rubbish", "allow user 61001 80x\n", 0, 1, 20 },
	{ "carriage return", "allow user 61001 80\r\n", 0, 1, 20 },
	{ "NUL at the end", "allow user 61001 80\0\n", 21, 1, 20 },
	{ "NUL after the newline", "allow user 61001 80\n\0", 21, 2, 0 },
	{ "NUL in a number", "allow user 61001 8\0000\n", 21, 1, 19 },
	{ "NUL in a word", "all\0ow user 61001 80\n", 21, 1, 4 },
	{ "NUL only", "\0", 1, 1, 0 },
	{ "name of a user", "allow user web 80\n", 0, 1, 12 },
	{ "name of a group", "allow group mail 25\n", 0, 1, 13 },
	{ "name of a service", "allow user 61001 https\n", 0, 1, 18 },
	{ "a comment only", "# nothing but words\n", 0, 1, 0 },
	{ "an empty line only", "\n", 0, 1, 0 },
	{ "uid 4294967295", "allow user 4294967295 80\n", 0, 1, 12 },
	{ "uid 4294967296", "allow user 4294967296 80\n", 0, 1, 12 },
	{ "uid 2^32 + 61001", "allow user 4295028297 80\n", 0, 1, 12 },
	{ "uid of many digits",
	  "allow user 100000000000000000000000000061001 80\n", 0, 1, 12 },
	{ "gid 4294967295", "allow group 4294967295 80\n", 0, 1, 13 },
	{ "gid 4294967296", "allow group 4294967296 80\n", 0, 1, 13 },
	{ "negative uid", "allow user -1 80\n", 0, 1, 12 },
	{ "signed uid", "allow user +61001 80\n", 0, 1, 12 },
	{ "hexadecimal uid", "allow user 0x10 80\n", 0, 1, 0 },
	{ "uid with a letter", "allow user 61001a 80\n", 0, 1, 0 },
	{ "no uid", "allow user\n", 0, 1, 0 },
	{ "no subject", "allow\n", 0, 1, 0 },
	{ "subject any with an id", "allow any 61001 80\n", 0, 1, 0 },
	{ "unknown subject", "allow process 61001 80\n", 0, 1, 7 },
	{ "unknown action", "permit user 61001 80\n", 0, 1, 1 },
	{ "action cut short", "allo user 61001 80\n", 0, 1, 1 },
	{ "action too long", "allows user 61001 80\n", 0, 1, 1 },
	{ "action in capitals", "ALLOW user 61001 80\n", 0, 1, 1 },
	{ "words run together", "allowuser 61001 80\n", 0, 1, 1 },
	{ "not text", "\377\376\001\n", 0, 1, 1 },
	{ "no-break space", "allow user 61001\302\24080\n", 0, 1, 0 },
	{ "second of two", "allow user 61001 80\nallow user 61001 0\n", 0, 2,
	  18 },
	{ "second of three",
	  "allow user 61001 80\nallow user 61001 x\nallow user 61001 82\n", 0,
	  2, 18 },
	{ "last of three",
	  "allow user 61001 80\nallow user 61001 81\nallow any 70000\n", 0, 3,
	  11 },
	{ "each without a count", "allow each 10-20 1000\n", 0, 1, 0 },
	{ "each with count 0", "allow each 10-20 1000+0\n", 0, 1, 23 },
	{ "each with base 0", "allow each 10-20 0+1\n", 0, 1, 18 },
	{ "each backwards", "allow each 20-10 1000+1\n", 0, 1, 12 },
	{ "each of one number", "allow each 20 1000+1\n", 0, 1, 0 },
	{ "each past 65535 by one", "allow each 10-20 65526+1\n", 0, 1, 0 },
	{ "each past 65535 by far", "allow each 0-4294967294 1024+1\n", 0, 1,
	  0 },
	{ "each whose product wraps to 0",
	  "allow each 0-4294967294 1+65536\n", 0, 1, 0 },
	{ "each up to 4294967295", "allow each 10-4294967295 1000+1\n", 0, 1,
	  0 },
	{ "each with a list", "allow each 10-20 1000+1,2000+1\n", 0, 1, 0 },
};

/* Words of the language that this version does not know are not passed over. */
static const char *const unknown_words[] = {
	"allow user 61001 80 until\n",
	"allow user 61001 80 on\n",
	"allow user 61001 80 for 10m\n",
	"allow user 61001 80 on 127.0.0.1/33\n",
	"allow user 61001 80 until x\n",
};

/* The line and column of "line L column C: reason", and that there is one. */
static void check_error(const char *name, int line, int column)
{
	char text[512], *reason;
	int got_line = 0, got_column = 0, length = 0;

	sysfs_read("error", text, sizeof(text));
	text[strcspn(text, "\n")] = '\0';
	sscanf(text, "line %d column %d:%n", &got_line, &got_column, &length);
	reason = text + length;
	check(length && *reason == ' ' && strlen(reason) > 5 &&
		      got_line > 0 && got_column > 0 &&
		      (!line || got_line == line) && (!column || got_column == column),
	      "%s: error says '%s', want line %d column %d", name, text, line,
	      column);
}

static void try_bad(const char *file, const char *name, const char *text,
		    size_t size, int want, int line, int column)
{
	struct snapshot old;
	char path[128];

	snapshot_take(&old);
	snprintf(path, sizeof(path), SYSFS "%s", file);
	check_errno(file_write(path, text, size), want, "%s to %s", name, file);
	check_error(name, line, column);
	snapshot_check(&old, name);
}

static void bad_input(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_rules); i++) {
		const struct bad *bad = &bad_rules[i];
		size_t size = bad->size ? bad->size : strlen(bad->text);

		try_bad("add", bad->name, bad->text, size, EINVAL, bad->line,
			bad->column);
		/* Of several, the first is looked for before the next is read. */
		if (bad->line == 1)
			try_bad("remove", bad->name, bad->text, size, EINVAL,
				bad->line, bad->column);
	}
	for (size_t i = 0; i < ARRAY_SIZE(unknown_words); i++)
		try_bad("add", unknown_words[i], unknown_words[i],
			strlen(unknown_words[i]), EINVAL, 1, 0);
}

/* Whole rules of exactly this size together, the last of them tail if any. */
static char *make_text(size_t size, const char *tail)
{
	size_t tail_size = strlen(tail), n = 0, left;
	char *text = malloc(size + 64);
	unsigned int port = 11;

	if (!text)
		die("malloc: %m");
	while (n + 64 < size - tail_size)
		n += sprintf(text + n, "allow user %zu 443\n", 10000 + n);
	n += sprintf(text + n, "allow user 61002 ");
	/* A list of ports, apart from each other, fills up what is missing. */
	for (left = size - tail_size - n - 1; left > 4; left -= 3, port += 2)
		n += sprintf(text + n, "%u,", port);
	n += sprintf(text + n, "%.*s\n%s", (int)left, "1000", tail);
	if (n != size)
		die("a text of %zu bytes has %zu", size, n);
	return text;
}

/* The byte after the last that fits is where the trouble is. */
static void too_long(const char *file, const char *name, const char *text,
		     size_t size, int want)
{
	int line = 1, column = 1;

	for (size_t i = 0; i < SYSFS_WRITE_MAX; i++) {
		column++;
		if (text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	try_bad(file, name, text, size, want, line, column);
}

static void sizes(const struct snapshot *old)
{
	static const char cut[] = "allow user 61001 8080\n";
	char *text;

	text = make_text(4096, "");
	too_long("add", "a full page", text, 4096, E2BIG);
	too_long("remove", "a full page", text, 4096, E2BIG);
	free(text);
	text = make_text(4097, "");
	too_long("add", "a page and a byte", text, 4097, E2BIG);
	free(text);
	text = make_text(4096 + 4096, "");
	too_long("add", "two pages", text, 8192, E2BIG);
	free(text);
	/* The page ends after "80". */
	text = make_text(4096 + 3, cut);
	too_long("add", "a page cut in a number", text, 4096 + 3, E2BIG);
	too_long("add", "a page that ends in a number", text, 4096, E2BIG);
	/* What a writer that knows the limit, but not lines, would write. */
	too_long("add", "4095 bytes that end in a number", text, 4095, EINVAL);
	free(text);

	text = make_text(4095, "");
	must_write("add", text);
	check(sysfs_number("rule_count") > old->rules,
	      "4095 bytes are taken but no rule was added");
	must_write("remove", text);
	check(sysfs_number("rule_count") == old->rules,
	      "4095 bytes are taken out again, %llu rules remain",
	      sysfs_number("rule_count"));
	free(text);
}

static void nothing(const struct snapshot *old)
{
	/* The kernel itself passes over a write of nothing. */
	check_errno(file_write(SYSFS "add", "", 0), 0, "empty write to add");
	check_errno(file_write(SYSFS "remove", "", 0), 0,
		    "empty write to remove");
	snapshot_check(old, "empty write");
}

static void bad_modes(const struct snapshot *old)
{
	static const char *const modes[] = { "on\n", "enforced\n", "enf\n",
					     "\n",   " enforce\n", "0\n",
					     "enforce off\n", "enforce\n\n" };
	char mode[32];

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		check_errno(sysfs_write("mode", modes[i]), EINVAL,
			    "mode '%.*s'", (int)strcspn(modes[i], "\n"),
			    modes[i]);
	check_errno(file_write(SYSFS "mode", "off\0\n", 5), EINVAL,
		    "mode with a NUL");
	sysfs_read("mode", mode, sizeof(mode));
	check(!strcmp(mode, "enforce\n"), "mode is now '%s'", mode);
	snapshot_check(old, "bad modes");
}

/* Whatever was refused above has given nobody a port. */
static void still_in_force(void *arg)
{
	struct subject subject = subject_user("granted user", UID_GRANTED);

	(void)arg;
	subject_become(&subject);
	for (uint16_t port = 1; port < PRIVILEGED_PORTS; port++)
		check_errno(try_bind(TRANSPORT_TCP, FAMILY_V4, ADDRESS_LOOPBACK,
				     port),
			    port == PORT_GRANTED ? 0 : EACCES,
			    "after bad input, port %u", port);
}

void input_run(void)
{
	struct snapshot old;

	group_begin("bad input");
	must_write("add", PRESENT);
	snapshot_take(&old);
	nothing(&old);
	bad_input();
	sizes(&old);
	snapshot_take(&old);
	bad_modes(&old);
	in_child(still_in_force, NULL);
	remove_all();
	group_end();
}
