/* SPDX-License-Identifier: Apache-2.0 */
/* Between the eras: each row is a message as it comes, and as it goes on. */
#include "config.h"

#include "rpc/bridge.h"

#include "tap.h"

#define NOW  "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{}"
#define OURS                                                                                       \
	"\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","                                  \
	"\"io.modelcontextprotocol/clientCapabilities\":{},"                                           \
	"\"io.modelcontextprotocol/clientInfo\":{\"name\":\"gatehouse\",\"version\":\"" PACKAGE_VERSION "\"}"
#define REQUEST(method, params) "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"" method "\",\"params\":{" params "}}"
#define RESULT(members) "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{" members "}}"
#define ERROR(code, more) "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":" code more "}}"

static struct arena *arena;

static struct bridge bridge_of(enum bridge_way way, const char *method, bool url)
{
	static const char server[] = "{\"name\":\"up\",\"version\":\"3\"}";

	return (struct bridge){ .way = way, .method = method, .id = { "7", 1 }, .url = url,
		.version = way == BRIDGE_TO_LEGACY ? "2025-06-18" : "2026-07-28",
		.server = { way == BRIDGE_TO_LEGACY ? server : NULL, sizeof(server) - 1 } };
}

/* ---- up */

static const struct {
	enum bridge_way way;
	const char *body;
	enum bridge_step step;
	const char *out; /* of BRIDGE_SEND and BRIDGE_ANSWER; the text of a fault */
	const char *name;
} ups[] = {
	{ BRIDGE_TO_LEGACY, REQUEST("tools/call", "\"name\":\"e\",\"arguments\":{\"n\":1.0e3},\"_meta\":{" NOW "}"), BRIDGE_SEND,
	    REQUEST("tools/call", "\"name\":\"e\",\"arguments\":{\"n\":1.0e3}"), "a modern call loses its envelope, and nothing else" },
	{ BRIDGE_TO_LEGACY, REQUEST("tools/list", "\"_meta\":{\"progressToken\":5," NOW ",\"x/y\":{ }}"), BRIDGE_SEND,
	    REQUEST("tools/list", "\"_meta\":{\"progressToken\":5,\"x/y\":{ }}"), "what else stands in _meta stays" },
	{ BRIDGE_TO_LEGACY, REQUEST("tools/call", "\"name\":\"e\",\"inputResponses\":{},\"requestState\":\"x\",\"_meta\":{" NOW "}"),
	    BRIDGE_SEND, REQUEST("tools/call", "\"name\":\"e\""), "a retry becomes the call that it repeats" },
	{ BRIDGE_TO_LEGACY, REQUEST("server/discover", "\"_meta\":{" NOW "}"), BRIDGE_HELLO, "", "discovery is answered from the greeting" },
	{ BRIDGE_TO_LEGACY, REQUEST("subscriptions/listen", "\"_meta\":{" NOW "}"), BRIDGE_REFUSE,
	    "subscriptions/listen cannot be carried to this server, which speaks MCP 2025-06-18", "a subscription is refused by name" },
	{ BRIDGE_TO_LEGACY, REQUEST("tasks/get", "\"taskId\":\"t\",\"_meta\":{" NOW "}"), BRIDGE_REFUSE,
	    "tasks/get cannot be carried to this server, which speaks MCP 2025-06-18", "so is an extension" },
	{ BRIDGE_TO_LEGACY, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"_meta\":{" NOW "}}}", BRIDGE_SEND,
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}}", "a notification goes up" },
	{ BRIDGE_TO_LEGACY, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":7,\"_meta\":{" NOW "}}}", BRIDGE_ACCEPT,
	    "", "but for a cancellation: the upstream knows no request by that id" },
	{ BRIDGE_TO_MODERN, REQUEST("tools/list", ""), BRIDGE_SEND, REQUEST("tools/list", "\"_meta\":{" OURS "}"),
	    "a legacy list gets an envelope" },
	{ BRIDGE_TO_MODERN, "{\"jsonrpc\":\"2.0\",\"id\":\"a\\u0041\",\"method\":\"tools/list\"}", BRIDGE_SEND,
	    "{\"jsonrpc\":\"2.0\",\"id\":\"a\\u0041\",\"method\":\"tools/list\",\"params\":{\"_meta\":{" OURS "}}}",
	    "with params where there were none; the id keeps its spelling" },
	{ BRIDGE_TO_MODERN, REQUEST("prompts/get", "\"name\":\"p\",\"_meta\":{\"progressToken\":1,\"io.modelcontextprotocol/clientInfo\":7}"),
	    BRIDGE_SEND, REQUEST("prompts/get", "\"name\":\"p\",\"_meta\":{\"progressToken\":1," OURS "}"),
	    "an envelope is ours alone" },
	{ BRIDGE_TO_MODERN, REQUEST("initialize", "\"protocolVersion\":\"2025-11-25\""), BRIDGE_HELLO, "", "initialize is answered from discovery" },
	{ BRIDGE_TO_MODERN, REQUEST("ping", ""), BRIDGE_ANSWER, RESULT(""), "ping is answered here" },
	{ BRIDGE_TO_MODERN, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", BRIDGE_ACCEPT, "", "a notification ends here" },
	{ BRIDGE_TO_MODERN, RESULT(""), BRIDGE_ACCEPT, "", "so does an answer that nobody waits for" },
	{ BRIDGE_TO_MODERN, REQUEST("logging/setLevel", "\"level\":\"debug\""), BRIDGE_REFUSE,
	    "logging/setLevel cannot be carried to this server, which speaks MCP 2026-07-28", "a method that is gone is refused by name" },
	{ BRIDGE_TO_MODERN, REQUEST("resources/subscribe", "\"uri\":\"a:b\""), BRIDGE_REFUSE,
	    "resources/subscribe cannot be carried to this server, which speaks MCP 2026-07-28", "and a subscription" },
};

