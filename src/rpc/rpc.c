/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of clients: one look at each message's members, one at those of its params. */
#include "config.h"

#include "rpc/rpc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define META_VERSION      "io.modelcontextprotocol/protocolVersion"
#define META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"

/* A member to look for, and where its value goes. */
struct want {
	const char *name; /* ASCII without a backslash */
	size_t n;
	struct span value;
	bool lax; /* a look-alike of it is no fault */
};

#define WANT(text) .name = (text), .n = sizeof(text) - 1

enum { M_JSONRPC, M_ID, M_METHOD, M_PARAMS, M_RESULT, M_ERROR, M_END };
enum { P_NAME, P_URI, P_REF, P_TASK, P_META, P_VERSION, P_CAPABILITIES, P_ARGUMENTS, P_END };

enum { PARTS_MAX = 32 }; /* members that are remembered of a message */

/* The methods that use a capability, and the parameter that names it. */
static const struct {
	const char *method;
	int param;
	bool mirrored; /* Mcp-Name repeats it (protocol.md 1.5) */
	const char *type;
} methods[] = {
	{ "tools/call", P_NAME, true, "tool" },
	{ "prompts/get", P_NAME, true, "prompt" },
	{ "resources/read", P_URI, true, "resource" },
	{ "resources/subscribe", P_URI, false, "resource" },
	{ "resources/unsubscribe", P_URI, false, "resource" },
	{ "tasks/get", P_TASK, true, NULL },
	{ "tasks/update", P_TASK, true, NULL },
	{ "tasks/cancel", P_TASK, true, NULL },
};

bool rpc_fail(struct rpc_fault *f, int status, int code, const char *reason, const char *fmt, ...)
{
	va_list ap;

	f->status = status;
	f->code = code;
	f->reason = reason;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return false;
}

static bool invalid(struct rpc_fault *f, const char *text)
{
	return rpc_fail(f, 400, RPC_INVALID_REQUEST, "invalid_request", "%s", text);
}

/* The one of N that a member's name decodes to, or NULL. */
static struct want *wanted(struct want *wants, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (name.n == wants[i].n + 2 && !memcmp(name.p + 1, wants[i].name, wants[i].n))
			return &wants[i];
	if (!name.n || !memchr(name.p, '\\', name.n)) /* it is spelled as it is */
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (scan_string_is(name, wants[i].name))
			return &wants[i];
	return NULL;
}

/* Takes a member if it is wanted. A look-alike of one that is wanted is a fault. */
static bool take_member(struct want *wants, size_t n, struct span name, struct span value, struct rpc_fault *f)
{
	struct want *w = wanted(wants, n, name);

	if (w) {
		w->value = value;
		return true;
	}
	for (size_t i = 0; i < n; i++)
		if (!wants[i].lax && scan_string_folds_to(name, wants[i].name))
			return rpc_fail(f, 400, RPC_INVALID_REQUEST, "invalid_request",
			    "a member spells \"%s\" in another case", wants[i].name);
	return true;
}

/* Fills in the N wanted members of OBJECT, if it is one. PARTS, if there are any, may know them. */
static bool members(const struct scan_parts *parts, struct span object, struct want *wants, size_t n, struct rpc_fault *f)
{
	const struct scan_part *end, *p = scan_parts_of(parts, object, &end);
	struct span name, value;
	size_t pos = 0;

	if (p) {
		for (; p < end; p = scan_part_next(parts, p))
			if (!take_member(wants, n, p->name, p->value, f))
				return false;
		return true;
	}
	while (scan_kind(object) == '{' && scan_next(object, &pos, &name, &value))
		if (!take_member(wants, n, name, value, f))
			return false;
	return true;
}

/* A string, or an integer; MCP has no null, and a fraction has more than one spelling. */
static bool is_id(struct span id)
{
	if (scan_kind(id) == '"')
		return true;
	if (scan_kind(id) != '0')
		return false;
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] == '.' || (id.p[i] | 0x20) == 'e')
			return false;
	return true;
}

/* The capability that PARAM's value names. What is no string no policy could judge. */
static bool read_capability(
    struct rpc_msg *m, const char *type, struct span value, struct arena *a, struct rpc_fault *f)
{
	m->capability_type = type;
	if (!value.p)
		return true;
	m->capability_name = scan_string(value, a);
	return m->capability_name || rpc_fail(f, 400, RPC_INVALID_PARAMS, "invalid_params",
	                                 "%s: the %s's name is no text", m->method, type);
}

