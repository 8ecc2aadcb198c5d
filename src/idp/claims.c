/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening. */
#include "config.h"

#include "idp/claims.h"

#include "json/scan.h"

#include "json/json.h"

#include <string.h>

enum { TOKENS_MAX = 256 * 1024 };

struct blob claims_seal(
    const struct ring *ring, struct arena *a, const char *subject, const char *claims)
{
	/* a session's are copied to its grants, so that no row is part of the place */
	const char *const place[] = { "claims", subject, NULL };

	return seal(ring, KEY_CLAIMS, a, claims, strlen(claims), place);
}

const char *claims_open(const struct ring *ring, struct arena *a, const char *subject,
    struct blob sealed, struct err *e)
{
	const char *const place[] = { "claims", subject, NULL };
	struct blob plain;

	return seal_open(ring, KEY_CLAIMS, a, sealed, place, &plain, e) ? (const char *)plain.p
									: NULL;
}

struct blob tokens_seal(
    const struct ring *ring, struct arena *a, const char *login_id, const struct identity *who)
{
	const char *const place[] = { "login", "tokens", login_id, NULL };
	struct json_object *doc;
	const char *text;

	if (!who->refresh_token && !who->id_token)
		return (struct blob){ .p = NULL };
	doc = json_new_object(a);
	json_add_string(doc, "refresh_token", who->refresh_token);
	json_add_string(doc, "id_token", who->id_token);
	text = json_text(a, doc);
	return seal(ring, KEY_CLAIMS, a, text, strlen(text), place);
}

bool tokens_open(const struct ring *ring, struct arena *a, const char *login_id, struct blob sealed,
    struct identity *who, struct err *e)
{
	const char *const place[] = { "login", "tokens", login_id, NULL };
	const struct scan_limits limits = scan_limits_of(TOKENS_MAX);
	struct json_object *doc;
	struct blob plain;

	if (!seal_open(ring, KEY_CLAIMS, a, sealed, place, &plain, e))
		return false;
	doc = json_parse(a, (const char *)plain.p, plain.n, &limits, e);
	who->refresh_token = json_get_string(doc, "refresh_token");
	who->id_token = json_get_string(doc, "id_token");
	return doc != NULL;
}

/* The claim as a span of the text: see claims_has(). */
static struct span claim_at(struct arena *a, struct span claims, const char *name)
{
	struct span literal = scan_member(claims, name);

	while (!literal.p && scan_kind(claims) == '{' && strchr(name, '.')) {
		size_t n = strcspn(name, ".");

		claims = scan_member(claims, arena_strndup(a, name, n));
		name += n + 1;
		literal = scan_member(claims, name);
	}
	return literal;
}

bool claims_has(struct arena *a, const char *claims, const char *claim, const char *value)
{
	struct span found, one;
	size_t at = 0;

	if (!claims)
		return false;
	found = claim_at(a, scan_value(claims, strlen(claims)), claim);
	if (!found.p)
		return false;
	if (scan_kind(found) != '[')
		return scan_string_is(found, value);
	while (scan_next(found, &at, NULL, &one))
		if (scan_string_is(one, value))
			return true;
	return false;
}