static void check_ups(struct buf *out)
{
	struct scan_limits limits = scan_limits_of(1 << 16);

	for (size_t i = 0; i < sizeof(ups) / sizeof(ups[0]); i++) {
		const struct bridge b = bridge_of(ups[i].way, NULL, false);
		struct rpc_fault f;
		struct rpc_body body;
		enum bridge_step step;

		if (!ok(rpc_read(&body, arena, ups[i].body, strlen(ups[i].body), &limits, &f), ups[i].name))
			continue;
		buf_clear(out);
		step = bridge_up(&b, body.msgs, arena, out, &f);
		is_int(step, ups[i].step, ups[i].name);
		is_str(step == BRIDGE_REFUSE ? f.text : buf_text(out), ups[i].out, ups[i].name);
		if (step == BRIDGE_REFUSE)
			ok(f.code == RPC_METHOD_NOT_FOUND && f.id.p && f.status == (ups[i].way == BRIDGE_TO_LEGACY ? 404 : 200),
			    "in the words of the client's era");
	}
}

/* ---- down */

#define PAGE(id) "{\"mode\":\"url\",\"url\":\"https://up.example/pay?n=1\",\"message\":\"Pay first\"" id "}"
#define ASKS(requests) "\"resultType\":\"input_required\",\"inputRequests\":{" requests "},\"requestState\":\"s\""
#define ELICIT(params) "{\"method\":\"elicitation/create\",\"params\":" params "}"

