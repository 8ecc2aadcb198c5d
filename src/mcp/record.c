/* SPDX-License-Identifier: Apache-2.0 */
/* What became of each message, from the answer as it passed and from how the call ended. */
#include "config.h"

#include "mcp/record.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "rpc/trace.h"
#include "mcp/chain.h"
#include "mcp/contents.h"
#include "mcp/marks.h"
#include "mcp/tracing.h"

#include <string.h>

/* How one message ended. */
struct verdict {
	const char *outcome, *origin, *reason;
	int64_t code; /* JSON-RPC; 0: none */
};

static void on_answer(void *own, const struct rpc_answer *answer)
{
	struct call *c = own;

	if (answer->error_code == RPC_HEADER_MISMATCH)
		marks_forget(c);
	if (!answer->id) /* a response to a batch may have an error without an id: it answers nobody in particular */
		return;
	for (size_t i = 0; i < c->body.n; i++)
		if (c->ids[i] == answer->id && !c->answers[i].id) {
			c->answers[i] = *answer;
			return;
		}
}

static void on_changed(void *own)
{
	const struct call *c = own;

	known_changed(c->mcp->known, c->route->operation_id);
}

enum {
	TOOLS_MAX = 500,      /* of an answer */
	TOLD_MS = 60 * 60000 /* then the same list is recorded again */
};

static void on_tool(void *own, const struct rpc_tool *tool)
{
	struct call *c = own;
	struct arena *a = c->req->arena;

	if (!c->tools)
		c->tools = arena_calloc(a, TOOLS_MAX, sizeof(*c->tools));
	if (c->tools_n < TOOLS_MAX)
		c->tools[c->tools_n++] = (struct event_tool){ arena_strdup(a, tool->name), (int64_t)tool->tokens, tool->does };
}

static bool asks_for_tools(const struct call *c)
{
	for (size_t i = 0; i < c->body.n; i++)
		if (c->body.msgs[i].kind == RPC_REQUEST && !strcmp(c->body.msgs[i].method, "tools/list"))
			return true;
	return false;
}

/* The tools that the client was told of, unless the same were recorded within the hour. */
static void record_tools(struct call *c)
{
	const char *route = c->route->operation_id;
	struct known_key key;
	struct buf all;
	int64_t left;

	if (!c->tools_n || c->scan.outcome.malformed)
		return;
	buf_init(&all, TOOLS_MAX * (RPC_TOOL_NAME_MAX + INT_TEXT + 8));
	for (size_t i = 0; i < c->tools_n; i++)
		buf_printf(&all, "%s\n%lld %s\n", c->tools[i].name, (long long)c->tools[i].tokens, c->tools[i].does ? c->tools[i].does : "");
	key = known_key(KNOWN_TOLD, route, buf_text(&all), NULL);
	buf_release(&all);
	if (!known_get(c->mcp->known, &key, c->req->arena, &left).p && event_listed(route, c->tools, c->tools_n))
		known_put(c->mcp->known, KNOWN_TOLD, &key, route, "", 1, TOLD_MS, 0);
}

/* Ids may be long, and answers many: each id is hashed once, not for every answer that an upstream makes up. */
void record_begin(struct call *c, bool is_stream)
{
	c->answers = arena_calloc(c->req->arena, c->body.n, sizeof(*c->answers));
	c->ids = arena_calloc(c->req->arena, c->body.n, sizeof(*c->ids));
	for (size_t i = 0; i < c->body.n; i++)
		if (c->body.msgs[i].kind == RPC_REQUEST)
			c->ids[i] = rpc_id_hash(c->body.msgs[i].id);
	rpc_scan_init(&c->scan, (struct span){ NULL, 0 }, is_stream);
	c->scan.on_answer = on_answer;
	c->scan.on_changed = c->route->cache_lists || c->era == ERA_MODERN ? on_changed : NULL;
	c->scan.on_tool = asks_for_tools(c) ? on_tool : NULL;
	c->tools_n = 0;
	c->scan.own = c;
	contents_begin(c);
}

void record_feed(struct call *c, const char *p, size_t n)
{
	if ((c->body.n || c->scan.on_changed) && n)
		rpc_scan_feed(&c->scan, p, n);
	if (n)
		contents_feed(c, p, n);
}

