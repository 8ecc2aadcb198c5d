/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses that an upstream asks the user to open (URL elicitation, protocol 1.9): clients hand them to a
 * browser. Anything but http and https there is blotted out as it passes (protocol F104): its bytes become '-',
 * so that lengths stay, and what is left is no address. Nothing is held back or copied, and other text is never
 * touched.
 */
#ifndef GATEHOUSE_MCP_LINKS_H
#define GATEHOUSE_MCP_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "rpc/sse.h"

enum { LINKS_DEPTH = 8 };

struct links {
	struct buf work;
	uint64_t blotted; /* addresses, so far */
	/* private */
	struct sse sse;
	const char *piece;
	size_t piece_len;
	bool is_sse, copied;
	unsigned depth; /* of open containers */
	struct {
		bool object;
		unsigned char member; /* the one being read */
	} at[LINKS_DEPTH]; /* the outermost first */
	unsigned char state, escape, unit_digits, matched;
	unsigned unit, name_len;
	char name[16];
};

/* SSE: the bytes are an event stream. */
void links_init(struct links *, bool sse);
void links_release(struct links *);

/* N bytes of the body, any N: what goes out in their place, as many (valid until the next call). */
const char *links_feed(struct links *, const char *p, size_t n);

#endif
