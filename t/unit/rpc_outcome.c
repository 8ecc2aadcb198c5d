/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes: each answer is fed whole, byte by byte and in every split into two, plain and as an event. */
#include "config.h"

#include "rpc/outcome.h"

#include "base/buf.h"

#include "tap.h"

#include <stdlib.h>

#define T(text) text, sizeof(text) - 1

/* flags of an outcome */
enum { A = 1, E = 2, I = 4, M = 8 }; /* answered, error, is_error, malformed */

static const struct {
	const char *text;
	int flags;
	int code;
	const char *name;
} rows[] = {
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}", A, 0, "a result" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"isError\":true,\"content\":[]}}", A | I, 0,
	    "a result that is an error" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[{\"a\":[]}],\"isError\" : true }}", A | I,
	    0, "the same behind its content" },
	{ "{\"result\":{\"isError\":true},\"id\":1}", A | I, 0, "the same before the id" },
	{ "{\"id\":1,\"result\":{\"isError\":false}}", A, 0, "isError false" },
	{ "{\"id\":1,\"result\":{\"isError\":\"true\"}}", A, 0, "isError that is a string" },
	{ "{\"id\":1,\"result\":{\"isError\":[true]}}", A, 0, "isError that is an array" },
	{ "{\"id\":1,\"result\":{\"isError\":{\"isError\":true}}}", A, 0, "isError inside of isError" },
	{ "{\"id\":1,\"result\":{\"iserror\":true}}", A, 0, "isError in another case" },
	{ "{\"id\":1,\"result\":{\"isErrorr\":true}}", A, 0, "a longer name" },
	{ "{\"id\":1,\"result\":{\"is\\u0045rror\":true}}", A | I, 0, "isError escaped" },
	{ "{\"id\":1,\"result\":{\"isError\\u0000\":true}}", A, 0, "isError with a NUL behind" },
	{ "{\"id\":1,\"r\\u0065sult\":{\"isError\":true}}", A | I, 0, "result escaped" },
	/* decoys */
	{ "{\"id\":1,\"result\":{\"content\":[{\"isError\":true}]}}", A, 0, "isError in the content" },
	{ "{\"id\":1,\"result\":{\"structuredContent\":{\"isError\":true,\"error\":{\"code\":5}}}}", A, 0,
	    "isError and error in structured content" },
	{ "{\"id\":1,\"result\":{\"content\":\"\\\"isError\\\":true,\"}}", A, 0, "isError in a string" },
	{ "{\"id\":1,\"result\":{\"t\":\"\\\\\",\"isError\":true}}", A | I, 0,
	    "a string that ends in a backslash" },
	{ "{\"id\":1,\"isError\":true,\"result\":{}}", A, 0, "isError beside the result" },
	{ "{\"id\":1,\"result\":[{\"isError\":true}]}", A, 0, "isError in a result that is an array" },
	{ "{\"id\":1,\"result\":{\"result\":{\"isError\":true}}}", A, 0, "a result in the result" },
	{ "{\"id\":1,\"_meta\":{\"isError\":true,\"code\":3},\"result\":{}}", A, 0, "isError elsewhere" },
	{ "{\"id\":1,\"result\":{\"code\":-5}}", A, 0, "a code in the result" },
	{ "{\"id\":1,\"result\":{\"error\":{\"code\":-5}}}", A, 0, "an error in the result" },
	/* errors */
	{ "{\"id\":1,\"error\":{\"code\":-32601,\"message\":\"x\"}}", A | E, -32601, "an error" },
	{ "{\"id\":1,\"error\":{\"message\":\"x\",\"data\":{\"code\":7},\"code\":-5 }}", A | E, -5,
	    "its code at the end, behind another" },
	{ "{\"id\":1,\"error\":{\"data\":{\"code\":7}}}", A | E, 0, "an error without a code" },
	{ "{\"id\":1,\"error\":{\"code\":\"-5\"}}", A | E, 0, "a code that is a string" },
	{ "{\"id\":1,\"error\":{\"code\":-5.5}}", A | E, 0, "a code with a fraction" },
	{ "{\"id\":1,\"error\":{\"code\":1e3}}", A | E, 0, "a code with an exponent" },
	{ "{\"id\":1,\"error\":{\"code\":99999999999999999999999999999}}", A | E, 0,
	    "a code past every integer" },
	{ "{\"id\":1,\"error\":{\"code\":null}}", A | E, 0, "a code of null" },
	{ "{\"id\":1,\"error\":{\"c\\u006fde\":12}}", A | E, 12, "code escaped" },
	{ "{\"id\":1,\"error\":\"x\"}", A | E, 0, "an error that is a string" },
	{ "{\"id\":1,\"error\":{\"isError\":true}}", A | E, 0, "isError in an error" },
	{ "{\"error\":{\"code\":-32700}}", A | E, -32700, "an error without id" },
	{ "{\"id\":1,\"error\":null,\"result\":{}}", A, 0, "an error of null is none" },
	{ "{\"id\":1,\"error\":null}", 0, 0, "and alone no answer" },
	/* what is no answer */
	{ "{\"method\":\"notifications/progress\",\"params\":{\"result\":{\"isError\":true}}}", 0, 0,
	    "a notification" },
	{ "{\"id\":9,\"method\":\"sampling/createMessage\",\"error\":{\"code\":1}}", 0, 0,
	    "a request of the server's" },
	{ "{}", 0, 0, "an empty object" },
	{ "[]", 0, 0, "an empty batch" },
	{ "[1,\"{\",[{\"error\":{\"code\":1}}],null]", 0, 0, "an array of other things" },
	/* batches */
	{ "[{\"id\":1,\"result\":{}},{\"id\":2,\"error\":{\"code\":-7}},{\"id\":3,\"error\":{\"code\":-8}}]",
	    A | E, -7, "a batch has the code of its first error" },
	{ " [ {\"id\":1,\"result\":{\"isError\":true}} , {\"id\":2,\"result\":{}} ] ", A | I, 0,
	    "isError in a batch" },
	{ "[{\"id\":1,\"result\":{\"content\":[{\"isError\":true}]}}]", A, 0, "a decoy in a batch" },
	/* no JSON */
	{ "<html>", M, 0, "HTML" },
	{ "{\"id\":1,\"result\":{}", M, 0, "an answer cut short" },
	{ "{\"id\":1,\"result\":{}}}", A | M, 0, "a brace too many" },
	{ "{\"id\":1,\"result\":{}}{}", A | M, 0, "two documents" },
	{ "{\"id\":1,\"result\":{]}", M, 0, "brackets that do not match" },
	{ "{\"id\":1 \"result\":{}}", M, 0, "a missing comma" },
	{ "{\"id\":1,}", M, 0, "a trailing comma" },
	{ "{\"id\" 1}", M, 0, "a missing colon" },
	{ "{id:1}", M, 0, "a bare name" },
	{ "{\"id\":1,\"result\":nul}", M, 0, "a word cut short" },
	{ "{\"id\":1,\"result\":\"\\x\"}", M, 0, "an unknown escape" },
	{ "{\"id\":1,\"result\":\"\\u00g0\"}", M, 0, "a broken escape" },
	{ "{\"id\":1,\"result\":\"\t\"}", M, 0, "a control in a string" },
	{ "5", M, 0, "a number" },
	{ "\"x\"", M, 0, "a string" },
};

