/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - the version of module and tool
 */

#ifndef PORTACL_VERSION_H
#define PORTACL_VERSION_H

#define PORTACL_VERSION	"0.1.0"

#endif /* PORTACL_VERSION_H */
