/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl - a whole policy, written in pieces
 *
 * The protocol is described in uapi/portacl.h. The rules of a piece go at once
 * into a policy that nobody else sees, so that an upload takes no more memory
 * than the policy it makes and one line.
 */

#ifndef PORTACL_UPLOAD_H
#define PORTACL_UPLOAD_H

#include <linux/types.h>

/**
 * portacl_upload_write - one step of an upload
 * @buf: what was written
 * @len: bytes of @buf
 *
 * May sleep. The caller has checked the right to change the policy. A refusal
 * ends the upload, unless it is another one that was meant, and is kept for
 * portacl_ruleset_error().
 *
 * Return: 0; -EINVAL for what is no step, out of order, or has a wrong rule;
 * -E2BIG for @len past PORTACL_MAX_WRITE or an upload past PORTACL_MAX_UPLOAD;
 * -ESTALE when the upload is gone; -EBADMSG for a wrong checksum; -ENOSPC when
 * the policy would pass PACL_MAX_RULES; -EROFS when the policy is locked;
 * -ENOMEM.
 */
int portacl_upload_write(const char *buf, size_t len);

/**
 * portacl_upload_exit - drop what was uploaded
 *
 * May sleep. The sysfs file must be gone.
 */
void portacl_upload_exit(void);

#endif /* PORTACL_UPLOAD_H */