static const struct {
	enum bridge_way way;
	const char *method;
	bool url;
	const char *text, *out;
	int status;
	bool ends;
	const char *name;
} downs[] = {
	{ BRIDGE_TO_LEGACY, "tools/call", false, RESULT("\"content\":[ ],\"x\":1.0"),
	    RESULT("\"resultType\":\"complete\",\"content\":[ ],\"x\":1.0,\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"up\",\"version\":\"3\"}}"),
	    0, false, "a legacy result is complete, and says whose it is" },
	{ BRIDGE_TO_LEGACY, "tools/list", false, RESULT("\"tools\":[],\"ttlMs\":5,\"_meta\":{\"a\":1}"),
	    RESULT("\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\",\"tools\":[],\"_meta\":{"
	           "\"io.modelcontextprotocol/serverInfo\":{\"name\":\"up\",\"version\":\"3\"},\"a\":1}"),
	    0, false, "a list may not be kept" },
	{ BRIDGE_TO_LEGACY, "resources/read", false, ERROR("-32002", ",\"message\":\"no\",\"data\":{\"uri\":\"a\"}"),
	    ERROR("-32602", ",\"message\":\"no\",\"data\":{\"uri\":\"a\"}"), 0, false, "a resource that is not there has another code" },
	{ BRIDGE_TO_LEGACY, "tools/call", false, ERROR("-32601", ",\"message\":\"no\""), ERROR("-32601", ",\"message\":\"no\""), 404, false,
	    "a method that is not there is 404" },
	{ BRIDGE_TO_LEGACY, "tools/call", false, ERROR("-32000", ",\"message\":\"no\""), ERROR("-32000", ",\"message\":\"no\""), 0, false,
	    "other errors pass" },
	{ BRIDGE_TO_LEGACY, "tools/call", true, ERROR("-32042", ",\"data\":{\"elicitations\":[" PAGE(",\"elicitationId\":\"x\"") "]}"),
	    RESULT("\"resultType\":\"input_required\",\"inputRequests\":{\"url-1\":" ELICIT(PAGE("")) "}"), 0, false,
	    "-32042 becomes input_required" },
	{ BRIDGE_TO_LEGACY, "tools/call", false, ERROR("-32042", ",\"data\":{\"elicitations\":[" PAGE("") "]}"),
	    RESULT("\"resultType\":\"complete\",\"content\":[{\"type\":\"text\",\"text\":\"Pay first https://up.example/pay?n=1\"}],\"isError\":true"),
	    0, false, "or words, where the client opens no pages" },
	{ BRIDGE_TO_LEGACY, "resources/read", false, ERROR("-32042", ",\"data\":{\"elicitations\":[" PAGE("") "]}"),
	    "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32021,\"message\":\"the server asks its user to open a page\","
	    "\"data\":{\"requiredCapabilities\":{\"elicitation\":{\"url\":{}}}}}}",
	    400, false, "or the capability that it lacks" },
	{ BRIDGE_TO_LEGACY, "tools/list", true, ERROR("-32042", ",\"data\":{\"elicitations\":[" PAGE("") "]}"),
	    ERROR("-32603", ",\"message\":\"the server asks its user to open a page, which this client cannot be told\""), 0, false,
	    "a list cannot ask" },
	{ BRIDGE_TO_LEGACY, "tools/call", true, ERROR("-32042", ",\"data\":{\"elicitations\":[{\"mode\":\"url\",\"url\":\"javascript:alert(1)\"}]}"),
	    ERROR("-32603", ",\"message\":\"the server asks for a page that no client may open, which cannot be carried between MCP 2025-06-18 and this client\""),
	    0, false, "F104: an address that runs something is no page" },
	{ BRIDGE_TO_LEGACY, "tools/call", true, ERROR("-32042", ",\"data\":{\"elicitations\":[{\"mode\":\"url\",\"url\":\"http://127.0.0.1.evil.example/\"}]}"),
	    ERROR("-32603", ",\"message\":\"the server asks for a page that no client may open, which cannot be carried between MCP 2025-06-18 and this client\""),
	    0, false, "F104: nor is one that only looks local" },
	{ BRIDGE_TO_LEGACY, "tools/call", true, REQUEST("sampling/createMessage", ""),
	    ERROR("-32603", ",\"message\":\"the server asks for sampling/createMessage, which cannot be carried between MCP 2025-06-18 and this client\""),
	    0, true, "a server's request ends the call, by name" },
	{ BRIDGE_TO_LEGACY, "tools/call", true, REQUEST("ping", ""), "", 0, false, "a server's ping is nothing to the client" },
	{ BRIDGE_TO_LEGACY, "tools/call", true, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"x\": 1}}",
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"x\": 1}}", 0, false, "progress passes" },
	{ BRIDGE_TO_LEGACY, "tools/call", true, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}", "", 0, false,
	    "log messages that nobody asked for do not" },
	{ BRIDGE_TO_LEGACY, "tools/call", true, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}", "", 0, false,
	    "nor does what belongs to a subscription" },
	{ BRIDGE_TO_LEGACY, "prompts/get", true, "[{\"jsonrpc\":\"2.0\",\"method\":\"n\"},{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":1}}]",
	    ERROR("1", ""), 0, false, "of a batch the answer counts" },
	{ BRIDGE_TO_MODERN, "tools/list", false, RESULT("\"resultType\":\"complete\",\"ttlMs\":5,\"cacheScope\":\"public\",\"tools\":[{\"_meta\":{\"ui\":{}}}]"),
	    RESULT("\"tools\":[{\"_meta\":{\"ui\":{}}}]"), 200, false, "a modern result loses what belongs to its era" },
	{ BRIDGE_TO_MODERN, "tools/call", true, RESULT(ASKS("\"k\":" ELICIT(PAGE("")))),
	    "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32042,\"message\":\"This request needs pages that its user opens.\",\"data\":"
	    "{\"elicitations\":[{\"mode\":\"url\",\"url\":\"https://up.example/pay?n=1\",\"message\":\"Pay first\","
	    "\"elicitationId\":\"6ed9964b866a0fd0964e46eb3ce4c2bf\"}]}}}",
	    200, false, "input_required becomes -32042" },
	{ BRIDGE_TO_MODERN, "tools/call", false, RESULT(ASKS("\"k\":" ELICIT(PAGE("")))),
	    RESULT("\"content\":[{\"type\":\"text\",\"text\":\"Pay first https://up.example/pay?n=1\"}],\"isError\":true"), 200, false,
	    "or words, where the client opens no pages" },
	{ BRIDGE_TO_MODERN, "prompts/get", false, RESULT(ASKS("\"k\":" ELICIT(PAGE("")))),
	    ERROR("-32603", ",\"message\":\"the server asks its user to open a page, which this client cannot be told\""), 200, false,
	    "or an error, where there are no words" },
	{ BRIDGE_TO_MODERN, "tools/call", true, RESULT(ASKS("\"k\":{\"method\":\"sampling/createMessage\",\"params\":{}}")),
	    ERROR("-32603", ",\"message\":\"the server asks for sampling/createMessage, which cannot be carried between MCP 2026-07-28 and this client\""),
	    200, false, "a request of another kind fails by name" },
	{ BRIDGE_TO_MODERN, "tools/call", true, RESULT(ASKS("\"k\":" ELICIT("{\"mode\":\"form\",\"message\":\"m\",\"requestedSchema\":{}}"))),
	    ERROR("-32603", ",\"message\":\"the server asks for elicitation/create, which cannot be carried between MCP 2026-07-28 and this client\""),
	    200, false, "so does a form" },
	{ BRIDGE_TO_MODERN, "tools/call", true, RESULT("\"resultType\":\"input_required\",\"requestState\":\"s\""),
	    ERROR("-32603", ",\"message\":\"the server asks for more of its client, which cannot be carried between MCP 2026-07-28 and this client\""),
	    200, false, "and a state alone" },
	{ BRIDGE_TO_MODERN, "tools/call", true, RESULT("\"resultType\":\"task\""),
	    ERROR("-32603", ",\"message\":\"the server asks for task, which cannot be carried between MCP 2026-07-28 and this client\""), 200, false,
	    "and a result of another kind" },
	{ BRIDGE_TO_MODERN, "tools/call", true, ERROR("-32602", ",\"message\":\"no\""), ERROR("-32602", ",\"message\":\"no\""), 200, false,
	    "an error passes, as the answer that legacy clients look for" },
	{ BRIDGE_TO_MODERN, "tools/call", true, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}",
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}", 0, false, "log messages pass" },
};

