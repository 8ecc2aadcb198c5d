/* SPDX-License-Identifier: Apache-2.0 */
/* Members are left out, and members are added; all others are copied as they are spelled. */
#include "config.h"

#include "rpc/bridge.h"

#include "base/hash.h"
#include "rpc/era.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define META_PREFIX       "io.modelcontextprotocol/"
#define META_VERSION      META_PREFIX "protocolVersion"
#define META_CAPABILITIES META_PREFIX "clientCapabilities"
#define META_CLIENT       META_PREFIX "clientInfo"
#define META_SERVER       META_PREFIX "serverInfo"
#define META_LOG          META_PREFIX "logLevel"

enum { DEPTH = 128, PAGES_MAX = 16, URL_MAX = 4096 };

static const char gateway_info[] = "{\"name\":\"gatehouse\",\"version\":\"" PACKAGE_VERSION "\"}";

/* The methods that both eras have, and what a modern result of each carries. */
static const struct carried {
	const char *method;
	bool cached; /* ttlMs and cacheScope are required */
	bool asks;   /* may answer input_required */
} carried[] = {
	{ "tools/list", true, false },
	{ "tools/call", false, true },
	{ "prompts/list", true, false },
	{ "prompts/get", false, true },
	{ "resources/list", true, false },
	{ "resources/templates/list", true, false },
	{ "resources/read", true, true },
	{ "completion/complete", false, false },
};

static const struct carried *carried_of(const char *method)
{
	for (size_t i = 0; method && i < sizeof(carried) / sizeof(carried[0]); i++)
		if (!strcmp(carried[i].method, method))
			return &carried[i];
	return NULL;
}

/* ---- writing */

/* The opening brace was written; members follow, joined by commas. */
struct object {
	struct buf *out;
	bool any;
};

static struct object begin(struct buf *out)
{
	buf_char(out, '{');
	return (struct object){ .out = out };
}

static void name_raw(struct object *o, struct span name)
{
	if (o->any)
		buf_char(o->out, ',');
	o->any = true;
	buf_add(o->out, name.p, name.n);
	buf_char(o->out, ':');
}

static void name(struct object *o, const char *text)
{
	if (o->any)
		buf_char(o->out, ',');
	o->any = true;
	buf_json(o->out, text);
	buf_char(o->out, ':');
}

static void put_span(struct object *o, const char *text, struct span value)
{
	name(o, text);
	buf_add(o->out, value.p, value.n);
}

static void put_raw(struct object *o, const char *text, const char *json)
{
	name(o, text);
	buf_str(o->out, json);
}

static void end(struct object *o)
{
	buf_char(o->out, '}');
}

static bool is_one_of(struct span name, const char *const *list)
{
	for (; *list; list++)
		if (scan_string_is(name, *list))
			return true;
	return false;
}

/* All members of FROM but those. */
static void copy(struct object *o, struct span from, const char *const *but)
{
	struct span n, value;
	size_t at = 0;

	while (scan_kind(from) == '{' && scan_next(from, &at, &n, &value)) {
		if (is_one_of(n, but))
			continue;
		name_raw(o, n);
		buf_add(o->out, value.p, value.n);
	}
}

static struct object begin_answer(struct buf *out, struct span id)
{
	struct object o = begin(out);

	put_raw(&o, "jsonrpc", "\"2.0\"");
	put_span(&o, "id", id);
	return o;
}

/* ---- the way up */

static const char *const own_meta[] = { META_VERSION, META_CAPABILITIES, META_CLIENT, META_LOG, NULL };

static bool is_empty_without_own(struct span meta)
{
	struct span n, value;
	size_t at = 0;

	while (scan_next(meta, &at, &n, &value))
		if (!is_one_of(n, own_meta))
			return false;
	return true;
}

static void params_to_legacy(struct object *o, struct span params)
{
	/* what a retry repeats is the gateway's own answer: the upstream knows nothing of it */
	static const char *const but[] = { "_meta", "inputResponses", "requestState", NULL };
	struct span meta = scan_member(params, "_meta");
	struct object p, m;

	name(o, "params");
	p = begin(o->out);
	copy(&p, params, but);
	if (scan_kind(meta) == '{' && !is_empty_without_own(meta)) {
		name(&p, "_meta");
		m = begin(o->out);
		copy(&m, meta, own_meta);
		end(&m);
	}
	end(&p);
}

