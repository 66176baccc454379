/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - makes the ways into older kernels look like the newest's
 */

#ifndef PORTACL_HOOK_COMPAT_H
#define PORTACL_HOOK_COMPAT_H

#include <linux/kconfig.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "portacl needs Linux 6.1 or newer"
#endif

#ifndef CONFIG_X86_64
#error "portacl hooks the kernel on x86-64 only"
#endif

#ifndef CONFIG_DYNAMIC_FTRACE_WITH_ARGS
#error "portacl needs CONFIG_FUNCTION_TRACER and CONFIG_DYNAMIC_FTRACE"
#endif

#ifndef CONFIG_KRETPROBES
#error "portacl needs CONFIG_KPROBES"
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

#endif /* PORTACL_HOOK_COMPAT_H */
