/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams: each row is fed whole, byte by byte, and in every split into two. */
#include "config.h"

#include "rpc/sse.h"

#include "base/buf.h"

#include "tap.h"

#define T(text) text, sizeof(text) - 1

static const struct {
	const char *stream;
	size_t n;
	const char *events; /* data, each event ended by '|' */
	const char *name;
} rows[] = {
	{ T("data: a\n\n"), "a|", "an event" },
	{ T("data:a\n\n"), "a|", "the blank behind the colon may be missing" },
	{ T("data:  a\n\n"), " a|", "only one blank is taken off" },
	{ T("data: a\r\n\r\n"), "a|", "lines end with CR LF" },
	{ T("data: a\r\r"), "a|", "lines end with CR" },
	{ T("data: a\r\n\n"), "a|", "lines end this way and that" },
	{ T("data: a\n\r\n"), "a|", "and that way and this" },
	{ T("data: a\r\ndata: b\rdata: c\n\n"), "a\nb\nc|", "lines of data are joined by a newline" },
	{ T("data: a\n\ndata: b\n\n"), "a|b|", "two events" },
	{ T("data: a\n\n\n\n\r\n\r\rdata: b\n\n"), "a|b|", "more blank lines are no events" },
	{ T("data: a\n"), "a", "an event without its end is not reported" },
	{ T("data: a"), "a", "nor is a line without" },
	{ T("data:\n\n"), "|", "empty data is an event" },
	{ T("data\n\n"), "|", "data without a colon is empty" },
	{ T("data\ndata\n\n"), "\n|", "two lines of nothing" },
	{ T("data: \ndata: x\n\n"), "\nx|", "an empty line of data comes first" },
	{ T(": comment\n\n"), "", "a comment is no event" },
	{ T(":\n\ndata: a\n: data: b\n\n"), "a|", "a comment inside an event" },
	{ T("event: message\nid: 1\nretry: 5\ndata: a\n\n"), "a|", "other fields" },
	{ T("id: 1\n\n"), "", "an event without data is none" },
	{ T("id: 1\ndata:\n\n"), "|", "a priming event has empty data" },
	{ T("dat: a\n\n"), "", "a name cut short" },
	{ T("datax: a\n\n"), "", "a name too long" },
	{ T("Data: a\n\n"), "", "a name in another case" },
	{ T(" data: a\n\n"), "", "a name behind a blank" },
	{ T("data : a\n\n"), "", "a name before a blank" },
	{ T("datadata: a\n\n"), "", "a name twice" },
	{ T("data: data: a\n\n"), "data: a|", "a colon in the data" },
	{ T("\xef\xbb\xbf" "data: a\n\n"), "a|", "a byte order mark" },
	{ T("\xef\xbb\xbf\xef\xbb\xbf" "data: a\n\n"), "", "two of them spoil the first line" },
	{ T("\xef\xbb" "data: a\n\ndata: b\n\n"), "b|", "half of one does, too" },
	{ T("\n\xef\xbb\xbf" "data: a\n\n"), "", "one that is not first" },
	{ T("\xef\xbb\xbf\n" "data: a\n\n"), "a|", "one on a line of its own" },
	{ T("data: a\0b\n\n"), "a", "a NUL is data (the rest is cut by the test)" },
	{ T("data: \xc3\xa9\xff\n\n"), "\xc3\xa9\xff|", "bytes pass as they are" },
	{ T(""), "", "nothing" },
	{ T("\n"), "", "a newline" },
	{ T(":"), "", "a colon" },
};

static void on_data(void *own, const char *p, size_t n)
{
	buf_add(own, p, n);
}

static void on_event(void *own)
{
	buf_char(own, '|');
}

static bool reads(size_t row, size_t first, size_t step, struct buf *got)
{
	const char *p = rows[row].stream;
	size_t n = rows[row].n;
	struct sse s;

	buf_clear(got);
	sse_init(&s, on_data, on_event, got);
	for (size_t at = 0, len = first < n ? first : n; at < n; at += len, len = n - at < step ? n - at : step)
		sse_feed(&s, p + at, len);
	return !strcmp(buf_text(got), rows[row].events);
}

static const struct {
	const char *stream;
	bool boundary;
	const char *name;
} boundaries[] = {
	{ "", true, "the start is between events" },
	{ "data: a\n\n", true, "behind an event" },
	{ "data: a\r\n\r\n", true, "behind one with CR LF" },
	{ "\n", true, "behind a blank line" },
	{ ": c\n\n", true, "behind a comment and a blank line" },
	{ "d", false, "inside of a name" },
	{ "data: a", false, "inside of a line" },
	{ "data: a\n", false, "behind a line, before the event's end" },
	{ "id: 1\n", false, "behind an id" },
	{ ": c", false, "inside of a comment" },
	{ "\xef\xbb", false, "inside of a byte order mark" },
	{ "\xef\xbb\xbf", true, "behind one" },
};

int main(void)
{
	struct buf got;

	buf_init(&got, 1000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool good = reads(i, 0, 1, &got) && reads(i, rows[i].n, 1, &got);

		for (size_t first = 1; first < rows[i].n; first++)
			good = reads(i, first, rows[i].n, &got) && good;
		ok(good, rows[i].name);
	}
	for (size_t i = 0; i < sizeof(boundaries) / sizeof(*boundaries); i++) {
		struct sse s;

		sse_init(&s, on_data, on_event, &got);
		sse_feed(&s, boundaries[i].stream, strlen(boundaries[i].stream));
		ok(sse_at_boundary(&s) == boundaries[i].boundary, boundaries[i].name);
	}
	buf_release(&got);
	return done();
}
