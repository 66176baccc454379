/* SPDX-License-Identifier: GPL-2.0-only */
/* The endpoints of the kernel's MPTCP path manager. */
#ifndef PORTACL_MPTCP_PM_H
#define PORTACL_MPTCP_PM_H

#include <stdbool.h>
#include <stdint.h>

/* The numbers of linux/mptcp.h, which older machines do not have. */
enum { PM_SIGNAL = 1 << 0, PM_SUBFLOW = 1 << 1 };

bool have_mptcp_pm(void);
/*
 * An endpoint under an id that nobody else should use; with a port the kernel
 * listens there. 0 or a positive errno.
 */
int mptcp_pm_add(const char *address, uint16_t port, unsigned int flags,
		 uint8_t id);
int mptcp_pm_remove(uint8_t id);

#endif
