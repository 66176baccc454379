// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - the policy in force, and how it changes
 */

#include <linux/list.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "core/format.h"
#include "dump.h"
#include "expiry.h"
#include "first_line.h"
#include "hits.h"
#include "report.h"
#include "ruleset.h"
#include "sysfs.h"
#include "uapi/portacl.h"

struct pacl_policy __rcu *portacl_policy;
/* Serialises changes of portacl_policy and everything derived from it. */
DEFINE_MUTEX(portacl_policy_lock);

/* Why the last change was refused; under portacl_policy_lock. */
static struct pacl_error last_error;

/* Too large for a stack; under portacl_policy_lock. */
static struct pacl_txn txn;

/**
 * struct retired - what a change has replaced
 * @list: in @graveyard
 * @policy: the policy before
 * @pile: the parts of it that the next one does not share
 * @whole: the next one shares nothing
 */
struct retired {
	struct list_head list;
	struct pacl_policy *policy;
	struct pacl_pile pile;
	bool whole;
};

/* What binds may still be reading, oldest first; under portacl_policy_lock. */
static LIST_HEAD(graveyard);

/*
 * Most nodes part the ports of one user in two and have 38 bytes, for which
 * kmalloc() would take 64.
 */
#define SMALL_NODE_MIN	33
#define SMALL_NODE_MAX	40
static struct kmem_cache *small_nodes;

void *pacl_alloc(size_t size)
{
	if (size >= SMALL_NODE_MIN && size <= SMALL_NODE_MAX)
		return kmem_cache_alloc(small_nodes, GFP_KERNEL);
	return kmalloc(size, GFP_KERNEL);
}

/* kfree() finds the cache that an object came from. */
void pacl_free(const void *ptr)
{
	kfree(ptr);
}

static struct pacl_policy *current_policy(void)
{
	return rcu_dereference_protected(portacl_policy,
					 lockdep_is_held(&portacl_policy_lock));
}

/**
 * struct burial - what is freed in one go
 * @retired: the policies and their parts
 * @current_policy: the policy that came after the last of them
 */
struct burial {
	struct list_head retired;
	const struct pacl_policy *current_policy;
};

static bool contains(const struct pacl_policy *policy,
		     const struct pacl_atom *atom)
{
	return pacl_policy_find(policy, atom) == pacl_atom_head(atom);
}

/*
 * The last of the retired policies that has an atom, NULL for none. Every policy
 * from the oldest retired one on is complete until what it has retired is freed,
 * and this is one after the other.
 */
static const struct retired *last_with(const struct burial *burial,
				       const struct pacl_atom *atom)
{
	const struct retired *retired;

	list_for_each_entry_reverse(retired, &burial->retired, list)
		if (contains(retired->policy, atom))
			return retired;
	return NULL;
}

static bool is_buried(const struct pacl_atom *atom, const void *data)
{
	const struct burial *burial = data;

	return !contains(burial->current_policy, atom) &&
	       last_with(burial, atom);
}

/*
 * The atom of the same rule in the policy in force, if the one after a buried atom
 * was uploaded and none since was without the rule: one that was removed and added
 * again begins anew.
 */
static const struct pacl_atom *heir(const struct pacl_atom *atom,
				    const void *data)
{
	const struct burial *burial = data;
	const struct retired *retired = last_with(burial, atom);
	const struct pacl_atom *head;

	if (!retired->whole)
		return NULL;
	list_for_each_entry_continue(retired, &burial->retired, list)
		if (!pacl_policy_find(retired->policy, atom))
			return NULL;
	head = pacl_policy_find(burial->current_policy, atom);
	return head ? head + atom->at : NULL;
}

static void bury(struct work_struct *work)
{
	struct retired *retired, *next;
	struct burial burial;

	INIT_LIST_HEAD(&burial.retired);
	mutex_lock(&portacl_policy_lock);
	list_splice_init(&graveyard, &burial.retired);
	burial.current_policy = current_policy();
	mutex_unlock(&portacl_policy_lock);

	synchronize_rcu();
	portacl_hits_release(is_buried, heir, &burial);
	list_for_each_entry_safe(retired, next, &burial.retired, list) {
		if (retired->whole)
			pacl_policy_free(retired->policy);
		else
			pacl_pile_free(&retired->pile);
		kfree(retired);
	}
}

static DECLARE_WORK(bury_work, bury);

struct pacl_clock portacl_clock_now(void)
{
	return (struct pacl_clock){
		.wall = ktime_get_real_seconds(),
		.boot = ktime_get_boottime_seconds(),
	};
}

/*
 * Begins to change the policy in force; publish() or abandon() ends it. NULL
 * with the reason in @err.
 */
