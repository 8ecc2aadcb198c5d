/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that policies read and change. A JSON answer is kept whole and changed at its end; of a stream one
 * event at a time is kept, and leaves as soon as its blank line has come. What no policy changes leaves
 * byte for byte as it came.
 *
 * Where a policy is not quick, an event is changed by a worker: edit_feed() then stops before it, with `wants_work`;
 * edit_work() changes it, in any thread, and edit_feed() goes on from there. What has come meanwhile waits.
 */
#ifndef GATEHOUSE_MCP_EDIT_H
#define GATEHOUSE_MCP_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "conf/project.h"

struct call;

struct edit {
	struct call *call; /* NULL: nothing is edited */
	bool by_worker, wants_work;
	struct buf event;  /* raw bytes of the event that is not complete yet, or is being changed */
	struct buf out;    /* what the last pieces became */
	struct buf rest;   /* behind the event that is being changed */
	struct buf worked; /* what it became */
	struct err err;    /* of the work */
	bool had_cr, in_line;
};

/* The route of a call (call.h includes this file). */
const struct mcp_route *call_route(const struct call *);

/* For a stream. An event may have EVENT_MAX bytes. BY_WORKER: see above. The buffers are the caller's to release. */
void edit_begin(struct edit *, struct call *, size_t event_max, bool by_worker);
void edit_release(struct edit *);

/*
 * N bytes of a stream (0 to go on after work): how many bytes of complete events may go out, at *OUT (valid until the next
 * call, also while there is work). At the stream's end the rest, an event without its end, is dropped, as its reader would. An
 * error ends the stream.
 */
size_t edit_feed(struct edit *, const char *p, size_t n, const char **out, struct err *);
void edit_work(struct edit *);

/*
 * One message or batch through all policies of the call's route that read answers, in order; appended to OUT. IN_STREAM: a
 * refused message is replaced by its error; else false, as for any other error.
 */
bool edit_text(struct call *, const char *text, size_t n, bool in_stream, struct buf *out, struct err *);

#endif
