/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - the policy as text, read in pieces
 */

#ifndef PORTACL_DUMP_H
#define PORTACL_DUMP_H

#include <linux/fs.h>
#include <linux/types.h>

/**
 * portacl_dump_read - read a piece of the policy's text
 * @file: the open sysfs file; remembers which generation it began to read
 * @buf: receives the text
 * @off: offset into the text; 0 begins with the policy now in force
 * @count: bytes in @buf
 *
 * May sleep; takes portacl_policy_lock. Reading a policy of n rules from front
 * to back costs O(n), however many do it at once.
 *
 * Return: bytes read, 0 at the end; -ESTALE when the policy has changed since
 * this file was read at offset 0.
 */
ssize_t portacl_dump_read(struct file *file, char *buf, loff_t off,
			  size_t count);

/**
 * portacl_dump_reset - forget the text of the last policy
 *
 * The caller holds portacl_policy_lock.
 */
void portacl_dump_reset(void);

#endif /* PORTACL_DUMP_H */
