/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl engine - rules to canonical text
 */

#ifndef PACL_FORMAT_H
#define PACL_FORMAT_H

#include "rule.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * pacl_format - write a rule as text that pacl_parse_line() reads back
 * @rule: the rule
 * @buf: receives the text and a NUL, without a newline
 * @size: bytes in @buf, at least PACL_MAX_RULE_TEXT
 *
 * Return: the length of the text.
 */
size_t pacl_format(const struct pacl_rule *rule, char *buf, size_t size);

/**
 * pacl_proto_name - the word of the rule language for a protocol
 * @proto: enum pacl_proto
 *
 * Return: a constant word; "any" for PACL_PROTO_ANY.
 */
const char *pacl_proto_name(unsigned int proto);

/**
 * pacl_mode_name - the word for a mode
 * @mode: enum pacl_mode
 */
const char *pacl_mode_name(unsigned int mode);

#ifdef __cplusplus
}
#endif

#endif /* PACL_FORMAT_H */
