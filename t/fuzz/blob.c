/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed blobs. Foreign ones never open. The input also says how to damage a sound one (a place and
 * a byte to put there, again and again): it opens only if it came out as it was.
 */
#include "config.h"

#include "fuzz.h"

#include "base/arena.h"
#include "keys/seal.h"

#include <string.h>

static const char *const place[] = { "table", "column", "row", NULL };

static struct ring *new_ring(void)
{
	char text[] = "k primary q1ZtMG8zR2hTd1lYbFB4UkV2Q2pLbkZ1T2lBZUh5ZDk\n";
	struct ring *r = ring_new();

	must(!ring_parse(r, KEY_CLAIMS, text, strlen(text)));
	return r;
}

static void damage(const struct ring *r, struct arena *a, const uint8_t *bytes, size_t n)
{
	struct blob sound = seal(r, KEY_CLAIMS, a, bytes, n, place), plain;
	uint8_t *copy = xmalloc(sound.n);
	bool same;

	memcpy(copy, sound.p, sound.n);
	for (size_t i = 0; i + 1 < n; i += 2)
		copy[bytes[i] % sound.n] = bytes[i + 1];
	same = !memcmp(copy, sound.p, sound.n);
	must(seal_open(r, KEY_CLAIMS, a, (struct blob){ copy, sound.n }, place, &plain, NULL) ==
	     same);
	must(!same || (plain.n == n && !memcmp(plain.p, bytes, n)));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static struct ring *ring;
	const unsigned char key[KEY_LEN] = { 1 };
	struct arena *a = arena_new();
	struct blob plain;

	if (!ring)
		ring = new_ring(); /* kept for all inputs */
	must(!seal_open(ring, KEY_CLAIMS, a, (struct blob){ bytes, n }, place, &plain, NULL));
	must(!seal_open_with(key, a, (struct blob){ bytes, n }, place, &plain, NULL));
	damage(ring, a, bytes, n);
	arena_free(a);
	return 0;
}
