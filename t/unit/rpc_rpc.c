/* SPDX-License-Identifier: Apache-2.0 */
/* JSON-RPC bodies: what is read from them, what is refused and how, and the errors written. */
#include "config.h"

#include "rpc/rpc.h"

#include "tap.h"

#include <stdlib.h>

#define CALL(params) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":" params "}"
#define ONE(name) "\"" name "\":{\"name\":0},"
#define TEN(name) ONE(name "0") ONE(name "1") ONE(name "2") ONE(name "3") ONE(name "4") ONE(name "5") ONE(name "6") ONE(name "7") ONE(name "8") \
	ONE(name "9")
#define ENVELOPE(version)                                                         \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":" version ","     \
	"\"io.modelcontextprotocol/clientCapabilities\":{}}"

static bool read_body(struct rpc_body *b, struct arena *a, const char *text, struct rpc_fault *f)
{
	struct scan_limits limits = scan_limits_of(1 << 20);

	return rpc_read(b, a, text, strlen(text), &limits, f);
}

static const struct {
	const char *body;
	enum rpc_kind kind;
	const char *id, *method, *type, *capability, *name;
} good[] = {
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", RPC_REQUEST, "1", "ping", NULL, NULL,
	    "a request without params" },
	{ " {\"params\":{},\"method\":\"ping\",\"id\":\"a\\u0062\",\"jsonrpc\":\"2.0\"} ", RPC_REQUEST,
	    "\"a\\u0062\"", "ping", NULL, NULL, "members in any order; the id keeps its spelling" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":-12345678901234567890,\"method\":\"ping\"}", RPC_REQUEST,
	    "-12345678901234567890", "ping", NULL, NULL, "an id that no integer type holds" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":\"\",\"method\":\"ping\",\"params\":null}", RPC_REQUEST, "\"\"",
	    "ping", NULL, NULL, "an empty id; null params are none" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", RPC_NOTIFICATION, NULL,
	    "notifications/initialized", NULL, NULL, "a notification" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", RPC_RESPONSE, "1", NULL, NULL, NULL,
	    "a response" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":1,\"message\":\"\"}}", RPC_RESPONSE, "1",
	    NULL, NULL, NULL, "an error response" },
	{ "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1,\"message\":\"\"}}", RPC_RESPONSE, NULL, NULL,
	    NULL, NULL, "an error without an id" },
	{ CALL("{\"name\":\"echo\",\"arguments\":{\"name\":\"other\"}}"), RPC_REQUEST, "1",
	    "tools/call", "tool", "echo", "a tool, not what its arguments name" },
	{ CALL("{\"arguments\":{\"Name\":1,\"METHOD\":2},\"name\":\"e\\u0063ho\"}"), RPC_REQUEST, "1",
	    "tools/call", "tool", "echo", "a tool's name is decoded; arguments may be called anything" },
	{ CALL("{}"), RPC_REQUEST, "1", "tools/call", "tool", NULL, "a tool without a name" },
	{ CALL("{\"n\\u0061me\":\"echo\"}"), RPC_REQUEST, "1", "tools/call", "tool", "echo", "a parameter whose name is escaped" },
	{ CALL("{" TEN("a") TEN("b") TEN("c") TEN("d") "\"name\":\"echo\"}"), RPC_REQUEST, "1", "tools/call", "tool", "echo",
	    "a parameter behind forty others" },
	{ "{" TEN("a") TEN("b") TEN("c") TEN("d") "\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", RPC_REQUEST, "1", "ping", NULL, NULL,
	    "a message with forty other members" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"t\\u006fols/call\",\"params\":{\"name\":\"x\"}}",
	    RPC_REQUEST, "1", "tools/call", "tool", "x", "a method is compared decoded" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"prompts/get\",\"params\":{\"name\":\"p\"}}",
	    RPC_REQUEST, "1", "prompts/get", "prompt", "p", "a prompt" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/read\",\"params\":{\"uri\":\"a:b\"}}",
	    RPC_REQUEST, "1", "resources/read", "resource", "a:b", "a resource" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"a:b\"}}",
	    RPC_REQUEST, "1", "resources/subscribe", "resource", "a:b", "a subscription" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"completion/complete\",\"params\":{\"ref\":"
	  "{\"type\":\"ref/prompt\",\"name\":\"p\",\"uri\":\"u\"}}}",
	    RPC_REQUEST, "1", "completion/complete", "prompt", "p", "a completion for a prompt" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"completion/complete\",\"params\":{\"ref\":"
	  "{\"type\":\"ref/resource\",\"name\":\"p\",\"uri\":\"u\"}}}",
	    RPC_REQUEST, "1", "completion/complete", "resource", "u", "a completion for a resource" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"name\":\"x\"}}",
	    RPC_REQUEST, "1", "tools/list", NULL, NULL, "a list uses no capability" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"Tools/Call\",\"params\":{\"name\":\"x\"}}",
	    RPC_REQUEST, "1", "Tools/Call", NULL, NULL, "methods are case-sensitive" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"extra\":{\"id\":2}}", RPC_REQUEST, "1",
	    "ping", NULL, NULL, "unknown members do not matter" },
};

