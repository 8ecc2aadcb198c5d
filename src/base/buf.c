/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded buffers, and the two escapings that everything here writes: JSON and HTML. */
#include "config.h"

#include "base/buf.h"

#include "base/arena.h"
#include "base/eight.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ .max = b->max };
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->over = false;
	if (b->data)
		b->data[0] = '\0';
}

static bool buf_room(struct buf *b, size_t n)
{
	size_t want, cap;

	if (b->over || n > b->max - b->len) {
		b->over = true;
		return false;
	}
	want = b->len + n + 1;
	if (want > b->cap) {
		cap = b->cap ? b->cap : 256;
		while (cap < want)
			cap += cap / 2 + 1;
		if (cap - 1 > b->max) /* which may be SIZE_MAX */
			cap = b->max + 1;
		b->data = xrealloc(b->data, cap);
		b->cap = cap;
	}
	return true;
}

/* Whether N bytes and a NUL go in as it is (there is never memory for more than the ceiling); buf_room() makes room, or says that there
 * may be none. */
static inline bool has_room(const struct buf *b, size_t n)
{
	return n < b->cap - b->len && !b->over;
}

bool buf_add(struct buf *b, const void *p, size_t n)
{
	if (!has_room(b, n) && !buf_room(b, n))
		return false;
	if (n)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
	return true;
}

