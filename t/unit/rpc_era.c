/* SPDX-License-Identifier: Apache-2.0 */
/* The ladder of versions, and headers that must tell the body's story (protocol E87, E89). */
#include "config.h"

#include "rpc/era.h"

#include "tap.h"

#define REQUEST(method, params) \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":{" params "}}"
#define META(version)                                                           \
	"\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":" version ","   \
	"\"io.modelcontextprotocol/clientCapabilities\":{}}"
#define NOW     META("\"2026-07-28\"")
#define PING    REQUEST("ping", "")
#define ECHO    REQUEST("tools/call", "\"name\":\"echo\"")
#define BATCH   "[" ECHO "," PING "]"
#define INIT    REQUEST("initialize", "\"protocolVersion\":\"2025-11-25\"")
#define ANSWER  "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"
#define NOTICE  "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"

static const struct {
	const char *body;
	struct era_headers h; /* version, method, name */
	const char *session;
	int code; /* 0: good */
	enum era era;
	const char *version, *name;
} rows[] = {
	/* legacy */
	{ PING, { NULL, NULL, NULL }, NULL, 0, ERA_LEGACY, "2025-03-26", "nobody names a version" },
	{ PING, { NULL, NULL, NULL }, "2025-11-25", 0, ERA_LEGACY, "2025-11-25",
	    "the session's version counts" },
	{ PING, { "2025-06-18", NULL, NULL }, NULL, 0, ERA_LEGACY, "2025-06-18",
	    "the header's version counts" },
	{ PING, { " 2025-06-18\t", NULL, NULL }, NULL, 0, ERA_LEGACY, "2025-06-18",
	    "blanks around the header do not" },
	{ PING, { "2024-10-07", NULL, NULL }, NULL, 0, ERA_LEGACY, "2024-10-07", "the oldest version" },
	{ PING, { "2025-06-19", NULL, NULL }, NULL, RPC_SERVER_ERROR, 0, NULL, "an unknown version" },
	{ PING, { "", NULL, NULL }, NULL, RPC_SERVER_ERROR, 0, NULL, "an empty version" },
	{ PING, { "2025-06-18, 2025-06-18", NULL, NULL }, NULL, RPC_SERVER_ERROR, 0, NULL,
	    "a version sent twice" },
	{ PING, { "2026-07-28", NULL, NULL }, NULL, RPC_INVALID_PARAMS, 0, NULL,
	    "a modern header without its envelope" },
	{ PING, { "2031-01-01", NULL, NULL }, NULL, RPC_INVALID_PARAMS, 0, NULL,
	    "a header from the future without its envelope" },
	{ INIT, { NULL, NULL, NULL }, NULL, 0, ERA_LEGACY, "2025-11-25", "initialize names its version" },
	{ INIT, { "1999-01-01", NULL, NULL }, NULL, 0, ERA_LEGACY, "2025-11-25",
	    "initialize ignores an old header" },
	{ INIT, { "2026-07-28", NULL, NULL }, NULL, RPC_HEADER_MISMATCH, 0, NULL,
	    "initialize with a modern header" },
	{ REQUEST("initialize", "\"protocolVersion\":\"1.0\""), { NULL, NULL, NULL }, NULL, 0, ERA_LEGACY,
	    "2025-03-26", "initialize with an unknown version is the upstream's to answer" },
	{ ANSWER, { "2025-11-25", NULL, NULL }, NULL, 0, ERA_LEGACY, "2025-11-25", "an answer" },
	{ NOTICE, { NULL, NULL, NULL }, NULL, 0, ERA_LEGACY, "2025-03-26", "a notification" },
	/* batches */
	{ BATCH, { NULL, NULL, NULL }, NULL, 0, ERA_LEGACY, "2025-03-26", "a batch without a version" },
	{ BATCH, { "2025-03-26", NULL, NULL }, "2025-03-26", 0, ERA_LEGACY, "2025-03-26",
	    "a batch in the version that has them" },
	{ BATCH, { "2025-06-18", NULL, NULL }, NULL, RPC_INVALID_REQUEST, 0, NULL,
	    "E89: a batch in a version without" },
	{ BATCH, { "2026-07-28", NULL, NULL }, NULL, RPC_INVALID_REQUEST, 0, NULL,
	    "E89: a batch in the modern era" },
	{ BATCH, { NULL, NULL, NULL }, "2025-06-18", RPC_INVALID_REQUEST, 0, NULL,
	    "E89: a batch in a session without" },
	{ BATCH, { "2025-03-26", NULL, NULL }, "2025-11-25", RPC_INVALID_REQUEST, 0, NULL,
	    "a header cannot talk a session back into batches" },
	{ BATCH, { NULL, "tools/call", NULL }, NULL, RPC_HEADER_MISMATCH, 0, NULL,
	    "a header that describes a batch" },
	/* mirrored headers in legacy traffic, E87 */
	{ ECHO, { NULL, "tools/call", "echo" }, NULL, 0, ERA_LEGACY, "2025-03-26", "headers that are right" },
	{ ECHO, { NULL, "\t tools/call ", " echo" }, NULL, 0, ERA_LEGACY, "2025-03-26",
	    "right but for blanks" },
	{ ECHO, { NULL, "tools/list", NULL }, NULL, RPC_HEADER_MISMATCH, 0, NULL,
	    "E87: Mcp-Method differs" },
	{ ECHO, { NULL, "Tools/Call", NULL }, NULL, RPC_HEADER_MISMATCH, 0, NULL,
	    "Mcp-Method differs in case" },
	{ ECHO, { NULL, "", NULL }, NULL, RPC_HEADER_MISMATCH, 0, NULL, "an empty Mcp-Method" },
	{ ECHO, { NULL, NULL, "other" }, NULL, RPC_HEADER_MISMATCH, 0, NULL, "E87: Mcp-Name differs" },
	{ ECHO, { NULL, NULL, "echo, other" }, NULL, RPC_HEADER_MISMATCH, 0, NULL,
	    "E87: Mcp-Name is sent twice" },
	{ ECHO, { NULL, NULL, "" }, NULL, RPC_HEADER_MISMATCH, 0, NULL, "an empty Mcp-Name" },
	{ ECHO, { NULL, NULL, "Echo" }, NULL, RPC_HEADER_MISMATCH, 0, NULL, "Mcp-Name differs in case" },
	{ PING, { NULL, NULL, "echo" }, NULL, RPC_HEADER_MISMATCH, 0, NULL, "a name where there is none" },
	{ REQUEST("tools/call", ""), { NULL, NULL, "echo" }, NULL, RPC_HEADER_MISMATCH, 0, NULL,
	    "a name that only the header has" },
	{ ANSWER, { NULL, "tools/call", NULL }, NULL, RPC_HEADER_MISMATCH, 0, NULL,
	    "an answer that calls itself a call" },
	{ REQUEST("x/y", "\"what\":\"z\",\"n\":1"), { NULL, NULL, "z" }, NULL, 0, ERA_LEGACY, "2025-03-26",
	    "an extension may mirror any parameter" },
	{ REQUEST("x/y", "\"what\":\"z\",\"n\":1"), { NULL, NULL, "q" }, NULL, RPC_HEADER_MISMATCH, 0,
	    NULL, "but not what is no parameter" },
	/* base64 */
	{ ECHO, { NULL, NULL, "=?base64?ZWNobw==?=" }, NULL, 0, ERA_LEGACY, "2025-03-26",
	    "a name in base64" },
	{ ECHO, { NULL, "=?base64?dG9vbHMvY2FsbA==?=", NULL }, NULL, 0, ERA_LEGACY, "2025-03-26",
	    "a method in base64" },
	{ REQUEST("tools/call", "\"name\":\"h\xc3\xa9\\n\""), { NULL, NULL, "=?base64?aMOpCg==?=" }, NULL,
	    0, ERA_LEGACY, "2025-03-26", "a name that no header could hold" },
	{ ECHO, { NULL, NULL, "=?BASE64?ZWNobw==?=" }, NULL, RPC_HEADER_MISMATCH, 0, NULL,
	    "the marker is case-sensitive" },
	{ ECHO, { NULL, NULL, "=?base64?ZWNobw=?=" }, NULL, RPC_HEADER_MISMATCH, 0, NULL,
	    "wrong padding" },
	{ ECHO, { NULL, NULL, "=?base64?ZWNobw?=" }, NULL, RPC_HEADER_MISMATCH, 0, NULL,
	    "no padding" },
	{ ECHO, { NULL, NULL, "=?base64?!!!!?=" }, NULL, RPC_HEADER_MISMATCH, 0, NULL, "no base64" },
	{ ECHO, { NULL, NULL, "=?base64?/w==?=" }, NULL, RPC_HEADER_MISMATCH, 0, NULL,
	    "base64 of what is no UTF-8" },
	{ ECHO, { NULL, NULL, "=?base64?ZWNobwA=?=" }, NULL, RPC_HEADER_MISMATCH, 0, NULL,
	    "base64 with a NUL behind the name" },
	{ REQUEST("tools/call", "\"name\":\"=?base64?ZWNobw==?=\""), { NULL, NULL, "=?base64?ZWNobw==?=" },
	    NULL, RPC_HEADER_MISMATCH, 0, NULL, "a name that looks like base64 must be encoded" },
	{ REQUEST("tools/call", "\"name\":\"\""), { NULL, NULL, "=?base64?\?=" }, NULL, 0, ERA_LEGACY,
	    "2025-03-26", "base64 of nothing" },
	/* modern */
	{ REQUEST("tools/call", "\"name\":\"echo\"," NOW), { "2026-07-28", "tools/call", "echo" }, NULL, 0,
	    ERA_MODERN, "2026-07-28", "a modern call" },
	{ REQUEST("tools/list", NOW), { "2026-07-28", "tools/list", NULL }, "2025-11-25", 0, ERA_MODERN,
	    "2026-07-28", "a modern list; no session matters" },
	{ REQUEST("tools/list", META("5")), { "2026-07-28", "tools/list", NULL }, NULL, RPC_INVALID_PARAMS,
	    0, NULL, "a version that is no text" },
	{ REQUEST("tools/list", "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}"),
	    { "2026-07-28", "tools/list", NULL }, NULL, RPC_INVALID_PARAMS, 0, NULL,
	    "no client capabilities" },
	{ REQUEST("tools/list", META("\"2025-11-25\"")), { "2026-07-28", "tools/list", NULL }, NULL,
	    RPC_HEADER_MISMATCH, 0, NULL, "header and body name two versions" },
	{ REQUEST("tools/list", META("\"2025-11-25\"")), { "2025-11-25", "tools/list", NULL }, NULL,
	    RPC_UNSUPPORTED_VERSION, 0, NULL, "an older version in a modern envelope" },
	{ REQUEST("tools/list", META("\"2031-01-01\"")), { "2031-01-01", "tools/list", NULL }, NULL,
	    RPC_UNSUPPORTED_VERSION, 0, NULL, "a version from the future" },
	{ REQUEST("tools/list", NOW), { NULL, "tools/list", NULL }, NULL, RPC_HEADER_MISMATCH, 0, NULL,
	    "no version header" },
	{ REQUEST("tools/list", NOW), { "2026-07-28", NULL, NULL }, NULL, RPC_HEADER_MISMATCH, 0, NULL,
	    "no Mcp-Method" },
	{ REQUEST("tools/call", "\"name\":\"echo\"," NOW), { "2026-07-28", "tools/call", NULL }, NULL,
	    RPC_HEADER_MISMATCH, 0, NULL, "no Mcp-Name" },
	{ REQUEST("resources/read", "\"uri\":\"a:b\"," NOW), { "2026-07-28", "resources/read", "a:b" },
	    NULL, 0, ERA_MODERN, "2026-07-28", "a resource's URI is its name" },
	{ REQUEST("tasks/get", "\"taskId\":\"t\"," NOW), { "2026-07-28", "tasks/get", "t" }, NULL, 0,
	    ERA_MODERN, "2026-07-28", "a task's id is its name" },
	{ REQUEST("tasks/get", "\"taskId\":\"t\",\"name\":\"u\"," NOW), { "2026-07-28", "tasks/get", "u" },
	    NULL, RPC_HEADER_MISMATCH, 0, NULL, "and nothing else" },
	{ REQUEST("tools/call", "\"name\":\"echo\"," NOW), { "2026-07-28", "tools/call", "rm" }, NULL,
	    RPC_HEADER_MISMATCH, 0, NULL, "E87: a modern Mcp-Name differs" },
	{ "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{" NOW "}}",
	    { "2026-07-28", NULL, NULL }, NULL, 0, ERA_MODERN, "2026-07-28",
	    "a modern notification needs no Mcp-Method" },
	{ ANSWER, { "2026-07-28", NULL, NULL }, NULL, RPC_INVALID_PARAMS, 0, NULL,
	    "an answer in the modern era, which has none" },
	{ REQUEST("initialize", NOW), { "2026-07-28", "initialize", NULL }, NULL, 0, ERA_MODERN,
	    "2026-07-28", "initialize in a modern envelope is the upstream's to refuse" },
};

