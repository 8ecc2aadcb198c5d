/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of a call: one per JSON-RPC message of the client (each element of a batch), one for a request
 * without a message (a refusal before the body was read, GET, DELETE).
 */
#ifndef GATEHOUSE_MCP_RECORD_H
#define GATEHOUSE_MCP_RECORD_H

#include "mcp/call.h"

/* Before the answer's body: how its messages will be read. */
void record_begin(struct call *, bool is_stream);

/* A piece of the answer's body, as the client gets it. */
void record_feed(struct call *, const char *p, size_t n);

/* The events of a call whose answer was passed on, or that ended without one. */
void record_call(struct call *, enum relay_end, const struct err *);

/* The events of a call that was refused before anything was sent upstream. */
void record_refusal(struct call *, int status, const struct err *);

#endif
