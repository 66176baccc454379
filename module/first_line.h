/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - the first line, in the security hook of bind(2)
 */

#ifndef PORTACL_FIRST_LINE_H
#define PORTACL_FIRST_LINE_H

#include <linux/types.h>

/**
 * portacl_first_line_update - follow the policy in force
 *
 * May sleep. The first line is attached only while there is something to
 * refuse.
 */
void portacl_first_line_update(void);

/**
 * portacl_first_line_detach - end it, whatever the policy
 *
 * May sleep, and does not return when ftrace has been killed by a fault and
 * cannot be detached from.
 */
void portacl_first_line_detach(void);

/**
 * portacl_first_line_show - its line of hooks
 * @buf: one page
 * @len: bytes of @buf that are in use
 *
 * Return: bytes written.
 */
ssize_t portacl_first_line_show(char *buf, ssize_t len);

#endif /* PORTACL_FIRST_LINE_H */
