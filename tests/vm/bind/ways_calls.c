// SPDX-License-Identifier: GPL-2.0-only
/* Every call that binds, and every sort of thread that makes it. */
#define _GNU_SOURCE
#include "ways.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compat.h"
#include "control.h"
#include "harness.h"
#include "maker.h"
#include "standing.h"
#include "uring.h"

/* Who makes a call, under which setting. */
struct caller {
	struct subject subject;
	bool strict;
	enum standing standing;
};

#define USER(u, g) \
	.ruid = (u), .euid = (u), .suid = (u), \
	.rgid = (g), .egid = (g), .sgid = (g)

static const struct caller callers[] = {
	{ { .name = "granted user", USER(UID_GRANTED, GID_OTHER) },
	  false, HOLDER },
	{ { .name = "granted group", USER(UID_MEMBER, GID_OTHER),
	    .groups = { 1, GID_GRANTED }, .group_count = 2 },
	  false, HOLDER },
	{ { .name = "stranger", USER(UID_OTHER, GID_OTHER) },
	  false, STRANGER },
	{ { .name = "root", .capable = true }, false, CAPABLE },
	{ { .name = "granted user under strict",
	    USER(UID_GRANTED, GID_OTHER) },
	  true, HOLDER },
	{ { .name = "root under strict", .capable = true }, true, ROOT_STRICT },
};

/* fn(caller) as each of them. */
static void for_callers(void (*fn)(void *caller))
{
	standing_policy();
	for (size_t i = 0; i < ARRAY_SIZE(callers); i++) {
		must_write("strict", callers[i].strict ? "1" : "0");
		in_child(fn, (void *)&callers[i]);
	}
}

/* In this thread only: the library's own would change all of them. */
static void be(uid_t euid)
{
	if (syscall(SYS_setresuid, -1, euid, -1))
		die("setresuid: %m");
}

/* From one user to another, neither of which could do it himself. */
static void be_next(uid_t euid)
{
	be(0);
	be(euid);
}

static int try_loopback(void *arg, enum transport transport, enum family family,
			uint16_t port)
{
	(void)arg;
	return try_bind(transport, family, ADDRESS_LOOPBACK, port);
}

static bool have_thread(const char *prefix)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *entry;
	bool found = false;

	if (!tasks)
		die("/proc/self/task: %m");
	while (!found && (entry = readdir(tasks))) {
		char path[300], comm[32];

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
			 entry->d_name);
		found = entry->d_name[0] != '.' &&
			!file_read(path, comm, sizeof(comm)) &&
			!strncmp(comm, prefix, strlen(prefix));
	}
	closedir(tasks);
	return found;
}

struct uring_way {
	const char *name;
	unsigned int setup;
	unsigned int flags;
	/* Whether it has to wait for a request before it. */
	bool behind;
	/* The kernel's thread that makes the bind, if it is not this one. */
	const char *thread;
};

#define DEFERRED (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

static const struct uring_way uring_ways[] = {
	{ "inline", 0, 0, false, NULL },
	{ "worker", 0, IOSQE_ASYNC, false, "iou-wrk-" },
	{ "polling thread", IORING_SETUP_SQPOLL, 0, false, "iou-sqp-" },
	{ "worker of a polling thread", IORING_SETUP_SQPOLL, IOSQE_ASYNC, false,
	  "iou-wrk-" },
	{ "linked", 0, 0, true, NULL },
	{ "linked, worker", 0, IOSQE_ASYNC, true, "iou-wrk-" },
	{ "linked, deferred", DEFERRED, 0, true, NULL },
};

struct uring_try {
	const struct uring_way *way;
	struct ring *ring;
	int personality;
	int pipe[2];
	/* Set between the request and its turn, unless 0. */
	uid_t becomes;
	/* What the bind is. */
	enum transport transport;
	enum family family;
	uint16_t port;
};

/*
 * The bind comes behind a poll of an empty pipe, so that it is started from
 * task work, long after it was asked for.
 */
