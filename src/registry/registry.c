/* SPDX-License-Identifier: Apache-2.0 */
/* Entries made from routes, lists of them, and the answers to what a read-only registry does not do. */
#include "config.h"

#include "registry/registry.h"

#include "base/clock.h"
#include "base/uri.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define SCHEMA "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
#define OFFICIAL "io.modelcontextprotocol.registry/official"

enum { CLAMP = 100, LIMIT = 30, LIMIT_MAX = 100 };

/* ---- one entry */

const char *registry_clamp(struct arena *a, const char *text)
{
	size_t n = 0, len;

	for (int i = 0; i < CLAMP && text[n]; i++) {
		utf8_decode(text + n, &len);
		n += len;
	}
	return arena_strndup(a, text, n);
}

const char *registry_version(const char *text)
{
	if (!text || !*text)
		return "1.0.0";
	/* what package managers read as a range: the registry wants one version */
	if (strpbrk(text, "^~<>=|* ,") || strlen(text) > 255 || strstr(text, ".x") || strstr(text, ".X"))
		return "0.0.0";
	return text;
}

static bool is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c && strchr("._-", c));
}

static void append_name(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_char(b, is_name_character(s[i]) ? s[i] : '-');
}

/* mcp.example.com becomes com.example.mcp; addresses have no parts to turn. */
static void append_reversed(struct buf *b, const char *host)
{
	const char *end = host + strlen(host);
	bool is_address = *host == '[' || strspn(host, "0123456789.") == strlen(host);

	if (is_address) {
		append_name(b, host, (size_t)(end - host));
		return;
	}
	while (end > host) {
		const char *start = end;

		while (start > host && start[-1] != '.')
			start--;
		append_name(b, start, (size_t)(end - start));
		end = start > host ? start - 1 : host;
		if (end > host)
			buf_char(b, '.');
	}
}

const char *registry_name(struct arena *a, const struct origin *o, const char *operation_id)
{
	struct buf b;
	const char *name;

	buf_init(&b, 200);
	if (o->loopback)
		buf_str(&b, "localhost");
	else
		append_reversed(&b, o->host);
	buf_char(&b, '/');
	append_name(&b, operation_id, strlen(operation_id));
	name = arena_strdup(a, buf_text(&b));
	buf_release(&b);
	return name;
}

static const char *title_of(const struct mcp_route *route)
{
	return route->summary && *route->summary ? route->summary : route->operation_id;
}

static const char *description_of(const struct mcp_route *route)
{
	return route->description && *route->description ? route->description : title_of(route);
}

static const char *updated_of(struct req *r, const struct mcp_route *route)
{
	char *text = arena_alloc(r->arena, CLOCK_TEXT);

	if (route->updated && registry_is_time(route->updated))
		return route->updated;
	clock_text_of(text, (int64_t)r->project->modified * 1000000);
	return text;
}

static struct json_object *server_of(struct req *r, const struct mcp_route *route)
{
	struct json_object *server = json_new_object(r->arena), *remotes = json_new_array(r->arena);
	struct json_object *remote = json_new_object(r->arena);

	json_add_string(server, "$schema", SCHEMA);
	json_add_string(server, "name", registry_name(r->arena, r->origin, route->operation_id));
	json_add_string(server, "title", registry_clamp(r->arena, title_of(route)));
	json_add_string(server, "description", registry_clamp(r->arena, description_of(route)));
	json_add_string(server, "version", registry_version(route->version));
	json_add_string(remote, "type", "streamable-http");
	json_add_string(remote, "url", arena_printf(r->arena, "%s%s", r->origin->text, route->path));
	json_add(remotes, NULL, remote);
	json_add(server, "remotes", remotes);
	return server;
}

static struct json_object *entry_of(struct req *r, const struct mcp_route *route)
{
	struct json_object *entry = json_new_object(r->arena), *meta = json_new_object(r->arena);
	struct json_object *official = json_new_object(r->arena);
	const char *updated = updated_of(r, route);

	json_add_string(official, "status", "active");
	json_add_string(official, "statusChangedAt", updated);
	json_add_string(official, "publishedAt", updated);
	json_add_string(official, "updatedAt", updated);
	json_add_bool(official, "isLatest", true);
	json_add(meta, OFFICIAL, official);
	json_add(entry, "server", server_of(r, route));
	json_add(entry, "_meta", meta);
	return entry;
}

