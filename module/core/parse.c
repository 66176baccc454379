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

static int parse_number(struct cursor *c, u32 min, u32 max, u32 *value,
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
	*value = (u32)sum;
	return 0;
}

static int parse_id(struct cursor *c, u32 *id)
{
	return parse_number(c, 0, PACL_MAX_ID, id, PACL_ERR_ID,
			    PACL_ERR_ID_RANGE);
}

static int parse_port(struct cursor *c, u32 *port)
{
	return parse_number(c, 1, U16_MAX, port, PACL_ERR_PORT,
			    PACL_ERR_PORT_RANGE);
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
	u32 lo, hi;
	int err;

	err = parse_port(c, &lo);
	if (err)
		return err;
	hi = lo;
	if (take(c, '-') || take(c, ':')) {
		err = parse_port(c, &hi);
		if (err)
			return err;
	}
	if (hi < lo)
		return refuse_at(c, start, PACL_ERR_PORT_ORDER);
	range->lo = (u16)lo;
	range->hi = (u16)hi;
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
	u32 base, each;
	u64 last;
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
	last = (u64)base + (u64)each * ((u64)rule->last_id - rule->id + 1) - 1;
	if (last > U16_MAX)
		return refuse_at(c, start, PACL_ERR_EACH_SPAN);
	rule->each = (u16)each;
	rule->count = 1;
	rule->range[0].lo = (u16)base;
	rule->range[0].hi = (u16)last;
	return parse_proto(c, rule, PACL_ERR_EACH_COUNT);
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
	if (!word_is(&c, "allow"))
		return refuse(&c, PACL_ERR_ACTION);
	c.at = c.word_end;
	memset(rule, 0, sizeof(*rule));
	rule->action = PACL_ALLOW;
	ret = parse_subject(&c, rule);
	if (!ret && rule->kind == PACL_EACH)
		ret = parse_each_ids(&c, rule);
	if (ret)
		return ret;
	if (!next_word(&c))
		return refuse(&c, PACL_ERR_PORTS_MISSING);
	ret = rule->kind == PACL_EACH ? parse_each_ports(&c, rule) :
					parse_ports(&c, rule);
	if (ret)
		return ret;
	if (next_word(&c))
		return refuse(&c, PACL_ERR_TRAILING);
	return 1;
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
	[PACL_ERR_ACTION] = "unknown action, expected 'allow'",
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
	[PACL_ERR_TRAILING] = "text after the end of the rule",
	[PACL_ERR_NOT_FOUND] = "no such rule",
	[PACL_ERR_FULL] = "the policy would pass 1048576 rules, or 1024 for each",
	[PACL_ERR_MEMORY] = "out of memory",
	[PACL_ERR_MODE] = "unknown mode, expected enforce, permissive or off",
};

const char *pacl_error_text(unsigned int code)
{
	return code < PACL_ERR_CODES ? error_texts[code] : "unknown error";
}
