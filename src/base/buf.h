/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing buffer with a ceiling. Past the ceiling an append changes nothing, sets
 * `over` and every later append fails: check once, at the end.
 * The content is always followed by a NUL that does not count.
 */
#ifndef GATEHOUSE_BASE_BUF_H
#define GATEHOUSE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data; /* never NULL after the first append; content followed by NUL */
	size_t len, cap, max;
	bool over;
};

/* An empty buffer that may hold MAX bytes. No memory is taken before the first append. */
void buf_init(struct buf *, size_t max);
void buf_release(struct buf *);

/* Keeps the memory, forgets content and `over`. */
void buf_clear(struct buf *);

/* Each returns false, and sets `over`, if the content would pass the ceiling. */
bool buf_add(struct buf *, const void *p, size_t n);
bool buf_str(struct buf *, const char *s);
bool buf_char(struct buf *, char c);
bool buf_printf(struct buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

bool buf_int(struct buf *, int64_t);
/* The same behind a text of FIRST_N bytes. */
bool buf_int_behind(struct buf *, const char *first, size_t first_n, int64_t);
/* N bytes of it, from FROM on, once more. */
bool buf_again(struct buf *, size_t from, size_t n);

/* The decimal digits of I and a NUL; returns how many characters. What printf is too slow for. */
enum { INT_TEXT = 21 };
size_t int_text(char out[INT_TEXT], int64_t i);

/* S as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. NULL writes null. */
bool buf_json(struct buf *, const char *s);
bool buf_json_n(struct buf *, const char *s, size_t n);
/* The same behind a text of FIRST_N bytes, which stands as it is: a member's name and its value in one step. */
bool buf_json_behind(struct buf *, const char *first, size_t first_n, const char *s, size_t n);

/* S escaped for HTML text and quoted attributes. */
bool buf_html(struct buf *, const char *s);

/* Drops the first N bytes. */
void buf_drop(struct buf *, size_t n);

/* The content as a C string ("" when empty). Valid until the next change. */
const char *buf_text(const struct buf *);

#endif
