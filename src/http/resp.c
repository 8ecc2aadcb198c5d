/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: headers, bodies, cookies, and the one place that turns an error into a reply. */
#include "config.h"

#include "http/http.h"

#include "http/http_internal.h"

#include "json/json.h"
#include "net/frame.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct resp_header {
	struct resp_header *next;
	const char *name, *value; /* in `text` */
	size_t name_n, value_n;
	char text[];
};

static bool is_named(const struct resp_header *h, const char *name, size_t n)
{
	return h->name_n == n && !strcasecmp(h->name, name);
}

void resp_add(struct resp *p, const char *name, const char *value)
{
	struct resp_header **tail = &p->headers, *h;
	size_t name_n = strlen(name), n;

	if (!value)
		return;
	n = strlen(value);
	if (!frame_is_text(value, n)) {
		log_warn(NULL, "header left out: it has a control character", "header", name, NULL);
		return;
	}
	while (*tail)
		tail = &(*tail)->next;
	*tail = h = arena_alloc(p->arena, sizeof(*h) + name_n + 1 + n + 1);
	h->name_n = name_n;
	h->name = memcpy(h->text, name, name_n);
	h->value_n = n;
	h->value = memcpy(h->text + name_n + 1, value, n);
}

void resp_set(struct resp *p, const char *name, const char *value)
{
	struct resp_header **at = &p->headers;
	size_t n = strlen(name);

	while (*at) {
		if (is_named(*at, name, n))
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
	resp_add(p, name, value);
}

const char *resp_header_at(const struct resp *p, size_t i, const char **value)
{
	const struct resp_header *h = p->headers;

	while (h && i--)
		h = h->next;
	*value = h ? h->value : NULL;
	return h ? h->name : NULL;
}

const char *resp_get(const struct resp *p, const char *name)
{
	const char *value = NULL;
	size_t n = strlen(name);

	for (const struct resp_header *h = p->headers; h; h = h->next)
		if (is_named(h, name, n))
			value = h->value;
	return value;
}

static void release_buf(void *b)
{
	buf_release(b);
}

void resp_init(struct resp *p, struct arena *a)
{
	*p = (struct resp){ .arena = a, .status = 200 };
	buf_init(&p->body, (size_t)64 << 20);
	arena_defer(a, release_buf, &p->body);
}

bool resp_text(struct resp *p, int status, const char *content_type, const char *text)
{
	p->status = status;
	resp_set(p, "Content-Type", content_type);
	buf_clear(&p->body);
	return buf_str(&p->body, text);
}

bool resp_json(struct resp *p, int status, struct json_object *doc)
{
	return resp_text(p, status, "application/json", json_text(p->arena, doc));
}

bool resp_redirect(struct resp *p, const char *url)
{
	p->status = 303;
	buf_clear(&p->body);
	resp_set(p, "Location", url);
	resp_set(p, "Cache-Control", "no-store");
	resp_set(p, "Referrer-Policy", "no-referrer");
	return true;
}

const char *cookie_name(const struct req *r, const char *name)
{
	return !strcmp(r->origin->scheme, "https") ? arena_printf(r->arena, "__Host-%s", name) : name;
}

void resp_cookie(struct req *r, struct resp *p, const char *name, const char *value, int64_t max_age_s)
{
	const char *secure = !strcmp(r->origin->scheme, "https") ? "; Secure" : "";
	const char *age = max_age_s == 0 ? "" :
	    arena_printf(r->arena, "; Max-Age=%lld", (long long)(max_age_s < 0 ? 0 : max_age_s));

	resp_add(p, "Set-Cookie", arena_printf(r->arena, "%s=%s; Path=/; HttpOnly; SameSite=Lax%s%s",
	    cookie_name(r, name), max_age_s < 0 ? "" : value, secure, age));
}

static const char *reason_phrase(int status)
{
	static const struct {
		int status;
		const char *phrase;
	} phrases[] = {
		{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" },
		{ 301, "Moved Permanently" }, { 302, "Found" }, { 303, "See Other" },
		{ 304, "Not Modified" }, { 307, "Temporary Redirect" }, { 308, "Permanent Redirect" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" }, { 406, "Not Acceptable" },
		{ 408, "Request Timeout" }, { 409, "Conflict" }, { 410, "Gone" },
		{ 413, "Content Too Large" }, { 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" }, { 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" }, { 428, "Precondition Required" },
		{ 429, "Too Many Requests" }, { 500, "Internal Server Error" },
		{ 501, "Not Implemented" }, { 502, "Bad Gateway" }, { 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "Status";
}

static void error_problem(struct req *r, struct resp *p, const struct err *e)
{
	struct json_object *doc = json_new_object(r->arena);

	json_add_string(doc, "type", "about:blank");
	json_add_string(doc, "title", reason_phrase(p->status));
	json_add_int(doc, "status", p->status);
	json_add_string(doc, "detail", e->text);
	json_add_string(doc, "code", err_name(e->code));
	json_add_string(doc, "reason", err_reason_of(e));
	json_add_string(doc, "requestId", r->request_id);
	resp_text(p, p->status, "application/problem+json", json_text(r->arena, doc));
}

static void error_oauth(struct req *r, struct resp *p, const struct err *e)
{
	struct json_object *doc = json_new_object(r->arena);

	json_add_string(doc, "error", err_name(e->code));
	json_add_string(doc, "error_description", e->text);
	resp_set(p, "Cache-Control", "no-store");
	resp_json(p, p->status, doc);
}

static void log_failure(const struct req *r, int status, const struct err *e)
{
	char text[12];

	snprintf(text, sizeof(text), "%d", status);
	if (status >= 500)
		log_error(&r->log, e->text, "status", text, "code", err_name(e->code), "reason",
		    err_reason_of(e), "detail", e->detail[0] ? e->detail : NULL, NULL);
	else
		log_info(&r->log, e->text, "status", text, "code", err_name(e->code), "reason",
		    err_reason_of(e), "detail", e->detail[0] ? e->detail : NULL, NULL);
}

void resp_error(struct req *r, struct resp *p, const struct err *e)
{
	enum error_style style = r->row ? r->row->style : ERROR_PROBLEM;

	p->status = err_status(e->code);
	buf_clear(&p->body);
	log_failure(r, p->status, e);
	if ((e->code == ERR_UNAVAILABLE || e->code == ERR_RATE) && !resp_get(p, "Retry-After"))
		resp_set(p, "Retry-After", e->code == ERR_RATE ? "60" : "2");
	if (e->code == ERR_INVALID_CLIENT && req_header(r, "Authorization"))
		resp_set(p, "WWW-Authenticate", "Basic realm=\"OAuth\"");
	if (style == ERROR_CUSTOM && r->row->error && r->row->error(r, p, e))
		return;
	if (style == ERROR_PAGE && r->origin && r->app->error_page && r->app->error_page(r, p, e))
		return;
	if (style == ERROR_OAUTH)
		error_oauth(r, p, e);
	else
		error_problem(r, p, e);
}

/* A head goes out in few pieces. */
struct head_out {
	struct io *io;
	size_t n;
	char text[1024];
};

static inline void put(struct head_out *o, const char *s, size_t n)
{
	if (n > sizeof(o->text) - o->n) {
		io_write(o->io, o->text, o->n);
		o->n = 0;
	}
	if (n > sizeof(o->text)) {
		io_write(o->io, s, n);
		return;
	}
	memcpy(o->text + o->n, s, n);
	o->n += n;
}

#define PUT(o, text) put(o, text, sizeof(text) - 1)

static void put_header(struct head_out *o, const struct resp_header *h)
{
	put(o, h->name, h->name_n);
	PUT(o, ": ");
	put(o, h->value, h->value_n);
	PUT(o, "\r\n");
}

bool resp_send_head(struct req *r, struct resp *p)
{
	struct head_out o;
	char status[INT_TEXT];
	const char *phrase = reason_phrase(p->status);

	o.io = r->io;
	o.n = 0;
	p->head_sent = true;
	PUT(&o, "Status: ");
	put(&o, status, int_text(status, p->status));
	PUT(&o, " ");
	put(&o, phrase, strlen(phrase));
	PUT(&o, "\r\n");
	for (const struct resp_header *h = p->headers; h; h = h->next)
		put_header(&o, h);
	if (!resp_get(p, "Cache-Control"))
		PUT(&o, "Cache-Control: no-store\r\n");
	PUT(&o, "X-Content-Type-Options: nosniff\r\nX-Request-Id: ");
	put(&o, r->request_id, strlen(r->request_id));
	PUT(&o, "\r\n\r\n");
	return io_write(r->io, o.text, o.n);
}

bool resp_send(struct req *r, struct resp *p)
{
	bool has_body = p->status != 204 && p->status != 304;
	char length[24];

	if (p->body.over) {
		log_error(&r->log, "answer is larger than its bound", NULL);
		p->status = 500;
		buf_clear(&p->body);
	}
	if (has_body) {
		snprintf(length, sizeof(length), "%zu", p->body.len);
		resp_set(p, "Content-Length", length);
	}
	if (!resp_send_head(r, p))
		return false;
	if (has_body && strcmp(r->method, "HEAD") && !io_write(r->io, buf_text(&p->body), p->body.len))
		return false;
	return true;
}
