// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - order of bring-up, and its mirror image
 */

#include <linux/module.h>
#include <linux/workqueue.h>

#include "bind.h"
#include "expiry.h"
#include "hits.h"
#include "ruleset.h"
#include "sysfs.h"
#include "upload.h"
#include "version.h"

struct workqueue_struct *portacl_workqueue;

/* Ends all that a policy in force has begun, and then the policy. */
static void end_policy(void)
{
	portacl_upload_exit();
	/* Grants first: at no moment may what refused them be gone alone. */
	portacl_ruleset_close();
	portacl_bind_detach();
	portacl_expiry_exit();
	portacl_hits_stop();
	portacl_ruleset_exit();
}

static int __init portacl_init(void)
{
	int err;

	portacl_workqueue = alloc_ordered_workqueue("portacl", 0);
	if (!portacl_workqueue)
		return -ENOMEM;
	err = portacl_hits_init();
	if (err)
		goto err_workqueue;
	err = portacl_ruleset_init();
	if (err)
		goto err_hits;
	portacl_expiry_init();
	err = portacl_bind_attach();
	if (err)
		goto err_policy;
	err = portacl_sysfs_init();
	if (err)
		goto err_policy;
	pr_info("version %s loaded, no rules, nothing changes until there are\n",
		PORTACL_VERSION);
	return 0;

err_policy:
	end_policy();
err_hits:
	portacl_hits_exit();
err_workqueue:
	destroy_workqueue(portacl_workqueue);
	return err;
}

static void __exit portacl_exit(void)
{
	portacl_sysfs_exit();
	end_policy();
	portacl_hits_exit();
	destroy_workqueue(portacl_workqueue);
	pr_info("unloaded, every rule has ended\n");
}

module_init(portacl_init);
module_exit(portacl_exit);

MODULE_DESCRIPTION("Per-user, per-port bind allowances");
MODULE_AUTHOR("The portacl developers");
MODULE_LICENSE("GPL");
MODULE_VERSION(PORTACL_VERSION);
