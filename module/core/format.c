// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl engine - rules to canonical text
 */

#include "format.h"

struct out {
	char *buf;
	size_t size;
	size_t len;
};

static void put(struct out *o, const char *text)
{
	for (; *text && o->len + 1 < o->size; text++)
		o->buf[o->len++] = *text;
}

static void put_number(struct out *o, u64 value)
{
	char digits[21];
	char *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put(o, p);
}

static const char * const action_names[PACL_ACTIONS] = {
	[PACL_ALLOW] = "allow ",
	[PACL_DENY] = "deny ",
	[PACL_RESERVE] = "reserve ",
};

static const char * const kind_names[PACL_KINDS] = {
	[PACL_USER] = "user ",
	[PACL_GROUP] = "group ",
	[PACL_ANY] = "any ",
	[PACL_EACH] = "each ",
	[PACL_NOBODY] = "",
};

static const char * const proto_names[PACL_PROTOS] = {
	[PACL_PROTO_ANY] = "any",
	[PACL_PROTO_TCP] = "tcp",
	[PACL_PROTO_UDP] = "udp",
	[PACL_PROTO_SCTP] = "sctp",
};

const char *pacl_proto_name(unsigned int proto)
{
	return proto < PACL_PROTOS ? proto_names[proto] : "unknown";
}

static const char * const mode_names[PACL_MODES] = {
	[PACL_MODE_ENFORCE] = "enforce",
	[PACL_MODE_PERMISSIVE] = "permissive",
	[PACL_MODE_OFF] = "off",
};

const char *pacl_mode_name(unsigned int mode)
{
	return mode < PACL_MODES ? mode_names[mode] : "unknown";
}

static const char * const scope_names[PACL_SCOPES] = {
	[PACL_SCOPE_INIT] = "init",
	[PACL_SCOPE_ALL] = "all",
};

const char *pacl_scope_name(unsigned int scope)
{
	return scope < PACL_SCOPES ? scope_names[scope] : "unknown";
}

static const char * const verdict_names[PACL_VERDICTS] = {
	[PACL_DEFAULT] = "default",
	[PACL_DENIED] = "deny",
	[PACL_GRANT] = "grant",
	[PACL_RESERVED] = "reserved",
	[PACL_STRICT] = "strict",
};

const char *pacl_verdict_name(unsigned int verdict)
{
	return verdict < PACL_VERDICTS ? verdict_names[verdict] : "unknown";
}

static void put_ranges(struct out *o, const struct pacl_rule *rule)
{
	unsigned int i;

	for (i = 0; i < rule->count; i++) {
		if (i)
			put(o, ",");
		put_number(o, rule->range[i].lo);
		if (rule->range[i].hi != rule->range[i].lo) {
			put(o, "-");
			put_number(o, rule->range[i].hi);
		}
	}
}

static void put_hex(struct out *o, u32 value)
{
	char digits[9];
	char *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do {
		*--p = "0123456789abcdef"[value % 16];
		value /= 16;
	} while (value);
	put(o, p);
}

static void put_ipv4(struct out *o, u32 addr)
{
	int shift;

	for (shift = 24; shift >= 0; shift -= 8) {
		put_number(o, addr >> shift & 255);
		if (shift)
			put(o, ".");
	}
}

#define IPV6_GROUPS	8

static u32 ipv6_group(struct pacl_addr addr, unsigned int i)
{
	u64 half = i < 4 ? addr.hi : addr.lo;

	return half >> 16 * (3 - i % 4) & 0xffff;
}

/* The first of the longest runs of at least two groups of zeros. */
static unsigned int longest_zeros(struct pacl_addr addr, unsigned int *length)
{
	unsigned int at = 0, best = IPV6_GROUPS, i;

	*length = 1;
	for (i = 0; i < IPV6_GROUPS; i++) {
		if (ipv6_group(addr, i)) {
			at = i + 1;
		} else if (i + 1 - at > *length) {
			*length = i + 1 - at;
			best = at;
		}
	}
	return best;
}

/* As RFC 5952 recommends. */
static void put_ipv6(struct out *o, struct pacl_addr addr)
{
	unsigned int length, zeros = longest_zeros(addr, &length);
	unsigned int i = 0;

	while (i < IPV6_GROUPS) {
		if (i == zeros) {
			put(o, "::");
			i += length;
			continue;
		}
		if (i && i != zeros + length)
			put(o, ":");
		put_hex(o, ipv6_group(addr, i++));
	}
}

static void put_addr(struct out *o, struct pacl_addr addr)
{
	if (pacl_addr_is_ipv4(addr))
		put_ipv4(o, (u32)addr.lo);
	else
		put_ipv6(o, addr);
}

static void put_terms(struct out *o, const struct pacl_rule *rule)
{
	unsigned int len = rule->prefix_len;

	if (rule->on) {
		put(o, " on ");
		put_addr(o, rule->prefix);
		if (len < 128) {
			put(o, "/");
			put_number(o, pacl_addr_is_ipv4(rule->prefix) ?
				      len - 96 : len);
		}
	}
	if (rule->until) {
		put(o, " until ");
		put_number(o, rule->until);
	}
}

static size_t end(struct out *o)
{
	if (o->size)
		o->buf[o->len] = '\0';
	return o->len;
}

size_t pacl_format_addr(struct pacl_addr addr, char *buf, size_t size)
{
	struct out o = { .buf = buf, .size = size };

	put_addr(&o, addr);
	return end(&o);
}

size_t pacl_format(const struct pacl_rule *rule, char *buf, size_t size)
{
	struct out o = { .buf = buf, .size = size };

	put(&o, action_names[rule->action]);
	put(&o, kind_names[rule->kind]);
	if (rule->kind == PACL_EACH) {
		put_number(&o, rule->id);
		put(&o, "-");
		put_number(&o, rule->last_id);
		put(&o, " ");
		put_number(&o, rule->range[0].lo);
		put(&o, "+");
		put_number(&o, rule->each);
	} else {
		if (rule->kind == PACL_USER || rule->kind == PACL_GROUP) {
			put_number(&o, rule->id);
			put(&o, " ");
		}
		put_ranges(&o, rule);
	}
	if (rule->proto != PACL_PROTO_ANY) {
		put(&o, "/");
		put(&o, proto_names[rule->proto]);
	}
	put_terms(&o, rule);
	return end(&o);
}
