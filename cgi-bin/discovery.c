/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discovery.fcgi: the well-known documents, the documents by which upstreams know us, and the
 * registry of MCP servers. It opens no keys and no database.
 */
#include "config.h"

#include "http/http.h"
#include "oauth/endpoint.h"
#include "oauth/metadata.h"
#include "policy/policy.h"
#include "registry/registry.h"
#include "upstream/document.h"

#define DOCUMENT(path_, handler_) \
	{ .methods = "GET", .path = path_, .need = NEED_IDENTIFY, .identify = oauth_in_force, \
	    .cors = CORS_ANY, .handler = handler_ }

static const struct route_row rows[] = {
	DOCUMENT("/.well-known/oauth-protected-resource", ep_resource_metadata),
	DOCUMENT("/.well-known/oauth-protected-resource/*", ep_resource_metadata),
	DOCUMENT("/.well-known/oauth-authorization-server", ep_server_metadata),
	DOCUMENT("/.well-known/oauth-authorization-server/*", ep_server_metadata),
	DOCUMENT("/.well-known/openid-configuration", ep_openid_metadata),
	DOCUMENT("/.well-known/openid-configuration/*", ep_openid_metadata),
	DOCUMENT("/.well-known/jwks.json", ep_jwks),
	DOCUMENT("{b}/.well-known/oauth-client/*", ep_client_document),
	{ .path = NULL },
};

int main(int argc, char **argv)
{
	struct app app = {
		.name = "discovery",
		.rows = rows,
		.find = registry_find,
		.policy_types = policy_types,
	};

	return serve(&app, argc, argv);
}
