/* SPDX-License-Identifier: Apache-2.0 */
/* Who, where, and which message. */
#include "config.h"

#include "policy/recorded.h"

#include "rpc/trace.h"

#include <string.h>

struct event policy_event(const char *name, const struct policy_use *use, struct call *call, const struct policy_over *over,
    struct arena *a)
{
	const struct req *r = call_req(call);
	const struct mcp_route *route = call_route(call);
	const struct bearer *who = call_bearer(call);
	const struct rpc_body *body = call_body(call);
	struct event e = { .family = EVENT_POLICY, .name = name, .request_id = r->request_id,
		.operation_id = route->operation_id, .upstream_id = route->exchange ? route->exchange->id : route->operation_id,
		.subject_id = who ? who->subject : NULL, .client_id = who ? who->client_id : NULL,
		.client_name = who ? who->client_name : NULL, .grant_id = who ? who->grant_id : NULL,
		.http_method = r->method, .client_ip = r->client_ip, .mcp_status = over->status, .latency_us = -1, .policy = use->name };

	if (body->n == 1) { /* of a batch nobody knows which message it was */
		e.mcp_method = body->msgs[0].method;
		e.capability_type = body->msgs[0].capability_type;
		e.capability_name = body->msgs[0].capability_name;
		if (e.capability_name && !strcmp(e.capability_type, "resource"))
			e.capability_name = trace_resource(a, e.capability_name);
	}
	return e;
}
