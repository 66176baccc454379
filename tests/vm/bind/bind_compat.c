// SPDX-License-Identifier: GPL-2.0-only
/*
 * bind by the system calls of 32-bit programs. The old interrupt reaches them
 * from a 64-bit program too, provided that its addresses fit.
 */
#define _GNU_SOURCE
#include "bind_test.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "model.h"
#include "sockets.h"

#if defined(__x86_64__)

enum { I386_GETPID = 20, I386_SOCKETCALL = 102, I386_BIND = 361 };
enum { SOCKETCALL_BIND = 2 };

static long i386_call(long number, long a, long b, long c)
{
	long result;

	asm volatile("int $0x80"
		     : "=a"(result)
		     : "0"(number), "b"(a), "c"(b), "d"(c)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

/* A kernel without these calls kills the process that tries. */
static bool have_i386(void)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %m");
	if (!pid)
		_exit(i386_call(I386_GETPID, 0, 0, 0) == getpid() ? 0 : 1);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid: %m");
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static void compat_subject(void *arg)
{
	static const uint16_t ports[] = { PORT_GRANTED, PORT_LOW, PORT_HIGH,
					  PORT_DENIED, PORT_RESERVED, 0 };
	const struct subject *subject = arg;
	struct {
		union sockaddr_any any;
		uint32_t call[3];
	} *low;

	low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		die("mmap: %m");
	subject_become(subject);
	for (int f = 0; f < FAMILIES; f++)
		for (size_t p = 0; p < 2 * ARRAY_SIZE(ports); p++) {
			uint16_t port = ports[p / 2];
			socklen_t length = make_plain_address(
				&low->any, f, ADDRESS_LOOPBACK, port);
			int fd = need_socket(TRANSPORT_TCP, f);
			long got;

			low->call[0] = fd;
			low->call[1] = (uintptr_t)&low->any;
			low->call[2] = length;
			if (p % 2)
				got = i386_call(I386_SOCKETCALL,
						SOCKETCALL_BIND,
						(uintptr_t)low->call, 0);
			else
				got = i386_call(I386_BIND, fd,
						(uintptr_t)&low->any, length);
			check_errno(-got,
				    model_expect(subject, TRANSPORT_TCP, port),
				    "%s, %s, %s port %u",
				    p % 2 ? "socketcall" : "bind",
				    subject->name, family_names[f], port);
			close(fd);
		}
}

void compat_run(void)
{
	struct subject subjects[] = {
		subject_user("granted user", UID_GRANTED),
		subject_user("other user", UID_OTHER),
		{ .name = "root", .capable = true },
	};

	group_begin("32-bit calls");
	if (!have_i386()) {
		skip("this kernel has no 32-bit system calls");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		in_child(compat_subject, &subjects[i]);
	group_end();
}

#else

void compat_run(void)
{
	group_begin("32-bit calls");
	skip("written for x86 only");
}

#endif
