/* SPDX-License-Identifier: Apache-2.0 */
/* PBKDF2 with HMAC-SHA-256 (RFC 8018, 5.2), through OpenSSL. */
#include "config.h"

#include "base/secret_hash.h"

#include "base/b64.h"
#include "base/hash.h"
#include "base/rand.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#define SCHEME "pbkdf2-sha256$"

enum {
	ROUNDS = 600000,
	ROUNDS_MIN = 10000,
	ROUNDS_MAX = 10000000,
	SALT_LEN = 16,
	SALT_MIN = 8,
	SALT_MAX = 32
};

struct parts {
	long rounds;
	unsigned char salt[SALT_MAX + 1], hash[HASH_LEN + 1];
	size_t salt_n;
};

static void stretch(
    unsigned char out[HASH_LEN], const char *secret, const unsigned char *salt, size_t n, long rounds)
{
	size_t len = strlen(secret);

	if (len > INT_MAX || PKCS5_PBKDF2_HMAC(secret, (int)len, salt, (int)n, (int)rounds,
				 EVP_sha256(), HASH_LEN, out) != 1)
		abort();
}

static bool parse(struct parts *p, const char *text)
{
	const char *rounds, *salt, *hash;
	size_t n;

	if (!text || strncmp(text, SCHEME, strlen(SCHEME)) != 0)
		return false;
	rounds = text + strlen(SCHEME);
	n = strspn(rounds, "0123456789");
	if (!n || n > 8 || *rounds == '0' || rounds[n] != '$')
		return false;
	p->rounds = strtol(rounds, NULL, 10);
	salt = rounds + n + 1;
	hash = strchr(salt, '$');
	if (p->rounds < ROUNDS_MIN || p->rounds > ROUNDS_MAX || !hash)
		return false;
	n = (size_t)(hash++ - salt);
	return n <= B64URL_LEN(SALT_MAX) && b64url_decode(p->salt, &p->salt_n, salt, n) &&
	       p->salt_n >= SALT_MIN && strlen(hash) == B64URL_LEN(HASH_LEN) &&
	       b64url_decode(p->hash, &n, hash, strlen(hash)) && n == HASH_LEN;
}

void secret_hash_make(char out[SECRET_HASH_TEXT], const char *secret)
{
	unsigned char salt[SALT_LEN], hash[HASH_LEN];
	char salt_text[B64URL_LEN(SALT_LEN) + 1], hash_text[B64URL_LEN(HASH_LEN) + 1];

	rand_bytes(salt, sizeof(salt));
	stretch(hash, secret, salt, sizeof(salt), ROUNDS);
	b64url_encode(salt_text, salt, sizeof(salt));
	b64url_encode(hash_text, hash, sizeof(hash));
	snprintf(out, SECRET_HASH_TEXT, SCHEME "%d$%s$%s", ROUNDS, salt_text, hash_text);
}

bool secret_hash_is_valid(const char *text)
{
	struct parts p;

	return parse(&p, text);
}

bool secret_hash_matches(const char *text, const char *secret)
{
	unsigned char hash[HASH_LEN];
	struct parts p;

	if (!parse(&p, text))
		return false;
	stretch(hash, secret, p.salt, p.salt_n, p.rounds);
	return hash_equal(hash, p.hash, HASH_LEN);
}
