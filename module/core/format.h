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

/**
 * pacl_scope_name - the word for a scope
 * @scope: enum pacl_scope
 */
const char *pacl_scope_name(unsigned int scope);

/**
 * pacl_verdict_name - the word for a verdict
 * @verdict: enum pacl_verdict
 */
const char *pacl_verdict_name(unsigned int verdict);

/* Room for the text of any address, with its terminating NUL. */
#define PACL_MAX_ADDR_TEXT	46

/**
 * pacl_format_addr - write an address as text
 * @addr: the address
 * @buf: receives the text and a NUL
 * @size: bytes in @buf, at least PACL_MAX_ADDR_TEXT
 *
 * IPv4 addresses in dotted form, others as in RFC 5952.
 *
 * Return: the length of the text.
 */
size_t pacl_format_addr(struct pacl_addr addr, char *buf, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* PACL_FORMAT_H */
