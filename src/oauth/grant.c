/* SPDX-License-Identifier: Apache-2.0 */
/* Redeeming and rotating. */
#include "config.h"

#include "oauth/grant.h"

#include "keys/seal.h"
#include "oauth/pkce.h"
#include "oauth/rate.h"

#include <stdio.h>
#include <string.h>

static const char pair_label[] = "gatehouse refresh pair";
static const char *const pair_place[] = { "refresh_token", "successor", NULL };

/*
 * The ids and hashes of a pair. They are made before the statement, so that it finds its own
 * rows when it is repeated.
 */
struct made {
	char access_id[UUID_TEXT], refresh_id[UUID_TEXT];
	struct db_param access_hash, refresh_hash;
	const char *pepper_id;
};

static void pair_make(struct pair *pair, struct made *m, const struct ring *ring, struct arena *a)
{
	*pair = (struct pair){ .expires_in_s = 0 };
	token_make(pair->access, TOKEN_ACCESS);
	token_make(pair->refresh, TOKEN_REFRESH);
	rand_uuid(m->access_id);
	rand_uuid(m->refresh_id);
	m->access_hash = token_hash_new(ring, a, pair->access, &m->pepper_id);
	m->refresh_hash = token_hash_new(ring, a, pair->refresh, &m->pepper_id);
}

/* What an outcome of the database means to the client. */
struct meaning {
	const char *outcome;
	enum err_code code;
	const char *reason, *text;
};

static bool explain(const struct meaning *table, const char *outcome, const char *grant_id,
    struct err *e)
{
	for (; table->outcome; table++)
		if (!strcmp(table->outcome, outcome))
			return err_reason(e, table->code, table->reason, table->text, "grant %s",
			    grant_id ? grant_id : "unknown");
	return err_set(e, ERR_INTERNAL, "the gateway made an error", "outcome '%s'", outcome);
}

static void read_grant(struct pair *pair, const struct db_rows *rows)
{
	pair->grant_id = db_text(rows, 0, 1);
	pair->subject = db_text(rows, 0, 2);
	pair->operation_id = db_text(rows, 0, 3);
	pair->resource = db_text(rows, 0, 4);
	pair->scope = db_text(rows, 0, 5);
	pair->expires_in_s = db_int_at(rows, 0, 6);
}

bool grant_redeem(struct req *r, const struct client *c, const char *code, const char *verifier,
    const char *redirect_uri, const char *resource, struct pair *pair, struct err *e)
{
	static const struct meaning meanings[] = {
		{ "unknown", ERR_INVALID_GRANT, "unknown_code", "the code is not valid" },
		{ "wrong_client", ERR_INVALID_GRANT, "wrong_client", "the code is not valid" },
		{ "used", ERR_INVALID_GRANT, "code_used", "the code is not valid" },
		{ "replayed", ERR_INVALID_GRANT, "code_replayed", "the code is not valid" },
		{ "expired", ERR_INVALID_GRANT, "code_expired", "the code has expired" },
		{ "revoked", ERR_INVALID_GRANT, "grant_revoked", "the grant was revoked" },
		{ "redirect_removed", ERR_INVALID_GRANT, "redirect_uri_removed",
		    "the client has taken this grant's redirect URI back" },
		{ "wrong_verifier", ERR_INVALID_GRANT, "wrong_verifier",
		    "code_verifier is not the right one" },
		{ "wrong_redirect", ERR_INVALID_GRANT, "wrong_redirect_uri",
		    "redirect_uri is another than at authorization" },
		{ "wrong_resource", ERR_INVALID_TARGET, "wrong_resource",
		    "resource is another than at authorization" },
		{ NULL, ERR_NONE, NULL, NULL },
	};
	char challenge[PKCE_CHALLENGE_TEXT];
	const struct ring *ring;
	struct db_rows rows;
	struct made m;

	if (!req_ring(r, &ring, e))
		return false;
	pair_make(pair, &m, ring, r->arena);
	if (!token_is(code, TOKEN_CODE))
		return explain(meanings, "unknown", NULL, e);
	if (pkce_is_verifier(verifier))
		pkce_challenge(challenge, verifier);
	const struct db_param params[] = { token_hashes(ring, r->arena, code), DB_TEXT(c->id),
		DB_TEXT(pkce_is_verifier(verifier) ? challenge : NULL), DB_TEXT(redirect_uri),
		DB_TEXT(resource), DB_TEXT(m.access_id), m.access_hash,
		DB_TEXT(c->may_refresh ? m.refresh_id : NULL), m.refresh_hash, DB_TEXT(m.pepper_id),
		db_int(r->arena, r->project->oauth->access_ttl_s), DB_TEXT(r->request_id) };

	if (!db_call(r->app->db, STMT_CODE_REDEEM, params, 12, r->arena, &rows, e))
		return false;
	read_grant(pair, &rows);
	if (!c->may_refresh)
		pair->refresh[0] = '\0';
	return !strcmp(db_text(&rows, 0, 0), "issued") ||
	    explain(meanings, db_text(&rows, 0, 0), pair->grant_id, e);
}

/* The pair as it is sealed: both texts, one after the other. */
static struct db_param pair_seal(const struct pair *pair, const char *token, struct arena *a)
{
	char plain[2 * TOKEN_LEN + 1];
	unsigned char key[KEY_LEN];
	struct blob sealed;

