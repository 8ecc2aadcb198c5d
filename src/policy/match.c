/* SPDX-License-Identifier: Apache-2.0 */
/* Globs by hand, expressions by base/pattern. */
#include "config.h"

#include "policy/match.h"

#include "policy/uri_template.h"

#include <string.h>

struct match {
	const char *glob;         /* NULL: */
	struct pattern *pattern;
};

const struct match *match_new_glob(struct arena *a, const char *text)
{
	struct match *m = arena_alloc(a, sizeof(*m));

	m->glob = arena_strdup(a, text);
	return m;
}

static void free_pattern(void *p)
{
	pattern_free(p);
}

const struct match *match_new_regex(struct arena *a, const char *text, struct err *e)
{
	struct match *m = arena_alloc(a, sizeof(*m));
	struct pattern *alone = pattern_new(text, e); /* what closes a group that is ours ("a)|(b") is no expression */

	if (alone)
		m->pattern = pattern_new(arena_printf(a, "\\A(?:%s)\\z", text), e);
	pattern_free(alone);
	arena_defer(a, free_pattern, m->pattern);
	return m->pattern ? m : NULL;
}

/* The bytes of the character at S. */
static size_t character(const char *s)
{
	size_t n = 1;

	while (((unsigned char)s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* After a mismatch the last "*" takes one character more: no other one has to. */
static bool glob(const char *g, const char *s)
{
	const char *star = NULL, *from = NULL;

	while (*s) {
		if (*g == '*') {
			star = ++g;
			from = s;
		} else if (*g == '?') {
			g++;
			s += character(s);
		} else if (*g == *s) {
			g++;
			s++;
		} else if (star) {
			g = star;
			s = ++from;
		} else {
			return false;
		}
	}
	g += strspn(g, "*");
	return !*g;
}

bool match_name(const struct match *m, struct pattern_search **search, const char *name, bool is_uri)
{
	size_t n = strlen(name), start, end;

	if (n > MATCH_NAME_MAX || (is_uri && uri_template_has_dots(name)))
		return false;
	if (m->glob)
		return glob(m->glob, name);
	if (!*search)
		*search = pattern_search_new();
	/* the whole of it: (*ACCEPT) would end before \z */
	return pattern_find(*search, m->pattern, NULL, name, n, 0, &start, &end) == PATTERN_FOUND && start == 0 && end == n;
}
