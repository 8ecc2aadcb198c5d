/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing: what is sealed opens only in its place, under its key. */
#include "config.h"

#include "keys/seal.h"

#include "tap.h"

#include <stdlib.h>

static const char *const here[] = { "grants", "claims", "7f", NULL };
static const char *const there[] = { "grants", "claims", "80", NULL };
static const char *const joined[] = { "grants", "claims7f", NULL };
static const char *const nowhere[] = { NULL };

/* A ring from the text of a file for one purpose. */
static void add_keys(struct ring *r, enum purpose p, const char *text)
{
	char copy[512];

	snprintf(copy, sizeof(copy), "%s", text);
	if (ring_parse(r, p, copy, strlen(copy)))
		abort();
}

#define KEY_A "q1ZtMG8zR2hTd1lYbFB4UkV2Q2pLbkZ1T2lBZUh5ZDk"
#define KEY_B "wVRub3A3TGtKaEdmRHNBcVdlUnRZdUlvUHpYY1ZiTm0"

static struct arena *arena;

static bool opens(const struct ring *r, enum purpose p, struct blob b, const char *const *place)
{
	struct err e = { .code = ERR_NONE };
	struct blob plain;

	if (!seal_open(r, p, arena, b, place, &plain, &e))
		return !(e.code == ERR_INTERNAL && !strcmp(err_reason_of(&e), "seal_broken"));
	return plain.n == 5 && !memcmp(plain.p, "hello", 6);
}

/* How many single bits of the blob can be flipped without being noticed. */
static int unnoticed_flips(const struct ring *r, struct blob b)
{
	unsigned char *copy = malloc(b.n);
	int n = 0;

	for (size_t i = 0; i < b.n; i++)
		for (int bit = 0; bit < 8; bit++) {
			memcpy(copy, b.p, b.n);
			copy[i] ^= (unsigned char)(1 << bit);
			n += opens(r, KEY_CLAIMS, (struct blob){ copy, b.n }, here);
		}
	free(copy);
	return n;
}

static int unnoticed_cuts(const struct ring *r, struct blob b)
{
	int n = 0;

	for (size_t i = 0; i < b.n; i++) {
		unsigned char *copy =
		    malloc(i + 1); /* its own, so that a sanitizer sees a read past it */

		memcpy(copy, b.p, i);
		n += opens(r, KEY_CLAIMS, (struct blob){ copy, i }, here);
		free(copy);
	}
	return n;
}

static void test_seal(void)
{
	struct ring *r = ring_new(), *rotated = ring_new(), *retired = ring_new();
	struct blob one, two, empty, plain;
	struct err e = { .code = ERR_NONE };

	add_keys(r, KEY_CLAIMS, "a primary " KEY_A "\n");
	add_keys(r, KEY_SESSION, "a primary " KEY_A "\n");
	add_keys(rotated, KEY_CLAIMS, "a active " KEY_A "\nb primary " KEY_B "\n");
	add_keys(retired, KEY_CLAIMS, "a retired " KEY_A "\nb primary " KEY_B "\n");
	one = seal(r, KEY_CLAIMS, arena, "hello", 5, here);
	two = seal(r, KEY_CLAIMS, arena, "hello", 5, here);
	ok(opens(r, KEY_CLAIMS, one, here), "what was sealed opens");
	is_int(one.n, 2 + 1 + 16 + 32 + 12 + 5 + 16, "a blob is as long as its format says");
	ok(memcmp(one.p + 3, two.p + 3, 16) != 0, "each write has a salt of its own");
	ok(memcmp(one.p + 63, two.p + 63, 5) != 0, "the same text has two ciphertexts");
	empty = seal(r, KEY_CLAIMS, arena, "", 0, here);
	ok(seal_open(r, KEY_CLAIMS, arena, empty, here, &plain, &e) && plain.n == 0 && !plain.p[0],
	    "nothing at all can be sealed");
	ok(opens(rotated, KEY_CLAIMS, one, here), "an active key still opens");
	ok(!opens(retired, KEY_CLAIMS, one, here), "a retired key opens nothing");
	ok(!opens(r, KEY_CLAIMS, seal(rotated, KEY_CLAIMS, arena, "hello", 5, here), here),
	    "an unknown key opens nothing");
	ok(!opens(r, KEY_SESSION, one, here),
	    "the same bytes as another purpose's key do not open it");
	ok(!opens(r, KEY_CLAIMS, one, there), "a blob moved to another row does not open");
	ok(!opens(r, KEY_CLAIMS, one, joined), "parts of a place do not run together");
	ok(!opens(r, KEY_CLAIMS, one, nowhere), "a place cannot be left out");
	is_int(unnoticed_flips(r, one), 0, "no bit of a blob can be changed");
	is_int(unnoticed_cuts(r, one), 0, "no blob can be cut short");
	ring_close(r);
	ring_close(rotated);
	ring_close(retired);
}

