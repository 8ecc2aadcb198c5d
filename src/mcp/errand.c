/* SPDX-License-Identifier: Apache-2.0 */
/*
 * next() asks what is still missing and starts the errand that brings it, until the call can go: read it first. Each errand ends in
 * a function of the room that knows what it brings (greeting.h, marks.h), and comes back to next().
 */
#include "config.h"

#include "mcp/errand.h"

#include "mcp/aside.h"
#include "mcp/call.h"
#include "mcp/crossing.h"
#include "mcp/flights.h"
#include "mcp/greeting.h"
#include "mcp/headers.h"
#include "mcp/kept_lists.h"
#include "mcp/known_keys.h"
#include "mcp/marks.h"
#include "mcp/own_answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	QUICK_BYTES = 32 * 1024, /* that an errand brings are read at once */
	WAITS = 2 /* for others' errands of a kind that bring nothing: then one's own, or a crowd would go one by one */
};

static const char both_types[] = "application/json, text/event-stream";

/* ---- transfers */

/*
 * All headers but those of MCP's own, which tell of another message. An ERRAND goes without what is the client's: what it brings
 * serves others, too, whom nobody must disturb by a header that an upstream refuses. What forwardHeaders names goes, as it is in the keys.
 */
static void copy_but(struct upstream_request *to, const struct upstream_request *from, const char *prefix, bool errand)
{
	*to = (struct upstream_request){ .arena = from->arena };
	for (const struct upstream_header *h = from->headers; h; h = h->next)
		if (strncasecmp(h->name, prefix, strlen(prefix)) != 0 && !(errand && h->source == HEADER_CLIENT))
			upstream_header_add(to, h->name, h->value);
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
	copy_but(&u, &c->upstream_request, d->kind || d->bridge.way ? "mcp-" : PARAM_PREFIX, d->kind);
	if (d->kind || d->bridge.way) {
		upstream_header_set(&u, "Accept", both_types, true);
		upstream_header_set(&u, "Content-Type", "application/json", true);
		upstream_header_set(&u, "User-Agent", "gatehouse/" PACKAGE_VERSION, false);
	}
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
			set_modern(&u, call_message(c)->method, call_message(c)->mirrored);
		marks_to_headers(&u, c);
	}
	return headers_of(&u);
}

void errand_load(struct call *c, const char *body, size_t n)
{
	c->relay.transfer.body = body;
	c->relay.transfer.body_len = n;
	c->relay.transfer.headers = errand_headers(c);
}

static enum relay_verdict start(struct call *c, enum errand_kind kind)
{
	struct errand *d = &c->errand;
	struct span info = scan_member(call_message(c)->meta, "io.modelcontextprotocol/clientInfo");

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
	c->relay.keep_max = kind == ERRAND_LIST ? LIST_BYTES - d->list_bytes : GREETING_BYTES;
	errand_load(c, buf_text(&d->body), d->body.len);
	return RELAY_AGAIN;
}

/* The same for all that need what it brings: only one of them goes. A list's next page is the same flight. */
static enum relay_verdict start_for_all(struct call *c, enum errand_kind kind, struct known_key key)
{
	struct errand *d = &c->errand;

	if (d->waits_kind != kind)
		d->waits = 0;
	d->waits_kind = kind;
	if (d->flight || d->waits == WAITS || flight_begin(c, &key))
		return start(c, kind);
	d->waits++;
	return RELAY_PARK;
}

/* ---- what comes next */

static enum relay_verdict next_to_legacy(struct call *c, struct err *e)
{
	struct errand *d = &c->errand;

	if (!d->has_session)
		greeting_recall_session(c);
	if (!d->has_session && c->who)
		return start_for_all(c, ERRAND_INITIALIZE, known_session_key(c));
	if (!d->has_session)
		return start(c, ERRAND_INITIALIZE);
	d->bridge.server = scan_member(d->greeting, "serverInfo");
	if (scan_kind(d->bridge.server) != '{')
		d->bridge.server = (struct span){ NULL, 0 };
	return crossing_up(c, e);
}

