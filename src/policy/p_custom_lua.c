/* SPDX-License-Identifier: Apache-2.0 */
/*
 * custom-lua-inbound and custom-lua-outbound: a function in Lua sees each message, and may change or refuse it. On the way up it runs in
 * the request's thread, and also has the headers; on the way back on a worker, where the answer's headers can be read alone, since they may
 * have left by then. Those that the answer is to have are therefore said on the way up.
 */
#include "config.h"

#include "policy/identifier.h"
#include "policy/upstream_request.h"

#include <string.h>
#include <strings.h>

enum { REASON_MAX = 200, GROWTH = 4, GROWTH_BYTES = 65536 };

/* What `load` makes of the options. */
struct custom {
	const struct script *function;
	const char *options; /* JSON */
};

/* A header that the answer gets; VALUE NULL: loses. */
struct answer_header {
	const char *name, *value;
	struct answer_header *next;
};

/* What the function did on the way up. */
struct done {
	struct buf body;          /* the message or batch; empty: none was read */
	struct answer_header *headers;
};

static const struct option options[] = {
	{ "module", OPTION_STRING, true, .about = "A Lua file of the project that returns the function: policies/NAME.lua." },
	{ "export", OPTION_STRING, .about = "The function's name, where the file returns a table." },
	{ "options", OPTION_OBJECT, .about = "What the function finds in its argument as `options`." },
	{ 0 },
};

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	struct json_object *more = json_get(doc, "options");
	struct custom *c = arena_alloc(a, sizeof(*c));

	c->function = identifier_load(use, doc, a, problems, file, pointer);
	c->options = more ? json_text(a, more) : "{}";
	return c;
}

static bool wants_claims(const struct policy_use *use)
{
	(void)use;
	return true;
}

/* ---- one run */

static bool failed(struct err *e, const char *why)
{
	return err_reason(e, ERR_INTERNAL, "script_failed", "a function of the gateway's configuration failed", "%s", why);
}

/* What a function said about a message. */
static enum policy_answer verdict(struct call *c, struct span result, struct err *e)
{
	static const struct policy_refusal refused = { 403, RPC_SERVER_ERROR, "custom_policy", 0 };
	char why[REASON_MAX];

	if (scan_kind(result) == 'n' || scan_kind(result) == 't')
		return POLICY_PASS;
	if (scan_kind(result) == '"')
		return policy_refuse(c, e, &refused, "%s", scan_copy(result, why, sizeof(why)) ? why : "refused");
	failed(e, "it returned neither nothing nor a text");
	return POLICY_FAIL;
}

/*
 * Calls the function about message M of the client, or ANSWER, text of the upstream's. What it left of its argument goes to *LEFT, in the
 * arena.
 */
static enum policy_answer run(const struct policy_use *use, struct call *c, const struct rpc_msg *m, struct span message,
    const char *more, struct arena *a, struct span *left, struct err *e)
{
	const struct custom *custom = use->loaded;
	struct buf in, result, rest;
	enum policy_answer answer = POLICY_FAIL;

	buf_init(&in, SIZE_MAX / 2);
	buf_init(&result, 0);
	buf_init(&rest, 0);
	buf_char(&in, '{');
	identifier_input(&in, c, m);
	buf_printf(&in, ",\"options\":%s%s", custom->options, more);
	if (message.p) {
		buf_str(&in, ",\"message\":");
		buf_add(&in, message.p, message.n);
	}
	buf_char(&in, '}');
	if (script_run(custom->function, scan_value(in.data, in.len), &result, &rest, e))
		answer = verdict(c, scan_value(result.data, result.len), e);
	*left = scan_value(arena_strndup(a, buf_text(&rest), rest.len), rest.len);
	buf_release(&in);
	buf_release(&result);
	buf_release(&rest);
	return answer;
}

/* ---- headers */

/* What says which message this is, or how it is framed, is not a script's; nor are credentials to be read. */
static bool is_safe(const char *name)
{
	return header_name_is_token(name) && !header_name_is_reserved(name) && strncasecmp(name, "mcp-", 4) != 0 &&
	    strcasecmp(name, "content-type") != 0 && strcasecmp(name, "accept") != 0;
}

