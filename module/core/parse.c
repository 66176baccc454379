// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl engine - rule text to rules
 */

#include "parse.h"

/* One line being parsed; @at moves, @word_end is where the word at @at ends. */
struct cursor {
	const char *line;
	const char *end;
	const char *at;
	const char *word_end;
	struct pacl_error *err;
};

static int refuse_at(const struct cursor *c, const char *where,
		     enum pacl_error_code code)
{
	c->err->code = (u8)code;
	c->err->column = (u32)(where - c->line) + 1;
	return -EINVAL;
}

static int refuse(const struct cursor *c, enum pacl_error_code code)
{
	return refuse_at(c, c->at, code);
}

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t';
}

static bool is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

/* Moves to the next word; false at the end of the line or at a comment. */
static bool next_word(struct cursor *c)
{
	while (c->at < c->end && is_blank(*c->at))
		c->at++;
	c->word_end = c->at;
	while (c->word_end < c->end && !is_blank(*c->word_end) &&
	       *c->word_end != '#')
		c->word_end++;
	return c->word_end > c->at;
}

static bool word_is(const struct cursor *c, const char *word)
{
	size_t len = strlen(word);

	return (size_t)(c->word_end - c->at) == len &&
	       !memcmp(c->at, word, len);
}

static bool take(struct cursor *c, char ch)
{
	if (c->at == c->word_end || *c->at != ch)
		return false;
	c->at++;
	return true;
}

/* The character after a word's last number must be one the caller knows. */
static int word_done(const struct cursor *c, enum pacl_error_code code)
{
	return c->at == c->word_end ? 0 : refuse(c, code);
}

static int parse_number(struct cursor *c, u64 min, u64 max, u64 *value,
			enum pacl_error_code missing,
			enum pacl_error_code range)
{
	const char *start = c->at;
	u64 sum = 0;

	while (c->at < c->word_end && is_digit(*c->at)) {
		/* Saturates, so that no number of digits can wrap it. */
		if (sum <= max)
			sum = sum * 10 + (u64)(*c->at - '0');
		c->at++;
	}
	if (c->at == start)
		return refuse(c, missing);
	if (*start == '0' && c->at - start > 1)
		return refuse_at(c, start, PACL_ERR_LEADING_ZERO);
	if (sum < min || sum > max)
		return refuse_at(c, start, range);
	*value = sum;
	return 0;
}

static int parse_id(struct cursor *c, u32 *id)
{
	u64 value = 0;
	int err;

	err = parse_number(c, 0, PACL_MAX_ID, &value, PACL_ERR_ID,
			   PACL_ERR_ID_RANGE);
	*id = (u32)value;
	return err;
}

static int parse_port(struct cursor *c, u16 *port)
{
	u64 value = 0;
	int err;

	err = parse_number(c, 1, U16_MAX, &value, PACL_ERR_PORT,
			   PACL_ERR_PORT_RANGE);
	*port = (u16)value;
	return err;
}

static int parse_subject(struct cursor *c, struct pacl_rule *rule)
{
	int err;

	if (!next_word(c))
		return refuse(c, PACL_ERR_SUBJECT);
	if (word_is(c, "any")) {
		rule->kind = PACL_ANY;
		c->at = c->word_end;
		return 0;
	}
	if (word_is(c, "each")) {
		if (rule->action != PACL_ALLOW)
			return refuse(c, PACL_ERR_EACH_ACTION);
		rule->kind = PACL_EACH;
		c->at = c->word_end;
		return 0;
	}
	if (is_digit(*c->at)) {
		rule->kind = PACL_USER;
	} else if (word_is(c, "user") || word_is(c, "group")) {
		rule->kind = word_is(c, "user") ? PACL_USER : PACL_GROUP;
		c->at = c->word_end;
		if (!next_word(c))
			return refuse(c, PACL_ERR_ID);
	} else {
		return refuse(c, PACL_ERR_SUBJECT);
	}
	err = parse_id(c, &rule->id);
	if (err)
		return err;
	rule->last_id = rule->id;
	return word_done(c, PACL_ERR_ID);
}

