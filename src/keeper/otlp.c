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
#define BEFORE_TEXT(key) ",{\"key\":\"" key "\",\"value\":{\"stringValue\":"
#define BEFORE_INT(key)  ",{\"key\":\"" key "\",\"value\":{\"intValue\":"
#define ATTRIBUTE(b, before, text)    add_attribute(b, before, sizeof(before) - 1, text)
#define ATTRIBUTE_TEXT(b, key, text)  ATTRIBUTE(b, BEFORE_TEXT(key), text)
#define ATTRIBUTE_INT(b, key, number) ATTRIBUTE(b, BEFORE_INT(key), number)

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

/* What spans and log records have of an event, in this order: the conventions' first, last what a span of the upstream has not. */
enum { A_TOOL = 3, A_PROMPT, A_RESOURCE, A_OPERATION, A_CONVENTIONS = 9, A_ERROR = A_CONVENTIONS, A_COMMON = 17, A_SHARED = 20 };

#define COMPUTED TOLD_FIELDS /* no field's value */

#define TEXT(key, field) { BEFORE_TEXT(key), sizeof(BEFORE_TEXT(key)) - 1, field }
#define INT(key, field)  { BEFORE_INT(key), sizeof(BEFORE_INT(key)) - 1, field }

static const struct attribute {
	const char *before;
	size_t n;
	enum told_field field;
} shared[A_SHARED] = {
	TEXT("mcp.method.name", T_METHOD),
	TEXT("mcp.protocol.version", T_VERSION),
	TEXT("mcp.session.id", T_SESSION),
	[A_TOOL] = TEXT("gen_ai.tool.name", COMPUTED),
	[A_PROMPT] = TEXT("gen_ai.prompt.name", COMPUTED),
	[A_RESOURCE] = TEXT("mcp.resource.uri", COMPUTED),
	[A_OPERATION] = TEXT("gen_ai.operation.name", COMPUTED),
	TEXT("jsonrpc.request.id", T_RPC_ID),
	TEXT("rpc.response.status_code", T_RPC_CODE),
	[A_ERROR] = TEXT("error.type", COMPUTED),
	INT("http.response.status_code", T_STATUS),
	TEXT("gatehouse.event.id", T_ID),
	TEXT("gatehouse.request.id", T_REQUEST_ID),
	TEXT("gatehouse.route", T_OPERATION),
	TEXT("gatehouse.upstream", T_UPSTREAM),
	TEXT("gatehouse.outcome", T_OUTCOME),
	TEXT("gatehouse.failure.origin", T_ORIGIN),
	[A_COMMON] = TEXT("client.address", T_CLIENT_IP),
	TEXT("user.id", T_SUBJECT),
	TEXT("gatehouse.client.id", T_CLIENT_ID),
};

/* An event's attributes as text, each with its comma, and where they are in it. */
struct attributes {
	const char *v[A_SHARED];
	size_t at[A_SHARED + 1];
	struct buf text;
};

/* A walk through a page, which writes everything that its events have to be told of. */
struct walk {
	const struct destination *d;
	const struct told *t;
	struct attributes turns[2], *now; /* most attributes are those of the event before, from which they are copied */
	struct trace_ids ids;
	int64_t start_us, took_us, upstream_us; /* when it began; how long that was, -1: it does not say */
	const char *method, *name; /* what span_name says */
	struct buf span_name;
};

static void set_values(const char *v[A_SHARED], const struct destination *d, const struct told *t)
{
	const char *method = told_get(t, T_METHOD);

	for (size_t i = d->conventions ? 0 : A_CONVENTIONS; i < A_SHARED; i++)
		if (shared[i].field != COMPUTED)
			v[i] = told_get(t, shared[i].field);
	v[A_ERROR] = error_type(t);
	if (!d->conventions)
		return;
	v[A_TOOL] = name_of(t, "tool");
	v[A_PROMPT] = name_of(t, "prompt");
	v[A_RESOURCE] = name_of(t, "resource");
	v[A_OPERATION] = method && !strcmp(method, "tools/call") ? "execute_tool" : NULL;
}

