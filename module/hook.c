// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - attaching to functions of the kernel
 */

#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "hook.h"

/* A BPF trampoline on the same function answers EAGAIN while it changes. */
#define ATTACH_TRIES	100
#define ATTACH_PAUSE_US	1000

static int register_ops(struct ftrace_ops *ops)
{
	unsigned int tries;
	int err = -EAGAIN;

	for (tries = 0; tries < ATTACH_TRIES && err == -EAGAIN; tries++) {
		if (tries)
			usleep_range(ATTACH_PAUSE_US, 2 * ATTACH_PAUSE_US);
		err = register_ftrace_function(ops);
	}
	return err;
}

/* Registers a handler of a function; NULL after a message, with *@err set. */
static struct ftrace_ops *attach_ops(const char *symbol, const char *needs,
				     ftrace_func_t handler, unsigned long flags,
				     int *err)
{
	struct ftrace_ops *ops;

	*err = -ENOMEM;
	ops = kzalloc(sizeof(*ops), GFP_KERNEL);
	if (!ops)
		return NULL;
	ops->func = handler;
	/*
	 * PERMANENT: ftrace_enabled=0 fails instead of disarming the policy.
	 * Not SAVE_REGS: arguments can be changed without, for less. Not
	 * RECURSION or RCU: the handlers call nothing that is hooked, and run
	 * where RCU watches.
	 */
	ops->flags = FTRACE_OPS_FL_PERMANENT | flags;
	*err = ftrace_set_filter(ops, (unsigned char *)symbol, strlen(symbol),
				 1);
	if (*err == -EINVAL) {
		pr_err("cannot hook %s: no such function that ftrace can trace (%s)\n",
		       symbol, needs);
		*err = -ENOENT;
		goto err_free;
	}
	if (*err) {
		pr_err("cannot hook %s: ftrace takes no filter (%d)\n", symbol,
		       *err);
		goto err_free;
	}
	*err = register_ops(ops);
	if (!*err)
		return ops;
	if (*err == -EBUSY && flags & FTRACE_OPS_FL_IPMODIFY)
		pr_warn("cannot hook %s: a livepatch or another module has it\n",
			symbol);
	else if (*err == -EBUSY)
		pr_err("cannot hook %s: ftrace is switched off, set kernel.ftrace_enabled=1\n",
		       symbol);
	else
		pr_err("cannot hook %s: ftrace refuses (%d)\n", symbol, *err);
	ftrace_free_filter(ops);
err_free:
	kfree(ops);
	return NULL;
}

static int cannot_detach(const char *symbol, int err)
{
	pr_emerg("cannot unhook %s (%d): ftrace is dead; the module cannot be removed until the next boot\n",
		 symbol, err);
	return err;
}

static int detach_ops(const char *symbol, struct ftrace_ops *ops)
{
	int err;

	err = unregister_ftrace_function(ops);
	if (err)
		return cannot_detach(symbol, err);
	ftrace_free_filter(ops);
	kfree(ops);
	return 0;
}

static int attach(struct portacl_hook *hook)
{
	int err;

	hook->ops = attach_ops(hook->symbol, hook->needs, hook->handler, 0, &err);
	return err;
}

static void detach(struct portacl_hook *hook)
{
	if (!hook->ops)
		return;
	/*
	 * The kernel goes on calling the handler. What comes next would free
	 * its code and its data, so nothing comes next.
	 */
	while (detach_ops(hook->symbol, hook->ops))
		schedule_timeout_idle(MAX_SCHEDULE_TIMEOUT);
	hook->ops = NULL;
}

int portacl_hooks_attach(struct portacl_hook *hooks)
{
	struct portacl_hook *hook;
	int err;

	for (hook = hooks; hook->symbol; hook++) {
		err = attach(hook);
		if (err)
			goto err_detach;
	}
	for (hook = hooks; hook->symbol; hook++) {
		err = hook->check();
		if (err) {
			pr_err("the hook of %s does not work (%d), see above\n",
			       hook->symbol, err);
			goto err_detach;
		}
	}
	return 0;

err_detach:
	portacl_hooks_detach(hooks);
	return err;
}

void portacl_hooks_detach(struct portacl_hook *hooks)
{
	struct portacl_hook *hook = hooks;

	while (hook->symbol)
		hook++;
	while (hook-- > hooks)
		detach(hook);
}

/*
 * Does not sleep, so that what waits for tasks to leave a trampoline has waited
 * for this, too.
 */
int portacl_refused(void)
{
	return -EACCES;
}

#ifdef PORTACL_GUARD_BY_KPROBE

int portacl_guard_attach(struct portacl_guard *guard)
{
	struct kprobe *probe;
	int err;

	probe = kzalloc(sizeof(*probe), GFP_KERNEL);
	if (!probe)
		return -ENOMEM;
	probe->symbol_name = guard->symbol;
	probe->pre_handler = guard->handler;
	err = register_kprobe(probe);
	if (err) {
		pr_warn("cannot hook %s: no kprobe (%d)\n", guard->symbol, err);
		kfree(probe);
		return err;
	}
	guard->hook = probe;
	return 0;
}

int portacl_guard_detach(struct portacl_guard *guard)
{
	struct kprobe *probe = guard->hook;

	if (!probe)
		return 0;
	unregister_kprobe(probe);
	/* It has no other way to say that ftrace did not let it go. */
	if (!probe->addr)
		return cannot_detach(guard->symbol, -ENODEV);
	/* A refused caller may have been preempted on its way out. */
	synchronize_rcu_tasks();
	kfree(probe);
	guard->hook = NULL;
	return 0;
}

#else

int portacl_guard_attach(struct portacl_guard *guard)
{
	int err;

	guard->hook = attach_ops(guard->symbol, "CONFIG_SECURITY_NETWORK",
				 guard->handler, FTRACE_OPS_FL_IPMODIFY, &err);
	return err;
}

int portacl_guard_detach(struct portacl_guard *guard)
{
	int err;

	if (!guard->hook)
		return 0;
	err = detach_ops(guard->symbol, guard->hook);
	if (!err)
		guard->hook = NULL;
	return err;
}

#endif /* PORTACL_GUARD_BY_KPROBE */

static ssize_t show_one(char *buf, ssize_t len, const char *symbol,
			const void *hook)
{
	return sysfs_emit_at(buf, len, "%s %s\n", symbol,
			     hook ? "attached" : "detached");
}

ssize_t portacl_hooks_show(const struct portacl_hook *hooks,
			   const struct portacl_guard *guard, char *buf)
{
	const struct portacl_hook *hook;
	ssize_t len = 0;

	for (hook = hooks; hook->symbol; hook++)
		len += show_one(buf, len, hook->symbol, hook->ops);
	return len + show_one(buf, len, guard->symbol, READ_ONCE(guard->hook));
}
