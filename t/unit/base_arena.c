/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: alignment, zeroed memory, large objects, the order of deferred releases. */
#include "config.h"

#include "base/arena.h"

#include "tap.h"

#include <stdlib.h>

static char released[8];
static size_t releases;

static void note(void *object)
{
	released[releases++] = *(char *)object;
}

static void defers(void)
{
	static char first = '1', second = '2', third = '3';
	struct arena *a = arena_new();

	arena_defer(a, note, &first);
	arena_defer(a, note, &second);
	arena_defer(a, note, NULL);
	arena_defer(a, note, &third);
	ok(releases == 0, "nothing is released before the arena ends");
	arena_free(a);
	is_str(released, "321", "deferred objects are released newest first, NULL ignored");
}

static void defers_own_memory(void)
{
	struct arena *a = arena_new();

	releases = 0;
	arena_defer(a, note, arena_strdup(a, "x"));
	arena_free(a);
	ok(releases == 1 && released[0] == 'x', "a release may still read the arena's memory");
}

static void allocates(void)
{
	struct arena *a = arena_new();
	bool aligned = true, zero = true, kept = true;
	unsigned char *all[2000];

	for (size_t i = 0; i < 2000; i++) {
		size_t size = i % 7 == 0 ? 3000 : i % 61;

		all[i] = arena_alloc(a, size);
		aligned = aligned && (uintptr_t)all[i] % 16 == 0;
		for (size_t k = 0; k < size; k++)
			zero = zero && all[i][k] == 0;
		memset(all[i], (int)(i & 0xff), size);
	}
	for (size_t i = 0; i < 2000; i++)
		for (size_t k = 0; k < (i % 7 == 0 ? 3000 : i % 61); k++)
			kept = kept && all[i][k] == (i & 0xff);
	ok(aligned, "every object is aligned for any type");
	ok(zero, "every object is zeroed");
	ok(kept, "objects do not overlap, small and large mixed");
	ok(arena_alloc(a, 0) != arena_alloc(a, 0), "objects of no size still differ");
	ok(arena_calloc(a, 1 << 20, 8) != NULL, "an object of 8 MB is served");
	arena_free(a);
	arena_free(NULL);
}

/* Arenas get the memory of those before them. */
static void leave_dirt(void)
{
	struct arena *a = arena_new();

	for (int i = 0; i < 20; i++)
		memset(arena_alloc(a, 1000), 0xff, 1000);
	arena_free(a);
}

static void copies(void)
{
	struct arena *a;
	char *p;

	leave_dirt();
	a = arena_new();
	p = arena_strndup(a, "ab\0cd", 5);

	is_mem(p, "ab\0cd", 6, "a NUL inside a copy is kept, and one follows");
	is_str(arena_strdup(a, ""), "", "an empty text is copied");
	is_str(arena_printf(a, "%s-%d", "x", 7), "x-7", "a format makes a text");
	is_int(strlen(arena_printf(a, "%9000d", 1)), 9000, "a formatted text may pass a block");
	is_str(arena_join(a, "a", "", "bc", NULL), "abc", "texts are joined");
	is_str(arena_join(a, NULL), "", "no text makes an empty one");
	is_int(strlen(arena_printf(a, "%255d", 1)), 255, "a formatted text that just fits the first try");
	is_int(strlen(arena_printf(a, "%256d", 1)), 256, "and one past it");
	arena_free(a);
}

static void again(void)
{
	struct arena *a = arena_new();
	char *p = arena_alloc(a, 64), *q;

	memset(p, 0xff, 64);
	arena_free(a);
	a = arena_new();
	q = arena_alloc(a, 64);
	ok(!q[0] && !memcmp(q, q + 1, 63), "memory that comes back is zeroed");
	arena_free(a);
}

int main(void)
{
	defers();
	defers_own_memory();
	allocates();
	copies();
	again();
	return done();
}