static int flags_of(const struct outcome *o)
{
	return (o->answered ? A : 0) | (o->error ? E : 0) | (o->is_error ? I : 0) |
	    (o->malformed ? M : 0);
}

static void feed(struct rpc_scan *s, const char *text)
{
	rpc_scan_feed(s, text, strlen(text));
}

/* Feeds FIRST bytes, then STEP at a time. */
static struct outcome scan(const char *p, size_t n, size_t first, size_t step, bool sse)
{
	struct rpc_scan s;

	rpc_scan_init(&s, (struct span){ NULL, 0 }, sse);
	for (size_t at = 0, len = first < n ? first : n; at < n; at += len, len = n - at < step ? n - at : step)
		rpc_scan_feed(&s, p + at, len);
	rpc_scan_end(&s);
	return s.outcome;
}

static bool same(struct outcome o, int flags, int code)
{
	return flags_of(&o) == flags && o.error_code == code;
}

static void all_rows(struct buf *event)
{
	char name[200];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *p = rows[i].text;
		size_t n = strlen(p);
		bool good = same(scan(p, n, n, 1, false), rows[i].flags, rows[i].code) &&
		    same(scan(p, n, 0, 1, false), rows[i].flags, rows[i].code);

		for (size_t k = 1; k < n; k++)
			good = good && same(scan(p, n, k, n, false), rows[i].flags, rows[i].code);
		ok(good, rows[i].name);
		buf_clear(event);
		buf_str(event, ": c\r\nevent: message\r\ndata: ");
		for (size_t k = 0; k < n; k++) {
			buf_char(event, p[k]);
			if (p[k] == ',' && rows[i].flags == (A | I)) /* more lines of data */
				buf_str(event, "\r\ndata: ");
		}
		buf_str(event, "\r\n\r\n");
		good = same(scan(event->data, event->len, event->len, 1, true), rows[i].flags,
		           rows[i].code) &&
		    same(scan(event->data, event->len, 0, 1, true), rows[i].flags, rows[i].code);
		snprintf(name, sizeof(name), "%s, as an event", rows[i].name);
		/* a newline that joins two lines of data may stand inside of a string */
		if (!strstr(rows[i].name, "in a string"))
			ok(good, name);
	}
}