static const struct {
	const char *body;
	int code;
	const char *id, *name;
} bad[] = {
	{ "", RPC_PARSE_ERROR, NULL, "no body" },
	{ "{\"jsonrpc\":", RPC_PARSE_ERROR, NULL, "half a body" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"method\":\"ping\"}", RPC_PARSE_ERROR,
	    NULL, "a method twice" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"m\\u0065thod\":\"x\"}", RPC_PARSE_ERROR,
	    NULL, "a method twice, once escaped" },
	{ "1", RPC_INVALID_REQUEST, NULL, "a number" },
	{ "\"x\"", RPC_INVALID_REQUEST, NULL, "a string" },
	{ "null", RPC_INVALID_REQUEST, NULL, "null" },
	{ "{}", RPC_INVALID_REQUEST, NULL, "an empty object" },
	{ "{\"id\":1,\"method\":\"ping\"}", RPC_INVALID_REQUEST, "1", "no version" },
	{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", RPC_INVALID_REQUEST, "1",
	    "another version" },
	{ "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"ping\"}", RPC_INVALID_REQUEST, "1",
	    "a version that is a number" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1}", RPC_INVALID_REQUEST, NULL, "an id alone" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", RPC_INVALID_REQUEST, NULL,
	    "E90: an id of null" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"ping\"}", RPC_INVALID_REQUEST, NULL,
	    "E90: an id that is an array" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", RPC_INVALID_REQUEST, NULL,
	    "an id that is an object" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"ping\"}", RPC_INVALID_REQUEST, NULL,
	    "an id that is true" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", RPC_INVALID_REQUEST, NULL,
	    "an id with a fraction" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1e3,\"method\":\"ping\"}", RPC_INVALID_REQUEST, NULL,
	    "an id with an exponent" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", RPC_INVALID_REQUEST, "1",
	    "a method that is a number" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":null}", RPC_INVALID_REQUEST, "1",
	    "a method that is null" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\\u0000b\"}", RPC_INVALID_REQUEST, "1",
	    "a method with a NUL" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"result\":{}}", RPC_INVALID_REQUEST, "1",
	    "a call that is an answer" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"error\":null}", RPC_INVALID_REQUEST, "1",
	    "a call with an error" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{}}", RPC_INVALID_REQUEST, NULL,
	    "an answer with result and error" },
	{ "{\"jsonrpc\":\"2.0\",\"result\":{}}", RPC_INVALID_REQUEST, NULL, "a result without id" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{}}", RPC_INVALID_REQUEST, NULL,
	    "an error whose id is null" },
	{ CALL("[]"), RPC_INVALID_REQUEST, "1", "params that are an array" },
	{ CALL("\"x\""), RPC_INVALID_REQUEST, "1", "params that are a string" },
	{ CALL("{\"name\":5}"), RPC_INVALID_PARAMS, "1", "a tool's name that is a number" },
	{ CALL("{\"name\":null}"), RPC_INVALID_PARAMS, "1", "a tool's name that is null" },
	{ CALL("{\"name\":\"a\\u0000b\"}"), RPC_INVALID_PARAMS, "1", "a tool's name with a NUL" },
	/* what parsers that ignore case would read otherwise */
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"Method\":\"tools/call\"}",
	    RPC_INVALID_REQUEST, NULL, "a second method in another case" },
	{ "{\"jsonrpc\":\"2.0\",\"ID\":1,\"method\":\"ping\"}", RPC_INVALID_REQUEST, NULL,
	    "an id in capitals" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"Param\\u0073\":{}}", RPC_INVALID_REQUEST,
	    NULL, "params in another case, escaped" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"param\xc5\xbf\":{}}",
	    RPC_INVALID_REQUEST, NULL, "params with a long s" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"Re\\u017fult\":{}}", RPC_INVALID_REQUEST,
	    NULL, "a result with an escaped long s" },
	{ CALL("{\"name\":\"echo\",\"NAME\":\"delete\"}"), RPC_INVALID_REQUEST, "1",
	    "a second tool in another case" },
	{ CALL("{\"tas\xe2\x84\xaaId\":\"x\"}"), RPC_INVALID_REQUEST, "1", "a task with a Kelvin sign" },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"completion/complete\",\"params\":{\"ref\":"
	  "{\"type\":\"ref/prompt\",\"name\":\"p\",\"Type\":\"ref/resource\"}}}",
	    RPC_INVALID_REQUEST, "1", "a second type in another case" },
	/* batches, E89 */
	{ "[]", RPC_INVALID_REQUEST, NULL, "E89: an empty batch" },
	{ "[ ]", RPC_INVALID_REQUEST, NULL, "a batch of a blank" },
	{ "[1]", RPC_INVALID_REQUEST, NULL, "a batch of a number" },
	{ "[[]]", RPC_INVALID_REQUEST, NULL, "a batch in a batch" },
	{ "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"},{}]", RPC_INVALID_REQUEST, NULL,
	    "a batch with an empty object" },
	{ "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}]", RPC_INVALID_REQUEST, NULL,
	    "E89: initialize in a batch" },
	{ "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"},{\"jsonrpc\":\"2.0\",\"id\":2,"
	  "\"method\":\"ping\",\"params\":{" ENVELOPE("\"2026-07-28\"") "}}]",
	    RPC_INVALID_REQUEST, NULL, "E89: a modern message in a batch" },
};