static void put_envelope(struct object *meta, bool url)
{
	name(meta, META_VERSION);
	buf_json(meta->out, era_modern_versions[0]);
	/* no more than what can be carried back */
	put_raw(meta, META_CAPABILITIES, url ? "{\"elicitation\":{\"url\":{}}}" : "{}");
	put_raw(meta, META_CLIENT, gateway_info);
}

static void params_to_modern(struct object *o, struct span params, bool url)
{
	static const char *const but[] = { "_meta", NULL };
	struct object p, m;

	name(o, "params");
	p = begin(o->out);
	copy(&p, params, but);
	name(&p, "_meta");
	m = begin(o->out);
	copy(&m, scan_member(params, "_meta"), own_meta);
	put_envelope(&m, url);
	end(&m);
	end(&p);
}

static enum bridge_step send_up(const struct bridge *b, const struct rpc_msg *m, struct buf *out)
{
	static const char *const but[] = { "params", NULL }, *const but_id[] = { "params", "id", NULL };
	bool other_id = b->sent_id && m->id.p;
	struct object o = begin(out);

	copy(&o, m->whole, other_id ? but_id : but);
	if (other_id)
		put_raw(&o, "id", b->sent_id);
	if (b->way == BRIDGE_TO_MODERN)
		params_to_modern(&o, m->params, b->url);
	else if (m->params.p)
		params_to_legacy(&o, m->params);
	end(&o);
	return BRIDGE_SEND;
}

static enum bridge_step refuse(const struct bridge *b, const struct rpc_msg *m, struct rpc_fault *f)
{
	f->id = m->id;
	rpc_fail(f, b->way == BRIDGE_TO_LEGACY ? 404 : 200, RPC_METHOD_NOT_FOUND, "not_bridged",
	    "%.64s cannot be carried to this server, which speaks MCP %s", m->method, b->version);
	return BRIDGE_REFUSE;
}

static enum bridge_step answer_empty(const struct rpc_msg *m, struct buf *out)
{
	struct object o = begin_answer(out, m->id);

	put_raw(&o, "result", "{}");
	end(&o);
	return BRIDGE_ANSWER;
}

enum bridge_step bridge_up(const struct bridge *b, const struct rpc_msg *m, struct arena *a, struct buf *out,
    struct rpc_fault *f)
{
	bool to_legacy = b->way == BRIDGE_TO_LEGACY;

	(void)a;
	if (m->kind == RPC_RESPONSE)
		return BRIDGE_ACCEPT; /* nobody was asked */
	if (m->kind == RPC_NOTIFICATION) /* the upstream knows no request of the client's by its id */
		return to_legacy && strcmp(m->method, "notifications/cancelled") != 0 ? send_up(b, m, out) : BRIDGE_ACCEPT;
	if (!strcmp(m->method, to_legacy ? "server/discover" : "initialize"))
		return BRIDGE_HELLO;
	if (!to_legacy && !strcmp(m->method, "ping"))
		return answer_empty(m, out);
	return carried_of(m->method) ? send_up(b, m, out) : refuse(b, m, f);
}

/* ---- pages that a user is to open */

/* A page that a client may be asked to open: https, or on the user's own machine; no other scheme runs anything. */
static bool is_page(const char *url)
{
	static const char *const local[] = { "http://127.0.0.1", "http://localhost", "http://[::1]" };
	size_t n = strlen(url);

	if (n > URL_MAX || strcspn(url, " \\<>\"") < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)url[i] < 0x21 || (unsigned char)url[i] == 0x7f)
			return false;
	if (!strncasecmp(url, "https://", 8))
		return n > 8;
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++) {
		size_t k = strlen(local[i]);

		if (!strncasecmp(url, local[i], k) && (url[k] == '\0' || strchr(":/?#", url[k])))
			return true;
	}
	return false;
}

