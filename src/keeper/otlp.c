/* SPDX-License-Identifier: Apache-2.0 */
/* Spans, log records and histograms of a page of events, and what a collector says of them. */
#include "config.h"

#include "keeper/otlp.h"

#include "json/json.h"
#include "keeper/event_form.h"
#include "keeper/json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS_MAX = 256, EDGES = 14, ANSWER_MAX = 65536 };

static const char scope[] = "\"scope\":{\"name\":\"gatehouse\",\"version\":\"" PACKAGE_VERSION "\"}";
static const char resource[] = "\"resource\":{\"attributes\":["
			       "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"gatehouse\"}},"
			       "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"" PACKAGE_VERSION "\"}}]}";

/* Seconds: what the conventions recommend for these histograms. */
static const double edges[EDGES] = { 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300 };

/* ---- attributes ---- */

/* BEFORE is all that stands before the value, a comma first. */
static void add_attribute(struct buf *b, const char *before, size_t n, const char *text)
{
	bool first = b->len && b->data[b->len - 1] == '[';

	if (!text)
		return;
	buf_add(b, before + first, n - first);
	buf_json(b, text);
	buf_add(b, "}}", 2);
}

#define PIECE(b, text) buf_add(b, text, sizeof(text) - 1)

/* Most of a body is attributes, so that what is the same of each is one piece. 64-bit integers are texts, too. */
#define ATTRIBUTE(b, before, text)      add_attribute(b, before, sizeof(before) - 1, text)
#define ATTRIBUTE_TEXT(b, key, text)    ATTRIBUTE(b, ",{\"key\":\"" key "\",\"value\":{\"stringValue\":", text)
#define ATTRIBUTE_INT(b, key, number)   ATTRIBUTE(b, ",{\"key\":\"" key "\",\"value\":{\"intValue\":", number)

static bool is_call(const struct told *t)
{
	return !strcmp(told_family(t), "call");
}

/* error.type: absent for what went well. */
static const char *error_type(const struct told *t)
{
	const char *type = told_get(t, T_ERROR_TYPE);

	return form_status(t) == 2 ? type ? type : told_get(t, T_OUTCOME) : NULL;
}

static const char *name_of(const struct told *t, const char *type)
{
	const char *is = told_get(t, T_CAPABILITY_TYPE);

	return is && !strcmp(is, type) ? told_get(t, T_CAPABILITY) : NULL;
}

static void conventions(struct buf *b, const struct told *t)
{
	const char *method = told_get(t, T_METHOD);

	ATTRIBUTE_TEXT(b, "mcp.method.name", method);
	ATTRIBUTE_TEXT(b, "mcp.protocol.version", told_get(t, T_VERSION));
	ATTRIBUTE_TEXT(b, "mcp.session.id", told_get(t, T_SESSION));
	ATTRIBUTE_TEXT(b, "gen_ai.tool.name", name_of(t, "tool"));
	ATTRIBUTE_TEXT(b, "gen_ai.prompt.name", name_of(t, "prompt"));
	ATTRIBUTE_TEXT(b, "mcp.resource.uri", name_of(t, "resource"));
	if (method && !strcmp(method, "tools/call"))
		ATTRIBUTE_TEXT(b, "gen_ai.operation.name", "execute_tool");
	ATTRIBUTE_TEXT(b, "jsonrpc.request.id", told_get(t, T_RPC_ID));
	ATTRIBUTE_TEXT(b, "rpc.response.status_code", told_get(t, T_RPC_CODE));
}

static void common(struct buf *b, const struct destination *d, const struct told *t)
{
	if (d->conventions)
		conventions(b, t);
	ATTRIBUTE_TEXT(b, "error.type", error_type(t));
	ATTRIBUTE_INT(b, "http.response.status_code", told_get(t, T_STATUS));
	ATTRIBUTE_TEXT(b, "gatehouse.event.id", told_get(t, T_ID));
	ATTRIBUTE_TEXT(b, "gatehouse.request.id", told_get(t, T_REQUEST_ID));
	ATTRIBUTE_TEXT(b, "gatehouse.route", told_get(t, T_OPERATION));
	ATTRIBUTE_TEXT(b, "gatehouse.upstream", told_get(t, T_UPSTREAM));
	ATTRIBUTE_TEXT(b, "gatehouse.outcome", told_get(t, T_OUTCOME));
	ATTRIBUTE_TEXT(b, "gatehouse.failure.origin", told_get(t, T_ORIGIN));
}