static struct retired *begin_change(struct pacl_error *err)
{
	struct retired *retired;

	if (current_policy()->locked) {
		err->code = PACL_ERR_LOCKED;
		return NULL;
	}
	retired = kzalloc(sizeof(*retired), GFP_KERNEL);
	if (!retired || pacl_txn_begin(&txn, current_policy())) {
		kfree(retired);
		err->code = PACL_ERR_MEMORY;
		return NULL;
	}
	txn.now = portacl_clock_now();
	return retired;
}

static void abandon(struct retired *retired)
{
	pacl_txn_abort(&txn);
	kfree(retired);
}

/* Puts a policy in force; @retired is what it replaces. */
static void publish(struct pacl_policy *policy, struct retired *retired)
{
	struct pacl_policy *old = current_policy();

	policy->generation = old->generation + 1;
	retired->policy = old;
	rcu_assign_pointer(portacl_policy, policy);
	portacl_dump_reset();
	list_add_tail(&retired->list, &graveyard);
	queue_work(portacl_workqueue, &bury_work);
	if (policy->subject[PACL_NOBODY] != old->subject[PACL_NOBODY])
		portacl_report_uncovered(policy);
	portacl_sysfs_notify();
}

static int code_errno(u8 code)
{
	switch (code) {
	case PACL_OK:
		return 0;
	case PACL_ERR_TOO_LONG:
	case PACL_ERR_UPLOAD_SIZE:
		return -E2BIG;
	case PACL_ERR_NOT_FOUND:
		return -ENOENT;
	case PACL_ERR_FULL:
		return -ENOSPC;
	case PACL_ERR_MEMORY:
		return -ENOMEM;
	case PACL_ERR_LOCKED:
		return -EROFS;
	case PACL_ERR_UPLOAD_GONE:
		return -ESTALE;
	case PACL_ERR_UPLOAD_SUM:
		return -EBADMSG;
	default:
		return -EINVAL;
	}
}

/**
 * struct outcome - what a change came to
 * @err: why it was refused, if it was
 * @counts: what it did to the rules; generation 0 when that was nothing
 * @name: the setting that it changed, or NULL
 * @value: what to
 */
struct outcome {
	struct pacl_error err;
	struct portacl_counts counts;
	const char *name;
	const char *value;
};

/*
 * Ends a change, and with it the hold of portacl_policy_lock: audit may make
 * who writes a record wait.
 */
static int finish(const struct outcome *out)
{
	last_error = out->err;
	mutex_unlock(&portacl_policy_lock);
	if (out->name)
		portacl_report_setting(out->name, out->value,
				       out->counts.generation);
	else if (out->counts.generation)
		portacl_report_rules(&out->counts);
	portacl_first_line_update();
	return code_errno(out->err.code);
}

u8 portacl_change_code(int err)
{
	switch (err) {
	case 0:
	case -EEXIST:
		return PACL_OK;
	case -ENOENT:
		return PACL_ERR_NOT_FOUND;
	case -ENOSPC:
		return PACL_ERR_FULL;
	default:
		return PACL_ERR_MEMORY;
	}
}

/* Reads the text into the transaction; @err->code says how that went. */
static u32 apply_text(const char *text, size_t len, enum portacl_change change,
		      struct pacl_error *err)
{
	struct pacl_reader reader = { .text = text, .len = len };
	struct pacl_rule rule;
	u32 rules = 0, changed = 0;
	int ret;

	while ((ret = pacl_read_rule(&reader, &rule, err)) > 0) {
		rules++;
		ret = change == PORTACL_ADD ? pacl_insert(&txn, &rule) :
					      pacl_remove(&txn, &rule);
		changed += !ret;
		err->code = portacl_change_code(ret);
		err->column = 1;
		if (err->code)
			return 0;
		portacl_expiry_note(&rule, txn.now);
	}
	if (!ret && !rules)
		*err = (struct pacl_error){ 1, 1, PACL_ERR_NO_RULE };
	return changed;
}

/* Where a text passes what one write may hold. */
static void locate_limit(const char *text, struct pacl_error *err)
{
	size_t i;

	*err = (struct pacl_error){ 1, 1, PACL_ERR_TOO_LONG };
	for (i = 0; i < PORTACL_MAX_WRITE; i++) {
		err->column++;
		if (text[i] == '\n') {
			err->line++;
			err->column = 1;
		}
	}
}

static void change_locked(const char *text, size_t len,
			  enum portacl_change change, struct outcome *out)
{
	struct pacl_error *err = &out->err;
	struct retired *retired;
	struct pacl_policy *policy;
	u32 changed;

