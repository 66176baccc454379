// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "cgroup_bpf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "harness.h"

#define CGROUPS "/sys/fs/cgroup"
#define CGROUP CGROUPS "/portacl-test"

static int cgroup_fd;

static const enum bpf_attach_type attach_types[] = {
	BPF_CGROUP_INET4_BIND,
	BPF_CGROUP_INET6_BIND,
	BPF_CGROUP_INET4_CONNECT,
	BPF_CGROUP_INET6_CONNECT,
};

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* The instructions of a program, as they are put together. */
struct code {
	struct bpf_insn insn[32];
	size_t count;
};

static void emit(struct code *code, struct bpf_insn insn)
{
	if (code->count == ARRAY_SIZE(code->insn))
		die("a program has more than %zu instructions", code->count);
	code->insn[code->count++] = insn;
}

static void set_register(struct code *code, int to, int value)
{
	emit(code, (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_K,
				      .dst_reg = to, .imm = value });
}

static void copy_register(struct code *code, int to, int from)
{
	emit(code, (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV | BPF_X,
				      .dst_reg = to, .src_reg = from });
}

/* A word to where the register points; by way of register 2. */
static void store(struct code *code, int base, int offset, uint32_t value)
{
	set_register(code, BPF_REG_2, value);
	emit(code, (struct bpf_insn){ .code = BPF_STX | BPF_MEM | BPF_W,
				      .dst_reg = base, .src_reg = BPF_REG_2,
				      .off = offset });
}

static void leave(struct code *code, int value)
{
	set_register(code, BPF_REG_0, value);
	emit(code, (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT });
}

static int try_load(enum bpf_attach_type type, const struct code *code,
		    char *log, size_t log_size)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
		.expected_attach_type = type,
		.insns = (uintptr_t)code->insn,
		.insn_cnt = code->count,
		.license = (uintptr_t)"GPL",
		.log_level = log_size ? 1 : 0,
		.log_buf = (uintptr_t)log,
		.log_size = log_size,
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

/* The cgroup keeps the program. */
static void attach(enum bpf_attach_type type, const struct code *code)
{
	char log[4096] = "";
	int fd = try_load(type, code, NULL, 0);
	union bpf_attr attr = {
		.target_fd = cgroup_fd,
		.attach_bpf_fd = fd,
		.attach_type = type,
	};

	if (fd < 0) {
		try_load(type, code, log, sizeof(log));
		die("the kernel does not take the program: %s", log);
	}
	if (bpf(BPF_PROG_ATTACH, &attr))
		die("BPF_PROG_ATTACH: %m");
	close(fd);
}

#define FIELD(name) offsetof(struct bpf_sock_addr, name)

void attach_bind(bool v6, const struct bind_change *change)
{
	union sockaddr_any any;
	struct code code = { 0 };

	if (change->port != BIND_KEEP_PORT)
		store(&code, BPF_REG_1, FIELD(user_port), htons(change->port));
	if (change->address) {
		make_address(&any, change->address, 0);
		if ((any.sa.sa_family == AF_INET6) != v6)
			die("%s is of the other family", change->address);
	}
	if (change->address && !v6)
		store(&code, BPF_REG_1, FIELD(user_ip4),
		      any.in.sin_addr.s_addr);
	for (int i = 0; change->address && v6 && i < 4; i++)
		store(&code, BPF_REG_1, FIELD(user_ip6) + 4 * i,
		      any.in6.sin6_addr.s6_addr32[i]);
	leave(&code, change->verdict);
	attach(v6 ? BPF_CGROUP_INET6_BIND : BPF_CGROUP_INET4_BIND, &code);
}

void attach_connect(bool v6, const char *address, uint16_t port)
{
	union sockaddr_any any;
	int length = make_address(&any, address, port);
	/* The stack is aligned to eight. */
	int place = -((length + 7) & ~7);
	struct code code = { 0 };

	for (int i = 0; i < length; i += 4) {
		uint32_t word;

		memcpy(&word, (char *)&any + i, sizeof(word));
		store(&code, BPF_REG_10, place + i, word);
	}
	copy_register(&code, BPF_REG_2, BPF_REG_10);
	emit(&code, (struct bpf_insn){ .code = BPF_ALU64 | BPF_ADD | BPF_K,
				       .dst_reg = BPF_REG_2, .imm = place });
	set_register(&code, BPF_REG_3, length);
	emit(&code, (struct bpf_insn){ .code = BPF_JMP | BPF_CALL,
				       .imm = BPF_FUNC_bind });
	/* Over the next two, which is the way out of a success. */
	emit(&code, (struct bpf_insn){ .code = BPF_JMP | BPF_JNE | BPF_K,
				       .dst_reg = BPF_REG_0, .off = 2 });
	leave(&code, 1);
	leave(&code, 0);
	attach(v6 ? BPF_CGROUP_INET6_CONNECT : BPF_CGROUP_INET4_CONNECT, &code);
}

/* Where nothing is attached the kernel says so, which is as good. */
void detach_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(attach_types); i++) {
		union bpf_attr attr = {
			.target_fd = cgroup_fd,
			.attach_type = attach_types[i],
		};

		if (bpf(BPF_PROG_DETACH, &attr) && errno != ENOENT)
			die("BPF_PROG_DETACH: %m");
	}
}

void cgroup_join(void)
{
	int error = file_write(CGROUP "/cgroup.procs", "0", 1);

	if (error)
		die(CGROUP ": %s", errno_name(error));
}

static bool have_programs(void)
{
	struct code code = { 0 };
	int fd;

	leave(&code, BIND_GO_ON);
	fd = try_load(BPF_CGROUP_INET4_BIND, &code, NULL, 0);
	if (fd < 0) {
		skip("programs of a cgroup: %m");
		return false;
	}
	close(fd);
	return true;
}

/* Mounts them, for this process and its children, where nobody has. */
static bool have_cgroups(void)
{
	struct statfs stat;

	if (!statfs(CGROUPS, &stat) && stat.f_type == CGROUP2_SUPER_MAGIC)
		return true;
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		die("a mount namespace: %m");
	if (!mount("portacl", CGROUPS, "cgroup2", 0, NULL))
		return true;
	skip("no cgroups of version 2: %m");
	return false;
}

static void call(void *arg)
{
	void (**fn)(void) = arg;

	(*fn)();
}

void with_cgroup(void (*fn)(void))
{
	long long deadline;

	if (!have_programs() || !have_cgroups())
		return;
	if (mkdir(CGROUP, 0755))
		die(CGROUP ": %m");
	cgroup_fd = open(CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (cgroup_fd < 0)
		die(CGROUP ": %m");
	in_child(call, &fn);
	detach_all();
	close(cgroup_fd);
	/* A process that has ended may still be counted for a moment. */
	deadline = now_ms() + DEADLINE_MS;
	while (rmdir(CGROUP)) {
		if (errno != EBUSY || now_ms() >= deadline)
			die("removing " CGROUP ": %m");
		sched_yield();
	}
}