/* @code says what was read before, if something else than a '/' follows. */
static int parse_proto(struct cursor *c, struct pacl_rule *rule,
		       enum pacl_error_code code)
{
	rule->proto = PACL_PROTO_ANY;
	if (c->at == c->word_end)
		return 0;
	if (!take(c, '/'))
		return refuse(c, code);
	if (word_is(c, "tcp"))
		rule->proto = PACL_PROTO_TCP;
	else if (word_is(c, "udp"))
		rule->proto = PACL_PROTO_UDP;
	else if (word_is(c, "sctp"))
		rule->proto = PACL_PROTO_SCTP;
	else
		return refuse(c, PACL_ERR_PROTO);
	c->at = c->word_end;
	return 0;
}

static int parse_item(struct cursor *c, struct pacl_range *range)
{
	const char *start = c->at;
	int err;

	err = parse_port(c, &range->lo);
	if (err)
		return err;
	range->hi = range->lo;
	if (take(c, '-') || take(c, ':')) {
		err = parse_port(c, &range->hi);
		if (err)
			return err;
	}
	if (range->hi < range->lo)
		return refuse_at(c, start, PACL_ERR_PORT_ORDER);
	return 0;
}

/* Sorts the ranges and joins those that overlap or touch. */
static void canonicalize(struct pacl_rule *rule)
{
	struct pacl_range *r = rule->range;
	unsigned int i, j, n = 0;

	for (i = 1; i < rule->count; i++) {
		struct pacl_range key = r[i];

		for (j = i; j > 0 && r[j - 1].lo > key.lo; j--)
			r[j] = r[j - 1];
		r[j] = key;
	}
	for (i = 1; i < rule->count; i++) {
		if (r[i].lo > (u32)r[n].hi + 1)
			r[++n] = r[i];
		else if (r[i].hi > r[n].hi)
			r[n].hi = r[i].hi;
	}
	rule->count = (u8)(n + 1);
}

static int parse_ports(struct cursor *c, struct pacl_rule *rule)
{
	unsigned int n = 0;
	int err;

	do {
		if (n == PACL_MAX_ITEMS)
			return refuse(c, PACL_ERR_ITEMS);
		err = parse_item(c, &rule->range[n++]);
		if (err)
			return err;
	} while (take(c, ','));
	rule->count = (u8)n;
	err = parse_proto(c, rule, PACL_ERR_PORT);
	if (err)
		return err;
	canonicalize(rule);
	return 0;
}

static int parse_each_ids(struct cursor *c, struct pacl_rule *rule)
{
	const char *start;
	int err;

	if (!next_word(c))
		return refuse(c, PACL_ERR_EACH_IDS);
	start = c->at;
	err = parse_id(c, &rule->id);
	if (err)
		return err;
	if (!take(c, '-'))
		return refuse(c, PACL_ERR_EACH_IDS);
	err = parse_id(c, &rule->last_id);
	if (err)
		return err;
	if (rule->last_id < rule->id)
		return refuse_at(c, start, PACL_ERR_ID_ORDER);
	return word_done(c, PACL_ERR_EACH_IDS);
}

static int parse_each_ports(struct cursor *c, struct pacl_rule *rule)
{
	const char *start = c->at;
	u64 each, last;
	u16 base;
	int err;

	err = parse_port(c, &base);
	if (err)
		return err;
	if (!take(c, '+'))
		return refuse(c, PACL_ERR_EACH_PORTS);
	err = parse_number(c, 1, U16_MAX, &each, PACL_ERR_EACH_COUNT,
			   PACL_ERR_EACH_COUNT);
	if (err)
		return err;
	last = base + each * ((u64)rule->last_id - rule->id + 1) - 1;
	if (last > U16_MAX)
		return refuse_at(c, start, PACL_ERR_EACH_SPAN);
	rule->each = (u16)each;
	rule->count = 1;
	rule->range[0].lo = base;
	rule->range[0].hi = (u16)last;
	return parse_proto(c, rule, PACL_ERR_EACH_COUNT);
}

