// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - order of bring-up, and its mirror image
 */

#include <linux/module.h>

#include "bind.h"
#include "dump.h"
#include "hook.h"
#include "ruleset.h"
#include "sysfs.h"
#include "version.h"

static int __init portacl_init(void)
{
	int err;

	err = portacl_ruleset_init();
	if (err)
		return err;
	err = portacl_hooks_attach(portacl_bind_hooks);
	if (err)
		goto err_ruleset;
	err = portacl_sysfs_init();
	if (err)
		goto err_hooks;
	pr_info("version %s loaded, no rules, nothing changes until there are\n",
		PORTACL_VERSION);
	return 0;

err_hooks:
	portacl_hooks_detach(portacl_bind_hooks);
err_ruleset:
	portacl_ruleset_exit();
	return err;
}

static void __exit portacl_exit(void)
{
	portacl_sysfs_exit();
	portacl_hooks_detach(portacl_bind_hooks);
	portacl_ruleset_exit();
	pr_info("unloaded, every rule has ended\n");
}

module_init(portacl_init);
module_exit(portacl_exit);

MODULE_DESCRIPTION("Per-user, per-port bind allowances");
MODULE_AUTHOR("The portacl developers");
MODULE_LICENSE("GPL");
MODULE_VERSION(PORTACL_VERSION);
