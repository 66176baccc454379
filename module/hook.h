/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - attaching to functions of the kernel
 *
 * The only place that knows how: ftrace, which calls a handler at a function's
 * entry and lets it change the arguments, and kretprobes, where something is to
 * be done when the function returns. What the handlers decide is none of this
 * file's business.
 */

#ifndef PORTACL_HOOK_H
#define PORTACL_HOOK_H

#include <linux/ftrace.h>
#include <linux/types.h>

#include "hook_compat.h"

/**
 * struct portacl_hook - a function of the kernel and what runs before it
 * @symbol: the function's name
 * @needs: what the function's absence means, for the message
 * @handler: runs in the context of the caller, possibly without preemption;
 *	     may change the argument registers, must not sleep or allocate
 * @check: makes the kernel call the function and returns 0 if the handler saw
 *	   it with the right arguments; may sleep; called once attached, by
 *	   portacl_hooks_attach() only
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
 * struct portacl_return - a function of the kernel that something waits for
 * @symbol: the function's name
 * @enter: runs before the function; true if @leave is to run, too
 * @leave: runs when the function returns, once for every @enter that asked for
 *	   it, and may change what it returns
 * @size: of the data that each call has for @enter and @leave
 * @probe: set while attached, private
 *
 * Both run in the context of the caller, without preemption, and must not sleep
 * or allocate. @enter is not called when very many calls are inside already: it
 * must be for the better, not needed.
 */
struct portacl_return {
	const char *symbol;
	bool (*enter)(void *data, struct pt_regs *regs);
	void (*leave)(void *data, struct pt_regs *regs);
	size_t size;
	void *probe;
};

/**
 * struct portacl_guard - a function of the kernel that may be refused to run
 * @symbol: the function's name; it returns an errno, and EACCES is one for it
 * @handler: made by PORTACL_GUARD_HANDLER()
 * @hook: set while attached, private
 *
 * Only one of all that want to can redirect a function (a livepatch is another
 * one), so that attaching may fail on a machine where all else works.
 */
struct portacl_guard {
	const char *symbol;
#ifdef PORTACL_GUARD_BY_KRETPROBE
	bool (*handler)(void *data, struct pt_regs *regs);
	struct portacl_return ret;
#else
	ftrace_func_t handler;
#endif
	void *hook;
};

/* What a refused function is redirected to. */
int portacl_refused(void);

/*
 * Defines the handler of a guard: what passes(regs) does not let through is
 * refused if refuses(regs) says so. Both run in the context of the caller,
 * possibly without preemption, and must not sleep or allocate. Refused is the
 * function that returns -EACCES instead of running, or for nothing.
 */
#ifdef PORTACL_GUARD_BY_KRETPROBE
#define PORTACL_GUARD_HANDLER(_handler, _passes, _refuses)		\
	static bool _handler(void *data, struct pt_regs *regs)		\
	{								\
		return unlikely(!_passes(regs)) && _refuses(regs);	\
	}
#else
/* Two functions, so that what most calls do needs no registers saved. */
#define PORTACL_GUARD_HANDLER(_handler, _passes, _refuses)		\
	static noinline void _handler##_slow(struct ftrace_regs *fregs)	\
	{								\
		if (_refuses(portacl_fregs(fregs)))			\
			ftrace_regs_set_instruction_pointer(fregs,	\
					(unsigned long)portacl_refused); \
	}								\
	static void _handler(unsigned long ip, unsigned long parent_ip,	\
			     struct ftrace_ops *ops,			\
			     struct ftrace_regs *fregs)			\
	{								\
		if (likely(_passes(portacl_fregs(fregs))))		\
			return;						\
		_handler##_slow(fregs);					\
	}
#endif

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
 * portacl_guard_attach - attach a guard
 * @guard: stays in use until detached
 *
 * May sleep. A failure is logged with its reason.
 *
 * Return: 0; -EBUSY when somebody else redirects the function; other errors of
 * ftrace and kretprobes.
 */
int portacl_guard_attach(struct portacl_guard *guard);

/**
 * portacl_guard_detach - detach a guard, if it is attached
 * @guard: what was given to portacl_guard_attach()
 *
 * May sleep. The handler does not run any more when this returns 0.
 *
 * Return: 0, or a negative errno when ftrace has been killed by a fault: then
 * the guard is still attached, and the handler may be called.
 */
int portacl_guard_detach(struct portacl_guard *guard);

/**
 * portacl_hook_attach - attach one hook, unchecked
 * @hook: stays in use until detached
 *
 * May sleep. A failure is logged with its reason.
 *
 * Return: as for portacl_hooks_attach().
 */
int portacl_hook_attach(struct portacl_hook *hook);

/**
 * portacl_hook_detach - detach one hook, if it is attached
 * @hook: what was given to portacl_hook_attach()
 *
 * May sleep. The handler does not run any more when this returns 0.
 *
 * Return: 0, or a negative errno when ftrace has been killed by a fault: then
 * the hook is still attached, and the handler may be called.
 */
int portacl_hook_detach(struct portacl_hook *hook);

/**
 * portacl_return_attach - begin to wait for a function
 * @ret: stays in use until detached
 *
 * May sleep. A failure is logged with its reason.
 *
 * Return: 0 or what register_kretprobe() says.
 */
int portacl_return_attach(struct portacl_return *ret);

/**
 * portacl_return_detach - stop waiting for a function, if it is attached
 * @ret: what was given to portacl_return_attach()
 *
 * May sleep, until the last call that @leave has to run for has returned.
 *
 * Return: as for portacl_hook_detach().
 */
int portacl_return_detach(struct portacl_return *ret);

/**
 * portacl_hook_show - one line of the hooks, "SYMBOL STATE"
 * @buf: one page, as for a sysfs show()
 * @len: bytes of @buf that are in use
 * @symbol: the function's name
 * @hook: not NULL while it is attached
 *
 * May sleep.
 *
 * Return: bytes written.
 */
ssize_t portacl_hook_show(char *buf, ssize_t len, const char *symbol,
			  const void *hook);

/**
 * portacl_hooks_show - list the hooks, one a line
 * @hooks: what was given to portacl_hooks_attach()
 * @buf: one page, as for a sysfs show()
 *
 * May sleep.
 *
 * Return: bytes written.
 */
ssize_t portacl_hooks_show(const struct portacl_hook *hooks, char *buf);

/**
 * portacl_hooks_are_dead - whether a fault has killed ftrace
 *
 * May sleep. Logged when it is seen first; from then on the module cannot be
 * removed.
 *
 * Return: whether what is attached may not be called, and cannot be detached.
 */
bool portacl_hooks_are_dead(void);

/**
 * portacl_hooks_watch - look from time to time whether ftrace is alive
 *
 * May sleep. Calls portacl_hooks_are_dead() until that is so.
 */
void portacl_hooks_watch(void);

/**
 * portacl_hooks_unwatch - look no more
 *
 * May sleep.
 */
void portacl_hooks_unwatch(void);

#endif /* PORTACL_HOOK_H */
