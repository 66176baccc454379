// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process 1 of the guest: runs one command and relays its streams.
 *
 * Every stream has a virtio port of its own, because a console would merge
 * stdout with stderr and translate line ends. The command itself gets
 * ordinary pipes (a port can be opened only once, so /dev/stdout would fail on
 * it) or, with a terminal on the host's side, a pseudo terminal.
 *
 * The control port carries lines: "ready" and "exit STATUS" to the host,
 * "winsize ROWS COLUMNS" from it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/reboot.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_DIR "/run/portacl-vm"
#define PORT_DIR "/dev/virtio-ports/"

/* A terminal's last output reaches its master through a kernel worker. */
#define PTY_SETTLE_MS 200

static int ctl_port;

/* Whatever cannot go on ends the guest; the host sees no status and says so. */
static void fail(const char *what)
{
	dprintf(STDERR_FILENO, "guest: %s: %s\n", what, strerror(errno));
	reboot(LINUX_REBOOT_CMD_RESTART);
	_exit(1);
}

static int open_port(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), PORT_DIR "portacl.%s", name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fail(path);
	return fd;
}

static char *read_file(const char *name, size_t *size)
{
	char path[64];
	struct stat st;
	char *text;
	int fd;

	snprintf(path, sizeof(path), RUN_DIR "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		fail(path);
	text = calloc(1, st.st_size + 1);
	if (!text || read(fd, text, st.st_size) != st.st_size)
		fail(path);
	close(fd);
	*size = st.st_size;
	return text;
}

/* A file of NUL-terminated strings becomes a NULL-terminated vector. */
static char **read_vector(const char *name)
{
	size_t size, count = 0, i = 0;
	char *text = read_file(name, &size);
	char **vector;

	for (size_t pos = 0; pos < size; pos++)
		count += !text[pos];
	vector = calloc(count + 1, sizeof(*vector));
	if (!vector)
		fail(name);
	for (char *s = text; s < text + size && i < count; s += strlen(s) + 1)
		vector[i++] = s;
	return vector;
}

static void write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		data += n;
		size -= n;
	}
}

/*
 * write() on a port returns before the host has taken the data, and what is
 * still queued is lost when the machine goes away. A port is writable again
 * only when the host has taken everything.
 */
static void drain_port(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

/* Moves what one read gives; false when there will be nothing more. */
static bool relay(int from, int to)
{
	static char buf[65536];
	ssize_t n = read(from, buf, sizeof(buf));

	if (n > 0) {
		write_all(to, buf, n);
		return true;
	}
	return n < 0 && (errno == EINTR || errno == EAGAIN);
}

static void run_command(char **argv, char **envp)
{
	size_t size;
	const char *cwd = read_file("cwd", &size);
	sigset_t none;
	int status;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (chdir(cwd)) {
		dprintf(STDERR_FILENO, "guest: cannot enter %s: %s\n", cwd,
			strerror(errno));
		_exit(126);
	}
	environ = envp;
	execvp(argv[0], argv);
	status = errno == ENOENT ? 127 : 126;
	dprintf(STDERR_FILENO, "guest: cannot run %s: %s\n", argv[0],
		strerror(errno));
	_exit(status);
}

struct streams {
	int sink;	/* where the host's stdin goes, -1 when closed */
	int out;	/* the command's stdout, or its terminal */
	int err;	/* the command's stderr, -1 with a terminal */
	bool tty;
};

static void make_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC))
		fail("pipe");
}

static pid_t start(struct streams *s)
{
	char **argv = read_vector("argv");
	char **envp = read_vector("env");
	int in[2], out[2], err[2], master;
	pid_t pid;

	s->tty = !access(RUN_DIR "/tty", F_OK);
	if (s->tty) {
		pid = forkpty(&master, NULL, NULL, NULL);
		if (pid < 0)
			fail("forkpty");
		if (!pid)
			run_command(argv, envp);
		fcntl(master, F_SETFD, FD_CLOEXEC);
		fcntl(master, F_SETFL, O_NONBLOCK);
		s->sink = master;
		s->out = master;
		s->err = -1;
		return pid;
	}

	make_pipe(in);
	make_pipe(out);
	make_pipe(err);
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid) {
		setsid();
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		run_command(argv, envp);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	/* Reading goes on after the command's end only while there is data. */
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	s->sink = in[1];
	s->out = out[0];
	s->err = err[0];
	return pid;
}

