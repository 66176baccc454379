// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - attaching to functions of the kernel
 */

#include <linux/delay.h>
#include <linux/kernel.h>
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

static int attach(struct portacl_hook *hook)
{
	struct ftrace_ops *ops;
	int err;

	ops = kzalloc(sizeof(*ops), GFP_KERNEL);
	if (!ops)
		return -ENOMEM;
	ops->func = hook->handler;
	/*
	 * PERMANENT: ftrace_enabled=0 fails instead of disarming the policy.
	 * Not IPMODIFY or SAVE_REGS: arguments can be changed without, for
	 * less, and next to a livepatch. Not RECURSION or RCU: the handlers
	 * call nothing that is hooked, and run where RCU watches.
	 */
	ops->flags = FTRACE_OPS_FL_PERMANENT;
	err = ftrace_set_filter(ops, (unsigned char *)hook->symbol,
				strlen(hook->symbol), 1);
	if (err == -EINVAL) {
		pr_err("cannot hook %s: no such function that ftrace can trace (%s)\n",
		       hook->symbol, hook->needs);
		err = -ENOENT;
		goto err_free;
	}
	if (err) {
		pr_err("cannot hook %s: ftrace takes no filter (%d)\n",
		       hook->symbol, err);
		goto err_free;
	}
	err = register_ops(ops);
	if (err == -EBUSY)
		pr_err("cannot hook %s: ftrace is switched off, set kernel.ftrace_enabled=1\n",
		       hook->symbol);
	else if (err)
		pr_err("cannot hook %s: ftrace refuses (%d)\n", hook->symbol,
		       err);
	if (err)
		goto err_filter;
	hook->ops = ops;
	return 0;

err_filter:
	ftrace_free_filter(ops);
err_free:
	kfree(ops);
	return err;
}

static void detach(struct portacl_hook *hook)
{
	struct ftrace_ops *ops = hook->ops;
	int err;

	if (!ops)
		return;
	err = unregister_ftrace_function(ops);
	if (err) {
		pr_emerg("cannot unhook %s (%d): ftrace is dead; the module stays until reboot\n",
			 hook->symbol, err);
		/*
		 * The kernel goes on calling the handler. What comes next would
		 * free its code and its data, so nothing comes next.
		 */
		for (;;)
			schedule_timeout_idle(MAX_SCHEDULE_TIMEOUT);
	}
	hook->ops = NULL;
	ftrace_free_filter(ops);
	kfree(ops);
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

ssize_t portacl_hooks_show(const struct portacl_hook *hooks, char *buf)
{
	const struct portacl_hook *hook;
	ssize_t len = 0;

	for (hook = hooks; hook->symbol; hook++)
		len += sysfs_emit_at(buf, len, "%s %s\n", hook->symbol,
				     hook->ops ? "attached" : "detached");
	return len;
}
