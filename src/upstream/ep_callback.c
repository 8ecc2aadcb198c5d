/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {b}/auth/connections/{id}/callback: back from the upstream's authorization server. The state is matched first,
 * then who answers (RFC 9207); until both are right nothing of the answer is looked at or shown.
 */
#include "config.h"

#include "upstream/connect.h"

#include "base/rand.h"
#include "oauth/token.h"
#include "page/html.h"
#include "page/page.h"
#include "upstream/discover.h"
#include "upstream/vault.h"

#include <string.h>

enum { NAME_SHOWN = 64 };

struct taken { /* the attempt whose answer this is */
	const char *id, *subject, *operation_id, *request_id, *issuer, *resource, *scope;
	const char *token_endpoint, *revocation_endpoint, *client_kind, *client_id, *registration_id;
	const char *auth_method, *redirect_uri;
	struct db_param verifier, client_secret;
	bool iss_required;
};

static bool refuse(struct err *e, const char *outcome)
{
	static const struct {
		const char *outcome;
		enum err_code code;
		const char *reason, *text;
	} table[] = {
		{ "unknown", ERR_INVALID_REQUEST, "request_unknown", "this answer was not asked for" },
		{ "other_browser", ERR_FORBIDDEN, "other_browser", "this connection was begun in another browser" },
		{ "other_user", ERR_FORBIDDEN, "session_changed", "somebody else is signed in here by now" },
		{ "used", ERR_INVALID_REQUEST, "request_decided", "an answer counts once only" },
		{ "expired", ERR_INVALID_REQUEST, "request_expired", "connecting took too long" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].outcome, outcome))
			return err_reason(e, table[i].code, table[i].reason, table[i].text, "");
	return err_set(e, ERR_INTERNAL, "the gateway made an error", "outcome '%s'", outcome);
}

static void read_attempt(struct taken *t, const struct db_rows *rows, struct arena *a)
{
	t->subject = db_text(rows, 0, 1);
	t->operation_id = db_text(rows, 0, 2);
	t->request_id = db_text(rows, 0, 3);
	t->verifier = db_bytes_at(rows, 0, 4, a);
	t->issuer = db_text(rows, 0, 5);
	t->iss_required = db_bool_at(rows, 0, 6);
	t->resource = db_text(rows, 0, 7);
	t->scope = db_text(rows, 0, 8);
	t->token_endpoint = db_text(rows, 0, 9);
	t->revocation_endpoint = db_text(rows, 0, 10);
	t->client_kind = db_text(rows, 0, 11);
	t->client_id = db_text(rows, 0, 12);
	t->registration_id = db_text(rows, 0, 13);
	t->client_secret = db_bytes_at(rows, 0, 14, a);
	t->auth_method = db_text(rows, 0, 15);
	t->redirect_uri = db_text(rows, 0, 16);
}

/* The attempt that STATE names: once, in the browser and by the user that began it. */
static bool take(struct req *r, const struct connect *c, const char *state, struct taken *t, struct err *e)
{
	char use[UUID_TEXT];
	const char *dot = state ? strchr(state, '.') : NULL, *outcome;
	struct db_param browser, session;
	struct db_rows rows;

	if (!dot || !token_is(dot + 1, TOKEN_ATTEMPT))
		return refuse(e, "unknown");
	t->id = arena_strndup(r->arena, state, (size_t)(dot - state));
	if (!request_id_is_valid(t->id))
		return refuse(e, "unknown");
	if (!attempt_hashes(r, t->id, &browser, e) || !session_hashes(r, &session, e))
		return false;
	rand_uuid(use);
	const struct db_param params[] = { DB_TEXT(t->id), token_hashes(c->ring, r->arena, state), browser, session,
		DB_TEXT(c->id), DB_TEXT(use) };

	if (!db_call(r->app->db, STMT_CONNECT_TAKE, params, 6, r->arena, &rows, e))
		return false;
	outcome = rows.rows ? db_text(&rows, 0, 0) : "unknown";
	if (strcmp(outcome, "taken"))
		return refuse(e, outcome);
	read_attempt(t, &rows, r->arena);
	r->event.subject_id = *t->subject ? t->subject : NULL;
	return true;
}

/* Protocol 3.7: exact, and before anything else is believed. */
static bool check_issuer(const struct taken *t, const char *iss, struct err *e)
{
	if (iss ? !strcmp(iss, t->issuer) : !t->iss_required)
		return true;
	return err_reason(e, ERR_UPSTREAM, "upstream_oauth_mixup",
	    "the answer does not come from the authorization server that was asked", "iss %s", iss ? "differs" : "is missing");
}

/* The server's own words are shown to nobody: its error code is enough, if it is one. */
static bool check_error(const struct form *query, struct err *e)
{
	const char *error = form_get(query, "error");

	if (!error)
		return true;
	if (!strcmp(error, "access_denied"))
		return err_reason(e, ERR_UPSTREAM, "access_denied", "the authorization was refused there", "");
	return err_reason(e, ERR_UPSTREAM, "authorization_failed",
	    "the upstream's authorization server refused the request", "error '%.40s'",
	    error[strspn(error, "abcdefghijklmnopqrstuvwxyz_")] ? "?" : error);
}