/* Attributes from I on that are those of the event before, and the one behind them; returns what comes next. */
static size_t add_run(struct attributes *now, const struct attributes *was, size_t i)
{
	size_t first = i;

	for (; i < A_SHARED && now->v[i] == was->v[i]; i++)
		now->at[i] = now->text.len + was->at[i] - was->at[first];
	if (i > first)
		buf_add(&now->text, buf_text(&was->text) + was->at[first], was->at[i] - was->at[first]);
	if (i == A_SHARED)
		return i;
	now->at[i] = now->text.len;
	add_attribute(&now->text, shared[i].before, shared[i].n, now->v[i]);
	return i + 1;
}

static void set_attributes(struct walk *w)
{
	struct attributes *was = w->now;

	w->now = was == w->turns ? w->turns + 1 : w->turns;
	buf_clear(&w->now->text);
	set_values(w->now->v, w->d, w->t);
	for (size_t i = 0; i < A_SHARED;)
		i = add_run(w->now, was, i);
	w->now->at[A_SHARED] = w->now->text.len;
}

/* The first N of them, into a list that is empty. */
static void add_attributes(struct buf *b, const struct walk *w, size_t n)
{
	if (w->now->at[n])
		buf_add(b, w->now->text.data + 1, w->now->at[n] - 1);
}

/* ---- traces ---- */

/* The pieces of an event that have an end are put together in one place. */
static char *put(char *to, const char *text, size_t n)
{
	memcpy(to, text, n);
	return to + n;
}

#define PUT(to, text) put(to, text, sizeof(text) - 1)

enum { ID_TRACE = 32, ID_SPAN = 16, HEAD_MAX = 512 /* of constant texts, ids and numbers */ };

/* A time of microseconds as nanoseconds. */
static char *put_nanos(char *to, int64_t us)
{
	to += int_text(to, us);
	return PUT(to, "000\"");
}

static void set_span_name(struct walk *w)
{
	const char *method = told_name(w->t), *name = name_of(w->t, "tool");

	if (!name)
		name = name_of(w->t, "prompt");
	if (w->span_name.len && w->method == method && w->name == name)
		return;
	w->method = method;
	w->name = name;
	buf_clear(&w->span_name);
	buf_json(&w->span_name, name ? arena_printf(w->t->arena, "%s %s", method, name) : method);
}

struct span_of {
	const char *id, *parent; /* "": none */
	char kind;
	int64_t start_us, end_us;
};

/* Ids are hex digits, and need no escapes. */
static void span_head(struct buf *b, const struct walk *w, const struct span_of *s)
{
	char head[HEAD_MAX], *p = head;

	if (b->data[b->len - 1] != '[')
		*p++ = ',';
	p = PUT(p, "{\"traceId\":\"");
	p = put(p, w->ids.trace, ID_TRACE);
	p = PUT(p, "\",\"spanId\":\"");
	p = put(p, s->id, ID_SPAN);
	if (*s->parent) {
		p = PUT(p, "\",\"parentSpanId\":\"");
		p = put(p, s->parent, ID_SPAN);
	}
	p = PUT(p, "\",\"flags\":");
	p += int_text(p, (int64_t)w->ids.flags);
	p = PUT(p, ",\"name\":");
	buf_add(b, head, (size_t)(p - head));
	buf_add(b, buf_text(&w->span_name), w->span_name.len);
	p = PUT(head, ",\"kind\":");
	*p++ = s->kind;
	p = PUT(p, ",\"startTimeUnixNano\":\"");
	p = put_nanos(p, s->start_us);
	p = PUT(p, ",\"endTimeUnixNano\":\"");
	p = put_nanos(p, s->end_us);
	p = PUT(p, ",\"attributes\":[");
	buf_add(b, head, (size_t)(p - head));
}

static void span_end(struct buf *b, const struct walk *w)
{
	if (w->now->v[A_ERROR]) {
		PIECE(b, ",\"status\":{\"code\":2");
		jw_text(b, "message", told_get(w->t, T_REASON));
		PIECE(b, "}}");
	} else {
		PIECE(b, ",\"status\":{\"code\":0}}");
	}
}

static void add_link(struct buf *b, const struct told *t)
{
	const char *link = told_get(t, T_TRACE_LINK);

	if (link && strlen(link) >= 55)
		buf_printf(b, ",\"links\":[{\"traceId\":\"%.32s\",\"spanId\":\"%.16s\"}]", link + 3, link + 36);
}

