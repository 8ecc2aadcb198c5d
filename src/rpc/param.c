/* SPDX-License-Identifier: Apache-2.0 */
/* Marks are found by one walk down `properties`; values are written as every reader of headers would. */
#include "config.h"

#include "rpc/param.h"

#include "rpc/era.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MARK "x-mcp-header"

/* The largest integer that a double holds with its neighbours: what other readers may have rounded. */
#define EXACT 9007199254740991.0

/* ---- marks */

struct walk {
	struct arena *arena;
	struct param_mark *first, **last;
	size_t n;
	const char *path[PARAM_DEPTH];
	size_t depth;
};

/* A token (RFC 9110, 5.6.2). */
static bool is_token(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= PARAM_NAME_MAX &&
	    strspn(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == n;
}

/* Whether a property of this type may be mirrored. Servers check the headers of numbers too, though these may not be marked. */
static bool may_be_marked(struct span schema)
{
	static const char *const types[] = { "string", "integer", "boolean", "number" };
	struct span type = scan_member(schema, "type");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (scan_string_is(type, types[i]))
			return true;
	return false;
}

static bool is_taken(const struct walk *w, const char *header)
{
	for (const struct param_mark *m = w->first; m; m = m->next)
		if (!strcasecmp(m->header, header))
			return true;
	return false;
}

static void add_mark(struct walk *w, struct span schema)
{
	const char *header = scan_string(scan_member(schema, MARK), w->arena);
	struct param_mark *m;
	const char **path;

	if (!header || !w->depth || w->n == PARAM_MARKS_MAX || !is_token(header) || !may_be_marked(schema) ||
	    is_taken(w, header))
		return;
	path = arena_calloc(w->arena, w->depth + 1, sizeof(*path));
	memcpy(path, w->path, w->depth * sizeof(*path));
	m = arena_alloc(w->arena, sizeof(*m));
	m->header = header;
	m->path = path;
	*w->last = m;
	w->last = &m->next;
	w->n++;
}

static void visit(struct walk *w, struct span schema) /* NOLINT(misc-no-recursion): PARAM_DEPTH bounds it */
{
	struct span properties = scan_member(schema, "properties"), name, value;
	size_t pos = 0;

	add_mark(w, schema);
	if (w->depth == PARAM_DEPTH || scan_kind(properties) != '{')
		return;
	while (scan_next(properties, &pos, &name, &value)) {
		w->path[w->depth] = scan_string(name, w->arena);
		if (!w->path[w->depth] || scan_kind(value) != '{')
			continue;
		w->depth++;
		visit(w, value);
		w->depth--;
	}
}

struct param_mark *param_marks(struct span schema, struct arena *a)
{
	struct walk w = { .arena = a };

	w.last = &w.first;
	visit(&w, schema);
	return w.first;
}

bool param_survives(const struct param_mark *m)
{
	return strspn(m->header, "-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
	    strlen(m->header);
}

/* ---- values */

static struct span argument(const struct param_mark *m, struct span arguments)
{
	for (const char *const *name = m->path; *name; name++)
		arguments = scan_kind(arguments) == '{' ? scan_member(arguments, *name) : (struct span){ NULL, 0 };
	return arguments;
}

/* False for one that has more digits than anybody keeps, or is past all bounds. */
static bool read_number(struct span s, double *d)
{
	char text[64];

	if (s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	*d = strtod(text, NULL);
	return *d >= -1e300 && *d <= 1e300;
}

/* In decimal; integers without a fraction or an exponent, whatever their spelling. */
static const char *number_text(struct span s, struct arena *a)
{
	double d;

	if (!read_number(s, &d))
		return NULL;
	if (d < -EXACT || d > EXACT)
		return NULL;
	if (d == (double)(int64_t)d)
		return arena_printf(a, "%" PRId64, (int64_t)d);
	return memchr(s.p, 'e', s.n) || memchr(s.p, 'E', s.n) ? arena_printf(a, "%.17g", d)
							       : arena_strndup(a, s.p, s.n);
}

/* The value as text, not encoded. */
static const char *plain(const struct param_mark *m, struct span arguments, struct arena *a)
{
	struct span value = argument(m, arguments);
	const char *text = NULL;

	switch (scan_kind(value)) {
	case '"':
		text = scan_string(value, a);
		break;
	case '0':
		text = number_text(value, a);
		break;
	case 't':
		text = "true";
		break;
	case 'f':
		text = "false";
		break;
	default:
		break;
	}
	return text && strlen(text) <= PARAM_VALUE_MAX ? text : NULL;
}

const char *param_value(const struct param_mark *m, struct span arguments, struct arena *a)
{
	const char *text = plain(m, arguments, a);

	return text ? era_header_value(text, a) : NULL;
}

/* Whether TEXT is a number in decimal, and nothing else. */
static bool is_decimal(const char *text)
{
	size_t n = strspn(*text == '-' ? text + 1 : text, "0123456789.");

	return n > 0 && n < 64 && text[(*text == '-') + n] == '\0';
}

bool param_agrees(const struct param_mark *m, struct span arguments, const char *value, struct arena *a)
{
	const char *said = era_header_text(value, a), *is = plain(m, arguments, a);
	struct span raw = argument(m, arguments);
	double number;

	if (!is)
		return true;
	if (!said)
		return false;
	if (scan_kind(raw) == '0' && is_decimal(said) && read_number(raw, &number))
		return strtod(said, NULL) == number;
	return !strcmp(said, is);
}
