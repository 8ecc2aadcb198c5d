/* SPDX-License-Identifier: Apache-2.0 */
/*
 * next() asks what is still missing and starts the errand that brings it, until the call can go: read it first. Each
 * errand ends in a function of its own, which notes what it brought, and comes back to next().
 */
#include "config.h"

#include "mcp/errand.h"

#include "mcp/call.h"
#include "mcp/chain.h"
#include "mcp/cors.h"
#include "mcp/headers.h"
#include "mcp/record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	GREETING_BYTES = 256 * 1024, /* of an answer to discover or initialize */
	PAGE_BYTES = 4 << 20,        /* of a page of tools */
	MARKS_BYTES = 256 * 1024,    /* of all tools with marks */
	PAGES = 20,
	ERA_TTL_MS = 600 * 1000,
	SESSION_TTL_MS = 1800 * 1000,
	MARKS_TTL_MS = 600 * 1000,
	NO_MARKS_TTL_MS = 30 * 1000, /* where the upstream gave no list */
	LIST_TTL_MAX_MS = 3600 * 1000
};

static const char both_types[] = "application/json, text/event-stream";

static const struct rpc_msg *message(const struct call *c)
{
	return &c->body.msgs[0];
}

static bool is_method(const struct call *c, const char *method)
{
	return c->body.n && message(c)->method && !strcmp(message(c)->method, method);
}

static const char *subject(const struct call *c)
{
	return c->who ? c->who->subject : "";
}

static const char *client(const struct call *c)
{
	return c->who ? c->who->client_id : "";
}

/* Whose rights the upstream sees. A connection that was made anew may be another account's. */
static const char *credential(const struct call *c)
{
	const struct credential *k = &c->credential;

	return k->connection_id ? arena_printf(c->req->arena, "%s/%d", k->connection_id, k->generation) : "";
}

static struct known_key era_key(const struct call *c)
{
	return known_key(KNOWN_ERA, c->route->operation_id, c->route->upstream_text, NULL);
}

static struct known_key session_key(const struct call *c)
{
	return known_key(KNOWN_SESSION, c->route->operation_id, c->route->upstream_text, subject(c), client(c), credential(c),
	    c->errand.bridge.url ? "url" : "", NULL);
}

static struct known_key marks_key(const struct call *c)
{
	return known_key(KNOWN_MARKS, c->route->operation_id, c->route->upstream_text, credential(c), NULL);
}

/* ---- answers of the gateway's own */

static void release(void *buf)
{
	buf_release(buf);
}

/* The answer is TEXT, whatever the upstream would say: through the policies, as every answer. */
static enum relay_verdict have(struct call *c, int status, struct span text, struct err *e)
{
	struct resp *p = c->relay.resp;

	p->status = status;
	if (text.n)
		resp_set(p, "Content-Type", "application/json");
	cors_set(c->req, p, c->route);
	links_init(&c->links, false);
	mask_init(&c->mask, c->upstream_request.secrets);
	record_begin(c, false);
	c->relay.status = status;
	c->relay.have = text.n ? text.p : "";
	c->relay.have_n = text.n;
	c->errand.bridge.way = BRIDGE_NONE; /* it speaks the client's language already */
	c->errand.keeps = false;
	c->pace = chain_wants(c->route).pace;
	return chain_response(c, e) ? RELAY_HAVE : RELAY_REFUSE;
}

static enum relay_verdict have_buf(struct call *c, struct buf *b, struct err *e)
{
	struct span text = { arena_strndup(c->req->arena, buf_text(b), b->len), b->len };

	return have(c, 200, text, e);
}

static enum relay_verdict refuse(struct call *c, struct err *e)
{
	err_reason(e, ERR_INVALID_REQUEST, c->fault.reason, c->fault.text, "upstream '%s'", c->upstream);
	return RELAY_REFUSE;
}

/* ---- transfers */

/* All headers but those of MCP's own, which tell of another message. */
static void copy_but(struct upstream_request *to, const struct upstream_request *from, const char *prefix)
{
	*to = (struct upstream_request){ .arena = from->arena };
	for (const struct upstream_header *h = from->headers; h; h = h->next)
		if (strncasecmp(h->name, prefix, strlen(prefix)) != 0)
			upstream_header_add(to, h->name, h->value);
}

