/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider said, sealed: for its subject, and for nobody else. */
#include "config.h"

#include "tap.h"

#include "idp/claims.h"
#include "keys/ring.h"

int main(void)
{
	char file[] = "one primary AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHiA\n";
	struct ring *ring = ring_new();
	struct arena *a = arena_new();
	struct err e = { .code = ERR_NONE };
	const struct identity who = { .refresh_token = "refresh", .id_token = "id" };
	const struct identity nothing = { .subject = "s" };
	struct identity back = { .subject = NULL };
	struct blob claims, tokens;

	ok(!ring_parse(ring, KEY_CLAIMS, file, strlen(file)), "there is a key");
	claims = claims_seal(ring, a, "https://a|1", "{\"roles\":[\"editor\"]}");
	ok(!memmem(claims.p, claims.n, "editor", 6), "claims are not readable");
	is_str(claims_open(ring, a, "https://a|1", claims, &e), "{\"roles\":[\"editor\"]}",
	    "they open for their subject");
	ok(!claims_open(ring, a, "https://a|2", claims, &e), "and not for another");

	tokens = tokens_seal(ring, a, "login-1", &who);
	ok(!memmem(tokens.p, tokens.n, "refresh", 7), "tokens are not readable");
	ok(tokens_open(ring, a, "login-1", tokens, &back, &e), "they open for their sign-in");
	is_str(back.refresh_token, "refresh", "the refresh token");
	is_str(back.id_token, "id", "the ID token");
	err_clear(&e);
	ok(!tokens_open(ring, a, "login-2", tokens, &back, &e), "and not for another");
	is_str(err_reason_of(&e), "seal_broken", "... which is told");
	ok(!tokens_seal(ring, a, "login-1", &nothing).p, "no tokens, nothing sealed");
	arena_free(a);
	ring_close(ring);
	return done();
}