static bool parse_ipv4(struct cursor *c, u32 *addr)
{
	unsigned int i;
	u32 sum = 0;

	for (i = 0; i < 4; i++) {
		const char *start;
		u32 octet = 0;

		if (i && !take(c, '.'))
			return false;
		start = c->at;
		while (c->at < c->word_end && c->at - start < 3 &&
		       is_digit(*c->at))
			octet = octet * 10 + (u32)(*c->at++ - '0');
		if (c->at == start || octet > 255 ||
		    (*start == '0' && c->at - start > 1))
			return false;
		sum = sum << 8 | octet;
	}
	*addr = sum;
	return true;
}

static int hex_digit(char ch)
{
	if (is_digit(ch))
		return ch - '0';
	if (ch >= 'a' && ch <= 'f')
		return ch - 'a' + 10;
	if (ch >= 'A' && ch <= 'F')
		return ch - 'A' + 10;
	return -1;
}

/* Up to four hexadecimal digits; false when there is none. */
static bool parse_group(struct cursor *c, u16 *group)
{
	const char *start = c->at;
	u32 sum = 0;

	while (c->at < c->word_end && c->at - start < 4 &&
	       hex_digit(*c->at) >= 0)
		sum = sum << 4 | (u32)hex_digit(*c->at++);
	*group = (u16)sum;
	return c->at > start;
}

#define IPV6_GROUPS	8

/* The groups of an address; @gap is where "::" stands, -1 if nowhere. */
static bool parse_groups(struct cursor *c, u16 *group, unsigned int *count,
			 int *gap)
{
	unsigned int n = 0;
	u32 tail;

	*gap = -1;
	if (take(c, ':')) {
		if (!take(c, ':'))
			return false;
		*gap = 0;
	}
	while (n < IPV6_GROUPS) {
		const char *start = c->at;

		if (!parse_group(c, &group[n])) {
			/* Nothing may follow the "::" and nothing else. */
			if (*gap != (int)n)
				return false;
			break;
		}
		if (c->at < c->word_end && *c->at == '.') {
			c->at = start;
			if (n > IPV6_GROUPS - 2 || !parse_ipv4(c, &tail))
				return false;
			group[n++] = (u16)(tail >> 16);
			group[n++] = (u16)tail;
			break;
		}
		n++;
		if (n == IPV6_GROUPS || !take(c, ':'))
			break;
		if (take(c, ':')) {
			if (*gap >= 0)
				return false;
			*gap = (int)n;
		}
	}
	*count = n;
	return true;
}

/* The text representation of RFC 4291, 2.2. */
static bool parse_ipv6(struct cursor *c, struct pacl_addr *addr)
{
	u16 group[IPV6_GROUPS];
	unsigned int count, i;
	int gap;

	if (!parse_groups(c, group, &count, &gap))
		return false;
	/* A gap stands for at least one group of zeros. */
	if (gap < 0 ? count != IPV6_GROUPS : count == IPV6_GROUPS)
		return false;
	*addr = (struct pacl_addr){ 0, 0 };
	for (i = 0; i < IPV6_GROUPS; i++) {
		unsigned int zeros = IPV6_GROUPS - count;
		u64 value = 0;

		if (gap < 0 || i < (unsigned int)gap)
			value = group[i];
		else if (i >= (unsigned int)gap + zeros)
			value = group[i - zeros];
		if (i < 4)
			addr->hi |= value << 16 * (3 - i);
		else
			addr->lo |= value << 16 * (7 - i);
	}
	return true;
}

static bool parse_addr(struct cursor *c, struct pacl_addr *addr,
		       unsigned int *bits)
{
	const char *p = c->at;
	u32 ipv4;

	while (p < c->word_end && *p != ':' && *p != '/')
		p++;
	if (p < c->word_end && *p == ':') {
		*bits = 128;
		return parse_ipv6(c, addr);
	}
	*bits = 32;
	if (!parse_ipv4(c, &ipv4))
		return false;
	*addr = PACL_ADDR_IPV4(ipv4);
	return true;
}

