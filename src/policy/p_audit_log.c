/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit-log-inbound: an event of its own for each message of a call, beside the one that every call has, with what the operator wants in
 * it. These are events, kept for as long as they are; the sealed trail of administrative acts is another thing.
 */
#include "config.h"

#include "base/clock.h"
#include "base/rand.h"
#include "conf/problem.h"
#include "policy/policy.h"
#include "policy/upstream_request.h"
#include "rpc/trace.h"

#include <string.h>

struct audit_log {
	const char *base;
	bool query, user, address;
	uint32_t share; /* of 2^32 - 1 */
};

/* What the way up remembers of a call that is to be recorded. */
struct remembered {
	const char *query; /* NULL: not wanted */
};

static const struct option include_options[] = {
	{ "queryParams", OPTION_BOOL, .initial = "false",
	    .about = "Whether the query is recorded, without the values of what looks like a credential." },
	{ "user", OPTION_BOOL, .initial = "true", .about = "Whether user, client and grant are recorded." },
	{ "ipAddress", OPTION_BOOL, .initial = "true",
	    .about = "Whether the address is recorded." },
	{ "geolocation", OPTION_BOOL, .initial = "false",
	    .about = "Accepted. The place of an address is not known here, and never recorded." },
	{ 0 },
};

static const struct option options[] = {
	{ "eventTypeBase", OPTION_STRING, .initial = "audit",
	    .about = "What the events' types begin with; the message's method follows, with dots for slashes: audit.tools.call." },
	{ "include", OPTION_OBJECT, .sub = include_options, .about = "What an event holds." },
	{ "samplingRate", OPTION_NUMBER, false, 0, 1, .initial = "1",
	    .about = "The share of calls that is recorded, from 0 to 1." },
	{ "bucketId", OPTION_STRING, .about = "Accepted and ignored." },
	{ 0 },
};

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	struct json_object *include = json_get(doc, "include"), *rate = json_get(doc, "samplingRate");
	const char *base = json_get_string(doc, "eventTypeBase");
	struct audit_log *l = arena_alloc(a, sizeof(*l));
	double share = rate ? json_object_get_double(rate) : 1;

	(void)use;
	l->base = base && *base ? base : "audit";
	l->query = json_get_bool(include, "queryParams", false);
	l->user = json_get_bool(include, "user", true);
	l->address = json_get_bool(include, "ipAddress", true);
	if (!(share >= 0 && share <= 1)) {
		problem_add(problems, true, file, pointer_member(a, pointer, "samplingRate"), "write a number from 0 to 1",
		    "option 'samplingRate' must be a number from 0 to 1");
		share = 1;
	}
	l->share = (uint32_t)(share * UINT32_MAX);
	if (json_get_bool(include, "geolocation", false))
		problem_add(problems, false, file, pointer_member(a, pointer_member(a, pointer, "include"), "geolocation"),
		    "leave it out", "the place of an address is not known here: nothing is recorded of it");
	return l;
}

static bool is_sampled(const struct audit_log *l)
{
	uint32_t chance;

	if (l->share == UINT32_MAX)
		return true;
	rand_bytes(&chance, sizeof(chance));
	return chance < l->share;
}

static enum policy_answer on_request(const struct policy_use *use, struct call *call,
    struct upstream_request *u, struct err *e)
{
	const struct audit_log *l = use->loaded;
	struct req *r = call_req(call);
	struct remembered *m;

	(void)u;
	(void)e;
	if (!is_sampled(l))
		return POLICY_PASS;
	m = arena_alloc(r->arena, sizeof(*m));
	if (l->query)
		m->query = query_masked(r->arena, r->query);
	*policy_state(call, use) = m;
	return POLICY_PASS;
}

/* "audit.tools.call"; what is no method's name of any protocol stays out of the type. */
static void write_type(struct buf *b, const char *base, const char *method)
{
	size_t from;

	buf_str(b, base);
	buf_char(b, '.');
	from = b->len;
	for (const char *p = method; *p && p - method < 64; p++)
		buf_char(b, (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_' || *p == '-' ? *p : '.');
	if (b->len == from)
		buf_str(b, "response");
}

static void fill(struct event *e, const struct audit_log *l, const struct call *call, const struct policy_over *over)
{
	const struct req *r = call_req(call);
	const struct mcp_route *route = call_route(call);
	const struct bearer *who = l->user ? call_bearer(call) : NULL;

	e->family = EVENT_POLICY;
	e->request_id = r->request_id;
	e->operation_id = route->operation_id;
	e->upstream_id = route->exchange ? route->exchange->id : route->operation_id;
	e->http_method = r->method;
	e->mcp_status = over->status;
	e->latency_us = clock_us() - r->start_us;
	e->time_us = clock_wall_us() - e->latency_us;
	e->client_ip = l->address ? r->client_ip : NULL;
	if (!who)
		return;
	e->subject_id = who->subject;
	e->client_id = who->client_id;
	e->client_name = who->client_name;
	e->grant_id = who->grant_id;
}

static void emit(struct event *e, const char *base, struct arena *a, const struct rpc_msg *m)
{
	struct buf type;

	buf_init(&type, EVENT_TEXT_MAX);
	write_type(&type, base, !m ? e->http_method : m->method ? m->method : "");
	e->name = buf_text(&type);
	e->mcp_method = m ? m->method : NULL;
	e->capability_type = m ? m->capability_type : NULL;
	e->capability_name = m ? m->capability_name : NULL;
	if (e->capability_name && e->capability_type && !strcmp(e->capability_type, "resource"))
		e->capability_name = trace_resource(a, e->capability_name);
	event_emit(e);
	buf_release(&type);
}

static void on_over(const struct policy_use *use, struct call *call, const struct policy_over *over)
{
	const struct audit_log *l = use->loaded;
	const struct remembered *m = *policy_state(call, use);
	const struct rpc_body *body = call_body(call);
	struct event e = { .severity = EVENT_INFO };

	if (!m)
		return;
	fill(&e, l, call, over);
	e.query = m->query && *m->query ? m->query : NULL;
	e.outcome = over->outcome;
	e.reason_code = over->reason;
	if (!body->n)
		emit(&e, l->base, call_req(call)->arena, NULL);
	for (size_t i = 0; i < body->n; i++) {
		emit(&e, l->base, call_req(call)->arena, &body->msgs[i]);
		e.outcome = e.reason_code = NULL; /* of the first message alone it is known here */
	}
}

const struct policy p_audit_log = {
	.type = {
		.name = "audit-log-inbound",
		.about = "Records each call as an event of its own. First in the list it also records what policies behind it refuse.",
		.served = true,
		.options = options,
		.load = load,
	},
	.on_request = on_request,
	.on_over = on_over,
};
