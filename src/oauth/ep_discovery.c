/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Well-known documents at the origin's root. What has no route here is 404: clients try several
 * addresses, and take a 404, but nothing else, for "try the next" (protocol §2.3.2).
 */
#include "config.h"

#include "oauth/endpoint.h"

#include "conf/file.h"
#include "json/jose.h"
#include "keys/ring.h"
#include "oauth/metadata.h"

static bool not_found(struct err *e, const char *detail)
{
	return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "%s", detail);
}

static bool send_document(struct resp *p, struct json_object *doc)
{
	/* short: a reload may change it */
	resp_set(p, "Cache-Control", "public, max-age=60");
	return resp_json(p, 200, doc);
}

/* The route named by the tail; *ROUTE stays NULL where there is no tail. */
static bool read_route(struct req *r, const struct mcp_route **route, struct err *e)
{
	*route = NULL;
	if (!*r->tail)
		return true;
	*route = project_route(r->project, arena_printf(r->arena, "/%s", r->tail));
	if (!*route || (*route)->is_public)
		return not_found(e, *route ? "public route" : "no such route");
	if ((*route)->fault) {
		err_set(e, ERR_CONFIG, "", "%s", (*route)->fault);
		return err_text(e, "this route has a configuration error: %.200s", (*route)->fault);
	}
	return true;
}

bool ep_resource_metadata(struct req *r, struct resp *p, struct err *e)
{
	const struct mcp_route *route;

	if (!read_route(r, &route, e))
		return false;
	if (!route)
		route = project_only_route(r->project);
	if (!route || route->is_public)
		return not_found(e, "no route is named, and there is not exactly one");
	return send_document(p, metadata_resource(r->arena, r->origin, route));
}

static bool send_server_metadata(struct req *r, struct resp *p, bool openid, struct err *e)
{
	const struct mcp_route *route;

	return read_route(r, &route, e) &&
	    send_document(p, metadata_server(r->arena, r->project, r->origin, route, openid));
}

bool ep_server_metadata(struct req *r, struct resp *p, struct err *e)
{
	return send_server_metadata(r, p, false, e);
}

bool ep_openid_metadata(struct req *r, struct resp *p, struct err *e)
{
	return send_server_metadata(r, p, true, e);
}

/*
 * RFC 7517: the file that `gatehousectl keys` keeps beside the signing keys. It is looked at before
 * it goes out: whoever put another file there by mistake must not publish a private key.
 */
bool ep_jwks(struct req *r, struct resp *p, struct err *e)
{
	const char *path = conf_path(r->arena, r->project->keyring, RING_PUBLISHED);
	struct conf_text text = { .p = NULL };
	struct err why = { .code = ERR_NONE };

	if (conf_read(&text, r->arena, path, JWKS_MAX, &why) &&
	    jwks_check(r->arena, text.p, text.n, false, &why)) {
		resp_set(p, "Cache-Control", "public, max-age=60");
		return resp_text(p, 200, "application/json", text.p);
	}
	err_set(e, ERR_CONFIG, "", "%.200s: %.200s", path, why.text);
	return err_text(e, "the published signing keys cannot be read: run `gatehousectl reload`");
}
