/* SPDX-License-Identifier: Apache-2.0 */
/* Which way, and what becomes of the client's message. */
#include "config.h"

#include "mcp/crossing.h"

#include "base/hash.h"
#include "base/rand.h"
#include "mcp/aside.h"
#include "mcp/call.h"
#include "mcp/greeting.h"
#include "mcp/own_answer.h"

#include <inttypes.h>

/* With a tag behind it, it is longer than any operationId, which other processes are told of in the same way. */
#define CANCEL "cancelled by a client of a bridged route, the request with this tag: "
_Static_assert(sizeof(CANCEL) - 1 + 2 * HASH_LEN > 128, "an operationId may have 128 bytes");

/*
 * Whose request it is, and which. Clients are told apart by the sessions that the gateway has sealed for them: modern ones have none,
 * cancel by leaving (protocol 1.3), and two of one user may count alike.
 */
static const char *tag_of(const struct call *c, struct span id)
{
	struct arena *a = c->req->arena;
	unsigned char hash[HASH_LEN];
	char *hex = arena_alloc(a, 2 * HASH_LEN + 1);
	const char *text;

	if (!c->session_id || !id.p)
		return NULL;
	text = arena_printf(a, "%s\n%s\n%" PRIx64, c->route->operation_id, c->session_id, rpc_id_hash(id));
	hash_sha256(hash, text, strlen(text));
	hex_encode(hex, hash, HASH_LEN);
	return hex;
}

void crossing_begin(struct call *c, enum bridge_way way)
{
	struct session declared = { .version = "" };
	struct bridge *b = &c->errand.bridge;

	if (way == BRIDGE_TO_LEGACY)
		session_declare(&declared, call_message(c)->capabilities);
	else
		declared = c->session;
	*b = (struct bridge){ .way = way, .method = call_message(c)->method, .id = call_message(c)->id, .url = declared.elicitation_url,
		.answers = way == BRIDGE_TO_LEGACY ? scan_member(call_message(c)->params, "inputResponses") : (struct span){ NULL, 0 },
		.logs = scan_member(call_message(c)->meta, "io.modelcontextprotocol/logLevel").p != NULL,
		.version = way == BRIDGE_TO_MODERN ? era_modern_versions[0] : era_legacy_versions[0] };
	if (call_message(c)->kind == RPC_REQUEST)
		c->relay.tag = tag_of(c, call_message(c)->id);
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

/* A session serves all instances of a client that its user runs: their ids may be the same. */
static const char *new_id(const struct call *c)
{
	char id[REQUEST_ID_TEXT];

	rand_request_id(id);
	return arena_printf(c->req->arena, "\"" BRIDGE_ID "-%s\"", id);
}

/* The upstream's own way of it is that its transfer ends, or errand_over(). */
static void cancel(const struct call *c)
{
	const char *tag = tag_of(c, scan_member(call_message(c)->params, "requestId"));

	if (!tag)
		return;
	relay_end_tagged(c->mcp->relay, tag);
	known_tell(c->mcp->known, arena_join(c->req->arena, CANCEL, tag, NULL)); /* it may be another process's */
}

bool crossing_told(struct relay *relay, const char *text)
{
	if (strncmp(text, CANCEL, sizeof(CANCEL) - 1) != 0)
		return false;
	relay_end_tagged(relay, text + sizeof(CANCEL) - 1);
	return true;
}

enum relay_verdict crossing_up(struct call *c, struct err *e)
{
	struct errand *d = &c->errand;

	d->kind = ERRAND_NONE;
	buf_clear(&d->body);
	d->body.max = 2 * c->req->body_len + 4096;
	if (d->bridge.way == BRIDGE_TO_LEGACY && call_message(c)->kind == RPC_REQUEST)
		d->bridge.sent_id = new_id(c);
	if (call_is(c, "notifications/cancelled"))
		cancel(c);
	switch (bridge_up(&d->bridge, call_message(c), c->req->arena, &d->body, &c->fault)) {
	case BRIDGE_SEND:
		d->sent_id = d->bridge.sent_id;
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
	struct bridge_news news = { .asked = &d->asked };
	struct arena *a = arena_new();
	struct buf out, back;
	bool ok = true;

	buf_init(&out, 2 * text->len + 65536);
	buf_init(&back, 65536);
	news.back = &back;
	if (!d->over)
		ok = bridge_down(&d->bridge, a, buf_text(text), text->len, &out, &news, e);
	if (ok && !d->over && news.status)
		d->status = news.status;
	if (back.len)
		aside_post(c, buf_text(&back));
	d->answered = d->answered || news.answers;
	d->over = d->over || news.ends;
	buf_release(&back);
	buf_release(text);
	*text = out;
	arena_free(a);
	return ok;
}
