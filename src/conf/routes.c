/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config/routes.oas.json: one path per MCP route. A faulty route is kept, closed: it
 * answers configuration_error, and the others serve. What the rules between routes and
 * policies say is in rules.c.
 */
#include "config.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "conf/file.h"
#include "conf/load.h"
#include "conf/tables.h"

enum { TIMEOUT_DEFAULT_MS = 120000, TIMEOUT_MAX_MS = 24 * 60 * 60 * 1000 };

const struct option handler_options[] = {
	{ "rewritePattern", OPTION_STRING, true,
	    .about = "The upstream's URL; ${env.NAME} is replaced by a variable." },
	{ "forwardSearch", OPTION_BOOL, .initial = "true",
	    .about = "Whether the client's query string goes upstream." },
	{ "followRedirects", OPTION_BOOL, .initial = "false",
	    .about = "Whether redirects within the upstream's origin are followed; else they are "
		     "returned." },
	{ "mtlsCertificate", OPTION_STRING,
	    .about = "The client certificate to show, by its id in outbound.certificates." },
	{ "sse", OPTION_BOOL, .initial = "false",
	    .about = "Whether GET streams and DELETE are passed through." },
	{ "bridge", OPTION_BOOL, .initial = "false",
	    .about = "Whether messages are carried between the protocol eras: a modern client on a legacy upstream, a legacy "
		     "client on a modern one." },
	{ "cacheLists", OPTION_BOOL, .initial = "false",
	    .about = "Whether lists of tools, prompts and resources are kept for as long as the upstream allows." },
	{ "recordArguments", OPTION_BOOL, .initial = "false",
	    .about = "Whether events hold the arguments of tools and prompts, as the upstream got them: the first 4096 bytes. Personal data "
		     "goes where events go." },
	{ "recordResults", OPTION_BOOL, .initial = "false",
	    .about = "The same for results, as the client got them; of answers of at most 64 KiB." },
	{ "timeoutMs", OPTION_INT, false, 1, TIMEOUT_MAX_MS, .initial = "120000",
	    .about = "Milliseconds that a call may take, and its first byte." },
	{ "forwardHeaders", OPTION_STRINGS, .initial = "[]",
	    .about = "More request headers that go upstream, by name; [\"*\"] for all that may." },
	{ 0 },
};

static const struct option handler_members[] = {
	{ "module", OPTION_ANY, .about = "Accepted and ignored." },
	{ "export", OPTION_STRING, true, .about = "McpProxyHandler." },
	{ "options", OPTION_OBJECT, true, .sub = handler_options,
	    .about = "The handler's options." },
	{ 0 },
};

static const struct option policies_members[] = {
	{ "inbound", OPTION_STRINGS, .initial = "[]",
	    .about = "Policies for requests, in their order." },
	{ "outbound", OPTION_STRINGS, .initial = "[]",
	    .about = "Policies for answers, in their order." },
	{ 0 },
};

const struct option route_options[] = {
	{ "corsPolicy", OPTION_ENUM, .words = "none anything-goes", .initial = "none",
	    .about = "Browser origins that may call: allowedOrigins only, or any." },
	{ "handler", OPTION_OBJECT, true, .sub = handler_members,
	    .about = "What serves the route." },
	{ "policies", OPTION_OBJECT, .sub = policies_members,
	    .about = "The route's policies, by name." },
	{ "public", OPTION_BOOL, .initial = "false",
	    .about = "Whether the route is served without sign-in." },
	{ 0 },
};

/* OpenAPI's own members, which say nothing about serving. */
static const char *const path_members[] = { "$ref", "summary", "description", "servers",
	"parameters", NULL };
static const char *const operation_members[] = { "operationId", "summary", "description", "tags",
	"externalDocs", "parameters", "requestBody", "responses", "callbacks", "deprecated",
	"security", "servers", "x-gatehouse-route", NULL };
static const char *const file_members[] = { "openapi", "info", "tags", "components", "servers",
	"security", "externalDocs", "webhooks", "jsonSchemaDialect", "paths", "$schema", NULL };
