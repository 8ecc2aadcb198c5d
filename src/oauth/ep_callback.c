/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {b}/oauth/callback: the browser comes back from the identity provider. First that it is the browser
 * that went, with the state that it was given, once, and from the provider that it was sent to
 * (RFC 9700, 4.4, 4.5, 4.7); only then what it brings. Whatever is wrong ends on a page of ours: the
 * client is told nothing by a provider's error.
 */
#include "config.h"

#include "oauth/endpoint.h"

#include "base/hash.h"
#include "idp/oidc.h"
#include "oauth/login.h"
#include "oauth/session.h"
#include "page/html.h"

#include <string.h>

enum { /* characters */
	ERROR_SHOWN = 40,
	DESCRIPTION_SHOWN = 44, /* of an err's text */
	DESCRIPTION_LOGGED = 120
};

struct return_of { /* a browser from the provider */
	struct form form;
	const char *request_id;
	struct login_ties ties;
	struct oidc provider;
};

/* The state is what we gave to this browser for this provider. */
static bool check_state(struct req *r, struct return_of *b, struct err *e)
{
	const char *state = form_get(&b->form, "state"), *cookie;

	if (!state || strlen(state) != sizeof(b->ties.state) - 1 || state[UUID_TEXT - 1] != '.')
		return login_refuse(e, "unknown");
	b->request_id = arena_strndup(r->arena, state, UUID_TEXT - 1);
	if (!request_id_is_valid(b->request_id))
		return login_refuse(e, "unknown");
	cookie = req_cookie(r, cookie_name(r, attempt_cookie(r->arena, b->request_id)));
	if (!cookie)
		return login_refuse(e, "other_browser");
	login_ties(&b->ties, b->request_id, cookie, r->project->oauth->issuer);
	return hash_equal_text(state, b->ties.state) || login_refuse(e, "other_browser");
}

/* Asks the database about the request; SPEND uses the state up. */
static bool check_request(struct req *r, struct return_of *b, bool spend, struct err *e)
{
	char return_id[UUID_TEXT];
	struct db_param browser;
	struct db_rows rows;

	rand_uuid(return_id);
	if (!attempt_hashes(r, b->request_id, &browser, e))
		return false;
	const struct db_param params[] = { DB_TEXT(b->request_id), browser,
		spend ? DB_TEXT(return_id) : DB_NULL };

	if (!db_call(r->app->db, STMT_LOGIN_RETURN, params, 3, r->arena, &rows, e))
		return false;
	r->event.client_id = db_text(&rows, 0, 1);
	r->event.client_name = db_text(&rows, 0, 2);
	r->event.operation_id = db_text(&rows, 0, 3);
	return !strcmp(db_text(&rows, 0, 0), "open") || login_refuse(e, db_text(&rows, 0, 0));
}

/* Mix-up (RFC 9207, 2.4): the answer names the provider that it was asked of, errors too. */
static bool check_issuer(struct req *r, const struct return_of *b, struct err *e)
{
	const char *iss = form_get(&b->form, "iss");
	const char *shown = html_clean(r->arena, iss, DESCRIPTION_LOGGED);

	if (iss ? !strcmp(iss, b->provider.issuer) : !b->provider.iss_required)
		return true;
	return err_reason(e, ERR_INVALID_REQUEST, "provider_issuer",
	    "this answer is not from the sign-in provider that was asked", "iss '%s'",
	    shown ? shown : "");
}

/* Errors by which the provider says that our request was wrong: the operator's to mend. */
static bool is_our_fault(const char *error)
{
	static const char *const names[] = { "invalid_request", "unauthorized_client",
		"unsupported_response_type", "invalid_scope", "invalid_client",
		"request_not_supported", NULL };

	for (const char *const *n = names; *n; n++)
		if (!strcmp(*n, error))
			return true;
	return false;
}

/* The provider's error, in its words: foreign text, cleaned here and escaped by the page and the log. */
static bool tell_error(struct req *r, const struct return_of *b, const char *error, struct err *e)
{
	const char *text = form_get(&b->form, "error_description");
	const char *name = html_clean(r->arena, error, ERROR_SHOWN);
	const char *more = html_clean(r->arena, text, DESCRIPTION_SHOWN);
	const char *logged = html_clean(r->arena, text, DESCRIPTION_LOGGED);
	enum err_code code = ERR_UPSTREAM;
	const char *reason = "provider_error";

	if (!strcmp(error, "access_denied")) {
		code = ERR_ACCESS_DENIED;
		reason = "provider_denied";
	} else if (is_our_fault(error)) {
		code = ERR_CONFIG;
		reason = "provider_refused_request";
	}
	err_reason(e, code, reason, "", "%s: %s", name ? name : "", logged ? logged : "");
	return err_text(e, "the sign-in provider says: %s%s%s%s", name ? name : "error",
	    more ? " (" : "", more ? more : "", more ? ")" : "");
}

static bool sign_in(struct req *r, struct resp *p, struct return_of *b, struct err *e)
{
	const char *error, *code;
	struct identity who;

	if (!req_query(r, &b->form, e) || !form_unique(&b->form, NULL, e) ||
	    !check_state(r, b, e) || !check_request(r, b, false, e) ||
	    !oidc_find(r, &b->provider, e) || !check_issuer(r, b, e))
		return false;
	error = form_get(&b->form, "error");
	code = form_get(&b->form, "code");
	if (error)
		return tell_error(r, b, error, e);
	if (!code)
		return err_reason(e, ERR_INVALID_REQUEST, "code_missing",
		    "the sign-in provider sent nothing", "neither code nor error");
	if (!check_request(r, b, true, e) ||
	    !oidc_redeem(r, &b->provider, code, login_redirect_uri(r), b->ties.nonce,
		b->provider.conf->login_pkce ? b->ties.verifier : NULL, &who, e))
		return false;
	r->event.subject_id = who.subject;
	return login_begin_session(r, p, &who, b->request_id, e);
}

bool ep_callback(struct req *r, struct resp *p, struct err *e)
{
	struct return_of b = { .request_id = NULL };

	if (r->project->oauth->dev_login)
		return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "dev-login");
	if (!sign_in(r, p, &b, e)) {
		auth_event(r, "mcp_auth_login_failed",
		    err_status(e->code) < 500 ? "denied" : "failure", e);
		return false;
	}
	auth_event(r, "mcp_auth_login_succeeded", "success", NULL);
	return login_next(r, p, b.request_id, e);
}