static int parse_on(struct cursor *c, struct pacl_rule *rule)
{
	const char *start = c->at;
	unsigned int bits;
	u64 len;
	int err;

	if (!parse_addr(c, &rule->prefix, &bits) ||
	    (c->at < c->word_end && *c->at != '/'))
		return refuse_at(c, start, PACL_ERR_ADDRESS);
	len = bits;
	if (take(c, '/')) {
		err = parse_number(c, 0, bits, &len, PACL_ERR_LENGTH,
				   PACL_ERR_LENGTH_RANGE);
		if (!err)
			err = word_done(c, PACL_ERR_LENGTH);
		if (err)
			return err;
	}
	rule->on = 1;
	rule->prefix_len = (u8)(len + 128 - bits);
	if (!pacl_addr_equal(rule->prefix,
			     pacl_addr_cut(rule->prefix, rule->prefix_len)))
		return refuse_at(c, start, PACL_ERR_HOST_BITS);
	return 0;
}

static int parse_until(struct cursor *c, struct pacl_rule *rule)
{
	int err;

	err = parse_number(c, 1, PACL_MAX_TIME, &rule->until, PACL_ERR_TIME,
			   PACL_ERR_TIME_RANGE);
	return err ? err : word_done(c, PACL_ERR_TIME);
}

/* The word at the cursor and what belongs to it. */
static int parse_term(struct cursor *c, struct pacl_rule *rule)
{
	bool on = word_is(c, "on");

	if (rule->kind == PACL_EACH || rule->kind == PACL_NOBODY)
		return refuse(c, PACL_ERR_NO_TERMS);
	if (!on && !word_is(c, "until"))
		return refuse(c, PACL_ERR_TERM);
	if (on ? rule->on : rule->until != 0)
		return refuse(c, PACL_ERR_TERM_TWICE);
	c->at = c->word_end;
	if (!next_word(c))
		return refuse(c, on ? PACL_ERR_ADDRESS : PACL_ERR_TIME);
	return on ? parse_on(c, rule) : parse_until(c, rule);
}

static int parse_action(struct cursor *c, struct pacl_rule *rule)
{
	if (word_is(c, "allow")) {
		rule->action = PACL_ALLOW;
	} else if (word_is(c, "deny")) {
		rule->action = PACL_DENY;
	} else if (word_is(c, "reserve")) {
		rule->action = PACL_RESERVE;
		rule->kind = PACL_NOBODY;
	} else {
		return refuse(c, PACL_ERR_ACTION);
	}
	c->at = c->word_end;
	return 0;
}

int pacl_parse_line(const char *line, size_t len, struct pacl_rule *rule,
		    struct pacl_error *err)
{
	struct cursor c = {
		.line = line, .end = line + len, .at = line, .err = err,
	};
	const char *p;
	int ret;

	for (p = line; p < c.end; p++)
		if (!*p)
			return refuse_at(&c, p, PACL_ERR_NUL);
	if (!next_word(&c))
		return 0;
	memset(rule, 0, sizeof(*rule));
	ret = parse_action(&c, rule);
	if (!ret && rule->kind != PACL_NOBODY)
		ret = parse_subject(&c, rule);
	if (!ret && rule->kind == PACL_EACH)
		ret = parse_each_ids(&c, rule);
	if (ret)
		return ret;
	if (!next_word(&c))
		return refuse(&c, PACL_ERR_PORTS_MISSING);
	ret = rule->kind == PACL_EACH ? parse_each_ports(&c, rule) :
					parse_ports(&c, rule);
	while (!ret && next_word(&c))
		ret = parse_term(&c, rule);
	return ret ? ret : 1;
}

int pacl_read_rule(struct pacl_reader *rd, struct pacl_rule *rule,
		   struct pacl_error *err)
{
	int ret = 0;

	while (!ret && rd->pos < rd->len) {
		const char *line = rd->text + rd->pos;
		const char *end = rd->text + rd->len;
		const char *p = line;

		while (p < end && *p != '\n')
			p++;
		err->line = ++rd->line;
		if (p == end) {
			err->code = PACL_ERR_NO_NEWLINE;
			err->column = (u32)(p - line) + 1;
			return -EINVAL;
		}
		rd->pos += (size_t)(p - line) + 1;
		ret = pacl_parse_line(line, (size_t)(p - line), rule, err);
	}
	return ret;
}

