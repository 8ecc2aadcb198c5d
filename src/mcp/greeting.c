/* SPDX-License-Identifier: Apache-2.0 */
/* What discover and initialize bring. */
#include "config.h"

#include "mcp/greeting.h"

#include "mcp/call.h"
#include "mcp/known_keys.h"

#include <string.h>

enum { ERA_TTL_MS = 600 * 1000, SESSION_TTL_MS = 1800 * 1000 };

bool greeting_is_sound(const char *text, size_t n)
{
	const struct scan_limits limits = { .bytes = n, .depth = 128, .members = n < UINT32_MAX ? (unsigned)n : UINT32_MAX };

	return n && scan_check(text, n, &limits, NULL);
}

struct span greeting_result_in(const struct call *c, const char *text, size_t n)
{
	if (c->relay.status >= 300 || !greeting_is_sound(text, n))
		return (struct span){ NULL, 0 };
	return bridge_result(scan_value(text, n));
}

/* The same in the call's memory. */
static struct span result_of(struct call *c, const char *text, size_t n)
{
	struct span result = greeting_result_in(c, text, n);

	if (result.p)
		result.p = arena_strndup(c->req->arena, result.p, result.n);
	return result;
}

/* ---- which era the upstream speaks */

void greeting_recall_era(struct call *c)
{
	const struct known_key key = known_era_key(c);
	int64_t left;
	struct span era = known_get(c->mcp->known, &key, c->req->arena, &left);

	if (era.n)
		c->errand.upstream = *era.p == 'm' ? UPSTREAM_MODERN : UPSTREAM_LEGACY;
}

static void note_era(struct call *c, enum errand_era era)
{
	const struct known_key key = known_era_key(c);

	c->errand.upstream = era;
	if (era == UPSTREAM_MODERN || era == UPSTREAM_LEGACY)
		known_put(c->mcp->known, KNOWN_ERA, &key, c->route->operation_id, era == UPSTREAM_MODERN ? "m" : "l", 1, ERA_TTL_MS, 0);
}

/* A server of the older era has no such method or, in JSON-RPC, no such version. Any other failure says nothing of it. */
static bool is_of_legacy(const struct call *c, const char *text, size_t n)
{
	int status = c->relay.status;
	struct span whole;

	if (status == 404 || status == 405)
		return true;
	if ((status != 400 && status >= 300) || !greeting_is_sound(text, n))
		return false;
	whole = scan_value(text, n);
	return scan_kind(scan_member(whole, "error")) == '{' || (status < 300 && scan_member(whole, "result").p);
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

bool greeting_says_era(int status)
{
	return status < 500 && status != 403 && status != 429 && status != 408;
}

void greeting_discovered(struct call *c, const char *text, size_t n)
{
	struct span result = result_of(c, text, n);

	if (speaks_ours(result)) {
		c->errand.greeting = result;
		note_era(c, UPSTREAM_MODERN);
	} else {
		note_era(c, is_of_legacy(c, text, n) ? UPSTREAM_LEGACY : UPSTREAM_SILENT);
	}
}

void greeting_forget_era(struct call *c)
{
	const struct known_key key = known_era_key(c);

	known_drop(c->mcp->known, &key);
}

/* ---- sessions of modern clients */

/* What is kept of one: {"session":…,"version":…,"greeting":…}. */
void greeting_recall_session(struct call *c)
{
	struct errand *d = &c->errand;
	const struct known_key key = known_session_key(c);
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

void greeting_keep_session(struct call *c)
{
	struct errand *d = &c->errand;
	const struct known_key key = known_session_key(c);
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
	if (!b.over) {
		c->errand.is_kept = true;
		known_put(c->mcp->known, KNOWN_SESSION, &key, c->route->operation_id, buf_text(&b), b.len, SESSION_TTL_MS, 0);
	}
	buf_release(&b);
}

void greeting_forget_session(struct call *c)
{
	const struct known_key key = known_session_key(c);
	int64_t left;
	struct span kept = known_get(c->mcp->known, &key, c->req->arena, &left);

	if (kept.n && scan_string_is(scan_member(kept, "session"), c->errand.session)) /* else another call has made a new one */
		known_drop(c->mcp->known, &key);
	c->errand.has_session = false;
	c->errand.session = NULL;
}

bool greeting_initialized(struct call *c, const char *text, size_t n, struct err *e)
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
	d->is_kept = false;
	return true;
}
