/* SPDX-License-Identifier: Apache-2.0 */
/* The event stream's grammar (HTML Living Standard 9.2.5), one line at a time, nothing kept. */
#include "config.h"

#include "rpc/sse.h"

#include <string.h>

enum state {
	AT_START, /* of the stream: a byte order mark may come */
	AT_LINE,  /* at the start of a line */
	IN_FIELD, /* in a name that may still be "data" */
	AT_VALUE, /* behind its colon: one blank may come */
	IN_DATA,
	IN_OTHER  /* to the end of a line that tells us nothing */
};

void sse_init(struct sse *s, void (*on_data)(void *own, const char *p, size_t n),
    void (*on_event)(void *own), void *own)
{
	*s = (struct sse){ .on_data = on_data, .on_event = on_event, .own = own, .state = AT_START };
}

bool sse_at_boundary(const struct sse *s)
{
	return !s->in_event && (s->state == AT_LINE || (s->state == AT_START && !s->matched));
}

static void begin_data(struct sse *s)
{
	if (s->has_data)
		s->on_data(s->own, "\n", 1);
	s->has_data = true;
}

static void end_line(struct sse *s)
{
	bool blank = s->state == AT_LINE || (s->state == AT_START && !s->matched);

	if (s->state == IN_FIELD && s->matched == 4) /* "data" without a colon: an empty line */
		begin_data(s);
	s->state = AT_LINE;
	s->matched = 0;
	if (!blank) {
		s->in_event = true;
		return;
	}
	if (s->has_data)
		s->on_event(s->own);
	s->has_data = s->in_event = false;
}

/* A byte of the line's beginning, up to the first byte of data. */
static void begin_line(struct sse *s, char c)
{
	static const char bom[] = "\xef\xbb\xbf", data[] = "data";

	switch (s->state) {
	case AT_START:
		if (c == bom[s->matched]) {
			if (++s->matched == 3) {
				s->state = AT_LINE;
				s->matched = 0;
			}
			return;
		}
		s->state = s->matched ? IN_OTHER : IN_FIELD;
		s->matched = 0;
		break;
	case AT_LINE:
		s->state = IN_FIELD;
		break;
	default:
		break;
	}
	if (s->state != IN_FIELD)
		return;
	if (s->matched == 4 && c == ':') {
		begin_data(s);
		s->state = AT_VALUE;
	} else if (s->matched < 4 && c == data[s->matched]) {
		s->matched++;
	} else {
		s->state = IN_OTHER;
	}
}

/* The end of the line in P, or END. */
static const char *line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p)), *cr;

	if (lf)
		end = lf;
	cr = memchr(p, '\r', (size_t)(end - p));
	return cr ? cr : end;
}

void sse_feed(struct sse *s, const char *p, size_t n)
{
	const char *end = p + n, *q;

	while (p < end) {
		if (s->had_cr && *p == '\n') { /* the line has ended already */
			s->had_cr = false;
			p++;
			continue;
		}
		s->had_cr = *p == '\r';
		if (*p == '\r' || *p == '\n') {
			end_line(s);
			p++;
		} else if (s->state == IN_DATA || s->state == IN_OTHER) {
			q = line_end(p, end);
			if (s->state == IN_DATA)
				s->on_data(s->own, p, (size_t)(q - p));
			p = q;
		} else if (s->state == AT_VALUE) {
			s->state = IN_DATA;
			p += *p == ' ';
		} else {
			begin_line(s, *p++);
		}
	}
}