static struct buf back, asked;

static bool down(const struct bridge *b, const char *text, struct buf *out, struct bridge_news *news)
{
	struct err e = { .code = ERR_NONE };

	buf_clear(out);
	buf_clear(&back);
	*news = (struct bridge_news){ .back = &back, .asked = &asked };
	return bridge_down(b, arena, text, strlen(text), out, news, &e);
}

static void check_downs(struct buf *out)
{
	struct bridge_news news;
	char what[300];

	for (size_t i = 0; i < sizeof(downs) / sizeof(downs[0]); i++) {
		const struct bridge b = bridge_of(downs[i].way, downs[i].method, downs[i].url);

		buf_clear(&asked);
		ok(down(&b, downs[i].text, out, &news), downs[i].name);
		is_str(buf_text(out), downs[i].out, downs[i].name);
		snprintf(what, sizeof(what), "%s: status and end", downs[i].name);
		ok(news.status == downs[i].status && news.ends == downs[i].ends, what);
		snprintf(what, sizeof(what), "%s: whether it is the answer", downs[i].name);
		ok(news.answers == !strstr(downs[i].text, "\"method\":\"") || strstr(downs[i].text, "\"result\"") || *downs[i].text == '[', what);
	}
	struct err e = { .code = ERR_NONE };
	const struct bridge b = bridge_of(BRIDGE_TO_LEGACY, "tools/call", false);

	ok(!bridge_down(&b, arena, "{\"id\":1,\"id\":2}", 15, out, &news, &e) && !strcmp(err_reason_of(&e), "upstream_malformed"),
	    "what two readers would read differently is refused");
}

/* ---- ids */