bool buf_str(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

bool buf_char(struct buf *b, char c)
{
	if (!has_room(b, 1) && !buf_room(b, 1))
		return false;
	b->data[b->len++] = c;
	b->data[b->len] = '\0';
	return true;
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
	size_t left = b->cap - b->len;
	va_list ap, again;
	bool ok = false;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(left ? b->data + b->len : NULL, left, fmt, ap);
	if (n >= 0 && buf_room(b, (size_t)n)) {
		if ((size_t)n >= left)
			vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
		ok = true;
	} else if (left) {
		b->data[b->len] = '\0';
	}
	va_end(again);
	va_end(ap);
	return ok;
}

static unsigned count_digits(uint64_t n)
{
	unsigned count = 1;

	for (; n >= 10000; n /= 10000)
		count += 4;
	return count + (n >= 10) + (n >= 100) + (n >= 1000);
}

size_t int_text(char out[INT_TEXT], int64_t i)
{
	uint64_t left = i < 0 ? -(uint64_t)i : (uint64_t)i;
	size_t n = (size_t)(i < 0) + count_digits(left);
	char *p = out + n;

	*out = '-'; /* or what is written over it */
	*p = '\0';
	for (; left >= 100; left /= 100) { /* two at a time: a division is what costs */
		unsigned two = (unsigned)(left % 100);

		*--p = (char)('0' + two % 10);
		*--p = (char)('0' + two / 10);
	}
	if (left >= 10) {
		*--p = (char)('0' + left % 10);
		left /= 10;
	}
	*--p = (char)('0' + left);
	return n;
}

bool buf_int(struct buf *b, int64_t i)
{
	return buf_int_behind(b, "", 0, i);
}

bool buf_int_behind(struct buf *b, const char *first, size_t first_n, int64_t i)
{
	char text[INT_TEXT];

	if (!has_room(b, first_n + INT_TEXT))
		return buf_add(b, first, first_n) && buf_add(b, text, int_text(text, i));
	memcpy(b->data + b->len, first, first_n);
	b->len += first_n + int_text(b->data + b->len + first_n, i);
	return true;
}

bool buf_again(struct buf *b, size_t from, size_t n)
{
	if (from > b->len || n > b->len - from || (!has_room(b, n) && !buf_room(b, n)))
		return false;
	memcpy(b->data + b->len, b->data + from, n);
	b->len += n;
	b->data[b->len] = '\0';
	return true;
}

static bool is_plain(char c)
{
	return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && c != '"' && c != '\\';
}

/* Whether eight bytes are all plain; a high bit that another byte's carry set is one too many, never one too few. */
static bool are_plain(uint64_t x)
{
	uint64_t quote = x ^ EIGHT('"'), slash = x ^ EIGHT('\\');

	return !((x | (x + EIGHT(1)) | (x - EIGHT(0x20)) | (quote - EIGHT(1)) | (slash - EIGHT(1))) & EIGHT(0x80));
}

static void put_eight(char *to, uint64_t x)
{
	memcpy(to, &x, sizeof(x));
}

/* Copies N bytes while they are all plain. False: they are not, and what lies at TO is nothing. */
static bool copy_plain(char *to, const char *s, size_t n)
{
	uint64_t last;
	size_t i = 0;

	if (n < 4) {
		for (; i < n && is_plain(s[i]); i++)
			to[i] = s[i];
		return i == n;
	}
	if (n < 8) { /* the last four, and the first: some are among both */
		last = (uint64_t)four_at(s) << 32 | four_at(s + n - 4);
		memcpy(to, s, 4);
		memcpy(to + n - 4, s + n - 4, 4);
		return are_plain(last);
	}
	last = eight_at(s + n - 8);
	for (; i + 8 < n; i += 8) {
		uint64_t x = eight_at(s + i);

		if (!are_plain(x))
			return false;
		put_eight(to + i, x);
	}
	put_eight(to + n - 8, last);
	return are_plain(last);
}

/* Most texts need no escapes: one look at the room, and few at the bytes. False: nothing was written. */
static inline bool json_plain(struct buf *b, const char *first, size_t first_n, const char *s, size_t n)
{
	char *to;

	if (!has_room(b, first_n + n + 2)) /* no two things in memory are so long that this is not their sum */
		return false;
	to = b->data + b->len + first_n;
	if (!copy_plain(to + 1, s, n)) /* the NUL at the content's end still stands */
		return false;
	memcpy(b->data + b->len, first, first_n);
	*to = '"';
	to[n + 1] = '"';
	to[n + 2] = '\0';
	b->len += first_n + n + 2;
	return true;
}

/* S as a JSON string, whatever is in it. */
static bool json_escaped(struct buf *b, const char *s, size_t n)
{
	const char *end = s + n;

	buf_char(b, '"');
	while (s < end) {
		size_t plain = 0, bytes;

		while (s + plain < end && is_plain(s[plain]))
			plain++;
		buf_add(b, s, plain);
		s += plain;
		if (s == end)
			break;
		if (*s == '"' || *s == '\\') {
			buf_char(b, '\\');
			buf_char(b, *s++);
		} else if (*s == '\n') {
			buf_str(b, "\\n");
			s++;
		} else if ((unsigned char)*s < 0x20 || *s == 0x7f) {
			buf_printf(b, "\\u%04x", (unsigned)(unsigned char)*s++);
		} else if ((bytes = utf8_length(s, (size_t)(end - s)))) {
			buf_add(b, s, bytes);
			s += bytes;
		} else {
			buf_str(b, "\xef\xbf\xbd");
			s++;
		}
	}
	return buf_char(b, '"');
}

bool buf_json_n(struct buf *b, const char *s, size_t n)
{
	return buf_json_behind(b, "", 0, s, n);
}

bool buf_json_behind(struct buf *b, const char *first, size_t first_n, const char *s, size_t n)
{
	return json_plain(b, first, first_n, s, n) || (buf_add(b, first, first_n) && json_escaped(b, s, n));
}

bool buf_json(struct buf *b, const char *s)
{
	return s ? buf_json_n(b, s, strlen(s)) : buf_str(b, "null");
}

bool buf_html(struct buf *b, const char *s)
{
	static const char special[] = "&<>\"'";
	static const char *const escaped[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };

	while (*s) {
		size_t plain = strcspn(s, special);

		buf_add(b, s, plain);
		s += plain;
		if (*s)
			buf_str(b, escaped[strchr(special, *s++) - special]);
	}
	return !b->over;
}

void buf_drop(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (!n)
		return;
	memmove(b->data, b->data + n, b->len - n + 1);
	b->len -= n;
}

const char *buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}
