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

#define pr_fmt(fmt)	KBUILD_MODNAME ": " fmt

#if !IS_BUILTIN(CONFIG_INET) || !IS_BUILTIN(CONFIG_IPV6)
#error "portacl needs CONFIG_INET=y and CONFIG_IPV6=y"
#endif

#if !defined(CONFIG_SYSFS) || !defined(CONFIG_SYSCTL)
#error "portacl needs CONFIG_SYSFS and CONFIG_SYSCTL"
#endif

#ifdef CONFIG_PREEMPT_RT
#error "portacl reports refusals without preemption, which PREEMPT_RT does not allow"
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

/* Before 6.11: SMC has no protocol number of the internet families. */
#include <linux/in.h>
#ifndef IPPROTO_SMC
#define IPPROTO_SMC	256
#endif

/* Before 6.10: the source of a tracepoint's string is said twice. */
#ifdef PORTACL_HAVE_ASSIGN_STR_1
#define portacl_assign_str(field, src)					\
	do {								\
		(void)(src);						\
		__assign_str(field);					\
	} while (0)
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