bool record_repeat(const struct call *c, struct repeat *what)
{
	*what = (struct repeat){ c->scan.outcome, c->answers[0] };
	return what->outcome.messages == 1 && !what->outcome.malformed && !what->outcome.error && what->answer.id;
}

void record_repeated(struct call *c, const struct repeat *what)
{
	c->scan.outcome = what->outcome;
	c->answers[0] = what->answer;
	c->answers[0].id = c->ids[0];
}

static struct verdict verdict_of_err(const struct err *e)
{
	struct verdict v = { "failure", "gateway", err_reason_of(e), 0 };

	if (!strcmp(v.reason, "cancelled"))
		return (struct verdict){ "cancelled", "client", v.reason, 0 };
	if (!strcmp(v.reason, "connect_required"))
		return (struct verdict){ "connect_required", NULL, v.reason, RPC_URL_ELICITATION_REQUIRED };
	switch (e->code) {
	case ERR_UPSTREAM:
	case ERR_UPSTREAM_TIMEOUT:
		v.origin = "upstream";
		v.code = RPC_INTERNAL_ERROR;
		break;
	case ERR_INVALID_TOKEN:
	case ERR_INSUFFICIENT_SCOPE:
	case ERR_FORBIDDEN:
	case ERR_ACCESS_DENIED:
		v.outcome = "denied";
		v.origin = "client";
		break;
	default:
		if (err_status(e->code) < 500)
			v.origin = "client";
	}
	return v;
}

/* Message I of an answer that was passed on to its end. */
static struct verdict verdict_of_answer(const struct call *c, size_t i)
{
	const struct rpc_answer *answer = c->answers && i < c->body.n ? &c->answers[i] : NULL;
	bool wanted = i < c->body.n && c->body.msgs[i].kind == RPC_REQUEST;

	if (c->relay.status >= 400)
		return (struct verdict){ "failure", "upstream", "upstream_status", answer ? answer->error_code : 0 };
	if (!wanted || c->relay.status >= 300)
		return (struct verdict){ .outcome = "success" };
	if (answer && answer->id && (answer->error || answer->is_error))
		return (struct verdict){ "application_error", "upstream",
			answer->error ? "jsonrpc_error" : "tool_error", answer->error_code };
	if (answer && answer->id)
		return (struct verdict){ .outcome = "success" };
	return (struct verdict){ "failure", "upstream",
		c->scan.outcome.malformed ? "upstream_malformed" : "upstream_closed", 0 };
}

static struct verdict verdict_of(const struct call *c, size_t i, enum relay_end end, const struct err *e)
{
	bool answered = c->answers && i < c->body.n && c->answers[i].id;

	if (end == RELAY_END_CANCELLED && !answered)
		return (struct verdict){ "cancelled", "client", "client_closed", 0 };
	if (e->code)
		return verdict_of_err(e);
	if (end == RELAY_END_STOPPED && !answered)
		return (struct verdict){ "cancelled", "gateway", "stream_ended", 0 };
	if (end == RELAY_END_BROKEN && !answered)
		return (struct verdict){ "failure", "upstream", "upstream_closed", 0 };
	return verdict_of_answer(c, i);
}

/* A policy has refused: the call before it left, or what came back. */
static struct verdict verdict_of_refusal(const struct call *c, bool came_back)
{
	return (struct verdict){ "denied", came_back ? "upstream" : "client",
		c->fault.reason ? c->fault.reason : "access_denied", c->fault.code };
}

/* What all messages of the call share. */
static void fill_common(const struct call *c, struct event *e, int status)
{
	e->family = EVENT_CALL;
	e->operation_id = c->route->operation_id;
	e->upstream_id = c->upstream;
	if (c->route->exchange) {
		e->upstream_auth_mode = c->route->exchange->auth_mode;
		e->auth_profile_id = arena_printf(c->req->arena, "%s:%s", c->upstream, e->upstream_auth_mode);
	}
	if (c->who) {
		e->subject_id = c->who->subject;
		e->client_id = c->who->client_id;
		e->client_name = c->who->client_name;
		e->grant_id = c->who->grant_id;
	}
	e->transport = c->relay.is_stream ? "sse" : "json";
	e->mcp_status = status;
	e->protocol_version = c->version;
	e->upstream_us = c->relay.upstream_us;
	e->latency_us = clock_us() - c->req->start_us;
	e->gateway_us = e->latency_us - e->upstream_us;
	e->time_us = clock_wall_us() - e->latency_us;
}

