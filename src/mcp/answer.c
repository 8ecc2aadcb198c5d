/* SPDX-License-Identifier: Apache-2.0 */
/* Challenges and errors of an MCP route. */
#include "config.h"

#include "mcp/answer.h"

#include "mcp/cors.h"
#include "oauth/metadata.h"
#include "oauth/scope.h"

#include <string.h>

/*
 * The order of the parameters matters: clients look for the first `scope=` or `error=` anywhere in
 * the header (protocol 2.1.4), so nothing that could hold these letters comes before them.
 */
static const char *challenge(const struct call *c, const struct err *e)
{
	struct arena *a = c->req->arena;
	const char *metadata = route_metadata_url(a, c->req->origin, c->route);

	if (e->code == ERR_INSUFFICIENT_SCOPE)
		return arena_printf(a,
		    "Bearer error=\"insufficient_scope\", scope=\"" SCOPE_ALL
		    "\", resource_metadata=\"%s\", error_description=\"%s\"",
		    metadata, e->text);
	/* who sent no token at all has made no error (RFC 6750, 3.1) */
	if (!strcmp(err_reason_of(e), "missing_token"))
		return arena_printf(
		    a, "Bearer realm=\"OAuth\", resource_metadata=\"%s\", scope=\"" SCOPE_ALL "\"", metadata);
	return arena_printf(a,
	    "Bearer realm=\"OAuth\", resource_metadata=\"%s\", scope=\"" SCOPE_ALL
	    "\", error=\"%s\", error_description=\"%s\"",
	    metadata, err_name(e->code), e->text);
}

static bool is_about_token(const struct err *e)
{
	return e->code == ERR_INVALID_TOKEN || e->code == ERR_INSUFFICIENT_SCOPE ||
	    (e->code == ERR_INVALID_REQUEST && !strcmp(err_reason_of(e), "malformed_token"));
}

static bool answer_challenge(const struct call *c, struct resp *p, const struct err *e)
{
	struct json_object *doc = json_new_object(p->arena);

	resp_set(p, "WWW-Authenticate", challenge(c, e));
	json_add_string(doc, "error", err_name(e->code));
	json_add_string(doc, "error_description", e->text);
	return resp_json(p, err_status(e->code), doc);
}

static bool answer_rpc(struct resp *p, int status)
{
	p->status = status;
	resp_set(p, "Content-Type", "application/json");
	return true;
}

bool answer_error(const struct call *c, struct resp *p, const struct err *e)
{
	int code = e->code == ERR_NOT_FOUND ? RPC_SESSION_NOT_FOUND : RPC_INTERNAL_ERROR;

	cors_set(c->req, p, c->route);
	buf_clear(&p->body);
	if (is_about_token(e))
		return answer_challenge(c, p, e);
	if (c->fault.code) {
		rpc_fault_write(&p->body, &c->fault);
		return answer_rpc(p, c->fault.status);
	}
	if (e->code == ERR_UNAVAILABLE)
		resp_set(p, "Retry-After", "2");
	return c->body.n && rpc_error_all(&p->body, &c->body, code, e->text, NULL) &&
	    answer_rpc(p, err_status(e->code));
}
