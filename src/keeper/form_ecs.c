/* SPDX-License-Identifier: Apache-2.0 */
/* Elastic Common Schema 8. What it has no field for stands under "gatehouse". */
#include "config.h"

#include "keeper/event_form.h"

#include "keeper/json_write.h"

#include <stdlib.h>

static void add_event(struct buf *b, const struct told *t)
{
	static const struct {
		const char *category, *type;
	} words[] = {
		[KIND_CALL] = { "api", "access" },
		[KIND_LOGIN] = { "authentication", "start" },
		[KIND_CONSENT] = { "iam", "allowed" },
		[KIND_END] = { "session", "end" },
		[KIND_OTHER_AUTH] = { "iam", "info" },
		[KIND_POLICY] = { "api", "info" },
		[KIND_ADMINISTRATION] = { "configuration", "change" },
		[KIND_ANCHOR] = { "configuration", "info" },
	};
	static const char *const outcomes[] = { "unknown", "success", "failure" };
	enum told_kind kind = form_kind(t);
	int status = form_status(t);
	const char *latency = told_get(t, T_LATENCY);

	jw_open(b, "event", '{');
	jw_text(b, "id", told_get(t, T_ID));
	jw_text(b, "kind", "event");
	jw_text(b, "module", "gatehouse");
	buf_printf(b, ",\"dataset\":\"gatehouse.%s\"", told_family(t));
	buf_printf(b, ",\"category\":[\"%s\"],\"type\":[\"%s\"]", words[kind].category,
	    kind == KIND_CONSENT && status == 2 ? "denied" : words[kind].type);
	jw_text(b, "action", told_name(t));
	jw_text(b, "outcome", outcomes[status]);
	jw_text(b, "reason", told_get(t, T_REASON));
	if (latency)
		jw_int(b, "duration", strtoll(latency, NULL, 10) * 1000);
	buf_char(b, '}');
}

static void add_one(struct buf *b, const char *object, const char *name, const char *text)
{
	if (!text)
		return;
	jw_open(b, object, '{');
	jw_text(b, name, text);
	buf_char(b, '}');
}

static void add_http(struct buf *b, const struct told *t)
{
	jw_open(b, "http", '{');
	jw_open(b, "request", '{');
	jw_text(b, "id", told_get(t, T_REQUEST_ID));
	jw_text(b, "method", told_get(t, T_HTTP_METHOD));
	if (told_get(t, T_BYTES_IN))
		buf_printf(b, ",\"body\":{\"bytes\":%s}", told_get(t, T_BYTES_IN));
	buf_char(b, '}');
	if (told_get(t, T_STATUS)) {
		jw_open(b, "response", '{');
		jw_raw(b, "status_code", told_get(t, T_STATUS));
		if (told_get(t, T_BYTES_OUT))
			buf_printf(b, ",\"body\":{\"bytes\":%s}", told_get(t, T_BYTES_OUT));
		buf_char(b, '}');
	}
	buf_char(b, '}');
}

static void add_error(struct buf *b, const struct told *t)
{
	if (!told_get(t, T_ERROR_TYPE) && !told_get(t, T_RPC_CODE))
		return;
	jw_open(b, "error", '{');
	jw_text(b, "type", told_get(t, T_ERROR_TYPE));
	jw_text(b, "code", told_get(t, T_RPC_CODE));
	jw_text(b, "message", told_get(t, T_ERROR_MESSAGE));
	buf_char(b, '}');
}

static void add_own(struct buf *b, const struct told *t)
{
	jw_open(b, "gatehouse", '{');
	jw_text(b, "route", told_get(t, T_OPERATION));
	jw_text(b, "upstream", told_get(t, T_UPSTREAM));
	jw_text(b, "client_id", told_get(t, T_CLIENT_ID));
	jw_text(b, "client_name", told_get(t, T_CLIENT_NAME));
	jw_text(b, "method", told_get(t, T_METHOD));
	jw_text(b, "capability_type", told_get(t, T_CAPABILITY_TYPE));
	jw_text(b, "capability", told_get(t, T_CAPABILITY));
	jw_text(b, "outcome", told_get(t, T_OUTCOME));
	jw_text(b, "origin", told_get(t, T_ORIGIN));
	jw_text(b, "session", told_get(t, T_SESSION));
	jw_text(b, "policy", told_get(t, T_POLICY));
	jw_text(b, "action", told_get(t, T_ACTION));
	jw_text(b, "finds", told_get(t, T_FINDS));
	jw_raw(b, "matches", told_get(t, T_MATCHES));
	jw_text(b, "object", told_object(t));
	jw_raw(b, "detail", told_detail(t));
	buf_char(b, '}');
}

void form_ecs(struct buf *b, const struct told *t)
{
	struct trace_ids trace;

	form_trace(&trace, t);
	buf_char(b, '{'); /* whatever stands before it */
	jw_text(b, "@timestamp", told_column(t, TOLD_AT));
	buf_str(b, ",\"ecs\":{\"version\":\"8.11.0\"}");
	add_event(b, t);
	add_one(b, "log", "level", told_get(t, T_SEVERITY));
	buf_str(b, ",\"service\":{\"name\":\"gatehouse\",\"version\":\"" PACKAGE_VERSION "\"}");
	add_one(b, "process", "name", told_column(t, TOLD_PROGRAM));
	if (told_column(t, TOLD_NODE) && *told_column(t, TOLD_NODE))
		add_one(b, "host", "name", told_column(t, TOLD_NODE));
	buf_printf(b, ",\"trace\":{\"id\":\"%s\"},\"span\":{\"id\":\"%s\"}", trace.trace, trace.server);
	add_http(b, t);
	add_one(b, "client", "ip", told_get(t, T_CLIENT_IP));
	add_one(b, "user", "id", told_get(t, T_SUBJECT));
	if (told_get(t, T_SERVER_ADDRESS)) {
		jw_open(b, "server", '{');
		jw_text(b, "address", told_get(t, T_SERVER_ADDRESS));
		jw_raw(b, "port", told_get(t, T_SERVER_PORT));
		buf_char(b, '}');
	}
	add_error(b, t);
	add_own(b, t);
	buf_char(b, '}');
}