	if (len > PORTACL_MAX_WRITE) {
		locate_limit(text, err);
		return;
	}
	retired = begin_change(err);
	if (!retired)
		return;
	changed = apply_text(text, len, change, err);
	if (err->code || !changed) {
		abandon(retired);
		return;
	}
	policy = pacl_txn_commit(&txn, &retired->pile);
	publish(policy, retired);
	out->counts = (struct portacl_counts){
		.generation = policy->generation,
		.added = change == PORTACL_ADD ? changed : 0,
		.removed = change == PORTACL_ADD ? 0 : changed,
		.rules = policy->rule_count,
	};
}

int portacl_ruleset_change(const char *text, size_t len,
			   enum portacl_change change)
{
	struct outcome out = {};

	mutex_lock(&portacl_policy_lock);
	change_locked(text, len, change, &out);
	return finish(&out);
}

static bool same_rules(const struct pacl_policy *policy,
		       const struct pacl_policy *old)
{
	const struct pacl_atom *atom = NULL;

	if (policy->written_count != old->written_count)
		return false;
	while ((atom = pacl_policy_next(policy, atom))) {
		if (!pacl_policy_find(old, atom))
			return false;
		cond_resched();
	}
	return true;
}

/*
 * Lets the rules of a new policy go on where the same ones are in the policy in
 * force: a rule that has ended must not begin again by being uploaded.
 *
 * Return: how many there are.
 */
static u32 inherit(struct pacl_policy *policy, const struct pacl_policy *old)
{
	const struct pacl_atom *atom = NULL, *before;
	u32 same = 0;

	while ((atom = pacl_policy_next(policy, atom))) {
		before = pacl_policy_find(old, atom);
		if (!before)
			continue;
		same++;
		portacl_hits_inherit(atom, before);
		if (pacl_plane_conditional(atom->plane)) {
			pacl_atom_terms(atom)->deadline =
				pacl_atom_terms(before)->deadline;
			pacl_atom_terms(atom)->ended =
				READ_ONCE(pacl_atom_terms(before)->ended);
		}
		cond_resched();
	}
	return same;
}

static void copy_settings(struct pacl_policy *policy,
			  const struct pacl_policy *from)
{
	policy->mode = from->mode;
	policy->scope = from->scope;
	policy->strict = from->strict;
	policy->locked = from->locked;
}

static void replace_locked(struct pacl_txn *staged, struct outcome *out)
{
	struct pacl_policy *policy, *old = current_policy();
	struct retired *retired;
	struct pacl_pile none;
	u32 same;

	retired = kzalloc(sizeof(*retired), GFP_KERNEL);
	if (!retired)
		out->err.code = PACL_ERR_MEMORY;
	else if (old->locked)
		out->err.code = PACL_ERR_LOCKED;
	if (out->err.code || same_rules(staged->policy, old)) {
		kfree(retired);
		pacl_txn_abort(staged);
		return;
	}
	copy_settings(staged->policy, old);
	retired->whole = true;
	policy = pacl_txn_commit(staged, &none);
	mutex_lock(&portacl_hits_lock);
	same = inherit(policy, old);
	publish(policy, retired);
	mutex_unlock(&portacl_hits_lock);
	portacl_expiry_recount();
	out->counts = (struct portacl_counts){
		.generation = policy->generation,
		.added = policy->written_count - same,
		.removed = old->written_count - same,
		.rules = policy->rule_count,
	};
}

int portacl_ruleset_replace(struct pacl_txn *staged)
{
	struct outcome out = {};

	mutex_lock(&portacl_policy_lock);
	replace_locked(staged, &out);
	return finish(&out);
}

static const char *switch_name(unsigned int value)
{
	return value ? "1" : "0";
}

/* One setting: its file, its words, and where it lies in a policy. */
static const struct {
	const char *name;
	const char *(*word)(unsigned int value);
	unsigned int values;
	u8 error;
} settings[PORTACL_SETTINGS] = {
	[PORTACL_MODE] = { "mode", pacl_mode_name, PACL_MODES, PACL_ERR_MODE },
	[PORTACL_STRICT] = { "strict", switch_name, 2, PACL_ERR_SWITCH },
	[PORTACL_SCOPE] = { "scope", pacl_scope_name, PACL_SCOPES,
			    PACL_ERR_SCOPE },
	[PORTACL_LOCKED] = { "locked", switch_name, 2, PACL_ERR_SWITCH },
};

static unsigned int get_setting(const struct pacl_policy *policy,
				enum portacl_setting setting)
{
	switch (setting) {
	case PORTACL_MODE:
		return policy->mode;
	case PORTACL_STRICT:
		return policy->strict;
	case PORTACL_SCOPE:
		return policy->scope;
	default:
		return policy->locked;
	}
}

