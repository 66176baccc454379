// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - /sys/kernel/portacl, described in doc/ABI-sysfs-portacl
 */

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernfs.h>
#include <linux/kobject.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/stringify.h>
#include <linux/sysfs.h>
#include <linux/user_namespace.h>

#include "bind.h"
#include "dump.h"
#include "judge.h"
#include "ruleset.h"
#include "sysfs.h"
#include "upload.h"
#include "uapi/portacl.h"
#include "version.h"

static struct kobject *portacl_kobj;

#define PORTACL_ATTR_RO(_name)						\
	static struct kobj_attribute _name##_attr = __ATTR_RO(_name)

static ssize_t abi_show(struct kobject *kobj, struct kobj_attribute *attr,
			char *buf)
{
	return sysfs_emit(buf, "%d\n", PORTACL_ABI);
}
PORTACL_ATTR_RO(abi);

static ssize_t version_show(struct kobject *kobj, struct kobj_attribute *attr,
			    char *buf)
{
	return sysfs_emit(buf, "%s\n", PORTACL_VERSION);
}
PORTACL_ATTR_RO(version);

static ssize_t generation_show(struct kobject *kobj,
			       struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", portacl_ruleset_state().generation);
}
PORTACL_ATTR_RO(generation);

static ssize_t rule_count_show(struct kobject *kobj,
			       struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", portacl_ruleset_state().rule_count);
}
PORTACL_ATTR_RO(rule_count);

static ssize_t error_show(struct kobject *kobj, struct kobj_attribute *attr,
			  char *buf)
{
	struct pacl_error err;

	portacl_ruleset_error(&err);
	if (err.code == PACL_OK)
		return 0;
	if (!err.line)
		return sysfs_emit(buf, "%s\n", pacl_error_text(err.code));
	return sysfs_emit(buf, "line %u column %u: %s\n", err.line, err.column,
			  pacl_error_text(err.code));
}
PORTACL_ATTR_RO(error);

static ssize_t hooks_show(struct kobject *kobj, struct kobj_attribute *attr,
			  char *buf)
{
	return portacl_bind_hooks_show(buf);
}
PORTACL_ATTR_RO(hooks);

#define PORTACL_STAT(_name, _outcome)					\
	static ssize_t _name##_show(struct kobject *kobj,		\
				    struct kobj_attribute *attr, char *buf) \
	{								\
		return sysfs_emit(buf, "%llu\n",			\
				  portacl_bind_count(_outcome));	\
	}								\
	PORTACL_ATTR_RO(_name)

PORTACL_STAT(granted, PORTACL_GRANTED);
PORTACL_STAT(denied_rule, PORTACL_DENIED_RULE);
PORTACL_STAT(denied_reserved, PORTACL_DENIED_RESERVED);
PORTACL_STAT(denied_strict, PORTACL_DENIED_STRICT);
PORTACL_STAT(passed, PORTACL_PASSED);
PORTACL_STAT(permissive, PORTACL_PERMISSIVE);
PORTACL_STAT(no_rule, PORTACL_NO_RULE);

/*
 * Files that change something are binary attributes, also where they hold a
 * word: only these get the struct file, and so know who opened it.
 *
 * Mode bits are not enough: root of a container has uid 0, and a descriptor
 * may be handed to a privileged program that is made to write to it.
 */
static bool may_change(const struct file *file)
{
	return file_ns_capable(file, &init_user_ns, CAP_MAC_ADMIN) &&
	       capable(CAP_MAC_ADMIN);
}

void **portacl_file_word(struct file *file)
{
	struct seq_file *seq = file->private_data;
	struct kernfs_open_file *of = seq->private;

	return WARN_ON_ONCE(of->file != file) ? NULL : &of->priv;
}

/*
 * After a refusal the file must be opened anew: a program that writes a long
 * text in blocks and goes on after an error would have the next block begin in
 * the middle of a line, behind the "#" of a comment for one.
 */
static ssize_t change_rules(struct file *file, const char *buf, size_t count,
			    enum portacl_change change)
{
	void **refused = portacl_file_word(file);
	int err;

	if (!may_change(file))
		return -EPERM;
	if (!refused)
		return -EIO;
	if (*refused)
		return -ECANCELED;
	err = portacl_ruleset_change(buf, count, change);
	if (!err)
		return count;
	*refused = ERR_PTR(err);
	return err;
}

static ssize_t add_write(struct file *file, struct kobject *kobj,
			 portacl_bin_attribute *attr, char *buf, loff_t off,
			 size_t count)
{
	return change_rules(file, buf, count, PORTACL_ADD);
}

