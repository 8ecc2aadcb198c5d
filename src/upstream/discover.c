/* SPDX-License-Identifier: Apache-2.0 */
/* Discovery, in the order in which a client of MCP looks. */
#include "config.h"

#include "upstream/discover.h"

#include "base/log.h"
#include "upstream/challenge.h"

#include <string.h>

#define PRM "/.well-known/oauth-protected-resource"
#define ASM "/.well-known/oauth-authorization-server"
#define OPENID "/.well-known/openid-configuration"

/* Some servers let everybody begin, and ask for a token when there is something to be had. */
static const char *const probes[] = {
	"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
	"\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},"
	"\"clientInfo\":{\"name\":\"gatehouse\",\"version\":\"" PACKAGE_VERSION "\"}}}",
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{}}",
};

/* ---- the challenge */

/*
 * Asks the upstream without a token, as a client would. No answer is no fault yet: the documents may be
 * there all the same.
 */
static void ask(struct upstream *u, struct challenge *c)
{
	*c = (struct challenge){ .error = NULL };
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		struct err e = { .code = ERR_NONE };
		struct fetch f = {
			.url = u->route->upstream_text,
			.accept = "application/json, text/event-stream",
			.json = probes[i],
		};

		if (!upstream_fetch(u, &f, &e))
			break;
		if (f.status == 401) {
			challenge_read(c, u->arena, f.challenge);
			break;
		}
	}
	u->html = NULL;
}

/* ---- the protected resource */

static const char *join_strings(struct arena *a, struct json_object *list, const char *delimiter)
{
	const char *text = NULL;
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (json_object_is_type(item, json_type_string))
			text = text ? arena_printf(a, "%s%s%s", text, delimiter, json_object_get_string(item))
				    : arena_strdup(a, json_object_get_string(item));
	}
	return text;
}

static bool has_string(struct json_object *list, const char *wanted)
{
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		if (json_object_is_type(item, json_type_string) && !strcmp(json_object_get_string(item), wanted))
			return true;
	}
	return false;
}

static bool read_resource(struct discovery *d, struct upstream *u, const struct fetch *f, struct err *e)
{
	struct json_object *doc = upstream_json(u, f, e), *servers, *first;

	if (!doc)
		return false;
	d->resource = json_get_string(doc, "resource");
	if (!upstream_is_resource(u, d->resource))
		return err_reason(e, ERR_UPSTREAM, "upstream_oauth_resource",
		    "the upstream's metadata is about another resource", "%.200s: resource '%.200s'", f->url,
		    d->resource ? d->resource : "");
	servers = json_get(doc, "authorization_servers");
	first = json_object_is_type(servers, json_type_array) ? json_object_array_get_idx(servers, 0) : NULL;
	if (!json_object_is_type(first, json_type_string))
		return err_reason(e, ERR_UPSTREAM, "upstream_oauth_none",
		    "the upstream names no authorization server", "%.200s", f->url);
	d->issuer = json_object_get_string(first);
	d->supported_scope = join_strings(u->arena, json_get(doc, "scopes_supported"), " ");
	return true;
}

enum found { FOUND_NOT, FOUND, FOUND_FAULT };

/* Fetches a document that may be absent: 404 and kin. */
static enum found get(struct upstream *u, struct fetch *f, const char *url, struct err *e)
{
	*f = (struct fetch){ .url = url };
	if (!upstream_fetch(u, f, e))
		return FOUND_FAULT;
	if (f->status == 404 || f->status == 405 || f->status == 410 || f->status == 401 || f->status == 403 ||
	    f->status == 400)
		return FOUND_NOT;
	return fetch_is_json(f, e) ? FOUND : FOUND_FAULT;
}

/* A resource's metadata where it must be: its absence is a fault. */
static bool resource_at(struct discovery *d, struct upstream *u, const char *url, struct err *e)
{
	struct fetch f;

	switch (get(u, &f, url, e)) {
	case FOUND:
		return read_resource(d, u, &f, e);
	case FOUND_NOT:
		return err_reason(e, ERR_UPSTREAM, "fetch_status", "the upstream's metadata is not where it should be",
		    "%.200s: status %d", url, f.status);
	case FOUND_FAULT:
		break;
	}
	return false;
}

/* An address that the upstream chose: its own origin alone (protocol F94). */
static bool is_of_upstream(const struct upstream *u, const char *url)
{
	struct uri uri;

	return uri_parse(&uri, u->arena, url, NULL) && !uri.userinfo && !uri.fragment &&
	       uri_same_origin(&uri, &u->route->upstream);
}

