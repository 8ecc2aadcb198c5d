/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An upstream's answer on a plain connection: it reads the same however it comes in pieces and however often its reader pauses; what is
 * handed out was in it, line by line; a length is kept to; nothing that is malformed or cut off counts as complete.
 */
#include "config.h"

#include "fuzz.h"

#include "base/buf.h"
#include "net/frame.h"

#include <curl/curl.h>
#include <string.h>

struct seen {
	enum frame_step step;
	bool keeps, ended;
	size_t used;
	struct buf head, body;
	unsigned asked, pauses; /* every so many times; 0: never */
};

static size_t on_header(char *line, size_t one, size_t n, void *context)
{
	struct seen *s = context;

	must(one == 1 && n >= 2 && !memcmp(line + n - 2, "\r\n", 2));
	must(!memchr(line, '\r', n - 2) && !memchr(line, '\n', n - 2) && !memchr(line, '\0', n));
	buf_add(&s->head, line, n);
	return n;
}

static size_t on_body(char *p, size_t one, size_t n, void *context)
{
	struct seen *s = context;

	must(one == 1 && n > 0 && n <= FRAME_PIECE);
	if (s->pauses && ++s->asked % s->pauses == 0)
		return CURL_WRITEFUNC_PAUSE;
	buf_add(&s->body, p, n);
	return n;
}

static void read_all(struct seen *s, const uint8_t *bytes, size_t n, size_t piece)
{
	struct frame f = { .on_header = on_header, .on_body = on_body, .context = s };
	char *copy;

	frame_init(&f);
	buf_init(&s->head, SIZE_MAX / 2);
	buf_init(&s->body, SIZE_MAX / 2);
	s->step = FRAME_MORE;
	while (s->used < n && (s->step == FRAME_MORE || s->step == FRAME_PAUSED)) {
		size_t now = n - s->used < piece ? n - s->used : piece, used;

		copy = malloc(now); /* a read past its end is seen */
		must(copy);
		memcpy(copy, bytes + s->used, now);
		s->step = frame_feed(&f, copy, now, &used);
		must(used <= now && (s->step != FRAME_MORE || used == now));
		s->used += used;
		free(copy);
	}
	s->ended = s->step == FRAME_MORE;
	if (s->ended)
		s->step = frame_end(&f);
	must(s->step == FRAME_DONE || s->step == FRAME_BROKEN || s->step == FRAME_MALFORMED);
	must(s->step != FRAME_MALFORMED || f.why);
	s->keeps = s->step == FRAME_DONE && f.keeps;
	must(!s->keeps || !s->ended); /* the end of the connection is no end to go on from */
	must(s->step != FRAME_DONE || (s->head.len > 4 && !memcmp(s->head.data + s->head.len - 4, "\r\n\r\n", 4)));
	must(s->step != FRAME_DONE || !strncmp(s->head.data, "HTTP/1.", 7));
	must(s->head.len <= FRAME_HEAD_BYTES && s->head.len + s->body.len <= n);
	frame_release(&f);
}

static void release(struct seen *s)
{
	buf_release(&s->head);
	buf_release(&s->body);
}

static void compare(const struct seen *a, const struct seen *b)
{
	must(a->step == b->step && a->keeps == b->keeps && a->ended == b->ended);
	must(a->step != FRAME_DONE || a->used == b->used);
	must(!strcmp(buf_text(&a->head), buf_text(&b->head)));
	must(a->body.len == b->body.len && (!a->body.len || !memcmp(a->body.data, b->body.data, a->body.len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const size_t pieces[] = { 1, 2, 7 };
	struct seen whole = { .used = 0 };

	read_all(&whole, bytes, n, n ? n : 1);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct seen parts = { .pauses = (unsigned)i * 2 };

		read_all(&parts, bytes, n, pieces[i]);
		compare(&whole, &parts);
		release(&parts);
	}
	release(&whole);
	return 0;
}