/* completion/complete: params.ref is {"type":"ref/prompt","name":…} or {"type":"ref/resource","uri":…}. */
static bool read_reference(struct rpc_msg *m, struct span ref, struct arena *a, struct rpc_fault *f)
{
	struct want wants[] = { { WANT("type") }, { WANT("name") }, { WANT("uri") } };

	if (!members(NULL, ref, wants, 3, f))
		return false;
	if (scan_string_is(wants[0].value, "ref/prompt"))
		return read_capability(m, "prompt", wants[1].value, a, f);
	if (scan_string_is(wants[0].value, "ref/resource"))
		return read_capability(m, "resource", wants[2].value, a, f);
	return true;
}

static bool read_envelope(struct rpc_msg *m, struct span meta, struct arena *a, struct rpc_fault *f)
{
	struct want wants[] = { { WANT(META_VERSION) }, { WANT(META_CAPABILITIES) } };

	if (!members(NULL, meta, wants, 2, f))
		return false;
	m->modern = wants[0].value.p != NULL;
	if (m->modern) {
		m->version = scan_string(wants[0].value, a);
		m->capabilities = wants[1].value;
	}
	return true;
}

static bool read_params(const struct scan_parts *parts, struct rpc_msg *m, struct arena *a, struct rpc_fault *f)
{
	struct want p[P_END] = {
		[P_NAME] = { WANT("name") },
		[P_URI] = { WANT("uri") },
		[P_REF] = { WANT("ref") },
		[P_TASK] = { WANT("taskId") },
		[P_META] = { WANT("_meta") },
		[P_VERSION] = { WANT("protocolVersion") },
		[P_CAPABILITIES] = { WANT("capabilities") },
		[P_ARGUMENTS] = { WANT("arguments"), .lax = true },
	};

	if (!members(parts, m->params, p, P_END, f))
		return false;
	m->arguments = p[P_ARGUMENTS].value;
	m->meta = p[P_META].value;
	if (m->is_initialize) {
		m->version = scan_string(p[P_VERSION].value, a);
		m->capabilities = p[P_CAPABILITIES].value;
	}
	if (!read_envelope(m, m->meta, a, f))
		return false;
	if (!strcmp(m->method, "completion/complete"))
		return read_reference(m, p[P_REF].value, a, f);
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		if (strcmp(m->method, methods[i].method) != 0)
			continue;
		if (methods[i].mirrored)
			m->mirrored = p[methods[i].param].value;
		return !methods[i].type ||
		    read_capability(m, methods[i].type, p[methods[i].param].value, a, f);
	}
	return true;
}

static bool read_call(const struct scan_parts *parts, struct rpc_msg *m, struct want *w, struct arena *a, struct rpc_fault *f)
{
	m->kind = w[M_ID].value.p ? RPC_REQUEST : RPC_NOTIFICATION;
	if (w[M_RESULT].value.p || w[M_ERROR].value.p)
		return invalid(f, "a message is both a call and an answer");
	if (m->kind == RPC_REQUEST && !is_id(m->id))
		return invalid(f, "the id is no string and no integer");
	m->method = scan_string(w[M_METHOD].value, a);
	if (!m->method)
		return invalid(f, "the method is no text");
	m->is_initialize = !strcmp(m->method, "initialize");
	m->params = w[M_PARAMS].value;
	if (scan_kind(m->params) == 'n') /* null, as some write for none */
		m->params = (struct span){ NULL, 0 };
	if (m->params.p && scan_kind(m->params) != '{')
		return invalid(f, "params is no object");
	return read_params(parts, m, a, f);
}

static bool read_response(struct rpc_msg *m, struct want *w, struct rpc_fault *f)
{
	m->kind = RPC_RESPONSE;
	if (!w[M_RESULT].value.p == !w[M_ERROR].value.p)
		return invalid(f, "a message needs a method, or either a result or an error");
	/* an error may lack the id of what could not be read */
	if (!is_id(m->id) && (m->id.p || w[M_RESULT].value.p))
		return invalid(f, "the id is no string and no integer");
	return true;
}

