// SPDX-License-Identifier: GPL-2.0-only
/*
 * portacl - a whole policy, written in pieces
 */

#include <linux/crc32.h>
#include <linux/ctype.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "ruleset.h"
#include "uapi/portacl.h"
#include "upload.h"

/**
 * struct upload - what is there so far
 * @nonce: its name
 * @length: bytes that it will have
 * @received: bytes that have come
 * @crc: of these, before the last inversion
 * @lines: whole lines among these
 * @active: jiffies of the last step
 * @rest_len: bytes in @rest
 * @rest: what came behind the last newline, and room for one more piece
 * @txn: the policy that is being made
 */
struct upload {
	char nonce[PORTACL_MAX_NONCE + 1];
	u64 length;
	u64 received;
	u32 crc;
	u32 lines;
	unsigned long active;
	size_t rest_len;
	char rest[2 * PORTACL_MAX_WRITE];
	struct pacl_txn txn;
};

/* There is one at most. Both under upload_lock, taken before the policy's. */
static struct upload *upload;
static DEFINE_MUTEX(upload_lock);

static void drop_resting(struct work_struct *work);
static DECLARE_DELAYED_WORK(drop_work, drop_resting);

#define TIMEOUT		(PORTACL_UPLOAD_TIMEOUT_S * HZ)

/* One step as it was written; what its word has no use for is empty. */
struct step {
	enum { STEP_BEGIN, STEP_CHUNK, STEP_COMMIT, STEP_ABORT } word;
	const char *nonce;
	u64 number;
	const char *data;
	size_t data_len;
};

static void free_upload(void)
{
	kvfree(upload);
	upload = NULL;
}

static void drop(void)
{
	if (!upload)
		return;
	pacl_txn_abort(&upload->txn);
	free_upload();
}

static void drop_resting(struct work_struct *work)
{
	mutex_lock(&upload_lock);
	if (upload && time_after_eq(jiffies, upload->active + TIMEOUT)) {
		pr_info("upload of %llu bytes dropped after %u s without progress\n",
			upload->length, PORTACL_UPLOAD_TIMEOUT_S);
		drop();
	} else if (upload) {
		queue_delayed_work(portacl_workqueue, &drop_work,
				   upload->active + TIMEOUT - jiffies);
	}
	mutex_unlock(&upload_lock);
}

static bool is_nonce(const char *text)
{
	size_t len;

	for (len = 0; text[len]; len++)
		if (!isascii(text[len]) || !isalnum(text[len]))
			return false;
	return len && len <= PORTACL_MAX_NONCE;
}

static bool is_number(const char *text, u64 *value)
{
	return isdigit(text[0]) && (text[0] != '0' || !text[1]) &&
	       !kstrtoull(text, 10, value);
}

static bool is_crc(const char *text, u64 *value)
{
	return strlen(text) == 8 && strspn(text, "0123456789abcdef") == 8 &&
	       !kstrtoull(text, 16, value);
}

/* The longest first line has a word and two arguments of this size. */
#define MAX_STEP	(PORTACL_MAX_NONCE + 32)

/*
 * Reads the first line of a write; @line is room for it, which the step then
 * points to.
 */
static bool parse_step(const char *buf, size_t len, char *line,
		       struct step *step)
{
	const char *end = memchr(buf, '\n', min_t(size_t, len, MAX_STEP));
	char *word, *first, *second;

	if (!end || memchr(buf, '\0', end - buf))
		return false;
	memcpy(line, buf, end - buf);
	line[end - buf] = '\0';
	step->data = end + 1;
	step->data_len = len - (end + 1 - buf);
	word = strsep(&line, " ");
	first = strsep(&line, " ");
	second = strsep(&line, " ");
	if (!first || line)
		return false;
	step->nonce = first;
	if (!strcmp(word, "chunk")) {
		step->word = STEP_CHUNK;
		return is_nonce(first) && second && step->data_len &&
		       is_number(second, &step->number);
	}
	if (step->data_len)
		return false;
	if (!strcmp(word, "begin")) {
		step->word = STEP_BEGIN;
		step->nonce = second;
		return second && is_nonce(second) &&
		       is_number(first, &step->number);
	}
	if (!strcmp(word, "commit")) {
		step->word = STEP_COMMIT;
		return is_nonce(first) && second && is_crc(second, &step->number);
	}
	step->word = STEP_ABORT;
	return !strcmp(word, "abort") && is_nonce(first) && !second;
}

