/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of events, and the one table from which log lines and rows are made. */
#include "config.h"

#include "event/record.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/eight.h"
#include "base/rand.h"
#include "base/utf8.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BODIES_MAX = 4096 };
static atomic_int bodies; /* records that have one */

#define IN_EVENT(member) offsetof(struct record, e.member)
#define BOTH             (RECORD_OF_CALL | RECORD_OF_AUTH)
#define CALL             RECORD_OF_CALL
#define AUTH             RECORD_OF_AUTH
#define POLICY           RECORD_OF_POLICY
#define AUDIT            RECORD_OF_AUDIT
#define ALL              (BOTH | POLICY)

/* What the log line has before the value. */
#define KEY_TEXT(name)   ",\"" name "\":"
#define KEY(name)        { KEY_TEXT(name), sizeof(KEY_TEXT(name)) - 1 }
#define FIELD(name, ...) { name, NULL, KEY(name), { NULL, 0 }, __VA_ARGS__ }
#define ALIASED(name, alias, ...) { name, alias, KEY(name), KEY(alias), __VA_ARGS__ }

const struct record_field record_fields[] = {
	FIELD("severity", RECORD_TEXT, offsetof(struct record, severity), ALL | AUDIT),
	FIELD("event", RECORD_TEXT, IN_EVENT(name), AUTH | POLICY | AUDIT),
	FIELD("requestId", RECORD_TEXT, IN_EVENT(request_id), ALL | AUDIT),
	ALIASED("operationId", "virtualServerName", RECORD_TEXT, IN_EVENT(operation_id), ALL),
	ALIASED("upstreamServerId", "upstreamServerName", RECORD_TEXT, IN_EVENT(upstream_id), ALL),
	FIELD("subjectId", RECORD_TEXT, IN_EVENT(subject_id), ALL | AUDIT),
	FIELD("clientId", RECORD_TEXT, IN_EVENT(client_id), ALL | AUDIT),
	FIELD("clientName", RECORD_TEXT, IN_EVENT(client_name), ALL),
	FIELD("authProfileId", RECORD_TEXT, IN_EVENT(auth_profile_id), BOTH),
	FIELD("upstreamAuthMode", RECORD_TEXT, IN_EVENT(upstream_auth_mode), BOTH),
	FIELD("httpMethod", RECORD_TEXT, IN_EVENT(http_method), ALL),
	FIELD("transport", RECORD_TEXT, IN_EVENT(transport), CALL),
	FIELD("mcpMethod", RECORD_TEXT, IN_EVENT(mcp_method), CALL | POLICY),
	FIELD("capabilityType", RECORD_TEXT, IN_EVENT(capability_type), CALL | POLICY),
	FIELD("capabilityName", RECORD_TEXT, IN_EVENT(capability_name), CALL | POLICY),
	FIELD("outcome", RECORD_TEXT, IN_EVENT(outcome), ALL),
	FIELD("failureOrigin", RECORD_TEXT, IN_EVENT(failure_origin), BOTH),
	FIELD("mcpStatus", RECORD_INT, IN_EVENT(mcp_status), ALL),
	FIELD("jsonrpcErrorCode", RECORD_CODE, IN_EVENT(jsonrpc_error_code), CALL),
	FIELD("errorType", RECORD_TEXT, IN_EVENT(error_type), BOTH),
	FIELD("reasonCode", RECORD_TEXT, IN_EVENT(reason_code), ALL),
	FIELD("latencyMs", RECORD_TIME, IN_EVENT(latency_us), ALL),
	FIELD("latencyGatewayMs", RECORD_TIME, IN_EVENT(gateway_us), CALL),
	FIELD("latencyUpstreamMs", RECORD_TIME, IN_EVENT(upstream_us), CALL),
	FIELD("bytesIn", RECORD_COUNT, IN_EVENT(bytes_in), CALL),
	FIELD("bytesOut", RECORD_COUNT, IN_EVENT(bytes_out), CALL),
	FIELD("clientIp", RECORD_TEXT, IN_EVENT(client_ip), ALL),
	FIELD("protocolVersion", RECORD_TEXT, IN_EVENT(protocol_version), CALL),
	FIELD("sessionDigest", RECORD_TEXT, IN_EVENT(session_digest), CALL),
	FIELD("redirectHost", RECORD_TEXT, IN_EVENT(redirect_host), AUTH),
	FIELD("query", RECORD_TEXT, IN_EVENT(query), POLICY),
	FIELD("grantId", RECORD_TEXT, IN_EVENT(grant_id), ALL),
	FIELD("errName", RECORD_TEXT, offsetof(struct record, err_name), BOTH),
	FIELD("errMessage", RECORD_TEXT, offsetof(struct record, err_message), BOTH),
	FIELD("causeMessage", RECORD_TEXT, offsetof(struct record, cause_message), BOTH),
	FIELD("eventId", RECORD_TEXT, offsetof(struct record, id), ALL | AUDIT),
	FIELD("traceParent", RECORD_TEXT, IN_EVENT(trace_parent), CALL),
	FIELD("traceLink", RECORD_TEXT, IN_EVENT(trace_link), CALL),
	FIELD("jsonrpcId", RECORD_TEXT, IN_EVENT(rpc_id), CALL),
	FIELD("serverAddress", RECORD_TEXT, IN_EVENT(server_address), CALL),
	FIELD("serverPort", RECORD_INT, IN_EVENT(server_port), CALL),
	FIELD("tokensIn", RECORD_CODE, IN_EVENT(tokens_in), CALL),
	FIELD("tokensOut", RECORD_CODE, IN_EVENT(tokens_out), CALL),
	FIELD("policy", RECORD_TEXT, IN_EVENT(policy), POLICY),
	FIELD("action", RECORD_TEXT, IN_EVENT(action), POLICY),
	FIELD("finds", RECORD_TEXT, IN_EVENT(finds), POLICY),
	FIELD("matches", RECORD_CODE, IN_EVENT(matches), POLICY),
	FIELD("arguments", RECORD_BODY, IN_EVENT(arguments), CALL),
	FIELD("result", RECORD_BODY, IN_EVENT(result), CALL),
	{ NULL, NULL, { NULL, 0 }, { NULL, 0 }, RECORD_TEXT, 0, 0 },
};