static void check_ids(struct buf *out)
{
	static const char call[] = REQUEST("tools/call", "\"name\":\"e\"");
	struct scan_limits limits = scan_limits_of(1 << 16);
	struct bridge b = bridge_of(BRIDGE_TO_LEGACY, "tools/call", false);
	struct bridge_news news;
	struct rpc_fault f;
	struct rpc_body body;

	b.sent_id = "\"sent\"";
	buf_clear(out);
	ok(rpc_read(&body, arena, call, sizeof(call) - 1, &limits, &f) && bridge_up(&b, body.msgs, arena, out, &f) == BRIDGE_SEND,
	    "a call with another id");
	is_str(buf_text(out), "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"id\":\"sent\",\"params\":{\"name\":\"e\"}}", "it goes up by that");
	down(&b, "{\"jsonrpc\":\"2.0\",\"id\":\"sent\",\"error\":{\"code\":1}}", out, &news);
	is_str(buf_text(out), "{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":1}}", "its error comes back by the client's");
	down(&b, "{\"jsonrpc\":\"2.0\",\"id\":\"sent\",\"result\":{}}", out, &news);
	ok(strstr(buf_text(out), "\"id\":7") && !strstr(buf_text(out), "sent"), "so does its result");
	down(&b, "{\"jsonrpc\":\"2.0\",\"id\":\"other\",\"result\":{}}", out, &news);
	ok(strstr(buf_text(out), "\"id\":\"other\"") != NULL, "another's is left to its own");
	buf_clear(out);
	bridge_write_cancelled(out, b.sent_id);
	is_str(buf_text(out), "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"sent\"}}", "it is cancelled by that");
}

/* ---- pages that are asked for in a call's stream */

#define ASK(id, params) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"elicitation/create\",\"params\":" params "}"
#define KEY "page-6ed9964b866a0fd0964e46eb3ce4c2bf" /* PAGE's */
#define OTHER "{\"mode\":\"url\",\"url\":\"https://up.example/other\",\"message\":\"Then this\"}"

static const char *long_text(size_t n)
{
	char *text = arena_alloc(arena, n + 1);

	return memset(text, 'm', n);
}

static void check_stream(struct buf *out)
{
	static const char accepted[] = "{\"" KEY "\":{\"action\":\"accept\"}}", declined[] = "{\"" KEY "\":{\"action\":\"decline\"}}",
			  odd[] = "{\"" KEY "\":{\"action\":\"yes\"}}";
	struct bridge b = bridge_of(BRIDGE_TO_LEGACY, "tools/call", true);
	struct bridge_news news;

	buf_clear(&asked);
	down(&b, ASK("5", PAGE(",\"elicitationId\":\"x\"")), out, &news);
	is_str(buf_text(out), RESULT("\"resultType\":\"input_required\",\"inputRequests\":{\"" KEY "\":" ELICIT(PAGE("")) "}"), "a page becomes input_required");
	ok(news.ends && !news.answers && !back.len, "which ends the call, unanswered");
	b.answers = (struct span){ accepted, sizeof(accepted) - 1 };
	buf_clear(&asked);
	down(&b, ASK("\"s5\"", PAGE("")), out, &news);
	is_str(buf_text(&back), "{\"jsonrpc\":\"2.0\",\"id\":\"s5\",\"result\":{\"action\":\"accept\"}}", "asked for once more, it gets the user's answer");
	ok(!out->len && !news.ends, "and the call goes on");
	down(&b, ASK("6", PAGE("")), out, &news);
	ok(news.ends && !back.len, "an answer serves once");
	down(&b, ASK("6", OTHER), out, &news);
	ok(strstr(buf_text(out), KEY) && strstr(buf_text(out), "https://up.example/other") && news.ends && !back.len,
	    "another page is not answered so: both are asked for, as clients repeat only what they were asked last");
	b.answers = (struct span){ declined, sizeof(declined) - 1 };
	buf_clear(&asked);
	down(&b, ASK("5", PAGE("")), out, &news);
	is_str(buf_text(&back), "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{\"action\":\"decline\"}}", "a no is a no");
	buf_clear(&asked);
	down(&b, arena_join(arena, "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\",\"url\":\"https://up.example/long\","
	    "\"message\":\"", long_text(70000), "\"}}", NULL), out, &news);
	ok(news.ends && scan_check(buf_text(out), out->len, &(const struct scan_limits){ 1 << 20, 32, 100, false }, NULL) &&
	    strstr(buf_text(out), "more words than there is room for"), "a page with too many words fails, in sound JSON");
	b.answers = (struct span){ odd, sizeof(odd) - 1 };
	buf_clear(&asked);
	down(&b, ASK("5", PAGE("")), out, &news);
	ok(news.ends && !back.len, "what is neither is no answer");
	down(&b, ASK("5", "{\"mode\":\"url\",\"url\":\"javascript:alert(1)\"}"), out, &news);
	ok(news.ends && strstr(buf_text(out), "elicitation/create, which cannot be carried"), "F104: an address that runs something is no page");
	down(&b, ASK("5", "{\"message\":\"m\",\"requestedSchema\":{}}"), out, &news);
	ok(news.ends && strstr(buf_text(out), "elicitation/create, which cannot be carried"), "a form fails by name");
	b.url = false;
	down(&b, ASK("5", PAGE("")), out, &news);
	ok(news.ends && strstr(buf_text(out), "Pay first https://up.example/pay?n=1"), "who opens no pages gets words");
	b.method = "tools/list";
	b.url = true;
	down(&b, ASK("5", PAGE("")), out, &news);
	ok(news.ends && strstr(buf_text(out), "cannot be carried"), "a list cannot ask");
}