static const char *const operation_keys[] = { "get,post", "post", NULL };

static bool is_one_of(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

/* "get", "get,post", …: lower-case method names separated by commas. */
static bool is_methods(const char *key)
{
	static const char *const methods[] = { "get", "put", "post", "delete", "options", "head",
		"patch", "trace", NULL };
	char method[8];

	for (const char *p = key;; p++) {
		size_t n = strcspn(p, ",");

		if (n >= sizeof(method))
			return false;
		memcpy(method, p, n);
		method[n] = '\0';
		if (!is_one_of(methods, method))
			return false;
		p += n;
		if (!*p)
			return true;
	}
}

/* A member that nobody reads: a problem that names the nearest known one. */
static const char *unknown_remedy(struct loader *l, const char *const *known, const char *name)
{
	const char *near = name_nearest(name, known);

	return near ? arena_printf(l->arena, "write '%s', or remove it", near) : "remove it";
}

/* ---- one route ---- */

struct reading {
	struct loader *l;
	struct mcp_route *route;
	struct route_entry *entry;
	const char *pointer; /* of the operation */
};

static const char *sub_pointer(struct reading *r, const char *base, const char *name)
{
	return pointer_member(r->l->arena, base, name);
}

static void check_members(struct reading *r)
{
	json_object_object_foreach(r->entry->operation, name, value)
	{
		(void)value;
		if (is_one_of(operation_members, name) || !strncmp(name, "x-", 2))
			continue;
		route_fault(r->l, r->route, sub_pointer(r, r->pointer, name),
		    unknown_remedy(r->l, operation_members, name), "unknown member '%.64s'", name);
	}
}

/* Whether one of the path's segments is .well-known. */
static bool has_well_known(const char *path)
{
	static const char name[] = "/.well-known";

	for (const char *p = path; (p = strstr(p, name)); p++)
		if (p[sizeof(name) - 1] == '/' || p[sizeof(name) - 1] == '\0')
			return true;
	return false;
}

static void check_path(struct reading *r, const char *item_pointer)
{
	const char *path = r->route->path;

	if (strchr(path, '{') || strchr(path, '*'))
		route_fault(r->l, r->route, item_pointer,
		    "write a plain path, one for each upstream",
		    "the path of an MCP route cannot have parameters");
	else if (!path_is_sound(path))
		route_fault(r->l, r->route, item_pointer,
		    "write a path like /mcp/name: no escapes, no empty segment, no slash at its "
		    "end",
		    "this is no path that a request can have");
	else if (has_well_known(path))
		route_fault(r->l, r->route, item_pointer, "choose another path",
		    "the route shadows /.well-known, where discovery documents are");
}

static void read_operation_id(struct reading *r)
{
	const char *id = json_get_string(r->entry->operation, "operationId");
	const char *pointer = sub_pointer(r, r->pointer, "operationId");

	r->route->operation_id = "";
	if (!json_get(r->entry->operation, "operationId")) {
		route_fault(r->l, r->route, r->pointer,
		    "add a name of its own; tokens and connections hang on it, so never change it "
		    "later",
		    "operationId is missing");
		return;
	}
	if (!id || !*id || strlen(id) > 128) {
		route_fault(r->l, r->route, pointer, "write a text of 1 to 128 characters",
		    "operationId is not a text of 1 to 128 characters");
		return;
	}
	for (struct mcp_route *other = r->l->routes; other < r->route; other++) {
		if (strcmp(other->operation_id, id) != 0)
			continue;
		route_fault(r->l, r->route, pointer, "give each operation a name of its own",
		    "operationId is that of %s, too", other->path);
		/* a token for one would be a token for both */
		if (!other->fault)
			other->fault = r->route->fault;
	}
	r->route->operation_id = id;
}

static void read_texts(struct reading *r)
{
	static const char *const names[] = { "summary", "description", "x-version", "x-updated" };
	struct json_object *op = r->entry->operation;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (json_get(op, names[i]) && !json_get_string(op, names[i]))
			route_fault(r->l, r->route, sub_pointer(r, r->pointer, names[i]),
			    "write a string", "member '%s' must be a string", names[i]);
	r->route->summary = json_get_string(op, "summary");
	r->route->description = json_get_string(op, "description");
	r->route->version = json_get_string(op, "x-version");
	r->route->updated = json_get_string(op, "x-updated");
}

/* ---- the handler ---- */

/* A URL that every parser reads alike, of which only the query may grow. */
static bool parse_upstream(struct reading *r, const char *pointer)
{
	static const char remedy[] = "write https://HOST/PATH, or ${env.NAME}";
	struct mcp_route *route = r->route;
	struct err e = { 0 };
	struct uri *u = &route->upstream;

	if (!uri_parse(u, r->l->arena, route->upstream_text, &e))
		route_fault(r->l, route, pointer, remedy,
		    "rewritePattern is not an absolute http or https URL: %s", e.text);
	else if (!u->host || (strcmp(u->scheme, "https") != 0 && strcmp(u->scheme, "http") != 0))
		route_fault(r->l, route, pointer, remedy,
		    "rewritePattern is not an absolute http or https URL");
	else if (u->userinfo)
		route_fault(r->l, route, pointer,
		    "use set-upstream-api-key-inbound for a credential",
		    "rewritePattern holds user information");
	else if (u->fragment)
		route_fault(r->l, route, pointer, "remove it", "rewritePattern has a fragment");
	else
		return true;
	return false;
}

static const char *url_without_query(const struct uri *u, struct arena *a)
{
	return arena_join(a, uri_origin(u, a), *u->path ? u->path : "/", NULL);
}

static void read_upstream(struct reading *r, struct json_object *options, const char *pointer)
{
	const char *text = json_get_string(options, "rewritePattern"), *url;
	struct expansion x = {
		.owner = arena_printf(r->l->arena, "route %s", r->route->path),
		.used = true,
		.needed = load_is_needed(r->l, POLICY_OTHER),
	};

	pointer = sub_pointer(r, pointer, "rewritePattern");
	if (strstr(text, "$env(")) {
		route_fault(r->l, r->route, pointer, "write ${env.NAME}",
		    "$env(NAME) is for policies; it is not replaced in rewritePattern");
		return;
	}
	for (const char *p = text; (p = strstr(p, "${")); p += 2) {
		if (!strncmp(p, "${env.", 6))
			continue;
		route_fault(r->l, r->route, pointer,
		    "name one upstream; a route cannot choose it by the request",
		    "rewritePattern has a request-based template; only ${env.NAME} is replaced");
		return;
	}
	url = load_expand(r->l, ENV_BRACES, text, ROUTES_FILE, pointer, &x);
	if (url) {
		r->route->upstream_text = url;
		if (parse_upstream(r, pointer))
			r->route->upstream_url = url_without_query(&r->route->upstream, r->l->arena);
	} else if (!r->route->fault) {
		r->route->fault = x.fault;
	}
}

static bool is_header_name(const char *s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (const char *p = s; *p; p++)
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			(*p >= '0' && *p <= '9') || strchr(others, *p)))
			return false;
	return *s != '\0';
}

