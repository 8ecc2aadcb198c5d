/* SPDX-License-Identifier: Apache-2.0 */
/* Making, recognising and hashing tokens. */
#include "config.h"

#include "oauth/token.h"

#include "base/b64.h"
#include "base/rand.h"

#include <string.h>

enum { PREFIX_LEN = 3, BODY_LEN = 43, SUM_LEN = 6, RANDOM_LEN = 32 };

static const char prefixes[TOKEN_KINDS][PREFIX_LEN + 1] = {
	[TOKEN_ACCESS] = "at_",
	[TOKEN_REFRESH] = "rt_",
	[TOKEN_CODE] = "ac_",
	[TOKEN_SECRET] = "cs_",
	[TOKEN_SESSION] = "bs_",
	[TOKEN_ATTEMPT] = "ba_",
};

/* CRC-32 of prefix and body, big-endian, in base64url. */
static void checksum(char out[SUM_LEN + 1], const char *text)
{
	uint32_t crc = hash_crc32(text, PREFIX_LEN + BODY_LEN);
	unsigned char bytes[4] = { (unsigned char)(crc >> 24), (unsigned char)(crc >> 16),
		(unsigned char)(crc >> 8), (unsigned char)crc };

	b64url_encode(out, bytes, sizeof(bytes));
}

void token_make(char out[TOKEN_TEXT], enum token_kind kind)
{
	unsigned char bytes[RANDOM_LEN];

	rand_bytes(bytes, sizeof(bytes));
	memcpy(out, prefixes[kind], PREFIX_LEN);
	b64url_encode(out + PREFIX_LEN, bytes, sizeof(bytes));
	checksum(out + PREFIX_LEN + BODY_LEN, out);
	explicit_bzero(bytes, sizeof(bytes));
}

bool token_is(const char *text, enum token_kind kind)
{
	unsigned char bytes[RANDOM_LEN + 1];
	char sum[SUM_LEN + 1];
	size_t n;

	if (!text || strlen(text) != TOKEN_LEN || memcmp(text, prefixes[kind], PREFIX_LEN))
		return false;
	/* one spelling per value: two spellings of one token would be two rows to the hash */
	if (!b64url_decode(bytes, &n, text + PREFIX_LEN, BODY_LEN) || n != RANDOM_LEN)
		return false;
	checksum(sum, text);
	return !memcmp(sum, text + PREFIX_LEN + BODY_LEN, SUM_LEN);
}

void token_hash(unsigned char out[HASH_LEN], const struct key *pepper, const char *text)
{
	hash_hmac(out, pepper->bytes, KEY_LEN, text, strlen(text));
}

struct db_param token_hash_new(
    const struct ring *ring, struct arena *a, const char *text, const char **pepper_id)
{
	const struct key *pepper = ring_primary(ring, KEY_PEPPER);
	unsigned char *hash = arena_alloc(a, HASH_LEN);

	token_hash(hash, pepper, text);
	*pepper_id = pepper->id;
	return DB_BYTES(hash, HASH_LEN);
}

struct db_param token_hashes(const struct ring *ring, struct arena *a, const char *text)
{
	const struct key *pepper;
	struct db_param *items;
	size_t n = 0;

	while (ring_at(ring, KEY_PEPPER, n))
		n++;
	items = arena_calloc(a, n, sizeof(*items));
	for (size_t i = 0; (pepper = ring_at(ring, KEY_PEPPER, i)); i++) {
		unsigned char *hash = arena_alloc(a, HASH_LEN);

		token_hash(hash, pepper, text);
		items[i] = DB_BYTES(hash, HASH_LEN);
	}
	return db_bytes_array(a, items, n);
}

void token_key(unsigned char out[KEY_LEN], const char *text, const char *label)
{
	hash_hkdf(out, KEY_LEN, text, strlen(text), NULL, 0, label, strlen(label));
}
