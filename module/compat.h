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

#ifndef CONFIG_SYSFS
#error "portacl needs CONFIG_SYSFS"
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

#endif /* PORTACL_COMPAT_H */
