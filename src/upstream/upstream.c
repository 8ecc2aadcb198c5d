/* SPDX-License-Identifier: Apache-2.0 */
/* Finding an upstream, naming its addresses here, and fetching from it. */
#include "config.h"

#include "upstream/upstream.h"

#include <string.h>

enum { DOCUMENT_MAX = 64 * 1024, HTML_MAX = 32 * 1024 };

bool upstream_find(struct upstream *u, const char *id, const char *operation_id)
{
	const struct project *p = u->project;

	for (size_t i = 0; i < p->routes_n; i++) {
		const struct mcp_route *r = &p->routes[i];

		if (!r->exchange || r->fault || strcmp(r->exchange->id, id) ||
		    (operation_id && strcmp(r->operation_id, operation_id)))
			continue;
		u->route = r;
		u->conf = r->exchange;
		return true;
	}
	return false;
}

const char *upstream_url(const struct upstream *u, const char *name)
{
	return arena_printf(u->arena, "%s%s/auth/connections/%s/%s", u->origin->text, u->project->base_path,
	    u->conf->id, name);
}

const char *upstream_document_url(const struct upstream *u)
{
	return arena_printf(u->arena, "%s%s/.well-known/oauth-client/%s?authProfileId=%s:%s", u->origin->text,
	    u->project->base_path, u->conf->id, u->conf->id, u->conf->auth_mode);
}

static void add_strings(struct json_object *doc, const char *name, struct arena *a, const char *one,
    const char *two)
{
	struct json_object *list = json_new_array(a);

	json_add_string(list, NULL, one);
	json_add_string(list, NULL, two);
	json_add(doc, name, list);
}

struct json_object *upstream_document(const struct upstream *u)
{
	struct json_object *doc = json_new_object(u->arena);

	json_add_string(doc, "client_id", upstream_document_url(u));
	json_add_string(doc, "client_name", arena_printf(u->arena, "Gatehouse at %s", u->origin->host));
	json_add_string(doc, "client_uri", u->origin->text);
	json_add_string(doc, "application_type", "web");
	json_add_string(doc, "token_endpoint_auth_method", "none");
	add_strings(doc, "redirect_uris", u->arena, upstream_url(u, "callback"), NULL);
	add_strings(doc, "grant_types", u->arena, "authorization_code", "refresh_token");
	add_strings(doc, "response_types", u->arena, "code", NULL);
	return doc;
}

bool upstream_fetch(struct upstream *u, struct fetch *f, struct err *e)
{
	f->guard = u->guard;
	f->upstream = u->conf->id;
	f->max = DOCUMENT_MAX;
	f->connect_ms = u->project->limits.connect_ms;
	f->total_ms = u->patience_ms ? u->patience_ms : u->project->limits.fetch_ms;
	if (!fetch(f, u->arena, e))
		return false;
	if (!strcmp(f->content_type, "text/html") && f->body_len && f->body_len <= HTML_MAX)
		u->html = f->body;
	return true;
}

struct json_object *upstream_json(struct upstream *u, const struct fetch *f, struct err *e)
{
	const struct scan_limits limits = scan_limits_of(DOCUMENT_MAX);
	struct err why = { .code = ERR_NONE };
	struct json_object *doc = json_parse(u->arena, f->body, f->body_len, &limits, &why);

	if (doc && json_object_is_type(doc, json_type_object))
		return doc;
	err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is malformed",
	    "%.200s: status %d, %s", f->url, f->status, doc ? "no object" : why.text);
	return NULL;
}

bool upstream_endpoint_is_sound(const struct upstream *u, const char *url)
{
	struct uri uri;

	if (!url || !uri_parse(&uri, u->arena, url, NULL) || !uri.host || uri.userinfo || uri.fragment)
		return false;
	return !strcmp(uri.scheme, "https") ||
	       (!strcmp(uri.scheme, "http") && u->project->development && uri_is_loopback(uri.host));
}

/* Whether PATH lies under PREFIX, at the end of a segment. */
static bool is_under(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	while (n && prefix[n - 1] == '/')
		n--;
	return !strncmp(path, prefix, n) && (path[n] == '\0' || path[n] == '/');
}

bool upstream_is_resource(const struct upstream *u, const char *resource)
{
	const struct uri *up = &u->route->upstream;
	struct uri uri;

	return resource && uri_parse(&uri, u->arena, resource, NULL) && !uri.fragment && !uri.userinfo &&
	       uri_same_origin(&uri, up) && is_under(*up->path ? up->path : "/", uri.path);
}
