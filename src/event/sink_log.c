/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as lines of the log. Several go out in one write, as many as are written in one piece. Now and then whoever serves a request on the same
 * processor has his turn: the lines of 100 ms take longer than he should wait.
 */
#include "config.h"

#include "event/record.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 64 * 1024, BYTES = 32 * 1024 /* in a row */ };

/* Microseconds as milliseconds. */
static void add_ms(struct buf *b, const struct record_key *key, int64_t us)
{
	unsigned part = (unsigned)(us % 1000);
	const char fraction[] = { '.', (char)('0' + part / 100), (char)('0' + part / 10 % 10), (char)('0' + part % 10) };

	buf_int_behind(b, key->text, key->n, us / 1000);
	buf_add(b, fraction, sizeof(fraction));
}

static void add_text(struct buf *b, const struct record_key *key, const char *text)
{
	buf_json_behind(b, key->text, key->n, text, strlen(text));
}

/* No bodies. */
static void add_field(struct buf *b, const struct record *r, const struct record_field *f)
{
	const char *text;
	int64_t n;

	if (f->kind == RECORD_TEXT) {
		text = record_text(r, f);
		if (!text)
			return;
		add_text(b, &f->key, text);
		if (f->alias)
			add_text(b, &f->alias_key, text);
	} else if (record_number(r, f, &n)) {
		if (f->kind == RECORD_TIME)
			add_ms(b, &f->key, n);
		else
			buf_int_behind(b, f->key.text, f->key.n, n);
	}
}

static enum log_level level_of(const struct record *r)
{
	static const enum log_level levels[] = {
		[EVENT_INFO] = LOG_LEVEL_INFO,
		[EVENT_ERROR] = LOG_LEVEL_ERROR,
		[EVENT_DEBUG] = LOG_LEVEL_DEBUG,
	};

	return levels[r->e.severity];
}

/* What the line has behind its time, up to the fields: the same for most of a batch. */
static void write_head(struct buf *b, const char *program, const struct record *r)
{
	static const char *const names[] = { [EVENT_CALL] = "call", [EVENT_AUTH] = "auth_event",
		[EVENT_POLICY] = "policy_event" };

	buf_clear(b);
	buf_printf(b, "\",\"level\":\"%s\",\"program\":\"%s\",\"pid\":%ld,\"family\":\"%s\"", r->severity, program, (long)getpid(),
	    names[r->e.family]);
}

static void write_line(struct buf *b, const struct buf *head, const struct record *r)
{
	static const char begin[] = "{\"time\":\"";
	unsigned family = 1u << r->e.family;
	char when[CLOCK_TEXT];

	clock_text_of(when, r->e.time_us);
	buf_clear(b);
	buf_add(b, begin, sizeof(begin) - 1);
	buf_add(b, when, sizeof(when) - 1);
	buf_add(b, head->data, head->len);
	for (const struct record_field *f = record_fields; f->name; f++)
		if (f->families & family && f->offset != offsetof(struct record, severity))
			add_field(b, r, f);
	buf_str(b, "}\n");
}

void sink_log(const char *program, const struct record *list)
{
	const struct record *of_head = NULL;
	const size_t whole = log_whole();
	struct buf lines, head, one;
	size_t in_a_row = 0;

	buf_init(&lines, LINE_MAX_BYTES);
	buf_init(&head, LINE_MAX_BYTES);
	buf_init(&one, LINE_MAX_BYTES);
	for (const struct record *r = list; r; r = r->next) {
		if (!log_enabled(level_of(r)))
			continue;
		if (!of_head || of_head->e.severity != r->e.severity || of_head->e.family != r->e.family) {
			of_head = r;
			write_head(&head, program, r);
		}
		write_line(&one, &head, r);
		if (lines.len && lines.len + one.len > whole) {
			log_raw(LOG_LEVEL_INFO, lines.data, lines.len);
			in_a_row += lines.len;
			buf_clear(&lines);
			if (in_a_row >= BYTES)
				sched_yield();
			in_a_row %= BYTES;
		}
		buf_add(&lines, buf_text(&one), one.len);
	}
	if (lines.len)
		log_raw(LOG_LEVEL_INFO, lines.data, lines.len);
	buf_release(&lines);
	buf_release(&head);
	buf_release(&one);
}
