/* SPDX-License-Identifier: Apache-2.0 */
/* Metadata documents of routes and the authorization server. */
#include "config.h"

#include "oauth/metadata.h"

#include "json/jose.h"
#include "oauth/client.h"
#include "oauth/scope.h"
#include "rpc/era.h"

#include <stdarg.h>
#include <string.h>

const char *route_resource(struct arena *a, const struct origin *o, const struct mcp_route *route)
{
	return arena_join(a, o->text, route->path, NULL);
}

const char *route_issuer(struct arena *a, const struct origin *o, const struct mcp_route *route)
{
	/* a route at "/" has the issuer of the origin */
	return route && *route->slug ? arena_printf(a, "%s/%s", o->text, route->slug) : o->text;
}

const char *route_metadata_url(
    struct arena *a, const struct origin *o, const struct mcp_route *route)
{
	return arena_printf(a, "%s/.well-known/oauth-protected-resource%s%s", o->text,
	    *route->slug ? "/" : "", route->slug);
}

const struct mcp_route *route_of_resource(
    struct arena *a, const struct project *p, const struct origin *o, const char *resource)
{
	for (size_t i = 0; i < p->routes_n; i++) {
		const struct mcp_route *route = &p->routes[i];

		if (!strcmp(resource, route_resource(a, o, route)))
			return route;
		if (!*route->slug && !strcmp(resource, o->text))
			return route;
	}
	return NULL;
}

bool oauth_in_force(struct req *r, struct err *e)
{
	if (r->project->oauth_fault) {
		err_set(e, ERR_CONFIG, "", "%s", r->project->oauth_fault);
		return err_text(
		    e, "the OAuth policy has an error: %.200s", r->project->oauth_fault);
	}
	return r->project->oauth || err_set(e, ERR_NOT_FOUND, "there is nothing at this address",
					"the project has no MCP OAuth policy in use");
}

static void add_list(struct arena *a, struct json_object *doc, const char *name, ...)
    __attribute__((sentinel));

static void add_list(struct arena *a, struct json_object *doc, const char *name, ...)
{
	struct json_object *list = json_new_array(a);
	const char *item;
	va_list ap;

	va_start(ap, name);
	while ((item = va_arg(ap, const char *)))
		json_add_string(list, NULL, item);
	va_end(ap);
	json_add(doc, name, list);
}

struct json_object *metadata_resource(
    struct arena *a, const struct origin *o, const struct mcp_route *route)
{
	struct json_object *doc = json_new_object(a);

	json_add_string(doc, "resource", route_resource(a, o, route));
	json_add_string(doc, "resource_name", route->summary);
	add_list(a, doc, "authorization_servers", route_issuer(a, o, route), NULL);
	add_list(a, doc, "bearer_methods_supported", "header", NULL);
	add_list(a, doc, "scopes_supported", SCOPE_ALL, NULL);
	json_add_string(doc, "mcp_protocol_version", era_legacy_versions[0]);
	return doc;
}

/*
 * What parsers of OpenID's form demand. No ID tokens are issued: the values only have to be
 * valid ones.
 */
static void add_openid(struct arena *a, struct json_object *doc, const struct origin *o)
{
	json_add_string(doc, "jwks_uri", arena_printf(a, "%s/.well-known/jwks.json", o->text));
	add_list(a, doc, "subject_types_supported", "public", NULL);
	add_list(a, doc, "id_token_signing_alg_values_supported", "RS256", NULL);
}

/*
 * How clients prove who they are at an endpoint ("token", "revocation", "introspection"), and what they
 * may sign with. OPEN: or do not.
 */
static void add_auth_methods(
    struct arena *a, struct json_object *doc, const char *endpoint, bool open)
{
	struct json_object *methods = json_new_array(a), *algorithms = json_new_array(a);

	if (open)
		json_add_string(methods, NULL, "none");
	json_add_string(methods, NULL, "client_secret_basic");
	json_add_string(methods, NULL, "client_secret_post");
	json_add_string(methods, NULL, "private_key_jwt");
	json_add(doc, arena_printf(a, "%s_endpoint_auth_methods_supported", endpoint), methods);
	for (const char *const *alg = jose_algorithms; *alg; alg++)
		json_add_string(algorithms, NULL, *alg);
	json_add(doc, arena_printf(a, "%s_endpoint_auth_signing_alg_values_supported", endpoint),
	    algorithms);
}

bool metadata_may_introspect(const struct project *p)
{
	return p->introspection_clients && json_object_array_length(p->introspection_clients);
}

struct json_object *metadata_server(struct arena *a, const struct project *p,
    const struct origin *o, const struct mcp_route *route, bool openid)
{
	struct json_object *doc = json_new_object(a);
	const char *base = arena_printf(a, "%s%s/oauth", o->text, p->base_path);
	bool own = route && *route->slug;

	json_add_string(doc, "issuer", route_issuer(a, o, route));
	json_add_string(doc, "authorization_endpoint",
	    arena_printf(a, "%s/authorize%s%s", base, own ? "/" : "", own ? route->slug : ""));
	json_add_string(doc, "token_endpoint", arena_printf(a, "%s/token", base));
	json_add_string(doc, "registration_endpoint", arena_printf(a, "%s/register", base));
	json_add_string(doc, "revocation_endpoint", arena_printf(a, "%s/revoke", base));
	add_list(a, doc, "scopes_supported", SCOPE_ALL, NULL);
	add_list(a, doc, "response_types_supported", "code", NULL);
	add_list(a, doc, "response_modes_supported", "query", NULL);
	add_list(a, doc, "grant_types_supported", "authorization_code", "refresh_token",
	    p->oauth->id_jag_enabled ? GRANT_JWT_BEARER : NULL, NULL);
	if (p->oauth->id_jag_enabled)
		add_list(a, doc, "authorization_grant_profiles_supported",
		    "urn:ietf:params:oauth:grant-profile:id-jag", NULL);
	add_auth_methods(a, doc, "token", true);
	add_auth_methods(a, doc, "revocation", true);
	if (metadata_may_introspect(p)) {
		json_add_string(
		    doc, "introspection_endpoint", arena_printf(a, "%s/introspect", base));
		add_auth_methods(a, doc, "introspection", false);
	}
	add_list(a, doc, "code_challenge_methods_supported", "S256", NULL);
	json_add_bool(doc, "authorization_response_iss_parameter_supported", true);
	if (p->oauth->cimd_enabled)
		json_add_bool(doc, "client_id_metadata_document_supported", true);
	json_add_string(doc, "x-gatehouse-browser-login-kind",
	    p->oauth->dev_login ? "local_dev" : "federated_oidc");
	if (openid)
		add_openid(a, doc, o);
	return doc;
}

bool metadata_openid_of_route(
    struct req *r, struct resp *p, const struct mcp_route *route, struct err *e)
{
	if (!oauth_in_force(r, e))
		return false;
	if (route->is_public)
		return err_set(
		    e, ERR_NOT_FOUND, "there is nothing at this address", "public route");
	resp_set(p, "Cache-Control", "public, max-age=60");
	return resp_json(p, 200, metadata_server(r->arena, r->project, r->origin, route, true));
}
