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

/* params._meta.traceparent of a message. NULL: none, or none that is sound. */
const char *trace_parent_of(struct arena *, struct span params);

/* A request's id, where it is an integer or a word of at most 64 letters, digits and "._-"; else NULL: it may hold anything. */
const char *trace_rpc_id(struct arena *, struct span id);

/* A resource's address without what may hold a secret: user information, query, fragment. In the arena. */
const char *trace_resource(struct arena *, const char *uri);

#endif
