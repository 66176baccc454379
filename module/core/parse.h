/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * portacl engine - rule text to rules
 *
 *	line    = [ rule ] [ "#" comment ]
 *	rule    = ( "allow" / "deny" ) subject ports *term / "reserve" ports
 *	        / "allow" "each" id "-" id port "+" count [ "/" proto ]
 *	subject = [ "user" ] id / "group" id / "any"
 *	ports   = item *( "," item ) [ "/" proto ]
 *	item    = port / port ( "-" / ":" ) port
 *	proto   = "tcp" / "udp" / "sctp"
 *	term    = "on" address [ "/" length ] / "until" time
 *
 * Words are separated by blanks and tabs. Numbers are decimal, without sign
 * and without leading zeros; a port is 1 to 65535. Each term may stand once. An
 * address is that of inet_pton(3), IPv4 or IPv6; what follows the first length
 * bits must be 0. A prefix of IPv4-mapped addresses is the IPv4 prefix. A time
 * is in seconds since the epoch. Names do not exist here: they are user space's
 * business.
 */

#ifndef PACL_PARSE_H
#define PACL_PARSE_H

#include "rule.h"

#ifdef __cplusplus
extern "C" {
#endif

enum pacl_error_code {
	PACL_OK,
	PACL_ERR_NUL,
	PACL_ERR_NO_NEWLINE,
	PACL_ERR_NO_RULE,
	PACL_ERR_TOO_LONG,
	PACL_ERR_ACTION,
	PACL_ERR_SUBJECT,
	PACL_ERR_ID,
	PACL_ERR_ID_RANGE,
	PACL_ERR_ID_ORDER,
	PACL_ERR_PORTS_MISSING,
	PACL_ERR_PORT,
	PACL_ERR_PORT_RANGE,
	PACL_ERR_PORT_ORDER,
	PACL_ERR_LEADING_ZERO,
	PACL_ERR_ITEMS,
	PACL_ERR_PROTO,
	PACL_ERR_EACH_IDS,
	PACL_ERR_EACH_PORTS,
	PACL_ERR_EACH_COUNT,
	PACL_ERR_EACH_SPAN,
	PACL_ERR_EACH_ACTION,
	PACL_ERR_TERM,
	PACL_ERR_TERM_TWICE,
	PACL_ERR_NO_TERMS,
	PACL_ERR_ADDRESS,
	PACL_ERR_LENGTH,
	PACL_ERR_LENGTH_RANGE,
	PACL_ERR_HOST_BITS,
	PACL_ERR_TIME,
	PACL_ERR_TIME_RANGE,
	PACL_ERR_NOT_FOUND,
	PACL_ERR_FULL,
	PACL_ERR_MEMORY,
	PACL_ERR_MODE,
	PACL_ERR_SCOPE,
	PACL_ERR_SWITCH,
	PACL_ERR_LOCKED,
	PACL_ERR_UPLOAD,
	PACL_ERR_UPLOAD_SIZE,
	PACL_ERR_UPLOAD_GONE,
	PACL_ERR_UPLOAD_ORDER,
	PACL_ERR_UPLOAD_SHORT,
	PACL_ERR_UPLOAD_SUM,
	PACL_ERR_LINE,
	PACL_ERR_CODES,
};

/**
 * struct pacl_error - where a text was refused, and why
 * @line: counted from 1; 0 when the text as a whole was refused
 * @column: byte of the line, counted from 1; 0 when @line is 0
 * @code: enum pacl_error_code
 */
struct pacl_error {
	u32 line;
	u32 column;
	u8 code;
};

/**
 * struct pacl_reader - reads a text rule by rule
 * @text: the text, not terminated
 * @len: its length in bytes
 * @pos: where the next line begins
 * @line: number of the line read last, 0 before the first
 */
struct pacl_reader {
	const char *text;
	size_t len;
	size_t pos;
	u32 line;
};

/**
 * pacl_parse_line - parse one line
 * @line: the line without its newline
 * @len: its length in bytes; every byte counts, a NUL is an error
 * @rule: filled when the line holds a rule, undefined after an error
 * @err: column and code of an error; @err->line is left alone
 *
 * Return: 1 when @rule was filled, 0 for a blank line or a comment, -EINVAL.
 */
int pacl_parse_line(const char *line, size_t len, struct pacl_rule *rule,
		    struct pacl_error *err);

/**
 * pacl_read_rule - parse up to and including the next rule of a text
 * @rd: the reader; set text and len, the rest to 0
 * @rule: the rule, undefined after an error
 * @err: where the text was refused
 *
 * Every line must end with a newline: a cut text could hold a different rule.
 *
 * Return: 1 when @rule was filled, 0 at the end of the text, -EINVAL.
 */
int pacl_read_rule(struct pacl_reader *rd, struct pacl_rule *rule,
		   struct pacl_error *err);

/**
 * pacl_error_text - what is wrong, in words
 * @code: enum pacl_error_code
 *
 * Return: a constant text, lower case, without a full stop; never NULL.
 */
const char *pacl_error_text(unsigned int code);

#ifdef __cplusplus
}
#endif

#endif /* PACL_PARSE_H */
