/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens: form, checksum, and what the database gets to see. */
#include "config.h"

#include "oauth/token.h"

#include "base/arena.h"

#include <stdlib.h>
#include <unistd.h>

#include "tap.h"

static void test_form(void)
{
	static const char *const prefixes[] = { "at_", "rt_", "ac_", "cs_", "bs_", "ba_" };
	char text[TOKEN_TEXT], other[TOKEN_TEXT];

	for (int kind = 0; kind < TOKEN_KINDS; kind++) {
		token_make(text, (enum token_kind)kind);
		token_make(other, (enum token_kind)kind);
		is_int(strlen(text), TOKEN_LEN, "a token has its length");
		ok(!strncmp(text, prefixes[kind], 3), "a token says what it is");
		ok(strcmp(text, other) != 0, "two tokens differ");
		for (int as = 0; as < TOKEN_KINDS; as++)
			is_int(token_is(text, (enum token_kind)as), as == kind,
			    "a token is of its kind and of no other");
	}
}

static void test_damage(void)
{
	char text[TOKEN_TEXT], damaged[TOKEN_TEXT + 1];
	int accepted = 0;

	token_make(text, TOKEN_ACCESS);
	for (int i = 0; i < TOKEN_LEN; i++) {
		memcpy(damaged, text, TOKEN_TEXT);
		damaged[i] = damaged[i] == 'x' ? 'y' : 'x';
		accepted += token_is(damaged, TOKEN_ACCESS);
	}
	is_int(accepted, 0, "no token with one wrong character is taken for one");
	memcpy(damaged, text, TOKEN_TEXT);
	damaged[TOKEN_LEN - 1] = '\0';
	ok(!token_is(damaged, TOKEN_ACCESS), "a token that was cut is none");
	memcpy(damaged, text, TOKEN_TEXT);
	damaged[TOKEN_LEN] = 'A';
	damaged[TOKEN_LEN + 1] = '\0';
	ok(!token_is(damaged, TOKEN_ACCESS), "a token that grew is none");
	ok(!token_is(NULL, TOKEN_ACCESS), "no text is no token");
	ok(!token_is("", TOKEN_ACCESS), "the empty text is no token");
	ok(!token_is("at_", TOKEN_ACCESS), "a prefix alone is no token");
}

/* The form must never change, or the tokens in the field die. */
static void test_known(void)
{
	ok(token_is("at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADs-xfg", TOKEN_ACCESS),
	    "a token made by other means is one: CRC-32, big-endian, in base64url");
	ok(!token_is("at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADs-xfh", TOKEN_ACCESS),
	    "its checksum has one spelling");
	/* the checksum of this one is right */
	ok(!token_is("at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABl8bgxA", TOKEN_ACCESS),
	    "a body with bits past its 256 is refused: each value has one spelling");
}

static void test_hash(struct arena *a)
{
	struct key one = { .id = "one" }, two = { .id = "two" };
	unsigned char h1[HASH_LEN], h2[HASH_LEN], h3[HASH_LEN], k1[KEY_LEN], k2[KEY_LEN];
	char dir[] = "/tmp/gh-token-XXXXXX";
	struct err e = { .code = ERR_NONE };
	const char *pepper_id = NULL;
	struct ring *ring;
	struct db_param hash;

	memset(one.bytes, 1, KEY_LEN);
	memset(two.bytes, 2, KEY_LEN);
	token_hash(h1, &one, "at_x");
	token_hash(h2, &two, "at_x");
	token_hash(h3, &one, "at_x");
	ok(memcmp(h1, h2, HASH_LEN) != 0, "two peppers make two hashes of one token");
	ok(!memcmp(h1, h3, HASH_LEN), "one pepper makes one");
	token_key(k1, "rt_x", "label");
	token_key(k2, "rt_y", "label");
	ok(memcmp(k1, k2, KEY_LEN) != 0, "two tokens yield two keys");
	token_key(k2, "rt_x", "other");
	ok(memcmp(k1, k2, KEY_LEN) != 0, "one token yields a key for each label");
	ok(memcmp(k1, h1, KEY_LEN) != 0, "the key is not the hash that is stored");

	ok(mkdtemp(dir) && ring_init(dir, NULL, &e), "a key ring is made");
	ring = ring_open(dir, 1u << KEY_PEPPER, &e);
	if (!ok(ring != NULL, "and opened"))
		return;
	hash = token_hash_new(ring, a, "at_x", &pepper_id);
	token_hash(h1, ring_primary(ring, KEY_PEPPER), "at_x");
	is_int(hash.len, HASH_LEN, "the hash to store is one");
	is_mem(hash.value, h1, HASH_LEN, "it is under the primary pepper");
	is_str(pepper_id, ring_primary(ring, KEY_PEPPER)->id, "whose id is stored with it");
	ok(token_hashes(ring, a, "at_x").value != NULL, "there are hashes to look up");
	ring_close(ring);
}

int main(void)
{
	struct arena *a = arena_new();

	test_form();
	test_damage();
	test_known();
	test_hash(a);
	arena_free(a);
	return done();
}
