/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of challenge and verifier, and the one transform between them. */
#include "config.h"

#include "oauth/pkce.h"

#include "base/hash.h"

#include <string.h>

bool pkce_is_challenge(const char *text)
{
	unsigned char bytes[HASH_LEN + 1];
	size_t n;

	return text && strlen(text) == PKCE_CHALLENGE_TEXT - 1 &&
	    b64url_decode(bytes, &n, text, PKCE_CHALLENGE_TEXT - 1) && n == HASH_LEN;
}

bool pkce_is_verifier(const char *text)
{
	size_t n = text ? strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-._~") : 0;

	return n >= 43 && n <= 128 && !text[n];
}

void pkce_challenge(char out[PKCE_CHALLENGE_TEXT], const char *verifier)
{
	unsigned char hash[HASH_LEN];

	hash_sha256(hash, verifier, strlen(verifier));
	b64url_encode(out, hash, sizeof(hash));
}