static enum relay_verdict next(struct call *c, struct err *e)
{
	struct errand *d = &c->errand;
	enum relay_verdict verdict;

	if (!c->body.n)
		return RELAY_PASS;
	if (c->body.batch)
		return c->session.bridged ? crossing_refuse_batch(c, e) : RELAY_PASS;
	if (!crossing_choose(c))
		return start_for_all(c, ERRAND_DISCOVER, known_discovery_key(c));
	if (d->bridge.way == BRIDGE_TO_LEGACY)
		return next_to_legacy(c, e);
	if (marks_lacks(c)) {
		d->changes = known_changes(c->mcp->known, c->route->operation_id);
		return start_for_all(c, ERRAND_LIST, known_marks_key(c));
	}
	if (d->bridge.way == BRIDGE_TO_MODERN)
		return crossing_up(c, e);
	if (d->has_marks && !c->rewritten && !marks_check(c))
		return own_refusal(c, e);
	verdict = kept_list_find(c, e);
	if (verdict != RELAY_PASS)
		return verdict;
	if (d->kind || d->has_marks) {
		d->kind = ERRAND_NONE;
		errand_load(c, c->req->body, c->req->body_len);
	}
	return RELAY_PASS;
}

static void release(void *buf)
{
	buf_release(buf);
}

enum relay_verdict errand_begin(struct call *c, struct err *e)
{
	c->errand.begun = true;
	if (c->era == ERA_LEGACY && !c->route->bridge)
		return RELAY_PASS;
	c->errand.why = arena_alloc(c->req->arena, sizeof(*c->errand.why));
	buf_init(&c->errand.body, 65536);
	buf_init(&c->errand.tools, MARKS_BYTES);
	buf_init(&c->errand.asked, 65536);
	arena_defer(c->req->arena, release, &c->errand.body);
	arena_defer(c->req->arena, release, &c->errand.tools);
	arena_defer(c->req->arena, release, &c->errand.asked);
	return next(c, e);
}

enum relay_verdict errand_resume(struct call *c, struct err *e)
{
	c->errand.awaited = NULL;
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
	c->fault.id = call_message(c)->id;
	c->fault.data = era_supported_json(era_legacy_versions, c->version, c->req->arena);
	rpc_fail(&c->fault, 400, RPC_UNSUPPORTED_VERSION, "unsupported_version", "Unsupported protocol version");
	return own_refusal(c, e);
}

/* What next() says, where a transfer has just been made. */
static enum relay_verdict again(enum relay_verdict verdict)
{
	return verdict == RELAY_PASS ? RELAY_AGAIN : verdict;
}

enum relay_verdict errand_head(struct call *c, const struct head *head, struct err *e)
{
	struct errand *d = &c->errand;
	const char *id = head_get(head, "mcp-session-id");
	bool refused = head->status >= 400 && greeting_says_era(head->status);

	if (d->kind == ERRAND_INITIALIZE && id && session_id_is_good(id))
		d->session = arena_strdup(c->req->arena, id);
	if (d->kind)
		return RELAY_READ;
	if (d->bridge.way == BRIDGE_TO_LEGACY && !d->is_fresh && d->session && (head->status == 404 || head->status == 400)) {
		greeting_forget_session(c);
		if (head->status == 404) /* nobody has executed it */
			return again(next_to_legacy(c, e));
	}
	if (d->bridge.way || !c->body.n)
		return RELAY_PASS;
	if (c->route->bridge && call_message(c)->is_initialize && refused && d->upstream == UPSTREAM_MODERN) {
		crossing_begin(c, BRIDGE_TO_MODERN);
		return d->greeting.p ? crossing_hello(c, e) : start(c, ERRAND_DISCOVER);
	}
	if (call_is(c, "server/discover") && c->era == ERA_MODERN && head->status >= 500 && (head->status < 502 || head->status > 504)) {
		d->probing = true;
		return start(c, ERRAND_INITIALIZE);
	}
	return RELAY_PASS;
}

