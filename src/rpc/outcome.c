/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON reader that is driven by bytes and keeps no text. Strings are decoded only where a
 * name or an id is read: in a message (depth `base`), in its error or result (one deeper), in a tool of its list and
 * the tool's annotations.
 * Past 64 open containers only strings and brackets are told apart.
 */
#include "config.h"

#include "rpc/outcome.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum state {
	NOTHING,    /* of the document was seen */
	AT_VALUE,   /* a value must come */
	AT_FIRST,   /* behind an opening bracket */
	AT_NAME,    /* behind a comma in an object */
	IN_NAME,
	AT_COLON,
	IN_STRING,  /* a value that is a string */
	IN_SCALAR,  /* a number or a word */
	AT_NEXT,    /* behind a value: a comma or a closing bracket */
	DEEP,       /* more than 64 containers are open */
	DEEP_STRING,
	ENDED,      /* the document is complete */
	FAILED      /* it is no JSON: skip what is left of it */
};

enum member { M_OTHER, M_ID, M_METHOD, M_RESULT, M_ERROR };
enum inner { I_OTHER, I_CODE, I_IS_ERROR, I_LIST, I_TOOLS };
enum tool_member { T_OTHER, T_NAME, T_ANNOTATIONS };
enum hint { H_OTHER = 0, H_READ_ONLY = 1, H_DESTRUCTIVE = 2, H_IDEMPOTENT = 4 };

/* `escape`: none, behind the backslash, or how many hex digits are due, plus one */
enum { ESCAPE_NONE, ESCAPE_BEGUN, ESCAPE_HEX };

enum { TEXT_TOO_LONG = 255, DEPTH_MAX = 64 };

/* ---- ids ---- */

/* FNV-1a */
static uint64_t hash_byte(uint64_t h, unsigned char c)
{
	return (h ^ c) * UINT64_C(0x100000001b3);
}

/* "1" and 1 are two ids. */
static uint64_t hash_begin(bool string)
{
	return hash_byte(UINT64_C(0xcbf29ce484222325), string);
}

static uint64_t hash_text(uint64_t h, const char *text)
{
	while (*text)
		h = hash_byte(h, (unsigned char)*text++);
	return h;
}

static uint64_t hash_end(uint64_t h)
{
	return h ? h : 1;
}

/* ---- what the pieces mean ---- */

static void message_begin(struct rpc_scan *s)
{
	s->msg = (struct rpc_answer){ .id = 0 };
	s->tokens = (struct token_count){ .milli = 0 };
	s->method = 0;
	s->has_method = s->has_answer = false;
}

/* Whether the method that was read says that a list has changed. Taking another for one costs a look at the upstream. */
static bool is_change(uint64_t method)
{
	static const char *const kinds[] = { "tools", "prompts", "resources" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint64_t h = hash_text(hash_begin(true), "notifications/");

		if (method == hash_end(hash_text(hash_text(h, kinds[i]), "/list_changed")))
			return true;
	}
	return false;
}

static void message_end(struct rpc_scan *s)
{
	struct outcome *o = &s->outcome;

	o->messages++;
	s->msg.tokens = token_count_of(&s->tokens);
	if (s->has_method && s->on_changed && !s->msg.id && is_change(s->method))
		s->on_changed(s->own);
	if (s->has_method || !s->has_answer || (s->want && s->msg.id != s->want))
		return;
	o->answered = true;
	o->answers++;
	o->is_error |= s->msg.is_error;
	if (s->msg.error && !o->error)
		o->error_code = s->msg.error_code;
	o->error |= s->msg.error;
	if (s->on_answer)
		s->on_answer(s->own, &s->msg);
}

static bool text_is(const struct rpc_scan *s, const char *word)
{
	size_t n = strlen(word);

	return s->text_len == n && !memcmp(s->text, word, n);
}

/* The same, whatever the case: see scan_string_folds_to(). */
static bool text_folds_to(const struct rpc_scan *s, const char *word)
{
	size_t n = s->text_len == TEXT_TOO_LONG ? 0 : s->text_len;
	const char *p = s->text, *end = p + n;

	for (; p < end && *word; word++) {
		char c = *word >= 'A' && *word <= 'Z' ? (char)(*word | 0x20) : *word;

		if (c == 's' && end - p >= 2 && !memcmp(p, "\xc5\xbf", 2))
			p += 2;
		else if (c == 'k' && end - p >= 3 && !memcmp(p, "\xe2\x84\xaa", 3))
			p += 3;
		else if (c == (*p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p))
			p++;
		else
			return false;
	}
	return n && p == end && !*word;
}