/* ---- greetings */

static void check_hellos(struct buf *out)
{
	static const char initialize[] = "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{\"listChanged\":true},\"logging\":{},"
	    "\"resources\":{\"subscribe\":true},\"tasks\":{}},\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"},\"instructions\":\"do\"}";
	static const char discover[] = "{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"prompts\":{},"
	    "\"extensions\":{\"a/b\":{}}},\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}}";
	struct bridge b = bridge_of(BRIDGE_TO_LEGACY, NULL, false);

	buf_clear(out);
	bridge_hello(&b, (struct span){ initialize, sizeof(initialize) - 1 }, NULL, out);
	is_str(buf_text(out),
	    RESULT("\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\",\"2025-06-18\"],\"capabilities\":{\"tools\":{},\"resources\":{}},"
	           "\"instructions\":\"do\",\"ttlMs\":0,\"cacheScope\":\"private\",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"s\",\"version\":\"1\"}}"),
	    "discovery says what can be carried, and no more");
	b = bridge_of(BRIDGE_TO_MODERN, NULL, false);
	buf_clear(out);
	bridge_hello(&b, (struct span){ discover, sizeof(discover) - 1 }, "2025-03-26", out);
	is_str(buf_text(out),
	    RESULT("\"protocolVersion\":\"2025-03-26\",\"capabilities\":{\"prompts\":{}},\"serverInfo\":{\"name\":\"s\",\"version\":\"1\"}"),
	    "initialize is answered with the version that was asked for");
	buf_clear(out);
	bridge_hello(&b, (struct span){ "{}", 2 }, "2026-07-28", out);
	is_str(buf_text(out),
	    RESULT("\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"serverInfo\":{\"name\":\"gatehouse\",\"version\":\"" PACKAGE_VERSION "\"}"),
	    "or the newest of its era");
}

static void check_own(struct buf *out)
{
	static const char info[] = "{\"name\":\"c\",\"version\":\"9\"}";
	static const char good[] = "{\"jsonrpc\":\"2.0\",\"id\":\"gatehouse\",\"result\":{\"a\":1}}";
	static const char other[] = "{\"jsonrpc\":\"2.0\",\"id\":\"other\",\"result\":{\"a\":1}}";

	buf_clear(out);
	bridge_write_initialize(out, (struct span){ info, sizeof(info) - 1 }, true);
	is_str(buf_text(out),
	    "{\"jsonrpc\":\"2.0\",\"id\":\"gatehouse\",\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
	    "\"capabilities\":{\"elicitation\":{\"url\":{}}},\"clientInfo\":{\"name\":\"c\",\"version\":\"9\"}}}",
	    "the gateway's initialize says who asks, and what can be carried back");
	buf_clear(out);
	bridge_write_list(out, "c\"", true);
	is_str(buf_text(out),
	    "{\"jsonrpc\":\"2.0\",\"id\":\"gatehouse\",\"method\":\"tools/list\",\"params\":{\"cursor\":\"c\\\"\",\"_meta\":{" OURS "}}}",
	    "its list names a page");
	is_int(bridge_result((struct span){ good, sizeof(good) - 1 }).n, 7, "its answer is known by its id");
	ok(!bridge_result((struct span){ other, sizeof(other) - 1 }).p, "another's is not");
}

int main(void)
{
	struct buf out;

	arena = arena_new();
	buf_init(&out, 1 << 20);
	buf_init(&back, 1 << 16);
	buf_init(&asked, 1 << 16);
	check_ups(&out);
	check_downs(&out);
	check_ids(&out);
	check_stream(&out);
	check_hellos(&out);
	check_own(&out);
	buf_release(&asked);
	buf_release(&back);
	buf_release(&out);
	arena_free(arena);
	return done();
}
