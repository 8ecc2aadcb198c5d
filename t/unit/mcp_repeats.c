/* SPDX-License-Identifier: Apache-2.0 */
/* Which answers are taken for one that was read before, what comes of them, and how many are remembered. */
#include "config.h"

#include "mcp/repeats.h"

#include "base/arena.h"

#include "tap.h"

#include <stdlib.h>

static const int route, other_route;

static struct span span(const char *s)
{
	return (struct span){ s, strlen(s) };
}

static const struct repeat good = { { .answered = true, .messages = 1, .answers = 1 }, { .id = 1, .tokens = 77 } };

static bool finds(struct repeats *r, const void *of, const char *text, const char *id, const char *want)
{
	struct repeat what = { .answer = { .tokens = 0 } };
	struct buf out;
	bool got, same;

	buf_init(&out, 4 << 20);
	got = repeats_get(r, of, span(text), span(id), &out, &what);
	same = got && want && !strcmp(buf_text(&out), want) && what.answer.tokens == 77;
	buf_release(&out);
	return want ? same : !got;
}

static void test_same(void)
{
	struct repeats *r = repeats_new();

	repeats_put(r, &route, span("{\"id\":1,\"result\":{\"tools\":[1,2]}}"), span("1"), span("{\"id\":1,\"result\":{\"tools\":[1]}}"),
	    &good);
	repeats_put(r, &route, span("{\"result\":{},\"jsonrpc\":\"2.0\",\"id\":\"a\"}"), span("\"a\""),
	    span("{\"result\":{},\"jsonrpc\":\"2.0\",\"id\":\"a\"}"), &good);
	ok(finds(r, &route, "{\"id\":1,\"result\":{\"tools\":[1,2]}}", "1", "{\"id\":1,\"result\":{\"tools\":[1]}}"), "the same answer");
	ok(finds(r, &route, "{\"id\":\"x-1234\",\"result\":{\"tools\":[1,2]}}", "\"x-1234\"", "{\"id\":\"x-1234\",\"result\":{\"tools\":[1]}}"),
	    "the same with another id, of another length and kind");
	ok(finds(r, &route, "{\"result\":{},\"jsonrpc\":\"2.0\",\"id\":22}", "22", "{\"result\":{},\"jsonrpc\":\"2.0\",\"id\":22}"),
	    "the id may come last");
	ok(finds(r, &route, "{\"id\":1,\"result\":{\"tools\":[1,3]}}", "1", NULL), "a byte differs behind the id: no");
	ok(finds(r, &route, "{\"Id\":1,\"result\":{\"tools\":[1,2]}}", "1", NULL), "or before it: no");
	ok(finds(r, &route, "{\"id\":2,\"result\":{\"tools\":[1,2]}}", "1", NULL), "it answers another request: no");
	ok(finds(r, &route, "{\"id\":12,\"result\":{\"tools\":[1,2]}}", "1", NULL), "nor where that begins alike");
	ok(finds(r, &route, "{\"id\":1,\"result\":{\"tools\":[1,2]}} ", "1", NULL), "something follows: no");
	ok(finds(r, &route, "{\"id\":1", "1", NULL), "cut short: no");
	ok(finds(r, &route, "", "1", NULL), "nothing at all: no");
	ok(finds(r, &other_route, "{\"id\":1,\"result\":{\"tools\":[1,2]}}", "1", NULL), "another route: no");
	repeats_free(r);
}

static void test_unfit(void)
{
	struct repeats *r = repeats_new();

	repeats_put(r, &route, span("{\"id\":2,\"result\":1}"), span("1"), span("{\"id\":2,\"result\":1}"), &good);
	ok(finds(r, &route, "{\"id\":1,\"result\":1}", "1", NULL), "an answer to another request is not remembered");
	repeats_put(r, &route, span("{\"result\":1}"), span("1"), span("{\"result\":1}"), &good);
	ok(finds(r, &route, "{\"result\":1}", "1", NULL), "nor one to none");
	repeats_put(r, &route, span("{\"id\":1,\"result\":1}"), span("1"), span("{\"id\":2,\"result\":1}"), &good);
	ok(finds(r, &route, "{\"id\":1,\"result\":1}", "1", NULL), "nor one that has become another's");
	repeats_free(r);
}

/* An answer of some size, with a number in it. */
static char *large(int number, size_t size)
{
	char *text = xmalloc(size + 64);
	int n = snprintf(text, 64, "{\"id\":1,\"result\":{\"n\":%d,\"s\":\"", number);

	memset(text + n, 'x', size);
	memcpy(text + (size_t)n + size, "\"}}", 4);
	return text;
}

static bool has(struct repeats *r, int number, size_t size)
{
	char *text = large(number, size);
	bool yes = finds(r, &route, text, "1", text);

	free(text);
	return yes;
}

static void put(struct repeats *r, int number, size_t size)
{
	char *text = large(number, size);

	repeats_put(r, &route, span(text), span("1"), span(text), &good);
	free(text);
}

static void test_bounds(void)
{
	const size_t size = REPEATS_EACH_BYTES / 2 - 1000;
	const int fit = REPEATS_BYTES / REPEATS_EACH_BYTES;
	struct repeats *r = repeats_new();

	for (int i = 0; i < fit; i++)
		put(r, i, size);
	ok(has(r, 0, size), "as many large ones as there is room for");
	put(r, fit, size);
	ok(has(r, fit, size) && has(r, 0, size) && !has(r, 1, size), "one more, and the one that was not asked for longest goes");
	put(r, 99, REPEATS_EACH_BYTES / 2 + 1000);
	ok(!has(r, 99, REPEATS_EACH_BYTES / 2 + 1000) && has(r, 0, size), "one that is too large is not remembered");
	repeats_free(r);
	r = repeats_new();
	for (int i = 0; i <= REPEATS_MAX; i++)
		put(r, i, 1);
	ok(!has(r, 0, 1) && has(r, 1, 1) && has(r, REPEATS_MAX, 1), "however small they are, there are only so many");
	repeats_free(r);
	repeats_free(NULL);
}

int main(void)
{
	test_same();
	test_unfit();
	test_bounds();
	return done();
}
