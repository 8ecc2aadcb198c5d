/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Introspection (RFC 7662), for the resource servers of introspectionClients. Only access tokens are
 * told about: nobody but this server has a use for the others. Whatever is wrong with a token,
 * the answer is {"active": false}: who asks learns nothing more.
 */
#include "config.h"

#include "oauth/endpoint.h"

#include "json/json.h"
#include "oauth/metadata.h"
#include "oauth/resource_server.h"
#include "oauth/token.h"

#include <string.h>

/* A live token's row; NULL in *ROUTE: it is not for a route of this origin as it is now. */
static bool find(struct req *r, const char *token, struct db_rows *rows,
    const struct mcp_route **route, struct err *e)
{
	const struct ring *ring;

	*route = NULL;
	if (!token_is(token, TOKEN_ACCESS))
		return true;
	if (!req_ring(r, &ring, e))
		return false;
	const struct db_param params[] = { token_hashes(ring, r->arena, token),
		DB_TEXT(ring_primary(ring, KEY_PEPPER)->id) };

	if (!db_call(r->app->db, STMT_TOKEN_INTROSPECT, params, 2, r->arena, rows, e))
		return false;
	if (!rows->rows)
		return true;
	*route = project_route_by_operation(r->project, db_text(rows, 0, 5));
	if (*route && strcmp(route_resource(r->arena, r->origin, *route), db_text(rows, 0, 4)))
		*route = NULL;
	return true;
}

static void describe(
    struct req *r, struct json_object *doc, const struct db_rows *rows, const struct mcp_route *route)
{
	json_add_string(doc, "jti", db_text(rows, 0, 0));
	json_add_string(doc, "client_id", db_text(rows, 0, 1));
	json_add_string(doc, "sub", db_text(rows, 0, 2));
	json_add_string(doc, "scope", db_text(rows, 0, 3));
	json_add_string(doc, "aud", db_text(rows, 0, 4));
	json_add_string(doc, "iss", route_issuer(r->arena, r->origin, route));
	json_add_string(doc, "token_type", "Bearer");
	json_add_int(doc, "iat", db_int_at(rows, 0, 6));
	json_add_int(doc, "exp", db_int_at(rows, 0, 7));
}

bool ep_introspect(struct req *r, struct resp *p, struct err *e)
{
	struct json_object *doc = json_new_object(r->arena);
	const struct mcp_route *route;
	struct db_rows rows;
	const char *token;
	struct form f;

	if (!metadata_may_introspect(r->project))
		return err_set(e, ERR_NOT_FOUND, "there is nothing at this address",
		    "introspectionClients is empty");
	if (*r->query)
		return err_set(e, ERR_INVALID_REQUEST, "parameters belong into the body", "");
	if (!req_form(r, &f, e) || !form_unique(&f, NULL, e) ||
	    !resource_server_authenticate(r, p, &f, e))
		return false;
	token = form_get(&f, "token");
	if (!token)
		return err_set(e, ERR_INVALID_REQUEST, "token is missing", "");
	if (!find(r, token, &rows, &route, e))
		return false;
	json_add_bool(doc, "active", route != NULL);
	if (route)
		describe(r, doc, &rows, route);
	resp_set(p, "Cache-Control", "no-store");
	resp_set(p, "Pragma", "no-cache");
	return resp_json(p, 200, doc);
}
