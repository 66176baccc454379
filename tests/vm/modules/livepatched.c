// SPDX-License-Identifier: GPL-2.0-only
/*
 * livepatched - a livepatch of functions of the kernel that changes nothing
 *
 *	insmod livepatched.ko functions=__inet_bind,sctp:sctp_do_bind
 *
 * Functions of a module are named with it; all of them must be of the same one.
 * What replaces a function counts its calls, in the order of the names in
 * /sys/module/livepatched/parameters/calls, and does what the function does, of
 * which it runs all but the call of ftrace: such a function has at most six
 * arguments that are numbers or pointers.
 */

#include <linux/atomic.h>
#include <linux/ftrace.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#define FUNCTIONS_MAX 4

static char *functions[FUNCTIONS_MAX];
static unsigned int function_count;
module_param_array(functions, charp, &function_count, 0444);
MODULE_PARM_DESC(functions, "Functions to patch, [MODULE:]NAME");

static atomic_t calls[FUNCTIONS_MAX];

static int get_calls(char *buffer, const struct kernel_param *param)
{
	unsigned int i;
	int len = 0;

	for (i = 0; i < function_count; i++)
		len += sysfs_emit_at(buffer, len, "%s%d", i ? " " : "",
				     atomic_read(&calls[i]));
	return len + sysfs_emit_at(buffer, len, "\n");
}

static const struct kernel_param_ops calls_ops = {
	.get = get_calls,
};
module_param_cb(calls, &calls_ops, NULL, 0444);
MODULE_PARM_DESC(calls, "How often each of them was called");

typedef unsigned long (*any_function)(unsigned long, unsigned long,
				      unsigned long, unsigned long,
				      unsigned long, unsigned long);

/* Where each goes on behind its call of ftrace. */
static any_function rests[FUNCTIONS_MAX];

static unsigned long run_rest(unsigned int i, unsigned long a, unsigned long b,
			      unsigned long c, unsigned long d,
			      unsigned long e, unsigned long f)
{
	atomic_inc(&calls[i]);
	return rests[i](a, b, c, d, e, f);
}

#define REPLACEMENT(_n)							\
	static unsigned long replacement##_n(unsigned long a,		\
					     unsigned long b,		\
					     unsigned long c,		\
					     unsigned long d,		\
					     unsigned long e,		\
					     unsigned long f)		\
	{								\
		return run_rest(_n, a, b, c, d, e, f);			\
	}

REPLACEMENT(0)
REPLACEMENT(1)
REPLACEMENT(2)
REPLACEMENT(3)

static const any_function replacements[FUNCTIONS_MAX] = {
	replacement0, replacement1, replacement2, replacement3,
};

/* Each with an end. */
static struct klp_func kernel_funcs[FUNCTIONS_MAX + 1];
static struct klp_func module_funcs[FUNCTIONS_MAX + 1];
static struct klp_object objects[3];

static struct klp_patch patch = {
	.mod = THIS_MODULE,
	.objs = objects,
};

static int find_rest(unsigned int i, const char *name)
{
	struct kprobe probe = {
		.symbol_name = name,
		.flags = KPROBE_FLAG_DISABLED,
	};
	int err;

	/* A probe of a function is put where it calls ftrace. */
	err = register_kprobe(&probe);
	if (err)
		return err;
	rests[i] = (any_function)((unsigned long)probe.addr +
				  MCOUNT_INSN_SIZE);
	unregister_kprobe(&probe);
	return 0;
}

static int __init livepatched_init(void)
{
	struct klp_func *kernel_func = kernel_funcs, *func;
	struct klp_func *module_func = module_funcs;
	struct klp_object *object = objects;
	const char *module = NULL;
	unsigned int i;
	int err;

	for (i = 0; i < function_count; i++) {
		char *name = strchr(functions[i], ':');

		if (name) {
			*name++ = '\0';
			module = functions[i];
			func = module_func++;
		} else {
			name = functions[i];
			func = kernel_func++;
		}
		err = find_rest(i, name);
		if (err)
			return err;
		func->old_name = name;
		func->new_func = replacements[i];
	}
	if (kernel_func > kernel_funcs)
		(object++)->funcs = kernel_funcs;
	if (module) {
		object->name = module;
		object->funcs = module_funcs;
	}
	return klp_enable_patch(&patch);
}

/* Runs only when the patch was disabled and no task is in it any more. */
static void __exit livepatched_exit(void)
{
}

module_init(livepatched_init);
module_exit(livepatched_exit);
MODULE_DESCRIPTION("Test of portacl: a livepatch that changes nothing");
MODULE_LICENSE("GPL");
MODULE_INFO(livepatch, "Y");