struct page {
	const char *url, *message;
};

struct pages {
	struct page at[PAGES_MAX];
	size_t n;
};

/* An elicitation's params, of either era. False: it asks for something else than a page. */
static bool add_page(struct pages *p, struct span params, struct arena *a)
{
	const char *url = scan_string(scan_member(params, "url"), a);
	const char *message = scan_string(scan_member(params, "message"), a);

	if (p->n == PAGES_MAX || !scan_string_is(scan_member(params, "mode"), "url") || !url || !is_page(url))
		return false;
	p->at[p->n++] = (struct page){ url, message ? message : "" };
	return true;
}

/* -32042's data. */
static bool read_elicitations(struct pages *p, struct span error, struct arena *a)
{
	struct span list = scan_path(error, "data", "elicitations", NULL), one;
	size_t at = 0;

	while (scan_kind(list) == '[' && scan_next(list, &at, NULL, &one))
		if (!add_page(p, one, a))
			return false;
	return p->n > 0;
}

/* input_required's requests. *OTHER gets the method of one that is no page. */
static bool read_requests(struct pages *p, struct span result, struct arena *a, const char **other)
{
	struct span requests = scan_member(result, "inputRequests"), one, n;
	size_t at = 0;

	*other = "more of its client";
	while (scan_kind(requests) == '{' && scan_next(requests, &at, &n, &one)) {
		struct span method = scan_member(one, "method");

		if (scan_string_is(method, "elicitation/create") && add_page(p, scan_member(one, "params"), a))
			continue;
		*other = scan_string(method, a);
		*other = *other ? *other : "something without a name";
		return false;
	}
	return p->n > 0;
}

/* In the tool's place, words that a person reads. */
static void tell_pages(const struct bridge *b, const struct pages *p, struct buf *out)
{
	struct object o = begin_answer(out, b->id), r, c;
	struct buf text;

	buf_init(&text, PAGES_MAX * (size_t)65536);
	for (size_t i = 0; i < p->n; i++)
		buf_printf(&text, "%s%s%s%s", i ? "\n" : "", p->at[i].message, *p->at[i].message ? " " : "", p->at[i].url);
	name(&o, "result");
	r = begin(out);
	if (b->way == BRIDGE_TO_LEGACY)
		put_raw(&r, "resultType", "\"complete\"");
	name(&r, "content");
	buf_char(out, '[');
	c = begin(out);
	put_raw(&c, "type", "\"text\"");
	name(&c, "text");
	buf_json_n(out, buf_text(&text), text.len);
	end(&c);
	buf_char(out, ']');
	put_raw(&r, "isError", "true");
	end(&r);
	end(&o);
	buf_release(&text);
}

static void put_page(struct object *o, const struct page *page)
{
	put_raw(o, "mode", "\"url\"");
	name(o, "url");
	buf_json(o->out, page->url);
	name(o, "message");
	buf_json(o->out, *page->message ? page->message : "This server asks you to open a page.");
}

static void put_request(struct object *requests, const char *key, const struct page *page)
{
	struct object one, params;

	name(requests, key);
	one = begin(requests->out);
	put_raw(&one, "method", "\"elicitation/create\"");
	name(&one, "params");
	params = begin(requests->out);
	put_page(&params, page);
	end(&params);
	end(&one);
}

/* Protocol 1.9, as of 2026-07-28. REQUESTS: members of inputRequests. */
static void require_input(const struct bridge *b, const struct buf *requests, struct buf *out)
{
	struct object o = begin_answer(out, b->id), r;

	name(&o, "result");
	r = begin(out);
	put_raw(&r, "resultType", "\"input_required\"");
	name(&r, "inputRequests");
	buf_char(out, '{');
	buf_add(out, buf_text(requests), requests->len);
	buf_char(out, '}');
	end(&r);
	end(&o);
}

static void ask_modern(const struct bridge *b, const struct pages *p, struct buf *out)
{
	struct buf members;
	struct object requests = { .out = &members };
	char key[32];

	buf_init(&members, PAGES_MAX * (size_t)65536);
	for (size_t i = 0; i < p->n; i++) {
		snprintf(key, sizeof(key), "url-%zu", i + 1);
		put_request(&requests, key, &p->at[i]);
	}
	require_input(b, &members, out);
	buf_release(&members);
}

