/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's context is read before ours is written in its place. */
#include "config.h"

#include "mcp/tracing.h"

#include "policy/upstream_request.h"
#include "rpc/trace.h"

#include <string.h>

/* The envelope of message I; absent where there is none. */
static struct span meta_of(const struct call *c, size_t i)
{
	return i < c->body.n ? c->body.msgs[i].meta : (struct span){ NULL, 0 };
}

static void read_contexts(struct call *c)
{
	struct arena *a = c->req->arena;
	const char *header = req_header(c->req, "traceparent"), *http;
	size_t n = c->body.n ? c->body.n : 1;

	http = header ? trace_parent(a, header, strlen(header)) : NULL;
	c->traces = arena_calloc(a, n, sizeof(*c->traces));
	for (size_t i = 0; i < n; i++) {
		struct call_trace *t = &c->traces[i];
		const char *own = trace_parent_of(a, meta_of(c, i));

		t->parent = own ? own : http;
		t->link = own && http && strcmp(own, http) != 0 ? http : NULL;
	}
}

const struct call_trace *tracing_of(struct call *c, size_t i)
{
	if (!c->traces)
		read_contexts(c);
	return &c->traces[i];
}

static bool spans_are_sent(const struct project *p)
{
	for (size_t i = 0; i < p->destinations_n; i++) {
		const struct destination *d = &p->destinations[i];

		if (d->type == DESTINATION_OTLP && d->signals & SIGNAL_TRACES && d->families & TELL_CALLS)
			return true;
	}
	return false;
}

/*
 * In the body's own memory, length for length: nothing that was read of it moves. A context that is spelled in escapes, or of
 * a later version and longer, stays the client's.
 */
static void write_in_body(struct req *r, struct span meta, const char *ours)
{
	struct span value = trace_parent_span(meta);

	if (value.n == TRACE_PARENT_LEN + 2 && value.p >= r->body && value.p + value.n <= r->body + r->body_len)
		memcpy(r->body + (value.p - r->body) + 1, ours, TRACE_PARENT_LEN);
}

/* The state belongs to its parent: that of HTTP says nothing of a context that comes with the message. */
static void write_headers(struct call *c, const struct call_trace *t, struct span meta, const char *ours)
{
	struct upstream_request *u = &c->upstream_request;
	const char *state;

	upstream_header_set(u, "traceparent", ours, true);
	if (trace_parent_span(meta).p) {
		state = trace_state_of(c->req->arena, meta);
		upstream_header_remove(u, "tracestate");
		if (state)
			upstream_header_set(u, "tracestate", state, true);
	} else if (!t->parent) {
		upstream_header_remove(u, "tracestate");
	}
}

void tracing_begin(struct call *c)
{
	size_t n = c->body.n ? c->body.n : 1;

	read_contexts(c);
	if (!spans_are_sent(c->req->project))
		return;
	for (size_t i = n; i-- > 0;) {
		struct call_trace *t = &c->traces[i];
		struct trace_ids ids;
		char ours[TRACE_PARENT_LEN + 1];

		rand_uuid(t->id);
		trace_ids(&ids, t->id, t->parent);
		trace_parent_write(ours, &ids);
		if (i == 0) /* of a batch the first: a request has one parent */
			write_headers(c, t, meta_of(c, i), ours);
		write_in_body(c->req, meta_of(c, i), ours);
	}
}