static void set_marks(struct upstream_request *u, const struct call *c)
{
	struct span arguments = scan_member(message(c)->params, "arguments");

	for (const struct param_mark *m = c->errand.marks; m; m = m->next) {
		const char *value = param_value(m, arguments, u->arena);

		if (value)
			upstream_header_add(u, arena_printf(u->arena, PARAM_PREFIX "%s", m->header), value);
	}
}

static void set_modern(struct upstream_request *u, const char *method, struct span name)
{
	const char *text = name.p ? scan_string(name, u->arena) : NULL;

	upstream_header_add(u, "MCP-Protocol-Version", era_modern_versions[0]);
	upstream_header_add(u, "Mcp-Method", era_header_value(method, u->arena));
	if (text)
		upstream_header_add(u, "Mcp-Name", era_header_value(text, u->arena));
}

static void set_legacy(struct upstream_request *u, const struct errand *d)
{
	upstream_header_add(u, "MCP-Protocol-Version", d->bridge.version);
	if (d->session)
		upstream_header_add(u, "Mcp-Session-Id", d->session);
}

struct curl_slist *errand_headers(struct call *c)
{
	const struct errand *d = &c->errand;
	struct upstream_request u;

	if (!d->kind && !d->bridge.way && !d->has_marks) /* nearly all calls */
		return headers_of(&c->upstream_request);
	copy_but(&u, &c->upstream_request, d->kind || d->bridge.way ? "mcp-" : PARAM_PREFIX);
	if (d->kind || d->bridge.way)
		upstream_header_set(&u, "Accept", both_types, true);
	switch (d->kind) {
	case ERRAND_DISCOVER:
		set_modern(&u, "server/discover", (struct span){ NULL, 0 });
		break;
	case ERRAND_LIST:
		set_modern(&u, "tools/list", (struct span){ NULL, 0 });
		break;
	case ERRAND_INITIALIZED:
		set_legacy(&u, d);
		break;
	case ERRAND_INITIALIZE:
		break;
	case ERRAND_NONE:
		if (d->bridge.way == BRIDGE_TO_LEGACY)
			set_legacy(&u, d);
		if (d->bridge.way == BRIDGE_TO_MODERN)
			set_modern(&u, message(c)->method, message(c)->mirrored);
		set_marks(&u, c);
	}
	return headers_of(&u);
}

static void load(struct call *c, const char *body, size_t n)
{
	c->relay.transfer.body = body;
	c->relay.transfer.body_len = n;
	c->relay.transfer.headers = errand_headers(c);
}

static enum relay_verdict start(struct call *c, enum errand_kind kind)
{
	struct errand *d = &c->errand;
	struct span info = scan_path(message(c)->params, "_meta", "io.modelcontextprotocol/clientInfo", NULL);

	d->kind = kind;
	buf_clear(&d->body);
	switch (kind) {
	case ERRAND_DISCOVER:
		bridge_write_discover(&d->body);
		break;
	case ERRAND_INITIALIZE:
		bridge_write_initialize(&d->body, info, d->bridge.url);
		break;
	case ERRAND_INITIALIZED:
		bridge_write_initialized(&d->body);
		break;
	case ERRAND_LIST:
		bridge_write_list(&d->body, d->cursor, true);
		break;
	case ERRAND_NONE:
		break;
	}
	c->relay.keep_max = kind == ERRAND_LIST ? PAGE_BYTES : GREETING_BYTES;
	load(c, buf_text(&d->body), d->body.len);
	return RELAY_AGAIN;
}

/* ---- which era the upstream speaks */

static void recall_era(struct call *c)
{
	const struct known_key key = era_key(c);
	int64_t left;
	struct span era = known_get(c->mcp->known, &key, c->req->arena, &left);

	if (era.n)
		c->errand.upstream = *era.p == 'm' ? UPSTREAM_MODERN : UPSTREAM_LEGACY;
}