/* The members of results that are lists. */
static bool text_names_list(const struct rpc_scan *s)
{
	static const char *const lists[] = { "tools", "prompts", "resources", "resourceTemplates", NULL };

	for (const char *const *name = lists; *name; name++)
		if (text_folds_to(s, *name))
			return true;
	return false;
}

static void text_add(struct rpc_scan *s, char c)
{
	if (s->text_len < sizeof(s->text))
		s->text[s->text_len++] = c;
	else
		s->text_len = TEXT_TOO_LONG;
}

static void text_add_run(struct rpc_scan *s, const char *p, size_t n)
{
	if (s->text_len <= sizeof(s->text) && n <= sizeof(s->text) - s->text_len) {
		memcpy(s->text + s->text_len, p, n);
		s->text_len = (unsigned char)(s->text_len + n);
	} else {
		s->text_len = TEXT_TOO_LONG;
	}
}

/* Whether the innermost open container is a message. */
static bool in_message(const struct rpc_scan *s)
{
	return s->depth == s->base && (s->kinds & 1);
}

/* Whether it is the object that is a message's result or error. */
static bool in_answer(const struct rpc_scan *s)
{
	return s->depth == s->base + 1 && (s->kinds & 3) == 3 &&
	    (s->member == M_RESULT || s->member == M_ERROR);
}

/* Whether it is an object in the array of tools. */
static bool in_tool(const struct rpc_scan *s)
{
	return s->tools && s->depth == s->base + 3 && (s->kinds & 15) == 13;
}

/* Text is counted in long pieces, which is cheaper: up to P now. */
static void count_to(struct rpc_scan *s, const char *p)
{
	if (s->uncounted)
		token_count_feed(&s->tokens, s->uncounted, (size_t)(p - s->uncounted));
	s->uncounted = p;
}

/* Of the result, up to the step being taken. */
static uint64_t tokens_now(struct rpc_scan *s)
{
	count_to(s, s->at);
	return token_count_of(&s->tokens);
}

/* Whether it is the object `annotations` of one. */
static bool in_annotations(const struct rpc_scan *s)
{
	return s->tools && s->depth == s->base + 4 && (s->kinds & 31) == 27 && s->tool_member == T_ANNOTATIONS;
}

static void tool_begin(struct rpc_scan *s)
{
	s->tool_from = tokens_now(s);
	s->tool_member = T_OTHER;
	s->hints_true = s->hints_false = 0;
	s->name_len = 0;
}

/* What the hints of MCP's ToolAnnotations come to; what is not said is not guessed. */
static const char *tool_does(const struct rpc_scan *s)
{
	if (s->hints_true & H_READ_ONLY)
		return "read";
	if (s->hints_true & H_DESTRUCTIVE)
		return "delete";
	if (s->hints_false & H_DESTRUCTIVE) /* it only adds; again and again the same is no addition */
		return s->hints_true & H_IDEMPOTENT ? "update" : "create";
	return NULL;
}

static void tool_name_add(struct rpc_scan *s, char c)
{
	if (s->name_len < RPC_TOOL_NAME_MAX && (unsigned char)c >= 0x20)
		s->name[s->name_len++] = c;
	else
		s->name_len = RPC_TOOL_NAME_MAX + 1;
}

static void tool_end(struct rpc_scan *s)
{
	const struct rpc_tool tool = { .name = s->name, .tokens = tokens_now(s) - s->tool_from, .does = tool_does(s) };

	if (!s->on_tool || !s->name_len || s->name_len > RPC_TOOL_NAME_MAX || !utf8_is_valid(s->name, s->name_len))
		return;
	s->name[s->name_len] = '\0';
	s->on_tool(s->own, &tool);
}

static void name_end(struct rpc_scan *s)
{
	if (in_tool(s))
		s->tool_member = text_is(s, "name")    ? T_NAME :
		    text_is(s, "annotations") ? T_ANNOTATIONS :
		                                T_OTHER;
	if (in_annotations(s))
		s->hint = text_is(s, "readOnlyHint")      ? H_READ_ONLY :
		    text_is(s, "destructiveHint") ? H_DESTRUCTIVE :
		    text_is(s, "idempotentHint")  ? H_IDEMPOTENT :
		                                    H_OTHER;
	if (in_message(s))
		s->member = text_is(s, "id")   ? M_ID :
		    text_is(s, "method")       ? M_METHOD :
		    text_is(s, "result")       ? M_RESULT :
		    text_is(s, "error")        ? M_ERROR :
		                                 M_OTHER;
	if (in_message(s) && s->member == M_OTHER)
		s->outcome.has_list |= text_folds_to(s, "result"); /* what may be a list to some must be none */
	if (in_answer(s))
		s->inner = s->member == M_ERROR && text_is(s, "code") ? I_CODE :
		    s->member == M_RESULT && text_is(s, "isError")    ? I_IS_ERROR :
		    s->member == M_RESULT && text_is(s, "tools")      ? I_TOOLS :
		    s->member == M_RESULT && text_names_list(s)       ? I_LIST :
		                                                        I_OTHER;
}

