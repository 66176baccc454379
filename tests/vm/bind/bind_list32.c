// SPDX-License-Identifier: GPL-2.0-only
/*
 * bind_list as a 32-bit program, without a library, as none need be there for
 * them:
 *     bind_list32 bind|socketcall PORT...
 */

enum { I386_EXIT = 1, I386_WRITE = 4, I386_CLOSE = 6 };
enum { I386_SOCKETCALL = 102, I386_SOCKET = 359, I386_BIND = 361 };
enum { SOCKETCALL_SOCKET = 1, SOCKETCALL_BIND = 2 };
enum { V4 = 2, V6 = 10, STREAM = 1, DATAGRAM = 2 };

_Static_assert(sizeof(void *) == 4, "a 32-bit program");

/* A wildcard; both families have the port at the same place. */
struct address {
	unsigned short family;
	unsigned char port[2];
	unsigned char rest[24];
};

enum { V4_LENGTH = 16, V6_LENGTH = 28 };

_Static_assert(sizeof(struct address) == V6_LENGTH, "struct sockaddr_in6");

static long call(long number, long a, long b, long c)
{
	long result;

	asm volatile("int $0x80"
		     : "=a"(result)
		     : "0"(number), "b"(a), "c"(b), "d"(c)
		     : "memory");
	return result;
}

static long call_socket(int old, long number, long old_number, long a, long b,
			long c)
{
	long args[] = { a, b, c };

	return old ? call(I386_SOCKETCALL, old_number, (long)args, 0) :
		     call(number, a, b, c);
}

static int bind_one(int old, int type, int family, int port)
{
	struct address address = {
		.family = family,
		.port = { port >> 8, port & 0xff },
	};
	long fd = call_socket(old, I386_SOCKET, SOCKETCALL_SOCKET, family, type,
			      0);
	signed char error;

	if (fd < 0)
		return 1;
	error = -call_socket(old, I386_BIND, SOCKETCALL_BIND, fd,
			     (long)&address,
			     family == V4 ? V4_LENGTH : V6_LENGTH);
	call(I386_CLOSE, fd, 0, 0);
	return call(I386_WRITE, 1, (long)&error, 1) != 1;
}

static int number(const char *text)
{
	int value = 0;

	while (*text)
		value = 10 * value + *text++ - '0';
	return value;
}

static int run(char **argv)
{
	int old = argv[1][0] == 's', status = 0;

	for (argv += 2; *argv; argv++)
		for (int type = STREAM; type <= DATAGRAM; type++) {
			status |= bind_one(old, type, V4, number(*argv));
			status |= bind_one(old, type, V6, number(*argv));
		}
	return status;
}

/* What the kernel leaves on the stack: the count of arguments, and they. */
static __attribute__((noreturn, used, regparm(1))) void start(long *stack)
{
	call(I386_EXIT, run((char **)(stack + 1)), 0, 0);
	__builtin_unreachable();
}

asm(".globl _start\n"
    "_start:\n"
    "	movl %esp, %eax\n"
    "	andl $-16, %esp\n"
    "	call start\n");
