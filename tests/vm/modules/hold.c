// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold - makes the callers of one function of the kernel wait
 *
 *	insmod hold.ko function=sctp_bind_addr_match uid=61001
 *
 * /sys/module/hold/parameters/
 *	hold	while 1 (as after loading), callers wait before the function runs;
 *		0 lets go those that wait and all that come
 *	held	how many wait
 *	uid	whom to hold, by effective user id; everybody else passes
 *
 * The function must be one that may sleep wherever that user calls it, with at
 * most six arguments that are numbers or pointers. A caller that is killed no
 * longer waits. Removing the module lets go and waits until all have gone on.
 */

#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/ftrace.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/wait.h>

/* Before 6.2 it has another name. */
#ifdef ftrace_instruction_pointer_set
#define set_ip ftrace_instruction_pointer_set
#else
#define set_ip ftrace_regs_set_instruction_pointer
#endif

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "Function whose callers wait");

static uint uid;
module_param(uid, uint, 0444);
MODULE_PARM_DESC(uid, "Effective user id of the callers that wait");

static DECLARE_WAIT_QUEUE_HEAD(queue);
static bool hold = true;
static atomic_t held = ATOMIC_INIT(0);
/* Those whose way leads through this module's code, waiting or not. */
static atomic_t inside = ATOMIC_INIT(0);

static int set_hold(const char *text, const struct kernel_param *param)
{
	int err = param_set_bool(text, param);

	wake_up_all(&queue);
	return err;
}

static const struct kernel_param_ops hold_ops = {
	.set = set_hold,
	.get = param_get_bool,
};
module_param_cb(hold, &hold_ops, &hold, 0644);
MODULE_PARM_DESC(hold, "Whether callers wait");

static int get_held(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%d\n", atomic_read(&held));
}

static const struct kernel_param_ops held_ops = {
	.get = get_held,
};
module_param_cb(held, &held_ops, NULL, 0444);
MODULE_PARM_DESC(held, "How many callers wait");

typedef unsigned long (*any_function)(unsigned long, unsigned long,
				      unsigned long, unsigned long,
				      unsigned long, unsigned long);

/* Where the function goes on behind its call of ftrace. */
static any_function rest;

static unsigned long wait_first(unsigned long a, unsigned long b,
				unsigned long c, unsigned long d,
				unsigned long e, unsigned long f)
{
	unsigned long result;

	atomic_inc(&held);
	/* A killed caller need not wait, but must do what it came for. */
	if (wait_event_killable(queue, !READ_ONCE(hold)))
		pr_info("hold: a caller was killed\n");
	atomic_dec(&held);
	result = READ_ONCE(rest)(a, b, c, d, e, f);
	if (atomic_dec_and_test(&inside))
		wake_up_all(&queue);
	return result;
}

static void redirect(unsigned long ip, unsigned long parent_ip,
		     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	/* The function may be the kernel's own, too, in a softirq. */
	if (!in_task() || __kuid_val(current_euid()) != uid ||
	    !READ_ONCE(hold))
		return;
	atomic_inc(&inside);
	WRITE_ONCE(rest, (any_function)(ip + MCOUNT_INSN_SIZE));
	set_ip(fregs, (unsigned long)wait_first);
}

static struct ftrace_ops ops = {
	.func = redirect,
	.flags = FTRACE_OPS_FL_IPMODIFY,
};

static int __init hold_init(void)
{
	int err;

	if (!function)
		return -EINVAL;
	err = ftrace_set_filter(&ops, (unsigned char *)function,
				strlen(function), 1);
	if (err)
		return err;
	err = register_ftrace_function(&ops);
	if (err)
		ftrace_free_filter(&ops);
	return err;
}

static void __exit hold_exit(void)
{
	unregister_ftrace_function(&ops);
	WRITE_ONCE(hold, false);
	wake_up_all(&queue);
	wait_event(queue, !atomic_read(&inside));
	/* The last one may have been preempted before its return. */
	synchronize_rcu_tasks();
	ftrace_free_filter(&ops);
}

module_init(hold_init);
module_exit(hold_exit);
MODULE_DESCRIPTION("Test of portacl: makes callers of a function wait");
MODULE_LICENSE("GPL");