/* ---- traces ---- */

static const char *span_name(const struct told *t)
{
	const char *method = told_name(t), *name = name_of(t, "tool");

	if (!name)
		name = name_of(t, "prompt");
	return name ? arena_printf(t->arena, "%s %s", method, name) : method;
}

/* A time of microseconds as nanoseconds. */
static void add_nanos(struct buf *b, const char *before, const char *us)
{
	buf_str(b, before);
	buf_str(b, us);
	PIECE(b, "000\"");
}

static const char *began(const struct told *t)
{
	const char *us = told_column(t, TOLD_US);

	return us ? us : "0";
}

/* Ids are hex digits, and need no escapes. */
static void span_head(struct buf *b, const struct told *t, const struct trace_ids *f, const char *span,
    const char *parent, int kind, const char *start_us, const char *end_us)
{
	jw_name(b, NULL);
	PIECE(b, "{\"traceId\":\"");
	buf_str(b, f->trace);
	PIECE(b, "\",\"spanId\":\"");
	buf_str(b, span);
	if (*parent) {
		PIECE(b, "\",\"parentSpanId\":\"");
		buf_str(b, parent);
	}
	PIECE(b, "\",\"flags\":");
	buf_int(b, (int64_t)f->flags);
	PIECE(b, ",\"name\":");
	buf_json(b, span_name(t));
	PIECE(b, ",\"kind\":");
	buf_int(b, kind);
	add_nanos(b, ",\"startTimeUnixNano\":\"", start_us);
	add_nanos(b, ",\"endTimeUnixNano\":\"", end_us);
}

static void span_end(struct buf *b, const struct told *t)
{
	if (error_type(t)) {
		buf_str(b, ",\"status\":{\"code\":2");
		jw_text(b, "message", told_get(t, T_REASON));
		buf_str(b, "}}");
	} else {
		buf_str(b, ",\"status\":{\"code\":0}}");
	}
}

static void add_link(struct buf *b, const struct told *t)
{
	const char *link = told_get(t, T_TRACE_LINK);

	if (link && strlen(link) >= 55)
		buf_printf(b, ",\"links\":[{\"traceId\":\"%.32s\",\"spanId\":\"%.16s\"}]", link + 3, link + 36);
}

static void add_spans(struct buf *b, const struct destination *d, const struct told *t)
{
	int64_t start = told_time_us(t), took = told_number(t, T_LATENCY), up = told_number(t, T_UPSTREAM_TIME);
	int64_t end = start + (took > 0 ? took : 0);
	char end_text[INT_TEXT], sent_text[INT_TEXT];
	struct trace_ids f;
	size_t from, shared;

	form_trace(&f, t);
	int_text(end_text, end);
	span_head(b, t, &f, f.server, f.parent, 2, began(t), end_text);
	buf_str(b, ",\"attributes\":[");
	from = b->len;
	common(b, d, t);
	shared = b->len - from;
	ATTRIBUTE_TEXT(b, "client.address", told_get(t, T_CLIENT_IP));
	ATTRIBUTE_TEXT(b, "user.id", told_get(t, T_SUBJECT));
	ATTRIBUTE_TEXT(b, "gatehouse.client.id", told_get(t, T_CLIENT_ID));
	if (d->conventions) { /* only where the route says so is there anything */
		ATTRIBUTE_TEXT(b, "gen_ai.tool.call.arguments", told_get(t, T_ARGUMENTS));
		ATTRIBUTE_TEXT(b, "gen_ai.tool.call.result", told_get(t, T_RESULT));
	}
	buf_char(b, ']');
	add_link(b, t);
	span_end(b, t);
	if (up <= 0) /* it did not come so far */
		return;
	int_text(sent_text, end > up ? end - up : start);
	span_head(b, t, &f, f.client, f.server, 3, sent_text, end_text);
	buf_str(b, ",\"attributes\":[");
	buf_again(b, from, shared);
	ATTRIBUTE_TEXT(b, "server.address", told_get(t, T_SERVER_ADDRESS));
	ATTRIBUTE_INT(b, "server.port", told_get(t, T_SERVER_PORT));
	buf_char(b, ']');
	span_end(b, t);
}

bool otlp_traces(struct buf *b, const struct destination *d, const struct told *t, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		if (!is_call(&t[i]))
			continue;
		if (!any)
			buf_printf(b, "{\"resourceSpans\":[{%s,\"scopeSpans\":[{%s,\"spans\":[", resource, scope);
		any = true;
		add_spans(b, d, &t[i]);
	}
	if (any)
		buf_str(b, "]}]}]}");
	return any;
}

