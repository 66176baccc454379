/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests in this directory share: counting, reporting, processes. */
#ifndef PORTACL_TEST_HARNESS_H
#define PORTACL_TEST_HARNESS_H

#include <stdbool.h>
#include <stddef.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define SYSFS "/sys/kernel/portacl/"
#define SYSFS_WRITE_MAX 4095

/* How long anything is waited for before it counts as a failure. */
#define DEADLINE_MS 20000

/*
 * The tally is shared by all processes of a test, so that checks count
 * wherever they are made.
 */
void harness_start(void);
/* Prints "N passed, N failed, N skipped"; returns the exit status. */
int harness_finish(void);

void group_begin(const char *name);
void group_end(void);

/* Each counts as one case and prints a line only when it fails. */
bool check(bool good, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
bool check_errno(int got, int want, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* So many cases at once, which take one line. */
void skip_many(unsigned int count, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* For what is not the thing under test: ends the process, and the test. */
void die(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

const char *errno_name(int error);
long long now_ms(void);

/*
 * Whether this process has used a capability since it was made: the flag that
 * the kernel keeps of it.
 */
bool used_privilege(void);

/* Runs fn(arg) in a child; an end other than returning is a failed case. */
void in_child(void (*fn)(void *arg), void *arg);

/*
 * Runs fn(arg) in a child: what it returned, 0 to 255 (an errno, that is). A
 * child that ends in another way ends the test.
 */
int from_child(int (*fn)(void *arg), void *arg);

/* All return 0 or a positive errno. */
int file_write(const char *path, const void *data, size_t size);
int file_read(const char *path, char *buffer, size_t size);
int sysfs_write(const char *name, const char *text);

/* These die when the file cannot be read. */
unsigned long long sysfs_number(const char *name);
void sysfs_read(const char *name, char *buffer, size_t size);
bool sysfs_present(void);
/* Whether portacl is part of the kernel, which has no first line to detach. */
bool built_in(void);

#endif
