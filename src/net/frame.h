/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One answer to a POST, as it comes over a plain connection (RFC 9112): where its head ends, what its body is, and whether the
 * connection may carry another one. It hands out what libcurl would (CURLOPT_HEADERFUNCTION, CURLOPT_WRITEFUNCTION), so that whoever
 * takes an answer need not know which of both has read it. No I/O.
 *
 * What two readers might frame differently is refused, not guessed: two lengths, a length beside a coding, codings but chunked, folded
 * lines, bare CR or LF, controls, blanks before a colon.
 */
#ifndef GATEHOUSE_NET_FRAME_H
#define GATEHOUSE_NET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
	FRAME_HEAD_BYTES = 65536,   /* interim answers included */
	FRAME_FIELDS = 256,         /* of the head, interim answers included; and of the trailer */
	FRAME_CHUNK_LINE = 1024,    /* the size of a chunk and its extensions */
	FRAME_TRAILER_BYTES = 8192,
	FRAME_PIECE = 16384         /* of the body, at most */
};

enum frame_step {
	FRAME_MORE = 0,  /* all was taken, and the answer goes on */
	FRAME_DONE,      /* it is complete */
	FRAME_PAUSED,    /* a callback wants no more (CURL_WRITEFUNC_PAUSE): the rest is to be fed again */
	FRAME_STOPPED,   /* a callback wants nothing at all */
	FRAME_MALFORMED, /* `why` says in which way */
	FRAME_BROKEN,    /* it ended before its end */
};

struct frame {
	size_t (*on_header)(char *line, size_t one, size_t n, void *context); /* a line with its end; returns n */
	size_t (*on_body)(char *p, size_t one, size_t n, void *context);      /* a piece; returns n, or CURL_WRITEFUNC_PAUSE */
	void *context;

	/* to be read */
	const char *why;
	bool keeps; /* when it is done: another answer may follow on its connection */

	/* private */
	int state, status;
	struct buf line; /* the beginning of one that is not complete */
	size_t bytes;    /* of the head, or the trailer */
	unsigned fields;
	uint64_t length, left;
	bool has_length, is_chunked, is_old, closes;
};

/* The callbacks and the context stay as they are. */
void frame_init(struct frame *);
void frame_release(struct frame *);

/* N bytes that came. *USED is how many of them belonged to the answer, and were taken. */
enum frame_step frame_feed(struct frame *, char *p, size_t n, size_t *used);

/* Nothing more will come: FRAME_DONE if that was the answer's end, else FRAME_BROKEN. */
enum frame_step frame_end(struct frame *);

/* Whether S, N bytes, can be a header's name (RFC 9110, 5.6.2); whether its value has no control but tabs. */
bool frame_is_token(const char *s, size_t n);
/* How many bytes at S, which ends in a NUL, could be in a name. */
size_t frame_token_length(const char *s);
bool frame_is_text(const char *s, size_t n);

#endif
