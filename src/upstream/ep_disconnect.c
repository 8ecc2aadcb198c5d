/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {b}/auth/connections/{id}/disconnect: the form on the page of grants. The connection ends here first; that
 * the provider hears of it is tried, and no condition.
 */
#include "config.h"

#include "upstream/connect.h"

#include "page/csrf.h"
#include "upstream/tokens.h"
#include "upstream/vault.h"

#include <string.h>

static void tell_provider(struct req *r, struct connect *c, const struct db_rows *rows)
{
	const char *endpoint = db_text(rows, 0, 3), *access, *refresh;
	const struct vault_place place = { "connection", db_text(rows, 0, 0), db_text(rows, 0, 1), c->id,
		db_text(rows, 0, 2), db_text(rows, 0, 11), db_text(rows, 0, 12), endpoint };
	struct err e = { .code = ERR_NONE };
	struct tokens_client client;

	if (!endpoint || !c->up.conf ||
	    !register_recall(&client, &c->up, c->ring, db_text(rows, 0, 4), db_text(rows, 0, 5), db_text(rows, 0, 6),
		place.issuer, db_bytes_at(rows, 0, 7, r->arena), db_text(rows, 0, 8), &e))
		return;
	if (vault_open(c->ring, r->arena, &place, "refresh_token", db_bytes_at(rows, 0, 10, r->arena), &refresh, &e))
		tokens_revoke(&c->up, endpoint, &client, refresh, "refresh_token");
	if (vault_open(c->ring, r->arena, &place, "access_token", db_bytes_at(rows, 0, 9, r->arena), &access, &e))
		tokens_revoke(&c->up, endpoint, &client, access, "access_token");
}

bool ep_connection_end(struct req *r, struct resp *p, struct connect *c, struct err *e)
{
	struct err none = { .code = ERR_NONE };
	struct db_param params[3];
	struct db_rows rows;
	struct session s;
	struct form form;

	if (!csrf_check_source(r, e) || !req_form(r, &form, e) || !form_unique(&form, NULL, e) ||
	    !req_ring(r, &c->ring, e))
		return false;
	if (!session_find(r, &s, e))
		return e->code ? false : err_reason(e, ERR_FORBIDDEN, "no_session", "nobody is signed in here", "");
	if (!csrf_check(c->ring, req_cookie(r, cookie_name(r, SESSION_COOKIE)), DISCONNECT_FORM,
		form_get(&form, "csrf"), e) ||
	    !session_hashes(r, &params[0], e))
		return false;
	/* what is no longer in the project can be ended all the same */
	connect_find(r, c, NULL, &none);
	params[1] = DB_TEXT(c->id);
	params[2] = DB_TEXT(r->request_id);
	if (!db_call(r->app->db, STMT_CONNECTION_DROP_OWN, params, 3, r->arena, &rows, e))
		return false;
	if (rows.rows) {
		r->event.subject_id = s.subject;
		r->event.reason_code = "revoked_by_user";
		connect_event(r, c, "mcp_auth_upstream_connection_lost", "success", NULL);
		tell_provider(r, c, &rows);
	}
	return resp_redirect(p, req_url(r, "/oauth/grants?revoked=1"));
}
