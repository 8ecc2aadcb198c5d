/* SPDX-License-Identifier: Apache-2.0 */
/* Events as lines of the log. Several go out in one write, as many as a pipe takes whole. */
#include "config.h"

#include "event/record.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 64 * 1024 };

static void add_number(struct buf *b, const struct record_field *f, int64_t n)
{
	char text[INT_TEXT + 4], *end = text;
	int part = (int)(n % 1000);

	if (f->kind != RECORD_TIME) {
		buf_int(b, n);
		return;
	}
	end += int_text(text, n / 1000);
	*end++ = '.';
	*end++ = (char)('0' + part / 100);
	*end++ = (char)('0' + part / 10 % 10);
	*end++ = (char)('0' + part % 10);
	buf_add(b, text, (size_t)(end - text));
}

static void add_field(struct buf *b, const struct record *r, const struct record_field *f, const char *key)
{
	const char *text = f->kind == RECORD_TEXT ? record_text(r, f) : NULL;
	int64_t n;

	if (text) {
		buf_str(b, key);
		buf_json(b, text);
	} else if (record_number(r, f, &n)) { /* it is no text, nor a body */
		buf_str(b, key);
		add_number(b, f, n);
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

/* PROGRAM and PID: who writes. */
static void add_line(struct buf *b, const char *program, pid_t pid, const struct record *r)
{
	static const char *const names[] = { [EVENT_CALL] = "call", [EVENT_AUTH] = "auth_event",
		[EVENT_POLICY] = "policy_event" };
	unsigned family = 1u << r->e.family;
	char when[CLOCK_TEXT];

	clock_text_of(when, r->e.time_us);
	buf_str(b, "{\"time\":\"");
	buf_str(b, when);
	buf_str(b, "\",\"level\":\"");
	buf_str(b, r->severity);
	buf_str(b, "\",\"program\":\"");
	buf_str(b, program);
	buf_str(b, "\",\"pid\":");
	buf_int(b, pid);
	buf_str(b, ",\"family\":\"");
	buf_str(b, names[r->e.family]);
	buf_char(b, '"');
	for (const struct record_field *f = record_fields; f->name; f++) {
		if (!(f->families & family) || f->offset == offsetof(struct record, severity))
			continue;
		add_field(b, r, f, f->key);
		if (f->alias)
			add_field(b, r, f, f->alias_key);
	}
	buf_str(b, "}\n");
}

void sink_log(const char *program, const struct record *list)
{
	const pid_t pid = getpid();
	struct buf lines, one;

	buf_init(&lines, LINE_MAX_BYTES);
	buf_init(&one, LINE_MAX_BYTES);
	for (const struct record *r = list; r; r = r->next) {
		if (!log_enabled(level_of(r)))
			continue;
		buf_clear(&one);
		add_line(&one, program, pid, r);
		if (lines.len && lines.len + one.len > PIPE_BUF) {
			log_raw(LOG_LEVEL_INFO, lines.data, lines.len);
			buf_clear(&lines);
		}
		buf_add(&lines, buf_text(&one), one.len);
	}
	if (lines.len)
		log_raw(LOG_LEVEL_INFO, lines.data, lines.len);
	buf_release(&lines);
	buf_release(&one);
}