static int bind_behind(struct uring_try *try, int fd,
		       const union sockaddr_any *any, socklen_t length)
{
	struct io_uring_sqe poll = {
		.opcode = IORING_OP_POLL_ADD,
		.fd = try->pipe[0],
		.flags = IOSQE_IO_LINK,
		.poll32_events = POLLIN,
		.user_data = 1,
	};
	struct io_uring_sqe request = bind_request(
		fd, any, length, try->way->flags, try->personality);
	struct io_uring_cqe first, second;
	char byte = 0;

	ring_queue(try->ring, &poll);
	ring_queue(try->ring, &request);
	ring_enter(try->ring, 2, 0);
	if (ring_answer(try->ring, &first))
		die("the bind did not wait for the request before it");
	if (try->becomes)
		be_next(try->becomes);
	if (write(try->pipe[1], &byte, 1) != 1)
		die("write: %m");
	ring_enter(try->ring, 0, 2);
	if (!ring_answer(try->ring, &first) ||
	    !ring_answer(try->ring, &second) || !first.user_data ||
	    second.user_data)
		die("the answers are in disorder");
	if (read(try->pipe[0], &byte, 1) != 1)
		die("read: %m");
	return second.res < 0 ? -second.res : 0;
}

static int uring_once(void *arg)
{
	struct uring_try *try = arg;
	int fd = need_socket(try->transport, try->family), error;
	union sockaddr_any any;
	socklen_t length = make_plain_address(&any, try->family,
					      ADDRESS_LOOPBACK, try->port);

	if (try->way->behind)
		error = bind_behind(try, fd, &any, length);
	else
		error = ring_bind(try->ring, fd, &any, length, try->way->flags,
				  try->personality);
	if (!error && bound_port(fd) != try->port)
		die("port %u was bound for %u", bound_port(fd), try->port);
	close(fd);
	return error;
}

static int uring_try(void *arg, enum transport transport, enum family family,
		     uint16_t port)
{
	struct uring_try *try = arg;

	try->transport = transport;
	try->family = family;
	try->port = port;
	return once_free(uring_once, try);
}

static void uring_start(struct uring_try *try, const struct uring_way *way,
			struct ring *ring)
{
	int error;

	memset(try, 0, sizeof(*try));
	try->way = way;
	try->ring = ring;
	error = ring_open(ring, way->setup);
	if (error)
		die("%s: io_uring_setup: %s", way->name, errno_name(error));
	if (pipe(try->pipe))
		die("pipe: %m");
}

static void uring_end(struct uring_try *try)
{
	if (try->way->thread)
		check(have_thread(try->way->thread), "%s: no thread %s*",
		      try->way->name, try->way->thread);
	ring_close(try->ring);
	close(try->pipe[0]);
	close(try->pipe[1]);
}

/* A process for each way: a thread of another ring would prove nothing. */
struct uring_run {
	const struct uring_way *way;
	const struct caller *caller;
};

static void uring_way_run(void *arg)
{
	const struct uring_run *run = arg;
	char what[128];
	struct uring_try try;
	struct ring ring;

	subject_become(&run->caller->subject);
	uring_start(&try, run->way, &ring);
	snprintf(what, sizeof(what), "%s, %s", run->way->name,
		 run->caller->subject.name);
	standing_check(run->caller->standing, what, uring_try, &try);
	uring_end(&try);
}

static void uring_run(void)
{
	if (!uring_can_bind())
		return;
	standing_policy();
	for (size_t i = 0; i < ARRAY_SIZE(callers); i++) {
		must_write("strict", callers[i].strict ? "1" : "0");
		for (size_t w = 0; w < ARRAY_SIZE(uring_ways); w++) {
			struct uring_run run = { &uring_ways[w], &callers[i] };

			in_child(uring_way_run, &run);
		}
	}
}

/*
 * Who has lent his credentials to the ring counts, whoever asks. Root, who has
 * both, only serves to change between the users.
 */
static void lent_run_way(void *arg)
{
	const struct uring_way *way = arg;
	struct uring_try try;
	char what[128];
	int holder, stranger, root;
	struct ring ring;

	uring_start(&try, way, &ring);
	root = ring_lend(&ring);
	be(UID_GRANTED);
	holder = ring_lend(&ring);
	be_next(UID_OTHER);
	stranger = ring_lend(&ring);

	try.personality = holder;
	snprintf(what, sizeof(what), "%s, stranger lent by the holder",
		 way->name);
	standing_check(HOLDER, what, uring_try, &try);

	try.personality = root;
	snprintf(what, sizeof(what), "%s, stranger lent by root", way->name);
	standing_check(CAPABLE, what, uring_try, &try);

	be_next(UID_GRANTED);
	try.personality = stranger;
	snprintf(what, sizeof(what), "%s, holder lent by a stranger",
		 way->name);
	standing_check(STRANGER, what, uring_try, &try);
	uring_end(&try);
}

