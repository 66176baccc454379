/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - makes security modules of older kernels look like the newest's
 */

#ifndef PORTACL_LSM_COMPAT_H
#define PORTACL_LSM_COMPAT_H

#include <linux/cache.h>
#include <linux/lsm_hooks.h>

/* Before 6.8: a security module has a name and no number. */
#ifndef LSM_ID_CAPABILITY
#define LSM_ID_PORTACL	0

struct lsm_id {
	const char *name;
	u64 id;
};

#define security_add_hooks(hooks, count, lsmid)				\
	security_add_hooks(hooks, count, (lsmid)->name)
#endif

/* Before 6.18: it is registered by its name. */
#ifdef PORTACL_HAVE_LSM_INFO_ID
#define PORTACL_LSM_ID	.id = &portacl_lsmid
#else
#define PORTACL_LSM_ID	.name = "portacl"
#endif

/* Before 6.4: SELinux may unlink its hooks from beside others. */
#ifdef CONFIG_SECURITY_WRITABLE_HOOKS
#define portacl_ro_after_init
#else
#define portacl_ro_after_init	__ro_after_init
#endif

#endif /* PORTACL_LSM_COMPAT_H */
