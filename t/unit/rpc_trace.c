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

static void members(struct arena *a)
{
	is_str(trace_parent_of(a, span_of("{\"_meta\":{\"traceparent\":\"" WHOLE "\"}}")), WHOLE, "of a message's _meta");
	is_str(trace_parent_of(a, span_of("{\"_meta\":{\"traceparent\":\"\\u0030" "0-" TRACE "-" SPAN "-01\"}}")), WHOLE, "in escapes");
	is_str(trace_parent_of(a, span_of("{\"_meta\":{\"traceparent\":7}}")), NULL, "not a number");
	is_str(trace_parent_of(a, span_of("{\"traceparent\":\"" WHOLE "\"}")), NULL, "nor elsewhere");
	is_str(trace_parent_of(a, span_of("{\"_meta\":[]}")), NULL, "nor without");
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
	ids(a);
	resources(a);
	arena_free(a);
	return done();
}
