// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "compat.h"

#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

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
bool have_i386(void)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %m");
	if (!pid)
		_exit(i386_call(I386_GETPID, 0, 0, 0) == getpid() ? 0 : 1);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid: %m");
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	skip("this kernel has no 32-bit system calls");
	return false;
}

int i386_bind(int fd, const union sockaddr_any *any, socklen_t length,
	      bool socketcall)
{
	static struct {
		union sockaddr_any any;
		uint32_t call[3];
	} *low;

	if (!low)
		low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		die("mmap: %m");
	low->any = *any;
	low->call[0] = fd;
	low->call[1] = (uintptr_t)&low->any;
	low->call[2] = length;
	if (socketcall)
		return -i386_call(I386_SOCKETCALL, SOCKETCALL_BIND,
				  (uintptr_t)low->call, 0);
	return -i386_call(I386_BIND, fd, (uintptr_t)&low->any, length);
}

#else

bool have_i386(void)
{
	skip("written for x86 only");
	return false;
}

int i386_bind(int fd, const union sockaddr_any *any, socklen_t length,
	      bool socketcall)
{
	(void)fd;
	(void)any;
	(void)length;
	(void)socketcall;
	die("32-bit calls are written for x86 only");
}

#endif
