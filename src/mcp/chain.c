/* SPDX-License-Identifier: Apache-2.0 */
/* The policies' turns, and what they may know and do. */
#include "config.h"

#include "mcp/chain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What a policy may add to a client's message, beside its own length: arguments that are pinned, say. */
enum { GROWTH_BYTES = 65536 };

struct policy_response {
	struct resp *resp;
};

/* ---- what policies may know */

struct req *call_req(const struct call *c)
{
	return c->req;
}

const struct bearer *call_bearer(const struct call *c)
{
	return c->who;
}

const struct rpc_body *call_body(const struct call *c)
{
	return &c->body;
}

const struct mcp_route *call_route(const struct call *c)
{
	return c->route;
}

enum era call_era(const struct call *c)
{
	return c->era;
}

const char *call_claims(const struct call *c)
{
	return c->who ? c->who->claims : NULL;
}

const struct policy_use *chain_use(const struct mcp_route *route, size_t i)
{
	const struct policy_use *const *const lists[] = { route->inbound, route->outbound };

	for (size_t l = 0; l < 2; l++)
		for (const struct policy_use *const *use = lists[l]; use && *use; use++)
			if (!i--)
				return *use;
	return NULL;
}

static size_t uses(const struct mcp_route *route)
{
	size_t n = 0;

	while (chain_use(route, n))
		n++;
	return n;
}

/* Calls without a row of states are those of tests that run a hook by itself. */
void **policy_state(struct call *c, const struct policy_use *use)
{
	for (size_t i = 0; c->states && i < uses(c->route); i++)
		if (chain_use(c->route, i) == use)
			return &c->states[i];
	return &c->no_state;
}

struct chain_wants chain_wants(const struct mcp_route *route)
{
	struct chain_wants wants = { .reading = POLICY_READS_NOTHING, .steady = true };
	const struct policy_use *use;

	for (size_t i = 0; (use = chain_use(route, i)); i++) {
		const struct policy *policy = policy_of(use);
		enum policy_reading reading = !policy->on_message ? POLICY_READS_NOTHING :
		    policy->reads                             ? policy->reads(use) :
		                                                POLICY_READS_LISTS;

		if (reading > wants.reading)
			wants.reading = reading;
		if (reading && policy->pace > wants.pace)
			wants.pace = policy->pace;
		if (reading && !(policy->is_steady && policy->is_steady(use)))
			wants.steady = false;
	}
	return wants;
}

/* ---- refusals */