/* ---- logs ---- */

static void add_record(struct buf *b, const struct destination *d, const struct told *t)
{
	const char *severity = told_get(t, T_SEVERITY);
	bool error = severity && !strcmp(severity, "error");
	struct trace_ids f;

	form_trace(&f, t);
	jw_name(b, NULL);
	add_nanos(b, "{\"timeUnixNano\":\"", began(t));
	add_nanos(b, ",\"observedTimeUnixNano\":\"", began(t));
	buf_str(b, error ? ",\"severityNumber\":17,\"severityText\":\"ERROR\"" : ",\"severityNumber\":9,\"severityText\":\"INFO\"");
	PIECE(b, ",\"body\":{\"stringValue\":");
	buf_json(b, told_name(t));
	PIECE(b, "},\"attributes\":[");
	common(b, d, t);
	ATTRIBUTE_TEXT(b, "client.address", told_get(t, T_CLIENT_IP));
	ATTRIBUTE_TEXT(b, "user.id", told_get(t, T_SUBJECT));
	ATTRIBUTE_TEXT(b, "gatehouse.client.id", told_get(t, T_CLIENT_ID));
	ATTRIBUTE_TEXT(b, "gatehouse.family", told_family(t));
	ATTRIBUTE_TEXT(b, "gatehouse.reason", told_get(t, T_REASON));
	ATTRIBUTE_TEXT(b, "gatehouse.policy", told_get(t, T_POLICY));
	ATTRIBUTE_TEXT(b, "gatehouse.policy.action", told_get(t, T_ACTION));
	ATTRIBUTE_TEXT(b, "gatehouse.policy.finds", told_get(t, T_FINDS));
	ATTRIBUTE_INT(b, "gatehouse.policy.matches", told_get(t, T_MATCHES));
	ATTRIBUTE_TEXT(b, "gatehouse.object", told_object(t));
	ATTRIBUTE_TEXT(b, "gatehouse.detail", told_detail(t));
	buf_char(b, ']');
	if (is_call(t)) {
		jw_int(b, "flags", (int64_t)f.flags);
		jw_text(b, "traceId", f.trace);
		jw_text(b, "spanId", f.server);
	}
	buf_char(b, '}');
}

bool otlp_logs(struct buf *b, const struct destination *d, const struct told *t, size_t n)
{
	buf_printf(b, "{\"resourceLogs\":[{%s,\"scopeLogs\":[{%s,\"logRecords\":[", resource, scope);
	for (size_t i = 0; i < n; i++)
		add_record(b, d, &t[i]);
	buf_str(b, "]}]}]}");
	return n > 0;
}

/* ---- metrics ---- */

struct point {
	const char *route, *upstream, *method, *tool, *error;
	const char *address, *port;
	uint64_t count, buckets[EDGES + 1];
	double sum;
};

struct points {
	struct point list[POINTS_MAX];
	size_t n;
	int64_t from_us, to_us;
};

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Past the last place a tool's name is let go: whoever calls makes names up. */
static struct point *point_of(struct points *p, const struct point *key)
{
	for (size_t i = 0; i < p->n; i++) {
		struct point *q = &p->list[i];

		if (same(q->route, key->route) && same(q->upstream, key->upstream) && same(q->method, key->method) &&
		    same(q->tool, key->tool) && same(q->error, key->error))
			return q;
	}
	if (p->n == POINTS_MAX)
		return &p->list[POINTS_MAX - 1];
	p->list[p->n] = *key;
	return &p->list[p->n++];
}

static void count(struct points *p, const struct told *t, bool client)
{
	int64_t start = told_time_us(t), us = told_number(t, client ? T_UPSTREAM_TIME : T_LATENCY);
	const char *outcome = told_get(t, T_OUTCOME);
	bool known = outcome && (!strcmp(outcome, "success") || !strcmp(outcome, "application_error"));
	struct point key = {
		.route = told_get(t, T_OPERATION),
		.upstream = told_get(t, T_UPSTREAM),
		.method = told_get(t, T_METHOD),
		.tool = known ? name_of(t, "tool") : NULL,
		.error = error_type(t),
		.address = client ? told_get(t, T_SERVER_ADDRESS) : NULL,
		.port = client ? told_get(t, T_SERVER_PORT) : NULL,
	};
	struct point *q;
	size_t i = 0;

	if (us < 0 || (client && !us))
		return;
	q = point_of(p, &key);
	while (i < EDGES && (double)us > edges[i] * 1e6)
		i++;
	q->buckets[i]++;
	q->count++;
	q->sum += (double)us / 1e6;
	if (!p->from_us || start < p->from_us)
		p->from_us = start;
	if (start + us > p->to_us)
		p->to_us = start + us;
}