static bool read_message(const struct scan_parts *parts, struct rpc_msg *m, struct span whole, struct arena *a, struct rpc_fault *f)
{
	struct want w[M_END] = {
		[M_JSONRPC] = { WANT("jsonrpc") },
		[M_ID] = { WANT("id") },
		[M_METHOD] = { WANT("method") },
		[M_PARAMS] = { WANT("params") },
		[M_RESULT] = { WANT("result") },
		[M_ERROR] = { WANT("error") },
	};

	*m = (struct rpc_msg){ .whole = whole };
	if (scan_kind(whole) != '{')
		return invalid(f, "a message is no object");
	if (!members(parts, whole, w, M_END, f))
		return false;
	m->id = w[M_ID].value;
	if (is_id(m->id) && w[M_METHOD].value.p)
		f->id = m->id;
	if (!scan_string_is(w[M_JSONRPC].value, "2.0"))
		return invalid(f, "jsonrpc is not \"2.0\"");
	return w[M_METHOD].value.p ? read_call(parts, m, w, a, f) : read_response(m, w, f);
}

/* Protocol E89: what a batch may not hold. */
static bool read_batch(struct rpc_body *b, struct span whole, struct arena *a, struct rpc_fault *f)
{
	struct span element;
	size_t pos = 0, n = 0;

	while (scan_next(whole, &pos, NULL, &element))
		if (++n > RPC_BATCH_MAX)
			return rpc_fail(f, 400, RPC_INVALID_REQUEST, "invalid_request",
			    "a batch holds more than %d messages", RPC_BATCH_MAX);
	if (!n)
		return invalid(f, "the batch is empty");
	b->msgs = arena_calloc(a, n, sizeof(*b->msgs));
	for (pos = 0; scan_next(whole, &pos, NULL, &element); b->n++) {
		struct rpc_msg *m = &b->msgs[b->n];
		bool good = read_message(NULL, m, element, a, f);

		f->id = (struct span){ NULL, 0 }; /* the fault is the batch's */
		if (!good)
			return false;
		if (m->is_initialize)
			return invalid(f, "initialize stands in a batch");
		if (m->modern)
			return invalid(f, "a message of a revision without batches stands in one");
	}
	return true;
}

bool rpc_read(struct rpc_body *b, struct arena *a, const char *text, size_t n,
    const struct scan_limits *limits, struct rpc_fault *f)
{
	struct scan_part list[PARTS_MAX];
	struct scan_parts parts = { .of = list, .max = PARTS_MAX };
	struct span whole;
	struct err e = { .code = ERR_NONE };
	bool good;

	*b = (struct rpc_body){ .batch = false };
	*f = (struct rpc_fault){ .status = 0 };
	if (!scan_check_parts(text, n, limits, &parts, &e))
		return rpc_fail(f, 400, RPC_PARSE_ERROR, "parse_error", "Parse error: %s", e.text);
	whole = scan_value(text, n);
	b->batch = scan_kind(whole) == '[';
	if (b->batch) {
		good = read_batch(b, whole, a, f);
	} else {
		b->msgs = arena_alloc(a, sizeof(*b->msgs));
		b->n = 1;
		good = read_message(&parts, b->msgs, whole, a, f);
	}
	for (size_t i = 0; good && i < b->n; i++)
		b->requests += b->msgs[i].kind == RPC_REQUEST;
	return good;
}

void rpc_error(struct buf *out, struct span id, int code, const char *message, const char *data_json)
{
	buf_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	if (id.p)
		buf_add(out, id.p, id.n);
	else
		buf_str(out, "null");
	buf_printf(out, ",\"error\":{\"code\":%d,\"message\":", code);
	buf_json(out, message);
	if (data_json) {
		buf_str(out, ",\"data\":");
		buf_str(out, data_json);
	}
	buf_str(out, "}}");
}

void rpc_fault_write(struct buf *out, const struct rpc_fault *f)
{
	rpc_error(out, f->id, f->code, f->text, f->data);
}

bool rpc_error_all(
    struct buf *out, const struct rpc_body *b, int code, const char *message, const char *data_json)
{
	const char *join = "[";

	if (!b->requests)
		return false;
	for (size_t i = 0; i < b->n; i++) {
		if (b->msgs[i].kind != RPC_REQUEST)
			continue;
		if (b->batch)
			buf_str(out, join);
		rpc_error(out, b->msgs[i].id, code, message, data_json);
		join = ",";
	}
	if (b->batch)
		buf_char(out, ']');
	return true;
}
