/* SPDX-License-Identifier: Apache-2.0 */
/* Metadata documents: what is in them, from what they are built, and which resource is which route. */
#include "config.h"

#include "oauth/metadata.h"

#include "tap.h"

static struct mcp_route routes[] = {
	{ .path = "/mcp/one", .slug = "mcp/one", .operation_id = "one", .summary = "The first" },
	{ .path = "/mcp/two", .slug = "mcp/two", .operation_id = "two" },
	{ .path = "/", .slug = "", .operation_id = "root" },
};
static const struct oauth_conf dev = { .dev_login = true };
static const struct oauth_conf federated = { .cimd_enabled = true };
static const struct origin origin = { .text = "https://h.example:8443", .scheme = "https",
	.host = "h.example", .port = 8443 };

static void test_names(struct arena *a)
{
	is_str(route_resource(a, &origin, &routes[0]), "https://h.example:8443/mcp/one",
	    "a route's resource is the origin and its path");
	is_str(route_issuer(a, &origin, &routes[0]), "https://h.example:8443/mcp/one",
	    "a route has an issuer of its own");
	is_str(route_issuer(a, &origin, NULL), "https://h.example:8443", "without a route it is the origin");
	is_str(route_issuer(a, &origin, &routes[2]), "https://h.example:8443", "so it is at the root");
	is_str(route_metadata_url(a, &origin, &routes[0]),
	    "https://h.example:8443/.well-known/oauth-protected-resource/mcp/one",
	    "the well-known name goes between host and path");
	is_str(route_metadata_url(a, &origin, &routes[2]),
	    "https://h.example:8443/.well-known/oauth-protected-resource",
	    "and ends there for a route at the root");
}

static void test_resources(struct arena *a, const struct project *p)
{
	static const struct {
		const char *resource;
		int route;
		const char *name;
	} rows[] = {
		{ "https://h.example:8443/mcp/one", 0, "a resource is its route" },
		{ "https://h.example:8443/mcp/two", 1, "each its own" },
		{ "https://h.example:8443/", 2, "the root with its slash" },
		{ "https://h.example:8443", 2, "and without" },
		{ "https://h.example:8443/mcp/one/", -1, "a slash more is no route (A16)" },
		{ "https://h.example:8443/mcp/one#x", -1, "nor is a fragment" },
		{ "https://h.example:8443/mcp/one?x", -1, "nor a query" },
		{ "https://h.example:8443/mcp", -1, "nor a prefix" },
		{ "HTTPS://h.example:8443/mcp/one", -1, "nor another spelling of the scheme" },
		{ "https://H.example:8443/mcp/one", -1, "nor of the host" },
		{ "https://h.example/mcp/one", -1, "nor another port" },
		{ "https://evil.example/mcp/one", -1, "nor another host" },
		{ "/mcp/one", -1, "nor a relative one" },
		{ "", -1, "nor nothing" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct mcp_route *route = route_of_resource(a, p, &origin, rows[i].resource);

		is_int(route ? route - p->routes : -1, rows[i].route, rows[i].name);
	}
}

#define METHODS "[\"none\",\"client_secret_basic\",\"client_secret_post\",\"private_key_jwt\"]"
#define ALGORITHMS                                                         \
	"[\"RS256\",\"RS384\",\"RS512\",\"PS256\",\"PS384\",\"PS512\"," \
	"\"ES256\",\"ES384\",\"ES512\"]"

static void test_documents(struct arena *a, struct project *p)
{
	is_str(json_text(a, metadata_resource(a, &origin, &routes[0])),
	    "{\"resource\":\"https://h.example:8443/mcp/one\",\"resource_name\":\"The first\","
	    "\"authorization_servers\":[\"https://h.example:8443/mcp/one\"],"
	    "\"bearer_methods_supported\":[\"header\"],\"scopes_supported\":[\"mcp:tools\"],"
	    "\"mcp_protocol_version\":\"2025-11-25\"}",
	    "a protected resource is described");
	ok(!strstr(json_text(a, metadata_resource(a, &origin, &routes[1])), "null"),
	    "what a route lacks is left out: clients refuse null");
	is_str(json_text(a, metadata_server(a, p, &origin, &routes[0], false)),
	    "{\"issuer\":\"https://h.example:8443/mcp/one\","
	    "\"authorization_endpoint\":\"https://h.example:8443/base/oauth/authorize/mcp/one\","
	    "\"token_endpoint\":\"https://h.example:8443/base/oauth/token\","
	    "\"registration_endpoint\":\"https://h.example:8443/base/oauth/register\","
	    "\"revocation_endpoint\":\"https://h.example:8443/base/oauth/revoke\","
	    "\"scopes_supported\":[\"mcp:tools\"],\"response_types_supported\":[\"code\"],"
	    "\"response_modes_supported\":[\"query\"],"
	    "\"grant_types_supported\":[\"authorization_code\",\"refresh_token\"],"
	    "\"token_endpoint_auth_methods_supported\":" METHODS ","
	    "\"token_endpoint_auth_signing_alg_values_supported\":" ALGORITHMS ","
	    "\"revocation_endpoint_auth_methods_supported\":" METHODS ","
	    "\"revocation_endpoint_auth_signing_alg_values_supported\":" ALGORITHMS ","
	    "\"code_challenge_methods_supported\":[\"S256\"],"
	    "\"authorization_response_iss_parameter_supported\":true,"
	    "\"x-gatehouse-browser-login-kind\":\"local_dev\"}",
	    "the authorization server is described, with what is built and nothing else");
	ok(!json_get(metadata_server(a, p, &origin, NULL, false), "client_id_metadata_document_supported"),
	    "documents as client ids are not promised where they are off");
	p->oauth = &federated;
	ok(json_get_bool(metadata_server(a, p, &origin, NULL, false),
	       "client_id_metadata_document_supported", false),
	    "and are where they are on");
	is_str(json_get_string(metadata_server(a, p, &origin, NULL, true), "x-gatehouse-browser-login-kind"),
	    "federated_oidc", "it says who signs in");
	is_str(json_get_string(metadata_server(a, p, &origin, NULL, true), "jwks_uri"),
	    "https://h.example:8443/.well-known/jwks.json", "OpenID's form has a key set");
	is_str(json_get_string(metadata_server(a, p, &origin, NULL, true), "authorization_endpoint"),
	    "https://h.example:8443/base/oauth/authorize", "without a route the endpoint names none");
}

int main(void)
{
	struct arena *a = arena_new();
	struct project p = { .base_path = "/base", .routes = routes, .routes_n = 3, .oauth = &dev };

	test_names(a);
	test_resources(a, &p);
	test_documents(a, &p);
	arena_free(a);
	return done();
}