/* Product.md's "never": credentials of the client, and what a proxy must make itself. */
static bool is_kept_back(const char *name)
{
	static const char *const names[] = { "authorization", "cookie", "forwarded", "origin",
		"host", "connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
		"te", "trailer", "transfer-encoding", "upgrade", "content-length", "expect", "via",
		NULL };

	return is_one_of(names, name) || !strncmp(name, "x-forwarded-", 12);
}

static void read_forward_headers(struct reading *r, struct json_object *list, const char *pointer)
{
	size_t n = list ? json_object_array_length(list) : 0;
	const char **names = arena_calloc(r->l->arena, n + 1, sizeof(*names));

	for (size_t i = 0; i < n; i++) {
		char *name = arena_strdup(
		    r->l->arena, json_object_get_string(json_object_array_get_idx(list, i)));
		const char *at = pointer_item(r->l->arena, pointer, i);

		for (char *p = name; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p = (char)(*p | 0x20);
		names[i] = name;
		if (!is_header_name(name))
			route_fault(r->l, r->route, at, "write the name of a header",
			    "this is no header name");
		else if (is_kept_back(name))
			route_fault(r->l, r->route, at, "remove it",
			    "the header '%s' never goes upstream", name);
		else if (!strcmp(name, "*") && n > 1)
			route_fault(r->l, r->route, at, "keep \"*\" alone, or remove it",
			    "\"*\" stands beside other names");
	}
	r->route->forward_headers = names;
}

/* The file's path if it can be read. Only mcp.fcgi shows certificates; others may not be able to read the key. */
static const char *certificate_file(struct reading *r, struct json_object *entry, const char *name)
{
	const char *file = json_get_string(entry, name);
	const char *path = file ? conf_path(r->l->arena, r->l->p->dir, file) : NULL;

	if (path && (r->l->check || (r->l->program && !strcmp(r->l->program, "mcp"))) && access(path, R_OK))
		return NULL;
	return path;
}

static void check_certificate(struct reading *r, const char *pointer)
{
	struct json_object *all = json_get(r->l->p->outbound, "certificates"), *entry;
	struct mcp_route *route = r->route;

	if (!route->mtls_certificate)
		return;
	entry = json_get(all, route->mtls_certificate);
	if (!entry) {
		route_fault(r->l, route, sub_pointer(r, pointer, "mtlsCertificate"),
		    arena_printf(
			r->l->arena, "add it to outbound.certificates in %s", r->l->p->config_file),
		    "mtlsCertificate names no client certificate");
		return;
	}
	if (!json_get_string(entry, "cert") || !json_get_string(entry, "key"))
		return; /* told where it stands; the project is not served */
	route->mtls_cert = certificate_file(r, entry, "cert");
	route->mtls_key = certificate_file(r, entry, "key");
	/* a missing one must not mean that none is shown */
	if (!route->mtls_cert || !route->mtls_key)
		route_fault(r->l, route, sub_pointer(r, pointer, "mtlsCertificate"),
		    "put the PEM files there, readable for the user of mcp.fcgi",
		    "a file of this client certificate cannot be read");
}

static void read_handler(struct reading *r)
{
	struct json_object *options = json_get(json_get(r->entry->extension, "handler"), "options");
	struct mcp_route *route = r->route;
	const char *pointer =
	    sub_pointer(r, sub_pointer(r, r->entry->extension_pointer, "handler"), "options");

	route->forward_search = json_get_bool(options, "forwardSearch", true);
	route->follow_redirects = json_get_bool(options, "followRedirects", false);
	route->sse = json_get_bool(options, "sse", false);
	route->mtls_certificate = json_get_string(options, "mtlsCertificate");
	route->bridge = json_get_bool(options, "bridge", false);
	route->cache_lists = json_get_bool(options, "cacheLists", false);
	route->record_arguments = json_get_bool(options, "recordArguments", false);
	route->record_results = json_get_bool(options, "recordResults", false);
	route->timeout_ms = (int)json_get_int(options, "timeoutMs", TIMEOUT_DEFAULT_MS);
	read_upstream(r, options, pointer);
	read_forward_headers(
	    r, json_get(options, "forwardHeaders"), sub_pointer(r, pointer, "forwardHeaders"));
	check_certificate(r, pointer);
}

/* ---- policies by name ---- */

static struct policy_use *find_policy(struct loader *l, const char *name)
{
	for (size_t i = 0; i < l->p->policies_n; i++)
		if (*name && !strcmp(l->policies[i].name, name)) {
			l->policy_entries[i].used = true;
			return &l->policies[i];
		}
	return NULL;
}

static void unknown_policy(struct reading *r, const char *name, const char *pointer)
{
	const char **names = arena_calloc(r->l->arena, r->l->p->policies_n + 1, sizeof(*names)),
		   *near;

	for (size_t i = 0; i < r->l->p->policies_n; i++)
		names[i] = r->l->policies[i].name;
	near = name_nearest(name, names);
	route_fault(r->l, r->route, pointer,
	    near
		? arena_printf(r->l->arena, "write '%s', or add the policy to " POLICIES_FILE, near)
		: "add it to " POLICIES_FILE ", or remove it here",
	    near ? "there is no policy '%.64s' (did you mean '%s'?)" : "there is no policy '%.64s'",
	    name, near);
}

static struct policy_use **read_policy_list(struct reading *r, const char *direction)
{
	struct loader *l = r->l;
	struct json_object *list = json_get(json_get(r->entry->extension, "policies"), direction);
	size_t n = list ? json_object_array_length(list) : 0, found = 0;
	struct policy_use **uses = arena_calloc(l->arena, n + 1, sizeof(*uses));
	const char *pointer =
	    sub_pointer(r, sub_pointer(r, r->entry->extension_pointer, "policies"), direction);

	for (size_t i = 0; i < n; i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(list, i));
		struct policy_use *use = find_policy(l, name);

		if (!use) {
			if (!l->policies_unread)
				unknown_policy(r, name, pointer_item(l->arena, pointer, i));
			continue;
		}
		for (size_t k = 0; k < found; k++)
			if (uses[k] == use)
				route_fault(l, r->route, pointer_item(l->arena, pointer, i),
				    "name it once", "the policy '%.64s' is listed twice", name);
		uses[found++] = use;
	}
	return uses;
}

