// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "standing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control.h"
#include "harness.h"

#define PORT_NOBODY 8445

static const struct {
	const char *name;
	uint16_t port;
	int want[STANDINGS];
} ports[] = {
	/* holder, stranger, capable, root under strict, unjudged */
	{ "granted", PORT_GRANTED, { 0, EACCES, 0, EACCES, EACCES } },
	{ "low", PORT_LOW, { EACCES, EACCES, 0, EACCES, EACCES } },
	{ "root's", PORT_ROOT, { EACCES, EACCES, 0, 0, EACCES } },
	{ "high", PORT_HIGH, { 0, 0, 0, 0, 0 } },
	{ "reserved", PORT_RESERVED, { 0, EACCES, 0, EACCES, 0 } },
	{ "denied", PORT_NOBODY, { EACCES, EACCES, 0, EACCES, 0 } },
};

#define BINDS (ARRAY_SIZE(ports) * 4)

void standing_policy(void)
{
	char rules[512];

	snprintf(rules, sizeof(rules),
		 "allow user %u %u,%u\n"
		 "allow group %u %u,%u\n"
		 "allow user 0 %u\n"
		 "reserve %u\n"
		 "deny any %u\n",
		 UID_GRANTED, PORT_GRANTED, PORT_RESERVED, GID_GRANTED,
		 PORT_GRANTED, PORT_RESERVED, PORT_ROOT, PORT_RESERVED,
		 PORT_NOBODY);
	must_upload(rules);
}

/* bind_list and bind_list32 keep to this order. */
void standing_check(enum standing standing, const char *what, try_fn *try,
		    void *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
		for (int t = TRANSPORT_TCP; t <= TRANSPORT_UDP; t++)
			for (int f = FAMILY_V4; f <= FAMILY_V6; f++)
				check_errno(try(arg, t, f, ports[i].port),
					    ports[i].want[standing],
					    "%s, %s port, %s %s", what,
					    ports[i].name, transport_names[t],
					    family_names[f]);
}

static int try_here(void *arg, enum transport transport, enum family family,
		    uint16_t port)
{
	(void)arg;
	return try_bind(transport, family, ADDRESS_WILDCARD, port);
}

void standing_check_here(enum standing standing, const char *what)
{
	standing_check(standing, what, try_here, NULL);
}

int bind_program_open(const char *name)
{
	char path[4096];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
	char *slash;
	int fd;

	if (size <= 0 || size == sizeof(path))
		die("/proc/self/exe: %m");
	path[size] = '\0';
	slash = strrchr(path, '/');
	if (!slash || slash + 1 + strlen(name) >= path + sizeof(path))
		die("/proc/self/exe is '%s'", path);
	strcpy(slash + 1, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

struct program_run {
	const struct bind_program *program;
	int out;
};

static int program_run(void *arg)
{
	const struct program_run *run = arg;
	char text[ARRAY_SIZE(ports)][8], *argv[ARRAY_SIZE(ports) + 3];
	char *envp[] = { NULL };
	size_t argc = 0;

	argv[argc++] = "bind_list";
	if (run->program->option)
		argv[argc++] = (char *)run->program->option;
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		snprintf(text[i], sizeof(text[i]), "%u", ports[i].port);
		argv[argc++] = text[i];
	}
	argv[argc] = NULL;
	if (run->program->prepare)
		run->program->prepare(run->program->arg);
	/* Now only, as what is wrong with a test goes there, too. */
	if (dup2(run->out, STDOUT_FILENO) < 0)
		die("dup2: %m");
	syscall(SYS_execveat, run->program->fd, "", argv, envp, AT_EMPTY_PATH);
	return errno;
}

struct answers {
	unsigned char error[BINDS];
	size_t next;
};

static int next_answer(void *arg, enum transport transport, enum family family,
		       uint16_t port)
{
	struct answers *answers = arg;

	(void)transport;
	(void)family;
	(void)port;
	return answers->error[answers->next++];
}

void standing_check_program(enum standing standing, const char *what,
			    const struct bind_program *program)
{
	struct program_run run = { .program = program };
	struct answers answers = { 0 };
	int ends[2], status;

	if (pipe2(ends, O_CLOEXEC))
		die("pipe: %m");
	run.out = ends[1];
	status = from_child(program_run, &run);
	close(ends[1]);
	if (check(!status, "%s: the program ended with %d", what, status)) {
		/* One more would be an answer too many. */
		unsigned char error[BINDS + 1];
		ssize_t got = read(ends[0], error, sizeof(error));

		if (check(got == BINDS, "%s: %zd answers, want %zu", what, got,
			  BINDS)) {
			memcpy(answers.error, error, BINDS);
			standing_check(standing, what, next_answer, &answers);
		}
	}
	close(ends[0]);
}
