/* SPDX-License-Identifier: Apache-2.0 */
/* A message is kept until it is whole, then the results that answer this call are taken out of it. */
#include "config.h"

#include "mcp/contents.h"

#include "event/event.h"
#include "mcp/call.h"
#include "rpc/sse.h"

struct contents {
	struct call *call;
	struct buf text; /* of the message at hand */
	struct sse sse;
	const char **results; /* of each message of the call */
};

static void release(void *own)
{
	struct contents *t = own;

	buf_release(&t->text);
}

/* One byte more than is kept, so that whoever copies it sees that it was longer. */
static const char *copy(struct arena *a, struct span s)
{
	return s.n ? arena_strndup(a, s.p, s.n > EVENT_BODY_MAX ? EVENT_BODY_MAX + 1 : s.n) : NULL;
}

static void take_answer(struct contents *t, struct span message)
{
	struct call *c = t->call;
	struct span id = scan_member(message, "id"), result = scan_member(message, "result");
	uint64_t hash = id.p && result.p ? rpc_id_hash(id) : 0;

	for (size_t i = 0; hash && i < c->body.n; i++)
		if (c->ids[i] == hash && c->body.msgs[i].capability_type && !t->results[i]) {
			t->results[i] = copy(c->req->arena, result);
			return;
		}
}

static void message_end(void *own)
{
	struct contents *t = own;
	struct scan_limits limits = scan_limits_of(CONTENTS_MAX);
	struct span whole, item;
	size_t at = 0;

	if (t->text.len && !t->text.over && scan_check(buf_text(&t->text), t->text.len, &limits, NULL)) {
		whole = scan_value(buf_text(&t->text), t->text.len);
		if (scan_kind(whole) == '{')
			take_answer(t, whole);
		while (scan_kind(whole) == '[' && scan_next(whole, &at, NULL, &item))
			take_answer(t, item);
	}
	buf_clear(&t->text);
}

static void add(void *own, const char *p, size_t n)
{
	struct contents *t = own;

	buf_add(&t->text, p, n);
}

static bool calls_a_capability(const struct call *c)
{
	for (size_t i = 0; i < c->body.n; i++)
		if (c->body.msgs[i].capability_type)
			return true;
	return false;
}

void contents_begin(struct call *c)
{
	struct contents *t;

	c->contents = NULL;
	if (!c->route->record_results || !calls_a_capability(c))
		return;
	t = c->contents = arena_calloc(c->req->arena, 1, sizeof(*t));
	t->call = c;
	t->results = arena_calloc(c->req->arena, c->body.n, sizeof(*t->results));
	buf_init(&t->text, CONTENTS_MAX);
	sse_init(&t->sse, add, message_end, t);
	arena_defer(c->req->arena, release, t);
}

void contents_feed(struct call *c, const char *p, size_t n)
{
	if (!c->contents)
		return;
	if (c->relay.is_stream)
		sse_feed(&c->contents->sse, p, n);
	else
		add(c->contents, p, n);
}

void contents_end(struct call *c)
{
	if (c->contents && !c->relay.is_stream)
		message_end(c->contents);
}

const char *contents_arguments(const struct call *c, size_t i)
{
	const struct rpc_msg *m = i < c->body.n ? &c->body.msgs[i] : NULL;

	if (!c->route->record_arguments || !c->submitted || !m || !m->capability_type || !m->params.p)
		return NULL;
	return copy(c->req->arena, m->arguments);
}

const char *contents_result(const struct call *c, size_t i)
{
	return c->contents && i < c->body.n ? c->contents->results[i] : NULL;
}