static void test_with(void)
{
	const unsigned char key[KEY_LEN] = { 1 }, other[KEY_LEN] = { 2 };
	struct ring *r = ring_new();
	struct err e = { .code = ERR_NONE };
	struct blob b = seal_with(key, arena, "hello", 5, here), plain;

	add_keys(r, KEY_CLAIMS, "a primary " KEY_A "\n");
	ok(seal_open_with(key, arena, b, here, &plain, &e) && plain.n == 5,
	    "a presented key opens");
	ok(!seal_open_with(other, arena, b, here, &plain, &e), "another presented key does not");
	ok(!seal_open_with(key, arena, b, there, &plain, NULL), "nor at another place");
	ok(!opens(r, KEY_CLAIMS, b, here), "the ring does not open what a presented key sealed");
	ok(!seal_open_with(
	       key, arena, seal(r, KEY_CLAIMS, arena, "hello", 5, here), here, &plain, NULL),
	    "nor the other way");
	ring_close(r);
}

static void test_mac(void)
{
	const char *const parts[] = { "csrf", "abc", "def", NULL };
	const char *const moved[] = { "csrf", "abcd", "ef", NULL };
	const char *const fewer[] = { "csrf", "abc", NULL };
	struct ring *r = ring_new(), *rotated = ring_new(), *retired = ring_new();
	unsigned char mac[32], other[32];

	add_keys(r, KEY_SESSION, "a primary " KEY_A "\n");
	add_keys(r, KEY_PEPPER, "a primary " KEY_A "\n");
	add_keys(rotated, KEY_SESSION, "a active " KEY_A "\nb primary " KEY_B "\n");
	add_keys(retired, KEY_SESSION, "a retired " KEY_A "\nb primary " KEY_B "\n");
	seal_mac(mac, r, KEY_SESSION, parts);
	ok(seal_mac_verify(mac, r, KEY_SESSION, parts), "a MAC verifies");
	ok(seal_mac_verify(mac, rotated, KEY_SESSION, parts),
	    "also under a key that is only active");
	ok(!seal_mac_verify(mac, retired, KEY_SESSION, parts), "not under a retired one");
	ok(!seal_mac_verify(mac, r, KEY_SESSION, moved), "parts do not run together");
	ok(!seal_mac_verify(mac, r, KEY_SESSION, fewer), "no part can be left out");
	seal_mac(other, r, KEY_PEPPER, parts);
	ok(memcmp(mac, other, 32) != 0, "the same bytes as another purpose's key make another MAC");
	mac[31] ^= 1;
	ok(!seal_mac_verify(mac, r, KEY_SESSION, parts), "a changed MAC is refused");
	ring_close(r);
	ring_close(rotated);
	ring_close(retired);
}

int main(void)
{
	arena = arena_new();
	test_seal();
	test_with();
	test_mac();
	arena_free(arena);
	return done();
}