/* A value begins with C. */
static void value_begin(struct rpc_scan *s, char c)
{
	if (in_message(s)) {
		s->has_method |= s->member == M_METHOD;
		s->has_answer |= s->member == M_RESULT;
		if (s->member == M_ID)
			s->msg.id = 0;
		if (s->member == M_ERROR)
			s->msg.error = c != 'n';
		s->has_answer |= s->member == M_ERROR && s->msg.error;
		s->hash = hash_begin(c == '"');
	}
	s->inner = in_answer(s) ? s->inner : I_OTHER;
	s->outcome.has_list |= (s->inner == I_LIST || s->inner == I_TOOLS) && c == '[';
	if (in_answer(s) || in_message(s))
		s->tools = s->inner == I_TOOLS && c == '[';
	if (in_tool(s) && s->tool_member == T_NAME)
		s->name_len = 0;
	if (in_tool(s) && s->tool_member == T_ANNOTATIONS)
		s->hints_true = s->hints_false = 0; /* of two the last counts, as for most readers */
}

static int64_t integer_of(char *text)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	return errno || *end ? 0 : v;
}

static bool scalar_end(struct rpc_scan *s)
{
	bool fits = s->text_len < sizeof(s->text);
	bool number = s->text[0] == '-' || (s->text[0] >= '0' && s->text[0] <= '9');

	if (!number && !text_is(s, "true") && !text_is(s, "false") && !text_is(s, "null"))
		return false;
	if (in_message(s) && s->member == M_ID && number)
		s->msg.id = hash_end(s->hash);
	if (in_annotations(s)) {
		s->hints_true = (unsigned char)((s->hints_true & ~s->hint) | (text_is(s, "true") ? s->hint : 0));
		s->hints_false = (unsigned char)((s->hints_false & ~s->hint) | (text_is(s, "false") ? s->hint : 0));
	}
	if (in_answer(s) && s->inner == I_IS_ERROR)
		s->msg.is_error = text_is(s, "true");
	if (in_answer(s) && s->inner == I_CODE && number) {
		s->text[fits ? s->text_len : 0] = '\0';
		s->msg.error_code = integer_of(s->text);
	}
	return true;
}

static void string_end(struct rpc_scan *s)
{
	if (in_message(s) && s->member == M_ID)
		s->msg.id = hash_end(s->hash);
	if (in_message(s) && s->member == M_METHOD)
		s->method = hash_end(s->hash);
}

/* ---- the grammar ---- */

static void fail(struct rpc_scan *s)
{
	s->outcome.malformed = true;
	s->state = FAILED;
}

static void value_end(struct rpc_scan *s)
{
	s->state = s->depth ? AT_NEXT : ENDED;
}

static void open_container(struct rpc_scan *s, char c)
{
	if (s->depth == DEPTH_MAX) {
		s->deep = 1;
		s->state = DEEP;
		return;
	}
	if (!s->depth)
		s->base = c == '[' ? 2 : 1;
	s->depth++;
	s->kinds = s->kinds << 1 | (c == '{');
	s->state = AT_FIRST;
	if (in_message(s)) {
		message_begin(s);
		s->member = M_OTHER;
	}
	if (in_tool(s))
		tool_begin(s);
	s->inner = I_OTHER;
}

static void close_container(struct rpc_scan *s, char c)
{
	if (!s->depth || (c == '}') != (s->kinds & 1)) {
		fail(s);
		return;
	}
	if (in_tool(s))
		tool_end(s);
	if (in_message(s))
		message_end(s);
	s->depth--;
	s->kinds >>= 1;
	value_end(s);
}

static void begin_text(struct rpc_scan *s, enum state state)
{
	s->state = (unsigned char)state;
	s->text_len = 0;
	s->escape = ESCAPE_NONE;
	s->high = 0;
}

