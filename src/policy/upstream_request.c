/* SPDX-License-Identifier: Apache-2.0 */
/* Headers and query pairs on their way to the upstream. */
#include "config.h"

#include "policy/upstream_request.h"

#include "base/buf.h"
#include "net/frame.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

static bool is_header_value(const char *s)
{
	return frame_is_text(s, strlen(s));
}

bool header_name_is_token(const char *name)
{
	return frame_is_token(name, strlen(name));
}

bool header_name_is_reserved(const char *name)
{
#define NAME(text) { text, sizeof(text) - 1 }
	static const struct {
		const char *text;
		size_t n;
	} reserved[] = {
		/* about the connection (RFC 9110 7.6.1), or framing */
		NAME("connection"), NAME("keep-alive"), NAME("proxy-connection"), NAME("proxy-authenticate"),
		NAME("proxy-authorization"), NAME("te"), NAME("trailer"), NAME("transfer-encoding"), NAME("upgrade"), NAME("http2-settings"),
		NAME("content-encoding"), NAME("content-length"), NAME("expect"), NAME("host"), NAME("accept-encoding"),
		/* sealed and opened by the gateway */
		NAME("mcp-session-id"),
	};
#undef NAME
	const size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (n == reserved[i].n && !strcasecmp(name, reserved[i].text))
			return true;
	return false;
}

bool name_is_credential(const char *name)
{
	static const char *const words[] = { "auth", "key", "token", "secret", "cookie", "credential", "passw", "pwd", "jwt",
		"session", "signature" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(name, words[i]))
			return true;
	return false;
}

/* Most names differ in their first letters. */
static bool is_named(const struct upstream_header *h, const char *name)
{
	return (*h->name | 0x20) == (*name | 0x20) && !strcasecmp(h->name, name);
}

/* The link that points to the header NAME, or the end of the list. */
static struct upstream_header **header_at(struct upstream_request *u, const char *name)
{
	struct upstream_header **at = &u->headers;

	while (*at && !is_named(*at, name))
		at = &(*at)->next;
	return at;
}

const char *upstream_header_get(const struct upstream_request *u, const char *name)
{
	for (const struct upstream_header *h = u->headers; h; h = h->next)
		if (is_named(h, name))
			return h->value;
	return NULL;
}

bool upstream_header_set(struct upstream_request *u, const char *name, const char *value, bool overwrite)
{
	struct upstream_header **at = header_at(u, name);

	if (!header_name_is_token(name) || !is_header_value(value))
		return false;
	if (*at && !overwrite)
		return true;
	if (!*at)
		*at = arena_alloc(u->arena, sizeof(**at));
	(*at)->name = arena_strdup(u->arena, name);
	(*at)->value = arena_strdup(u->arena, value);
	(*at)->source = HEADER_OURS;
	return true;
}

static void put(struct upstream_request *u, const char *name, const char *value, enum upstream_header_source source)
{
	struct upstream_header **at = header_at(u, name);

	if (!*at)
		*at = arena_alloc(u->arena, sizeof(**at));
	(*at)->name = name;
	(*at)->value = value;
	(*at)->source = source;
}

bool upstream_header_pass(struct upstream_request *u, const char *name, const char *value, enum upstream_header_source source)
{
	if (!header_name_is_token(name) || !is_header_value(value))
		return false;
	put(u, name, value, source);
	return true;
}

void upstream_headers_drop(struct upstream_request *u, const char *prefix)
{
	struct upstream_header **at = &u->headers;

	while (*at)
		if (!strncasecmp((*at)->name, prefix, strlen(prefix)))
			*at = (*at)->next;
		else
			at = &(*at)->next;
}

void upstream_header_add(struct upstream_request *u, const char *name, const char *value)
{
	put(u, name, value, HEADER_OURS);
}

void upstream_header_remove(struct upstream_request *u, const char *name)
{
	struct upstream_header **at = header_at(u, name);

	if (*at)
		*at = (*at)->next;
}