static void put_setting(struct pacl_policy *policy,
			enum portacl_setting setting, unsigned int value)
{
	switch (setting) {
	case PORTACL_MODE:
		policy->mode = value;
		break;
	case PORTACL_STRICT:
		policy->strict = value;
		break;
	case PORTACL_SCOPE:
		policy->scope = value;
		break;
	default:
		policy->locked = value;
		break;
	}
}

/* The value that a text names, or the number of values. */
static unsigned int parse_setting(enum portacl_setting setting,
				  const char *text, size_t len)
{
	unsigned int value;

	if (len && text[len - 1] == '\n')
		len--;
	for (value = 0; value < settings[setting].values; value++) {
		const char *word = settings[setting].word(value);

		if (strlen(word) == len && !memcmp(word, text, len))
			break;
	}
	return value;
}

static void set_locked(enum portacl_setting setting, const char *text,
		       size_t len, struct outcome *out)
{
	struct pacl_error *err = &out->err;
	unsigned int value = parse_setting(setting, text, len);
	struct pacl_policy *policy;
	struct retired *retired;

	if (value == settings[setting].values) {
		*err = (struct pacl_error){ 1, 1, settings[setting].error };
		return;
	}
	retired = begin_change(err);
	if (!retired)
		return;
	if (value == get_setting(txn.policy, setting)) {
		abandon(retired);
		return;
	}
	/* Until reboot: not even root may take the policy away. */
	if (setting == PORTACL_LOCKED && !try_module_get(THIS_MODULE)) {
		err->code = PACL_ERR_MEMORY;
		abandon(retired);
		return;
	}
	put_setting(txn.policy, setting, value);
	policy = pacl_txn_commit(&txn, &retired->pile);
	publish(policy, retired);
	out->name = settings[setting].name;
	out->value = settings[setting].word(value);
	out->counts.generation = policy->generation;
}

int portacl_ruleset_set(enum portacl_setting setting, const char *text,
			size_t len)
{
	struct outcome out = {};

	mutex_lock(&portacl_policy_lock);
	set_locked(setting, text, len, &out);
	return finish(&out);
}

const char *portacl_ruleset_setting(enum portacl_setting setting)
{
	unsigned int value;

	rcu_read_lock();
	value = get_setting(rcu_dereference(portacl_policy), setting);
	rcu_read_unlock();
	return settings[setting].word(value);
}

int portacl_ruleset_refuse(const struct pacl_error *err)
{
	mutex_lock(&portacl_policy_lock);
	last_error = *err;
	mutex_unlock(&portacl_policy_lock);
	return code_errno(err->code);
}

void portacl_ruleset_error(struct pacl_error *err)
{
	mutex_lock(&portacl_policy_lock);
	*err = last_error;
	mutex_unlock(&portacl_policy_lock);
}

struct portacl_state portacl_ruleset_state(void)
{
	const struct pacl_policy *policy;
	struct portacl_state state;

	rcu_read_lock();
	policy = rcu_dereference(portacl_policy);
	state = (struct portacl_state){
		.generation = policy->generation,
		.rule_count = policy->rule_count,
		.refuses = pacl_policy_refuses(policy),
		.locked = policy->locked,
	};
	rcu_read_unlock();
	return state;
}

int portacl_ruleset_init(void)
{
	struct pacl_policy *policy;

	small_nodes = kmem_cache_create("portacl_node", SMALL_NODE_MAX, 0, 0,
					NULL);
	if (!small_nodes)
		return -ENOMEM;
	policy = pacl_policy_new();
	if (!policy) {
		kmem_cache_destroy(small_nodes);
		return -ENOMEM;
	}
	rcu_assign_pointer(portacl_policy, policy);
	return 0;
}

/* As the last policy, but that an allow grants nothing any more. */
static struct pacl_policy closing_policy;
static struct pacl_policy *last_policy;

void portacl_ruleset_close(void)
{
	mutex_lock(&portacl_policy_lock);
	last_policy = current_policy();
	closing_policy = *last_policy;
	pacl_policy_close(&closing_policy);
	rcu_assign_pointer(portacl_policy, &closing_policy);
	mutex_unlock(&portacl_policy_lock);
	synchronize_rcu();
}

void portacl_ruleset_exit(void)
{
	/* Frees what the last changes had retired. */
	flush_work(&bury_work);
	RCU_INIT_POINTER(portacl_policy, NULL);
	pacl_policy_free(last_policy);
	kmem_cache_destroy(small_nodes);
}
