/* SPDX-License-Identifier: Apache-2.0 */
/* Looking clients up and checking their secrets. */
#include "config.h"

#include "oauth/client.h"

#include "base/b64.h"
#include "base/uri.h"
#include "base/utf8.h"
#include "json/json.h"
#include "oauth/assertion.h"
#include "oauth/rate.h"
#include "oauth/redirect.h"
#include "oauth/token.h"

#include <string.h>
#include <strings.h>

enum { CLIENT_ID_MAX = 255, SECRET_MAX = 255 };

static bool refuse(struct err *e, const char *detail)
{
	return err_set(e, ERR_INVALID_CLIENT, "client authentication failed", "%s", detail);
}

/* Ours are UUIDs; whatever cannot be one of ours costs no query. */
static bool is_client_id(const char *id)
{
	size_t n = strlen(id);

	if (!n || n > CLIENT_ID_MAX)
		return false;
	for (const char *s = id; *s; s++)
		if (*s <= 0x20 || *s >= 0x7f)
			return false;
	return true;
}

static bool read_row(struct req *r, struct client *c, const struct db_rows *rows, struct err *e)
{
	const struct scan_limits limits = scan_limits_of(1 << 20);
	const char *uris = db_text(rows, 0, 4), *metadata = db_text(rows, 0, 5);
	struct json_object *list = json_parse(r->arena, uris, strlen(uris), &limits, e);
	struct json_object *meta = json_parse(r->arena, metadata, strlen(metadata), &limits, e);
	struct json_object *grants = meta ? json_get(meta, "grant_types") : NULL;
	const char **texts;

	if (!list || !grants)
		return err_set(
		    e, ERR_INTERNAL, "the client's registration is broken", "client '%s'", c->id);
	c->name = db_text(rows, 0, 0);
	c->auth_method = db_text(rows, 0, 1);
	c->secret_hash = db_bytes_at(rows, 0, 2, r->arena);
	c->pepper_id = db_text(rows, 0, 3);
	c->jwks = json_get(meta, "jwks") ? json_text(r->arena, json_get(meta, "jwks")) : NULL;
	c->jwks_uri = json_get_string(meta, "jwks_uri");
	c->signing_alg = json_get_string(meta, "token_endpoint_auth_signing_alg");
	c->redirect_uris_n = json_object_array_length(list);
	texts = arena_calloc(r->arena, c->redirect_uris_n + 1, sizeof(*texts));
	for (size_t i = 0; i < c->redirect_uris_n; i++)
		texts[i] = json_object_get_string(json_object_array_get_idx(list, i));
	c->redirect_uris = texts;
	for (size_t i = 0; i < json_object_array_length(grants); i++) {
		const char *type = json_object_get_string(json_object_array_get_idx(grants, i));

		c->may_refresh |= !strcmp(type, "refresh_token");
		c->may_assert |= !strcmp(type, GRANT_JWT_BEARER);
	}
	return true;
}

bool client_find(
    struct req *r, struct client *c, const char *client_id, enum cimd_use use, struct err *e)
{
	struct db_param param = DB_TEXT(client_id);
	struct db_rows rows;

	*c = (struct client){ .id = client_id };
	if (cimd_is_url(client_id) && !cimd_keep(r, client_id, use, e))
		return false;
	if (!cimd_is_url(client_id) && !is_client_id(client_id))
		return err_reason(e, ERR_INVALID_CLIENT, "unknown_client", "unknown client", "");
	if (!db_call(r->app->db, STMT_CLIENT_FIND, &param, 1, r->arena, &rows, e))
		return false;
	if (!rows.rows)
		return err_reason(e, ERR_INVALID_CLIENT, "unknown_client", "unknown client",
		    "client '%.64s'", client_id);
	return read_row(r, c, &rows, e);
}

/*
 * Both the raw parts (what the SDK sends) and the form-decoded ones (what RFC 6749, 2.3.1 asks
 * for).
 */
static bool read_basic(
    struct req *r, const char *encoded, struct client_claim *claim, struct err *e)
{
	size_t n = strlen(encoded), len;
	char *text = arena_alloc(r->arena, n + 1), *colon;
	struct client_claim *decoded;

	if (!b64_decode(text, &len, encoded, n) || strlen(text) != len || !utf8_is_valid(text, len))
		return refuse(e, "Basic credentials are malformed");
	colon = strchr(text, ':');
	if (!colon)
		return refuse(e, "Basic credentials have no colon");
	*colon = '\0';
	*claim = (struct client_claim){ .id = text, .secret = colon + 1, .basic = true };
	if (strpbrk(text, "%+") || strpbrk(colon + 1, "%+")) {
		decoded = arena_alloc(r->arena, sizeof(*decoded));
		decoded->id = uri_decode(r->arena, text, strlen(text), true);
		decoded->secret = uri_decode(r->arena, colon + 1, strlen(colon + 1), true);
		decoded->basic = true;
		if (decoded->id && decoded->secret)
			claim->decoded = decoded;
	}
	return true;
}

static bool same_id(const struct client_claim *claim, const char *id)
{
	return !id || !strcmp(claim->id, id) || (claim->decoded && !strcmp(claim->decoded->id, id));
}

/* private_key_jwt: client_id may be left out, because the assertion says it (RFC 7521, 4.2). */
static bool read_assertion(
    struct req *r, const struct form *f, struct client_claim *claim, struct err *e)
{
	const char *text = form_get(f, "client_assertion"), *id = form_get(f, "client_id");
	const char *type = form_get(f, "client_assertion_type");

