/* SPDX-License-Identifier: Apache-2.0 */
/* The token endpoint (RFC 6749, 3.2; protocol §2.7). */
#include "config.h"

#include "oauth/endpoint.h"

#include "json/json.h"
#include "oauth/grant.h"
#include "oauth/id_jag.h"
#include "oauth/metadata.h"
#include "oauth/renewal.h"
#include "oauth/scope.h"

#include <string.h>

#define ISSUED "mcp_auth_downstream_token_issued"
#define REUSED "mcp_auth_downstream_token_reuse_detected"

struct token_call {
	struct form form;
	struct client client;
	const char *resource; /* the canonical form of what is asked for; NULL: nothing */
	struct pair pair;
};

/* What stands in the address ends up in logs and histories: nothing is taken from there. */
static bool read_form(struct req *r, struct form *f, struct err *e)
{
	static const char *const repeatable[] = { "resource", NULL };

	if (req_header(r, "DPoP"))
		return err_set(e, ERR_INVALID_REQUEST, "DPoP is not served here", "");
	if (*r->query)
		return err_set(e, ERR_INVALID_REQUEST, "parameters belong into the body", "");
	return req_form(r, f, e) && form_unique(f, repeatable, e);
}

static bool read_grant_type(
    const struct req *r, const struct form *f, const char **type, struct err *e)
{
	/* the last is known, but no client can register it: unauthorized_client */
	static const char *const known[] = { "authorization_code", "refresh_token",
		"client_credentials", NULL };

	*type = form_get(f, "grant_type");
	if (!*type)
		return err_set(e, ERR_INVALID_REQUEST, "grant_type is missing", "");
	if (!strcmp(*type, GRANT_JWT_BEARER) && r->project->oauth->id_jag_enabled)
		return true;
	for (const char *const *p = known; *p; p++)
		if (!strcmp(*p, *type))
			return true;
	return err_set(e, ERR_UNSUPPORTED_GRANT_TYPE, "this grant type is not served here",
	    "grant_type '%.64s'", *type);
}

/*
 * All that are named must be one route of ours; whether it is the granted one, the database
 * knows.
 */
static bool read_resource(struct req *r, struct token_call *t, struct err *e)
{
	const struct mcp_route *route = NULL;

	for (size_t i = 0; i < t->form.n; i++) {
		const struct mcp_route *named;

		if (strcmp(t->form.pairs[i].name, "resource") || !*t->form.pairs[i].value)
			continue;
		named = route_of_resource(r->arena, r->project, r->origin, t->form.pairs[i].value);
		if (!named || (route && route != named))
			return err_set(e, ERR_INVALID_TARGET, "resource is not what was granted",
			    "resource '%.200s'", t->form.pairs[i].value);
		route = named;
	}
	t->resource = route ? route_resource(r->arena, r->origin, route) : NULL;
	return true;
}

static bool redeem(struct req *r, struct token_call *t, struct err *e)
{
	const char *code = form_get(&t->form, "code");

	if (!code)
		return err_set(e, ERR_INVALID_REQUEST, "code is missing", "");
	return grant_redeem(r, &t->client, code, form_get(&t->form, "code_verifier"),
	    form_get(&t->form, "redirect_uri"), t->resource, &t->pair, e);
}

static bool refresh(struct req *r, struct resp *p, struct token_call *t, struct err *e)
{
	const char *token = form_get(&t->form, "refresh_token");
	const char *scope = form_get(&t->form, "scope");

	if (!token)
		return err_set(e, ERR_INVALID_REQUEST, "refresh_token is missing", "");
	if (!t->client.may_refresh)
		return err_set(
		    e, ERR_UNAUTHORIZED_CLIENT, "the client did not register this grant type", "");
	if (scope && !(scope = scope_parse(scope, e)))
		return false;
	if (!renewal_of_refresh(r, token, e))
		return false;
	return grant_refresh(r, p, &t->client, token, scope, t->resource, &t->pair, e);
}

static bool assert_identity(struct req *r, struct token_call *t, struct err *e)
{
	const char *assertion = form_get(&t->form, "assertion");
	const char *scope = form_get(&t->form, "scope");

	if (!assertion)
		return err_set(e, ERR_INVALID_REQUEST, "assertion is missing", "");
	if (!t->client.may_assert)
		return err_set(
		    e, ERR_UNAUTHORIZED_CLIENT, "the client did not register this grant type", "");
	if (scope && !(scope = scope_parse(scope, e)))
		return false;
	return id_jag_redeem(r, &t->client, assertion, scope, t->resource, &t->pair, e);
}

static bool issue(struct req *r, struct resp *p, struct token_call *t, struct err *e)
{
	const char *type;
	enum cimd_use use;

	if (!read_form(r, &t->form, e) || !read_grant_type(r, &t->form, &type, e))
		return false;
	use = strcmp(type, GRANT_JWT_BEARER) ? CIMD_KEPT : CIMD_ASSERT;
	if (!client_authenticate(r, p, &t->form, use, &t->client, e) || !read_resource(r, t, e))
		return false;
	if (!strcmp(type, "authorization_code"))
		return redeem(r, t, e);
	if (!strcmp(type, "refresh_token"))
		return refresh(r, p, t, e);
	if (!strcmp(type, GRANT_JWT_BEARER))
		return assert_identity(r, t, e);
	return err_set(e, ERR_UNAUTHORIZED_CLIENT, "the client may not use this grant type", "");
}

static bool send_pair(struct req *r, struct resp *p, struct pair *pair)
{
	struct json_object *doc = json_new_object(r->arena);

	json_add_string(doc, "access_token", pair->access);
	json_add_string(doc, "token_type", "Bearer");
	json_add_int(doc, "expires_in", pair->expires_in_s);
	json_add_string(doc, "refresh_token", *pair->refresh ? pair->refresh : NULL);
	json_add_string(doc, "scope", pair->scope);
	json_add_string(doc, "resource", pair->resource);
	explicit_bzero(pair->access, sizeof(pair->access));
	explicit_bzero(pair->refresh, sizeof(pair->refresh));
	resp_set(p, "Cache-Control", "no-store");
	resp_set(p, "Pragma", "no-cache");
	return resp_json(p, 200, doc);
}

/* A stolen code or token that was presented, and ended its grant. */
static bool is_theft(const struct err *e)
{
	return !strcmp(err_reason_of(e), "code_replayed") ||
	    !strcmp(err_reason_of(e), "refresh_token_reused");
}

bool ep_token(struct req *r, struct resp *p, struct err *e)
{
	struct token_call t = { .resource = NULL };
	bool issued = issue(r, p, &t, e);

	r->event.grant_id = t.pair.grant_id;
	r->event.subject_id = t.pair.subject;
	r->event.operation_id = t.pair.operation_id;
	if (!issued && e->code != ERR_RATE) /* what is held back must not fill the event table */
		auth_event(r, is_theft(e) ? REUSED : ISSUED,
		    err_status(e->code) < 500 ? "denied" : "failure", e);
	if (!issued)
		return false;
	if (t.pair.repeated)
		r->event.reason_code = "replayed";
	auth_event(r, ISSUED, "success", NULL);
	return send_pair(r, p, &t.pair);
}