/* Reaps everything, as process 1 must; true when the command was among it. */
static bool reap(pid_t command, int *status)
{
	bool done = false;
	int raw;
	pid_t pid;

	while ((pid = waitpid(-1, &raw, WNOHANG)) > 0) {
		if (pid != command)
			continue;
		done = true;
		*status = WIFSIGNALED(raw) ? 128 + WTERMSIG(raw) :
					     WEXITSTATUS(raw);
	}
	return done;
}

static void take_control(const struct streams *s)
{
	struct winsize size = { 0 };
	char line[128];
	ssize_t n = read(ctl_port, line, sizeof(line) - 1);

	if (n <= 0 || !s->tty)
		return;
	line[n] = '\0';
	if (sscanf(line, "winsize %hu %hu", &size.ws_row, &size.ws_col) == 2)
		ioctl(s->out, TIOCSWINSZ, &size);
}

/* The host's stdin waits in buf while the command does not read it. */
struct input {
	char buf[65536];
	size_t start, end;
};

static void close_sink(struct streams *s)
{
	/* A terminal's sink is also its output. */
	if (!s->tty)
		close(s->sink);
	s->sink = -1;
}

static void push_input(struct streams *s, struct input *in)
{
	ssize_t n = write(s->sink, in->buf + in->start, in->end - in->start);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		close_sink(s);
	else if (n > 0)
		in->start += n;
}

static void pull_input(struct streams *s, struct input *in, int in_port)
{
	ssize_t n = read(in_port, in->buf, sizeof(in->buf));

	in->start = 0;
	in->end = n > 0 ? n : 0;
	if (!n || (n < 0 && errno != EINTR))
		close_sink(s);
}

/* What the command left behind; background processes may keep it open. */
static void drain_stream(int from, int to, bool tty)
{
	struct pollfd p = { .fd = from, .events = POLLIN };

	while (poll(&p, 1, tty ? PTY_SETTLE_MS : 0) > 0)
		if (!relay(from, to))
			return;
}

static int supervise(struct streams *s, pid_t command, int sig_fd, int in_port,
		     int out_port, int err_port)
{
	static struct input in;
	int status = 0;

	for (;;) {
		bool pending = in.start < in.end;
		struct pollfd p[] = {
			{ .fd = sig_fd, .events = POLLIN },
			{ .fd = ctl_port, .events = POLLIN },
			{ .fd = s->out, .events = POLLIN },
			{ .fd = s->err, .events = POLLIN },
			{ .fd = s->sink < 0 || pending ? -1 : in_port,
			  .events = POLLIN },
			{ .fd = pending ? s->sink : -1, .events = POLLOUT },
		};

		if (poll(p, sizeof(p) / sizeof(p[0]), -1) < 0)
			continue;
		if (p[0].revents) {
			struct signalfd_siginfo info;

			if (read(sig_fd, &info, sizeof(info)) > 0 &&
			    reap(command, &status))
				break;
		}
		if (p[1].revents & POLLIN)
			take_control(s);
		/* With a terminal the end of output is the command's end. */
		if (p[2].revents && !relay(s->out, out_port))
			s->out = -1;
		if (p[3].revents && !relay(s->err, err_port))
			s->err = -1;
		if (p[4].revents)
			pull_input(s, &in, in_port);
		if (p[5].revents)
			push_input(s, &in);
	}
	if (s->out >= 0)
		drain_stream(s->out, out_port, s->tty);
	if (s->err >= 0)
		drain_stream(s->err, err_port, false);
	drain_port(out_port);
	drain_port(err_port);
	return status;
}

int main(void)
{
	int in_port, out_port, err_port, sig_fd, status;
	struct streams streams;
	sigset_t child;
	pid_t command;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	sig_fd = signalfd(-1, &child, SFD_CLOEXEC);
	if (sig_fd < 0)
		fail("signalfd");

	ctl_port = open_port("ctl");
	in_port = open_port("in");
	out_port = open_port("out");
	err_port = open_port("err");
	dprintf(ctl_port, "ready\n");

	command = start(&streams);
	status = supervise(&streams, command, sig_fd, in_port, out_port,
			   err_port);
	dprintf(ctl_port, "exit %d\n", status);
	drain_port(ctl_port);
	reboot(LINUX_REBOOT_CMD_RESTART);
	fail("reboot");
}
