/* SPDX-License-Identifier: Apache-2.0 */
/* What the endpoints share. */
#include "config.h"

#include "oauth/endpoint.h"

#include "base/clock.h"

void auth_event(struct req *r, const char *name, const char *outcome, const struct err *cause)
{
	r->event.family = EVENT_AUTH;
	r->event.severity = EVENT_INFO;
	r->event.name = name;
	r->event.outcome = outcome;
	if (cause) {
		bool ours = err_status(cause->code) >= 500;
		bool theirs = cause->code == ERR_UPSTREAM || cause->code == ERR_UPSTREAM_TIMEOUT;

		r->event.severity = ours ? EVENT_ERROR : EVENT_INFO;
		r->event.failure_origin = theirs ? "upstream" : ours ? "gateway" : "client";
		r->event.reason_code = err_reason_of(cause);
		r->event.error_type = err_name(cause->code);
		r->event.mcp_status = err_status(cause->code);
		r->event.cause = cause;
	}
	r->event.latency_us = clock_us() - r->start_us;
	r->event.upstream_us = -1;
	r->event.gateway_us = r->event.latency_us;
	event_emit(&r->event);
}