/* The well-known places. True with an issuer if there is metadata, without one if there is none. */
static bool find_resource(struct discovery *d, struct upstream *u, struct err *e)
{
	const char *origin = uri_origin(&u->route->upstream, u->arena), *path = u->route->upstream.path;
	const char *const urls[] = {
		arena_printf(u->arena, "%s" PRM "%s", origin, strcmp(path, "/") ? path : ""),
		arena_printf(u->arena, "%s" PRM, origin),
	};

	for (size_t i = 0; i < 2; i++) {
		struct fetch f;

		if (i && !strcmp(urls[0], urls[1]))
			break;
		switch (get(u, &f, urls[i], e)) {
		case FOUND:
			return read_resource(d, u, &f, e);
		case FOUND_NOT:
			continue;
		case FOUND_FAULT:
			return false;
		}
	}
	return true;
}

static bool discover_resource(struct discovery *d, struct upstream *u, const struct challenge *c, struct err *e)
{
	const char *pinned = u->conf->metadata_url, *said = c->resource_metadata;

	if (pinned && said && strcmp(pinned, said))
		log_warn(NULL, "the upstream's challenge names other metadata than protectedResourceMetadataUrl",
		    "upstream", u->conf->id, "challenge", said, NULL);
	if (pinned)
		return resource_at(d, u, pinned, e);
	if (!said)
		return find_resource(d, u, e);
	if (!is_of_upstream(u, said))
		return err_reason(e, ERR_UPSTREAM, "upstream_oauth_resource",
		    "the upstream's metadata is not at the upstream", "challenge names '%.200s'", said);
	return resource_at(d, u, said, e);
}

/* ---- the authorization server */

static bool endpoint(struct upstream *u, struct json_object *doc, const char *name, bool required,
    const char **out, struct err *e)
{
	*out = json_get_string(doc, name);
	if (!*out && !required)
		return true;
	return upstream_endpoint_is_sound(u, *out) ||
	       err_reason(e, ERR_UPSTREAM, "upstream_oauth_endpoint",
		   "the authorization server has an endpoint that nobody may be sent to", "%s '%.200s'", name,
		   *out ? *out : "");
}

static bool read_server(struct discovery *d, struct upstream *u, const struct fetch *f, struct err *e)
{
	struct json_object *doc = upstream_json(u, f, e), *types;
	const char *issuer = json_get_string(doc, "issuer");

	if (!doc)
		return false;
	if (!issuer || strcmp(issuer, d->issuer))
		return err_reason(e, ERR_UPSTREAM, "upstream_oauth_issuer",
		    "the authorization server calls itself by another name", "%.200s: issuer '%.200s'", f->url,
		    issuer ? issuer : "");
	types = json_get(doc, "response_types_supported");
	if (!has_string(json_get(doc, "code_challenge_methods_supported"), "S256") ||
	    (types && !has_string(types, "code")))
		return err_reason(e, ERR_UPSTREAM, "upstream_oauth_pkce",
		    "the authorization server does not do PKCE with S256", "%.200s", f->url);
	d->sends_iss = json_get_bool(doc, "authorization_response_iss_parameter_supported", false);
	d->takes_documents = json_get_bool(doc, "client_id_metadata_document_supported", false);
	d->has_offline = has_string(json_get(doc, "scopes_supported"), "offline_access");
	d->auth_methods = json_get(doc, "token_endpoint_auth_methods_supported");
	return endpoint(u, doc, "authorization_endpoint", true, &d->authorization_endpoint, e) &&
	       endpoint(u, doc, "token_endpoint", true, &d->token_endpoint, e) &&
	       endpoint(u, doc, "registration_endpoint", false, &d->registration_endpoint, e) &&
	       endpoint(u, doc, "revocation_endpoint", false, &d->revocation_endpoint, e);
}

/* Both forms, the path inserted first (protocol 2.3.2). */
static bool discover_server(struct discovery *d, struct upstream *u, bool *found, struct err *e)
{
	struct uri uri;
	const char *origin, *path, *urls[3];

	*found = false;
	if (!uri_parse(&uri, u->arena, d->issuer, NULL) || !uri.host || uri.userinfo || uri.query || uri.fragment)
		return err_reason(e, ERR_UPSTREAM, "upstream_oauth_issuer",
		    "the name of the authorization server is no address", "issuer '%.200s'", d->issuer);
	origin = uri_origin(&uri, u->arena);
	path = strcmp(uri.path, "/") ? uri.path : "";
	urls[0] = arena_printf(u->arena, "%s" ASM "%s", origin, path);
	urls[1] = arena_printf(u->arena, "%s" OPENID "%s", origin, path);
	urls[2] = *path ? arena_printf(u->arena, "%s%s" OPENID, origin, path) : NULL;
	for (size_t i = 0; i < 3 && urls[i]; i++) {
		struct fetch f;

		switch (get(u, &f, urls[i], e)) {
		case FOUND:
			*found = true;
			return read_server(d, u, &f, e);
		case FOUND_NOT:
			continue;
		case FOUND_FAULT:
			return false;
		}
	}
	return true;
}