/* ---- answers */

static bool answer_error(struct req *r, struct resp *p, int status, const char *text)
{
	struct json_object *doc = json_new_object(r->arena);

	json_add_string(doc, "error", text);
	return resp_json(p, status, doc);
}

static bool answer(struct resp *p, struct json_object *doc)
{
	resp_set(p, "Cache-Control", "public, max-age=60");
	return resp_json(p, 200, doc);
}

/* ---- queries */

static bool digits(const char *s, int n)
{
	for (int i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

/* The digits at S, which the caller has checked, as a number. */
static long number(const char *s)
{
	return strtol(s, NULL, 10);
}

/* RFC 3339: 2026-01-02T03:04:05[.678]Z or with an offset. */
bool registry_is_time(const char *s)
{
	if (strlen(s) < 20 || !digits(s, 4) || s[4] != '-' || !digits(s + 5, 2) || s[7] != '-' ||
	    !digits(s + 8, 2) || (s[10] != 'T' && s[10] != 't') || !digits(s + 11, 2) || s[13] != ':' ||
	    !digits(s + 14, 2) || s[16] != ':' || !digits(s + 17, 2))
		return false;
	if (number(s + 5) < 1 || number(s + 5) > 12 || number(s + 8) < 1 || number(s + 8) > 31 ||
	    number(s + 11) > 23 || number(s + 14) > 59 || number(s + 17) > 60)
		return false;
	s += 19;
	if (*s == '.')
		s += 1 + strspn(s + 1, "0123456789");
	if ((*s == 'Z' || *s == 'z') && !s[1])
		return s[-1] != '.';
	return (*s == '+' || *s == '-') && strlen(s) == 6 && digits(s + 1, 2) && s[3] == ':' &&
	    digits(s + 4, 2);
}

struct query {
	const char *cursor, *search, *version;
	size_t limit;
};

/* False: answered. */
static bool read_query(struct req *r, struct resp *p, struct query *q)
{
	struct err e = { .code = ERR_NONE };
	const char *limit, *since;
	struct form f;

	if (!req_query(r, &f, &e) || !form_unique(&f, NULL, &e)) {
		answer_error(r, p, 400, e.text);
		return false;
	}
	limit = form_get(&f, "limit");
	since = form_get(&f, "updated_since");
	*q = (struct query){ .cursor = form_get(&f, "cursor"), .search = form_get(&f, "search"),
		.version = form_get(&f, "version"), .limit = LIMIT };
	if (limit) {
		q->limit = strspn(limit, "0123456789") == strlen(limit) && strlen(limit) < 6 ? (size_t)number(limit) : 0;
		if (q->limit < 1 || q->limit > LIMIT_MAX) {
			answer_error(r, p, 400, "limit must be a number from 1 to 100");
			return false;
		}
	}
	if (since && !registry_is_time(since)) {
		answer_error(r, p, 400, "updated_since must be a time of RFC 3339, like 2026-01-02T03:04:05Z");
		return false;
	}
	return true;
}

/* ASCII case does not matter. */
static bool contains(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

static bool is_wanted(struct req *r, const struct mcp_route *route, const struct query *q)
{
	const char *name = registry_name(r->arena, r->origin, route->operation_id);

	if (q->cursor && strcmp(name, q->cursor) <= 0)
		return false;
	if (q->search && !contains(name, q->search) && !contains(title_of(route), q->search))
		return false;
	return !q->version || !strcmp(q->version, "latest") ||
	    !strcmp(q->version, registry_version(route->version));
}

static int by_operation(const void *x, const void *y)
{
	const struct mcp_route *const *a = x, *const *b = y;

	return strcmp((*a)->operation_id, (*b)->operation_id);
}

/* The routes that are served, in the order of their names: a cursor is the last name that was told. */
static const struct mcp_route **routes_of(struct req *r, size_t *n)
{
	const struct project *p = r->project;
	const struct mcp_route **list = arena_calloc(r->arena, p->routes_n + 1, sizeof(struct mcp_route *));

	*n = 0;
	for (size_t i = 0; i < p->routes_n; i++)
		if (!p->routes[i].fault)
			list[(*n)++] = &p->routes[i];
	qsort(list, *n, sizeof(struct mcp_route *), by_operation);
	return list;
}

static bool answer_list(struct req *r, struct resp *p, const struct query *q)
{
	struct json_object *doc = json_new_object(r->arena), *servers = json_new_array(r->arena);
	struct json_object *metadata = json_new_object(r->arena);
	const char *last = NULL;
	size_t n, count = 0;
	const struct mcp_route **routes = routes_of(r, &n);

	for (size_t i = 0; i < n; i++) {
		if (!is_wanted(r, routes[i], q))
			continue;
		if (count == q->limit) {
			json_add_string(metadata, "nextCursor", last);
			break;
		}
		json_add(servers, NULL, entry_of(r, routes[i]));
		last = registry_name(r->arena, r->origin, routes[i]->operation_id);
		count++;
	}
	json_add_int(metadata, "count", (int64_t)count);
	json_add(doc, "servers", servers);
	json_add(doc, "metadata", metadata);
	return answer(p, doc);
}

/* "NAME/versions" or "NAME/versions/VERSION", still encoded: the name ends before the last "/versions". */
static bool split_tail(struct req *r, const char *tail, const char **name, const char **version)
{
	const char *mark = NULL;

	for (const char *s = strstr(tail, "/versions"); s; s = strstr(s + 1, "/versions"))
		if (s[9] == '\0' || s[9] == '/')
			mark = s;
	if (!mark)
		return false;
	*name = uri_decode(r->arena, tail, (size_t)(mark - tail), false);
	*version = mark[9] ? uri_decode(r->arena, mark + 10, strlen(mark + 10), false) : NULL;
	return *name && (!mark[9] || (*version && **version));
}

static const struct mcp_route *route_named(struct req *r, const char *name)
{
	size_t n;
	const struct mcp_route **routes = routes_of(r, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(registry_name(r->arena, r->origin, routes[i]->operation_id), name))
			return routes[i];
	return NULL;
}

static bool answer_versions(struct req *r, struct resp *p, const char *tail)
{
	struct json_object *doc, *servers, *metadata;
	const struct mcp_route *route = NULL;
	const char *name, *version;

	if (split_tail(r, tail, &name, &version))
		route = route_named(r, name);
	if (!route)
		return answer_error(r, p, 404, "Server not found");
	if (version && strcmp(version, "latest") && strcmp(version, registry_version(route->version)))
		return answer_error(r, p, 404, "Server not found");
	if (version)
		return answer(p, entry_of(r, route));
	doc = json_new_object(r->arena);
	servers = json_new_array(r->arena);
	metadata = json_new_object(r->arena);
	json_add(servers, NULL, entry_of(r, route));
	json_add_int(metadata, "count", 1);
	json_add(doc, "servers", servers);
	json_add(doc, "metadata", metadata);
	return answer(p, doc);
}

static const char *below(const struct req *r)
{
	size_t n = strlen(r->project->registry_path);

	return strncmp(r->path, r->project->registry_path, n) ? NULL : r->path + n;
}

static bool handle(struct req *r, struct resp *p, struct err *e)
{
	const char *path = below(r);
	struct query q;

	(void)e;
	if (!strcmp(path, "/v0.1/servers"))
		return !read_query(r, p, &q) || answer_list(r, p, &q);
	if (!strncmp(path, "/v0.1/servers/", 14))
		return answer_versions(r, p, path + 14);
	return answer_error(r, p, 404, "Not found");
}

/* Publishing is not offered, changing what stands is not allowed. */
static bool refuse(struct req *r, struct resp *p, struct err *e)
{
	(void)e;
	if (!strcmp(r->method, "PATCH"))
		return answer_error(r, p, 403, "This registry is read-only");
	return answer_error(r, p, 501, "This registry is read-only: its servers come from the gateway's configuration");
}

const struct route_row *registry_find(struct req *r)
{
	static const struct route_row reading = { .methods = "GET", .path = "", .need = NEED_ANYONE,
		.cors = CORS_ANY, .handler = handle };
	static const struct route_row writing = { .methods = "GET", .path = "", .need = NEED_ANYONE,
		.body_max = 65536, .handler = refuse };
	const char *path = r->project->registry_enabled ? below(r) : NULL;
	bool reads = !strcmp(r->method, "GET") || !strcmp(r->method, "HEAD") || !strcmp(r->method, "OPTIONS");

	if (!path || strncmp(path, "/v0.1/", 6))
		return NULL;
	return reads ? &reading : &writing;
}