/* The same as of 2025-11-25. The id is the page's own: a client that is asked again knows it. */
static void ask_legacy(const struct bridge *b, const struct pages *p, struct buf *out)
{
	struct buf data;
	struct object d, one;

	buf_init(&data, PAGES_MAX * (size_t)65536);
	d = begin(&data);
	name(&d, "elicitations");
	buf_char(&data, '[');
	for (size_t i = 0; i < p->n; i++) {
		unsigned char hash[HASH_LEN];
		char id[33];

		hash_sha256(hash, p->at[i].url, strlen(p->at[i].url));
		hex_encode(id, hash, 16);
		if (i)
			buf_char(&data, ',');
		one = begin(&data);
		put_page(&one, &p->at[i]);
		name(&one, "elicitationId");
		buf_json(&data, id);
		end(&one);
	}
	buf_char(&data, ']');
	end(&d);
	rpc_error(out, b->id, RPC_URL_ELICITATION_REQUIRED, "This request needs pages that its user opens.",
	    buf_text(&data));
	buf_release(&data);
}

/* The client is asked in its own way, or told in words, or the call fails. */
static void ask_for_pages(const struct bridge *b, const struct pages *p, struct buf *out, int *status)
{
	const struct carried *c = carried_of(b->method);

	if (b->url && c && c->asks && b->way == BRIDGE_TO_LEGACY) {
		ask_modern(b, p, out);
	} else if (b->url && b->way == BRIDGE_TO_MODERN) {
		ask_legacy(b, p, out);
	} else if (!strcmp(b->method, "tools/call")) {
		tell_pages(b, p, out);
	} else if (b->way == BRIDGE_TO_LEGACY && !b->url) {
		*status = 400;
		rpc_error(out, b->id, RPC_MISSING_CAPABILITY, "the server asks its user to open a page",
		    "{\"requiredCapabilities\":{\"elicitation\":{\"url\":{}}}}");
	} else {
		rpc_error(out, b->id, RPC_INTERNAL_ERROR, "the server asks its user to open a page, which this client cannot be told",
		    NULL);
	}
}

/* ---- the way down */

static void fail(const struct bridge *b, struct buf *out, const char *what, struct arena *a)
{
	rpc_error(out, b->id, RPC_INTERNAL_ERROR,
	    arena_printf(a, "the server asks for %.64s, which cannot be carried between MCP %s and this client", what,
	        b->version),
	    NULL);
}

/* MESSAGE's members but WHAT, with the client's id where the upstream answers by the one that stands for it. */
static struct object begin_down(const struct bridge *b, struct span message, const char *what, struct buf *out)
{
	struct span id = scan_member(message, "id");
	bool other_id = b->sent_id && b->id.p && id.n == strlen(b->sent_id) && !memcmp(id.p, b->sent_id, id.n);
	const char *const but[] = { what, other_id ? "id" : NULL, NULL };
	struct object o = begin(out);

	copy(&o, message, but);
	if (other_id)
		put_span(&o, "id", b->id);
	return o;
}

static void result_to_modern(const struct bridge *b, struct span message, struct span result, struct buf *out)
{
	static const char *const but[] = { "resultType", "ttlMs", "cacheScope", "_meta", NULL };
	static const char *const but_server[] = { META_SERVER, NULL };
	const struct carried *c = carried_of(b->method);
	struct span meta = scan_member(result, "_meta");
	struct object o = begin_down(b, message, "result", out), r, m;

	name(&o, "result");
	r = begin(out);
	put_raw(&r, "resultType", "\"complete\"");
	if (c && c->cached) { /* nobody said how long it may be kept, or by whom */
		put_raw(&r, "ttlMs", "0");
		put_raw(&r, "cacheScope", "\"private\"");
	}
	copy(&r, result, but);
	if (scan_kind(meta) == '{' || b->server.p) {
		name(&r, "_meta");
		m = begin(out);
		if (b->server.p)
			put_span(&m, META_SERVER, b->server);
		copy(&m, meta, but_server);
		end(&m);
	}
	end(&r);
	end(&o);
}

