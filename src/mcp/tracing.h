/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call within its caller's trace (W3C Trace Context), and the upstream within ours. What the message says in params._meta
 * counts, as MCP's transports have no headers in common; then HTTP's context is told beside it, as a link.
 *
 * Where spans are sent to a collector (events.forward), the upstream is told that its caller is our span: in the header, and in
 * params._meta where the client wrote a context there. Else it gets what the client sent: a span that nobody ever sees
 * would tear the trace.
 */
#ifndef GATEHOUSE_MCP_TRACING_H
#define GATEHOUSE_MCP_TRACING_H

#include "base/rand.h"
#include "mcp/call.h"

/* Of one message, or of a request without any. */
struct call_trace {
	char id[UUID_TEXT];        /* of its event, from which our spans' ids are made; "": none yet */
	const char *parent, *link; /* the caller's context, and HTTP's beside it; NULL: none */
};

/* On the way up, with the headers that leave, before the policies: they have the last word. */
void tracing_begin(struct call *);

/* Message I's; also for calls that did not come so far. */
const struct call_trace *tracing_of(struct call *, size_t i);

#endif
