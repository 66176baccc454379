// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - attaching to functions of the kernel
 */

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "hook.h"
#include "ruleset.h"

/* A BPF trampoline on the same function answers EAGAIN while it changes. */
#define ATTACH_TRIES	100
#define ATTACH_PAUSE_US	1000

/* How many calls a processor may be in the middle of, and all together more. */
#define RETURNS_EACH	16
#define RETURNS_MORE	256

#define WATCH_SECONDS	60

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

/* What is listed somewhere may be called: it must not be freed. */
static void stay(void)
{
	static atomic_t stays;

	if (!atomic_xchg(&stays, 1))
		__module_get(THIS_MODULE);
}

static int cannot_detach(const char *symbol, int err)
{
	pr_emerg("cannot unhook %s (%d); the module cannot be removed until the next boot\n",
		 symbol, err);
	stay();
	return err;
}

/* ftrace takes no filter for anybody when it is dead, and never this one. */
static bool ftrace_is_gone(void)
{
	static struct ftrace_ops nobody;

	return ftrace_set_filter_ip(&nobody, 0, 0, 0) == -ENODEV;
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

int portacl_hook_attach(struct portacl_hook *hook)
{
	int err;

	hook->ops = attach_ops(hook->symbol, hook->needs, hook->handler, 0,
			       &err);
	return err;
}

int portacl_hook_detach(struct portacl_hook *hook)
{
	int err;

	if (!hook->ops)
		return 0;
	err = detach_ops(hook->symbol, hook->ops);
	if (!err)
		hook->ops = NULL;
	return err;
}

int portacl_hooks_attach(struct portacl_hook *hooks)
{
	struct portacl_hook *hook;
	int err;

	for (hook = hooks; hook->symbol; hook++) {
		err = portacl_hook_attach(hook);
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
		/*
		 * The kernel goes on calling the handler. What comes next would
		 * free its code and its data, so nothing comes next.
		 */
		while (portacl_hook_detach(hook))
			schedule_timeout_idle(MAX_SCHEDULE_TIMEOUT);
}

struct return_probe {
	struct kretprobe kretprobe;
	const struct portacl_return *ret;
	atomic_t inside;
	bool closed;
	bool is_lost;
};

static DECLARE_WAIT_QUEUE_HEAD(all_have_left);

static struct return_probe *to_probe(struct kretprobe_instance *instance)
{
	return container_of(get_kretprobe(instance), struct return_probe,
			    kretprobe);
}

static void left(struct return_probe *probe)
{
	if (atomic_dec_and_test(&probe->inside) && READ_ONCE(probe->closed))
		wake_up(&all_have_left);
}

static int enter_call(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct return_probe *probe = to_probe(instance);

	if (READ_ONCE(probe->closed))
		return 1;
	atomic_inc(&probe->inside);
	if (probe->ret->enter(instance->data, regs))
		return 0;
	left(probe);
	return 1;
}

static int leave_call(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct return_probe *probe = to_probe(instance);

	probe->ret->leave(instance->data, regs);
	left(probe);
	return 0;
}

int portacl_return_attach(struct portacl_return *ret)
{
	struct return_probe *probe;
	int err;

	probe = kzalloc(sizeof(*probe), GFP_KERNEL);
	if (!probe)
		return -ENOMEM;
	probe->ret = ret;
	probe->kretprobe.kp.symbol_name = ret->symbol;
	probe->kretprobe.entry_handler = enter_call;
	probe->kretprobe.handler = leave_call;
	probe->kretprobe.data_size = ret->size;
	probe->kretprobe.maxactive =
		RETURNS_EACH * num_possible_cpus() + RETURNS_MORE;
	err = register_kretprobe(&probe->kretprobe);
	if (err) {
		pr_err("cannot hook the return of %s: no kretprobe (%d)\n",
		       ret->symbol, err);
		kfree(probe);
		return err;
	}
	ret->probe = probe;
	return 0;
}

int portacl_return_detach(struct portacl_return *ret)
{
	struct return_probe *probe = ret->probe;

	if (!probe)
		return 0;
	WRITE_ONCE(probe->closed, true);
	/* Whoever has not seen that is inside now. */
	synchronize_rcu();
	wait_event_idle(all_have_left, !atomic_read(&probe->inside));
	/* Half of it would be taken apart, and twice by a second attempt. */
	if (probe->is_lost || ftrace_is_gone())
		return cannot_detach(ret->symbol, -ENODEV);
	unregister_kretprobe(&probe->kretprobe);
	/* It has no other way to say that ftrace did not let it go. */
	if (!probe->kretprobe.kp.addr) {
		probe->is_lost = true;
		return cannot_detach(ret->symbol, -ENODEV);
	}
	kfree(probe);
	ret->probe = NULL;
	return 0;
}

#ifdef PORTACL_GUARD_BY_KRETPROBE

static void refuse_return(void *data, struct pt_regs *regs)
{
	/* Somebody else's error comes first. */
	if (!regs_return_value(regs))
		regs_set_return_value(regs, -EACCES);
}

int portacl_guard_attach(struct portacl_guard *guard)
{
	int err;

	guard->ret = (struct portacl_return){
		.symbol = guard->symbol,
		.enter = guard->handler,
		.leave = refuse_return,
	};
	err = portacl_return_attach(&guard->ret);
	guard->hook = guard->ret.probe;
	return err;
}

int portacl_guard_detach(struct portacl_guard *guard)
{
	int err = portacl_return_detach(&guard->ret);

	guard->hook = guard->ret.probe;
	return err;
}

#else

/*
 * Does not sleep, so that what waits for tasks to leave a trampoline has waited
 * for this, too.
 */
int portacl_refused(void)
{
	return -EACCES;
}

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

#endif /* PORTACL_GUARD_BY_KRETPROBE */

bool portacl_hooks_are_dead(void)
{
	static atomic_t seen;

	if (!ftrace_is_gone())
		return false;
	if (!atomic_xchg(&seen, 1)) {
		pr_emerg("ftrace is dead by a fault of the kernel, see above: binds may not be judged any more; the module cannot be removed until the next boot\n");
		stay();
	}
	return true;
}

static void watch(struct work_struct *work);
static DECLARE_DEFERRABLE_WORK(watch_work, watch);

static void watch(struct work_struct *work)
{
	if (!portacl_hooks_are_dead())
		portacl_hooks_watch();
}

void portacl_hooks_watch(void)
{
	queue_delayed_work(portacl_workqueue, &watch_work, WATCH_SECONDS * HZ);
}

void portacl_hooks_unwatch(void)
{
	cancel_delayed_work_sync(&watch_work);
}

ssize_t portacl_hook_show(char *buf, ssize_t len, const char *symbol,
			  const void *hook)
{
	const char *state = "detached";

	if (hook)
		state = portacl_hooks_are_dead() ? "dead" : "attached";
	return sysfs_emit_at(buf, len, "%s %s\n", symbol, state);
}

ssize_t portacl_hooks_show(const struct portacl_hook *hooks, char *buf)
{
	const struct portacl_hook *hook;
	ssize_t len = 0;

	for (hook = hooks; hook->symbol; hook++)
		len += portacl_hook_show(buf, len, hook->symbol, hook->ops);
	return len;
}
