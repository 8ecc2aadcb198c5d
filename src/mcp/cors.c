/* SPDX-License-Identifier: Apache-2.0 */
/* CORS at MCP routes. */
#include "config.h"

#include "mcp/cors.h"

#include "policy/upstream_request.h"

#include <string.h>
#include <strings.h>

static bool is_allowed(const struct req *r, const struct mcp_route *route, const char *origin)
{
	if (!strcmp(origin, "null"))
		return false;
	return route->cors_any || project_allows_origin(r->project, origin);
}

bool cors_check(const struct req *r, const struct mcp_route *route, struct err *e)
{
	const char *origin = req_header(r, "Origin");

	if (!origin || is_allowed(r, route, origin))
		return true;
	return err_reason(e, ERR_FORBIDDEN, "origin_not_allowed", "pages of this origin may not call this server",
	    "Origin '%.128s' is not in allowedOrigins", origin);
}

void cors_set(const struct req *r, struct resp *p, const struct mcp_route *route)
{
	const char *origin = req_header(r, "Origin");

	resp_set(p, "Vary", "Origin");
	if (!origin || !is_allowed(r, route, origin))
		return;
	resp_set(p, "Access-Control-Allow-Origin", route->cors_any ? "*" : origin);
	resp_set(p, "Access-Control-Expose-Headers",
	    "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After, X-Request-Id");
}

/* Mcp-Param-* cannot be enumerated and "*" does not cover Authorization: what is asked for is named. */
static const char *allowed_headers(const struct req *r)
{
	const char *allowed = "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id, "
			      "Last-Event-ID, Mcp-Method, Mcp-Name, DPoP";
	const char *s = req_header(r, "Access-Control-Request-Headers");

	while (s && *s) {
		const char *name;
		size_t n;

		s += strspn(s, ", \t");
		n = strcspn(s, ", \t");
		name = arena_strndup(r->arena, s, n);
		if (!strncasecmp(name, "mcp-param-", 10) && header_name_is_token(name))
			allowed = arena_printf(r->arena, "%s, %s", allowed, name);
		s += n;
	}
	return allowed;
}

bool cors_preflight(const struct req *r, struct resp *p, const struct mcp_route *route)
{
	p->status = 204;
	cors_set(r, p, route);
	resp_set(p, "Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS");
	resp_set(p, "Access-Control-Allow-Headers", allowed_headers(r));
	resp_set(p, "Access-Control-Max-Age", "86400");
	return true;
}
