/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - attaching to functions of the kernel
 *
 * The only place that knows how: today ftrace, which calls a handler at a
 * function's entry and lets it change the arguments. What the handlers decide
 * is none of this file's business.
 */

#ifndef PORTACL_HOOK_H
#define PORTACL_HOOK_H

#include <linux/ftrace.h>
#include <linux/types.h>

/**
 * struct portacl_hook - a function of the kernel and what runs before it
 * @symbol: the function's name
 * @needs: what the function's absence means, for the message
 * @handler: runs in the context of the caller, possibly without preemption;
 *	     may change the argument registers, must not sleep or allocate
 * @check: makes the kernel call the function and returns 0 if the handler saw
 *	   it with the right arguments; may sleep; called once attached
 * @ops: set while attached, private
 */
struct portacl_hook {
	const char *symbol;
	const char *needs;
	ftrace_func_t handler;
	int (*check)(void);
	struct ftrace_ops *ops;
};

/**
 * portacl_hooks_attach - attach all hooks and check each, or none
 * @hooks: ends with an entry without a symbol; stays in use until detached
 *
 * May sleep. A failure is logged with its reason.
 *
 * Return: 0; -ENOENT when a function cannot be hooked; -EBUSY when ftrace is
 * switched off; -EPROTO when a hook does not see what it must; other errors of
 * ftrace and of the check.
 */
int portacl_hooks_attach(struct portacl_hook *hooks);

/**
 * portacl_hooks_detach - detach all hooks, in reverse order
 * @hooks: what was given to portacl_hooks_attach()
 *
 * May sleep. No handler runs any more when this returns; it does not return
 * when ftrace has been killed by a fault and cannot be detached from.
 */
void portacl_hooks_detach(struct portacl_hook *hooks);

/**
 * portacl_hooks_show - list the hooks, one "SYMBOL STATE" a line
 * @hooks: what was given to portacl_hooks_attach()
 * @buf: one page, as for a sysfs show()
 *
 * Return: bytes written.
 */
ssize_t portacl_hooks_show(const struct portacl_hook *hooks, char *buf);

#endif /* PORTACL_HOOK_H */