enum policy_answer policy_refuse(struct call *c, struct err *e, const struct policy_refusal *how, const char *fmt, ...)
{
	char text[sizeof(c->fault.text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_reason(e, ERR_ACCESS_DENIED, how->reason, "a policy refused the call", "%s", text);
	c->fault = (struct rpc_fault){ .status = 0 };
	rpc_fail(&c->fault, how->status, how->rpc_code, how->reason, "%s", text);
	c->refused = true;
	c->retry_after_s = how->retry_after_s;
	return POLICY_DENY;
}

/* A hook did not pass. False. M is the message it spoke of, NULL: all of them. */
static bool refuse(struct call *c, const struct policy_use *use, enum policy_answer answer, const struct rpc_msg *m,
    struct err *e)
{
	if (c->refused)
		return false;
	if (answer == POLICY_DENY && m) {
		c->fault.id = m->id;
		rpc_fail(&c->fault, c->era == ERA_MODERN ? 404 : 200, RPC_METHOD_NOT_FOUND, err_reason_of(e), "%s", e->text);
	}
	return err_set(e, answer == POLICY_DENY ? ERR_ACCESS_DENIED : ERR_INTERNAL, "a policy refused the call",
	    "policy '%s'", use->name);
}

/* ---- the way up */

typedef enum policy_answer on_msg(const struct policy_use *, struct call *, const struct rpc_msg *, struct err *);

/* HOOK NULL: no opinion. */
static bool check_messages(struct call *c, const struct policy_use *use, on_msg *hook, struct err *e)
{
	for (size_t i = 0; hook && i < c->body.n; i++) {
		enum policy_answer answer = hook(use, c, &c->body.msgs[i], e);

		if (answer != POLICY_PASS)
			return refuse(c, use, answer, &c->body.msgs[i], e);
	}
	return true;
}

/* Whoever changes a message must not make another kind of it: its answer would find nobody. */
static bool is_same_talk(const struct rpc_body *was, const struct rpc_body *is)
{
	if (was->n != is->n || was->batch != is->batch)
		return false;
	for (size_t i = 0; i < was->n; i++) {
		const struct rpc_msg *a = &was->msgs[i], *b = &is->msgs[i];

		if (a->kind != b->kind || a->modern != b->modern || a->is_initialize != b->is_initialize ||
		    a->id.n != b->id.n || (a->id.n && memcmp(a->id.p, b->id.p, a->id.n) != 0))
			return false;
	}
	return true;
}

/* The headers that repeat the body say what it says now. */
static void repeat_in_headers(struct call *c)
{
	const struct rpc_msg *m = &c->body.msgs[0];
	struct arena *a = c->req->arena;
	const char *name = !m->mirrored.p ? NULL : m->capability_name ? m->capability_name : scan_string(m->mirrored, a);

	if (upstream_header_get(&c->upstream_request, "mcp-method") && m->method)
		upstream_header_set(&c->upstream_request, "mcp-method", era_header_value(m->method, a), true);
	if (upstream_header_get(&c->upstream_request, "mcp-name") && name)
		upstream_header_set(&c->upstream_request, "mcp-name", era_header_value(name, a), true);
}

static bool take_body(struct call *c, const struct policy_use *use, const struct buf *text, struct err *e)
{
	struct req *r = c->req;
	struct scan_limits limits = scan_limits_of(text->max);
	struct rpc_fault fault;
	struct rpc_body body;
	char *copy = arena_strndup(r->arena, text->data, text->len);

	limits.depth = r->project->limits.json_depth;
	if (!rpc_read(&body, r->arena, copy, text->len, &limits, &fault) || !is_same_talk(&c->body, &body))
		return err_set(e, ERR_INTERNAL, "a policy spoiled the call", "policy '%s'", use->name);
	r->body = copy;
	r->body_len = text->len;
	c->body = body;
	c->rewritten = true;
	if (!policy_of(use)->does_params) /* they tell of what the client said; marks.c adds those of what goes up */
		upstream_headers_drop(&c->upstream_request, PARAM_PREFIX);
	if (!body.batch)
		repeat_in_headers(c);
	return true;
}

static bool change_body(struct call *c, const struct policy_use *use, const struct policy *policy, struct err *e)
{
	struct arena *a;
	struct buf text;
	enum policy_answer answer;
	bool ok = true;

	if (!policy->on_body || !c->body.n)
		return true;
	a = arena_new();
	buf_init(&text, 2 * c->req->body_len + GROWTH_BYTES);
	answer = policy->on_body(use, c, a, c->req->body, c->req->body_len, &text, e);
	if (answer != POLICY_PASS)
		ok = refuse(c, use, answer, NULL, e);
	else if (text.over)
		ok = err_set(e, ERR_INTERNAL, "a policy spoiled the call", "policy '%s': over %zu bytes", use->name,
		    text.max);
	else if (text.len)
		ok = take_body(c, use, &text, e);
	buf_release(&text);
	arena_free(a);
	return ok;
}

static bool change_request(struct call *c, const struct policy_use *use, const struct policy *policy, struct err *e)
{
	enum policy_answer answer =
	    policy->on_request ? policy->on_request(use, c, &c->upstream_request, e) : POLICY_PASS;

	return answer == POLICY_PASS || refuse(c, use, answer, NULL, e);
}

bool chain_up(struct call *c, struct err *e)
{
	size_t n = uses(c->route);

	c->states = arena_calloc(c->req->arena, n ? n : 1, sizeof(*c->states));
	for (const struct policy_use *const *use = c->route->inbound; use && *use; use++) {
		const struct policy *policy = policy_of(*use);

		if (!change_request(c, *use, policy, e) || !check_messages(c, *use, policy->on_call, e) ||
		    !change_body(c, *use, policy, e))
			return false;
	}
	for (const struct policy_use *const *use = c->route->inbound; use && *use; use++)
		if (!check_messages(c, *use, policy_of(*use)->on_sent, e))
			return false;
	return true;
}

/* ---- the way back */

int policy_response_status(const struct policy_response *p)
{
	return p->resp->status;
}

const char *policy_response_get(const struct policy_response *p, const char *name)
{
	return resp_get(p->resp, name);
}

int call_answer_status(const struct call *c)
{
	return c->relay.resp->status;
}

const char *call_answer_header(const struct call *c, size_t i, const char **value)
{
	return resp_header_at(c->relay.resp, i, value);
}

/* What frames the answer, what the gateway says for itself, and what would speak to the client's browser or sign-in. */
static bool is_ours(const char *name)
{
	static const char *const ours[] = { "Content-Length", "Content-Type", "Content-Encoding", "Mcp-Session-Id", "Set-Cookie",
		"Status", "Vary", "WWW-Authenticate", "X-Request-Id", NULL };

	for (size_t i = 0; ours[i]; i++)
		if (!strcasecmp(name, ours[i]))
			return true;
	return !strncasecmp(name, "Access-Control-", 15) || header_name_is_reserved(name) || !header_name_is_token(name);
}

bool policy_response_set(struct policy_response *p, const char *name, const char *value)
{
	if (is_ours(name) || (value && strpbrk(value, "\r\n")))
		return false;
	resp_set(p->resp, name, value);
	return true;
}

bool chain_response(struct call *c, struct err *e)
{
	struct policy_response p = { c->relay.resp };
	const struct policy_use *use;

	for (size_t i = 0; (use = chain_use(c->route, i)); i++) {
		enum policy_answer answer = policy_of(use)->on_response ? policy_of(use)->on_response(use, c, &p, e) : POLICY_PASS;

		if (answer != POLICY_PASS)
			return refuse(c, use, answer, NULL, e);
	}
	return true;
}

void chain_over(struct call *c, const struct policy_over *over)
{
	const struct policy_use *use;

	for (size_t i = 0; c->states && (use = chain_use(c->route, i)); i++)
		if (policy_of(use)->on_over)
			policy_of(use)->on_over(use, c, over);
}
