/* SPDX-License-Identifier: Apache-2.0 */
/* Which pages serve which place in the queue, and that they live for as long as somebody has them. */
#include "config.h"

#include "keeper/page_cache.h"

#include "tap.h"

static struct page *add(uint64_t from_tx, int64_t from_batch, uint64_t to_tx, int64_t to_batch, unsigned families)
{
	const struct page p = { .arena = arena_new(), .from = { from_tx, from_batch }, .to = { to_tx, to_batch },
		.families = families, .limit = 200 };

	return page_new(&p);
}

static bool finds(unsigned families, int limit, uint64_t tx, int64_t batch)
{
	struct page *p = page_find(families, limit, (struct place){ tx, batch });

	page_unref(p);
	return p != NULL;
}

int main(void)
{
	struct page *p = add(10, 5, 20, 9, 3), *held;

	page_unref(p);
	ok(finds(3, 200, 10, 5), "a page serves the place behind which it begins");
	ok(finds(3, 200, 15, 0), "and one within it");
	ok(finds(3, 200, 20, 8), "up to its end");
	ok(!finds(3, 200, 20, 9), "which it does not serve");
	ok(!finds(3, 200, 10, 4), "nor one before it: something would be missing");
	ok(!finds(3, 200, 9, 7), "in whatever transaction");
	ok(!finds(1, 200, 15, 0), "nor whoever wants other families");
	ok(!finds(3, 40, 15, 0), "or pages of another size");
	page_unref(add(20, 9, 20, 9, 3));
	ok(!finds(3, 200, 20, 9), "an empty page serves nobody");
	held = page_find(3, 200, (struct place){ 10, 5 });
	for (uint64_t i = 0; i < PAGES_KEPT; i++)
		page_unref(add(100 + i, 0, 101 + i, 0, 3));
	ok(!finds(3, 200, 10, 5), "the oldest is forgotten");
	arena_strdup(held->arena, "still here"); /* or a sanitizer says so */
	page_unref(held);
	ok(finds(3, 200, 100, 0), "the newest are not");
	pages_forget();
	ok(!finds(3, 200, 100, 0), "until all are");
	return done();
}
