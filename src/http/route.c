/* SPDX-License-Identifier: Apache-2.0 */
/* From a path to its row. Paths are compared as raw bytes: no spelling but the exact one matches. */
#include "config.h"

#include "http/http_internal.h"

#include <string.h>

/* Whether PATH is the row's; TAIL gets what its "*" matched. */
static bool row_matches(const struct route_row *row, const char *base, const char *path,
    const char **tail)
{
	const char *pattern = row->path;
	size_t n;

	if (!strncmp(pattern, "{b}", 3)) {
		n = strlen(base);
		if (strncmp(path, base, n))
			return false;
		path += n;
		pattern += 3;
	}
	n = strlen(pattern);
	if (n && pattern[n - 1] == '*') {
		if (strncmp(path, pattern, n - 1) || !path[n - 1])
			return false;
		*tail = path + n - 1;
		return true;
	}
	*tail = "";
	return !strcmp(path, pattern);
}

static bool row_has_method(const struct route_row *row, const char *method)
{
	size_t n = strlen(method);

	if (!strcmp(method, "HEAD"))
		return row_has_method(row, "GET");
	for (const char *p = row->methods; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (!strncmp(p, method, n) && (p[n] == ',' || p[n] == '\0'))
			return true;
	return row->cors == CORS_ANY && !strcmp(method, "OPTIONS");
}

/* One path may have a row per method: the Allow header lists them all. */
static const char *allowed_methods(struct req *r)
{
	const char *allow = "", *tail;

	for (const struct route_row *row = r->app->rows; row && row->path; row++)
		if (row_matches(row, r->project->base_path, r->path, &tail))
			allow = arena_printf(r->arena, "%s%s%s", allow, *allow ? "," : "", row->methods);
	return allow;
}

bool route_find(struct req *r, struct resp *p, struct err *e)
{
	const char *tail;

	for (const struct route_row *row = r->app->rows; row && row->path; row++) {
		if (!row_matches(row, r->project->base_path, r->path, &tail))
			continue;
		r->row = row;
		r->tail = tail;
		if (row_has_method(row, r->method))
			return true;
	}
	if (r->row) {
		resp_set(p, "Allow", allowed_methods(r));
		return err_set(e, ERR_METHOD, "this method is not served here", "method '%.16s'", r->method);
	}
	r->tail = "";
	if (r->app->find && (r->row = r->app->find(r)))
		return true;
	return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "");
}

bool cors_any(struct req *r, struct resp *p)
{
	if (!r->row || r->row->cors != CORS_ANY)
		return false;
	resp_set(p, "Access-Control-Allow-Origin", "*");
	resp_set(p, "Access-Control-Expose-Headers",
	    "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After, X-Request-Id");
	if (strcmp(r->method, "OPTIONS"))
		return false;
	p->status = 204;
	resp_set(p, "Access-Control-Allow-Methods",
	    arena_printf(r->arena, "%s, OPTIONS", r->row->methods));
	resp_set(p, "Access-Control-Allow-Headers",
	    "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Session-Id, "
	    "Last-Event-ID, Mcp-Method, Mcp-Name, DPoP");
	resp_set(p, "Access-Control-Max-Age", "86400");
	resp_set(p, "Cache-Control", "no-store");
	return true;
}
