/* SPDX-License-Identifier: Apache-2.0 */
/* Where broken JSON is broken. '^' in a text marks the byte asked for. */
#include "config.h"

#include "tap.h"

#include "conf/place.h"

static const struct {
	const char *text, *pointer;
	unsigned line;
} rows[] = {
	{ "^{}", "", 1 },
	{ "{\"a\": ^1}", "/a", 1 },
	{ "{^\"a\": 1}", "/a", 1 },
	{ "{\"a\": 1,\n ^\"a\": 2}", "/a", 2 },
	{ "{\"a\": 1^, \"b\": 2}", "", 1 },
	{ "{\"a\": {\"b\": [1, 2,\n{\"c\": ^x}]}}", "/a/b/2/c", 2 },
	{ "{\"a\": [[], ^x]}", "/a/1", 1 },
	{ "{\"a\": {}, ^x", "", 1 },
	{ "{\"a/b~c\": ^x", "/a~1b~0c", 1 },
	{ "{\"a\\\"]\": ^x", "/a\\\"]", 1 },
	{ "{\"\": ^x", "/", 1 },
	{ "]]}}, ^x", "", 1 },
	{ "\"a^", "", 1 },
	{ "{\"a\": \"}{][,\", \"b\": ^x", "/b", 1 },
};

int main(void)
{
	struct arena *a = arena_new();
	char *deep, *text, *name;
	size_t n = 300;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t at = strcspn(rows[i].text, "^");

		text = arena_printf(a, "%.*s%s", (int)at, rows[i].text, rows[i].text + at + 1);
		name = arena_strdup(a, rows[i].text);
		for (char *p = name; (p = strchr(p, '\n'));)
			*p = ' ';
		is_str(place_pointer(a, text, strlen(text), at), rows[i].pointer, name);
		is_int(place_line(text, at), rows[i].line, "  its line");
	}
	deep = arena_alloc(a, n + 1);
	memset(deep, '[', n);
	ok(strlen(place_pointer(a, deep, n, n)) < n, "brackets past any depth do no harm");
	is_str(place_pointer(a, "", 0, 10), "", "nor does an offset past the end");
	arena_free(a);
	return done();
}