static bool is_text(const struct record_field *f)
{
	return f->kind == RECORD_TEXT || f->kind == RECORD_BODY;
}

/* The bytes of S that are kept; a character is not cut in two. */
static size_t kept(const struct record_field *f, const char *s)
{
	size_t max = f->kind == RECORD_TEXT ? EVENT_TEXT_MAX : EVENT_BODY_MAX, n = strnlen(s, max + 1);

	if (n <= max)
		return n;
	for (n = max; n && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
		;
	return n;
}

/* Copies N bytes as far as they are ASCII; returns how many. */
static size_t copy_ascii(char *out, const char *s, size_t n)
{
	size_t i = 0;

	for (; n - i >= 8 && !(eight_at(s + i) & EIGHT(0x80)); i += 8)
		memcpy(out + i, s + i, 8);
	for (; i < n && !(s[i] & 0x80); i++)
		out[i] = s[i];
	return i;
}

/* Copies N bytes; what is no UTF-8 becomes '?', as the database would refuse the whole batch. */
static void copy_text(char *out, const char *s, size_t n)
{
	while (n) {
		size_t one = copy_ascii(out, s, n);

		if (!one)
			one = utf8_length(s, n);
		if (!one) {
			one = 1;
			*out = '?';
		} else if (*s & 0x80) {
			memcpy(out, s, one);
		}
		out += one;
		s += one;
		n -= one;
	}
	*out = '\0';
}

static void set_cause(struct record *r, const struct err *cause)
{
	if (!cause || !cause->code)
		return;
	r->err_name = err_name(cause->code);
	r->err_message = *cause->text ? cause->text : NULL;
	r->cause_message = *cause->detail ? cause->detail : NULL;
}

static bool has_body(const struct event *e)
{
	return e->arguments || e->result;
}

/* While the database is away events wait in memory: only so many with all that they may hold. */
static void limit_bodies(struct event *e)
{
	if (!has_body(e) || atomic_fetch_add(&bodies, 1) < BODIES_MAX)
		return;
	atomic_fetch_sub(&bodies, 1);
	e->arguments = e->result = NULL;
}

/* A text that an event has, where its record points to it, and how many bytes of it are kept. */
struct kept_text {
	const char *s;
	size_t n, offset;
};

/* The texts of R; *SIZE is what they take with a NUL each. */
static size_t find_texts(const struct record *r, struct kept_text *texts, size_t *size)
{
	size_t n = 0;

	*size = 0;
	for (const struct record_field *f = record_fields; f->name; f++) {
		const char *s = is_text(f) ? record_text(r, f) : NULL;

		if (!s)
			continue;
		texts[n] = (struct kept_text){ s, kept(f, s), f->offset };
		*size += texts[n++].n + 1;
	}
	return n;
}

struct record *record_new(const struct event *e)
{
	static const char *const severities[] = { "info", "error", "debug" };
	struct record shallow = { .e = *e, .severity = severities[e->severity] }, *r;
	struct kept_text texts[sizeof(record_fields) / sizeof(record_fields[0])];
	char id[UUID_TEXT], *text;
	size_t size, n;

	if (!e->id)
		rand_uuid(id);
	shallow.id = e->id ? e->id : id;
	limit_bodies(&shallow.e);
	set_cause(&shallow, e->cause);
	shallow.e.cause = NULL;
	if (!shallow.e.time_us)
		shallow.e.time_us = clock_wall_us();
	n = find_texts(&shallow, texts, &size);
	r = xmalloc(sizeof(*r) + size);
	*r = shallow;
	text = (char *)(r + 1);
	for (const struct kept_text *t = texts; t < texts + n; t++) {
		copy_text(text, t->s, t->n);
		memcpy((char *)r + t->offset, &text, sizeof(text));
		text += t->n + 1;
	}
	return r;
}

void record_free(struct record *r)
{
	while (r) {
		struct record *next = r->next;

		if (has_body(&r->e))
			atomic_fetch_sub(&bodies, 1);
		free(r);
		r = next;
	}
}
