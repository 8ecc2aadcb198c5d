/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A web server's records: they read the same however they come in pieces; what is handed out was in them; what is kept, and what is
 * said to them, is bounded; a variable is a name and a value, in one string; a connection that is kept reads as a new one.
 */
#include "config.h"

#include "fuzz.h"

#include "base/buf.h"
#include "http/fcgi.h"

#include <string.h>

struct seen {
	enum fcgi_step step;
	bool has_variables, has_body;
	unsigned id;
	int status;
	size_t used;
	struct buf variables, body, answers;
};

static void keep_variables(struct seen *s, const struct fcgi *f)
{
	size_t i = 0;

	for (const char *const *p = fcgi_variables(f); *p; p++, i++) {
		const char *equals = strchr(*p, '=');

		must(equals && (equals > *p || strchr(equals + 1, '='))); /* a name may begin with one */
		must(!p[1] || p[1] > *p + strlen(*p));
		buf_add(&s->variables, *p, strlen(*p) + 1);
	}
	must(i <= FCGI_VARIABLES && s->variables.len <= FCGI_VARIABLES_BYTES);
}

static void take(struct seen *s, const struct fcgi *f, const char *from, size_t n)
{
	switch (s->step) {
	case FCGI_PIECE:
		must(f->has_variables && !f->has_body && f->piece_n > 0);
		must(f->piece >= from && f->piece + f->piece_n <= from + n);
		buf_add(&s->body, f->piece, f->piece_n);
		break;
	case FCGI_ANSWER:
	case FCGI_LAST:
		must(f->answer_n >= FCGI_HEADER && f->answer_n <= sizeof(f->answer));
		must(f->answer_n - FCGI_HEADER == (size_t)(f->answer[4] << 8 | f->answer[5]));
		buf_add(&s->answers, f->answer, f->answer_n);
		break;
	case FCGI_REFUSED:
		must(f->why && f->id && (f->status == 400 || f->status == 431) && !f->has_variables);
		break;
	case FCGI_MALFORMED:
		must(f->why);
		break;
	case FCGI_MORE:
		break;
	}
}

static void read_on(struct seen *s, struct fcgi *f, const uint8_t *bytes, size_t n, size_t piece)
{
	buf_init(&s->variables, SIZE_MAX / 2);
	buf_init(&s->body, SIZE_MAX / 2);
	buf_init(&s->answers, SIZE_MAX / 2);
	while (s->used < n && s->step <= FCGI_ANSWER) {
		size_t now = n - s->used < piece ? n - s->used : piece, used = 0;
		char *copy = malloc(now); /* a read past its end is seen */

		must(copy);
		memcpy(copy, bytes + s->used, now);
		s->step = fcgi_feed(f, copy, now, &used);
		must(used > 0 && used <= now && (s->step != FCGI_MORE || used == now));
		take(s, f, copy, now);
		s->used += used;
		free(copy);
	}
	if (s->step <= FCGI_ANSWER)
		s->step = FCGI_MORE;
	s->has_variables = f->has_variables;
	s->has_body = f->has_body;
	s->id = f->id;
	s->status = f->status;
	must(!f->has_body || f->has_variables);
	must(!f->has_variables || f->id);
	must(s->answers.len <= (FCGI_ASIDES + 1) * sizeof(f->answer));
	must(f->block_cap <= 2 * (size_t)FCGI_VARIABLES_BYTES);
	if (f->has_variables)
		keep_variables(s, f);
}

static void read_all(struct seen *s, const uint8_t *bytes, size_t n, size_t piece)
{
	struct fcgi f = { .id = 0 };

	read_on(s, &f, bytes, n, piece);
	fcgi_release(&f);
}

static void release(struct seen *s)
{
	buf_release(&s->variables);
	buf_release(&s->body);
	buf_release(&s->answers);
}

static bool is_same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

static void must_be_same(const struct seen *a, const struct seen *b)
{
	must(a->step == b->step && a->id == b->id && a->status == b->status);
	must(a->has_variables == b->has_variables && a->has_body == b->has_body);
	must(is_same(&a->variables, &b->variables) && is_same(&a->body, &b->body));
	must(is_same(&a->answers, &b->answers));
}

/* The same again, on a connection that is kept. */
static void read_again(const struct seen *first, struct fcgi *f, const uint8_t *bytes, size_t n)
{
	struct seen again = { .used = 0 };

	if (!fcgi_next(f))
		return;
	must(first->has_body);
	read_on(&again, f, bytes, n, n);
	must_be_same(first, &again);
	release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const size_t pieces[] = { 1, 2, 7, 9 };
	struct seen whole = { .used = 0 };
	struct fcgi f = { .id = 0 };

	read_on(&whole, &f, bytes, n, n ? n : 1);
	read_again(&whole, &f, bytes, n);
	fcgi_release(&f);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct seen parts = { .used = 0 };

		read_all(&parts, bytes, n, pieces[i]);
		must_be_same(&whole, &parts);
		release(&parts);
	}
	release(&whole);
	return 0;
}
