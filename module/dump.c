// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - the policy as text, read in pieces
 */

#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "core/format.h"
#include "dump.h"
#include "hits.h"
#include "ruleset.h"
#include "sysfs.h"
#include "uapi/portacl.h"

/* Where in the text a rule begins. */
struct mark {
	loff_t off;
	const struct pacl_atom *atom;
};

/*
 * Rules found again without walking there, at least @mark_stride bytes apart.
 * When the table is full every second one goes and the stride doubles, so that
 * a piece costs a walk of about 1/MARKS of the text at most. Under
 * portacl_policy_lock.
 */
#define MARKS	512
static struct mark marks[MARKS];
static unsigned int mark_count;
static loff_t mark_stride;

void portacl_dump_reset(void)
{
	lockdep_assert_held(&portacl_policy_lock);
	mark_count = 0;
	mark_stride = PAGE_SIZE;
}

static void set_mark(loff_t off, const struct pacl_atom *atom)
{
	unsigned int i;

	if (mark_count && off < marks[mark_count - 1].off + mark_stride)
		return;
	if (mark_count == MARKS) {
		for (i = 0; i < MARKS / 2; i++)
			marks[i] = marks[2 * i];
		mark_count = MARKS / 2;
		mark_stride *= 2;
	}
	marks[mark_count++] = (struct mark){ off, atom };
}

/* The last mark at or before an offset, or the first rule. */
static struct mark find_mark(const struct pacl_policy *policy, loff_t off,
			     loff_t head)
{
	unsigned int lo = 0, hi = mark_count;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (marks[mid].off <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo)
		return marks[lo - 1];
	return (struct mark){ head, pacl_policy_next(policy, NULL) };
}

/* Copies the part of a line that begins at @pos and lies in the piece. */
static size_t copy_part(char *buf, size_t count, loff_t off, const char *line,
			size_t len, loff_t pos)
{
	size_t skip, part;

	if (pos + len <= off || pos >= off + count)
		return 0;
	skip = pos < off ? off - pos : 0;
	part = min_t(size_t, len - skip, off + count - (pos + skip));
	memcpy(buf + (pos + skip - off), line + skip, part);
	return part;
}

/* All counts of this width, or the text would move under its reader. */
#define HITS_MAX	9999999999ULL

static size_t rule_line(const struct pacl_atom *atom, char *line, size_t size)
{
	/* Under portacl_policy_lock, as all in this file. */
	static struct pacl_rule rule;
	size_t len;

	pacl_atom_rule(atom, &rule);
	len = pacl_format(&rule, line, PACL_MAX_RULE_TEXT);
	return len + scnprintf(line + len, size - len, PORTACL_POLICY_HITS "\n",
			       min(portacl_hits_of_rule(atom), HITS_MAX));
}

static ssize_t read_locked(const struct pacl_policy *policy, char *buf,
			   loff_t off, size_t count)
{
	static char line[PACL_MAX_RULE_TEXT + 32];
	struct mark at;
	ssize_t done;
	size_t len;

	len = scnprintf(line, sizeof(line), PORTACL_POLICY_HEAD,
			policy->generation);
	done = copy_part(buf, count, off, line, len, 0);
	at = find_mark(policy, off, len);
	while (at.atom && at.off < off + count) {
		set_mark(at.off, at.atom);
		len = rule_line(at.atom, line, sizeof(line));
		done += copy_part(buf, count, off, line, len, at.off);
		at.off += len;
		at.atom = pacl_policy_next(policy, at.atom);
		/* Whoever reads from far behind walks all rules. */
		cond_resched();
	}
	if (at.atom)
		return done;
	len = scnprintf(line, sizeof(line), PORTACL_POLICY_TAIL,
			policy->generation);
	return done + copy_part(buf, count, off, line, len, at.off);
}

ssize_t portacl_dump_read(struct file *file, char *buf, loff_t off,
			  size_t count)
{
	const struct pacl_policy *policy;
	void **word = portacl_file_word(file);
	void *generation;
	ssize_t ret;

	if (!word)
		return -EIO;
	mutex_lock(&portacl_policy_lock);
	policy = rcu_dereference_protected(portacl_policy,
					   lockdep_is_held(&portacl_policy_lock));
	/* Never 0, which a file that has read nothing yet holds. */
	generation = (void *)(unsigned long)(policy->generation + 1);
	if (!off)
		*word = generation;
	if (*word == generation)
		ret = read_locked(policy, buf, off, count);
	else
		ret = -ESTALE;
	mutex_unlock(&portacl_policy_lock);
	return ret;
}