static void ladder(struct arena *a)
{
	struct scan_limits limits = scan_limits_of(1 << 16);
	char name[200];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *version = NULL;
		struct rpc_fault f;
		struct rpc_body b;
		enum era era;
		bool good;

		if (!rpc_read(&b, a, rows[i].body, strlen(rows[i].body), &limits, &f)) {
			ok(false, rows[i].name);
			continue;
		}
		good = era_check(&b, &rows[i].h, rows[i].session, a, &era, &version, &f);
		if (rows[i].code) {
			snprintf(name, sizeof(name), "%s: refused with 400 and %d", rows[i].name,
			    rows[i].code);
			ok(!good && f.status == 400 && f.code == rows[i].code && *f.text, name);
		} else {
			ok(good && era == rows[i].era && version && !strcmp(version, rows[i].version),
			    rows[i].name);
		}
	}
}

static void unsupported(struct arena *a)
{
	static const char body[] = REQUEST("tools/list", META("\"2031-01-01\\\"\""));
	struct era_headers h = { "2031-01-01\"", "tools/list", NULL };
	struct scan_limits limits = scan_limits_of(1 << 16);
	const char *version;
	struct rpc_fault f;
	struct rpc_body b;
	enum era era;

	rpc_read(&b, a, body, sizeof(body) - 1, &limits, &f);
	ok(!era_check(&b, &h, NULL, a, &era, &version, &f), "a version that nobody knows");
	is_str(f.data,
	    "{\"supported\":[\"2026-07-28\"],\"requested\":\"2031-01-01\\\"\"}",
	    "is answered with those of its era that we know, and what was asked for");
	ok(f.id.n == 1 && *f.id.p == '1', "under the id of the request");
}