/* ---- servers of 2025-03-26 (protocol 1.14) */

static bool is_legacy(const struct upstream *u)
{
	return has_string(json_get(u->project->outbound, "legacyDiscovery"), u->conf->id);
}

/* Without metadata the endpoints are where that revision puts them: at the origin's root. */
static bool legacy_endpoints(struct discovery *d, struct upstream *u, struct err *e)
{
	d->authorization_endpoint = arena_printf(u->arena, "%s/authorize", d->issuer);
	d->token_endpoint = arena_printf(u->arena, "%s/token", d->issuer);
	d->registration_endpoint = arena_printf(u->arena, "%s/register", d->issuer);
	return upstream_endpoint_is_sound(u, d->token_endpoint) ||
	       err_reason(e, ERR_UPSTREAM, "upstream_oauth_endpoint",
		   "the authorization server has an endpoint that nobody may be sent to", "'%.200s'",
		   d->token_endpoint);
}

bool discover(struct discovery *d, struct upstream *u, struct err *e)
{
	struct challenge c;
	bool found;

	*d = (struct discovery){ .resource = "" };
	ask(u, &c);
	d->challenged_scope = c.scope;
	if (!discover_resource(d, u, &c, e))
		return false;
	if (d->issuer) {
		if (!discover_server(d, u, &found, e))
			return false;
		return found || err_reason(e, ERR_UPSTREAM, "upstream_oauth_none",
				    "the upstream's authorization server has no metadata", "issuer '%.200s'",
				    d->issuer);
	}
	if (!is_legacy(u))
		return err_reason(e, ERR_UPSTREAM, "upstream_oauth_none",
		    "the upstream does not say how to sign in to it",
		    "no metadata; a server of 2025-03-26 can be named in outbound.legacyDiscovery");
	d->issuer = uri_origin(&u->route->upstream, u->arena);
	return discover_server(d, u, &found, e) && (found || legacy_endpoints(d, u, e));
}

/* ---- scopes */

/* Cuts the next word off; NULL at the end. */
static const char *next_word(struct arena *a, const char **text, const char *delimiter)
{
	const char *stops = arena_printf(a, " %s", delimiter);
	size_t n;

	*text += strspn(*text, stops);
	n = strcspn(*text, stops);
	*text += n;
	return n ? arena_strndup(a, *text - n, n) : NULL;
}

static bool holds_word(struct arena *a, const char *whole, const char *word, const char *delimiter)
{
	for (const char *other; (other = next_word(a, &whole, delimiter));)
		if (!strcmp(other, word))
			return true;
	return false;
}

bool scope_holds(struct arena *a, const char *whole, const char *part, const char *delimiter)
{
	for (const char *word; part && (word = next_word(a, &part, delimiter));)
		if (!whole || !holds_word(a, whole, word, delimiter))
			return false;
	return true;
}

const char *scope_union(struct arena *a, const char *one, const char *other, const char *delimiter)
{
	const char *text = "";

	for (int i = 0; i < 2; i++) {
		const char *rest = i ? other : one;

		for (const char *word; rest && (word = next_word(a, &rest, delimiter));)
			if (!holds_word(a, text, word, delimiter))
				text = *text ? arena_printf(a, "%s%s%s", text, delimiter, word) : word;
	}
	return text;
}

const char *discover_scope(const struct discovery *d, const struct upstream *u, const char *wanted)
{
	const char *delimiter = u->conf->scope_delimiter, *scope = u->conf->scopes;

	if (!scope) {
		scope = d->challenged_scope ? d->challenged_scope : d->supported_scope;
		if (scope && d->has_offline)
			scope = scope_union(u->arena, scope, "offline_access", delimiter);
		else if (scope)
			scope = scope_union(u->arena, scope, NULL, delimiter);
	}
	if (wanted)
		scope = scope_union(u->arena, scope, wanted, delimiter);
	return scope && *scope ? scope : NULL;
}