static const char * const error_texts[PACL_ERR_CODES] = {
	[PACL_OK] = "no error",
	[PACL_ERR_NUL] = "NUL byte in the text",
	[PACL_ERR_NO_NEWLINE] = "the last line has no newline, it may be cut",
	[PACL_ERR_NO_RULE] = "no rule in the text",
	[PACL_ERR_TOO_LONG] = "the text does not fit into one write of 4095 bytes",
	[PACL_ERR_ACTION] =
		"unknown action, expected 'allow', 'deny' or 'reserve'",
	[PACL_ERR_SUBJECT] =
		"expected a subject: 'user ID', 'group ID', 'any' or 'each'",
	[PACL_ERR_ID] = "expected a numeric id",
	[PACL_ERR_ID_RANGE] = "id out of range, 0 to 4294967294",
	[PACL_ERR_ID_ORDER] = "the first id is greater than the last",
	[PACL_ERR_PORTS_MISSING] = "expected ports",
	[PACL_ERR_PORT] = "expected a port number",
	[PACL_ERR_PORT_RANGE] = "port out of range, 1 to 65535",
	[PACL_ERR_PORT_ORDER] = "the first port is greater than the last",
	[PACL_ERR_LEADING_ZERO] = "number with a leading zero",
	[PACL_ERR_ITEMS] = "more than 64 items in one list",
	[PACL_ERR_PROTO] = "unknown protocol, expected tcp, udp or sctp",
	[PACL_ERR_EACH_IDS] = "expected uids as FIRST-LAST",
	[PACL_ERR_EACH_PORTS] = "expected ports as BASE+COUNT",
	[PACL_ERR_EACH_COUNT] = "expected a count of ports, 1 to 65535",
	[PACL_ERR_EACH_SPAN] = "the last uid's ports would pass 65535",
	[PACL_ERR_EACH_ACTION] = "'each' goes with 'allow' only",
	[PACL_ERR_TERM] =
		"expected 'on ADDRESS', 'until TIME' or the end of the rule",
	[PACL_ERR_TERM_TWICE] = "the same term twice",
	[PACL_ERR_NO_TERMS] =
		"nothing may follow the ports of 'reserve' and of 'each'",
	[PACL_ERR_ADDRESS] =
		"expected an IPv4 or IPv6 address, ADDRESS or ADDRESS/LENGTH",
	[PACL_ERR_LENGTH] = "expected the length of the prefix",
	[PACL_ERR_LENGTH_RANGE] =
		"prefix length out of range, 0 to 32 for IPv4 and to 128 for IPv6",
	[PACL_ERR_HOST_BITS] =
		"the address has bits set behind the length of the prefix",
	[PACL_ERR_TIME] = "expected a time in seconds since the epoch",
	[PACL_ERR_TIME_RANGE] = "time out of range, 1 to 253402300799",
	[PACL_ERR_NOT_FOUND] = "no such rule",
	[PACL_ERR_FULL] = "the policy would pass 1048576 rules, or 1024 for each",
	[PACL_ERR_MEMORY] = "out of memory",
	[PACL_ERR_MODE] = "unknown mode, expected enforce, permissive or off",
	[PACL_ERR_SCOPE] = "unknown scope, expected init or all",
	[PACL_ERR_SWITCH] = "expected 0 or 1",
	[PACL_ERR_LOCKED] = "the policy is locked until the next boot",
	[PACL_ERR_UPLOAD] =
		"expected 'begin LENGTH NONCE', 'chunk NONCE OFFSET', 'commit NONCE CRC32' or 'abort NONCE'",
	[PACL_ERR_UPLOAD_SIZE] = "more than 134217728 bytes",
	[PACL_ERR_UPLOAD_GONE] =
		"no such upload: it has ended, rested too long, or another one has begun",
	[PACL_ERR_UPLOAD_ORDER] =
		"the chunk does not begin where the last one ended, or passes the length",
	[PACL_ERR_UPLOAD_SHORT] = "bytes are missing at the end",
	[PACL_ERR_UPLOAD_SUM] = "the checksum is not that of the bytes",
	[PACL_ERR_LINE] = "a line of more than 4095 bytes",
};

const char *pacl_error_text(unsigned int code)
{
	return code < PACL_ERR_CODES ? error_texts[code] : "unknown error";
}
