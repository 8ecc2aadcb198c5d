/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of clients: one walk over each message's members, one over its params. */
#include "config.h"

#include "rpc/rpc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define META_VERSION      "io.modelcontextprotocol/protocolVersion"
#define META_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"

/* A member to look for, and where its value goes. */
struct want {
	const char *name;
	struct span value;
	bool lax; /* a look-alike of it is no fault */
};

enum { M_JSONRPC, M_ID, M_METHOD, M_PARAMS, M_RESULT, M_ERROR, M_END };
enum { P_NAME, P_URI, P_REF, P_TASK, P_META, P_VERSION, P_CAPABILITIES, P_ARGUMENTS, P_END };

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

/* Fills in the N wanted members of OBJECT, if it is one. A look-alike of one is a fault. */
static bool members(struct span object, struct want *wants, size_t n, struct rpc_fault *f)
{
	struct span name, value;
	size_t pos = 0, i;

	while (scan_kind(object) == '{' && scan_next(object, &pos, &name, &value)) {
		for (i = 0; i < n && !scan_string_is(name, wants[i].name); i++)
			;
		if (i < n) {
			wants[i].value = value;
			continue;
		}
		for (i = 0; i < n; i++)
			if (!wants[i].lax && scan_string_folds_to(name, wants[i].name))
				return rpc_fail(f, 400, RPC_INVALID_REQUEST, "invalid_request",
				    "a member spells \"%s\" in another case", wants[i].name);
	}
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
	struct want wants[] = { { .name = "type" }, { .name = "name" }, { .name = "uri" } };

	if (!members(ref, wants, 3, f))
		return false;
	if (scan_string_is(wants[0].value, "ref/prompt"))
		return read_capability(m, "prompt", wants[1].value, a, f);
	if (scan_string_is(wants[0].value, "ref/resource"))
		return read_capability(m, "resource", wants[2].value, a, f);
	return true;
}

static bool read_envelope(struct rpc_msg *m, struct span meta, struct arena *a, struct rpc_fault *f)
{
	struct want wants[] = { { .name = META_VERSION }, { .name = META_CAPABILITIES } };

	if (!members(meta, wants, 2, f))
		return false;
	m->modern = wants[0].value.p != NULL;
	if (m->modern) {
		m->version = scan_string(wants[0].value, a);
		m->capabilities = wants[1].value;
	}
	return true;
}

static bool read_params(struct rpc_msg *m, struct arena *a, struct rpc_fault *f)
{
	struct want p[P_END] = {
		[P_NAME] = { .name = "name" },
		[P_URI] = { .name = "uri" },
		[P_REF] = { .name = "ref" },
		[P_TASK] = { .name = "taskId" },
		[P_META] = { .name = "_meta" },
		[P_VERSION] = { .name = "protocolVersion" },
		[P_CAPABILITIES] = { .name = "capabilities" },
		[P_ARGUMENTS] = { .name = "arguments", .lax = true },
	};

	if (!members(m->params, p, P_END, f))
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

static bool read_call(struct rpc_msg *m, struct want *w, struct arena *a, struct rpc_fault *f)
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
	return read_params(m, a, f);
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

static bool read_message(struct rpc_msg *m, struct span whole, struct arena *a, struct rpc_fault *f)
{
	struct want w[M_END] = {
		[M_JSONRPC] = { .name = "jsonrpc" },
		[M_ID] = { .name = "id" },
		[M_METHOD] = { .name = "method" },
		[M_PARAMS] = { .name = "params" },
		[M_RESULT] = { .name = "result" },
		[M_ERROR] = { .name = "error" },
	};

	*m = (struct rpc_msg){ .whole = whole };
	if (scan_kind(whole) != '{')
		return invalid(f, "a message is no object");
	if (!members(whole, w, M_END, f))
		return false;
	m->id = w[M_ID].value;
	if (is_id(m->id) && w[M_METHOD].value.p)
		f->id = m->id;
	if (!scan_string_is(w[M_JSONRPC].value, "2.0"))
		return invalid(f, "jsonrpc is not \"2.0\"");
	return w[M_METHOD].value.p ? read_call(m, w, a, f) : read_response(m, w, f);
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
		bool good = read_message(m, element, a, f);

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
	struct span whole;
	struct err e = { .code = ERR_NONE };
	bool good;

	*b = (struct rpc_body){ .batch = false };
	*f = (struct rpc_fault){ .status = 0 };
	if (!scan_check(text, n, limits, &e))
		return rpc_fail(f, 400, RPC_PARSE_ERROR, "parse_error", "Parse error: %s", e.text);
	whole = scan_value(text, n);
	b->batch = scan_kind(whole) == '[';
	if (b->batch) {
		good = read_batch(b, whole, a, f);
	} else {
		b->msgs = arena_alloc(a, sizeof(*b->msgs));
		b->n = 1;
		good = read_message(b->msgs, whole, a, f);
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