static void streams(void)
{
	static const char text[] =
	    "id: 0\ndata:\n\n"
	    "data: {\"method\":\"notifications/message\",\"params\":{\"error\":{\"code\":1}}}\n\n"
	    "data: nonsense\n\n"
	    "data: {\"id\":7,\"result\":{\"isError\":true}}\n\n"
	    "data: {\"id\":8,\"error\":{\"code\":-1}}\n\n";
	struct outcome o = scan(text, sizeof(text) - 1, 10, 7, true);

	ok(flags_of(&o) == (A | E | I | M) && o.answers == 2 && o.messages == 3 && o.error_code == -1,
	    "each event is a message; a broken one does not hide the next");
	o = scan(T("data: {\"id\":1,\"resu\n\ndata: lt\":{\"isError\":true}}\n\n"), 3, 3, true);
	ok(flags_of(&o) == M, "a message does not go on in the next event");
	o = scan("", 0, 0, 1, true);
	ok(!flags_of(&o), "an empty stream is no failure");
	o = scan("", 0, 0, 1, false);
	ok(!flags_of(&o), "nor is an empty body");
}

static bool counts(const char *id, const char *answer)
{
	struct rpc_scan s;

	rpc_scan_init(&s, (struct span){ id, strlen(id) }, false);
	feed(&s, answer);
	rpc_scan_end(&s);
	return s.outcome.answered;
}

static void ids(void)
{
	ok(counts("1", "{\"id\":1,\"result\":{}}"), "a number's answer counts");
	ok(!counts("1", "{\"id\":2,\"result\":{}}"), "another's does not");
	ok(!counts("1", "{\"id\":\"1\",\"result\":{}}"), "1 and \"1\" are two ids");
	ok(!counts("1", "{\"id\":11,\"result\":{}}") && !counts("11", "{\"id\":1,\"result\":{}}"),
	    "1 and 11 are two ids");
	ok(counts("\"a\\/\\u00e9\\ud83d\\ude00\"",
	       "{\"result\":{},\"id\":\"\\u0061/\xc3\xa9\xf0\x9f\x98\x80\"}"),
	    "an id is the same however it is escaped");
	ok(!counts("\"a\"", "{\"id\":\"a\\u0000\",\"result\":{}}"), "a NUL is part of an id");
	ok(!counts("1", "{\"id\":1,\"id\":2,\"result\":{}}"), "the last of two ids counts");
	ok(!counts("1", "{\"x\":{\"id\":1},\"result\":{}}"), "a deeper id is none");
	ok(!counts("1", "{\"id\":{\"id\":1},\"result\":{}}"), "an object is no id");
	ok(!counts("1", "{\"id\":null,\"error\":{}}"), "null is no id");
	ok(rpc_id_hash((struct span){ NULL, 0 }) == 0 && rpc_id_hash((struct span){ "null", 4 }) == 0 &&
	        rpc_id_hash((struct span){ "0", 1 }) != 0 && rpc_id_hash((struct span){ "\"\"", 2 }) != 0,
	    "an id that is there has a hash, even the empty one");
}

