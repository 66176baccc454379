/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - /sys/kernel/portacl, described in doc/ABI-sysfs-portacl
 */

#ifndef PORTACL_SYSFS_H
#define PORTACL_SYSFS_H

/**
 * portacl_sysfs_init - make the files appear
 *
 * May sleep. Policy and hooks must be ready.
 *
 * Return: 0 or a negative errno.
 */
int portacl_sysfs_init(void);

/**
 * portacl_sysfs_exit - make the files go; none is in use when this returns
 *
 * May sleep.
 */
void portacl_sysfs_exit(void);

/**
 * portacl_sysfs_notify - wake who polls the file generation
 *
 * May sleep.
 */
void portacl_sysfs_notify(void);

#endif /* PORTACL_SYSFS_H */