static void note_era(struct call *c, enum errand_era era)
{
	const struct known_key key = era_key(c);

	c->errand.upstream = era;
	if (era == UPSTREAM_MODERN || era == UPSTREAM_LEGACY)
		known_put(c->mcp->known, KNOWN_ERA, &key, c->route->operation_id, era == UPSTREAM_MODERN ? "m" : "l", 1, ERA_TTL_MS, 0);
}

static bool is_sound(const char *text, size_t n)
{
	const struct scan_limits limits = { .bytes = n, .depth = 128, .members = n < UINT32_MAX ? (unsigned)n : UINT32_MAX };

	return n && scan_check(text, n, &limits, NULL);
}

/* The result of an errand's answer, within TEXT; absent: it brought none. */
static struct span result_in(const struct call *c, const char *text, size_t n)
{
	if (c->relay.status >= 300 || !is_sound(text, n))
		return (struct span){ NULL, 0 };
	return bridge_result(scan_value(text, n));
}

/* The same in the call's memory. */
static struct span result_of(struct call *c, const char *text, size_t n)
{
	struct span result = result_in(c, text, n);

	if (result.p)
		result.p = arena_strndup(c->req->arena, result.p, result.n);
	return result;
}

static bool speaks_ours(struct span greeting)
{
	struct span list = scan_member(greeting, "supportedVersions"), one;
	size_t at = 0;

	while (scan_kind(list) == '[' && scan_next(list, &at, NULL, &one))
		for (size_t i = 0; era_modern_versions[i]; i++)
			if (scan_string_is(one, era_modern_versions[i]))
				return true;
	return false;
}

/* What is no refusal says nothing: rights that are missing, rates, outages. */
static bool says_era(int status)
{
	return status < 500 && status != 403 && status != 429 && status != 408;
}

static void discovered(struct call *c, const char *text, size_t n)
{
	struct span result = result_of(c, text, n);

	if (speaks_ours(result)) {
		c->errand.greeting = result;
		note_era(c, UPSTREAM_MODERN);
	} else {
		note_era(c, says_era(c->relay.status) ? UPSTREAM_LEGACY : UPSTREAM_SILENT);
	}
}

/* ---- sessions of modern clients */

/* What is kept of one: {"session":…,"version":…,"greeting":…}. */
static void recall_session(struct call *c)
{
	struct errand *d = &c->errand;
	const struct known_key key = session_key(c);
	int64_t left;
	struct span kept = { NULL, 0 };

	if (c->who) /* strangers share nothing: each call of theirs has a session of its own */
		kept = known_get(c->mcp->known, &key, c->req->arena, &left);
	if (!kept.n)
		return;
	d->has_session = true;
	d->session = scan_string(scan_member(kept, "session"), c->req->arena);
	d->bridge.version = scan_string(scan_member(kept, "version"), c->req->arena);
	d->greeting = scan_member(kept, "greeting");
}

static void keep_session(struct call *c)
{
	const struct errand *d = &c->errand;
	const struct known_key key = session_key(c);
	struct buf b;

	if (!c->who)
		return;
	buf_init(&b, 2 * (size_t)GREETING_BYTES);
	buf_str(&b, "{\"session\":");
	buf_json(&b, d->session);
	buf_str(&b, ",\"version\":");
	buf_json(&b, d->bridge.version);
	buf_str(&b, ",\"greeting\":");
	buf_add(&b, d->greeting.p, d->greeting.n);
	buf_char(&b, '}');
	if (!b.over)
		known_put(c->mcp->known, KNOWN_SESSION, &key, c->route->operation_id, buf_text(&b), b.len, SESSION_TTL_MS, 0);
	buf_release(&b);
}

static void forget_session(struct call *c)
{
	const struct known_key key = session_key(c);

	known_drop(c->mcp->known, &key);
	c->errand.has_session = false;
	c->errand.session = NULL;
}

static bool greeted(struct call *c, const char *text, size_t n, struct err *e)
{
	struct errand *d = &c->errand;
	struct span result = result_of(c, text, n);
	const char *version = scan_string(scan_member(result, "protocolVersion"), c->req->arena);

	if (!version || !era_is_supported(version) || era_is_modern(version))
		return err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream does not answer initialize",
		    "upstream '%s': status %d", c->upstream, c->relay.status);
	d->greeting = result;
	d->bridge.version = version;
	d->is_fresh = true;
	return true;
}

