/* SPDX-License-Identifier: Apache-2.0 */
/* What dev-login and the callback share. */
#include "config.h"

#include "oauth/login.h"

#include "base/hash.h"
#include "idp/claims.h"
#include "idp/oidc.h"
#include "oauth/endpoint.h"
#include "oauth/pkce.h"
#include "oauth/session.h"
#include "oauth/token.h"

#include <string.h>

enum { ATTEMPTS_MAX = 32 };

static void tie(char out[LOGIN_TIE_TEXT], const char *cookie, const char *what, const char *issuer)
{
	struct arena *a = arena_new();
	unsigned char key[KEY_LEN];

	token_key(key, cookie, arena_printf(a, "sign-in %s %s", what, issuer));
	b64url_encode(out, key, sizeof(key));
	arena_free(a);
}

void login_ties(
    struct login_ties *t, const char *request_id, const char *cookie, const char *issuer)
{
	memcpy(t->state, request_id, UUID_TEXT - 1);
	t->state[UUID_TEXT - 1] = '.';
	tie(t->state + UUID_TEXT, cookie, "state", issuer);
	tie(t->nonce, cookie, "nonce", issuer);
	tie(t->verifier, cookie, "verifier", issuer);
}

const char *login_redirect_uri(const struct req *r)
{
	return req_url(r, "/oauth/callback");
}

bool login_refuse(struct err *e, const char *outcome)
{
	static const struct {
		const char *outcome, *reason, *text;
	} table[] = {
		{ "unknown", "unknown_request",
		    "this sign-in was not asked for by any application" },
		{ "other_browser", "other_browser", "this sign-in was begun in another browser" },
		{ "used", "state_used", "this sign-in has been completed before" },
		{ "expired", "expired_request", "this sign-in took too long" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].outcome, outcome))
			return err_reason(
			    e, ERR_INVALID_REQUEST, table[i].reason, table[i].text, "");
	return err_set(e, ERR_INTERNAL, "the gateway made an error", "outcome '%s'", outcome);
}

struct db_param login_sid_hash(struct arena *a, const char *issuer, const char *sid)
{
	unsigned char *hash = arena_alloc(a, HASH_LEN);
	const char *text;

	if (!sid)
		return DB_NULL;
	text = arena_printf(a, "%s|%s", issuer, sid);
	hash_sha256(hash, text, strlen(text));
	return DB_BYTES(hash, HASH_LEN);
}

static struct db_param bytes(struct blob b)
{
	return b.p ? DB_BYTES(b.p, b.n) : DB_NULL;
}

/* The statement that begins the session, with what a provider said where there is one. */
static bool store(struct req *r, const struct identity *who,
    struct db_param params[15], struct db_rows *rows, struct err *e)
{
	char login_id[UUID_TEXT];
	const struct ring *ring;

	if (!who->issuer)
		return db_call(r->app->db, STMT_SESSION_BEGIN, params, 11, r->arena, rows, e);
	/* the provider was asked meanwhile */
	if (!req_ring_now(r, &ring, e))
		return false;
	rand_uuid(login_id);
	params[5] = bytes(claims_seal(ring, r->arena, who->subject, who->claims));
	params[11] = DB_TEXT(login_id);
	params[12] = DB_TEXT(who->issuer);
	params[13] = login_sid_hash(r->arena, who->issuer, who->sid);
	params[14] = bytes(tokens_seal(ring, r->arena, login_id, who));
	return db_call(r->app->db, STMT_LOGIN_FINISH, params, 15, r->arena, rows, e);
}

/*
 * Who may open the operators' pages: decided here, where the provider's claims are at hand, and proved to the console,
 * which has no key to open claims with, by a MAC. dev-login's user may: whoever can use it has the machine.
 */
static bool mark_admin(struct req *r, const struct ring *ring, const struct identity *who, const char *cookie,
    const struct db_param *hash, struct err *e)
{
	const char *marks[SESSION_ADMIN_MARKS];
	size_t n = 0;

	for (const char *const *v = r->project->console_values; *v && n < SESSION_ADMIN_MARKS; v++)
		if (who->issuer ? claims_has(r->arena, who->claims, r->project->console_claim, *v)
				: r->project->development)
			marks[n++] = session_admin_mark(r->arena, ring, cookie, r->project->console_claim, *v);
	if (!n)
		return true;
	const struct db_param params[] = { *hash, db_text_array(r->arena, marks, n) };

	return db_call(r->app->db, STMT_SESSION_MARK_ADMIN, params, 2, r->arena, NULL, e);
}