static void begin_value(struct rpc_scan *s, char c)
{
	if (!s->depth && c != '{' && c != '[') { /* no message is a scalar */
		fail(s);
		return;
	}
	value_begin(s, c);
	if (c == '{' || c == '[') {
		open_container(s, c);
	} else if (c == '"') {
		begin_text(s, IN_STRING);
	} else if (c == '-' || (c >= '0' && c <= '9') || c == 't' || c == 'f' || c == 'n') {
		begin_text(s, IN_SCALAR);
		text_add(s, c);
		s->hash = hash_byte(s->hash, (unsigned char)c);
	} else {
		fail(s);
	}
}

/* A byte between tokens that is no blank. */
static void structural(struct rpc_scan *s, char c)
{
	bool object = s->kinds & 1;

	switch (s->state) {
	case NOTHING:
	case AT_VALUE:
		begin_value(s, c);
		return;
	case AT_FIRST:
		if (c == (object ? '}' : ']'))
			close_container(s, c);
		else if (!object)
			begin_value(s, c);
		else if (c == '"')
			begin_text(s, IN_NAME);
		else
			fail(s);
		return;
	case AT_NAME:
		if (c == '"')
			begin_text(s, IN_NAME);
		else
			fail(s);
		return;
	case AT_COLON:
		s->state = AT_VALUE;
		if (c != ':')
			fail(s);
		return;
	case AT_NEXT:
		if (c == '}' || c == ']')
			close_container(s, c);
		else if (c == ',')
			s->state = object ? AT_NAME : AT_VALUE;
		else
			fail(s);
		return;
	default: /* ENDED: bytes behind the document */
		fail(s);
	}
}

/* ---- text ---- */

/* Whether the string at hand is one whose content matters. */
static bool is_read(const struct rpc_scan *s)
{
	if (s->state == IN_NAME)
		return in_message(s) || in_answer(s) || in_tool(s) || in_annotations(s);
	return s->state == IN_STRING && ((in_message(s) && (s->member == M_ID || s->member == M_METHOD)) ||
	    (in_tool(s) && s->tool_member == T_NAME));
}

static void decoded(struct rpc_scan *s, char c)
{
	if (s->state == IN_NAME)
		text_add(s, c);
	else if (in_tool(s))
		tool_name_add(s, c);
	else
		s->hash = hash_byte(s->hash, (unsigned char)c);
}

/* N bytes that stand for themselves. */
static void decoded_run(struct rpc_scan *s, const char *p, size_t n)
{
	if (s->state == IN_NAME)
		text_add_run(s, p, n);
	else
		for (size_t i = 0; i < n; i++)
			decoded(s, p[i]);
}

/* The unit of a whole \u escape; a pair of surrogates is one character. */
static void unit_end(struct rpc_scan *s)
{
	char out[4];
	uint32_t c = s->unit;
	size_t n;

	if (c >= 0xd800 && c <= 0xdbff) {
		s->high = c;
		return;
	}
	if (c >= 0xdc00 && c <= 0xdfff)
		c = s->high ? 0x10000 + ((s->high - 0xd800) << 10 | (c - 0xdc00)) : 0xfffd;
	s->high = 0;
	n = utf8_encode(out, c);
	for (size_t i = 0; i < n; i++)
		decoded(s, out[i]);
}

/* A byte of an escape. False: it is none. */
static bool escape(struct rpc_scan *s, char c)
{
	static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *at;
	int digit;

	if (s->escape == ESCAPE_BEGUN) {
		if (c == 'u') {
			s->escape = ESCAPE_HEX + 3;
			s->unit = 0;
			return true;
		}
		s->escape = ESCAPE_NONE;
		at = c ? strchr(names, c) : NULL;
		if (at)
			decoded(s, means[at - names]);
		return at != NULL;
	}
	digit = c >= '0' && c <= '9'    ? c - '0' :
	    c >= 'a' && c <= 'f'        ? c - 'a' + 10 :
	    c >= 'A' && c <= 'F'        ? c - 'A' + 10 :
	                                  -1;
	if (digit < 0)
		return false;
	s->unit = s->unit << 4 | (unsigned)digit;
	if (s->escape-- == ESCAPE_HEX) {
		s->escape = ESCAPE_NONE;
		unit_end(s);
	}
	return true;
}

static void text_end(struct rpc_scan *s)
{
	if (s->state == IN_NAME) {
		name_end(s);
		s->state = AT_COLON;
	} else if (s->state == DEEP_STRING) {
		s->state = DEEP;
	} else {
		string_end(s);
		value_end(s);
	}
}

