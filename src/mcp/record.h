/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of a call: one per JSON-RPC message of the client (each element of a batch), one for a request
 * without a message (a refusal before the body was read, GET, DELETE).
 */
#ifndef GATEHOUSE_MCP_RECORD_H
#define GATEHOUSE_MCP_RECORD_H

#include "mcp/call.h"
#include "mcp/repeats.h"

/* Before the answer's body: how its messages will be read. */
void record_begin(struct call *, bool is_stream);

/* A piece of the answer's body, as the client gets it. */
void record_feed(struct call *, const char *p, size_t n);

/* What the answer was, when all of it was read: false if it is none that may be taken for read when it comes again. */
bool record_repeat(const struct call *, struct repeat *);
/* Instead of record_feed(): the answer is one that was read before. */
void record_repeated(struct call *, const struct repeat *);

/* The events of a call whose answer was passed on, or that ended without one. */
void record_call(struct call *, enum relay_end, const struct err *);

/* The events of a call that was refused before anything was sent upstream. */
void record_refusal(struct call *, int status, const struct err *);

#endif
