// SPDX-License-Identifier: GPL-2.0-only
/*
 * kill_ftrace - what the kernel does to ftrace when it finds a fault in it
 *
 * Nothing is hooked and nothing is unhooked any more until the next boot.
 */

#include <linux/ftrace.h>
#include <linux/init.h>
#include <linux/kprobes.h>
#include <linux/module.h>

static int __init kill_ftrace_init(void)
{
	struct kprobe probe = {
		.symbol_name = "ftrace_kill",
		.flags = KPROBE_FLAG_DISABLED,
	};
	void (*ftrace_killer)(void);
	int err;

	/* It is not exported, and a probe tells where it is. */
	err = register_kprobe(&probe);
	if (err)
		return err;
	ftrace_killer = (void (*)(void))probe.addr;
	unregister_kprobe(&probe);
	ftrace_killer();
	return 0;
}

static void __exit kill_ftrace_exit(void)
{
}

module_init(kill_ftrace_init);
module_exit(kill_ftrace_exit);
MODULE_DESCRIPTION("Test of portacl: kills ftrace");
MODULE_LICENSE("GPL");