static void add_spans(struct buf *b, struct walk *w)
{
	const struct told *t = w->t;
	int64_t start = w->start_us, up = w->upstream_us, end = start + (w->took_us > 0 ? w->took_us : 0);
	struct span_of server = { w->ids.server, w->ids.parent, '2', start, end };
	struct span_of client = { w->ids.client, w->ids.server, '3', end > up ? end - up : start, end };

	set_span_name(w);
	span_head(b, w, &server);
	add_attributes(b, w, A_SHARED);
	if (w->d->conventions) { /* only where the route says so is there anything */
		ATTRIBUTE_TEXT(b, "gen_ai.tool.call.arguments", told_get(t, T_ARGUMENTS));
		ATTRIBUTE_TEXT(b, "gen_ai.tool.call.result", told_get(t, T_RESULT));
	}
	buf_char(b, ']');
	add_link(b, t);
	span_end(b, w);
	if (up <= 0) /* it did not come so far */
		return;
	span_head(b, w, &client);
	add_attributes(b, w, A_COMMON);
	ATTRIBUTE_TEXT(b, "server.address", told_get(t, T_SERVER_ADDRESS));
	ATTRIBUTE_INT(b, "server.port", told_get(t, T_SERVER_PORT));
	buf_char(b, ']');
	span_end(b, w);
}

/* ---- logs ---- */

static void record_head(struct buf *b, const struct walk *w)
{
	const char *severity = told_get(w->t, T_SEVERITY);
	char head[HEAD_MAX], *p = head;

	if (b->data[b->len - 1] != '[')
		*p++ = ',';
	p = PUT(p, "{\"timeUnixNano\":\"");
	p = put_nanos(p, w->start_us);
	p = PUT(p, ",\"observedTimeUnixNano\":\"");
	p = put_nanos(p, w->start_us);
	p = severity && !strcmp(severity, "error") ? PUT(p, ",\"severityNumber\":17,\"severityText\":\"ERROR\"")
	                                           : PUT(p, ",\"severityNumber\":9,\"severityText\":\"INFO\"");
	p = PUT(p, ",\"body\":{\"stringValue\":");
	buf_add(b, head, (size_t)(p - head));
	buf_json(b, told_name(w->t));
	PIECE(b, "},\"attributes\":[");
}

/* As the span of its call. */
static void record_ids(struct buf *b, const struct walk *w)
{
	char ids[HEAD_MAX], *p = PUT(ids, ",\"flags\":");

	p += int_text(p, (int64_t)w->ids.flags);
	p = PUT(p, ",\"traceId\":\"");
	p = put(p, w->ids.trace, ID_TRACE);
	p = PUT(p, "\",\"spanId\":\"");
	p = put(p, w->ids.server, ID_SPAN);
	*p++ = '"';
	buf_add(b, ids, (size_t)(p - ids));
}

static void add_record(struct buf *b, const struct walk *w)
{
	const struct told *t = w->t;

	record_head(b, w);
	add_attributes(b, w, A_SHARED);
	ATTRIBUTE_TEXT(b, "gatehouse.family", told_family(t));
	ATTRIBUTE_TEXT(b, "gatehouse.reason", told_get(t, T_REASON));
	ATTRIBUTE_TEXT(b, "gatehouse.policy", told_get(t, T_POLICY));
	ATTRIBUTE_TEXT(b, "gatehouse.policy.action", told_get(t, T_ACTION));
	ATTRIBUTE_TEXT(b, "gatehouse.policy.finds", told_get(t, T_FINDS));
	ATTRIBUTE_INT(b, "gatehouse.policy.matches", told_get(t, T_MATCHES));
	ATTRIBUTE_TEXT(b, "gatehouse.object", told_object(t));
	ATTRIBUTE_TEXT(b, "gatehouse.detail", told_detail(t));
	buf_char(b, ']');
	if (is_call(t))
		record_ids(b, w);
	buf_char(b, '}');
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
	size_t n, last; /* that was found last: it is mostly the next one, too */
	int64_t from_us, to_us;
};

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_point(const struct point *a, const struct point *b)
{
	return same(a->route, b->route) && same(a->upstream, b->upstream) && same(a->method, b->method) && same(a->tool, b->tool) &&
	       same(a->error, b->error);
}

/* Past the last place a tool's name is let go: whoever calls makes names up. */
static struct point *point_of(struct points *p, const struct point *key)
{
	size_t i = 0;