static void root_lends_under_strict(void *arg)
{
	struct uring_try try;
	struct ring ring;
	int root;

	uring_start(&try, arg, &ring);
	root = ring_lend(&ring);
	be(UID_OTHER);
	try.personality = root;
	standing_check(ROOT_STRICT, "stranger lent by root, strict", uring_try,
		       &try);
	uring_end(&try);
}

static void lent_run(void)
{
	if (!uring_can_bind())
		return;
	standing_policy();
	for (size_t w = 0; w < ARRAY_SIZE(uring_ways); w++)
		in_child(lent_run_way, (void *)&uring_ways[w]);
	must_write("strict", "1");
	in_child(root_lends_under_strict, (void *)&uring_ways[0]);
}

/* The thread has the credentials of the ring's maker. */
static void maker_run_way(void *arg)
{
	const struct uring_way *way = arg;
	struct uring_try try;
	char what[128];
	struct ring ring;

	be(UID_GRANTED);
	uring_start(&try, way, &ring);
	be_next(UID_OTHER);
	snprintf(what, sizeof(what), "%s of the holder, asked by a stranger",
		 way->name);
	standing_check(HOLDER, what, uring_try, &try);
	uring_end(&try);

	uring_start(&try, way, &ring);
	be_next(UID_GRANTED);
	snprintf(what, sizeof(what), "%s of a stranger, asked by the holder",
		 way->name);
	standing_check(STRANGER, what, uring_try, &try);
	uring_end(&try);
}

static void maker_run(void)
{
	if (!uring_can_bind())
		return;
	standing_policy();
	for (size_t w = 0; w < ARRAY_SIZE(uring_ways); w++)
		if (uring_ways[w].setup & IORING_SETUP_SQPOLL)
			in_child(maker_run_way, (void *)&uring_ways[w]);
}

/* A bind from task work is made by what the process is by then. */
static int changing_try(void *arg, enum transport transport, enum family family,
			uint16_t port)
{
	struct uring_try *try = arg;

	be_next(try->becomes == UID_GRANTED ? UID_OTHER : UID_GRANTED);
	return uring_try(try, transport, family, port);
}

static void changing_run_way(void *arg)
{
	const struct uring_way *way = arg;
	struct uring_try try;
	char what[128];
	struct ring ring;

	uring_start(&try, way, &ring);
	try.becomes = UID_GRANTED;
	snprintf(what, sizeof(what), "%s, a stranger becomes the holder",
		 way->name);
	standing_check(HOLDER, what, changing_try, &try);
	try.becomes = UID_OTHER;
	snprintf(what, sizeof(what), "%s, the holder becomes a stranger",
		 way->name);
	standing_check(STRANGER, what, changing_try, &try);
	uring_end(&try);
}

static void changing_run(void)
{
	if (!uring_can_bind())
		return;
	standing_policy();
	for (size_t w = 0; w < ARRAY_SIZE(uring_ways); w++)
		if (uring_ways[w].behind)
			in_child(changing_run_way, (void *)&uring_ways[w]);
}

static int i386_try(void *arg, enum transport transport, enum family family,
		    uint16_t port)
{
	union sockaddr_any any;
	socklen_t length = make_plain_address(&any, family, ADDRESS_LOOPBACK,
					      port);
	int fd = need_socket(transport, family);
	int error = i386_bind(fd, &any, length, *(const bool *)arg);

	if (!error && bound_port(fd) != port)
		die("port %u was bound for %u", bound_port(fd), port);
	close(fd);
	return error;
}

static void i386_caller(void *arg)
{
	const struct caller *caller = arg;
	char what[128];

	subject_become(&caller->subject);
	for (int old = 0; old < 2; old++) {
		bool socketcall = old;

		snprintf(what, sizeof(what), "%s, %s",
			 old ? "socketcall" : "bind", caller->subject.name);
		standing_check(caller->standing, what, i386_try, &socketcall);
	}
}

static void i386_run(void)
{
	if (have_i386())
		for_callers(i386_caller);
}

static void prepare_caller(const void *arg)
{
	const struct caller *caller = arg;

	subject_become(&caller->subject);
}

