/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims that a provider has signed, as an ID token, an access token, a logout token. What is
 * accepted is what was asked for; what is refused has a reason.
 */
#include "config.h"

#include "fuzz.h"

#include "idp/id_token.h"

#include <string.h>

#define NOW 1800000000

static const struct token_want want = { .issuer = "https://idp.example.com",
	.client_id = "gateway",
	.now_s = NOW,
	.nonce = "nonce",
	.access_token = "opaque" };

static void check_name(const char *s)
{
	must(*s && strlen(s) <= SUBJECT_MAX && !strpbrk(s, "\n\r\t\x7f"));
}

static void check_refusal(const struct err *e)
{
	must(e->code == ERR_UPSTREAM && e->reason && !strncmp(e->reason, "token_", 6));
}

static void check_issuer(struct span claims)
{
	must(scan_string_is(scan_member(claims, "iss"), want.issuer));
}

static void try_id_token(const struct jws *j, struct arena *a)
{
	struct err e = { .code = ERR_NONE };
	const char *sub;

	if (!id_token_check(j, &want, a, &sub, &e)) {
		check_refusal(&e);
		return;
	}
	check_name(sub);
	check_issuer(j->payload);
	must(scan_string_is(scan_member(j->payload, "nonce"), "nonce"));
	must(!scan_member(j->payload, "events").p);
}

static void try_logout_token(const struct jws *j, struct arena *a)
{
	struct err e = { .code = ERR_NONE };
	const char *sub, *sid;

	if (!logout_token_check(j, &want, a, &sub, &sid, &e)) {
		check_refusal(&e);
		return;
	}
	must(sub || sid);
	check_issuer(j->payload);
	must(scan_kind(scan_member(j->payload, "events")) == '{');
	must(!scan_member(j->payload, "nonce").p);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const struct scan_limits limits = scan_limits_of(JWS_MAX);
	const char *text = (const char *)bytes;
	struct jws j = { .alg = "RS256", .payload = { text, n } };
	struct err e = { .code = ERR_NONE };
	struct arena *a = arena_new();
	const char *sub;

	if (scan_check(text, n, &limits, NULL)) {
		j.payload = scan_value(text, n);
		try_id_token(&j, a);
		try_logout_token(&j, a);
		if (!access_token_check(&j, &want, "gateway", true, a, &sub, &e))
			check_refusal(&e);
	}
	arena_free(a);
	return 0;
}
