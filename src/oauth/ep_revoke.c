/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revocation (RFC 7009). Whatever token is named, the answer to a client that proved who it is
 * is the same: who asks learns nothing about tokens that are not its own. token_type_hint is
 * not needed: the token says what it is.
 */
#include "config.h"

#include "oauth/endpoint.h"

#include "oauth/client.h"
#include "oauth/token.h"

#include <string.h>

static bool revoke(struct req *r, const struct client *c, const char *token, bool *revoked,
    struct err *e)
{
	const struct ring *ring;
	struct db_rows rows;

	*revoked = false;
	if (!token_is(token, TOKEN_ACCESS) && !token_is(token, TOKEN_REFRESH))
		return true;
	if (!req_ring(r, &ring, e))
		return false;
	const struct db_param params[] = { token_hashes(ring, r->arena, token), DB_TEXT(c->id),
		DB_TEXT(r->request_id) };

	if (!db_call(r->app->db, STMT_TOKEN_REVOKE, params, 3, r->arena, &rows, e))
		return false;
	*revoked = !strcmp(db_text(&rows, 0, 0), "revoked");
	if (*revoked) {
		r->event.grant_id = db_text(&rows, 0, 2);
		r->event.subject_id = db_text(&rows, 0, 3);
		r->event.operation_id = db_text(&rows, 0, 4);
	}
	return true;
}

bool ep_revoke(struct req *r, struct resp *p, struct err *e)
{
	struct client client;
	const char *token;
	struct form f;
	bool revoked;

	if (*r->query)
		return err_set(e, ERR_INVALID_REQUEST, "parameters belong into the body", "");
	if (!req_form(r, &f, e) || !form_unique(&f, NULL, e) ||
	    !client_authenticate(r, p, &f, CIMD_KEPT, &client, e))
		return false;
	token = form_get(&f, "token");
	if (!token)
		return err_set(e, ERR_INVALID_REQUEST, "token is missing", "");
	if (!revoke(r, &client, token, &revoked, e))
		return false;
	if (revoked)
		auth_event(r, "mcp_auth_downstream_token_revoked", "success", NULL);
	resp_set(p, "Cache-Control", "no-store");
	resp_set(p, "Pragma", "no-cache");
	p->status = 200;
	return true;
}
