/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mcp-tool-pinning-inbound: a tool is shown, and can be called, while its definition is the one that somebody approved. An upstream that
 * was harmless when it was looked at may say other things to a model tomorrow.
 */
#include "config.h"

#include "policy/pins.h"
#include "policy/policy.h"

#include <string.h>

struct pinning {
	bool hides, trusts;
};

static const struct option options[] = {
	{ "onChange", OPTION_ENUM, .words = "hide report", .initial = "hide",
	    .about = "What happens to a new or changed tool until it is approved: it is hidden, and its calls are "
		     "refused; or it is reported alone." },
	{ "firstUse", OPTION_ENUM, .words = "trust quarantine", .initial = "trust",
	    .about = "Whether the tools of the first list that the route's upstream ever gave, on as many pages as come "
		     "within ten minutes, are approved, or wait like all others." },
	{ 0 },
};

static bool is(struct json_object *doc, const char *name, const char *word)
{
	const char *value = json_get_string(doc, name);

	return value && !strcmp(value, word);
}

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	struct pinning *p = arena_alloc(a, sizeof(*p));

	(void)use;
	(void)problems;
	(void)file;
	(void)pointer;
	p->hides = !is(doc, "onChange", "report");
	p->trusts = !is(doc, "firstUse", "quarantine");
	return p;
}

static enum policy_answer on_sent(
    const struct policy_use *use, struct call *call, const struct rpc_msg *m, struct err *e)
{
	const struct pinning *p = use->loaded;
	struct req *r = call_req(call);
	enum pin_state state;

	if (!p->hides || !m->capability_type || strcmp(m->capability_type, "tool") != 0)
		return POLICY_PASS;
	state = m->capability_name ? pins_tool(r->app->db, call_route(call)->operation_id, m->capability_name, p->trusts,
					 r->arena, e) :
	                             PIN_NEW;
	if (state == PIN_APPROVED)
		return POLICY_PASS;
	if (state == PIN_UNKNOWN)
		return POLICY_FAIL; /* the database is away, and this process has never read the route's tools */
	err_reason(e, ERR_ACCESS_DENIED, "unapproved_tool", "Method not found", "tool '%.128s' waits for approval",
	    m->capability_name ? m->capability_name : "");
	return POLICY_DENY;
}

static bool keep(const struct pin_item *item)
{
	return item->state == PIN_APPROVED;
}

/* Once for each definition: whoever watches events is told of a change, not of every call. */
static void report(const struct policy_use *use, struct call *call, const struct pin_list *list)
{
	const struct pinning *p = use->loaded;
	const struct mcp_route *route = call_route(call);
	const struct bearer *who = call_bearer(call);
	struct event e = { .family = EVENT_POLICY, .request_id = call_req(call)->request_id, .operation_id = route->operation_id,
		.upstream_id = route->exchange ? route->exchange->id : route->operation_id, .capability_type = "tool",
		.subject_id = who ? who->subject : NULL, .client_id = who ? who->client_id : NULL,
		.outcome = p->hides ? "denied" : "success", .latency_us = -1 };

	for (; list; list = list->next)
		for (size_t i = 0; i < list->n; i++) {
			if (!list->items[i].is_news)
				continue;
			e.name = list->items[i].state == PIN_CHANGED ? "mcp_tool_changed" : "mcp_tool_new";
			e.reason_code = list->items[i].state == PIN_CHANGED ? "tool_changed" : "tool_new";
			e.capability_name = list->items[i].name;
			event_emit(&e);
		}
}

static enum policy_answer on_message(const struct policy_use *use, struct call *call, struct arena *a,
    const char *text, size_t n, struct buf *out, struct err *e)
{
	const struct pinning *p = use->loaded;
	struct req *r = call_req(call);
	struct err why = { .code = ERR_NONE };
	struct pin_list *list;
	bool ok;

	list = pins_read(a, text, n, &ok, e);
	if (!ok)
		return POLICY_FAIL;
	if (!pins_see(r->app->db, call_route(call)->operation_id, list, p->trusts, a, &why))
		log_warn(&r->log, p->hides ? "tools are hidden: their approval is not known" : "tools are not compared",
		    "policy", use->name, "reason", err_reason_of(&why), "detail", why.detail, NULL);
	else
		report(use, call, list);
	if (!p->hides)
		list = NULL;
	return pins_write(text, n, list, keep, out) ? POLICY_PASS : POLICY_FAIL;
}

const struct policy p_mcp_tool_pinning = {
	.type = {
		.name = "mcp-tool-pinning-inbound",
		.about = "Shows tools as they were approved; what is new or changed waits for `gatehousectl tools approve`. "
			 "Compared are name, title, description, schemas, annotations and _meta, whatever their spelling. "
			 "An event (mcp_tool_new, mcp_tool_changed) tells of each definition once. "
			 "List it before a capability filter, whose projections are no changes of the upstream's. "
			 "Of an upstream that describes a tool differently to different users, changes can only be reported.",
		.class = POLICY_FILTER,
		.served = true,
		.options = options,
		.load = load,
	},
	.on_sent = on_sent, /* a filter may rename: lists are seen, and calls judged, with the upstream's names */
	.on_message = on_message,
	.pace = POLICY_WAITS, /* for the database */
};
