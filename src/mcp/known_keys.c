/* SPDX-License-Identifier: Apache-2.0 */
/* Each key names all that the answer behind it depends on: what is left out would be shared by those it tells apart. */
#include "config.h"

#include "mcp/known_keys.h"

#include "mcp/call.h"

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

struct known_key known_era_key(const struct call *c)
{
	return known_key(KNOWN_ERA, c->route->operation_id, c->route->upstream_text, NULL);
}

struct known_key known_session_key(const struct call *c)
{
	return known_key(KNOWN_SESSION, c->route->operation_id, c->route->upstream_text, subject(c), client(c), credential(c),
	    c->errand.bridge.url ? "url" : "", NULL);
}

struct known_key known_marks_key(const struct call *c)
{
	return known_key(KNOWN_MARKS, c->route->operation_id, c->route->upstream_text, credential(c), NULL);
}

/* Headers that may change what an upstream answers. */
static bool matters(const struct call *c, const char *name)
{
	static const char *const not[] = { "accept", "baggage", "content-type", "last-event-id", "traceparent", "tracestate", "user-agent" };

	for (size_t i = 0; i < sizeof(not) / sizeof(not[0]); i++)
		if (!strcasecmp(name, not[i]))
			return false;
	if (!strcasecmp(name, "authorization") && c->credential.connection_id)
		return false; /* who it stands for is in the key of what is private; renewals change it */
	return strncasecmp(name, "mcp-", 4) != 0;
}

/* What the answer to a list depends on, but for who asks. */
static const char *asked(const struct call *c)
{
	struct span params = call_message(c)->params, name, value;
	struct buf b;
	const char *text;
	size_t at = 0;

	buf_init(&b, 1 << 21);
	for (const struct upstream_header *h = c->upstream_request.headers; h; h = h->next)
		if (matters(c, h->name))
			buf_printf(&b, "%s: %s\n", h->name, h->value);
	while (params.p && scan_next(params, &at, &name, &value)) {
		if (scan_string_is(name, "inputResponses") || scan_string_is(name, "requestState")) {
			buf_release(&b);
			return NULL; /* protocol 1.6: such a retry is never kept */
		}
		if (scan_string_is(name, "_meta"))
			continue;
		buf_add(&b, name.p, name.n);
		buf_add(&b, value.p, value.n);
		buf_char(&b, '\n');
	}
	buf_add(&b, call_message(c)->capabilities.p ? call_message(c)->capabilities.p : "", call_message(c)->capabilities.n);
	text = b.over ? NULL : arena_strndup(c->req->arena, buf_text(&b), b.len);
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