/* ---- the marks of a tool */

static void find_marks(struct call *c, struct span tools)
{
	struct span tool;
	size_t at = 0;

	c->errand.has_marks = true;
	while (scan_kind(tools) == '[' && scan_next(tools, &at, NULL, &tool))
		if (message(c)->capability_name && scan_string_is(scan_member(tool, "name"), message(c)->capability_name))
			c->errand.marks = param_marks(scan_member(tool, "inputSchema"), c->req->arena);
}

static void recall_marks(struct call *c)
{
	const struct known_key key = marks_key(c);
	int64_t left;
	struct span tools = known_get(c->mcp->known, &key, c->req->arena, &left);

	if (!tools.n)
		return;
	if (scan_kind(tools) == '[')
		find_marks(c, tools);
	else
		c->errand.pages = PAGES; /* there was no list a moment ago */
}

static void keep_marks(struct call *c, const char *text, size_t n, int64_t ttl_ms)
{
	const struct known_key key = marks_key(c);

	known_put(c->mcp->known, KNOWN_MARKS, &key, c->route->operation_id, text, n, ttl_ms, c->errand.changes);
}

static void add_tools(struct call *c, struct span result)
{
	struct errand *d = &c->errand;
	struct span tools = scan_member(result, "tools"), tool;
	struct arena *a = arena_new();
	size_t at = 0;

	while (scan_kind(tools) == '[' && scan_next(tools, &at, NULL, &tool)) {
		if (!param_marks(scan_member(tool, "inputSchema"), a))
			continue;
		buf_char(&d->tools, d->tools.len ? ',' : '[');
		buf_add(&d->tools, tool.p, tool.n);
	}
	arena_free(a);
}

/* A page of tools. Without a list, the client's headers go as they came. */
static void listed(struct call *c, const char *text, size_t n)
{
	struct errand *d = &c->errand;
	struct span result = result_in(c, text, n);
	bool is_list = scan_kind(scan_member(result, "tools")) == '[';

	if (is_list)
		add_tools(c, result);
	if (!is_list || d->tools.over) {
		d->pages = PAGES;
		keep_marks(c, "-", 1, NO_MARKS_TTL_MS);
		return;
	}
	d->cursor = scan_string(scan_member(result, "nextCursor"), c->req->arena);
	if (d->cursor && ++d->pages < PAGES)
		return;
	buf_str(&d->tools, d->tools.len ? "]" : "[]");
	keep_marks(c, buf_text(&d->tools), d->tools.len, MARKS_TTL_MS);
	find_marks(c, (struct span){ buf_text(&d->tools), d->tools.len });
}

/* NAME of a header as CGI leaves it: the program sees small letters, digits and hyphens alone. */
static bool is_same_header(const char *seen, const char *name)
{
	for (; *seen && *name; seen++, name++) {
		bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || (*name >= '0' && *name <= '9');

		if (*seen != (plain ? (char)(*name | (*name >= 'A' ? 0x20 : 0)) : '-'))
			return false;
	}
	return !*seen && !*name;
}

static const char *client_header(const struct call *c, const struct param_mark *m)
{
	const char *name = arena_printf(c->req->arena, PARAM_PREFIX "%s", m->header), *seen, *value;

	for (size_t i = 0; (seen = req_header_at(c->req, i, &value)); i++)
		if (is_same_header(seen, name))
			return value;
	return NULL;
}

/* What the client said of its arguments must be true: what stands behind us may decide by it (protocol 1.5). */
static bool check_marks(struct call *c)
{
	struct span arguments = scan_member(message(c)->params, "arguments");

	for (const struct param_mark *m = c->errand.marks; m; m = m->next) {
		const char *said = client_header(c, m);
		bool missing = !said && param_survives(m) && param_value(m, arguments, c->req->arena);

		if (!missing && (!said || param_agrees(m, arguments, said, c->req->arena)))
			continue;
		c->fault.id = message(c)->id;
		return rpc_fail(&c->fault, 400, RPC_HEADER_MISMATCH, "header_mismatch", "Header mismatch: " PARAM_PREFIX "%.64s %s",
		    m->header, missing ? "is missing" : "differs from the argument in the body");
	}
	return true;
}

