/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's audit, without a daemon
 */

#ifndef AUDIT_H
#define AUDIT_H

/* Returns an errno, 0 when audit is enabled (1) or disabled (0). */
int audit_enable(unsigned int enabled);

#endif
