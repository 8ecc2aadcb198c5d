/* SPDX-License-Identifier: Apache-2.0 */
/* Which headers pass, to the upstream and back. */
#include "config.h"

#include "mcp/headers.h"

#include "mcp/mask.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

static bool is_listed(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (*name == **list && !strcmp(name, *list))
			return true;
	return false;
}

/* Whether NAME is one of the names that the client's Connection header calls hop-by-hop. */
static bool is_of_connection(const char *name, const char *connection)
{
	size_t n = connection ? strlen(name) : 0;

	while (connection && *connection) {
		connection += strspn(connection, ", \t");
		if (!strncasecmp(connection, name, n) && strchr(", \t", connection[n]))
			return true;
		connection += strcspn(connection, ",");
	}
	return false;
}

/* Who the client is to us, and how it reached us, is no business of an upstream's, whatever forwardHeaders says. */
static bool never_passes(const char *name)
{
	static const char *const never[] = {
		"authorization", "cookie", "dpop", "forwarded", "origin", "referer", "via", "x-real-ip", NULL,
	};

	return is_listed(name, never) || header_name_is_reserved(name) || !strncmp(name, "x-forwarded-", 12) ||
	    !strncmp(name, "proxy-", 6) || !strncmp(name, "x-gatehouse-", 12);
}

/* By its own name, not by "*". */
static bool is_named(const char *name, const struct mcp_route *route)
{
	return route->forward_headers && is_listed(name, route->forward_headers);
}

static bool passes_up(const char *name, const struct mcp_route *route)
{
	static const char *const always[] = {
		"accept", "accept-language", "baggage", "content-type", "last-event-id", "traceparent",
		"tracestate", "user-agent", NULL,
	};

	if (never_passes(name))
		return false;
	if (is_listed(name, always) || !strncmp(name, "mcp-", 4))
		return true;
	return is_named(name, route) || (route->forward_headers && route->forward_headers[0] && !strcmp(route->forward_headers[0], "*"));
}

/*
 * The type goes up without its parameters. We read the body as UTF-8, which JSON is; an upstream that believed
 * "charset=utf-7" would read other names in it than we did.
 */
void headers_to_upstream(struct upstream_request *u, const struct req *r, const struct mcp_route *route)
{
	const char *connection = req_header(r, "Connection"), *name, *value;

	for (size_t i = 0; (name = req_header_at(r, i, &value)); i++) {
		if (!passes_up(name, route) || is_of_connection(name, connection))
			continue;
		upstream_header_pass(u, name, strcmp(name, "content-type") ? value : r->content_type,
		    is_named(name, route) ? HEADER_NAMED : HEADER_CLIENT);
	}
}

static bool is_redirect(int status)
{
	return status >= 300 && status < 400;
}

/* A length is only worth passing on if it is one: the web server frames the answer by it. */
static bool is_length(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < 19 && strspn(s, "0123456789") == n;
}

void headers_to_client(
    struct resp *p, const struct head *head, bool is_stream, const struct upstream_secret *secrets)
{
	static const struct {
		const char *name, *spelled;
	} always[] = {
		{ "content-type", "Content-Type" },
		{ "cache-control", "Cache-Control" },
		{ "retry-after", "Retry-After" },
	};
	const char *location = head_get(head, "location");
	const char *length = head_get(head, "content-length");

	p->status = head->status;
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		resp_set(p, always[i].spelled, head_get(head, always[i].name));
	/* a credential in our query comes back in a redirect's */
	if (is_redirect(head->status) && location && !mask_finds(secrets, location))
		resp_set(p, "Location", location);
	if (is_stream)
		resp_set(p, "X-Accel-Buffering", "no"); /* for whoever buffers before the client */
	else if (length && is_length(length) && !head_get(head, "transfer-encoding"))
		resp_set(p, "Content-Length", length);
}

/*
 * libcurl reads such a list, and neither changes nor frees it. Puts LINE at its end; returns where the next one goes.
 */
static struct curl_slist **append(struct arena *a, struct curl_slist **at, const char *line)
{
	*at = arena_alloc(a, sizeof(**at));
	(*at)->data = (char *)(uintptr_t)line;
	return &(*at)->next;
}

/* In libcurl's spelling, which has another one for a header without a value. */
static const char *line_of(struct arena *a, const struct upstream_header *h)
{
	size_t name = strlen(h->name), value = strlen(h->value);
	char *line = arena_alloc(a, name + 2 + value + 1);

	memcpy(line, h->name, name);
	memcpy(line + name, value ? ": " : ";", value ? 2 : 1);
	memcpy(line + name + 2, h->value, value);
	return line;
}

struct curl_slist *headers_of(const struct upstream_request *u)
{
	static const struct {
		const char *name, *suppressed;
	} of_libcurl[] = {
		{ "Accept", "Accept:" }, { "User-Agent", "User-Agent:" }, { "Expect", "Expect:" }, { "Content-Type", "Content-Type:" },
	};
	struct curl_slist *list = NULL, **at = &list;

	for (const struct upstream_header *h = u->headers; h; h = h->next)
		at = append(u->arena, at, line_of(u->arena, h));
	for (size_t i = 0; i < sizeof(of_libcurl) / sizeof(of_libcurl[0]); i++)
		if (!upstream_header_get(u, of_libcurl[i].name))
			at = append(u->arena, at, of_libcurl[i].suppressed);
	return list;
}
