/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines and pointers of broken JSON: no tree exists yet, so the brackets before the fault
 * are walked.
 */
#include "config.h"

#include "conf/place.h"

#include <stdbool.h>

#include "conf/problem.h"

enum { PLACE_DEPTH = 64 };

struct level {
	bool object;
	bool wants_name;  /* the next string is a member's name */
	const char *name; /* raw, without quotes; NULL: none yet */
	size_t name_len, index;
};

struct walk {
	struct level levels[PLACE_DEPTH];
	size_t depth, lost; /* levels that did not fit */
};

unsigned place_line(const char *text, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < offset && text[i]; i++)
		line += text[i] == '\n';
	return line;
}

/* Past the string at I (on its quote), or N. */
static size_t string_end(const char *text, size_t n, size_t i)
{
	for (i++; i < n && text[i] != '"'; i++)
		if (text[i] == '\\' && i + 1 < n)
			i++;
	return i < n ? i + 1 : n;
}

static void open_level(struct walk *w, bool object)
{
	if (w->depth == PLACE_DEPTH)
		w->lost++;
	else
		w->levels[w->depth++] = (struct level){ .object = object, .wants_name = object };
}

static void close_level(struct walk *w)
{
	if (w->lost)
		w->lost--;
	else if (w->depth)
		w->depth--;
}

static void comma(struct level *l)
{
	l->index++;
	l->wants_name = l->object;
	l->name = NULL;
}

static void string(struct level *l, const char *p, size_t n)
{
	if (!l->wants_name)
		return;
	l->name = p + 1;
	l->name_len = n > 2 ? n - 2 : 0;
	l->wants_name = false;
}

static void step(struct walk *w, const char *text, size_t i, size_t end)
{
	struct level *inner = w->depth && !w->lost ? &w->levels[w->depth - 1] : NULL;

	switch (text[i]) {
	case '{':
	case '[':
		open_level(w, text[i] == '{');
		break;
	case '}':
	case ']':
		close_level(w);
		break;
	case ',':
		if (inner)
			comma(inner);
		break;
	case '"':
		if (inner)
			string(inner, text + i, end - i);
		break;
	default:
		break;
	}
}

const char *place_pointer(struct arena *a, const char *text, size_t n, size_t offset)
{
	struct walk w = { .depth = 0 };
	const char *pointer = "";

	for (size_t i = 0, end; i < n && i <= offset; i = end) {
		end = text[i] == '"' ? string_end(text, n, i) : i + 1;
		step(&w, text, i, end);
	}
	for (size_t i = 0; i < w.depth; i++) {
		const struct level *l = &w.levels[i];

		if (!l->object)
			pointer = pointer_item(a, pointer, l->index);
		else if (l->name)
			pointer =
			    pointer_member(a, pointer, arena_strndup(a, l->name, l->name_len));
		else
			break;
	}
	return pointer;
}