	if (p->n && same_point(&p->list[p->last], key))
		return &p->list[p->last];
	while (i < p->n && !same_point(&p->list[i], key))
		i++;
	if (i == POINTS_MAX)
		return &p->list[POINTS_MAX - 1];
	if (i == p->n)
		p->list[p->n++] = *key;
	p->last = i;
	return &p->list[i];
}

static void count(struct points *p, const struct walk *w, bool client)
{
	const struct told *t = w->t;
	int64_t start = w->start_us, us = client ? w->upstream_us : w->took_us;
	const char *outcome = told_get(t, T_OUTCOME);
	bool known = outcome && (!strcmp(outcome, "success") || !strcmp(outcome, "application_error"));
	struct point key = {
		.route = told_get(t, T_OPERATION),
		.upstream = told_get(t, T_UPSTREAM),
		.method = told_get(t, T_METHOD),
		.tool = known ? name_of(t, "tool") : NULL,
		.error = w->now->v[A_ERROR],
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
static void add_metric(struct buf *b, const struct destination *d, const struct points *p, bool client)
{
	if (!p->n)
		return;
	jw_open(b, NULL, '{');
	jw_text(b, "name", client ? "mcp.client.operation.duration" : "mcp.server.operation.duration");
	buf_str(b, ",\"unit\":\"s\",\"histogram\":{\"aggregationTemporality\":1,\"dataPoints\":[");
	for (size_t i = 0; i < p->n; i++)
		add_point(b, p, &p->list[i], d->conventions);
	buf_str(b, "]}}");
}

/* ---- bodies ---- */

static struct buf *body_of(struct buf body[OTLP_SIGNALS], unsigned wanted, unsigned signal)
{
	static const char *const of[OTLP_SIGNALS] = { "Spans", "Logs", "Metrics" }, *const items[OTLP_SIGNALS] = { "spans", "logRecords", "metrics" };
	size_t i = signal == SIGNAL_TRACES ? 0 : signal == SIGNAL_LOGS ? 1 : 2;

	if (!(wanted & signal))
		return NULL;
	buf_printf(&body[i], "{\"resource%s\":[{%s,\"scope%s\":[{%s,\"%s\":[", of[i], resource, of[i], scope, items[i]);
	return &body[i];
}

static bool body_end(struct buf *b)
{
	bool any = b && b->data[b->len - 1] != '[';

	if (any)
		buf_str(b, "]}]}]}");
	return any;
}

static void walk_init(struct walk *w, const struct destination *d)
{
	*w = (struct walk){ .d = d };
	w->now = w->turns;
	buf_init(&w->turns[0].text, FORM_LINE_MAX);
	buf_init(&w->turns[1].text, FORM_LINE_MAX);
	buf_init(&w->span_name, FORM_LINE_MAX);
}

static void walk_release(struct walk *w)
{
	buf_release(&w->turns[0].text);
	buf_release(&w->turns[1].text);
	buf_release(&w->span_name);
}

static void walk_on(struct walk *w, const struct told *t)
{
	w->t = t;
	w->start_us = told_time_us(t);
	w->took_us = told_number(t, T_LATENCY);
	w->upstream_us = told_number(t, T_UPSTREAM_TIME);
	form_trace(&w->ids, t);
	set_attributes(w);
}

unsigned otlp_write(struct buf body[OTLP_SIGNALS], unsigned wanted, const struct destination *d, const struct told *t, size_t n)
{
	struct buf *traces = body_of(body, wanted, SIGNAL_TRACES), *logs = body_of(body, wanted, SIGNAL_LOGS);
	struct buf *metrics = body_of(body, wanted, SIGNAL_METRICS);
	struct points *points = metrics ? xcalloc(2, sizeof(*points)) : NULL;
	struct walk w;

	walk_init(&w, d);
	for (size_t i = 0; i < n; i++) {
		bool call = is_call(&t[i]);

		walk_on(&w, &t[i]);
		if (traces && call)
			add_spans(traces, &w);
		if (logs)
			add_record(logs, &w);
		if (metrics && call) {
			count(&points[0], &w, false);
			count(&points[1], &w, true);
		}
	}
	if (metrics) {
		add_metric(metrics, d, &points[0], false);
		add_metric(metrics, d, &points[1], true);
	}
	free(points);
	walk_release(&w);
	return (body_end(traces) ? SIGNAL_TRACES : 0u) | (body_end(logs) ? SIGNAL_LOGS : 0u) | (body_end(metrics) ? SIGNAL_METRICS : 0u);
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