bool login_begin_session(struct req *r, struct resp *p, const struct identity *who,
    const char *request_id, struct err *e)
{
	int64_t ttl_s = r->project->oauth->session_ttl_s;
	struct db_param browser, old;
	char value[TOKEN_TEXT];
	const char *pepper_id;
	const struct ring *ring;
	struct db_rows rows;

	if (!req_ring(r, &ring, e) || !attempt_hashes(r, request_id, &browser, e) ||
	    !session_hashes(r, &old, e))
		return false;
	/* a new one at each sign-in: what somebody else may have planted before is worth nothing */
	token_make(value, TOKEN_SESSION);
	struct db_param hash = token_hash_new(ring, r->arena, value, &pepper_id);
	struct db_param params[15] = { hash, DB_TEXT(pepper_id), DB_TEXT(who->subject),
		DB_TEXT(who->name), DB_TEXT(who->email), DB_NULL, db_int(r->arena, ttl_s),
		DB_TEXT(request_id), browser, old, DB_TEXT(r->request_id) };

	if (!store(r, who, params, &rows, e))
		return false;
	if (strcmp(db_text(&rows, 0, 0), "begun"))
		return login_refuse(e, db_text(&rows, 0, 0));
	if (!mark_admin(r, ring, who, value, &hash, e))
		return false;
	resp_cookie(r, p, SESSION_COOKIE, value, ttl_s);
	return true;
}

/* ---- the way there, and what comes after it */

void login_drop_attempts(struct req *r, struct resp *p)
{
	const char *header = req_header(r, "Cookie"), *name = cookie_name(r, "gatehouse_request_");
	const size_t n = strlen(name), plain = strlen("gatehouse_request_");
	unsigned found = 0;

	for (const char *s = header; s && (s = strstr(s, name)); s += n)
		found++;
	for (const char *s = header; found > ATTEMPTS_MAX && (s = strstr(s, name)); s += n)
		if (strspn(s + n, "0123456789abcdef") == 16)
			resp_cookie(
			    r, p, arena_strndup(r->arena, s + n - plain, plain + 16), "", -1);
}

static const char *dev_login_url(struct req *r, const char *request_id)
{
	/*
	 * on the origin addressed, where the attempt's cookie is, whatever spelling of loopback
	 * the policy has
	 */
	return uri_add_query(r->arena, req_url(r, "/oauth/dev-login"), "state", request_id);
}

static bool go_to_provider(
    struct req *r, struct resp *p, const struct login_way *way, struct err *e)
{
	char challenge[PKCE_CHALLENGE_TEXT];
	struct login_ties ties;
	struct oidc provider;

	if (!oidc_find(r, &provider, e))
		return false;
	login_ties(&ties, way->request_id, way->cookie, provider.issuer);
	pkce_challenge(challenge, ties.verifier);
	const struct oidc_ask sign_in = {
		.redirect_uri = login_redirect_uri(r),
		.state = ties.state,
		.nonce = ties.nonce,
		.challenge = provider.conf->login_pkce ? challenge : NULL,
		.login_hint = way->login_hint,
		.prompt = way->prompt,
	};

	return resp_redirect(p, oidc_authorize_url(r->arena, &provider, &sign_in));
}

bool login_go(struct req *r, struct resp *p, const struct login_way *way, struct err *e)
{
	if (r->project->oauth->dev_login)
		return resp_redirect(p, dev_login_url(r, way->request_id));
	if (go_to_provider(r, p, way, e))
		return true;
	auth_event(r, "mcp_auth_login_failed", "failure", e);
	return false;
}

#define RETURN_PLACE(request_id) { "sign_in", "return_to", request_id, NULL }

struct blob login_seal_return(
    const struct ring *ring, struct arena *a, const char *request_id, const char *path)
{
	const char *const place[] = RETURN_PLACE(request_id);

	return seal(ring, KEY_SESSION, a, path, strlen(path), place);
}

bool login_next(struct req *r, struct resp *p, const char *request_id, struct err *e)
{
	const char *const place[] = RETURN_PLACE(request_id);
	struct db_param params[2] = { DB_TEXT(request_id) }, sealed;
	const struct ring *ring;
	struct db_rows rows;
	struct blob path;

	if (!req_ring(r, &ring, e) || !attempt_hashes(r, request_id, &params[1], e) ||
	    !db_call(r->app->db, STMT_SIGN_IN_DONE, params, 2, r->arena, &rows, e))
		return false;
	if (!rows.rows) /* an application's */
		return resp_redirect(
		    p, uri_add_query(r->arena, req_url(r, "/oauth/setup"), "request", request_id));
	sealed = db_bytes_at(&rows, 0, 0, r->arena);
	return seal_open(ring, KEY_SESSION, r->arena, (struct blob){ sealed.value, sealed.len },
		   place, &path, e) &&
	    resp_redirect(p, req_url(r, (const char *)path.p));
}