bool errand_awaited(struct relay_call *rc, const char *data, size_t n)
{
	struct span whole;

	(void)rc;
	if (!memmem(data, n, BRIDGE_ID, sizeof(BRIDGE_ID) - 1) || !greeting_is_sound(data, n))
		return false;
	whole = scan_value(data, n);
	return scan_string_is(scan_member(whole, "id"), BRIDGE_ID) && !scan_member(whole, "method").p;
}

static enum relay_verdict initialized(struct call *c, struct err *e)
{
	struct errand *d = &c->errand;

	if (d->probing)
		return fall_back(c, d->good, e);
	if (d->good)
		return start(c, ERRAND_INITIALIZED);
	greeting_forget_era(c); /* it may be of another by now */
	*e = *d->why;
	return RELAY_REFUSE;
}

/* Notes what an errand brought. Any thread. */
static void take(struct call *c, const char *text, size_t n)
{
	struct errand *d = &c->errand;

	if (d->kind == ERRAND_DISCOVER)
		greeting_discovered(c, text, n);
	else if (d->kind == ERRAND_INITIALIZE)
		d->good = greeting_initialized(c, text, n, d->why);
	else if (d->kind == ERRAND_LIST)
		d->more = marks_listed(c, text, n);
}

static void work(void *own)
{
	struct call *c = own;

	if (!atomic_load(&c->relay.unwanted))
		take(c, c->errand.brought.p, c->errand.brought.n);
	relay_ready(c->mcp->relay, &c->relay);
}

/* A worker takes it: other calls need not wait while megabytes are read. */
static enum relay_verdict hand_over(struct call *c, const char *text, size_t n)
{
	c->errand.brought = (struct span){ text, n };
	c->relay.busy = true;
	c->work = (struct work){ .run = work, .own = c, .lane = c->route->operation_id };
	workers_add(c->mcp->compute, &c->work);
	return RELAY_PARK;
}

enum relay_verdict errand_done(struct relay_call *rc, const char *text, size_t n, struct err *e)
{
	struct call *c = (struct call *)rc;
	struct errand *d = &c->errand;

	if (text && n > QUICK_BYTES)
		return hand_over(c, text, n);
	if (text)
		take(c, text, n);
	switch (d->kind) {
	case ERRAND_DISCOVER:
		flight_end(c);
		if (d->bridge.way && d->upstream != UPSTREAM_MODERN) { /* initialize was refused, and now this */
			err_reason(e, ERR_UPSTREAM, "upstream_status", "the upstream speaks no revision of this client's", "upstream '%s'", c->upstream);
			return RELAY_REFUSE;
		}
		return d->bridge.way ? crossing_hello(c, e) : next(c, e);
	case ERRAND_INITIALIZE:
		return initialized(c, e);
	case ERRAND_INITIALIZED:
		d->has_session = true;
		greeting_keep_session(c);
		flight_end(c);
		return next(c, e);
	case ERRAND_LIST:
		if (!d->more)
			flight_end(c);
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
	if (c->errand.keeps)
		kept_list_put(c, buf_text(text), text->len);
	return !c->errand.bridge.way || crossing_down(c, text, e);
}

/*
 * To a legacy upstream, a client that leaves has not cancelled anything (protocol 4.2), and a session that nobody will use again
 * stays: it is told of both.
 */
void errand_over(struct call *c, enum relay_end end, const struct err *e)
{
	const struct errand *d = &c->errand;
	bool nowhere = e->code == ERR_UPSTREAM && !c->relay.status; /* it cannot be told anything */
	bool whole = end == RELAY_END_DONE && c->relay.status >= 300;
	struct buf cancel;

	flight_end(c);
	if (nowhere || (d->bridge.way != BRIDGE_TO_LEGACY && !d->probing))
		return;
	buf_init(&cancel, 256);
	if (d->sent_id && !d->answered && !whole)
		bridge_write_cancelled(&cancel, d->sent_id);
	aside_close(c, cancel.len ? buf_text(&cancel) : NULL, d->session && d->is_fresh && !d->is_kept);
	buf_release(&cancel);
}
