/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - makes older kernels look like the newest; included in every file
 *
 * The rest of the module is written for 7.2. Each block names the kernels it
 * serves and goes when they do.
 */

#ifndef PORTACL_COMPAT_H
#define PORTACL_COMPAT_H

#include <linux/kconfig.h>
#include <linux/version.h>

#define pr_fmt(fmt)	KBUILD_MODNAME ": " fmt

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "portacl needs Linux 6.1 or newer"
#endif

#ifndef CONFIG_X86_64
#error "portacl hooks the kernel on x86-64 only"
#endif

#ifndef CONFIG_DYNAMIC_FTRACE_WITH_ARGS
#error "portacl needs CONFIG_FUNCTION_TRACER and CONFIG_DYNAMIC_FTRACE"
#endif

#if !IS_BUILTIN(CONFIG_INET) || !IS_BUILTIN(CONFIG_IPV6)
#error "portacl needs CONFIG_INET=y and CONFIG_IPV6=y"
#endif

#if !defined(CONFIG_SYSFS) || !defined(CONFIG_SYSCTL)
#error "portacl needs CONFIG_SYSFS and CONFIG_SYSCTL"
#endif

#ifdef CONFIG_PREEMPT_RT
#error "portacl reports refusals without preemption, which PREEMPT_RT does not allow"
#endif

#ifndef CONFIG_KRETPROBES
#error "portacl needs CONFIG_KPROBES"
#endif

#ifndef CONFIG_SECURITY_NETWORK
#error "portacl needs CONFIG_SECURITY_NETWORK"
#endif

/* Before 6.16: the callbacks of binary attributes do not take them const. */
#ifdef PORTACL_HAVE_CONST_BIN_ATTRIBUTE
#define portacl_bin_attribute	const struct bin_attribute
#else
#define portacl_bin_attribute	struct bin_attribute
#endif

/* Before 6.19: an address of any length is a struct sockaddr. */
#ifndef PORTACL_HAVE_SOCKADDR_UNSIZED
#define sockaddr_unsized	sockaddr
#endif

/* Before 6.12: struct ftrace_regs is not opaque. */
#ifndef PORTACL_HAVE_ARCH_FTRACE_REGS
#define arch_ftrace_regs(fregs)	(fregs)
#endif
#define portacl_fregs(fregs)	(&arch_ftrace_regs(fregs)->regs)

/*
 * Before 6.12: BPF's fentry followed by its fexit on a function that an ftrace
 * user redirects kills ftrace (kernel/bpf/trampoline.c clears the func of an
 * ops that is registered when it tries again after EAGAIN); and its fexit goes
 * round a redirection by a kprobe. A kretprobe lives beside both.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define PORTACL_GUARD_BY_KRETPROBE
#endif

/* Before 6.11: SMC has no protocol number of the internet families. */
#include <linux/in.h>
#ifndef IPPROTO_SMC
#define IPPROTO_SMC	256
#endif

/* Before 6.10: the source of a tracepoint's string is said twice. */
#ifdef PORTACL_HAVE_ASSIGN_STR_1
#define portacl_assign_str(field, src)	__assign_str(field)
#else
#define portacl_assign_str(field, src)	__assign_str(field, src)
#endif

/* Before 6.13: a timer's function is set behind its initialisation. */
#ifndef PORTACL_HAVE_HRTIMER_SETUP
#include <linux/hrtimer.h>

static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

#endif /* PORTACL_COMPAT_H */
