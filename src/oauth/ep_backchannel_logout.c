/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {b}/oauth/backchannel-logout (OpenID Connect Back-Channel Logout 1.0): the provider says that
 * somebody has signed out. All sessions and grants of that person end.
 */
#include "config.h"

#include "oauth/endpoint.h"

#include "idp/id_token.h"
#include "idp/oidc.h"
#include "json/json.h"
#include "oauth/login.h"
#include "oauth/statement.h"

#include <string.h>

static bool sign_out(struct req *r, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	const char *token, *subject, *sid, *jti;
	char use[UUID_TEXT];
	struct oidc provider;
	struct db_rows rows;
	struct form form;

	if (r->project->oauth->dev_login)
		return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "dev-login");
	if (!req_form(r, &form, e) || !form_unique(&form, NULL, e))
		return false;
	token = form_get(&form, "logout_token");
	if (!token)
		return err_set(e, ERR_INVALID_REQUEST, "logout_token is missing", "");
	if (!oidc_find(r, &provider, e))
		return false;
	if (!oidc_logout_token(r, &provider, token, &subject, &sid, &jti, &why)) {
		/* 2.8: a token that is not valid is 400, whoever made it */
		bool invalid =
		    why.code == ERR_UPSTREAM && (!strncmp(err_reason_of(&why), "token_", 6) ||
						    !strncmp(err_reason_of(&why), "jws_", 4));

		return err_reason(e, invalid ? ERR_INVALID_REQUEST : why.code, why.reason,
		    invalid ? "the logout token is not valid" : why.text, "%s", why.detail);
	}
	rand_uuid(use);
	const struct db_param params[] = { DB_TEXT(provider.issuer), DB_TEXT(subject),
		login_sid_hash(r->arena, provider.issuer, sid), DB_TEXT(r->request_id),
		statement_hash(r->arena, "logout", provider.issuer, "", jti), DB_TEXT(use),
		db_int(r->arena, LOGOUT_AGE_S + 2 * TOKEN_SKEW_S) };

	r->event.subject_id = subject;
	if (!db_call(r->app->db, STMT_PROVIDER_LOGOUT, params, 7, r->arena, &rows, e))
		return false;
	if (!rows.rows)
		return err_reason(e, ERR_INVALID_REQUEST, "token_replayed",
		    "the logout token is not valid", "its jti was used before");
	log_info(&r->log, "the sign-in provider has signed somebody out", "sessions",
	    db_text(&rows, 0, 0), "grants", db_text(&rows, 0, 1), NULL);
	return true;
}

bool ep_backchannel_logout(struct req *r, struct resp *p, struct err *e)
{
	if (!sign_out(r, e)) {
		auth_event(
		    r, "mcp_auth_logout", err_status(e->code) < 500 ? "denied" : "failure", e);
		return false;
	}
	auth_event(r, "mcp_auth_logout", "success", NULL);
	resp_set(p, "Cache-Control", "no-store");
	return resp_json(p, 200, json_new_object(r->arena));
}
