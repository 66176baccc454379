/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - /sys/kernel/portacl, described in doc/ABI-sysfs-portacl
 */

#ifndef PORTACL_SYSFS_H
#define PORTACL_SYSFS_H

#include <linux/fs.h>

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

/**
 * portacl_file_word - what one opening of a binary attribute remembers
 * @file: the open file, held by the caller
 *
 * Sysfs has no open() and release(), but kernfs keeps a word for the file's
 * owner, which sysfs leaves alone. A number in it needs no release.
 *
 * Return: the word, NULL at first; or NULL if kernfs is not as it was known.
 */
void **portacl_file_word(struct file *file);

#endif /* PORTACL_SYSFS_H */