static void begin(const struct step *step, struct pacl_error *err)
{
	drop();
	if (step->number > PORTACL_MAX_UPLOAD) {
		err->code = PACL_ERR_UPLOAD_SIZE;
		return;
	}
	upload = kvzalloc(sizeof(*upload), GFP_KERNEL);
	if (!upload || pacl_txn_begin(&upload->txn, NULL)) {
		free_upload();
		err->code = PACL_ERR_MEMORY;
		return;
	}
	strscpy(upload->nonce, step->nonce, sizeof(upload->nonce));
	upload->active = jiffies;
	upload->length = step->number;
	upload->crc = ~0U;
}

static void insert(const struct pacl_rule *rule, struct pacl_error *err)
{
	err->code = portacl_change_code(pacl_insert(&upload->txn, rule));
	err->column = 1;
}

/* Takes the whole lines of @rest into the policy. */
static void take_lines(struct pacl_error *err)
{
	struct pacl_reader reader = {
		.text = upload->rest,
		.line = upload->lines,
	};
	struct pacl_rule rule;

	while (reader.len < upload->rest_len) {
		const char *from = upload->rest + reader.len;
		const char *end = memchr(from, '\n',
					 upload->rest_len - reader.len);

		if ((end ? end - from : upload->rest_len - reader.len) >
		    PORTACL_MAX_WRITE) {
			*err = (struct pacl_error){
				.line = reader.line + 1,
				.column = PORTACL_MAX_WRITE + 1,
				.code = PACL_ERR_LINE,
			};
			return;
		}
		if (!end)
			break;
		reader.len = end + 1 - upload->rest;
		/* One line at a time, so that it is known which is too long. */
		if (pacl_read_rule(&reader, &rule, err) > 0)
			insert(&rule, err);
		if (err->code)
			return;
	}
	upload->lines = reader.line;
	upload->rest_len -= reader.len;
	memmove(upload->rest, upload->rest + reader.len, upload->rest_len);
}

static void chunk(const struct step *step, struct pacl_error *err)
{
	if (step->number != upload->received ||
	    step->data_len > upload->length - upload->received) {
		err->code = PACL_ERR_UPLOAD_ORDER;
		return;
	}
	upload->active = jiffies;
	upload->received += step->data_len;
	upload->crc = crc32_le(upload->crc, step->data, step->data_len);
	memcpy(upload->rest + upload->rest_len, step->data, step->data_len);
	upload->rest_len += step->data_len;
	upload->txn.now = portacl_clock_now();
	take_lines(err);
}

static int commit(const struct step *step, struct pacl_error *err)
{
	int ret;

	if (upload->received != upload->length) {
		err->code = PACL_ERR_UPLOAD_SHORT;
		return 0;
	}
	if (step->number != (u32)~upload->crc) {
		err->code = PACL_ERR_UPLOAD_SUM;
		return 0;
	}
	if (upload->rest_len) {
		*err = (struct pacl_error){
			.line = upload->lines + 1,
			.column = upload->rest_len + 1,
			.code = PACL_ERR_NO_NEWLINE,
		};
		return 0;
	}
	ret = portacl_ruleset_replace(&upload->txn);
	free_upload();
	return ret;
}

static int take_step(const struct step *step, struct pacl_error *err)
{
	int ret = 0;

	if (portacl_ruleset_state().locked) {
		err->code = PACL_ERR_LOCKED;
	} else if (step->word == STEP_BEGIN) {
		begin(step, err);
	} else if (!upload || strcmp(upload->nonce, step->nonce)) {
		err->code = PACL_ERR_UPLOAD_GONE;
		return portacl_ruleset_refuse(err);
	} else if (step->word == STEP_CHUNK) {
		chunk(step, err);
	} else if (step->word == STEP_COMMIT) {
		ret = commit(step, err);
		/* What the policy says of it is kept already. */
		if (!err->code)
			return ret;
	} else {
		drop();
	}
	if (err->code)
		drop();
	return portacl_ruleset_refuse(err);
}

int portacl_upload_write(const char *buf, size_t len)
{
	struct pacl_error err = {};
	char line[MAX_STEP];
	struct step step;
	int ret;

	if (len > PORTACL_MAX_WRITE) {
		err.code = PACL_ERR_TOO_LONG;
		return portacl_ruleset_refuse(&err);
	}
	if (!parse_step(buf, len, line, &step)) {
		err = (struct pacl_error){ 1, 1, PACL_ERR_UPLOAD };
		return portacl_ruleset_refuse(&err);
	}
	mutex_lock(&upload_lock);
	ret = take_step(&step, &err);
	if (upload)
		queue_delayed_work(portacl_workqueue, &drop_work, TIMEOUT);
	mutex_unlock(&upload_lock);
	return ret;
}

void portacl_upload_exit(void)
{
	cancel_delayed_work_sync(&drop_work);
	drop();
}