static struct upstream_pair **query_at(struct upstream_request *u, const char *name)
{
	struct upstream_pair **at = &u->query;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

static void query_add(struct upstream_request *u, const char *name, const char *raw)
{
	struct upstream_pair **end = &u->query;

	while (*end)
		end = &(*end)->next;
	*end = arena_alloc(u->arena, sizeof(**end));
	(*end)->name = name;
	(*end)->raw = raw;
}

bool upstream_query_set(struct upstream_request *u, const char *name, const char *value, bool overwrite)
{
	struct upstream_pair **at = query_at(u, name);

	if (*at && !overwrite)
		return true;
	while (*at) { /* all of that name: an upstream may read the first or the last */
		*at = (*at)->next;
		at = query_at(u, name);
	}
	query_add(u, arena_strdup(u->arena, name),
	    arena_printf(u->arena, "%s=%s", uri_encode(u->arena, name), uri_encode(u->arena, value)));
	return true;
}

static void secret_add(struct upstream_request *u, const char *value)
{
	struct upstream_secret *s = arena_alloc(u->arena, sizeof(*s));

	s->value = value;
	s->next = u->secrets;
	u->secrets = s;
}

void upstream_secret(struct upstream_request *u, const char *value)
{
	const char *encoded = uri_encode(u->arena, value);

	if (strlen(value) < UPSTREAM_SECRET_MIN)
		return;
	secret_add(u, arena_strdup(u->arena, value));
	if (strcmp(value, encoded) != 0) /* as a Location repeats it */
		secret_add(u, encoded);
}

/* Cuts the next pair off a raw query: false at the end. Empty pairs ("a=1&&b=2") are skipped. */
static bool next_pair(struct arena *a, const char **rest, const char **raw, const char **name)
{
	size_t n;

	*rest += strspn(*rest, "&");
	n = strcspn(*rest, "&");
	if (!n)
		return false;
	*raw = arena_strndup(a, *rest, n);
	*name = uri_decode(a, *raw, strcspn(*raw, "="), true);
	*rest += n;
	return true;
}

char *query_masked(struct arena *a, const char *query)
{
	const char *raw, *name, *join = "";
	struct buf b;
	char *text;

	buf_init(&b, 4 * strlen(query) + 1);
	while (next_pair(a, &query, &raw, &name)) {
		buf_str(&b, join);
		join = "&";
		if (name && !name_is_credential(name))
			buf_str(&b, raw);
		else
			buf_printf(&b, "%.*s=***", (int)strcspn(raw, "="), raw);
	}
	text = arena_strdup(a, buf_text(&b));
	buf_release(&b);
	return text;
}

bool query_has(struct arena *a, const char *query, const char *wanted)
{
	const char *raw, *name;

	while (next_pair(a, &query, &raw, &name))
		if (name && !strcmp(name, wanted))
			return true;
	return false;
}

void upstream_request_init(struct upstream_request *u, struct arena *a, const char *query)
{
	const char *raw, *name;

	*u = (struct upstream_request){ .arena = a };
	while (query && next_pair(a, &query, &raw, &name))
		query_add(u, name ? name : raw, raw);
}

bool upstream_query_append(struct upstream_request *u, const char *query, struct err *e)
{
	struct upstream_pair *client = NULL, **end = &client, **tail = &u->query;
	const char *raw, *name;

	while (next_pair(u->arena, &query, &raw, &name)) {
		if (!name)
			return err_set(e, ERR_INVALID_REQUEST, "the query has a broken escape", "%s", "");
		if (!strcmp(name, "access_token") || *query_at(u, name))
			continue;
		*end = arena_alloc(u->arena, sizeof(**end));
		(*end)->name = name;
		(*end)->raw = raw;
		end = &(*end)->next;
	}
	/* joined at the end only: a name that the client repeats is repeated to the upstream */
	while (*tail)
		tail = &(*tail)->next;
	*tail = client;
	return true;
}

const char *upstream_query_text(const struct upstream_request *u)
{
	struct buf b;
	const char *text;

	buf_init(&b, SIZE_MAX / 2);
	for (const struct upstream_pair *p = u->query; p; p = p->next) {
		if (p != u->query)
			buf_char(&b, '&');
		buf_str(&b, p->raw);
	}
	text = arena_strdup(u->arena, buf_text(&b));
	buf_release(&b);
	return text;
}
