/* SPDX-License-Identifier: Apache-2.0 */
/* A list is kept as it came, before the policies, and answered with what is left of its time. */
#include "config.h"

#include "mcp/kept_lists.h"

#include "mcp/call.h"
#include "mcp/greeting.h"
#include "mcp/known_keys.h"
#include "mcp/own_answer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_TTL_MAX_MS = 3600 * 1000 };

static bool may_keep(struct call *c)
{
	struct errand *d = &c->errand;

	if (!c->route->cache_lists || c->era != ERA_MODERN || d->bridge.way || !c->body.requests || !call_asks_for_list(c) ||
	    !known_list_keys(c, &d->shared, &d->own))
		return false;
	d->changes = known_changes(c->mcp->known, c->route->operation_id);
	return true;
}

/* The list, as the answer to this request, with what is left of its time. */
static enum relay_verdict have_list(struct call *c, struct span result, int64_t left_ms, struct err *e)
{
	struct span ttl = scan_member(result, "ttlMs");
	enum relay_verdict verdict;
	struct buf b;

	buf_init(&b, result.n + call_message(c)->id.n + 128);
	buf_str(&b, "{\"jsonrpc\":\"2.0\",\"id\":");
	buf_add(&b, call_message(c)->id.p, call_message(c)->id.n);
	buf_str(&b, ",\"result\":");
	buf_add(&b, result.p, (size_t)(ttl.p - result.p));
	buf_printf(&b, "%" PRId64, left_ms);
	buf_add(&b, ttl.p + ttl.n, (size_t)(result.p + result.n - ttl.p - ttl.n));
	buf_char(&b, '}');
	verdict = own_answer_buf(c, &b, e);
	buf_release(&b);
	return verdict;
}

enum relay_verdict kept_list_find(struct call *c, struct err *e)
{
	struct errand *d = &c->errand;
	struct span list;
	int64_t left;

	d->keeps = may_keep(c);
	if (!d->keeps)
		return RELAY_PASS;
	list = known_get(c->mcp->known, &d->own, c->req->arena, &left);
	if (!list.n)
		list = known_get(c->mcp->known, &d->shared, c->req->arena, &left);
	return list.n ? have_list(c, list, left, e) : RELAY_PASS;
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

void kept_list_put(const struct call *c, const char *text, size_t n)
{
	const struct errand *d = &c->errand;
	struct span whole, result, scope, type;
	int64_t ttl;

	/* what repeats this caller's credential is masked for this caller alone */
	if (!greeting_is_sound(text, n) || mask_finds(c->upstream_request.secrets, text))
		return;
	whole = scan_value(text, n);
	result = scan_member(whole, "result");
	scope = scan_member(result, "cacheScope");
	type = scan_member(result, "resultType");
	if (scan_kind(result) != '{' || rpc_id_hash(scan_member(whole, "id")) != rpc_id_hash(call_message(c)->id) ||
	    (type.p && !scan_string_is(type, "complete")) || !read_ttl(scan_member(result, "ttlMs"), &ttl))
		return;
	if (scan_string_is(scope, "public"))
		known_put(c->mcp->known, KNOWN_LIST, &d->shared, c->route->operation_id, result.p, result.n, ttl, d->changes);
	else if (scan_string_is(scope, "private"))
		known_put(c->mcp->known, KNOWN_LIST, &d->own, c->route->operation_id, result.p, result.n, ttl, d->changes);
}