static void read_route(struct reading *r, const char *item_pointer)
{
	struct loader *l = r->l;
	struct option_place place = { l->problems, l->arena, ROUTES_FILE, "option" };
	size_t mark = problems_mark(l->problems);

	r->entry->sound =
	    option_check(&place, route_options, r->entry->extension, r->entry->extension_pointer);
	if (!r->route->fault)
		r->route->fault = problems_fault(l->problems, mark);
	r->entry->inbound = arena_alloc(l->arena, sizeof(*r->entry->inbound));
	r->entry->outbound = r->entry->inbound;
	check_path(r, item_pointer);
	check_members(r);
	read_operation_id(r);
	read_texts(r);
	if (!r->entry->sound) /* its parts cannot be relied on; the check has said why */
		return;
	r->route->is_public = json_get_bool(r->entry->extension, "public", false);
	r->route->cors_any =
	    json_get_string(r->entry->extension, "corsPolicy") &&
	    !strcmp(json_get_string(r->entry->extension, "corsPolicy"), "anything-goes");
	read_handler(r);
	r->entry->inbound = read_policy_list(r, "inbound");
	r->entry->outbound = read_policy_list(r, "outbound");
}

/* ---- the file ---- */

static void not_served(struct loader *l, const char *pointer, const char *why)
{
	problem_add(l->problems, false, ROUTES_FILE, pointer,
	    "use McpProxyHandler, or serve it by the web server", "%s; the path is not served",
	    why);
}