/* ---- lists that are kept */

static bool is_list(const struct call *c)
{
	return is_method(c, "tools/list") || is_method(c, "prompts/list") || is_method(c, "resources/list") ||
	    is_method(c, "resources/templates/list");
}

/* Headers that may change what an upstream answers. */
static bool matters(const struct call *c, const char *name)
{
	static const char *const not[] = { "accept", "baggage", "content-type", "last-event-id", "traceparent", "tracestate", "user-agent" };

	for (size_t i = 0; i < sizeof(not) / sizeof(not[0]); i++)
		if (!strcasecmp(name, not[i]))
			return false;
	if (!strcasecmp(name, "authorization") && c->credential.connection_id)
		return false; /* who it stands for is in the key of what is private; renewals change it */
	return strncasecmp(name, "mcp-", 4) != 0;
}

/* What the answer to a list depends on, but for who asks. */
static const char *asked(const struct call *c)
{
	struct span params = message(c)->params, name, value;
	struct buf b;
	const char *text;
	size_t at = 0;

	buf_init(&b, 1 << 21);
	for (const struct upstream_header *h = c->upstream_request.headers; h; h = h->next)
		if (matters(c, h->name))
			buf_printf(&b, "%s: %s\n", h->name, h->value);
	while (params.p && scan_next(params, &at, &name, &value)) {
		if (scan_string_is(name, "inputResponses") || scan_string_is(name, "requestState")) {
			buf_release(&b);
			return NULL; /* protocol 1.6: such a retry is never kept */
		}
		if (scan_string_is(name, "_meta"))
			continue;
		buf_add(&b, name.p, name.n);
		buf_add(&b, value.p, value.n);
		buf_char(&b, '\n');
	}
	buf_add(&b, message(c)->capabilities.p ? message(c)->capabilities.p : "", message(c)->capabilities.n);
	text = b.over ? NULL : arena_strndup(c->req->arena, buf_text(&b), b.len);
	buf_release(&b);
	return text;
}

static bool may_keep(struct call *c)
{
	struct errand *d = &c->errand;
	const char *what;

	if (!c->route->cache_lists || c->era != ERA_MODERN || d->bridge.way || !c->body.requests || !is_list(c))
		return false;
	what = asked(c);
	if (!what)
		return false;
	d->shared = known_key(KNOWN_LIST, c->route->operation_id, c->relay.transfer.url, c->version, message(c)->method, what, NULL);
	d->own = known_key(KNOWN_LIST, c->route->operation_id, c->relay.transfer.url, c->version, message(c)->method, what, subject(c),
	    client(c), credential(c), NULL);
	d->changes = known_changes(c->mcp->known, c->route->operation_id);
	return true;
}

/* The list, as the answer to this request, with what is left of its time. */
static enum relay_verdict have_list(struct call *c, struct span result, int64_t left_ms, struct err *e)
{
	struct span ttl = scan_member(result, "ttlMs");
	enum relay_verdict verdict;
	struct buf b;