static void add_point(struct buf *b, const struct points *p, const struct point *q, bool conventional)
{
	jw_open(b, NULL, '{');
	buf_str(b, "\"attributes\":[");
	if (conventional) {
		ATTRIBUTE_TEXT(b, "mcp.method.name", q->method);
		ATTRIBUTE_TEXT(b, "gen_ai.tool.name", q->tool);
	}
	ATTRIBUTE_TEXT(b, "error.type", q->error);
	ATTRIBUTE_TEXT(b, "server.address", q->address);
	ATTRIBUTE_INT(b, "server.port", q->port);
	ATTRIBUTE_TEXT(b, "gatehouse.route", q->route);
	ATTRIBUTE_TEXT(b, "gatehouse.upstream", q->upstream);
	buf_printf(b, "],\"startTimeUnixNano\":\"%" PRId64 "000\",\"timeUnixNano\":\"%" PRId64 "000\"", p->from_us,
	    p->to_us);
	buf_printf(b, ",\"count\":\"%" PRIu64 "\",\"sum\":%.6f,\"bucketCounts\":[", q->count, q->sum);
	for (size_t i = 0; i <= EDGES; i++)
		buf_printf(b, "%s\"%" PRIu64 "\"", i ? "," : "", q->buckets[i]);
	buf_str(b, "],\"explicitBounds\":[");
	for (size_t i = 0; i < EDGES; i++)
		buf_printf(b, "%s%g", i ? "," : "", edges[i]);
	buf_str(b, "]}");
}

/* 1: AGGREGATION_TEMPORALITY_DELTA: what this page adds. */
static bool add_metric(struct buf *b, const struct destination *d, const struct told *t, size_t n, bool client)
{
	struct points *p = xcalloc(1, sizeof(*p));
	bool any;

	for (size_t i = 0; i < n; i++)
		if (is_call(&t[i]))
			count(p, &t[i], client);
	any = p->n > 0;
	if (any) {
		jw_open(b, NULL, '{');
		jw_text(b, "name", client ? "mcp.client.operation.duration" : "mcp.server.operation.duration");
		buf_str(b, ",\"unit\":\"s\",\"histogram\":{\"aggregationTemporality\":1,\"dataPoints\":[");
		for (size_t i = 0; i < p->n; i++)
			add_point(b, p, &p->list[i], d->conventions);
		buf_str(b, "]}}");
	}
	free(p);
	return any;
}

bool otlp_metrics(struct buf *b, const struct destination *d, const struct told *t, size_t n)
{
	bool any;

	buf_printf(b, "{\"resourceMetrics\":[{%s,\"scopeMetrics\":[{%s,\"metrics\":[", resource, scope);
	any = add_metric(b, d, t, n, false);
	any |= add_metric(b, d, t, n, true);
	buf_str(b, "]}]}]}");
	return any;
}

/* ---- answers ---- */

int64_t otlp_rejected(const char *text, size_t n, char *why, size_t size)
{
	static const char *const names[] = { "rejectedSpans", "rejectedLogRecords", "rejectedDataPoints" };
	const struct scan_limits limits = scan_limits_of(ANSWER_MAX);
	struct span partial, value;
	int64_t rejected = 0;
	char number[24];

	*why = '\0';
	if (!n || !scan_check(text, n, &limits, NULL))
		return 0;
	partial = scan_member(scan_value(text, n), "partialSuccess");
	if (scan_kind(partial) != '{')
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		value = scan_member(partial, names[i]);
		if (scan_kind(value) == '0' && value.n < sizeof(number))
			snprintf(number, sizeof(number), "%.*s", (int)value.n, value.p);
		else if (!scan_copy(value, number, sizeof(number)))
			continue;
		rejected += strtoll(number, NULL, 10) > 0 ? strtoll(number, NULL, 10) % 1000000 : 0;
	}
	scan_copy(scan_member(partial, "errorMessage"), why, size);
	return rejected;
}