static const char *lower(struct arena *a, const char *name)
{
	char *s = arena_strdup(a, name);

	for (char *p = s; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
	return s;
}

/* Those that a script sees, and so may remove. */
static bool is_shown(const struct upstream_header *h)
{
	return is_safe(h->name) && !name_is_credential(h->name);
}

static void add_header(struct buf *b, const char **join, const char *name, const char *value, struct arena *a)
{
	buf_str(b, *join);
	buf_json(b, lower(a, name));
	buf_char(b, ':');
	buf_json(b, value);
	*join = ",";
}

static const char *headers_text(const struct upstream_request *u, struct arena *a)
{
	const char *text, *join = "";
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	buf_str(&b, ",\"answerHeaders\":{},\"headers\":{");
	for (const struct upstream_header *h = u->headers; h; h = h->next)
		if (is_shown(h))
			add_header(&b, &join, h->name, h->value, a);
	buf_char(&b, '}');
	text = arena_strdup(a, buf_text(&b));
	buf_release(&b);
	return text;
}

static bool set_header(struct upstream_request *u, struct span name, struct span value, struct arena *a, struct err *e)
{
	const char *n = scan_string(name, a), *v = scan_string(value, a);

	if (!n || !v || !is_safe(n))
		return failed(e, arena_printf(a, "'%.64s' is no header that a function may set, or its value is no text", n ? n : ""));
	if (!upstream_header_set(u, n, v, true))
		return failed(e, arena_printf(a, "the value of header '%.64s' cannot be sent", n));
	if (name_is_credential(n))
		upstream_secret(u, v);
	return true;
}

/* What the function left in `headers`: what is new or changed is set, what is gone is removed. */
static bool take_headers(struct upstream_request *u, struct span left, struct arena *a, struct err *e)
{
	struct span name, value, headers = scan_member(left, "headers");
	struct upstream_header *next;
	size_t at = 0;

	if (scan_kind(headers) != '{')
		return failed(e, "'headers' is no table any more");
	for (struct upstream_header *h = u->headers; h; h = next) {
		next = h->next;
		if (is_shown(h) && !scan_member(headers, lower(a, h->name)).p)
			upstream_header_remove(u, h->name);
	}
	while (scan_next(headers, &at, &name, &value)) {
		const char *n = scan_string(name, a);
		const char *now = n ? upstream_header_get(u, n) : NULL;

		if ((!now || !scan_string_is(value, now)) && !set_header(u, name, value, a, e))
			return false;
	}
	return true;
}

/* What it put into `answerHeaders`: texts, or false for those that the answer is to lose. */
static bool take_answer_headers(struct done *d, struct span left, struct arena *a, struct err *e)
{
	struct span name, value, headers = scan_member(left, "answerHeaders");
	size_t at = 0;

	while (scan_kind(headers) == '{' && scan_next(headers, &at, &name, &value)) {
		struct answer_header *h = arena_alloc(a, sizeof(*h));

		*h = (struct answer_header){ scan_string(name, a), scan_string(value, a), d->headers };
		if (!h->name || (!h->value && scan_kind(value) != 'f'))
			return failed(e, "a value in 'answerHeaders' is neither a text nor false");
		d->headers = h;
	}
	return true;
}

/* ---- the way up */

/* One message, or the call as a whole where there is none. */
static enum policy_answer run_up(const struct policy_use *use, struct call *c, struct upstream_request *u, struct done *d,
    const struct rpc_msg *m, struct err *e)
{
	static const struct span nothing;
	struct arena *a = call_req(c)->arena;
	enum policy_answer answer;
	struct span left, message;

	answer = run(use, c, m, m ? m->whole : nothing, headers_text(u, a), a, &left, e);
	if (answer != POLICY_PASS)
		return answer;
	message = scan_member(left, "message");
	if (m && scan_kind(message) != '{') {
		failed(e, "'message' is no table any more");
		return POLICY_FAIL;
	}
	if (m)
		buf_add(&d->body, message.p, message.n);
	return take_headers(u, left, a, e) && take_answer_headers(d, left, a, e) ? POLICY_PASS : POLICY_FAIL;
}

static void release_done(void *own)
{
	buf_release(&((struct done *)own)->body);
}

static enum policy_answer on_request(const struct policy_use *use, struct call *c, struct upstream_request *u, struct err *e)
{
	const struct rpc_body *body = call_body(c);
	struct arena *a = call_req(c)->arena;
	struct done *d = arena_alloc(a, sizeof(*d));
	enum policy_answer answer = POLICY_PASS;

	buf_init(&d->body, GROWTH * call_req(c)->body_len + GROWTH_BYTES);
	arena_defer(a, release_done, d);
	*policy_state(c, use) = d;
	if (!body->n)
		return run_up(use, c, u, d, NULL, e);
	buf_str(&d->body, body->batch ? "[" : "");
	for (size_t i = 0; answer == POLICY_PASS && i < body->n; i++) {
		buf_str(&d->body, i ? "," : "");
		answer = run_up(use, c, u, d, &body->msgs[i], e);
	}
	buf_str(&d->body, body->batch ? "]" : "");
	return answer;
}

static enum policy_answer on_body(const struct policy_use *use, struct call *c, struct arena *a, const char *text, size_t n,
    struct buf *out, struct err *e)
{
	const struct done *d = *policy_state(c, use);

	(void)a, (void)text, (void)n;
	if (d->body.over) {
		failed(e, "the message became too large");
		return POLICY_FAIL;
	}
	buf_add(out, buf_text(&d->body), d->body.len);
	return POLICY_PASS;
}

static enum policy_answer on_response(const struct policy_use *use, struct call *c, struct policy_response *p, struct err *e)
{
	const struct done *d = *policy_state(c, use);

	for (const struct answer_header *h = d ? d->headers : NULL; h; h = h->next)
		if (!policy_response_set(p, h->name, h->value)) {
			failed(e, "'answerHeaders' names one that is the gateway's to say");
			return POLICY_FAIL;
		}
	return POLICY_PASS;
}

const struct policy p_custom_lua_inbound = {
	.type = {
		.name = "custom-lua-inbound",
		.about = "Has a function in Lua see, change or refuse each message of the client, and headers both ways.",
		.served = true,
		.options = options,
		.load = load,
	},
	.on_request = on_request,
	.on_body = on_body,
	.on_response = on_response,
	.wants_claims = wants_claims,
};

/* ---- the way back */

/* The head of the answer, each header once: a table has one value for a name. */
static const char *answer_text(const struct call *c, struct arena *a)
{
	const char *text, *join = "", *name, *value, *other, *more;
	struct buf b;

	buf_init(&b, SIZE_MAX / 2);
	buf_printf(&b, ",\"status\":%d,\"headers\":{", call_answer_status(c));
	for (size_t i = 0; (name = call_answer_header(c, i, &value)); i++) {
		bool again = false;

		for (size_t k = 0; k < i && (other = call_answer_header(c, k, &more)); k++)
			again = again || !strcasecmp(name, other);
		if (!again && !name_is_credential(name))
			add_header(&b, &join, name, value, a);
	}
	buf_char(&b, '}');
	text = arena_strdup(a, buf_text(&b));
	buf_release(&b);
	return text;
}

static enum policy_answer run_back(const struct policy_use *use, struct call *c, struct arena *a, struct span message,
    struct buf *out, struct err *e)
{
	struct span left;
	enum policy_answer answer = run(use, c, NULL, message, answer_text(c, a), a, &left, e);

	if (answer != POLICY_PASS)
		return answer;
	message = scan_member(left, "message");
	if (scan_kind(message) != '{') {
		failed(e, "'message' is no table any more");
		return POLICY_FAIL;
	}
	buf_add(out, message.p, message.n);
	return POLICY_PASS;
}

static enum policy_answer on_message(const struct policy_use *use, struct call *c, struct arena *a,
    const char *text, size_t n, struct buf *out, struct err *e)
{
	struct scan_limits limits = scan_limits_of(n);
	enum policy_answer answer = POLICY_PASS;
	struct span whole, message;
	const char *copied;
	size_t at = 0;

	limits.depth = SCRIPT_DEPTH_MAX - 2; /* the argument, and the batch */
	if (!scan_check(text, n, &limits, e))
		return POLICY_FAIL;
	whole = scan_value(text, n);
	if (scan_kind(whole) != '[')
		return run_back(use, c, a, whole, out, e);
	copied = whole.p;
	while (answer == POLICY_PASS && scan_next(whole, &at, NULL, &message)) {
		buf_add(out, copied, (size_t)(message.p - copied));
		answer = run_back(use, c, a, message, out, e);
		copied = message.p + message.n;
	}
	buf_add(out, copied, (size_t)(whole.p + whole.n - copied));
	return answer;
}

static enum policy_reading reads(const struct policy_use *use)
{
	(void)use;
	return POLICY_READS_ALL;
}

const struct policy p_custom_lua_outbound = {
	.type = {
		.name = "custom-lua-outbound",
		.about = "Has a function in Lua see, change or refuse each message of the upstream.",
		.outbound = true,
		.served = true,
		.options = options,
		.load = load,
	},
	.on_message = on_message,
	.reads = reads,
	.pace = POLICY_SLOW,
	.wants_claims = wants_claims,
};
