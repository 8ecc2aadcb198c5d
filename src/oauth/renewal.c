/* SPDX-License-Identifier: Apache-2.0 */
/* One renewal at a time for each sign-in, under a lease; no transaction is open meanwhile. */
#include "config.h"

#include "oauth/renewal.h"

#include "base/clock.h"
#include "idp/claims.h"
#include "idp/oidc.h"
#include "oauth/token.h"

#include <string.h>
#include <time.h>

enum { WAIT_MS = 100, WAIT_MAX_MS = 1000 /* a thread that waits serves nobody else */ };

struct renewal {
	const char *grant_id;
	char id[UUID_TEXT];
	const char *login_id, *issuer, *subject;
	struct db_param tokens;
	int64_t deadline_ms;
};

/* Whether the grant's claims are due: "fresh", "due" or "busy". NULL as db_call(). */
static const char *find_due(struct req *r, struct renewal *n, struct err *e)
{
	const struct oauth_conf *c = r->project->oauth;
	const struct db_param params[] = { DB_TEXT(n->grant_id),
		db_int(r->arena, c->claims_max_age_s), DB_TEXT(n->id),
		db_int(r->arena, c->login_timeout_ms / 1000 + 5) };
	struct db_rows rows;

	if (!db_call(r->app->db, STMT_LOGIN_DUE, params, 4, r->arena, &rows, e))
		return NULL;
	n->login_id = db_text(&rows, 0, 1);
	n->issuer = db_text(&rows, 0, 2);
	n->subject = db_text(&rows, 0, 3);
	n->tokens = db_bytes_at(&rows, 0, 4, r->arena);
	return db_text(&rows, 0, 0);
}

static bool later(struct err *e, const char *reason, const char *detail)
{
	return err_reason(e, ERR_UNAVAILABLE, reason,
	    "the sign-in provider cannot be asked about the user now", "%s", detail);
}

/* The outcome when it is not "busy" any more. */
static const char *wait_for_due(struct req *r, struct renewal *n, struct err *e)
{
	const struct timespec pause = { .tv_nsec = WAIT_MS * 1000000L };
	const char *outcome;

	while ((outcome = find_due(r, n, e)) && !strcmp(outcome, "busy")) {
		if (clock_ms() >= n->deadline_ms) {
			later(e, "renewal_busy", "another renewal takes too long");
			return NULL;
		}
		nanosleep(&pause, NULL);
	}
	return outcome;
}

static bool end(struct req *r, const struct renewal *n, const char *outcome, struct blob claims,
    struct blob tokens, struct err *e)
{
	const struct db_param params[] = { DB_TEXT(n->login_id), DB_TEXT(n->id), DB_TEXT(outcome),
		claims.p ? DB_BYTES(claims.p, claims.n) : DB_NULL,
		tokens.p ? DB_BYTES(tokens.p, tokens.n) : DB_NULL, DB_TEXT(r->request_id) };

	return db_call(r->app->db, STMT_LOGIN_RENEW, params, 6, r->arena, NULL, e);
}

/* Without the provider's refresh token nobody can be asked. */
static bool cannot(struct req *r, const struct renewal *n, struct err *e)
{
	const struct blob none = { .p = NULL };

	if (!r->project->oauth->claims_require_renewal)
		return end(r, n, "kept", none, none, e);
	log_info(&r->log, "claims are too old, and cannot be renewed: the user must sign in again",
	    "subject", n->subject, NULL);
	return end(r, n, "lost", none, none, e);
}

/* Whether the provider's answer means that it does not vouch any more. */
static bool is_final(const struct err *why)
{
	static const char *const reasons[] = { "provider_refused_code", "token_subject",
		"userinfo_subject", NULL };

	for (const char *const *p = reasons; *p; p++)
		if (!strcmp(*p, err_reason_of(why)))
			return true;
	return false;
}

static bool ask(struct req *r, const struct ring *ring, const struct renewal *n,
    struct identity *who, struct err *e)
{
	const struct blob none = { .p = NULL };
	struct err why = { .code = ERR_NONE };
	const char *before = who->refresh_token;
	struct blob tokens = none;
	struct oidc provider;

	who->subject = n->subject;
	if (oidc_find(r, &provider, &why) && oidc_renew(r, &provider, who, &why))
		return end(r, n, "renewed",
		    who->claims ? claims_seal(ring, r->arena, n->subject, who->claims) : none,
		    tokens_seal(ring, r->arena, n->login_id, who), e);
	log_warn(&r->log, "claims were not renewed", "subject", n->subject, "reason",
	    err_reason_of(&why), "detail", why.detail, NULL);
	if (is_final(&why))
		return end(r, n, "lost", none, none, e);
	/* one that was changed already is the only one that still works */
	if (who->refresh_token && strcmp(who->refresh_token, before))
		tokens = tokens_seal(ring, r->arena, n->login_id, who);
	if (!end(r, n, "failed", none, tokens, e))
		return false;
	return later(e, why.reason, why.detail);
}

static bool renew(struct req *r, struct renewal *n, struct err *e)
{
	struct identity who = { .subject = NULL };
	const struct ring *ring;

	if (!req_ring(r, &ring, e))
		return false;
	if (!n->tokens.value || strcmp(n->issuer, r->project->oauth->issuer))
		return cannot(r, n, e);
	if (!tokens_open(ring, r->arena, n->login_id,
		(struct blob){ n->tokens.value, n->tokens.len }, &who, e))
		return false;
	return who.refresh_token ? ask(r, ring, n, &who, e) : cannot(r, n, e);
}

/* The grant of a token that has not been used: a repetition gets what it got before. */
static bool find_grant(struct req *r, const char *token, const char **grant_id, struct err *e)
{
	const struct ring *ring;
	struct db_param hashes;
	struct db_rows rows;

	*grant_id = NULL;
	if (!token_is(token, TOKEN_REFRESH))
		return true;
	if (!req_ring(r, &ring, e))
		return false;
	hashes = token_hashes(ring, r->arena, token);
	if (!db_call(r->app->db, STMT_REFRESH_PEEK, &hashes, 1, r->arena, &rows, e))
		return false;
	if (rows.rows && !db_bool_at(&rows, 0, 1))
		*grant_id = db_text(&rows, 0, 0);
	return true;
}

bool renewal_of_refresh(struct req *r, const char *token, struct err *e)
{
	struct renewal n = { .deadline_ms = clock_ms() + WAIT_MAX_MS };
	const char *outcome;

	if (r->project->oauth->dev_login)
		return true;
	if (!find_grant(r, token, &n.grant_id, e))
		return false;
	if (!n.grant_id)
		return true;
	rand_uuid(n.id);
	outcome = wait_for_due(r, &n, e);
	if (!outcome)
		return false;
	return strcmp(outcome, "due") ? true : renew(r, &n, e);
}