/* Bytes inside a string; returns where it stopped. */
static const char *in_text(struct rpc_scan *s, const char *p, const char *end)
{
	bool read = is_read(s);

	while (p < end) {
		const char *from = p;
		char c;

		if (!s->escape)
			p = scan_plain_end(p, end);
		if (read && p > from)
			decoded_run(s, from, (size_t)(p - from));
		if (p == end)
			break;
		c = *p++;
		if (s->escape) {
			if (!escape(s, c)) {
				fail(s);
				return p;
			}
		} else if (c == '"') {
			text_end(s);
			return p;
		} else if (c == '\\') {
			s->escape = ESCAPE_BEGUN;
		} else if ((unsigned char)c < 0x20) {
			fail(s);
			return p;
		} else if (read) {
			decoded(s, c);
		}
	}
	return p;
}

static bool is_scalar_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' ||
	    c == 'E';
}

static const char *in_scalar(struct rpc_scan *s, const char *p, const char *end)
{
	for (; p < end && is_scalar_byte(*p); p++) {
		text_add(s, *p);
		s->hash = hash_byte(s->hash, (unsigned char)*p);
	}
	if (p == end)
		return p;
	if (scalar_end(s))
		value_end(s);
	else
		fail(s);
	return p;
}

static const char *in_deep(struct rpc_scan *s, const char *p, const char *end)
{
	for (; p < end; p++) {
		if (*p == '"') {
			begin_text(s, DEEP_STRING);
			return p + 1;
		}
		if (*p == '{' || *p == '[') {
			s->deep++;
		} else if ((*p == '}' || *p == ']') && --s->deep == 0) {
			value_end(s);
			return p + 1;
		}
	}
	return p;
}

/* Whether an object or array is open that is a message's result, or lies in it. */
static bool in_result(const struct rpc_scan *s)
{
	return s->member == M_RESULT && s->depth > s->base;
}

static void feed_json(void *own, const char *p, size_t n)
{
	struct rpc_scan *s = own;
	const char *end = p + n;
	bool counts = in_result(s), counted;

	s->uncounted = counts ? p : NULL;
	while (p < end && s->state != FAILED) {
		s->at = p;
		switch (s->state) {
		case IN_NAME:
		case IN_STRING:
		case DEEP_STRING:
			p = in_text(s, p, end);
			break;
		case IN_SCALAR:
			p = in_scalar(s, p, end);
			break;
		case DEEP:
			p = in_deep(s, p, end);
			break;
		default:
			if ((unsigned char)*p > ' ' || (*p != ' ' && *p != '\t' && *p != '\n' && *p != '\r'))
				structural(s, *p);
			p++;
		}
		counted = counts;
		counts = in_result(s);
		if (counts == counted)
			continue;
		if (counted)
			count_to(s, p);
		s->uncounted = counted ? NULL : s->at;
	}
	if (s->uncounted)
		count_to(s, p);
	s->uncounted = NULL;
}

/* A document has ended: of JSON the body, of a stream an event. */
static void document_end(void *own)
{
	struct rpc_scan *s = own;

	if (s->state != NOTHING && s->state != ENDED)
		s->outcome.malformed = true;
	s->state = NOTHING;
	s->depth = 0;
	s->kinds = s->deep = 0;
}

uint64_t rpc_id_hash(struct span id)
{
	struct rpc_scan s;
	uint64_t h = hash_begin(false);

	if (scan_kind(id) == '0') {
		for (size_t i = 0; i < id.n; i++)
			h = hash_byte(h, (unsigned char)id.p[i]);
		return hash_end(h);
	}
	if (scan_kind(id) != '"')
		return 0;
	/* read as if it came in an answer, so that there is one way to decode */
	rpc_scan_init(&s, (struct span){ NULL, 0 }, false);
	feed_json(&s, "{\"id\":", 6);
	feed_json(&s, id.p, id.n);
	feed_json(&s, " ", 1);
	return s.msg.id;
}

void rpc_scan_init(struct rpc_scan *s, struct span id, bool sse)
{
	*s = (struct rpc_scan){ .is_sse = sse, .state = NOTHING };
	s->want = id.p ? rpc_id_hash(id) : 0;
	sse_init(&s->sse, feed_json, document_end, s);
}

void rpc_scan_feed(struct rpc_scan *s, const char *p, size_t n)
{
	if (!s->is_sse) {
		feed_json(s, p, n);
		return;
	}
	s->sse.own = s; /* it may have been moved since init */
	sse_feed(&s->sse, p, n);
}

void rpc_scan_end(struct rpc_scan *s)
{
	document_end(s);
}

const char *rpc_scan_outcome(const struct rpc_scan *s)
{
	return s->outcome.error || s->outcome.is_error ? "application_error" : "success";
}