static bool redeem(struct req *r, struct connect *c, const struct taken *t, const char *code, struct tokens *out,
    struct err *e)
{
	const struct vault_place place = { "connect_attempt", t->id, t->subject, c->id, t->issuer, t->resource,
		t->token_endpoint, t->revocation_endpoint };
	const char *verifier;
	struct tokens_client client;

	if (!vault_open(c->ring, r->arena, &place, "verifier", t->verifier, &verifier, e))
		return false;
	if (!register_recall(&client, &c->up, c->ring, t->client_kind, t->client_id, t->registration_id, t->issuer,
		t->client_secret, t->auth_method, e))
		return e->code ? false
			       : err_set(e, ERR_CONFIG, "the configuration was changed while you connected", "client id");
	const char *const form[] = {
		"grant_type", "authorization_code",
		"code", code,
		"redirect_uri", t->redirect_uri,
		"code_verifier", verifier,
		"resource", t->resource,
		NULL,
	};

	return tokens_ask(out, &c->up, t->token_endpoint, &client, form, e);
}

/* A registration that the server has forgotten is made anew at the next attempt. */
static void forget(struct req *r, const struct taken *t, const struct err *e)
{
	const struct db_param id = DB_TEXT(t->registration_id);
	struct err none = { .code = ERR_NONE };

	if (t->registration_id && !strcmp(err_reason_of(e), "invalid_client"))
		db_call(r->app->db, STMT_REGISTRATION_DROP, &id, 1, r->arena, NULL, &none);
}

static bool keep(struct req *r, const struct connect *c, const struct taken *t, const struct tokens *got,
    struct err *e)
{
	const struct ring *ring;
	char id[UUID_TEXT];

	if (!req_ring_now(r, &ring, e))
		return false;
	rand_uuid(id);
	const struct vault_place place = { "connection", id, t->subject, c->id, t->issuer, t->resource,
		t->token_endpoint, t->revocation_endpoint };
	const struct db_param params[] = { DB_TEXT(id), DB_TEXT(c->id), DB_TEXT(t->subject), DB_TEXT(t->issuer),
		DB_TEXT(t->resource), DB_TEXT(t->token_endpoint), DB_TEXT(t->revocation_endpoint),
		DB_TEXT(t->client_kind), DB_TEXT(t->client_id), DB_TEXT(t->registration_id), DB_TEXT(t->scope),
		DB_TEXT(got->scope ? got->scope : t->scope),
		vault_seal(ring, r->arena, &place, "access_token", got->access),
		vault_seal(ring, r->arena, &place, "refresh_token", got->refresh),
		got->expires_in_s < 0 ? DB_NULL : db_int(r->arena, got->expires_in_s), DB_TEXT(r->request_id) };

	return db_call(r->app->db, STMT_CONNECTION_PUT, params, sizeof(params) / sizeof(params[0]), r->arena, NULL, e);
}

static bool answer(struct req *r, struct resp *p, const struct connect *c, const struct taken *t, struct err *e)
{
	struct page_connected page = {
		.host = page_host(r),
		.service_name = html_clean(r->arena, c->up.conf->display_name, NAME_SHOWN),
		.shared = !*t->subject,
	};

	if (t->request_id)
		return resp_redirect(p,
		    uri_add_query(r->arena, req_url(r, "/oauth/setup"), "request", t->request_id));
	return page_send(r, p, 200, &page, NULL, e);
}

static bool complete(struct req *r, struct connect *c, const struct form *query, struct taken *t, struct err *e)
{
	const char *code = form_get(query, "code");
	struct tokens got;

	if (!take(r, c, form_get(query, "state"), t, e))
		return false;
	/* the route that the attempt is about, with its options; it may have gone meanwhile */
	if (!connect_find(r, c, t->operation_id, e) || !check_issuer(t, form_get(query, "iss"), e) ||
	    !check_error(query, e))
		return false;
	if (!code)
		return err_reason(e, ERR_UPSTREAM, "upstream_malformed",
		    "the upstream's authorization server gave no code", "");
	if (redeem(r, c, t, code, &got, e))
		return keep(r, c, t, &got, e);
	forget(r, t, e);
	return false;
}

bool ep_connection_callback(struct req *r, struct resp *p, struct connect *c, struct err *e)
{
	struct taken t = { .id = NULL };
	struct form query;

	if (!connect_find(r, c, NULL, e) || !req_query(r, &query, e) || !form_unique(&query, NULL, e))
		return false;
	if (!complete(r, c, &query, &t, e)) {
		connect_event(r, c, "mcp_auth_upstream_connection_established",
		    err_status(e->code) < 500 ? "denied" : "failure", e);
		return false;
	}
	connect_event(r, c, "mcp_auth_upstream_connection_established", "success", NULL);
	return answer(r, p, c, &t, e);
}