static const char *digest(const struct call *c)
{
	unsigned char hash[HASH_LEN];
	char *text;

	if (!c->session.upstream_id)
		return NULL;
	text = arena_alloc(c->req->arena, 33);
	hash_sha256(hash, c->session.upstream_id, strlen(c->session.upstream_id));
	hex_encode(text, hash, 16);
	return text;
}

/* The policies learn how it ended, from what is the first event's. */
static void tell_policies(struct call *c, const struct event *e, const struct verdict *v)
{
	const struct policy_over over = { .status = e->mcp_status, .outcome = v->outcome, .reason = v->reason,
		.bytes_out = c->relay.bytes_out };

	chain_over(c, &over);
}

static void fill_trace(struct call *c, struct event *e, size_t i, const struct rpc_msg *m)
{
	const struct call_trace *t = tracing_of(c, i);

	e->id = *t->id ? t->id : NULL;
	e->trace_parent = t->parent;
	e->trace_link = t->link;
	e->rpc_id = m && m->id.p ? trace_rpc_id(c->req->arena, m->id) : NULL;
	e->server_address = c->route->upstream.host;
	e->server_port = c->route->upstream.port;
}

static void emit(struct call *c, struct event *e, size_t i, const struct verdict *v)
{
	const struct rpc_msg *m = i < c->body.n ? &c->body.msgs[i] : NULL;

	fill_trace(c, e, i, m);
	e->tokens_in = 0;
	if (m) {
		e->mcp_method = m->method;
		e->capability_type = m->capability_type;
		e->capability_name = m->capability_name;
		if (m->capability_name && !strcmp(m->capability_type, "resource"))
			e->capability_name = trace_resource(c->req->arena, m->capability_name);
		if (m->version && !c->version)
			e->protocol_version = m->version;
	}
	if (m && m->arguments.p) /* what a model wrote to make the call */
		e->tokens_in = (int64_t)token_estimate(m->arguments.p, m->arguments.n);
	e->arguments = contents_arguments(c, i);
	e->result = contents_result(c, i);
	e->tokens_out = c->answers && i < c->body.n ? (int64_t)c->answers[i].tokens : 0;
	e->bytes_in = m ? (int64_t)m->whole.n : (int64_t)c->req->body_len;
	e->bytes_out = i == 0 ? (int64_t)c->relay.bytes_out : 0; /* a batch is answered at once */
	e->outcome = v->outcome;
	e->failure_origin = v->origin;
	e->reason_code = v->reason;
	e->error_type = v->reason;
	e->jsonrpc_error_code = v->code;
	/* what a client does wrong is no error of ours: SDK clients ask for a listening stream once per session (405) */
	e->severity = v->outcome[0] == 'f' && strcmp(v->origin, "client") ? EVENT_ERROR : EVENT_INFO;
	event_emit(e);
}

void record_call(struct call *c, enum relay_end end, const struct err *err)
{
	struct event e = c->req->event;
	size_t n = c->body.n ? c->body.n : 1;

	if (c->answers && c->body.n)
		rpc_scan_end(&c->scan);
	contents_end(c);
	record_tools(c);
	fill_common(c, &e, c->relay.resp->status);
	e.session_digest = digest(c);
	e.cause = err->code ? err : NULL;
	for (size_t i = 0; i < n; i++) {
		struct verdict v = c->refused ? verdict_of_refusal(c, true) : verdict_of(c, i, end, err);

		if (!i)
			tell_policies(c, &e, &v);
		emit(c, &e, i, &v);
	}
}

void record_refusal(struct call *c, int status, const struct err *err)
{
	struct event e = c->req->event;
	struct verdict v = verdict_of_err(err);
	size_t n = c->body.n ? c->body.n : 1;

	fill_common(c, &e, status);
	e.cause = err;
	if (c->fault.code) {
		v.code = c->fault.code;
		v.reason = c->fault.reason ? c->fault.reason : v.reason;
	}
	if (c->refused)
		v = verdict_of_refusal(c, false);
	tell_policies(c, &e, &v);
	for (size_t i = 0; i < n; i++)
		emit(c, &e, i, &v);
}