static ssize_t remove_write(struct file *file, struct kobject *kobj,
			    portacl_bin_attribute *attr, char *buf, loff_t off,
			    size_t count)
{
	return change_rules(file, buf, count, PORTACL_REMOVE);
}

static enum portacl_setting setting_of(portacl_bin_attribute *attr)
{
	return (uintptr_t)attr->private;
}

static ssize_t setting_read(struct file *file, struct kobject *kobj,
			    portacl_bin_attribute *attr, char *buf, loff_t off,
			    size_t count)
{
	char word[16];
	int len;

	len = scnprintf(word, sizeof(word), "%s\n",
			portacl_ruleset_setting(setting_of(attr)));
	return memory_read_from_buffer(buf, count, &off, word, len);
}

static ssize_t setting_write(struct file *file, struct kobject *kobj,
			     portacl_bin_attribute *attr, char *buf, loff_t off,
			     size_t count)
{
	int err;

	if (!may_change(file))
		return -EPERM;
	err = portacl_ruleset_set(setting_of(attr), buf, count);
	return err ? err : count;
}

static ssize_t policy_write(struct file *file, struct kobject *kobj,
			    portacl_bin_attribute *attr, char *buf, loff_t off,
			    size_t count)
{
	int err;

	if (!may_change(file))
		return -EPERM;
	err = portacl_upload_write(buf, count);
	return err ? err : count;
}

static ssize_t policy_read(struct file *file, struct kobject *kobj,
			   portacl_bin_attribute *attr, char *buf, loff_t off,
			   size_t count)
{
	return portacl_dump_read(file, buf, off, count);
}

static struct attribute *portacl_attrs[] = {
	&abi_attr.attr,
	&version_attr.attr,
	&generation_attr.attr,
	&rule_count_attr.attr,
	&error_attr.attr,
	&hooks_attr.attr,
	NULL
};

static portacl_bin_attribute add_attr = __BIN_ATTR(add, 0200, NULL, add_write, 0);
static portacl_bin_attribute remove_attr =
	__BIN_ATTR(remove, 0200, NULL, remove_write, 0);
static portacl_bin_attribute policy_attr =
	__BIN_ATTR(policy, 0644, policy_read, policy_write, 0);

#define PORTACL_SETTING(_name, _setting)				\
	static portacl_bin_attribute _name##_attr = {			\
		.attr = { .name = __stringify(_name), .mode = 0644 },	\
		.private = (void *)(uintptr_t)(_setting),		\
		.read = setting_read,					\
		.write = setting_write,					\
	}

PORTACL_SETTING(mode, PORTACL_MODE);
PORTACL_SETTING(strict, PORTACL_STRICT);
PORTACL_SETTING(scope, PORTACL_SCOPE);
PORTACL_SETTING(locked, PORTACL_LOCKED);

static portacl_bin_attribute *portacl_bin_attrs[] = {
	&add_attr,
	&remove_attr,
	&policy_attr,
	&mode_attr,
	&strict_attr,
	&scope_attr,
	&locked_attr,
	NULL
};

static const struct attribute_group portacl_group = {
	.attrs = portacl_attrs,
	.bin_attrs = portacl_bin_attrs,
};

static struct attribute *stats_attrs[] = {
	&granted_attr.attr,
	&denied_rule_attr.attr,
	&denied_reserved_attr.attr,
	&denied_strict_attr.attr,
	&passed_attr.attr,
	&permissive_attr.attr,
	&no_rule_attr.attr,
	NULL
};

static const struct attribute_group stats_group = {
	.name = "stats",
	.attrs = stats_attrs,
};

static const struct attribute_group *portacl_groups[] = {
	&portacl_group,
	&stats_group,
	NULL
};

int portacl_sysfs_init(void)
{
	int err;

	/* Set before there is a file whose writer could make it be notified. */
	portacl_kobj = kobject_create_and_add("portacl", kernel_kobj);
	if (!portacl_kobj)
		return -ENOMEM;
	err = sysfs_create_groups(portacl_kobj, portacl_groups);
	if (err)
		kobject_put(portacl_kobj);
	return err;
}

void portacl_sysfs_exit(void)
{
	sysfs_remove_groups(portacl_kobj, portacl_groups);
	kobject_put(portacl_kobj);
}

void portacl_sysfs_notify(void)
{
	sysfs_notify(portacl_kobj, NULL, "generation");
}
