/* SPDX-License-Identifier: Apache-2.0 */
/* Each key names all that the answer behind it depends on: what is left out would be shared by those it tells apart. */
#include "config.h"

#include "mcp/known_keys.h"

#include "mcp/call.h"
#include "rpc/trace.h"

#include <string.h>
#include <strings.h>

static const char *subject(const struct call *c)
{
	return c->who ? c->who->subject : "";
}

static const char *client(const struct call *c)
{
	return c->who ? c->who->client_id : "";
}

/* Whose rights the upstream sees. A connection that was made anew may be another account's. */
static const char *credential(const struct call *c)
{
	const struct credential *k = &c->credential;

	return k->connection_id ? arena_printf(c->req->arena, "%s/%d", k->connection_id, k->generation) : "";
}

/* What of the client's headers goes with every errand: those that forwardHeaders names. */
static const char *forwarded(const struct call *c)
{
	const char *text = "";

	for (const struct upstream_header *h = c->upstream_request.headers; h; h = h->next)
		if (h->source == HEADER_NAMED)
			text = arena_join(c->req->arena, text, h->name, ": ", h->value, "\n", NULL);
	return text;
}

struct known_key known_era_key(const struct call *c)
{
	return known_key(KNOWN_ERA, c->route->operation_id, c->route->upstream_text, forwarded(c), NULL);
}

struct known_key known_discovery_key(const struct call *c)
{
	return known_key(KNOWN_ERA, c->route->operation_id, c->route->upstream_text, forwarded(c), credential(c), NULL);
}

struct known_key known_session_key(const struct call *c)
{
	return known_key(KNOWN_SESSION, c->route->operation_id, c->route->upstream_text, subject(c), client(c), credential(c),
	    forwarded(c), c->errand.bridge.url ? "url" : "", NULL);
}

struct known_key known_marks_key(const struct call *c)
{
	return known_key(KNOWN_MARKS, c->route->operation_id, c->route->upstream_text, credential(c), forwarded(c), NULL);
}

/*
 * Headers that may change what an upstream answers: all, but those that stand in the key already, or have 32 random digits as
 * their only content.
 */
static bool matters(const struct call *c, const struct upstream_header *h)
{
	size_t n = strlen(h->value);

	if (!strcasecmp(h->name, "authorization") && c->credential.connection_id)
		return false; /* who it stands for is in the key of what is private; renewals change it */
	if (!strcasecmp(h->name, "traceparent"))
		return n != TRACE_PARENT_LEN || !trace_parent(c->req->arena, h->value, n);
	return strcasecmp(h->name, "mcp-protocol-version") != 0 && strcasecmp(h->name, "mcp-method") != 0;
}

static void add(struct buf *b, struct span name, struct span value)
{
	buf_add(b, name.p, name.n);
	buf_add(b, value.p, value.n);
	buf_char(b, '\n');
}

/* The envelope: of one request alone are its progress token and its trace. */
static void add_meta(const struct call *c, struct buf *b, struct span meta)
{
	struct span name, value;
	size_t at = 0;

	while (scan_kind(meta) == '{' && scan_next(meta, &at, &name, &value))
		if (!scan_string_is(name, "progressToken") &&
		    !(scan_string_is(name, "traceparent") && value.n == TRACE_PARENT_LEN + 2 && trace_parent_of(c->req->arena, meta)))
			add(b, name, value);
}

/* What the answer to a list depends on, but for who asks. NULL: protocol 1.6: such a retry is never kept. */
static const char *asked(const struct call *c)
{
	struct span params = call_message(c)->params, name, value;
	bool retry = false;
	struct buf b;
	const char *text;
	size_t at = 0;

	buf_init(&b, 1 << 21);
	for (const struct upstream_header *h = c->upstream_request.headers; h; h = h->next)
		if (matters(c, h))
			buf_printf(&b, "%s: %s\n", h->name, h->value);
	buf_char(&b, '\n');
	while (params.p && scan_next(params, &at, &name, &value)) {
		retry = retry || scan_string_is(name, "inputResponses") || scan_string_is(name, "requestState");
		if (!scan_string_is(name, "_meta"))
			add(&b, name, value);
	}
	buf_char(&b, '\n');
	add_meta(c, &b, call_message(c)->meta);
	text = b.over || retry ? NULL : arena_strndup(c->req->arena, buf_text(&b), b.len);
	buf_release(&b);
	return text;
}

bool known_list_keys(const struct call *c, struct known_key *shared, struct known_key *own)
{
	const char *what = asked(c);

	if (!what)
		return false;
	*shared = known_key(KNOWN_LIST, c->route->operation_id, c->relay.transfer.url, c->version, call_message(c)->method, what, NULL);
	*own = known_key(KNOWN_LIST, c->route->operation_id, c->relay.transfer.url, c->version, call_message(c)->method, what, subject(c),
	    client(c), credential(c), NULL);
	return true;
}