	if (req_header(r, "Authorization") || form_get(f, "client_secret"))
		return err_set(
		    e, ERR_INVALID_REQUEST, "more than one way of client authentication", "");
	if (!text || !type || strcmp(type, ASSERTION_TYPE))
		return refuse(e, "client_assertion or its type is missing or not served");
	claim->assertion = arena_alloc(r->arena, sizeof(*claim->assertion));
	if (!assertion_read(claim->assertion, r->arena, text, e))
		return false;
	claim->id = claim->assertion->subject;
	return !id || !strcmp(id, claim->id) ||
	       err_reason(e, ERR_INVALID_CLIENT, "assertion_subject",
		   "client authentication failed", "client_id is not the assertion's subject");
}

bool client_claim_read(
    struct req *r, const struct form *f, struct client_claim *claim, struct err *e)
{
	const char *header = req_header(r, "Authorization");
	const char *id = form_get(f, "client_id"), *secret = form_get(f, "client_secret");

	*claim = (struct client_claim){ .id = id, .secret = secret };
	if (form_get(f, "client_assertion") || form_get(f, "client_assertion_type"))
		return read_assertion(r, f, claim, e);
	if (header) {
		if (secret)
			return err_set(e, ERR_INVALID_REQUEST,
			    "more than one way of client authentication", "");
		if (strlen(header) > r->project->limits.authorization)
			return refuse(e, "Authorization header over its limit");
		if (strncasecmp(header, "Basic ", 6))
			return refuse(e, "Authorization scheme is not Basic");
		if (!read_basic(r, header + 6 + strspn(header + 6, " "), claim, e))
			return false;
		if (!same_id(claim, id))
			return err_set(e, ERR_INVALID_REQUEST,
			    "client_id is not that of the Authorization header", "");
	}
	if (claim->id && *claim->id)
		return true;
	return err_reason(e, ERR_INVALID_CLIENT, "missing_client", "no client is named", "");
}

/* The client that the claim names, raw or form-decoded. */
static bool find_claimed(struct req *r, struct client *c, const struct client_claim *claim,
    enum cimd_use use, struct err *e)
{
	struct err why = { .code = ERR_NONE };

	if (client_find(r, c, claim->id, use, &why))
		return true;
	if (why.code == ERR_INVALID_CLIENT && claim->decoded &&
	    strcmp(claim->id, claim->decoded->id))
		return client_find(r, c, claim->decoded->id, use, e);
	*e = why;
	return false;
}

static bool secret_is_right(const struct client *c, const struct key *pepper, const char *secret)
{
	unsigned char hash[HASH_LEN];

	token_hash(hash, pepper, secret);
	return c->secret_hash.len == HASH_LEN && hash_equal(hash, c->secret_hash.value, HASH_LEN);
}

/*
 * A right secret comes under the primary pepper. Where that fails it stays where it is, for the next
 * time: nobody is refused for it.
 */
static void rehash(
    struct req *r, const struct client *c, const struct ring *ring, const char *secret)
{
	struct err e = { .code = ERR_NONE };
	const char *pepper_id;
	struct db_param hash = token_hash_new(ring, r->arena, secret, &pepper_id);
	const struct db_param params[] = { DB_TEXT(c->id), c->secret_hash, hash,
		DB_TEXT(pepper_id) };

	if (strcmp(pepper_id, c->pepper_id) != 0)
		db_call(r->app->db, STMT_CLIENT_REHASH, params, 4, r->arena, NULL, &e);
}

static bool verify(
    struct req *r, const struct client *c, const struct client_claim *claim, struct err *e)
{
	const char *method = claim->assertion ? "private_key_jwt"
			     : claim->basic   ? "client_secret_basic"
			     : claim->secret  ? "client_secret_post"
					      : "none";
	const struct ring *ring;
	const struct key *pepper;
	const char *secret;

	if (strcmp(c->auth_method, method))
		return err_set(e, ERR_INVALID_CLIENT, "client authentication failed",
		    "client '%s' used %s, registered %s", c->id, method, c->auth_method);
	if (!strcmp(method, "none"))
		return true;
	if (claim->assertion)
		return assertion_verify(r, c, claim->assertion, e);
	if (!req_ring(r, &ring, e))
		return false;
	pepper = ring_find(ring, KEY_PEPPER, c->pepper_id);
	if (!pepper)
		return refuse(e, "the pepper of the client's secret is not in the key ring");
	secret = claim->secret;
	if (strlen(secret) > SECRET_MAX || !secret_is_right(c, pepper, secret))
		secret = claim->decoded ? claim->decoded->secret : NULL;
	if (secret && secret_is_right(c, pepper, secret)) {
		rehash(r, c, ring, secret);
		return true;
	}
	return err_reason(e, ERR_INVALID_CLIENT, "wrong_secret", "client authentication failed",
	    "client '%s'", c->id);
}

bool client_authenticate(
    struct req *r, struct resp *p, const struct form *f, enum cimd_use use, struct client *c, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	struct client_claim claim;
	bool read = client_claim_read(r, f, &claim, &why);

	if (read && claim.assertion && use == CIMD_KEPT)
		use = CIMD_KEYS;
	if (!read || !find_claimed(r, c, &claim, use, &why)) {
		/* who names no client that we know is counted by address alone */
		if (rate_take(r, p, RATE_TOKEN, NULL, e))
			*e = why;
		return false;
	}
	r->event.client_id = c->id;
	r->event.client_name = c->name;
	return rate_take(r, p, RATE_TOKEN, c->id, e) && verify(r, c, &claim, e);
}

bool client_has_redirect(const struct client *c, const char *uri)
{
	for (size_t i = 0; i < c->redirect_uris_n; i++)
		if (redirect_matches(c->redirect_uris[i], uri))
			return true;
	return false;
}
