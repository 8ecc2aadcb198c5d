/* SPDX-License-Identifier: Apache-2.0 */
/* The tools' list is asked for once per credential and kept; only tools with marks are. */
#include "config.h"

#include "mcp/marks.h"

#include "mcp/call.h"
#include "mcp/greeting.h"
#include "mcp/known_keys.h"

#include <string.h>

enum {
	PAGES = 20,
	MARKS_TTL_MS = 600 * 1000,
	NO_MARKS_TTL_MS = 30 * 1000 /* where the upstream gave no list */
};

static void find_marks(struct call *c, struct span tools)
{
	struct span tool;
	size_t at = 0;

	c->errand.has_marks = true;
	while (scan_kind(tools) == '[' && scan_next(tools, &at, NULL, &tool))
		if (call_message(c)->capability_name && scan_string_is(scan_member(tool, "name"), call_message(c)->capability_name))
			c->errand.marks = param_marks(scan_member(tool, "inputSchema"), c->req->arena);
}

static void recall_marks(struct call *c)
{
	const struct known_key key = known_marks_key(c);
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
	const struct known_key key = known_marks_key(c);

	known_put(c->mcp->known, KNOWN_MARKS, &key, c->route->operation_id, text, n, ttl_ms, c->errand.changes);
}

bool marks_lacks(struct call *c)
{
	struct errand *d = &c->errand;

	if (d->has_marks || d->pages >= PAGES || !call_is(c, "tools/call") || call_message(c)->kind != RPC_REQUEST ||
	    (c->era != ERA_MODERN && d->bridge.way != BRIDGE_TO_MODERN))
		return false;
	if (!d->pages && !d->cursor)
		recall_marks(c);
	return !d->has_marks && d->pages < PAGES;
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

bool marks_listed(struct call *c, const char *text, size_t n)
{
	struct errand *d = &c->errand;
	struct span result = greeting_result_in(c, text, n);
	bool is_list = scan_kind(scan_member(result, "tools")) == '[';

	d->list_bytes += n;
	if (is_list)
		add_tools(c, result);
	if (!is_list || d->tools.over || d->list_bytes >= LIST_BYTES) {
		d->pages = PAGES;
		keep_marks(c, "-", 1, NO_MARKS_TTL_MS);
		return false;
	}
	d->cursor = scan_string(scan_member(result, "nextCursor"), c->req->arena);
	if (d->cursor && ++d->pages < PAGES)
		return true;
	buf_str(&d->tools, d->tools.len ? "]" : "[]");
	keep_marks(c, buf_text(&d->tools), d->tools.len, MARKS_TTL_MS);
	find_marks(c, (struct span){ buf_text(&d->tools), d->tools.len });
	return false;
}

void marks_to_headers(struct upstream_request *u, const struct call *c)
{
	struct span arguments = call_message(c)->arguments;

	for (const struct param_mark *m = c->errand.marks; m; m = m->next) {
		const char *value = param_value(m, arguments, u->arena);

		if (value)
			upstream_header_add(u, arena_printf(u->arena, PARAM_PREFIX "%s", m->header), value);
	}
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

bool marks_check(struct call *c)
{
	struct span arguments = call_message(c)->arguments;

	for (const struct param_mark *m = c->errand.marks; m; m = m->next) {
		const char *said = client_header(c, m);
		bool missing = !said && param_survives(m) && param_value(m, arguments, c->req->arena);

		if (!missing && (!said || param_agrees(m, arguments, said, c->req->arena)))
			continue;
		c->fault.id = call_message(c)->id;
		return rpc_fail(&c->fault, 400, RPC_HEADER_MISMATCH, "header_mismatch", "Header mismatch: " PARAM_PREFIX "%.64s %s",
		    m->header, missing ? "is missing" : "differs from the argument in the body");
	}
	return true;
}

void marks_forget(struct call *c)
{
	const struct known_key key = known_marks_key(c);

	if (c->errand.has_marks)
		known_drop(c->mcp->known, &key);
}
