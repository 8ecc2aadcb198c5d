/* SPDX-License-Identifier: Apache-2.0 */
/* Lines are compared by the longest sequence that both have; where that would take too long, all go and all come. */
#include "config.h"

#include "difference.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "json/scan.h"
#include "page/html.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 64, WIDTH = 160, CONTEXT = 3, CELLS_MAX = 4 * 1024 * 1024 };

struct lines {
	struct arena *arena;
	size_t n, cap;
	const char **at;
	struct buf line; /* the one that is being written */
	size_t column, indent;
};

static void end_line(struct lines *l)
{
	if (l->n == l->cap) {
		const char **more = arena_calloc(l->arena, 2 * l->cap + 64, sizeof(*more));

		if (l->n)
			memcpy(more, l->at, l->n * sizeof(*more));
		l->at = more;
		l->cap = 2 * l->cap + 64;
	}
	l->at[l->n++] = arena_strdup(l->arena, buf_text(&l->line));
	buf_clear(&l->line);
	l->column = 0;
}

static void begin_line(struct lines *l, size_t indent)
{
	l->indent = indent;
	for (size_t i = 0; i < indent; i++)
		buf_char(&l->line, ' ');
}

/* Whether a person sees C, as itself and in its place. */
static bool is_plain(struct arena *a, uint32_t c)
{
	char text[8] = "x";
	const char *clean;

	if (c < 0x80)
		return c >= 0x20 && c != 0x7f;
	if ((c >= 0x200c && c <= 0x200d) || (c >= 0xfe00 && c <= 0xfe0f))
		return false;
	text[1 + utf8_encode(text + 1, c)] = '\0';
	clean = html_clean(a, text, sizeof(text));
	return clean && !strcmp(clean, text);
}

static void add_text(struct lines *l, const char *p, size_t n)
{
	while (n) {
		size_t one = utf8_length(p, n);
		uint32_t c = one ? utf8_decode(p, &one) : 0xfffd;

		if (l->column >= WIDTH && *p != '"') {
			end_line(l);
			begin_line(l, l->indent + 4);
			l->indent -= 4;
		}
		if (is_plain(l->arena, c))
			buf_add(&l->line, p, one);
		else
			buf_printf(&l->line, "\\u{%x}", (unsigned)c);
		l->column++;
		one = one ? one : 1;
		p += one;
		n -= one;
	}
}

static void add_value(struct lines *l, struct span v, size_t indent, bool comma);

static void add_container(struct lines *l, struct span v, size_t indent)
{
	bool object = scan_kind(v) == '{';
	struct span name, value, next_name, next;
	size_t at = 0;
	bool more;

	buf_char(&l->line, object ? '{' : '[');
	more = scan_next(v, &at, &next_name, &next);
	while (more) {
		name = next_name;
		value = next;
		more = scan_next(v, &at, &next_name, &next);
		end_line(l);
		begin_line(l, indent + 2);
		if (object) {
			add_text(l, name.p, name.n);
			buf_str(&l->line, ": ");
		}
		add_value(l, value, indent + 2, more);
	}
	if (v.n > 2) {
		end_line(l);
		begin_line(l, indent);
	}
	buf_char(&l->line, object ? '}' : ']');
}

static void add_value(struct lines *l, struct span v, size_t indent, bool comma)
{
	if (scan_kind(v) == '{' || scan_kind(v) == '[')
		add_container(l, v, indent);
	else
		add_text(l, v.p, v.n);
	if (comma)
		buf_char(&l->line, ',');
}

/* The text in lines; one that is no JSON (it was cut) as it is. */
static struct lines lines_of(struct arena *a, const char *text)
{
	struct lines l = { .arena = a };
	struct scan_limits limits = scan_limits_of(text ? strlen(text) : 0);

	buf_init(&l.line, SIZE_MAX);
	limits.depth = DEPTH;
	limits.members = UINT32_MAX;
	if (!text)
		return l;
	if (scan_check(text, strlen(text), &limits, NULL)) {
		add_value(&l, scan_value(text, strlen(text)), 0, false);
	} else {
		add_text(&l, text, strlen(text));
		buf_str(&l.line, " (the rest was not kept)");
	}
	end_line(&l);
	buf_release(&l.line);
	return l;
}

struct comparison {
	const char *indent;
	size_t quiet; /* unchanged lines since the last that was printed */
	const char *recent[CONTEXT];
	size_t after; /* unchanged lines that are still to be printed */
	bool any;
};

static void print_line(const struct comparison *c, char mark, const char *line)
{
	printf("%s%c %s\n", c->indent, mark, line);
}

static void unchanged(struct comparison *c, const char *line)
{
	if (c->after) {
		c->after--;
		print_line(c, ' ', line);
		return;
	}
	c->recent[c->quiet++ % CONTEXT] = line;
}

static void changed(struct comparison *c, char mark, const char *line)
{
	size_t shown = c->quiet < CONTEXT ? c->quiet : CONTEXT;

	if (c->quiet > CONTEXT)
		printf("%s  ...\n", c->indent);
	for (size_t i = c->quiet - shown; i < c->quiet; i++)
		print_line(c, ' ', c->recent[i % CONTEXT]);
	c->quiet = 0;
	c->after = CONTEXT;
	print_line(c, mark, line);
}

static void print_all(struct comparison *c, char mark, const char *const *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		changed(c, mark, at[i]);
}

/* What is left between an equal beginning and an equal end: length[i][j] is of the longest sequence that was[i..] and now[j..] share. */
static void compare(struct comparison *c, const char *const *was, size_t n, const char *const *now, size_t m)
{
	unsigned *length;
	size_t i = 0, j = 0;

	if ((n + 1) * (m + 1) > CELLS_MAX) {
		print_all(c, '-', was, n);
		print_all(c, '+', now, m);
		return;
	}
	length = xcalloc((n + 1) * (m + 1), sizeof(*length));
#define LENGTH(x, y) length[(x) * (m + 1) + (y)]
	for (i = n; i-- > 0;)
		for (j = m; j-- > 0;)
			LENGTH(i, j) = !strcmp(was[i], now[j])             ? LENGTH(i + 1, j + 1) + 1 :
			    LENGTH(i + 1, j) >= LENGTH(i, j + 1) ? LENGTH(i + 1, j) :
			                                                     LENGTH(i, j + 1);
	for (i = j = 0; i < n || j < m;) {
		if (i < n && j < m && !strcmp(was[i], now[j])) {
			unchanged(c, was[i++]);
			j++;
		} else if (i < n && (j == m || LENGTH(i + 1, j) >= LENGTH(i, j + 1))) {
			changed(c, '-', was[i++]);
		} else {
			changed(c, '+', now[j++]);
		}
	}
#undef LENGTH
	free(length);
}

void difference_print(struct arena *a, const char *indent, const char *was, const char *now)
{
	struct lines old = lines_of(a, was), new = lines_of(a, now);
	struct comparison c = { .indent = indent };
	size_t from = 0, same = 0;

	while (from < old.n && from < new.n && !strcmp(old.at[from], new.at[from]))
		unchanged(&c, old.at[from++]);
	while (same < old.n - from && same < new.n - from && !strcmp(old.at[old.n - 1 - same], new.at[new.n - 1 - same]))
		same++;
	compare(&c, old.at + from, old.n - from - same, new.at + from, new.n - from - same);
	for (size_t i = old.n - same; i < old.n; i++)
		unchanged(&c, old.at[i]);
}
