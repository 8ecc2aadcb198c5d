/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an upstream's answer. */
#include "config.h"

#include "mcp/head.h"

#include "tap.h"

static struct arena *a;

/* Reads a head given as one text; the step of its last line. */
static enum head_step read_head(struct head *h, const char *text)
{
	enum head_step step = HEAD_MORE;

	*h = (struct head){ .status = 0 };
	while (*text && step == HEAD_MORE) {
		size_t n = strcspn(text, "\n") + 1;

		step = head_line(h, a, text, n);
		text += n;
	}
	return step;
}

static const struct {
	const char *type;
	bool stream;
} types[] = {
	{ "text/event-stream", true }, { "Text/Event-Stream; charset=utf-8", true }, { "text/event-stream ;x", true },
	{ "text/event-streams", false }, { "text/event-stream-x", false }, { "application/json", false }, { "text/event", false },
};

int main(void)
{
	struct head h;
	char line[128];

	a = arena_new();
	is_int(read_head(&h, "HTTP/1.1 200 OK\r\nA: 1\r\nB:\t2 \r\na: 3\r\n\r\n"), HEAD_COMPLETE, "a head is complete at its blank line");
	is_int(h.status, 200, "with its status");
	is_str(head_get(&h, "b"), "2", "values lose the blanks around them");
	is_str(head_get(&h, "a"), "3", "of two fields the last counts");
	ok(!head_get(&h, "c"), "an absent field is absent");
	is_int(read_head(&h, "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 No\r\nA: 1\r\n\r\n"), HEAD_COMPLETE, "interim answers are skipped");
	is_int(h.status, 204, "up to the final one");
	ok(!head_get(&h, "link"), "and leave no field behind");
	is_int(read_head(&h, "HTTP/1.1 2x0 OK\r\n\r\n"), HEAD_COMPLETE, "a status that is no number");
	is_int(h.status, 0, "is 0");
	is_int(read_head(&h, "HTTP/1.1 20\r\n\r\n"), HEAD_COMPLETE, "one that is too short");
	is_int(h.status, 0, "too");
	read_head(&h, "HTTP/1.1 200 OK\r\nno colon\r\n: nameless\r\nA: 1\r\n\r\n");
	ok(h.fields && !h.fields->next, "lines that are no field are left out");
	*(&h) = (struct head){ .status = 0 };
	head_line(&h, a, "HTTP/1.1 200 OK\r\n", 17);
	head_line(&h, a, "A: 1\0 2\r\n", 9);
	ok(!h.fields, "so is one with a NUL");
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		snprintf(line, sizeof(line), "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n", types[i].type);
		read_head(&h, line);
		ok(head_is_stream(&h) == types[i].stream, types[i].type);
	}
	h = (struct head){ .status = 0 };
	head_line(&h, a, "HTTP/1.1 200 OK\r\n", 17);
	memset(line, 'x', sizeof(line));
	for (size_t i = 0; i < HEAD_BYTES / sizeof(line) - 1; i++)
		head_line(&h, a, line, sizeof(line));
	is_int(head_line(&h, a, line, sizeof(line) - 17), HEAD_MORE, "a head may have 64 KiB");
	is_int(head_line(&h, a, "x", 1), HEAD_TOO_LARGE, "and not a byte more");
	arena_free(a);
	return done();
}