static const char *text_of(struct span s, struct arena *a)
{
	return s.p ? arena_strndup(a, s.p, s.n) : NULL;
}

static bool same(const char *x, const char *y)
{
	return x && y ? !strcmp(x, y) : x == y;
}

static void rows(struct arena *a)
{
	struct rpc_fault f;
	struct rpc_body b;
	char name[200];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		const struct rpc_msg *m;
		bool read = read_body(&b, a, good[i].body, &f);

		m = b.msgs;
		ok(read && b.n == 1 && !b.batch && m->kind == good[i].kind &&
		        same(text_of(m->id, a), good[i].id) && same(m->method, good[i].method) &&
		        same(m->capability_type, good[i].type) &&
		        same(m->capability_name, good[i].capability) &&
		        b.requests == (m->kind == RPC_REQUEST),
		    good[i].name);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		bool read = read_body(&b, a, bad[i].body, &f);

		snprintf(name, sizeof(name), "%s: refused with 400 and %d", bad[i].name, bad[i].code);
		ok(!read && f.status == 400 && f.code == bad[i].code && *f.text && f.reason &&
		        same(text_of(f.id, a), bad[i].id),
		    name);
	}
}

static void deep(struct arena *a)
{
	struct scan_limits limits = scan_limits_of(1 << 20);
	struct rpc_fault f;
	struct rpc_body b;
	size_t n = 20000;
	char *text = malloc(n);

	memset(text, '[', n / 2);
	memset(text + n / 2, ']', n / 2);
	ok(!rpc_read(&b, a, text, n, &limits, &f) && f.status == 400 && f.code == RPC_PARSE_ERROR,
	    "E90: a body nested ten thousand deep is refused with 400");
	free(text);
}