static int changed;

static void on_changed(void *own)
{
	(void)own;
	changed++;
}

static int changes(const char *text, bool sse)
{
	struct rpc_scan s;

	changed = 0;
	rpc_scan_init(&s, (struct span){ NULL, 0 }, sse);
	s.on_changed = on_changed;
	rpc_scan_feed(&s, text, strlen(text));
	rpc_scan_end(&s);
	return changed;
}

static void each_change(void)
{
	is_int(changes("{\"method\":\"notifications/tools/list_changed\"}", false), 1, "a change of the tools is told");
	is_int(changes("[{\"method\":\"notifications/prompts/list_changed\"},{\"method\":\"notifications/resources/list_changed\"}]", false), 2,
	    "of prompts and resources, in a batch");
	is_int(changes("data: {\"method\":\"notifications/too\\u006cs/list_changed\"}\n\n", true), 1, "in a stream, however it is spelled");
	is_int(changes("{\"method\":\"notifications/roots/list_changed\"}", false), 0, "not of other lists");
	is_int(changes("{\"method\":\"notifications/tools/list_changed\",\"id\":1}", false), 0, "nor by a request");
	is_int(changes("{\"x\":{\"method\":\"notifications/tools/list_changed\"}}", false), 0, "nor by what is nested");
	is_int(changes("{\"method\":\"notifications/tools/list_changed", false), 0, "nor by half a message");
}

static struct rpc_answer answers[4];
static size_t answers_n;

static void on_answer(void *own, const struct rpc_answer *a)
{
	(void)own;
	if (answers_n < 4)
		answers[answers_n++] = *a;
}

static void each_answer(void)
{
	static const char text[] = "[{\"id\":\"b\",\"error\":{\"code\":-3}},{\"method\":\"x\"},"
				   "{\"result\":{\"isError\":true},\"id\":5}]";
	struct rpc_scan s;

	rpc_scan_init(&s, (struct span){ NULL, 0 }, false);
	s.on_answer = on_answer;
	rpc_scan_feed(&s, text, sizeof(text) - 1);
	rpc_scan_end(&s);
	ok(answers_n == 2 && answers[0].id == rpc_id_hash((struct span){ "\"b\"", 3 }) &&
	        answers[0].error && answers[0].error_code == -3 && !answers[0].is_error,
	    "each answer of a batch is told apart: an error");
	ok(answers[1].id == rpc_id_hash((struct span){ "5", 1 }) && answers[1].is_error &&
	        !answers[1].error && !answers[1].error_code,
	    "and a result that is an error");
	is_str(rpc_scan_outcome(&s), "application_error", "which makes an application error");
	rpc_scan_init(&s, (struct span){ NULL, 0 }, false);
	is_str(rpc_scan_outcome(&s), "success", "nothing is a success");
}

/* OPEN and CLOSE N times around a text. */
static struct outcome nested(size_t n, const char *open, const char *inner, const char *close)
{
	struct rpc_scan s;

	rpc_scan_init(&s, (struct span){ NULL, 0 }, false);
	feed(&s, "{\"id\":1,\"result\":{\"content\":");
	for (size_t i = 0; i < n; i++)
		feed(&s, open);
	feed(&s, inner);
	for (size_t i = 0; i < n; i++)
		feed(&s, close);
	feed(&s, ",\"isError\":true}}");
	rpc_scan_end(&s);
	return s.outcome;
}

