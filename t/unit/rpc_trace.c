/* SPDX-License-Identifier: Apache-2.0 */
/* Trace context, ids and addresses that may be told: what is sound, and one fault at a time. */
#include "config.h"

#include "rpc/trace.h"

#include "tap.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"
#define WHOLE "00-" TRACE "-" SPAN "-01"

static void parents(struct arena *a)
{
	static const struct {
		const char *text, *want, *name;
	} cases[] = {
		{ WHOLE, WHOLE, "a traceparent" },
		{ "00-" TRACE "-" SPAN "-00", "00-" TRACE "-" SPAN "-00", "that is not sampled" },
		{ "cc-" TRACE "-" SPAN "-01-more", "cc-" TRACE "-" SPAN "-01", "of a later version, with more behind it" },
		{ "cc-" TRACE "-" SPAN "-01", "cc-" TRACE "-" SPAN "-01", "and without" },
		{ "cc-" TRACE "-" SPAN "-01more", NULL, "not where more is not set apart" },
		{ WHOLE "-more", NULL, "nor of version 00" },
		{ "ff-" TRACE "-" SPAN "-01", NULL, "no version ff" },
		{ "00-00000000000000000000000000000000-" SPAN "-01", NULL, "no trace of zeros" },
		{ "00-" TRACE "-0000000000000000-01", NULL, "no span of zeros" },
		{ "00-0AF7651916cd43dd8448eb211c80319c-" SPAN "-01", NULL, "no capitals" },
		{ "00-" TRACE "-" SPAN "-0g", NULL, "no flags but hex digits" },
		{ "00_" TRACE "-" SPAN "-01", NULL, "no other signs" },
		{ "00-" TRACE "-" SPAN "-0", NULL, "nothing shorter" },
		{ "", NULL, "nor empty" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(trace_parent(a, cases[i].text, strlen(cases[i].text)), cases[i].want, cases[i].name);
	is_str(trace_parent(a, NULL, 0), NULL, "nor absent");
}

static struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static struct span meta_of(const char *params)
{
	return scan_member(span_of(params), "_meta");
}

static void members(struct arena *a)
{
	is_str(trace_parent_of(a, meta_of("{\"_meta\":{\"traceparent\":\"" WHOLE "\"}}")), WHOLE, "of a message's _meta");
	is_str(trace_parent_of(a, meta_of("{\"_meta\":{\"traceparent\":\"\\u0030" "0-" TRACE "-" SPAN "-01\"}}")), WHOLE, "in escapes");
	is_str(trace_parent_of(a, meta_of("{\"_meta\":{\"traceparent\":7}}")), NULL, "not a number");
	is_str(trace_parent_of(a, meta_of("{\"traceparent\":\"" WHOLE "\"}")), NULL, "nor elsewhere");
	is_str(trace_parent_of(a, meta_of("{\"_meta\":[]}")), NULL, "nor without");
}

static void places(void)
{
	static const char message[] = "{\"_meta\":{\"traceparent\":\"" WHOLE "\"}}";
	struct span value = trace_parent_span(meta_of(message));

	is_int((long)(value.p - message), 24, "a traceparent stands where it does");
	is_int((long)value.n, TRACE_PARENT_LEN + 2, "with its quotes");
	ok(!trace_parent_span(meta_of("{\"_meta\":{\"traceparent\":\"00-x\"}}")).p, "one that is none stands nowhere");
	ok(!trace_parent_span(meta_of("{\"_meta\":{\"traceparent\":[\"" WHOLE "\"]}}")).p, "nor in a list");
}

static void states(struct arena *a)
{
	char *text = arena_alloc(a, 600);

	is_str(trace_state_of(a, meta_of("{\"_meta\":{\"tracestate\":\"a=1,b=2\"}}")), "a=1,b=2", "a tracestate");
	is_str(trace_state_of(a, meta_of("{\"_meta\":{\"tracestate\":\"a=1\\r\\nX: y\"}}")), NULL, "none with the end of a header in it");
	is_str(trace_state_of(a, meta_of("{\"_meta\":{\"tracestate\":\"a=\\u0000\"}}")), NULL, "nor with a NUL");
	is_str(trace_state_of(a, meta_of("{\"_meta\":{\"tracestate\":\"\u00e9\"}}")), NULL, "nor with what is not ASCII");
	is_str(trace_state_of(a, meta_of("{\"_meta\":{\"tracestate\":\"\"}}")), NULL, "nor an empty one");
	is_str(trace_state_of(a, meta_of("{\"_meta\":{\"tracestate\":1}}")), NULL, "nor a number");
	snprintf(text, 600, "{\"_meta\":{\"tracestate\":\"%0512d\"}}", 0);
	ok(trace_state_of(a, meta_of(text)) != NULL, "one of 512 bytes");
	snprintf(text, 600, "{\"_meta\":{\"tracestate\":\"%0513d\"}}", 0);
	ok(trace_state_of(a, meta_of(text)) == NULL, "and none of 513");
}

static void ours(void)
{
	static const char event[] = "01234567-89ab-4cde-8f01-23456789abcd";
	char text[TRACE_PARENT_LEN + 1];
	struct trace_ids t;

	trace_ids(&t, event, WHOLE);
	is_str(t.trace, TRACE, "a call is in its caller's trace");
	is_str(t.parent, SPAN, "below its caller");
	is_str(t.server, "0123456789ab4cde", "our spans are the halves of the event's id: the first");
	is_str(t.client, "8f0123456789abcd", "and the second");
	trace_parent_write(text, &t);
	is_str(text, "00-" TRACE "-8f0123456789abcd-01", "the upstream is below our second");
	trace_ids(&t, event, "00-" TRACE "-" SPAN "-00");
	trace_parent_write(text, &t);
	is_str(text, "00-" TRACE "-8f0123456789abcd-00", "what is not sampled stays so");
	trace_ids(&t, event, "cc-" TRACE "-" SPAN "-ff");
	trace_parent_write(text, &t);
	is_str(text, "00-" TRACE "-8f0123456789abcd-03", "flags that nobody knows are not passed on");
	trace_ids(&t, event, NULL);
	trace_parent_write(text, &t);
	is_str(text, "00-0123456789ab4cde8f0123456789abcd-8f0123456789abcd-01", "without a caller the event is a trace");
	is_str(t.parent, "", "that has no parent");
}

static void ids(struct arena *a)
{
	char word[70] = "\"";

	is_str(trace_rpc_id(a, span_of("17")), "17", "an id that is a number");
	is_str(trace_rpc_id(a, span_of("\"a-7_b.C\"")), "a-7_b.C", "a word");
	is_str(trace_rpc_id(a, span_of("\"two words\"")), NULL, "not two");
	is_str(trace_rpc_id(a, span_of("\"a\\u0000b\"")), NULL, "nor with a NUL");
	is_str(trace_rpc_id(a, span_of("\"user@example.com\"")), NULL, "nor an address");
	is_str(trace_rpc_id(a, span_of("null")), NULL, "nor null");
	memset(word + 1, 'x', 65);
	word[66] = '"';
	is_str(trace_rpc_id(a, span_of(word)), NULL, "nor a word of 65 letters");
	word[65] = '"';
	word[66] = '\0';
	ok(trace_rpc_id(a, span_of(word)) != NULL, "but one of 64");
}

static void resources(struct arena *a)
{
	is_str(trace_resource(a, "https://user:secret@files.example/a?key=secret#secret"), "https://files.example/a", "an address without secrets");
	is_str(trace_resource(a, "https://files.example/a/b"), "https://files.example/a/b", "or as it is");
	ok(!strstr(trace_resource(a, "https://files.example?secret"), "secret"), "a query behind the host goes, too");
}

int main(void)
{
	struct arena *a = arena_new();

	parents(a);
	members(a);
	places();
	states(a);
	ours();
	ids(a);
	resources(a);
	arena_free(a);
	return done();
}
