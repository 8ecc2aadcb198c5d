/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway itself answers, through the policies. */
#include "config.h"

#include "mcp/own_answer.h"

#include "mcp/call.h"
#include "mcp/chain.h"
#include "mcp/cors.h"
#include "mcp/record.h"

enum relay_verdict own_answer(struct call *c, int status, struct span text, struct err *e)
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

enum relay_verdict own_answer_buf(struct call *c, struct buf *b, struct err *e)
{
	struct span text = { arena_strndup(c->req->arena, buf_text(b), b->len), b->len };

	return own_answer(c, 200, text, e);
}

enum relay_verdict own_refusal(struct call *c, struct err *e)
{
	err_reason(e, ERR_INVALID_REQUEST, c->fault.reason, c->fault.text, "upstream '%s'", c->upstream);
	return RELAY_REFUSE;
}
