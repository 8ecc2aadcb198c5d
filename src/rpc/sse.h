/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events as they come off the wire, in constant memory: the parser keeps a few
 * bytes of state and hands out pieces of data. CR, LF and CRLF may end a line, and a
 * chunk may end anywhere, between CR and LF too.
 */
#ifndef GATEHOUSE_RPC_SSE_H
#define GATEHOUSE_RPC_SSE_H

#include <stdbool.h>
#include <stddef.h>

struct sse {
	/* Bytes of the event's data; lines are joined by a newline, which comes as a piece of its own. */
	void (*on_data)(void *own, const char *p, size_t n);
	/* A blank line ended an event that had a data field. */
	void (*on_event)(void *own);
	void *own;
	/* private */
	unsigned char state, matched;
	bool had_cr, has_data, in_event;
};

void sse_init(struct sse *, void (*on_data)(void *own, const char *p, size_t n),
    void (*on_event)(void *own), void *own);

/* The next N bytes, any N. */
void sse_feed(struct sse *, const char *p, size_t n);

/*
 * Whether the stream stands between two events, so that a comment or an event of ours may be
 * written behind what was fed. True at the start.
 */
bool sse_at_boundary(const struct sse *);

#endif
