/* SPDX-License-Identifier: Apache-2.0 */
/* Which way, and what becomes of the client's message. */
#include "config.h"

#include "mcp/crossing.h"

#include "mcp/call.h"
#include "mcp/greeting.h"
#include "mcp/own_answer.h"

void crossing_begin(struct call *c, enum bridge_way way)
{
	struct session declared = { .version = "" };
	struct bridge *b = &c->errand.bridge;

	if (way == BRIDGE_TO_LEGACY)
		session_declare(&declared, call_message(c)->capabilities);
	else
		declared = c->session;
	*b = (struct bridge){ .way = way, .method = call_message(c)->method, .id = call_message(c)->id, .url = declared.elicitation_url,
		.logs = scan_path(call_message(c)->params, "_meta", "io.modelcontextprotocol/logLevel", NULL).p != NULL,
		.version = way == BRIDGE_TO_MODERN ? era_modern_versions[0] : era_legacy_versions[0] };
}

bool crossing_choose(struct call *c)
{
	struct errand *d = &c->errand;

	if (d->bridge.way || !c->route->bridge)
		return true;
	if (c->session.bridged) {
		crossing_begin(c, BRIDGE_TO_MODERN);
		return true;
	}
	if (c->era != ERA_MODERN && !call_message(c)->is_initialize)
		return true;
	if (!d->upstream)
		greeting_recall_era(c);
	if (!d->upstream)
		return false;
	if (c->era == ERA_MODERN && d->upstream == UPSTREAM_LEGACY)
		crossing_begin(c, BRIDGE_TO_LEGACY);
	return true;
}

enum relay_verdict crossing_hello(struct call *c, struct err *e)
{
	struct errand *d = &c->errand;
	const struct session_place place = call_place(c);
	enum relay_verdict verdict;
	struct buf b;

	buf_init(&b, 2 * (size_t)GREETING_BYTES);
	bridge_hello(&d->bridge, d->greeting, call_message(c)->version, &b);
	if (d->bridge.way == BRIDGE_TO_MODERN) {
		c->session.bridged = true;
		resp_set(c->relay.resp, "Mcp-Session-Id", session_seal(&c->session, &place, c->ring, c->req->arena));
	}
	verdict = own_answer_buf(c, &b, e);
	buf_release(&b);
	return verdict;
}

enum relay_verdict crossing_up(struct call *c, struct err *e)
{
	struct errand *d = &c->errand;

	d->kind = ERRAND_NONE;
	buf_clear(&d->body);
	d->body.max = 2 * c->req->body_len + 4096;
	switch (bridge_up(&d->bridge, call_message(c), c->req->arena, &d->body, &c->fault)) {
	case BRIDGE_SEND:
		errand_load(c, buf_text(&d->body), d->body.len);
		return RELAY_PASS;
	case BRIDGE_HELLO:
		return crossing_hello(c, e);
	case BRIDGE_ANSWER:
		return own_answer_buf(c, &d->body, e);
	case BRIDGE_ACCEPT:
		return own_answer(c, 202, (struct span){ NULL, 0 }, e);
	case BRIDGE_REFUSE:
		break;
	}
	return own_refusal(c, e);
}

enum relay_verdict crossing_refuse_batch(struct call *c, struct err *e)
{
	c->fault.id = (struct span){ NULL, 0 };
	rpc_fail(&c->fault, 400, RPC_INVALID_REQUEST, "not_bridged", "batches cannot be carried to this server, which has none");
	return own_refusal(c, e);
}

bool crossing_down(struct call *c, struct buf *text, struct err *e)
{
	struct errand *d = &c->errand;
	struct arena *a;
	struct buf out;
	int status;
	bool ok = true;

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
