/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reading JSON costs on the way of a call: the gate, the message behind it, the outcome of an
 * answer; beside them json-c's tree, which calls are spared. Then hostile texts, in
 * two sizes, to see that time grows with the text. Prints a table; judges nothing.
 */
#include "config.h"

#include "json/json.h"
#include "rpc/outcome.h"
#include "rpc/rpc.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

enum { LONG_ENOUGH_US = 200000 };

static const struct scan_limits limits = { .bytes = 64 << 20, .depth = 64, .members = 4000000 };

static void do_check(const struct buf *b)
{
	scan_check(b->data, b->len, &limits, NULL);
}

static void do_read(const struct buf *b)
{
	struct arena *a = arena_new();
	struct rpc_fault f;
	struct rpc_body body;

	rpc_read(&body, a, b->data, b->len, &limits, &f);
	arena_free(a);
}

static void do_outcome(const struct buf *b)
{
	struct rpc_scan s;

	rpc_scan_init(&s, (struct span){ NULL, 0 }, false);
	rpc_scan_feed(&s, b->data, b->len);
	rpc_scan_end(&s);
}

static void do_tree(const struct buf *b)
{
	struct arena *a = arena_new();

	json_parse(a, b->data, b->len, &limits, NULL);
	arena_free(a);
}

static void measure(const char *name, void (*what)(const struct buf *), const struct buf *b)
{
	int64_t start = clock_us(), spent = 0;
	double us;
	long n = 0;

	for (; spent < LONG_ENOUGH_US; spent = clock_us() - start, n++)
		what(b);
	us = (double)spent / (double)n;
	printf("%-34s %9zu bytes %12.2f us %9.0f ns/KB\n", name, b->len, us,
	    us * 1000 * 1024 / (double)b->len);
}

/* HEAD, then UNIT (with a number, if it has %d) until SIZE bytes are there, then TAIL. */
static void fill(struct buf *b, size_t size, const char *head, const char *unit, const char *tail)
{
	buf_clear(b);
	buf_str(b, head);
	for (int i = 0; b->len < size; i++) {
		if (i)
			buf_char(b, ',');
		buf_printf(b, unit, i);
	}
	buf_str(b, tail);
}

static const char call_head[] = "{\"jsonrpc\":\"2.0\",\"id\":17,\"method\":\"tools/call\",\"params\":"
				"{\"name\":\"search\",\"_meta\":{\"progressToken\":3},\"arguments\":{";
static const char call_unit[] = "\"field%d\":\"some words, as people write them\"";

static const struct {
	const char *name, *head, *unit, *tail;
} hostile[] = {
	{ "members in one object", "{", "\"n%d\":0", "}" },
	{ "names escaped", "{", "\"\\u0061\\u0062%d\":0", "}" },
	{ "escapes", "[", "\"\\ud83d\\ude00\\n\\\\\"", "]" },
	{ "small objects", "[", "{\"a\":{\"b\":[%d]}}", "]" },
	{ "nested arrays", "[", "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "]" },
	{ "numbers", "[", "%d.5e-3", "]" },
	{ "blanks", "[", "                                0", "]" },
};

int main(void)
{
	static const size_t sizes[] = { 1024, 16384, 1 << 20 };
	struct buf b;

	buf_init(&b, 32 << 20);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		fill(&b, sizes[i] - 10, call_head, call_unit, "}}}");
		measure("a call: gate", do_check, &b);
		measure("a call: gate and message", do_read, &b);
		measure("a call: tree of json-c, gate and all", do_tree, &b);
		measure("an answer: outcome", do_outcome, &b);
	}
	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++)
		for (size_t size = 1 << 17; size <= 1 << 20; size *= 8) {
			fill(&b, size, hostile[i].head, hostile[i].unit, hostile[i].tail);
			measure(hostile[i].name, do_check, &b);
		}
	buf_release(&b);
	return 0;
}