static void values(struct arena *a)
{
	static const char *const encoded[] = { " x", "x ", "", "t\xc3\xbcr", "a\tb", "=?base64?eA==?=" };

	is_str(era_header_value("get weather", a), "get weather", "what can travel as it is does");
	for (size_t i = 0; i < sizeof(encoded) / sizeof(*encoded); i++) {
		const char *value = era_header_value(encoded[i], a);

		ok(!strncmp(value, "=?base64?", 9), "what cannot is encoded");
		is_str(era_header_text(value, a), encoded[i], "and comes back");
	}
}

int main(void)
{
	struct arena *a = arena_new();
	struct rpc_fault f = { .status = 0 };

	ladder(a);
	unsupported(a);
	values(a);
	ok(era_is_supported("2025-03-26") && !era_is_supported("2025-03-27") && !era_is_supported(NULL),
	    "listed versions are supported");
	ok(era_is_modern("2026-07-28") && era_is_modern("2031-01-01") && !era_is_modern("2026-07-27") &&
	        !era_is_modern("9999") && !era_is_modern("zzzz-zz-zz") && !era_is_modern(NULL),
	    "a date from the first modern one on is modern");
	ok(era_check_header(NULL, &f) && era_check_header("2025-11-25", &f), "GET with a known version");
	ok(!era_check_header("x", &f) && f.status == 400, "GET with an unknown version gets 400");
	arena_free(a);
	return done();
}
