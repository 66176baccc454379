// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPF tracing programs that count the calls of functions of the kernel, for
 * scripts. Reads one command a line, answers each with one line, and detaches
 * everything at the end of its input:
 *     attach fentry|fexit|fmod_ret FUNCTION [MODULE]	"ok" or an errno's name
 *     detach fentry|fexit|fmod_ret FUNCTION		"ok" or an errno's name
 *     calls fentry|fexit|fmod_ret FUNCTION		calls since it was attached
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define NAME_MAX_LEN 63
#define ATTACHED_MAX 32

static const struct {
	const char *name;
	enum bpf_attach_type type;
} kinds[] = {
	{ "fentry", BPF_TRACE_FENTRY },
	{ "fexit", BPF_TRACE_FEXIT },
	{ "fmod_ret", BPF_MODIFY_RETURN },
};

static struct attached {
	char function[NAME_MAX_LEN + 1];
	size_t kind;
	int program;	/* 0 when the slot is free */
	int link;
} table[ATTACHED_MAX];

/* One count for each slot. */
static int counts;

static struct btf *kernel_types(void)
{
	static struct btf *types;

	if (!types) {
		types = btf__load_vmlinux_btf();
		if (!types)
			die("the kernel's type information: %m");
	}
	return types;
}

/* A descriptor of a module's type information, or the negative errno. */
static int module_types(const char *module)
{
	uint32_t id = 0;

	while (!bpf_btf_get_next_id(id, &id)) {
		char name[NAME_MAX_LEN + 1] = "";
		struct bpf_btf_info info = {
			.name = (uintptr_t)name,
			.name_len = sizeof(name),
		};
		uint32_t size = sizeof(info);
		int fd = bpf_btf_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &size) &&
		    !strcmp(name, module))
			return fd;
		close(fd);
	}
	return -ENOENT;
}

/* The number of a function's type, or a negative errno. */
static int find_type(const char *function, const char *module)
{
	struct btf *types = kernel_types();
	int id;

	if (!*module)
		return btf__find_by_name_kind(types, function, BTF_KIND_FUNC);
	types = btf__load_module_btf(module, types);
	if (!types)
		return -errno;
	id = btf__find_by_name_kind(types, function, BTF_KIND_FUNC);
	btf__free(types);
	return id;
}

/* The same, once for each function: there are a hundred thousand types. */
static int function_type(const char *function, const char *module)
{
	static struct {
		char function[NAME_MAX_LEN + 1];
		int id;
	} known[ATTACHED_MAX];
	static size_t count;
	int id;

	for (size_t i = 0; i < count; i++)
		if (!strcmp(known[i].function, function))
			return known[i].id;
	id = find_type(function, module);
	if (id > 0 && count < ARRAY_SIZE(known)) {
		snprintf(known[count].function, sizeof(known[count].function),
			 "%s", function);
		known[count++].id = id;
	}
	return id;
}

/* Adds one to the count of a slot; for fmod_ret, 0 lets the function run. */
static int load(const struct attached *slot, int type, int module_fd)
{
	const struct bpf_insn code[] = {
		{ BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_VALUE,
		  0, counts },
		{ .imm = (slot - table) * sizeof(uint64_t) },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 1 },
		{ BPF_STX | BPF_DW | BPF_ATOMIC, BPF_REG_1, BPF_REG_2, 0,
		  BPF_ADD },
		{ BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options,
		    .expected_attach_type = kinds[slot->kind].type,
		    .attach_btf_id = type, .attach_btf_obj_fd = module_fd);

	return bpf_prog_load(BPF_PROG_TYPE_TRACING, "count", "GPL", code,
			     ARRAY_SIZE(code), &options);
}

static void read_counts(uint64_t values[ATTACHED_MAX])
{
	uint32_t key = 0;

	if (bpf_map_lookup_elem(counts, &key, values))
		die("the counts: %m");
}

static int reset_count(const struct attached *slot)
{
	uint64_t values[ATTACHED_MAX];
	uint32_t key = 0;

	read_counts(values);
	values[slot - table] = 0;
	return bpf_map_update_elem(counts, &key, values, BPF_ANY);
}

static struct attached *find(size_t kind, const char *function)
{
	for (size_t i = 0; i < ATTACHED_MAX; i++)
		if (table[i].program && table[i].kind == kind &&
		    !strcmp(table[i].function, function))
			return &table[i];
	return NULL;
}

static int attach(size_t kind, const char *function, const char *module)
{
	int type = function_type(function, module), module_fd = 0;
	struct attached *slot = table;

	if (type < 0)
		return -type;
	while (slot->program)
		if (++slot == table + ATTACHED_MAX)
			die("more than %d attached", ATTACHED_MAX);
	if (*module) {
		module_fd = module_types(module);
		if (module_fd < 0)
			return -module_fd;
	}
	snprintf(slot->function, sizeof(slot->function), "%s", function);
	slot->kind = kind;
	slot->program = load(slot, type, module_fd);
	if (module_fd)
		close(module_fd);
	if (slot->program < 0) {
		int error = -slot->program;

		slot->program = 0;
		return error;
	}
	if (reset_count(slot))
		die("the counts: %m");
	slot->link = bpf_raw_tracepoint_open(NULL, slot->program);
	if (slot->link < 0) {
		int error = -slot->link;

		close(slot->program);
		slot->program = 0;
		return error;
	}
	return 0;
}

static int detach(size_t kind, const char *function)
{
	struct attached *slot = find(kind, function);

	if (!slot)
		return ENOENT;
	close(slot->link);
	close(slot->program);
	slot->program = 0;
	return 0;
}

static void answer(const char *verb, const char *kind_name,
		   const char *function, const char *module)
{
	size_t kind = 0;
	int error;

	while (strcmp(kinds[kind].name, kind_name))
		if (++kind == ARRAY_SIZE(kinds))
			die("unknown kind '%s'", kind_name);
	if (!strcmp(verb, "calls")) {
		const struct attached *slot = find(kind, function);
		uint64_t values[ATTACHED_MAX];

		if (!slot) {
			puts(errno_name(ENOENT));
			return;
		}
		read_counts(values);
		printf("%llu\n", (unsigned long long)values[slot - table]);
		return;
	}
	if (!strcmp(verb, "attach"))
		error = attach(kind, function, module);
	else if (!strcmp(verb, "detach"))
		error = detach(kind, function);
	else
		die("unknown command '%s'", verb);
	puts(error ? errno_name(error) : "ok");
}

int main(void)
{
	char line[256];

	harness_start();
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	counts = bpf_map_create(BPF_MAP_TYPE_ARRAY, "counts", sizeof(uint32_t),
				ATTACHED_MAX * sizeof(uint64_t), 1, NULL);
	if (counts < 0)
		die("a map: %s", errno_name(-counts));
	while (fgets(line, sizeof(line), stdin)) {
		char verb[16], kind[16], function[64], module[64] = "";

		if (sscanf(line, "%15s %15s %63s %63s", verb, kind, function,
			   module) < 3)
			die("bad command '%s'", line);
		answer(verb, kind, function, module);
	}
	return 0;
}