	snprintf(plain, sizeof(plain), "%s%s", pair->access, pair->refresh);
	token_key(key, token, pair_label);
	sealed = seal_with(key, a, plain, sizeof(plain) - 1, pair_place);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(plain, sizeof(plain));
	return DB_BYTES(sealed.p, sealed.n);
}

static bool pair_open(struct pair *pair, struct db_param sealed, const char *token, struct arena *a,
    struct err *e)
{
	unsigned char key[KEY_LEN];
	struct blob plain;
	bool opened;

	token_key(key, token, pair_label);
	opened = seal_open_with(
	    key, a, (struct blob){ .p = sealed.value, .n = sealed.len }, pair_place, &plain, e);
	explicit_bzero(key, sizeof(key));
	if (!opened)
		return false;
	if (plain.n == 2 * TOKEN_LEN) {
		memcpy(pair->access, plain.p, TOKEN_LEN);
		memcpy(pair->refresh, plain.p + TOKEN_LEN, TOKEN_LEN);
		pair->access[TOKEN_LEN] = pair->refresh[TOKEN_LEN] = '\0';
		if (token_is(pair->access, TOKEN_ACCESS) && token_is(pair->refresh, TOKEN_REFRESH))
			return true;
	}
	return err_set(e, ERR_INTERNAL, "the gateway made an error", "a sealed pair is malformed");
}

/* Only what will make new tokens is held back: a repetition gets its pair however often it asks. */
static bool check_rate(struct req *r, struct resp *p, const struct db_param *hashes, struct err *e)
{
	struct db_rows rows;

	if (r->project->rates.refresh_rate <= 0)
		return true;
	if (!db_call(r->app->db, STMT_REFRESH_PEEK, hashes, 1, r->arena, &rows, e))
		return false;
	if (!rows.rows || db_bool_at(&rows, 0, 1))
		return true;
	return rate_check_grant(r, p, db_text(&rows, 0, 0), e);
}

static bool read_refreshed(struct req *r, struct pair *pair, const struct db_rows *rows,
    const char *token, struct err *e)
{
	static const struct meaning meanings[] = {
		{ "unknown", ERR_INVALID_GRANT, "unknown_token", "the refresh token is not valid" },
		{ "wrong_client", ERR_INVALID_GRANT, "wrong_client",
		    "the refresh token is not valid" },
		{ "revoked", ERR_INVALID_GRANT, "grant_revoked", "the grant was revoked" },
		{ "expired", ERR_INVALID_GRANT, "grant_expired", "the grant has expired" },
		{ "redirect_removed", ERR_INVALID_GRANT, "redirect_uri_removed",
		    "the client has taken this grant's redirect URI back" },
		{ "reused", ERR_INVALID_GRANT, "refresh_token_reused",
		    "the refresh token was used before" },
		{ "differs", ERR_INVALID_GRANT, "replay_differs",
		    "the refresh token was used before" },
		{ "access_revoked", ERR_INVALID_GRANT, "replay_revoked",
		    "the refresh token was used before" },
		{ "wrong_scope", ERR_INVALID_SCOPE, "wrong_scope",
		    "scope is more than was granted" },
		{ "wrong_resource", ERR_INVALID_TARGET, "wrong_resource",
		    "resource is another than was granted" },
		{ NULL, ERR_NONE, NULL, NULL },
	};
	const char *outcome = db_text(rows, 0, 0);

	read_grant(pair, rows);
	if (!strcmp(outcome, "issued")) {
		rate_count_grant(r, pair->grant_id);
		return true;
	}
	if (strcmp(outcome, "replayed"))
		return explain(meanings, outcome, pair->grant_id, e);
	pair->repeated = true;
	return pair_open(pair, db_bytes_at(rows, 0, 7, r->arena), token, r->arena, e);
}

bool grant_refresh(struct req *r, struct resp *p, const struct client *c, const char *token,
    const char *scope, const char *resource, struct pair *pair, struct err *e)
{
	const struct ring *ring;
	struct db_param hashes;
	struct db_rows rows;
	struct made m;

	if (!req_ring(r, &ring, e))
		return false;
	pair_make(pair, &m, ring, r->arena);
	if (!token_is(token, TOKEN_REFRESH))
		return err_reason(
		    e, ERR_INVALID_GRANT, "malformed_token", "the refresh token is not valid", "");
	hashes = token_hashes(ring, r->arena, token);
	if (!check_rate(r, p, &hashes, e))
		return false;
	const struct db_param params[] = { hashes, DB_TEXT(c->id), DB_TEXT(scope),
		DB_TEXT(resource), DB_TEXT(m.access_id), m.access_hash, DB_TEXT(m.refresh_id),
		m.refresh_hash, DB_TEXT(m.pepper_id), pair_seal(pair, token, r->arena),
		db_int(r->arena, r->project->oauth->access_ttl_s),
		db_int(r->arena, r->project->oauth->grace_s), DB_TEXT(r->request_id) };

	return db_call(r->app->db, STMT_TOKEN_REFRESH, params, 13, r->arena, &rows, e) &&
	    read_refreshed(r, pair, &rows, token, e);
}
