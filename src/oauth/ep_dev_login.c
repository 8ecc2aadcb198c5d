/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {b}/oauth/dev-login?state=REQUEST: signs the browser in and goes on to the consent page. The
 * state is the authorization request that led here; it is worth nothing without the cookie of
 * that attempt.
 */
#include "config.h"

#include "oauth/endpoint.h"

#include "idp/dev_login.h"
#include "oauth/session.h"
#include "oauth/token.h"

#include <string.h>

static bool refuse(struct err *e, const char *outcome)
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

static bool begin_session(struct req *r, struct resp *p, const struct identity *who,
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
	token_make(value, TOKEN_SESSION);
	struct db_param hash = token_hash_new(ring, r->arena, value, &pepper_id);
	const struct db_param params[] = { hash, DB_TEXT(pepper_id), DB_TEXT(who->subject),
		DB_TEXT(who->name), DB_TEXT(who->email), DB_NULL, db_int(r->arena, ttl_s),
		DB_TEXT(request_id), browser, old, DB_TEXT(r->request_id) };

	if (!db_call(r->app->db, STMT_SESSION_BEGIN, params, 11, r->arena, &rows, e))
		return false;
	if (strcmp(db_text(&rows, 0, 0), "begun"))
		return refuse(e, db_text(&rows, 0, 0));
	resp_cookie(r, p, SESSION_COOKIE, value, ttl_s);
	return true;
}

static bool sign_in(struct req *r, struct resp *p, const char **request_id, struct err *e)
{
	struct identity who;
	struct form f;

	if (!dev_login(r, &who, e) || !req_query(r, &f, e) || !form_unique(&f, NULL, e))
		return false;
	*request_id = form_get(&f, "state");
	if (!request_id_is_valid(*request_id))
		return refuse(e, "unknown");
	r->event.subject_id = who.subject;
	return begin_session(r, p, &who, *request_id, e);
}

bool ep_dev_login(struct req *r, struct resp *p, struct err *e)
{
	const char *request_id;

	if (!sign_in(r, p, &request_id, e)) {
		auth_event(r, "mcp_auth_login_failed",
		    err_status(e->code) < 500 ? "denied" : "failure", e);
		return false;
	}
	auth_event(r, "mcp_auth_login_succeeded", "success", NULL);
	return resp_redirect(p,
	    uri_add_query(r->arena, req_url(r, "/oauth/setup"), "request", request_id));
}
