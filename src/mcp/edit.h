/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that policies read and change. A JSON answer is kept whole and changed at its end; of a stream one
 * event at a time is kept, and leaves as soon as its blank line has come. What no policy changes leaves
 * byte for byte as it came.
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
	const struct call *call; /* NULL: nothing is edited */
	struct buf event; /* raw bytes of the event that is not complete yet */
	struct buf out;   /* what the last piece became */
	bool had_cr, in_line;
};

/* The route of a call (call.h includes this file). */
const struct mcp_route *call_route(const struct call *);

/* Whether a policy of the route reads answers. */
bool edit_is_wanted(const struct mcp_route *);

/* For a stream. An event may have EVENT_MAX bytes. The buffers are the caller's to release. */
void edit_begin(struct edit *, const struct call *, size_t event_max);
void edit_release(struct edit *);

/*
 * N bytes of a stream: how many bytes of complete events may go out, at *OUT (valid until the next call). With N 0: the
 * rest, an event without its end, is dropped, as its reader would. An error ends the stream.
 */
size_t edit_feed(struct edit *, const char *p, size_t n, const char **out, struct err *);

/* One message or batch through all policies of the call's route that read answers, in order; appended to OUT. */
bool edit_text(const struct call *, const char *text, size_t n, struct buf *out, struct err *);

#endif
