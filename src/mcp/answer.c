/* SPDX-License-Identifier: Apache-2.0 */
/* Challenges and errors of an MCP route. */
#include "config.h"

#include "mcp/answer.h"

#include "mcp/cors.h"
#include "oauth/metadata.h"
#include "oauth/scope.h"
#include "upstream/ticket.h"

#include <string.h>

/*
 * The order of the parameters matters: clients look for the first `scope=` or `error=` anywhere in
 * the header (protocol 2.1.4), so nothing that could hold these letters comes before them.
 */
static const char *challenge(const struct call *c, const struct err *e)
{
	struct arena *a = c->req->arena;
	const char *metadata = route_metadata_url(a, c->req->origin, c->route);

	if (e->code == ERR_INSUFFICIENT_SCOPE)
		return arena_printf(a,
		    "Bearer error=\"insufficient_scope\", scope=\"" SCOPE_ALL
		    "\", resource_metadata=\"%s\", error_description=\"%s\"",
		    metadata, e->text);
	/* who sent no token at all has made no error (RFC 6750, 3.1) */
	if (!strcmp(err_reason_of(e), "missing_token"))
		return arena_printf(
		    a, "Bearer realm=\"OAuth\", resource_metadata=\"%s\", scope=\"" SCOPE_ALL "\"", metadata);
	return arena_printf(a,
	    "Bearer realm=\"OAuth\", resource_metadata=\"%s\", scope=\"" SCOPE_ALL
	    "\", error=\"%s\", error_description=\"%s\"",
	    metadata, err_name(e->code), e->text);
}

static bool is_about_token(const struct err *e)
{
	return e->code == ERR_INVALID_TOKEN || e->code == ERR_INSUFFICIENT_SCOPE ||
	    (e->code == ERR_INVALID_REQUEST && !strcmp(err_reason_of(e), "malformed_token"));
}

static bool answer_challenge(const struct call *c, struct resp *p, const struct err *e)
{
	struct json_object *doc = json_new_object(p->arena);

	resp_set(p, "WWW-Authenticate", challenge(c, e));
	json_add_string(doc, "error", err_name(e->code));
	json_add_string(doc, "error_description", e->text);
	return resp_json(p, err_status(e->code), doc);
}

static bool answer_rpc(struct resp *p, int status)
{
	p->status = status;
	resp_set(p, "Content-Type", "application/json");
	return true;
}

/* ---- connect-required (product: MCP route) */

/* How one request is told that its user has to go to a browser first. */
struct told {
	const char *message, *url; /* "": there is no page for users */
	const char *data;          /* JSON */
};