/* The route extension under either name; NULL if there is none. */
static struct json_object *find_extension(
    struct loader *l, struct json_object *operation, const char **pointer, bool *both)
{
	struct json_object *own = json_get(operation, "x-gatehouse-route");
	struct json_object *alias = json_get(operation, "x-zuplo-route");

	*both = own && alias;
	*pointer = pointer_member(
	    l->arena, *pointer, own || !alias ? "x-gatehouse-route" : "x-zuplo-route");
	return own ? own : alias;
}

static struct mcp_route *new_route(struct loader *l, const char *path, const char *pointer)
{
	static const char *const none[] = { NULL };
	struct mcp_route *route = &l->routes[l->p->routes_n++];

	route->path = path;
	route->slug = path + (*path == '/');
	route->pointer = pointer;
	route->operation_id = "";
	route->upstream_text = "";
	route->timeout_ms = TIMEOUT_DEFAULT_MS;
	route->forward_headers = none;
	return route;
}

/* One operation of a path; false if it is not ours to serve. */
static bool read_operation(struct loader *l, const char *path, const char *item_pointer,
    const char *key, struct json_object *operation)
{
	const char *pointer = pointer_member(l->arena, item_pointer, key), *at = pointer, *export;
	struct json_object *extension;
	struct reading r = { .l = l, .pointer = pointer };
	bool both;

	if (!json_object_is_type(operation, json_type_object)) {
		problem_add(l->problems, true, ROUTES_FILE, pointer, "write an object",
		    "an operation must be an object");
		return false;
	}
	extension = find_extension(l, operation, &at, &both);
	if (!extension) {
		not_served(l, pointer, "the operation has no x-gatehouse-route");
		return false;
	}
	export = json_get_string(json_get(extension, "handler"), "export");
	if (export && strcmp(export, "McpProxyHandler") != 0) {
		not_served(l, at, "the handler is not McpProxyHandler");
		return false;
	}
	r.entry = &l->route_entries[l->p->routes_n];
	r.route = new_route(l, path, pointer);
	*r.entry = (struct route_entry){
		.operation = operation, .extension = extension, .extension_pointer = at
	};
	if (both)
		route_fault(l, r.route, pointer, "keep one of the two",
		    "the operation has both x-gatehouse-route and x-zuplo-route");
	if (strcmp(key, "get,post") && strcmp(key, "post,get") && strcmp(key, "post"))
		route_fault(l, r.route, pointer, "write it under \"get,post\" or \"post\"",
		    "an MCP route's operation stands under \"get,post\" or \"post\"");
	read_route(&r, item_pointer);
	return true;
}

