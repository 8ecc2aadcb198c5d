/* SPDX-License-Identifier: Apache-2.0 */
/* Recursion is bounded by the depth that the gate let through. */
#include "config.h"

#include "json/canon.h"

#include <stdlib.h>
#include <string.h>

struct member {
	const char *name; /* canonical, with quotes */
	size_t n;
	struct span value;
};

/* A text with U+0000 cannot be decoded to a C string and keeps its spelling, which no decoded one has. */
static bool write_string(struct buf *b, struct arena *a, struct span v)
{
	const char *text = scan_string(v, a);

	return text ? buf_json(b, text) : buf_add(b, v.p, v.n);
}

static int by_name(const void *x, const void *y)
{
	const struct member *a = x, *b = y;
	int order = memcmp(a->name, b->name, a->n < b->n ? a->n : b->n);

	return order ? order : (a->n > b->n) - (a->n < b->n);
}

static const char *name_of(struct arena *a, struct span name, size_t *n)
{
	struct buf b;
	const char *text;

	buf_init(&b, 6 * name.n + 2);
	write_string(&b, a, name);
	*n = b.len;
	text = arena_strndup(a, buf_text(&b), b.len);
	buf_release(&b);
	return text;
}

static bool write_object(struct buf *b, struct arena *a, struct span v)
{
	struct span name, value;
	struct member *members;
	size_t n = 0, at = 0;

	while (scan_next(v, &at, &name, &value))
		n++;
	members = arena_calloc(a, n + 1, sizeof(*members));
	n = at = 0;
	while (scan_next(v, &at, &name, &value)) {
		members[n].value = value;
		members[n].name = name_of(a, name, &members[n].n);
		n++;
	}
	qsort(members, n, sizeof(*members), by_name);
	buf_char(b, '{');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char(b, ',');
		buf_add(b, members[i].name, members[i].n);
		buf_char(b, ':');
		if (!canon_write(b, a, members[i].value))
			return false;
	}
	return buf_char(b, '}');
}

static bool write_array(struct buf *b, struct arena *a, struct span v)
{
	struct span item;
	bool first = true;
	size_t at = 0;

	buf_char(b, '[');
	while (scan_next(v, &at, NULL, &item)) {
		if (!first)
			buf_char(b, ',');
		first = false;
		if (!canon_write(b, a, item))
			return false;
	}
	return buf_char(b, ']');
}

bool canon_write(struct buf *b, struct arena *a, struct span v)
{
	switch (scan_kind(v)) {
	case '{':
		return write_object(b, a, v);
	case '[':
		return write_array(b, a, v);
	case '"':
		return write_string(b, a, v);
	default:
		return buf_add(b, v.p, v.n);
	}
}
