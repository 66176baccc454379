// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - the policy in force, and how it changes
 */

#include <linux/audit.h>
#include <linux/cred.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uidgid.h>

#include "core/format.h"
#include "dump.h"
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

/* Memory that binds may still be reading. */
struct retired {
	struct rcu_head rcu;
	struct pacl_pile pile;
};

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

static void free_retired(struct rcu_head *rcu)
{
	struct retired *retired = container_of(rcu, struct retired, rcu);

	pacl_pile_free(&retired->pile);
	kfree(retired);
}

/*
 * Begins to change the policy in force; publish() or abandon() ends it. NULL
 * without memory, which @err then says.
 */
static struct retired *begin_change(struct pacl_error *err)
{
	struct retired *retired = kmalloc(sizeof(*retired), GFP_KERNEL);

	if (!retired || pacl_txn_begin(&txn, current_policy())) {
		kfree(retired);
		err->code = PACL_ERR_MEMORY;
		return NULL;
	}
	return retired;
}

static void abandon(struct retired *retired)
{
	pacl_txn_abort(&txn);
	kfree(retired);
}

/* Puts the policy of the transaction in force. */
static void publish(struct retired *retired)
{
	struct pacl_policy *policy = pacl_txn_commit(&txn, &retired->pile);

	policy->generation++;
	rcu_assign_pointer(portacl_policy, policy);
	portacl_dump_reset();
	call_rcu(&retired->rcu, free_retired);
	portacl_sysfs_notify();
}

/* Says who changed what; the caller holds portacl_policy_lock. */
static void log_change(const char *what)
{
	const struct pacl_policy *policy = current_policy();
	char comm[TASK_COMM_LEN];

	get_task_comm(comm, current);
	/* A process names itself: escaped and last, or it could forge the rest. */
	pr_info("generation %llu: %s, %u rules in force, by auid=%u uid=%u comm=%*pE\n",
		policy->generation, what, policy->rule_count,
		from_kuid(&init_user_ns, audit_get_loginuid(current)),
		from_kuid(&init_user_ns, current_uid()), (int)strlen(comm),
		comm);
}

static int code_errno(u8 code)
{
	switch (code) {
	case PACL_ERR_TOO_LONG:
		return -E2BIG;
	case PACL_ERR_NOT_FOUND:
		return -ENOENT;
	case PACL_ERR_FULL:
		return -ENOSPC;
	case PACL_ERR_MEMORY:
		return -ENOMEM;
	default:
		return -EINVAL;
	}
}

/* Applies one rule to the transaction; true when that changed something. */
static bool apply_rule(const struct pacl_rule *rule,
		       enum portacl_change change, u8 *code)
{
	int err;

	if (change == PORTACL_ADD)
		err = pacl_insert(&txn, rule);
	else
		err = pacl_remove(&txn, rule);
	switch (err) {
	case 0:
		return true;
	case -EEXIST:
		return false;
	case -ENOENT:
		*code = PACL_ERR_NOT_FOUND;
		return false;
	case -ENOSPC:
		*code = PACL_ERR_FULL;
		return false;
	default:
		*code = PACL_ERR_MEMORY;
		return false;
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
		changed += apply_rule(&rule, change, &err->code);
		if (err->code) {
			err->column = 1;
			return 0;
		}
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

static int change_locked(const char *text, size_t len,
			 enum portacl_change change, struct pacl_error *err)
{
	struct retired *retired;
	char what[32];
	u32 changed;

	if (len > PORTACL_MAX_WRITE) {
		locate_limit(text, err);
		return -E2BIG;
	}
	retired = begin_change(err);
	if (!retired)
		return -ENOMEM;
	changed = apply_text(text, len, change, err);
	if (err->code || !changed) {
		abandon(retired);
		return err->code ? code_errno(err->code) : 0;
	}
	publish(retired);
	snprintf(what, sizeof(what), "%u rules %s", changed,
		 change == PORTACL_ADD ? "added" : "removed");
	log_change(what);
	return 0;
}

int portacl_ruleset_change(const char *text, size_t len,
			   enum portacl_change change)
{
	struct pacl_error err = {};
	int ret;

	mutex_lock(&portacl_policy_lock);
	ret = change_locked(text, len, change, &err);
	last_error = err;
	mutex_unlock(&portacl_policy_lock);
	return ret;
}

static int parse_mode(const char *text, size_t len)
{
	int mode;

	if (len && text[len - 1] == '\n')
		len--;
	for (mode = PACL_MODE_ENFORCE; mode <= PACL_MODE_OFF; mode++) {
		const char *name = pacl_mode_name(mode);

		if (strlen(name) == len && !memcmp(name, text, len))
			return mode;
	}
	return -EINVAL;
}

static int set_mode_locked(const char *text, size_t len, struct pacl_error *err)
{
	int mode = parse_mode(text, len);
	struct retired *retired;
	char what[32];

	if (mode < 0) {
		*err = (struct pacl_error){ 1, 1, PACL_ERR_MODE };
		return -EINVAL;
	}
	if (mode == current_policy()->mode)
		return 0;
	retired = begin_change(err);
	if (!retired)
		return -ENOMEM;
	txn.policy->mode = mode;
	publish(retired);
	snprintf(what, sizeof(what), "mode %s", pacl_mode_name(mode));
	log_change(what);
	return 0;
}

int portacl_ruleset_set_mode(const char *text, size_t len)
{
	struct pacl_error err = {};
	int ret;

	mutex_lock(&portacl_policy_lock);
	ret = set_mode_locked(text, len, &err);
	last_error = err;
	mutex_unlock(&portacl_policy_lock);
	return ret;
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
		.mode = policy->mode,
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

void portacl_ruleset_exit(void)
{
	struct pacl_policy *policy;

	/* The callbacks free what the last policies had retired. */
	rcu_barrier();
	policy = rcu_dereference_protected(portacl_policy, 1);
	RCU_INIT_POINTER(portacl_policy, NULL);
	pacl_policy_free(policy);
	kmem_cache_destroy(small_nodes);
}
