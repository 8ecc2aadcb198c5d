/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims that a provider has signed, as an ID token, an access token, a logout token, an ID-JAG. What is
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
	const char *sub, *sid, *jti;

	if (!logout_token_check(j, &want, a, &sub, &sid, &jti, &e)) {
		check_refusal(&e);
		return;
	}
	must(sub || sid);
	check_name(jti);
	check_issuer(j->payload);
	must(scan_kind(scan_member(j->payload, "events")) == '{');
	must(!scan_member(j->payload, "nonce").p);
}

static void try_id_jag(const struct jws *j, struct arena *a)
{
	static const char *const types[] = { "known", NULL };
	struct jws typed = *j;
	struct err e = { .code = ERR_NONE };
	struct id_jag g;

	must(!id_jag_read(&g, j, want.issuer, a, &e)); /* without its typ */
	check_refusal(&e);
	err_clear(&e);
	typed.typ = "oauth-id-jag+jwt";
	if (!id_jag_read(&g, &typed, want.issuer, a, &e)) {
		check_refusal(&e);
		return;
	}
	check_issuer(j->payload);
	check_name(g.sub);
	check_name(g.jti);
	must(*g.audience && g.client_id && *g.resource && g.times.has_exp && g.times.has_iat);
	must(!g.tenant || !strchr(g.tenant, '|'));
	must(!scan_member(j->payload, "cnf").p);
	must(id_jag_details_are(&g, NULL, NULL) == !scan_member(j->payload, "authorization_details").p ||
	     scan_kind(g.details) == '[');
	if (!id_jag_details_are(&g, types, &e))
		check_refusal(&e);
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
		try_id_jag(&j, a);
		if (!access_token_check(&j, &want, "gateway", true, a, &sub, &e))
			check_refusal(&e);
	}
	arena_free(a);
	return 0;
}
