/* SPDX-License-Identifier: Apache-2.0 */
/* private_key_jwt: claims, keys, single use. */
#include "config.h"

#include "oauth/assertion.h"

#include "base/hash.h"
#include "base/rand.h"
#include "oauth/client.h"
#include "oauth/metadata.h"
#include "oauth/remote.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	SKEW_S = 60,  /* a client's clock may be ahead by this */
	LIFE_S = 600, /* and an assertion lives no longer (the SDK's: 300 s) */
	JTI_MAX = 255,
	KEYS_KEEP_MAX_S = 3600, /* a key that was taken out must not serve for a day */
	KEYS_ASK_AGAIN_S = 60,  /* for a key that the set does not have: once in this time */
	KEYS_WITHOUT_ANSWER_S = 24 * 3600,
};

static bool refuse(struct err *e, const char *reason, const char *detail)
{
	return err_reason(
	    e, ERR_INVALID_CLIENT, reason, "client authentication failed", "%s", detail);
}

/*
 * No typ, or one of the two that mean this (RFC 7519, 5.1: "application/" may be left out, case
 * does not count).
 */
static bool is_type(const char *typ)
{
	if (typ && !strncasecmp(typ, "application/", 12))
		typ += 12;
	return !typ || !strcasecmp(typ, "JWT") || !strcasecmp(typ, "client-authentication+jwt");
}

bool assertion_read(struct assertion *as, struct arena *a, const char *text, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	const char *issuer;

	if (!jws_read(&as->jws, a, text, strlen(text), &why))
		return refuse(e, why.reason, why.detail);
	if (!is_type(as->jws.typ))
		return refuse(e, "assertion_type", "typ is that of another kind of token");
	issuer = scan_string(scan_member(as->jws.payload, "iss"), a);
	as->subject = scan_string(scan_member(as->jws.payload, "sub"), a);
	if (!issuer || !as->subject || strcmp(issuer, as->subject))
		return refuse(e, "assertion_subject", "iss and sub are missing or differ");
	return true;
}

/* --- claims --- */

/*
 * The issuers that we are: the one of the origin and one for each route, all with this token
 * endpoint. Which metadata document the client read, and so which of them it means, is not in the
 * request.
 */
static bool is_our_issuer(struct req *r, const char *audience)
{
	if (!strcmp(audience, route_issuer(r->arena, r->origin, NULL)))
		return true;
	for (size_t i = 0; i < r->project->routes_n; i++)
		if (!r->project->routes[i].is_public &&
		    !strcmp(audience, route_issuer(r->arena, r->origin, &r->project->routes[i])))
			return true;
	return false;
}

/* The sole audience, a string or a list of one: with a second, that one could present it here. */
static bool check_audience(struct req *r, struct span claims, struct err *e)
{
	struct span aud = scan_member(claims, "aud"), one = aud, more;
	const char *text;
	size_t pos = 0;

	if (scan_kind(aud) == '[' &&
	    (!scan_next(aud, &pos, NULL, &one) || scan_next(aud, &pos, NULL, &more)))
		return refuse(e, "assertion_audience", "aud is not one value");
	text = scan_string(one, r->arena);
	return (text && is_our_issuer(r, text)) ||
	       refuse(e, "assertion_audience", "aud is not an issuer of ours");
}

static bool read_times(struct span claims, struct jwt_times *t, struct err *e)
{
	return (jwt_times_read(t, claims) && t->has_exp) ||
	       refuse(e, "assertion_times", "exp is missing, or one of exp, iat and nbf is no time");
}

/* --- keys --- */

/*
 * True: the signature is right. False with e->code ERR_NONE: no key of the set fits, a newer one
 * may.
 */
static bool try_keys(struct req *r, const struct assertion *as, const char *jwks, struct err *e)
{
	struct err why = { .code = ERR_NONE };

	if (jws_verify(&as->jws, r->arena, jwks, strlen(jwks), &why))
		return true;
	if (strcmp(err_reason_of(&why), "jws_no_key"))
		refuse(e, why.reason, why.detail);
	return false;
}

static bool no_key(const struct assertion *as, struct err *e)
{
	return err_reason(e, ERR_INVALID_CLIENT, "jws_no_key", "client authentication failed",
	    "alg %s, kid '%.64s'", as->jws.alg, as->jws.kid ? as->jws.kid : "");
}

/*
 * Fetches the set and keeps it. In the arena; NULL as remote_get(), or ERR_INVALID_CLIENT for a set
 * that is none.
 */