static void envelopes(struct arena *a)
{
	struct rpc_fault f;
	struct rpc_body b;

	read_body(&b, a, CALL("{\"name\":\"x\"," ENVELOPE("\"2026-07-28\"") "}"), &f);
	ok(b.msgs->modern && same(b.msgs->version, "2026-07-28"), "a modern envelope is read");
	is_int(scan_kind(b.msgs->capabilities), '{', "with the client's capabilities");
	is_str(text_of(b.msgs->mirrored, a), "\"x\"", "a tool's name is what Mcp-Name repeats");
	read_body(&b, a, CALL("{" ENVELOPE("5") "}"), &f);
	ok(b.msgs->modern && !b.msgs->version, "a version that is no text is modern all the same");
	read_body(&b, a, CALL("{\"_meta\":{\"progressToken\":1}}"), &f);
	ok(!b.msgs->modern, "_meta alone is not modern");
	read_body(&b, a, CALL("{\"_meta\":[\"io.modelcontextprotocol/protocolVersion\"]}"), &f);
	ok(!b.msgs->modern, "nor is an array that holds the name");
	ok(!read_body(&b, a, CALL("{\"_META\":{}}"), &f), "_meta in another case is refused");
	read_body(&b, a,
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":"
	    "\"2025-06-18\",\"capabilities\":{\"elicitation\":{}}}}",
	    &f);
	ok(b.msgs->is_initialize && same(b.msgs->version, "2025-06-18") && !b.msgs->modern,
	    "initialize asks for a version");
	ok(scan_member(b.msgs->capabilities, "elicitation").p, "and says what the client can do");
}

static void batches(struct arena *a)
{
	struct rpc_fault f;
	struct rpc_body b;
	struct buf body;

	buf_init(&body, 1 << 16);
	ok(read_body(&b, a,
	       "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}},"
	       "{\"jsonrpc\":\"2.0\",\"method\":\"n\"},{\"jsonrpc\":\"2.0\",\"id\":\"b\",\"result\":1},"
	       "{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"method\":\"ping\"}]",
	       &f) &&
	        b.batch && b.n == 4 && b.requests == 2 && same(b.msgs[0].capability_name, "x"),
	    "a batch's messages are read one by one");
	ok(rpc_error_all(&body, &b, -32603, "no \"way\"", "{\"a\":1}"), "two of them get an answer");
	is_str(buf_text(&body),
	    "[{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":\"no \\\"way\\\"\","
	    "\"data\":{\"a\":1}}},{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"error\":{\"code\":-32603,"
	    "\"message\":\"no \\\"way\\\"\",\"data\":{\"a\":1}}}]",
	    "an array of errors");
	read_body(&b, a, "[{\"jsonrpc\":\"2.0\",\"method\":\"n\"}]", &f);
	buf_clear(&body);
	ok(!rpc_error_all(&body, &b, -32603, "x", NULL) && body.len == 0,
	    "a batch of notifications gets no answer");
	for (int n = RPC_BATCH_MAX; n <= RPC_BATCH_MAX + 1; n++) {
		buf_clear(&body);
		for (int i = 0; i < n; i++)
			buf_printf(&body, "%s{\"jsonrpc\":\"2.0\",\"method\":\"n\"}", i ? "," : "[");
		buf_char(&body, ']');
		ok(read_body(&b, a, buf_text(&body), &f) == (n == RPC_BATCH_MAX),
		    n == RPC_BATCH_MAX ? "100 messages are taken" : "101 messages are refused");
	}
	buf_release(&body);
}

static void errors(struct arena *a)
{
	struct rpc_fault f = { .data = "[1]", .id = { "\"x\"", 3 } };
	struct rpc_body b;
	struct buf out;

	buf_init(&out, 1000);
	rpc_error(&out, (struct span){ NULL, 0 }, -32700, "Parse error", NULL);
	is_str(buf_text(&out),
	    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"Parse error\"}}",
	    "an error without an id has null");
	buf_clear(&out);
	ok(!rpc_fail(&f, 400, -32600, "why", "what %d", 5), "failing is false");
	rpc_fault_write(&out, &f);
	is_str(buf_text(&out),
	    "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"error\":{\"code\":-32600,\"message\":\"what 5\","
	    "\"data\":[1]}}",
	    "a fault keeps id and data");
	read_body(&b, a, "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}", &f);
	buf_clear(&out);
	rpc_error_all(&out, &b, -32603, "x", NULL);
	is_str(buf_text(&out), "{\"jsonrpc\":\"2.0\",\"id\":9,\"error\":{\"code\":-32603,\"message\":\"x\"}}",
	    "one request gets one error, in no array");
	buf_release(&out);
}

int main(void)
{
	struct arena *a = arena_new();

	rows(a);
	deep(a);
	envelopes(a);
	batches(a);
	errors(a);
	arena_free(a);
	return done();
}