static void sizes(void)
{
	static char block[65536];
	struct rpc_scan s;
	bool good = true;

	for (size_t n = 55; n < 70; n++)
		good = good && same(nested(n, "{\"a\":[", "\"]}\\\"\"", "]}"), A | I, 0);
	ok(good, "depth around the 64 containers that are remembered");
	ok(same(nested(1000000, "[", "{\"]\":\"}\"}", "]"), A | I, 0), "a million arrays deep");

	memset(block, 'x', sizeof(block));
	rpc_scan_init(&s, (struct span){ NULL, 0 }, false);
	feed(&s, "{\"id\":1,\"result\":{\"text\":\"");
	for (int i = 0; i < 1024; i++)
		rpc_scan_feed(&s, block, sizeof(block));
	feed(&s, "\",\"isError\":true}}");
	rpc_scan_end(&s);
	ok(same(s.outcome, A | I, 0), "an answer of 64 MB");
	ok(sizeof(s) < 512, "with less than 512 bytes of memory");
}

/* What a client might take for a list, whichever way the bytes come. */
static void lists(void)
{
	static const struct {
		const char *text, *name;
		bool want;
	} cases[] = {
		{ "{\"id\":1,\"result\":{\"content\":[],\"tools\":[{}]}}", "a result with tools is a list", true },
		{ "{\"result\":{\"t\\u006fols\" : []}}", "in escapes", true },
		{ "{\"result\":{\"Tools\":[]}}", "in another case", true },
		{ "{\"result\":{\"resourceTemplate\xc5\xbf\":[]}}", "with a long s", true },
		{ "{\"result\":{\"re\\u017fource\\u017f\":[]}}", "in escapes, too", true },
		{ "[{\"id\":1},{\"result\":{\"prompts\":[]}}]", "in a batch", true },
		{ "{\"result\":{},\"result\":{\"tools\":[]}}", "in the second of two results", true },
		{ "{\"Result\":{}}", "a result in another case may be one", true },
		{ "{\"re\xc5\xbfult\":{}}", "with a long s as well", true },
		{ "{\"result\":{\"structuredContent\":{\"tools\":[]}}}", "what a tool returns is none", false },
		{ "{\"result\":{\"tools\":{}}}", "nor is what is no array", false },
		{ "{\"result\":{\"content\":[{\"tools\":[]}],\"toolset\":[],\"tool\":[]}}", "nor another name", false },
		{ "{\"error\":{\"tools\":[]}}", "nor an error", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t step = 1; step < 4; step++) {
			size_t n = strlen(cases[i].text);
			struct rpc_scan s;

			rpc_scan_init(&s, (struct span){ NULL, 0 }, false);
			for (size_t at = 0; at < n; at += step)
				rpc_scan_feed(&s, cases[i].text + at, n - at < step ? n - at : step);
			ok(s.outcome.has_list == cases[i].want && !s.outcome.malformed, cases[i].name);
		}
}

static char listed[256];

static void on_tool(void *own, const struct rpc_tool *tool)
{
	size_t n = strlen(listed);

	(void)own;
	snprintf(listed + n, sizeof(listed) - n, "%s:%d%s%s ", tool->name, tool->tokens > 0, tool->does ? ":" : "", tool->does ? tool->does : "");
}

/* What is listed is the same, whichever way the bytes come. */
static void tools(void)
{
	static const struct {
		const char *text, *want, *name;
	} cases[] = {
		{ "{\"result\":{\"tools\":[{\"name\":\"a\",\"inputSchema\":{\"name\":\"no\"}},{\"x\":1,\"name\":\"b\"}]},\"id\":1}", "a:1 b:1 ",
		    "tools of a list" },
		{ "[{\"id\":1,\"result\":{\"t\\u006fols\":[{\"n\\u0061me\":\"\\u00e9\\n\"},{\"name\":\"\\ud83d\\ude00\"}]}}]",
		    "\xf0\x9f\x98\x80:1 ", "in escapes, in a batch; none with a control character in its name" },
		{ "{\"result\":{\"tools\":[{\"name\":\"a\",\"name\":\"b\"},{\"name\":\"c\",\"name\":1},{\"name\":{\"name\":\"d\"}},{},{\"name\":\"\"}]}}",
		    "b:1 ", "the last of two names; none without" },
		{ "{\"result\":{\"tools\":[[{\"name\":\"a\"}],\"b\"],\"x\":[{\"name\":\"c\"}],\"structuredContent\":{\"tools\":[{\"name\":\"d\"}]}}}", "",
		    "what is elsewhere is no tool" },
		{ "{\"result\":{\"tools\":[{\"annotations\":{\"title\":\"readOnlyHint\",\"readOnlyHint\":true,\"destructiveHint\":true},\"name\":\"a\"},"
		  "{\"name\":\"b\",\"annotations\":{\"destructiveHint\":true}},{\"name\":\"c\",\"annotations\":{\"readOnlyHint\":false,\"destructiveHint\":false}},"
		  "{\"name\":\"d\",\"annotations\":{\"idempotentHint\":true,\"destructiveHint\":false}}]}}", "a:1:read b:1:delete c:1:create d:1:update ",
		    "what tools say that they do" },
		{ "{\"result\":{\"tools\":[{\"name\":\"a\",\"annotations\":{}},{\"name\":\"b\",\"annotations\":{\"readOnlyHint\":\"true\",\"x\":{\"readOnlyHint\":true},\"y\":[true]}},"
		  "{\"name\":\"c\",\"x\":{\"readOnlyHint\":true},\"readOnlyHint\":true},{\"name\":\"d\",\"annotations\":{\"readOnlyHint\":true},\"annotations\":{\"readOnlyHint\":null}},"
		  "{\"name\":\"e\",\"annotations\":{\"readOnlyHint\":true,\"readOnlyHint\":false}},{\"name\":\"f\",\"annotations\":{\"idempotentHint\":true}}]}}", "a:1 b:1 c:1 d:1 e:1 f:1 ",
		    "what they do not say is not guessed" },
		{ "{\"result\":{\"tools\":{\"a\":{\"name\":\"a\"}}},\"error\":{\"tools\":[{\"name\":\"b\"}]}}", "", "nor in what is no list" },
		{ "{\"result\":{\"tools\":[{\"name\":\"\xff\"},{\"name\":\"\\u0000a\"},{\"name\":\"a\"}]}}", "a:1 ", "nor with a name that is no text" },
	};
	char name[RPC_TOOL_NAME_MAX + 2], text[512];
	struct rpc_scan s;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t step = 1; step < 4; step++) {
			size_t n = strlen(cases[i].text);

			*listed = '\0';
			rpc_scan_init(&s, (struct span){ NULL, 0 }, false);
			s.on_tool = on_tool;
			for (size_t at = 0; at < n; at += step)
				rpc_scan_feed(&s, cases[i].text + at, n - at < step ? n - at : step);
			is_str(listed, cases[i].want, cases[i].name);
		}
	memset(name, 'x', sizeof(name));
	for (size_t n = RPC_TOOL_NAME_MAX; n <= RPC_TOOL_NAME_MAX + 1; n++) {
		*listed = '\0';
		snprintf(text, sizeof(text), "{\"result\":{\"tools\":[{\"name\":\"%.*s\"}]}}", (int)n, name);
		rpc_scan_init(&s, (struct span){ NULL, 0 }, false);
		s.on_tool = on_tool;
		feed(&s, text);
		ok(strlen(listed) == (n > RPC_TOOL_NAME_MAX ? 0 : n + 3), "a name of any length that MCP allows, and none longer");
	}
}

int main(void)
{
	struct buf event;

	buf_init(&event, 65536);
	all_rows(&event);
	streams();
	ids();
	each_answer();
	each_change();
	sizes();
	lists();
	tools();
	buf_release(&event);
	return done();
}
