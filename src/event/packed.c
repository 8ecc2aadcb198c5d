/* SPDX-License-Identifier: Apache-2.0 */
/* Writing pieces, and taking them apart. Most fields of a record are those of the one before it. */
#include "config.h"

#include "event/packed.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

enum { ESCAPE = 0x1b, EMPTY = 0x1c, SAME = 0x1d, RECORD_END = 0x1e, FIELD_END = 0x1f, ESCAPED = 0x40 };

/* ---- writing ---- */

static int by_time(const void *a, const void *b)
{
	const struct record *x = *(const struct record *const *)a, *y = *(const struct record *const *)b;

	if (x->e.time_us != y->e.time_us)
		return x->e.time_us < y->e.time_us ? -1 : 1;
	return strcmp(x->id, y->id);
}

static bool is_special(char c)
{
	return (unsigned char)c >= ESCAPE && (unsigned char)c <= FIELD_END;
}

static void add_text(struct buf *b, const char *s)
{
	size_t plain = 0;

	if (!*s)
		buf_char(b, EMPTY);
	for (; *s; s += plain) {
		for (plain = 0; s[plain] && !is_special(s[plain]); plain++)
			;
		buf_add(b, s, plain);
		if (s[plain]) {
			const char escaped[] = { ESCAPE, (char)(s[plain++] + ESCAPED) };

			buf_add(b, escaped, 2);
		}
	}
}

static void add_field(struct buf *b, const struct record_field *f, const struct record *r, const struct record *before)
{
	if (f->kind == RECORD_TEXT || f->kind == RECORD_BODY) {
		const char *text = record_text(r, f), *old = before ? record_text(before, f) : NULL;

		if (text && old && !strcmp(text, old))
			buf_char(b, SAME);
		else if (text)
			add_text(b, text);
	} else {
		int64_t n, old;

		if (!record_number(r, f, &n))
			return;
		if (before && record_number(before, f, &old) && n == old)
			buf_char(b, SAME);
		else
			buf_int(b, n);
	}
}

void packed_write(struct buf *b, const struct record *list, size_t n, unsigned family)
{
	const struct record **sorted = xcalloc(n ? n : 1, sizeof(struct record *)), *before = NULL;
	size_t count = 0;

	for (const struct record *r = list; r && count < n; r = r->next)
		sorted[count++] = r;
	qsort(sorted, count, sizeof(struct record *), by_time);
	for (size_t i = 0; i < count; i++) {
		buf_int(b, sorted[i]->e.time_us);
		for (const struct record_field *f = record_fields; f->name; f++)
			if (f->families & family) {
				buf_char(b, FIELD_END);
				add_field(b, f, sorted[i], before);
			}
		buf_char(b, RECORD_END);
		before = sorted[i];
	}
	free(sorted);
}

/* ---- reading ---- */

size_t packed_count(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, RECORD_END)); text++)
		n++;
	return n;
}

/* Ends the field at *AT, of which FIRST is the first byte; false: the text ends before it does. */
static bool end_field(char **at, bool *last)
{
	char *to = *at, *from;

	while (*to && !is_special(*to)) /* most fields are nothing else */
		to++;
	from = to;
	while (*from != FIELD_END && *from != RECORD_END) {
		if (!*from)
			return false;
		if (*from == ESCAPE) {
			if (from[1] < '[' || from[1] > '_')
				return false;
			*to++ = (char)(from[1] - ESCAPED);
			from += 2;
		} else {
			*to++ = *from++;
		}
	}
	*last = *from == RECORD_END;
	*to = '\0';
	*at = from + 1;
	return true;
}

static bool take_time(char **at, bool *last, int64_t *time_us)
{
	char *text = *at, *end;

	if (!end_field(at, last))
		return false;
	*time_us = strtoll(text, &end, 10);
	return end != text && !*end;
}

bool packed_next(char **at, int64_t *time_us, const char **fields, size_t n)
{
	bool last = false, ok;

	if (!**at)
		return false;
	ok = take_time(at, &last, time_us);
	for (size_t i = 0; ok && i < n; i++) {
		char *text = *at, first = last ? '\0' : *text;

		if (last || first == FIELD_END) { /* most are absent, or what the record before has */
			fields[i] = NULL;
			*at += !last;
			continue;
		}
		if (first == SAME && text[1] == FIELD_END) {
			*at += 2;
			continue;
		}
		ok = end_field(at, &last);
		if (first == SAME && !text[1])
			continue;
		if (first == EMPTY && !text[1])
			*text = '\0';
		else if (!*text)
			text = NULL;
		fields[i] = text;
	}
	if (ok && last)
		return true;
	*at = NULL;
	return false;
}
