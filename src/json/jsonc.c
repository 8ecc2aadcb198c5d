/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON with comments and trailing commas, made plain JSON by blanking: every other byte
 * stays in its place, so that an error's offset is right in the file as written.
 */
#include "config.h"

#include "json/json.h"

#include <string.h>

struct blank {
	char *p, *end;
	char *comma; /* the last comma after a value, while only blanks and comments followed */
	char last;   /* the last byte that is no blank and no comment */
};

static void string(struct blank *b)
{
	for (b->p++; b->p < b->end && *b->p != '"'; b->p++)
		if (*b->p == '\\' && b->end - b->p > 1)
			b->p++;
	if (b->p < b->end)
		b->p++;
}

static void line_comment(struct blank *b)
{
	while (b->p < b->end && *b->p != '\n' && *b->p != '\r')
		*b->p++ = ' ';
}

/* False: it does not end. Newlines stay, so that lines can be counted. */
static bool block_comment(struct blank *b)
{
	char *q = b->p + 2;

	while (b->end - q >= 2 && !(q[0] == '*' && q[1] == '/'))
		q++;
	if (b->end - q < 2)
		return false;
	for (q += 2; b->p < q; b->p++)
		if (*b->p != '\n' && *b->p != '\r')
			*b->p = ' ';
	return true;
}

/* A byte outside strings and comments. */
static void plain(struct blank *b, char c)
{
	if ((c == '}' || c == ']') && b->comma)
		*b->comma = ' ';
	/* a comma that follows no value stays, for the gate to refuse */
	b->comma = c == ',' && b->last && !strchr("[{,:", b->last) ? b->p : NULL;
	b->last = c;
	b->p++;
}

char *jsonc_blank(struct arena *a, const char *text, size_t n, struct err *e)
{
	char *copy = arena_strndup(a, text, n);
	struct blank b = { .p = copy, .end = copy + n };

	while (b.p < b.end) {
		char c = *b.p;

		if (c == '/' && b.end - b.p > 1 && b.p[1] == '/') {
			line_comment(&b);
		} else if (c == '/' && b.end - b.p > 1 && b.p[1] == '*') {
			size_t at = (size_t)(b.p - copy);

			if (!block_comment(&b)) {
				err_set(e, ERR_SYNTAX, "unended comment", "at byte %zu", at);
				return NULL;
			}
		} else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
			b.p++;
		} else if (c == '"') {
			b.comma = NULL;
			b.last = c;
			string(&b);
		} else {
			plain(&b, c);
		}
	}
	return copy;
}