	buf_init(&b, result.n + message(c)->id.n + 128);
	buf_str(&b, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_add(&b, message(c)->id.p, message(c)->id.n);
	buf_str(&b, ",\"result\":");
	buf_add(&b, result.p, (size_t)(ttl.p - result.p));
	buf_printf(&b, "%" PRId64, left_ms);
	buf_add(&b, ttl.p + ttl.n, (size_t)(result.p + result.n - ttl.p - ttl.n));
	buf_char(&b, '}');
	verdict = have_buf(c, &b, e);
	buf_release(&b);
	return verdict;
}

static bool read_ttl(struct span s, int64_t *ms)
{
	char text[20];

	if (scan_kind(s) != '0' || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (strspn(text, "0123456789") != s.n)
		return false;
	*ms = strtoll(text, NULL, 10);
	*ms = *ms > LIST_TTL_MAX_MS ? LIST_TTL_MAX_MS : *ms;
	return *ms > 0;
}

static void keep_list(const struct call *c, const char *text, size_t n)
{
	const struct errand *d = &c->errand;
	struct span whole, result, scope, type;
	int64_t ttl;

	/* what repeats this caller's credential is masked for this caller alone */
	if (!is_sound(text, n) || mask_finds(c->upstream_request.secrets, text))
		return;
	whole = scan_value(text, n);
	result = scan_member(whole, "result");
	scope = scan_member(result, "cacheScope");
	type = scan_member(result, "resultType");
	if (scan_kind(result) != '{' || rpc_id_hash(scan_member(whole, "id")) != rpc_id_hash(message(c)->id) ||
	    (type.p && !scan_string_is(type, "complete")) || !read_ttl(scan_member(result, "ttlMs"), &ttl))
		return;
	if (scan_string_is(scope, "public"))
		known_put(c->mcp->known, KNOWN_LIST, &d->shared, c->route->operation_id, result.p, result.n, ttl, d->changes);
	else if (scan_string_is(scope, "private"))
		known_put(c->mcp->known, KNOWN_LIST, &d->own, c->route->operation_id, result.p, result.n, ttl, d->changes);
}

/* ---- the bridge */

static enum relay_verdict not_carried(struct call *c, const char *text, struct err *e)
{
	c->fault.id = (struct span){ NULL, 0 };
	rpc_fail(&c->fault, 400, RPC_INVALID_REQUEST, "not_bridged", "%s", text);
	return refuse(c, e);
}

static enum relay_verdict say_hello(struct call *c, struct err *e)
{
	struct errand *d = &c->errand;
	const struct session_place place = call_place(c);
	enum relay_verdict verdict;
	struct buf b;

	buf_init(&b, 2 * (size_t)GREETING_BYTES);
	bridge_hello(&d->bridge, d->greeting, message(c)->version, &b);
	if (d->bridge.way == BRIDGE_TO_MODERN) {
		c->session.bridged = true;
		resp_set(c->relay.resp, "Mcp-Session-Id", session_seal(&c->session, &place, c->ring, c->req->arena));
	}
	verdict = have_buf(c, &b, e);
	buf_release(&b);
	return verdict;
}

/* The call, in the upstream's language. */
static enum relay_verdict translate(struct call *c, struct err *e)
{
	struct errand *d = &c->errand;

	d->kind = ERRAND_NONE;
	buf_clear(&d->body);
	d->body.max = 2 * c->req->body_len + 4096;
	switch (bridge_up(&d->bridge, message(c), c->req->arena, &d->body, &c->fault)) {
	case BRIDGE_SEND:
		load(c, buf_text(&d->body), d->body.len);
		return RELAY_PASS;
	case BRIDGE_HELLO:
		return say_hello(c, e);
	case BRIDGE_ANSWER:
		return have_buf(c, &d->body, e);
	case BRIDGE_ACCEPT:
		return have(c, 202, (struct span){ NULL, 0 }, e);
	case BRIDGE_REFUSE:
		break;
	}
	return refuse(c, e);
}

static void begin_bridge(struct call *c, enum bridge_way way)
{
	struct session declared = { .version = "" };
	struct bridge *b = &c->errand.bridge;

	if (way == BRIDGE_TO_LEGACY)
		session_declare(&declared, message(c)->capabilities);
	else
		declared = c->session;
	*b = (struct bridge){ .way = way, .method = message(c)->method, .id = message(c)->id, .url = declared.elicitation_url,
		.logs = scan_path(message(c)->params, "_meta", "io.modelcontextprotocol/logLevel", NULL).p != NULL,
		.version = way == BRIDGE_TO_MODERN ? era_modern_versions[0] : era_legacy_versions[0] };
}

/* Which way the call's messages have to be carried. True: it is known. */
static bool choose_way(struct call *c)
{
	struct errand *d = &c->errand;

	if (d->bridge.way || !c->route->bridge)
		return true;
	if (c->session.bridged) {
		begin_bridge(c, BRIDGE_TO_MODERN);
		return true;
	}
	if (c->era != ERA_MODERN && !message(c)->is_initialize)
		return true;
	if (!d->upstream)
		recall_era(c);
	if (!d->upstream)
		return false;
	if (c->era == ERA_MODERN && d->upstream == UPSTREAM_LEGACY)
		begin_bridge(c, BRIDGE_TO_LEGACY);
	return true;
}

static enum relay_verdict next_to_legacy(struct call *c, struct err *e)
{
	struct errand *d = &c->errand;

	if (!d->has_session)
		recall_session(c);
	if (!d->has_session)
		return start(c, ERRAND_INITIALIZE);
	d->bridge.server = scan_member(d->greeting, "serverInfo");
	if (scan_kind(d->bridge.server) != '{')
		d->bridge.server = (struct span){ NULL, 0 };
	return translate(c, e);
}

/* ---- what comes next */

/* Whether the tool's marks are needed, and not there. */
static bool lacks_marks(struct call *c)
{
	struct errand *d = &c->errand;

	if (d->has_marks || d->pages >= PAGES || !is_method(c, "tools/call") || message(c)->kind != RPC_REQUEST ||
	    (c->era != ERA_MODERN && d->bridge.way != BRIDGE_TO_MODERN))
		return false;
	if (!d->pages && !d->cursor)
		recall_marks(c);
	return !d->has_marks && d->pages < PAGES;
}

static enum relay_verdict next(struct call *c, struct err *e)
{
	struct errand *d = &c->errand;
	struct span list;
	int64_t left;

	if (!c->body.n)
		return RELAY_PASS;
	if (c->body.batch)
		return c->session.bridged ? not_carried(c, "batches cannot be carried to this server, which has none", e) : RELAY_PASS;
	if (!choose_way(c))
		return start(c, ERRAND_DISCOVER);
	if (d->bridge.way == BRIDGE_TO_LEGACY)
		return next_to_legacy(c, e);
	if (lacks_marks(c)) {
		d->changes = known_changes(c->mcp->known, c->route->operation_id);
		return start(c, ERRAND_LIST);
	}
	if (d->bridge.way == BRIDGE_TO_MODERN)
		return translate(c, e);
	if (d->has_marks && !c->rewritten && !check_marks(c))
		return refuse(c, e);
	d->keeps = may_keep(c);
	if (d->keeps) {
		list = known_get(c->mcp->known, &d->own, c->req->arena, &left);
		if (!list.n)
			list = known_get(c->mcp->known, &d->shared, c->req->arena, &left);
		if (list.n)
			return have_list(c, list, left, e);
	}
	if (d->kind || d->has_marks) {
		d->kind = ERRAND_NONE;
		load(c, c->req->body, c->req->body_len);
	}
	return RELAY_PASS;
}

enum relay_verdict errand_begin(struct call *c, struct err *e)
{
	c->errand.begun = true;
	if (c->era == ERA_LEGACY && !c->route->bridge)
		return RELAY_PASS;
	buf_init(&c->errand.body, 65536);
	buf_init(&c->errand.tools, MARKS_BYTES);
	arena_defer(c->req->arena, release, &c->errand.body);
	arena_defer(c->req->arena, release, &c->errand.tools);
	return next(c, e);
}

/* ---- what comes back */

/* A legacy-only upstream that fails where a modern one answers: its client is told in the words that let it fall back (protocol 1.13). */
static enum relay_verdict fall_back(struct call *c, bool legacy, struct err *e)
{
	if (!legacy) {
		err_reason(e, ERR_UPSTREAM, "upstream_status", "the upstream failed", "upstream '%s'", c->upstream);
		return RELAY_REFUSE;
	}
	c->fault.id = message(c)->id;
	c->fault.data = era_supported_json(era_legacy_versions, c->version, c->req->arena);
	rpc_fail(&c->fault, 400, RPC_UNSUPPORTED_VERSION, "unsupported_version", "Unsupported protocol version");
	return refuse(c, e);
}

enum relay_verdict errand_head(struct call *c, const struct head *head, struct err *e)
{
	struct errand *d = &c->errand;
	const char *id = head_get(head, "mcp-session-id");
	bool refused = head->status >= 400 && says_era(head->status);

	if (d->kind == ERRAND_INITIALIZE && id && session_id_is_good(id))
		d->session = arena_strdup(c->req->arena, id);
	if (d->kind)
		return RELAY_READ;
	if (d->bridge.way == BRIDGE_TO_LEGACY && !d->is_fresh && d->session && (head->status == 404 || head->status == 400)) {
		forget_session(c);
		if (head->status == 404) /* nobody has executed it */
			return start(c, ERRAND_INITIALIZE);
	}
	if (d->bridge.way || !c->body.n)
		return RELAY_PASS;
	if (c->route->bridge && message(c)->is_initialize && refused && d->upstream == UPSTREAM_MODERN) {
		begin_bridge(c, BRIDGE_TO_MODERN);
		return d->greeting.p ? say_hello(c, e) : start(c, ERRAND_DISCOVER);
	}
	if (is_method(c, "server/discover") && c->era == ERA_MODERN && head->status >= 500 && (head->status < 502 || head->status > 504)) {
		d->probing = true;
		return start(c, ERRAND_INITIALIZE);
	}
	return RELAY_PASS;
}

bool errand_awaited(struct relay_call *rc, const char *data, size_t n)
{
	struct span whole;

	(void)rc;
	if (!is_sound(data, n))
		return false;
	whole = scan_value(data, n);
	return scan_string_is(scan_member(whole, "id"), BRIDGE_ID) && !scan_member(whole, "method").p;
}

static enum relay_verdict initialized(struct call *c, const char *text, size_t n, struct err *e)
{
	struct errand *d = &c->errand;
	struct err why = { .code = ERR_NONE };
	const struct known_key key = era_key(c);

	if (d->probing)
		return fall_back(c, greeted(c, text, n, &why), e);
	if (greeted(c, text, n, e))
		return start(c, ERRAND_INITIALIZED);
	known_drop(c->mcp->known, &key); /* it may be of another era by now */
	return RELAY_REFUSE;
}

enum relay_verdict errand_done(struct relay_call *rc, const char *text, size_t n, struct err *e)
{
	struct call *c = (struct call *)rc;
	struct errand *d = &c->errand;

	switch (d->kind) {
	case ERRAND_DISCOVER:
		discovered(c, text, n);
		if (d->bridge.way && d->upstream != UPSTREAM_MODERN) { /* initialize was refused, and now this */
			err_reason(e, ERR_UPSTREAM, "upstream_status", "the upstream speaks no revision of this client's", "upstream '%s'", c->upstream);
			return RELAY_REFUSE;
		}
		return d->bridge.way ? say_hello(c, e) : next(c, e);
	case ERRAND_INITIALIZE:
		return initialized(c, text, n, e);
	case ERRAND_INITIALIZED:
		d->has_session = true;
		keep_session(c);
		return next(c, e);
	case ERRAND_LIST:
		listed(c, text, n);
		return next(c, e);
	case ERRAND_NONE:
		break;
	}
	abort(); /* the relay reads no other transfer so */
}

bool errand_reads(const struct call *c)
{
	return c->errand.bridge.way || c->errand.keeps;
}

bool errand_read(struct call *c, struct buf *text, struct err *e)
{
	struct errand *d = &c->errand;
	struct arena *a;
	struct buf out;
	int status;
	bool ok = true;

	if (d->keeps)
		keep_list(c, buf_text(text), text->len);
	if (!d->bridge.way)
		return true;
	a = arena_new();
	buf_init(&out, 2 * text->len + 65536);
	if (!d->over)
		ok = bridge_down(&d->bridge, a, buf_text(text), text->len, &out, &status, &d->over, e);
	if (ok && !d->over && status)
		d->status = status;
	buf_release(text);
	*text = out;
	arena_free(a);
	return ok;
}

void errand_refused(struct call *c)
{
	const struct known_key key = marks_key(c);

	if (c->errand.has_marks)
		known_drop(c->mcp->known, &key);
}
