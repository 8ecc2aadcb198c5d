/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documents by which clients find their way: protected resource (RFC 9728) and
 * authorization server (RFC 8414, OpenID Connect Discovery). Everything in them is built from
 * the public origin addressed and the project, never from headers. They say what is built, and
 * nothing else.
 */
#ifndef GATEHOUSE_OAUTH_METADATA_H
#define GATEHOUSE_OAUTH_METADATA_H

#include "http/http.h"
#include "json/json.h"

/* The resource URI of a route, "{origin}{path}": the audience of its tokens. In the arena. */
const char *route_resource(struct arena *, const struct origin *, const struct mcp_route *);

/* The issuer: "{origin}/{route}", or "{origin}" with ROUTE NULL. In the arena. */
const char *route_issuer(struct arena *, const struct origin *, const struct mcp_route *);

/* Where the metadata of the route as a protected resource is: what a 401 names. In the arena. */
const char *route_metadata_url(struct arena *, const struct origin *, const struct mcp_route *);

/*
 * The route with this resource URI at this origin; NULL if none. "https://h" counts as "https://h/"
 * (protocol §2.2.3); nothing else is normalised.
 */
const struct mcp_route *route_of_resource(
    struct arena *, const struct project *, const struct origin *, const char *resource);

/*
 * Whether there is an authorization server here: ERR_NOT_FOUND where the project has no OAuth
 * policy, ERR_CONFIG where it is faulty. The `identify` of all OAuth rows.
 */
bool oauth_in_force(struct req *, struct err *);

/* Whether there are resource servers that may introspect tokens. */
bool metadata_may_introspect(const struct project *);

/* The documents. In the arena. ROUTE may be NULL in the second. */
struct json_object *metadata_resource(
    struct arena *, const struct origin *, const struct mcp_route *);
struct json_object *metadata_server(struct arena *, const struct project *, const struct origin *,
    const struct mcp_route *, bool openid);

/*
 * Answers "/{route}/.well-known/openid-configuration", which lies under the MCP route: for
 * mcp.fcgi. ERR_NOT_FOUND without an OAuth policy on it.
 */
bool metadata_openid_of_route(struct req *, struct resp *, const struct mcp_route *, struct err *);

#endif