static void error_to_modern(const struct bridge *b, struct span message, struct span error, struct arena *a, struct buf *out,
    int *status)
{
	static const char *const but_code[] = { "code", NULL };
	struct span code = scan_member(error, "code");
	struct pages pages = { .n = 0 };
	struct object o, e;

	if (code.n == 6 && !memcmp(code.p, "-32042", 6)) {
		if (read_elicitations(&pages, error, a))
			ask_for_pages(b, &pages, out, status);
		else
			fail(b, out, "a page that no client may open", a);
		return;
	}
	if (code.n == 6 && !memcmp(code.p, "-32601", 6))
		*status = 404;
	o = begin_down(b, message, "error", out);
	name(&o, "error");
	e = begin(out);
	if (code.n == 6 && !memcmp(code.p, "-32002", 6)) /* a resource that is not there (protocol 1.7) */
		put_raw(&e, "code", "-32602");
	else if (code.p)
		put_span(&e, "code", code);
	copy(&e, error, but_code);
	end(&e);
	end(&o);
}

static void result_to_legacy(const struct bridge *b, struct span message, struct span result, struct arena *a, struct buf *out)
{
	static const char *const but_result[] = { "result", NULL };
	static const char *const but[] = { "resultType", "ttlMs", "cacheScope", NULL };
	struct span type = scan_member(result, "resultType");
	struct pages pages = { .n = 0 };
	const char *other;
	int status = 0; /* of the modern era alone */
	struct object o, r;

	if (scan_string_is(type, "input_required")) {
		if (read_requests(&pages, result, a, &other))
			ask_for_pages(b, &pages, out, &status);
		else
			fail(b, out, other, a);
		return;
	}
	if (type.p && !scan_string_is(type, "complete")) {
		other = scan_string(type, a);
		fail(b, out, other ? other : "a result without a name", a);
		return;
	}
	o = begin(out);
	copy(&o, message, but_result);
	name(&o, "result");
	r = begin(out);
	copy(&r, result, but);
	end(&r);
	end(&o);
}

/* Which notifications mean the same in both eras, outside of subscriptions. */
static bool passes(const struct bridge *b, struct span method)
{
	if (scan_string_is(method, "notifications/progress"))
		return true;
	return scan_string_is(method, "notifications/message") && (b->way == BRIDGE_TO_MODERN || b->logs);
}

/* What the user said to a page when the client asked; NULL: it was not asked. */
static const char *answer_to(const struct bridge *b, const char *key)
{
	static const char *const actions[] = { "accept", "decline", "cancel" };
	struct span action = scan_kind(b->answers) == '{' ? scan_path(b->answers, key, "action", NULL) : (struct span){ NULL, 0 };

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (scan_string_is(action, actions[i]))
			return actions[i];
	return NULL;
}

/*
 * A page that the upstream asks for in the call's stream. The request's name is the page's own, so that no answer is taken for
 * another page's; all that were asked for are asked for together, as the client repeats its latest answers alone.
 */
static void page_down(const struct bridge *b, const struct page *page, struct span id, struct arena *a, struct buf *out,
    struct bridge_news *news)
{
	struct object requests = { .out = news->asked, .any = news->asked->len > 0 }, answer, result;
	unsigned char hash[HASH_LEN];
	char key[5 + 33] = "page-";
	const char *action;

	hash_sha256(hash, page->url, strlen(page->url));
	hex_encode(key + 5, hash, 16);
	if (strstr(buf_text(news->asked), key)) { /* one answer serves once */
		action = NULL;
	} else {
		action = answer_to(b, key);
		put_request(&requests, key, page);
	}
	if (!action) {
		if (news->asked->over)
			fail(b, out, "pages with more words than there is room for", a);
		else
			require_input(b, news->asked, out);
		news->ends = true;
		return;
	}
	answer = begin_answer(news->back, id);
	name(&answer, "result");
	result = begin(news->back);
	name(&result, "action");
	buf_json(news->back, action);
	end(&result);
	end(&answer);
}