static int program32;

static void i386_program_caller(void *arg)
{
	static const char *const options[] = { "bind", "socketcall" };
	const struct caller *caller = arg;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct bind_program program = {
			.fd = program32,
			.option = options[i],
			.prepare = prepare_caller,
			.arg = caller,
		};
		char what[128];

		snprintf(what, sizeof(what), "%s, %s", options[i],
			 caller->subject.name);
		standing_check_program(caller->standing, what, &program);
	}
}

static void i386_program_run(void)
{
	if (!have_i386())
		return;
	program32 = bind_program_open("bind_list32");
	if (program32 < 0) {
		skip("bind_list32 was not built: %s", errno_name(-program32));
		return;
	}
	for_callers(i386_program_caller);
}

/* A thread, or a process in the same memory, that is somebody else. */
enum thread_kind { THREAD, SAME_MEMORY, VFORK };

struct thread_case {
	const char *name;
	enum thread_kind kind;
	uid_t euid;
	uid_t fsuid;
	enum standing standing;
	/* What its maker is meanwhile. */
	uid_t maker;
	enum standing maker_standing;
};

static const struct thread_case thread_cases[] = {
	{ "thread", THREAD, UID_GRANTED, UID_GRANTED, HOLDER,
	  UID_OTHER, STRANGER },
	{ "thread of the holder", THREAD, UID_OTHER, UID_OTHER, STRANGER,
	  UID_GRANTED, HOLDER },
	{ "thread of root", THREAD, UID_OTHER, UID_OTHER, STRANGER,
	  0, CAPABLE },
	{ "thread with the holder's files", THREAD, UID_OTHER, UID_GRANTED,
	  STRANGER, UID_OTHER, STRANGER },
	{ "thread with a stranger's files", THREAD, UID_GRANTED, UID_OTHER,
	  HOLDER, UID_OTHER, STRANGER },
	{ "clone", SAME_MEMORY, UID_GRANTED, UID_GRANTED, HOLDER,
	  UID_OTHER, STRANGER },
	{ "clone of the holder", SAME_MEMORY, UID_OTHER, UID_OTHER, STRANGER,
	  UID_GRANTED, HOLDER },
	{ "vfork", VFORK, UID_GRANTED, UID_GRANTED, HOLDER,
	  UID_OTHER, STRANGER },
	{ "vfork of the holder", VFORK, UID_OTHER, UID_OTHER, STRANGER,
	  UID_GRANTED, HOLDER },
};

struct thread_run {
	const struct thread_case *way;
	sem_t changed;
	sem_t turn;
};

static int thread_process(void *arg)
{
	struct thread_run *run = arg;
	const struct thread_case *way = run->way;

	be(0);
	if (syscall(SYS_setresuid, way->fsuid, way->euid, 0))
		die("setresuid: %m");
	/* By the library, as it is for one thread anyway. */
	setfsuid(way->fsuid);
	if ((uid_t)setfsuid(-1) != way->fsuid)
		die("the user of the file system does not change");
	sem_post(&run->changed);
	/* Who made a child by vfork only goes on when it has ended. */
	while (way->kind != VFORK && sem_wait(&run->turn))
		;
	standing_check(way->standing, way->name, try_loopback, NULL);
	return 0;
}

static void *thread_start(void *arg)
{
	thread_process(arg);
	return NULL;
}

static void thread_run_case(void *arg)
{
	static char stack[1 << 17] __attribute__((aligned(16)));
	struct thread_run run = { .way = arg };
	const struct thread_case *way = run.way;
	pthread_t thread;
	int status, flags = CLONE_VM | SIGCHLD;
	char what[128];
	pid_t pid = 0;

	if (sem_init(&run.changed, 0, 0) || sem_init(&run.turn, 0, 0))
		die("sem_init: %m");
	be(way->maker);
	if (way->kind == THREAD) {
		if (pthread_create(&thread, NULL, thread_start, &run))
			die("pthread_create");
	} else {
		if (way->kind == VFORK)
			flags |= CLONE_VFORK;
		pid = clone(thread_process, stack + sizeof(stack), flags, &run);
		if (pid < 0)
			die("clone: %m");
	}
	while (sem_wait(&run.changed))
		;
	snprintf(what, sizeof(what), "%s: its maker", way->name);
	standing_check(way->maker_standing, what, try_loopback, NULL);
	sem_post(&run.turn);
	if (way->kind == THREAD) {
		pthread_join(thread, NULL);
		return;
	}
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid: %m");
	check(WIFEXITED(status) && !WEXITSTATUS(status), "%s: status %#x",
	      way->name, status);
}