static void read_path(struct loader *l, const char *path, struct json_object *item)
{
	const char *pointer = pointer_member(l->arena, "/paths", path);
	struct mcp_route *route = NULL;

	if (!json_object_is_type(item, json_type_object)) {
		problem_add(l->problems, true, ROUTES_FILE, pointer,
		    "write an object with \"get,post\"", "a path must be an object");
		return;
	}
	json_object_object_foreach(item, key, operation)
	{
		const char *at = pointer_member(l->arena, pointer, key);

		if (is_one_of(path_members, key) || !strncmp(key, "x-", 2))
			continue;
		if (!is_methods(key))
			problem_add(l->problems, true, ROUTES_FILE, at,
			    unknown_remedy(l, operation_keys, key), "unknown member '%.64s'", key);
		else if (route)
			route_fault(l, route, at, "keep one, under \"get,post\" or \"post\"",
			    "the path has a second operation");
		else if (read_operation(l, path, pointer, key, operation))
			route = &l->routes[l->p->routes_n - 1];
	}
}

static void check_file_members(struct loader *l, struct json_object *doc)
{
	json_object_object_foreach(doc, name, value)
	{
		(void)value;
		if (is_one_of(file_members, name) || !strncmp(name, "x-", 2))
			continue;
		problem_add(l->problems, true, ROUTES_FILE, pointer_member(l->arena, "", name),
		    unknown_remedy(l, file_members, name), "unknown member '%.64s'", name);
	}
}

bool routes_read(struct loader *l)
{
	size_t mark = problems_mark(l->problems), n;
	struct json_object *doc = load_json(l, ROUTES_FILE, NULL);
	struct json_object *paths = json_get(doc, "paths");
	const char *fault;

	if (doc && !json_object_is_type(paths, json_type_object))
		problem_add(l->problems, true, ROUTES_FILE, paths ? "/paths" : "",
		    "write \"paths\": {…}, with one member for each MCP route",
		    "there are no paths");
	fault = problems_fault(l->problems, mark);
	if (fault) {
		if (!l->p->fault)
			l->p->fault = fault;
		return false;
	}
	check_file_members(l, doc);
	n = (size_t)json_object_object_length(paths);
	l->routes = arena_calloc(l->arena, n + 1, sizeof(*l->routes));
	l->route_entries = arena_calloc(l->arena, n + 1, sizeof(*l->route_entries));
	l->p->routes = l->routes;
	json_object_object_foreach(paths, path, item) read_path(l, path, item);
	if (l->p->routes_n == 0)
		problem_add(l->problems, false, ROUTES_FILE, "/paths",
		    "add one: see gatehouse-config(5)", "there is no MCP route");
	return true;
}
