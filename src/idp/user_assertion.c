/* SPDX-License-Identifier: Apache-2.0 */
/* Reading it, and renewing it under the lease that the renewal of claims has too. */
#include "config.h"

#include "idp/user_assertion.h"

#include "base/clock.h"
#include "idp/claims.h"
#include "idp/oidc.h"
#include "json/jose.h"
#include "json/json.h"

#include <string.h>

enum { SKEW_S = 30, LEASE_MORE_S = 5 };

struct held { /* what a sign-in left */
	const char *login_id;
	struct identity who; /* subject, refresh_token, id_token */
};

/* Verified when it came, and sealed since: only its time has to be looked at. */
static bool serves(struct req *r, const char *id_token, const char *refused)
{
	const struct scan_limits limits = scan_limits_of(JWS_MAX);
	struct err why = { .code = ERR_NONE };
	struct json_object *claims;
	struct jws j;

	if (!id_token || (refused && !strcmp(id_token, refused)) ||
	    !jws_read(&j, r->arena, id_token, strlen(id_token), &why))
		return false;
	claims = json_parse(r->arena, j.payload.p, j.payload.n, &limits, &why);
	return json_get_int(claims, "exp", 0) > clock_wall_s() + SKEW_S;
}

static bool open_tokens(struct req *r, const struct ring *ring, struct held *h, struct db_param sealed,
    struct err *e)
{
	return sealed.value &&
	    tokens_open(ring, r->arena, h->login_id, (struct blob){ sealed.value, sealed.len }, &h->who, e);
}

static bool end(struct req *r, const struct held *h, const char *renew_id, const char *outcome,
    struct blob claims, struct blob tokens, struct err *e)
{
	const struct db_param params[] = { DB_TEXT(h->login_id), DB_TEXT(renew_id), DB_TEXT(outcome),
		claims.p ? DB_BYTES(claims.p, claims.n) : DB_NULL,
		tokens.p ? DB_BYTES(tokens.p, tokens.n) : DB_NULL, DB_TEXT(r->request_id) };

	return db_call(r->app->db, STMT_LOGIN_RENEW, params, 6, r->arena, NULL, e);
}

/* Whether the provider has said that a new sign-in is needed, and not only that it cannot answer now. */
static bool is_final(const struct err *why)
{
	static const char *const reasons[] = { "provider_refused_code", "token_subject", "userinfo_subject", NULL };

	for (const char *const *p = reasons; *p; p++)
		if (!strcmp(*p, err_reason_of(why)))
			return true;
	return false;
}

/* The provider's refusal ends nothing here: what becomes of the grant is for the age of its claims to decide. */
static enum user_assertion refused_by_provider(struct req *r, const struct held *h, const char *renew_id,
    bool rotated, const struct err *why, struct err *e)
{
	const struct blob none = { .p = NULL };
	struct blob tokens = none;
	bool final = is_final(why);
	const struct ring *ring;

	if (!req_ring_now(r, &ring, e))
		return USER_ASSERTION_FAILED;
	if (rotated) /* one that was changed already is the only one that still works */
		tokens = tokens_seal(ring, r->arena, h->login_id, &h->who);

	log_warn(&r->log, "the sign-in provider gives no new assertion", "subject", h->who.subject, "reason",
	    err_reason_of(why), "detail", why->detail, NULL);
	if (!end(r, h, renew_id, final ? "kept" : "failed", none, tokens, e))
		return USER_ASSERTION_FAILED;
	if (final)
		return USER_ASSERTION_NONE;
	err_reason(e, ERR_UNAVAILABLE, why->reason, "the sign-in provider cannot be asked about the user now", "%s",
	    why->detail);
	return USER_ASSERTION_FAILED;
}

static enum user_assertion ask(struct req *r, struct held *h, const char *renew_id, const char *refused,
    struct err *e)
{
	const struct blob none = { .p = NULL };
	const char *before = h->who.refresh_token, *subject = h->who.subject;
	struct err why = { .code = ERR_NONE };
	const struct ring *ring;
	struct oidc provider;

	if (!oidc_find(r, &provider, &why) || !oidc_renew(r, &provider, &h->who, &why))
		return refused_by_provider(r, h, renew_id, strcmp(h->who.refresh_token, before) != 0, &why, e);
	if (!req_ring_now(r, &ring, e) ||
	    !end(r, h, renew_id, "renewed",
		h->who.claims ? claims_seal(ring, r->arena, subject, h->who.claims) : none,
		tokens_seal(ring, r->arena, h->login_id, &h->who), e))
		return USER_ASSERTION_FAILED;
	return serves(r, h->who.id_token, refused) ? USER_ASSERTION_FOUND : USER_ASSERTION_NONE;
}

static enum user_assertion renew(struct req *r, const struct ring *ring, struct held *h, const char *refused,
    struct err *e)
{
	const struct blob none = { .p = NULL };
	char renew_id[UUID_TEXT];
	struct db_rows rows;

	rand_uuid(renew_id);
	const struct db_param params[] = { DB_TEXT(h->login_id), DB_TEXT(renew_id),
		db_int(r->arena, r->project->oauth->login_timeout_ms / 1000 + LEASE_MORE_S) };

	if (!db_call(r->app->db, STMT_ASSERTION_RENEW, params, 3, r->arena, &rows, e))
		return USER_ASSERTION_FAILED;
	if (!rows.rows)
		return USER_ASSERTION_NONE;
	if (strcmp(db_text(&rows, 0, 0), "due"))
		return USER_ASSERTION_BUSY;
	if (!open_tokens(r, ring, h, db_bytes_at(&rows, 0, 1, r->arena), e))
		return USER_ASSERTION_FAILED;
	/* another may have renewed it while we waited for the lease */
	if (!serves(r, h->who.id_token, refused) && h->who.refresh_token)
		return ask(r, h, renew_id, refused, e);
	if (!end(r, h, renew_id, "kept", none, none, e))
		return USER_ASSERTION_FAILED;
	return serves(r, h->who.id_token, refused) ? USER_ASSERTION_FOUND : USER_ASSERTION_NONE;
}

enum user_assertion user_assertion_get(struct req *r, const char *subject, const char *refused,
    const char **id_token, struct err *e)
{
	const struct db_param param = DB_TEXT(subject);
	struct held h = { .who = { .subject = subject } };
	enum user_assertion how = USER_ASSERTION_FOUND;
	const struct ring *ring;
	struct db_rows rows;

	if (!req_ring(r, &ring, e) || !db_call(r->app->db, STMT_ASSERTION_FIND, &param, 1, r->arena, &rows, e))
		return USER_ASSERTION_FAILED;
	if (!rows.rows || !r->project->oauth || r->project->oauth->dev_login ||
	    strcmp(db_text(&rows, 0, 1), r->project->oauth->issuer))
		return USER_ASSERTION_NONE;
	h.login_id = db_text(&rows, 0, 0);
	if (!open_tokens(r, ring, &h, db_bytes_at(&rows, 0, 2, r->arena), e))
		return USER_ASSERTION_FAILED;
	if (!serves(r, h.who.id_token, refused))
		how = h.who.refresh_token ? renew(r, ring, &h, refused, e) : USER_ASSERTION_NONE;
	*id_token = h.who.id_token;
	return how;
}