/* A request of the upstream's. */
static void request_down(const struct bridge *b, struct span message, struct span method, struct arena *a, struct buf *out,
    struct bridge_news *news)
{
	const struct carried *c = carried_of(b->method);
	struct pages pages = { .n = 0 };
	const char *what;
	int status; /* of a whole answer: this is a part of one */

	if (scan_string_is(method, "ping") || !b->id.p) /* nobody would miss the answer before the call is over */
		return;
	if (b->way == BRIDGE_TO_LEGACY && c && c->asks && scan_string_is(method, "elicitation/create") &&
	    add_page(&pages, scan_member(message, "params"), a)) {
		if (b->url && !news->asked->over) {
			page_down(b, &pages.at[0], scan_member(message, "id"), a, out, news);
			return;
		}
		ask_for_pages(b, &pages, out, &status);
	} else {
		what = scan_string(method, a);
		fail(b, out, what ? what : "something without a name", a);
	}
	news->ends = true;
}

/* A message without an answer in it. */
static void call_down(const struct bridge *b, struct span message, struct span method, struct arena *a, struct buf *out,
    struct bridge_news *news)
{
	if (scan_member(message, "id").p)
		request_down(b, message, method, a, out, news);
	else if (passes(b, method))
		buf_add(out, message.p, message.n);
}

static void message_down(const struct bridge *b, struct span message, struct arena *a, struct buf *out, struct bridge_news *news)
{
	struct span result = scan_member(message, "result"), error = scan_member(message, "error");
	struct span method = scan_member(message, "method");

	if (method.p) {
		call_down(b, message, method, a, out, news);
		return;
	}
	news->answers = true;
	if (b->way == BRIDGE_TO_MODERN && (result.p || error.p) && scan_member(message, "id").p)
		news->status = 200; /* legacy clients look for errors in answers alone */
	if (scan_kind(result) == '{' && b->way == BRIDGE_TO_LEGACY)
		result_to_modern(b, message, result, out);
	else if (scan_kind(error) == '{' && b->way == BRIDGE_TO_LEGACY)
		error_to_modern(b, message, error, a, out, &news->status);
	else if (scan_kind(result) == '{')
		result_to_legacy(b, message, result, a, out);
	else
		buf_add(out, message.p, message.n);
}

static bool malformed(struct err *e, const char *why)
{
	return err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is malformed", "%s", why);
}

bool bridge_down(const struct bridge *b, struct arena *a, const char *text, size_t n, struct buf *out, struct bridge_news *news,
    struct err *e)
{
	struct scan_limits limits = { .bytes = n, .depth = DEPTH, .members = n < UINT32_MAX ? (unsigned)n : UINT32_MAX };
	struct err why = { .code = ERR_NONE };
	struct span whole, one;
	size_t at = 0;

	news->status = 0;
	news->ends = news->answers = false;
	if (!scan_check(text, n, &limits, &why))
		return malformed(e, why.text);
	whole = scan_value(text, n);
	if (scan_kind(whole) != '[') {
		message_down(b, whole, a, out, news);
	} else {
		while (scan_next(whole, &at, NULL, &one)) {
			if (scan_member(one, "method").p || !scan_member(one, "id").p)
				continue;
			message_down(b, one, a, out, news);
			break;
		}
	}
	return !out->over || malformed(e, "it is over its cap");
}

/* ---- greetings */

/* What of an upstream's capabilities can be used through the bridge: without subscriptions and the like. */
static void put_capabilities(struct object *o, struct span capabilities)
{
	static const char *const names[] = { "tools", "prompts", "resources", "completions" };
	struct object c;

	name(o, "capabilities");
	c = begin(o->out);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (scan_kind(scan_member(capabilities, names[i])) == '{')
			put_raw(&c, names[i], "{}");
	end(&c);
}

static void put_instructions(struct object *o, struct span greeting)
{
	struct span text = scan_member(greeting, "instructions");

	if (scan_kind(text) == '"')
		put_span(o, "instructions", text);
}

