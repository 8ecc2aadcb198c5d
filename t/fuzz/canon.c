/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The canonical form of a text means what the text means, and is its own canonical form; and a list of tools that nothing is taken out of
 * reads the same, one that all is taken out of names no tool.
 */
#include "config.h"

#include "fuzz.h"

#include "json/canon.h"
#include "policy/pins.h"

#include <string.h>

static bool same(struct arena *a, struct span x, struct span y);

static bool same_object(struct arena *a, struct span x, struct span y)
{
	struct span name, value;
	size_t at = 0, nx = 0, ny = 0;

	while (scan_next(y, &at, NULL, &value))
		ny++;
	at = 0;
	while (scan_next(x, &at, &name, &value)) {
		const char *text = scan_string(name, a);

		nx++;
		if (!same(a, value, scan_member(y, text)))
			return false;
	}
	return nx == ny;
}

static bool same_array(struct arena *a, struct span x, struct span y)
{
	struct span vx, vy;
	size_t ax = 0, ay = 0;

	while (scan_next(x, &ax, NULL, &vx))
		if (!scan_next(y, &ay, NULL, &vy) || !same(a, vx, vy))
			return false;
	return !scan_next(y, &ay, NULL, &vy);
}

static bool same(struct arena *a, struct span x, struct span y)
{
	const char *text;

	if (scan_kind(x) != scan_kind(y))
		return false;
	switch (scan_kind(x)) {
	case '{':
		return same_object(a, x, y);
	case '[':
		return same_array(a, x, y);
	case '"':
		text = scan_string(x, a);
		return text ? scan_string_is(y, text) : !scan_string(y, a);
	default:
		return x.n == y.n && !memcmp(x.p, y.p, x.n);
	}
}

static bool all(const struct pin_item *item)
{
	(void)item;
	return true;
}

static bool none(const struct pin_item *item)
{
	return item == NULL;
}

static void try_lists(struct arena *a, const char *text, size_t n)
{
	struct err e = { .code = ERR_NONE };
	struct buf b;
	bool ok;
	struct pin_list *list = pins_read(a, text, n, &ok, &e);

	must(ok == (e.code == ERR_NONE));
	if (!list)
		return;
	buf_init(&b, 2 * n + 1024);
	must(pins_write(text, n, list, all, &b));
	must(same(a, scan_value(text, n), scan_value(b.data, b.len)));
	buf_clear(&b);
	must(pins_write(text, n, list, none, &b));
	for (list = pins_read(a, b.data, b.len, &ok, &e); list; list = list->next)
		must(list->n == 0);
	must(ok);
	buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const struct scan_limits limits = scan_limits_of(65536);
	const char *text = (const char *)bytes;
	struct arena *a = arena_new();
	struct buf once, twice;

	buf_init(&once, 6 * n + 1024);
	buf_init(&twice, 6 * n + 1024);
	if (scan_check(text, n, &limits, NULL)) {
		must(canon_write(&once, a, scan_value(text, n)));
		must(scan_check(once.data, once.len, &(struct scan_limits){ 6 * n + 1024, limits.depth, limits.members, false }, NULL));
		must(same(a, scan_value(text, n), scan_value(once.data, once.len)));
		must(canon_write(&twice, a, scan_value(once.data, once.len)));
		must(once.len == twice.len && !memcmp(once.data, twice.data, once.len));
	}
	buf_release(&once);
	buf_release(&twice);
	try_lists(a, text, n);
	arena_free(a);
	return 0;
}
