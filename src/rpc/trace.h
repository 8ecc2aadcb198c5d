/* SPDX-License-Identifier: Apache-2.0 */
/* What of a call may be told to tracing systems: W3C trace context (Trace Context, level 1, 3.2) and JSON-RPC ids. */
#ifndef GATEHOUSE_RPC_TRACE_H
#define GATEHOUSE_RPC_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "json/scan.h"

enum { TRACE_PARENT_LEN = 55 };

/*
 * The first 55 bytes of a traceparent, "00-TRACE-SPAN-FLAGS", in the arena; NULL if the N bytes are none: other than lower-case
 * digits, zero ids, version ff, or version 00 with more behind it. A later version may have more.
 */
const char *trace_parent(struct arena *, const char *text, size_t n);

/* The traceparent of META, a message's params._meta. NULL: none, or none that is sound. */
const char *trace_parent_of(struct arena *, struct span meta);
/* The same where it stands, a sound one only, with its quotes; absent: p is NULL. */
struct span trace_parent_span(struct span meta);
/* Its tracestate, where it may be sent on as a header (3.3: printable, at most 512 bytes); NULL: there is none. */
const char *trace_state_of(struct arena *, struct span meta);

/*
 * The ids that belong to an event: the caller's trace and span, and our two spans, one towards the caller and one towards the upstream.
 * An event's id is a UUID, whose halves are random but for six bits: they are our spans' ids, and it is the trace where there is no caller.
 */
struct trace_ids {
	char trace[33], parent[17]; /* "": there is no caller */
	char server[17], client[17];
	unsigned flags; /* of the caller; else 1, "sampled" */
};
/* EVENT: its id; NULL: zeros. PARENT: from trace_parent(), or NULL. */
void trace_ids(struct trace_ids *, const char *event, const char *parent);

/* What the upstream is told: our span towards it is the caller's. Of the flags those that Trace Context, level 2, knows. */
void trace_parent_write(char out[TRACE_PARENT_LEN + 1], const struct trace_ids *);

/* A request's id, where it is an integer or a word of at most 64 letters, digits and "._-"; else NULL: it may hold anything. */
const char *trace_rpc_id(struct arena *, struct span id);

/* A resource's address without what may hold a secret: user information, query, fragment. In the arena. */
const char *trace_resource(struct arena *, const char *uri);

#endif