static void write_result(struct buf *b, struct span id, const char *result)
{
	buf_str(b, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_add(b, id.p, id.n);
	buf_printf(b, ",\"result\":%s}", result);
}

/* For clients that open no pages themselves: in the tool's place, words that a person reads. */
static const char *tool_result(const struct call *c, const struct told *t)
{
	struct json_object *result = json_new_object(c->req->arena), *content = json_new_array(c->req->arena),
			   *item = json_new_object(c->req->arena);

	json_add_string(item, "type", "text");
	json_add_string(item, "text", *t->url ? arena_printf(c->req->arena, "%s %s", t->message, t->url) : t->message);
	json_add(content, NULL, item);
	json_add(result, "content", content);
	json_add_bool(result, "isError", true);
	if (c->era == ERA_MODERN)
		json_add_string(result, "resultType", "complete");
	return json_text(c->req->arena, result);
}

/* Protocol 1.8, 1.9: what the modern era has in place of -32042. */
static const char *input_result(const struct call *c, const struct told *t)
{
	struct json_object *result = json_new_object(c->req->arena), *requests = json_new_object(c->req->arena),
			   *one = json_new_object(c->req->arena), *params = json_new_object(c->req->arena);

	json_add_string(params, "mode", "url");
	json_add_string(params, "message", t->message);
	json_add_string(params, "url", t->url);
	json_add_string(one, "method", "elicitation/create");
	json_add(one, "params", params);
	json_add(requests, "connect", one);
	json_add_string(result, "resultType", "input_required");
	json_add(result, "inputRequests", requests);
	return json_text(c->req->arena, result);
}

static void tell_modern(const struct call *c, struct buf *b, const struct rpc_msg *m, const struct told *t)
{
	bool tool = !strcmp(m->method, "tools/call");
	bool asks = tool || !strcmp(m->method, "prompts/get") || !strcmp(m->method, "resources/read");
	struct session client = { .version = "" };

	session_declare(&client, m->capabilities);
	if (asks && client.elicitation_url && *t->url)
		write_result(b, m->id, input_result(c, t));
	else if (tool)
		write_result(b, m->id, tool_result(c, t));
	else
		rpc_error(b, m->id, RPC_CONNECT_REQUIRED, t->message, t->data);
}

static void tell(const struct call *c, struct buf *b, const struct rpc_msg *m, const struct told *t)
{
	if (c->era == ERA_MODERN)
		tell_modern(c, b, m, t);
	else if (c->session_id && !c->session.elicitation_url && !strcmp(m->method, "tools/call"))
		write_result(b, m->id, tool_result(c, t));
	else
		rpc_error(b, m->id, RPC_URL_ELICITATION_REQUIRED, t->message, t->data);
}

static struct told told_of(const struct call *c)
{
	const struct upstream up = { .arena = c->req->arena, .project = c->req->project, .route = c->route,
		.conf = c->route->exchange, .origin = c->req->origin };
	struct told t = { .message = required_message(&up, c->required), .url = "" };

	/* the shared connection is an administrator's: users are sent nowhere */
	if (up.conf->mode != EXCHANGE_SHARED)
		t.url = required_url(&up,
		    ticket_make(c->ring, up.arena, up.conf->id, c->route->operation_id, c->who->subject, NULL));
	t.data = json_text(up.arena, required_data(&up, c->required, t.url));
	return t;
}

/* False if no message of the body wants an answer. */
static bool answer_required(const struct call *c, struct resp *p)
{
	const struct told t = told_of(c);
	const char *join = c->body.batch ? "[" : "";

	if (!c->body.requests)
		return false;
	for (size_t i = 0; i < c->body.n; i++) {
		if (c->body.msgs[i].kind != RPC_REQUEST)
			continue;
		buf_str(&p->body, join);
		tell(c, &p->body, &c->body.msgs[i], &t);
		join = ",";
	}
	if (c->body.batch)
		buf_char(&p->body, ']');
	resp_set(p, "Cache-Control", "no-store");
	return answer_rpc(p, 200);
}

bool answer_error(const struct call *c, struct resp *p, const struct err *e)
{
	int code = e->code == ERR_NOT_FOUND ? RPC_SESSION_NOT_FOUND : RPC_INTERNAL_ERROR;

	cors_set(c->req, p, c->route);
	buf_clear(&p->body);
	if (!strcmp(err_reason_of(e), "cancelled")) { /* nobody waits for an answer, and there shall be none */
		p->status = 202;
		return true;
	}
	if (is_about_token(e))
		return answer_challenge(c, p, e);
	if (c->required)
		return answer_required(c, p);
	if (c->retry_after_s)
		resp_set(p, "Retry-After", arena_printf(p->arena, "%d", c->retry_after_s));
	/* a policy's refusal tells every request; other faults are about one message, or the whole of a batch */
	if (c->refused && rpc_error_all(&p->body, &c->body, c->fault.code, c->fault.text, c->fault.data))
		return answer_rpc(p, c->fault.status);
	if (c->fault.code) {
		rpc_fault_write(&p->body, &c->fault);
		return answer_rpc(p, c->fault.status);
	}
	if (e->code == ERR_UNAVAILABLE)
		resp_set(p, "Retry-After", "2");
	return c->body.n && rpc_error_all(&p->body, &c->body, code, e->text, NULL) &&
	    answer_rpc(p, err_status(e->code));
}