static void threads_run(void)
{
	standing_policy();
	for (size_t i = 0; i < ARRAY_SIZE(thread_cases); i++)
		in_child(thread_run_case, (void *)&thread_cases[i]);
}

/* Who makes a socket is not who binds it. */
struct passed_case {
	const char *name;
	uid_t maker;
	uid_t binder;
	bool strict;
	enum standing standing;
};

static const struct passed_case passed_cases[] = {
	{ "root's socket, stranger", 0, UID_OTHER, false, STRANGER },
	{ "root's socket, holder", 0, UID_GRANTED, false, HOLDER },
	{ "holder's socket, stranger", UID_GRANTED, UID_OTHER, false,
	  STRANGER },
	{ "stranger's socket, holder", UID_OTHER, UID_GRANTED, false, HOLDER },
	{ "stranger's socket, root", UID_OTHER, 0, false, CAPABLE },
	{ "holder's socket, root under strict", UID_GRANTED, 0, true,
	  ROOT_STRICT },
};

struct passed_try {
	const struct passed_case *way;
	struct maker maker;
	int fd;
	const union sockaddr_any *any;
	socklen_t length;
};

static int inherited_bind(void *arg)
{
	const struct passed_try *try = arg;

	be_next(try->way->binder);
	return bind_errno(try->fd, try->any, try->length);
}

static int inherited_try(void *arg, enum transport transport,
			 enum family family, uint16_t port)
{
	struct passed_try *try = arg;
	union sockaddr_any any;
	int error;

	be_next(try->way->maker);
	try->length = make_plain_address(&any, family, ADDRESS_LOOPBACK, port);
	try->any = &any;
	try->fd = need_socket(transport, family);
	error = from_child(inherited_bind, try);
	close(try->fd);
	return error;
}

static int sent_try(void *arg, enum transport transport, enum family family,
		    uint16_t port)
{
	const struct passed_try *try = arg;
	union sockaddr_any any;
	socklen_t length = make_plain_address(&any, family, ADDRESS_LOOPBACK,
					      port);
	int fd = maker_socket(&try->maker, transport, family);
	int error = bind_errno(fd, &any, length);

	close(fd);
	return error;
}

static void inherited_case(void *arg)
{
	struct passed_try try = { .way = arg };
	char what[128];

	snprintf(what, sizeof(what), "inherited, %s", try.way->name);
	standing_check(try.way->standing, what, inherited_try, &try);
}

static void prepare_maker(const void *arg)
{
	const struct passed_case *way = arg;
	struct subject maker = subject_user("maker", way->maker);

	subject_become(&maker);
}

static void sent_case(void *arg)
{
	struct passed_try try = { .way = arg };
	struct subject binder = subject_user("binder", try.way->binder);
	char what[128];

	maker_start(&try.maker, prepare_maker, try.way);
	subject_become(&binder);
	snprintf(what, sizeof(what), "sent, %s", try.way->name);
	standing_check(try.way->standing, what, sent_try, &try);
	maker_end(&try.maker);
}

static void passed_run(void)
{
	standing_policy();
	for (size_t i = 0; i < ARRAY_SIZE(passed_cases); i++) {
		must_write("strict", passed_cases[i].strict ? "1" : "0");
		in_child(inherited_case, (void *)&passed_cases[i]);
		in_child(sent_case, (void *)&passed_cases[i]);
	}
}

const struct way call_ways[] = {
	{ "calls/uring", "io_uring: inline, workers, polling, linked",
	  uring_run },
	{ "calls/uring-lent", "credentials registered with a ring", lent_run },
	{ "calls/uring-maker", "a polling thread is who made its ring",
	  maker_run },
	{ "calls/uring-changing", "credentials that change before the bind",
	  changing_run },
	{ "calls/i386", "32-bit calls of a 64-bit program", i386_run },
	{ "calls/i386-program", "a 32-bit program", i386_program_run },
	{ "calls/threads", "threads of one process that are several users",
	  threads_run },
	{ "calls/passed", "sockets that another user has made", passed_run },
	{ 0 },
};
