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

static void put_number(struct out *o, u32 value)
{
	char digits[11];
	char *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put(o, p);
}

static const char * const kind_names[PACL_KINDS] = {
	[PACL_USER] = "user ",
	[PACL_GROUP] = "group ",
	[PACL_ANY] = "any",
	[PACL_EACH] = "each ",
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

const char *pacl_mode_name(unsigned int mode)
{
	switch (mode) {
	case PACL_MODE_ENFORCE:
		return "enforce";
	case PACL_MODE_PERMISSIVE:
		return "permissive";
	case PACL_MODE_OFF:
		return "off";
	default:
		return "unknown";
	}
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

size_t pacl_format(const struct pacl_rule *rule, char *buf, size_t size)
{
	struct out o = { .buf = buf, .size = size };

	put(&o, "allow ");
	put(&o, kind_names[rule->kind]);
	if (rule->kind != PACL_ANY)
		put_number(&o, rule->id);
	if (rule->kind == PACL_EACH) {
		put(&o, "-");
		put_number(&o, rule->last_id);
	}
	put(&o, " ");
	if (rule->kind == PACL_EACH) {
		put_number(&o, rule->range[0].lo);
		put(&o, "+");
		put_number(&o, rule->each);
	} else {
		put_ranges(&o, rule);
	}
	if (rule->proto != PACL_PROTO_ANY) {
		put(&o, "/");
		put(&o, proto_names[rule->proto]);
	}
	if (o.size)
		o.buf[o.len] = '\0';
	return o.len;
}
