/* SPDX-License-Identifier: Apache-2.0 */
/* What the endpoints share. */
#include "config.h"

#include "oauth/endpoint.h"

#include "base/clock.h"

#include <stdatomic.h>

void auth_event(struct req *r, const char *name, const char *outcome, const struct err *cause)
{
	r->event.family = EVENT_AUTH;
	r->event.severity = EVENT_INFO;
	r->event.name = name;
	r->event.outcome = outcome;
	if (cause) {
		bool ours = err_status(cause->code) >= 500;

		r->event.severity = ours ? EVENT_ERROR : EVENT_INFO;
		r->event.failure_origin = ours ? "gateway" : "client";
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

void oauth_tidy(struct req *r)
{
	enum { EVERY_MS = 5000, ROWS = 20 };
	static _Atomic int64_t next_ms;
	int64_t now = clock_ms(), due = atomic_load(&next_ms);
	struct err e = { .code = ERR_NONE };
	struct db_param limit;

	if (now < due || !atomic_compare_exchange_strong(&next_ms, &due, now + EVERY_MS))
		return;
	limit = db_int(r->arena, ROWS);
	if (!db_call(r->app->db, STMT_OAUTH_STEP, &limit, 1, r->arena, NULL, &e))
		log_warn(&r->log, "expired rows were not removed", "reason", err_reason_of(&e),
		    "detail", e.detail, NULL);
}