static void hello_modern(const struct bridge *b, struct object *r, struct span greeting)
{
	struct span server = scan_member(greeting, "serverInfo");
	struct object meta;

	put_raw(r, "resultType", "\"complete\"");
	name(r, "supportedVersions");
	for (size_t i = 0; era_modern_versions[i]; i++) {
		buf_char(r->out, i ? ',' : '[');
		buf_json(r->out, era_modern_versions[i]);
	}
	buf_char(r->out, ',');
	buf_json(r->out, b->version); /* who speaks that is passed through */
	buf_char(r->out, ']');
	put_capabilities(r, scan_member(greeting, "capabilities"));
	put_instructions(r, greeting);
	put_raw(r, "ttlMs", "0");
	put_raw(r, "cacheScope", "\"private\"");
	if (scan_kind(server) != '{')
		return;
	name(r, "_meta");
	meta = begin(r->out);
	put_span(&meta, META_SERVER, server);
	end(&meta);
}

static void hello_legacy(struct object *r, struct span greeting, const char *asked)
{
	struct span server = scan_path(greeting, "_meta", META_SERVER, NULL);
	bool known = asked && era_is_supported(asked) && !era_is_modern(asked);

	name(r, "protocolVersion");
	buf_json(r->out, known ? asked : era_legacy_versions[0]);
	put_capabilities(r, scan_member(greeting, "capabilities"));
	if (scan_kind(server) == '{')
		put_span(r, "serverInfo", server);
	else
		put_raw(r, "serverInfo", gateway_info);
	put_instructions(r, greeting);
}

void bridge_hello(const struct bridge *b, struct span greeting, const char *asked, struct buf *out)
{
	struct object o = begin_answer(out, b->id), r;

	name(&o, "result");
	r = begin(out);
	if (b->way == BRIDGE_TO_LEGACY)
		hello_modern(b, &r, greeting);
	else
		hello_legacy(&r, greeting, asked);
	end(&r);
	end(&o);
}

/* ---- the gateway's own */

static struct object begin_own(struct buf *out, const char *method)
{
	struct object o = begin(out);

	put_raw(&o, "jsonrpc", "\"2.0\"");
	put_raw(&o, "id", "\"" BRIDGE_ID "\"");
	name(&o, "method");
	buf_json(out, method);
	return o;
}

void bridge_write_initialize(struct buf *out, struct span client_info, bool url)
{
	struct object o = begin_own(out, "initialize"), p;

	name(&o, "params");
	p = begin(out);
	name(&p, "protocolVersion");
	buf_json(out, era_legacy_versions[0]);
	put_raw(&p, "capabilities", url ? "{\"elicitation\":{\"url\":{}}}" : "{}");
	if (scan_kind(client_info) == '{')
		put_span(&p, "clientInfo", client_info);
	else
		put_raw(&p, "clientInfo", gateway_info);
	end(&p);
	end(&o);
}

void bridge_write_initialized(struct buf *out)
{
	buf_str(out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
}

void bridge_write_cancelled(struct buf *out, const char *id)
{
	buf_printf(out, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%s}}", id);
}

static void put_own_params(struct object *o, const char *cursor, bool modern)
{
	struct object p, m;

	name(o, "params");
	p = begin(o->out);
	if (cursor) {
		name(&p, "cursor");
		buf_json(o->out, cursor);
	}
	if (modern) {
		name(&p, "_meta");
		m = begin(o->out);
		put_envelope(&m, false);
		end(&m);
	}
	end(&p);
}

void bridge_write_discover(struct buf *out)
{
	struct object o = begin_own(out, "server/discover");

	put_own_params(&o, NULL, true);
	end(&o);
}

void bridge_write_list(struct buf *out, const char *cursor, bool modern)
{
	struct object o = begin_own(out, "tools/list");

	put_own_params(&o, cursor, modern);
	end(&o);
}

struct span bridge_result(struct span message)
{
	struct span result = scan_member(message, "result");

	if (!scan_string_is(scan_member(message, "id"), BRIDGE_ID) || scan_kind(result) != '{')
		return (struct span){ NULL, 0 };
	return result;
}