static const char *fetch_keys(struct req *r, const struct client *c, struct err *e)
{
	struct fetch f = { .url = c->jwks_uri, .max = JWKS_MAX };
	struct err why = { .code = ERR_NONE };

	if (!remote_get(r, &f, false, e)) /* while the rate is used up, the last set does */
		return NULL;
	if (!jwks_check(r->arena, f.body, f.body_len, true, &why)) {
		refuse(e, why.reason, why.text);
		return NULL;
	}
	const struct db_param params[] = { DB_TEXT(c->id), DB_TEXT(c->jwks_uri), DB_TEXT(f.body),
		db_int(r->arena, remote_keep_s(&f, KEYS_KEEP_MAX_S)) };

	return db_call(r->app->db, STMT_CLIENT_KEYS_PUT, params, 4, r->arena, NULL, e) ? f.body
										       : NULL;
}

/*
 * With the keys at jwks_uri. A set that is over is asked for again, and one that lacks the key too,
 * but not for every assertion with an invented kid. While nobody answers there, the last set does,
 * for a day.
 */
static bool check_remote(
    struct req *r, const struct client *c, const struct assertion *as, struct err *e)
{
	const struct db_param params[] = { DB_TEXT(c->id), DB_TEXT(c->jwks_uri) };
	struct err why = { .code = ERR_NONE };
	const char *kept = NULL, *now = NULL;
	int64_t age_s = 0;
	bool over = true;
	struct db_rows rows;

	if (!db_call(r->app->db, STMT_CLIENT_KEYS_FIND, params, 2, r->arena, &rows, e))
		return false;
	if (rows.rows) {
		kept = db_text(&rows, 0, 0);
		age_s = db_int_at(&rows, 0, 1);
		over = db_int_at(&rows, 0, 2) <= 0;
	}
	if (!over) {
		if (try_keys(r, as, kept, e))
			return true;
		if (e->code || age_s < KEYS_ASK_AGAIN_S)
			return e->code ? false : no_key(as, e);
	}
	now = fetch_keys(r, c, &why);
	if (!now && why.code == ERR_UNAVAILABLE && over && kept && age_s < KEYS_WITHOUT_ANSWER_S)
		now = kept;
	if (!now) {
		*e = why;
		return false;
	}
	return try_keys(r, as, now, e) || (e->code ? false : no_key(as, e));
}

static bool check_signature(
    struct req *r, const struct client *c, const struct assertion *as, struct err *e)
{
	if (c->signing_alg && strcmp(c->signing_alg, as->jws.alg))
		return refuse(e, "jws_algorithm", "the client registered another algorithm");
	if (c->jwks_uri)
		return check_remote(r, c, as, e);
	if (!c->jwks)
		return no_key(as, e);
	return try_keys(r, as, c->jwks, e) || (e->code ? false : no_key(as, e));
}

/* --- single use --- */

/* By the clock of the database: all nodes agree. */
static bool use_up(
    struct req *r, const struct client *c, const char *jti, const struct jwt_times *t, struct err *e)
{
	unsigned char hash[HASH_LEN];
	char use[UUID_TEXT];
	struct db_rows rows;
	const char *outcome;

	rand_uuid(use);
	hash_sha256(hash, jti, strlen(jti));
	const struct db_param params[] = { DB_TEXT(c->id), DB_BYTES(hash, sizeof(hash)),
		DB_TEXT(use), db_int(r->arena, t->exp),
		t->has_iat ? db_int(r->arena, t->iat) : DB_NULL,
		t->has_nbf ? db_int(r->arena, t->nbf) : DB_NULL, db_int(r->arena, SKEW_S),
		db_int(r->arena, LIFE_S) };

	if (!db_call(r->app->db, STMT_ASSERTION_USE, params, 8, r->arena, &rows, e))
		return false;
	outcome = db_text(&rows, 0, 0);
	if (!strcmp(outcome, "used"))
		return true;
	return refuse(
	    e, !strcmp(outcome, "replayed") ? "assertion_replayed" : "assertion_times", outcome);
}

bool assertion_verify(
    struct req *r, const struct client *c, const struct assertion *as, struct err *e)
{
	const char *jti = scan_string(scan_member(as->jws.payload, "jti"), r->arena);
	struct jwt_times times;

	if (strcmp(as->subject, c->id))
		return refuse(e, "assertion_subject", "sub is another client's");
	if (!jti || !*jti || strlen(jti) > JTI_MAX)
		return refuse(e, "assertion_id", "jti is missing, or too long");
	return check_audience(r, as->jws.payload, e) && read_times(as->jws.payload, &times, e) &&
	       check_signature(r, c, as, e) && use_up(r, c, jti, &times, e);
}
