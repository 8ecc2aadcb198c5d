/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a request. The web server's socket is a trust boundary: nothing here follows from
 * REMOTE_USER, HTTPS or SERVER_NAME; scheme, host and port come from the public origin that
 * the Host header selects, and forwarded headers count from trusted proxies only.
 */
#include "config.h"

#include "http/http_internal.h"

#include "base/clock.h"
#include "base/uri.h"
#include "net/address.h"

#include <string.h>
#include <strings.h>

enum {
	BODY_MS = 30000,  /* from the request's arrival to the last byte of its body */
	JOINED_MAX = 8192 /* of a header that came in several lines: each of them is copied again */
};

struct header_list {
	size_t n;
	struct {
		const char *name, *value;
		size_t name_n;
	} at[];
};

static char lower_of(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static char *lower(struct arena *a, const char *s, size_t n)
{
	char *p = arena_strndup(a, s, n);

	for (char *q = p; *q; q++)
		*q = lower_of(*q);
	return p;
}

/*
 * Where the header begins in a variable: at "MCP_SESSION_ID=x" of "HTTP_MCP_SESSION_ID=x". CGI keeps the two content headers
 * apart; HTTP_CONTENT_TYPE is what a client writes as "Content_Type", and no word about the body. NULL: no header.
 */
static const char *header_in(const char *param)
{
	static const char *const content[] = { "CONTENT_TYPE=", "CONTENT_LENGTH=" };
	bool is_content = false, is_http = *param == 'H' && !strncmp(param, "HTTP_", 5);
	const char *header = is_http ? param + 5 : param;

	for (size_t i = 0; *header == 'C' && i < 2; i++)
		is_content |= !strncmp(header, content[i], strlen(content[i]));
	return is_http != is_content ? header : NULL;
}

/* Makes of "MCP_SESSION_ID=x" the name "mcp-session-id" and the value; NULL: there is none. */
static char *header_split(char *header)
{
	char *p = header;

	for (; *p && *p != '='; p++)
		*p = *p == '_' ? '-' : lower_of(*p);
	if (!*p)
		return NULL;
	*p = '\0';
	return p + 1;
}

/*
 * Lists that a client may send in several lines (RFC 9110, 5.3), which nginx before 1.23 hands on as they came; others join them. Only
 * such by which nobody decides who asks, or what for.
 */
static bool is_joined(const char *name)
{
	static const char *const names[] = { "accept", "accept-language", "access-control-request-headers", "baggage", "connection",
		"forwarded", "tracestate", "via", NULL };
	const char *const *n = names;

	while (*n && strcmp(*n, name))
		n++;
	return *n != NULL;
}

/*
 * VALUE stands behind NAME and its NUL. False: two headers have one name and different values, as "Mcp-Name" and "Mcp_Name" do
 * behind lighttpd (measured). Which of them counts would be another question to each reader of the list.
 */
static bool add_header(struct arena *a, struct header_list *list, const char *name, const char *value)
{
	size_t n = (size_t)(value - name) - 1;

	for (size_t i = 0; i < list->n; i++) {
		const char **before = &list->at[i].value;

		if (list->at[i].name_n != n || memcmp(list->at[i].name, name, n))
			continue;
		if (strcmp(*before, value) && is_joined(name) && strlen(*before) + strlen(value) < JOINED_MAX)
			*before = value = arena_join(a, *before, ", ", value, NULL);
		return !strcmp(*before, value);
	}
	list->at[list->n].name = name;
	list->at[list->n].name_n = n;
	list->at[list->n++].value = value;
	return true;
}

/* False: they contradict each other. */
static bool read_headers(struct req *r)
{
	const char *const *params = io_params(r->io);
	bool agree = true;
	size_t n = 0;

	while (params[n])
		n++;
	r->headers = arena_alloc(r->arena, sizeof(*r->headers) + n * sizeof(r->headers->at[0]));
	for (size_t i = 0; i < n; i++) {
		const char *header = header_in(params[i]), *value;
		char *name = header ? arena_strdup(r->arena, header) : NULL;

		value = name ? header_split(name) : NULL;
		if (value)
			agree &= add_header(r->arena, r->headers, name, value);
	}
	return agree;
}

const char *req_header_at(const struct req *r, size_t i, const char **value)
{
	if (!r->headers || i >= r->headers->n)
		return NULL;
	*value = r->headers->at[i].value;
	return r->headers->at[i].name;
}

const char *req_header(const struct req *r, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; r->headers && i < r->headers->n; i++)
		if (r->headers->at[i].name_n == n && !strcasecmp(r->headers->at[i].name, name))
			return r->headers->at[i].value;
	return NULL;
}

const char *req_cookie(const struct req *r, const char *name)
{
	const char *s = req_header(r, "Cookie"), *found = NULL;
	size_t n = strlen(name);

	while (s && *s) {
		const char *end;

		s += strspn(s, "; \t");
		end = s + strcspn(s, ";");
		if (!strncmp(s, name, n) && s[n] == '=') {
			const char *value = arena_strndup(r->arena, s + n + 1, (size_t)(end - s) - n - 1);

			/* two values: a neighbour tossed one of them (security: cookie tossing) */
			if (found && strcmp(found, value))
				return NULL;
			found = value;
		}
		s = end;
	}
	return found;
}

/* Letters, digits and "-._~!$&'()+,=:@%/": bit C says it of the byte C. */
static bool is_path_char(unsigned char c)
{
	static const uint64_t of[4] = { 0x27fffbf200000000, 0x47fffffe87ffffff, 0, 0 };

	return of[c >> 6] >> (c & 63) & 1;
}

static bool is_path(const char *s)
{
	if (*s != '/')
		return false;
	for (const char *p = s; *p; p++)
		if (!is_path_char((unsigned char)*p))
			return false;
	return true;
}

/* No empty segment, no "." and "..", in any spelling: servers disagree on what they mean. */
static bool has_plain_segments(const char *path)
{
	for (const char *s = path; *s == '/';) {
		size_t n = strcspn(++s, "/");
		const char *p = s;
		size_t dots = 0, other = 0;

		if (n == 0)
			return *s == '\0' && s - 1 == path; /* "/" alone */
		while (p < s + n) {
			if (*p == '.') {
				dots++;
				p++;
			} else if (*p == '%' && !strncasecmp(p, "%2e", 3)) {
				dots++;
				p += 3;
			} else {
				other++;
				p++;
			}
		}
		if (!other && dots <= 2)
			return false;
		s += n;
	}
	return true;
}

/* Origin form, or absolute form, whose authority the web server has already made the Host. */
static bool read_target(struct req *r, struct err *e)
{
	const char *s = r->target, *path = s, *query;

	if (strlen(s) > r->project->limits.url)
		return err_set(e, ERR_URI_TOO_LONG, "the address is too long", "%zu bytes", strlen(s));
	if (!strncasecmp(s, "http://", 7) || !strncasecmp(s, "https://", 8)) {
		path = strchr(strchr(s, ':') + 3, '/');
		if (!path)
			path = "/";
	}
	query = strchr(path, '?');
	r->path = arena_strndup(r->arena, path, query ? (size_t)(query - path) : strlen(path));
	r->query = query ? arena_strdup(r->arena, query + 1) : "";
	if (!is_path(r->path) || !has_plain_segments(r->path)) {
		r->path = "/";
		return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "path has %s",
		    "a character or segment that no address here has");
	}
	return true;
}

static bool is_trusted(const struct req *r)
{
	for (const char *const *p = r->project->trusted_proxies; p && *p; p++)
		if (address_text_in_cidr(r->peer, *p))
			return true;
	return false;
}

/* The right-most address of X-Forwarded-For that is no trusted proxy of ours. */
static const char *forwarded_for(struct req *r)
{
	const char *list = req_header(r, "X-Forwarded-For");
	const char *end = list ? list + strlen(list) : NULL, *found = r->peer;

	while (list && end > list) {
		const char *start = end;
		char *one;
		bool ours = false;

		while (start > list && start[-1] != ',')
			start--;
		one = arena_strndup(r->arena, start, (size_t)(end - start));
		one += strspn(one, " \t");
		one[strcspn(one, " \t")] = '\0';
		if (!address_is_text(one))
			return found;
		found = one;
		for (const char *const *p = r->project->trusted_proxies; p && *p; p++)
			ours |= address_text_in_cidr(one, *p);
		if (!ours)
			return found;
		end = start > list ? start - 1 : list;
	}
	return found;
}

static bool is_request_id(const char *s)
{
	size_t n = s ? strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") : 0;

	return n >= 8 && n <= 64 && !s[n];
}

static void read_request_id(struct req *r, bool trusted)
{
	const char *given = trusted ? req_header(r, "X-Request-Id") : NULL;

	if (is_request_id(given))
		memcpy(r->request_id, given, strlen(given) + 1);
	else
		rand_request_id(r->request_id);
}

static void read_content_type(struct req *r)
{
	const char *s = req_header(r, "Content-Type");
	size_t n = s ? strcspn(s, "; \t") : 0;

	r->content_type = lower(r->arena, s ? s : "", n);
}

static bool read_origin(struct req *r, bool trusted, struct err *e)
{
	const char *host = req_header(r, "Host"), *proto = NULL;

	if (trusted) {
		proto = req_header(r, "X-Forwarded-Proto");
		if (req_header(r, "X-Forwarded-Host"))
			host = req_header(r, "X-Forwarded-Host");
	}
	r->origin = host ? project_origin(r->project, r->arena, host, proto) : NULL;
	return r->origin ||
	    err_set(e, ERR_MISDIRECTED, "this server does not answer for that host name",
	        "Host '%.128s' is not in publicOrigins of %s", host ? host : "", r->project->config_file);
}

bool req_read(struct req *r, struct err *e)
{
	const char *method = io_param(r->io, "REQUEST_METHOD");
	const char *target = io_param(r->io, "REQUEST_URI");
	const char *peer = io_param(r->io, "REMOTE_ADDR");
	bool trusted, agree;

	r->start_us = clock_us();
	r->method = arena_strdup(r->arena, method ? method : "");
	r->target = arena_strdup(r->arena, target ? target : "/");
	r->peer = arena_strdup(r->arena, peer ? peer : "");
	r->path = "/";
	r->query = r->tail = r->body = arena_strdup(r->arena, "");
	agree = read_headers(r);
	trusted = is_trusted(r);
	r->client_ip = trusted ? forwarded_for(r) : r->peer;
	read_request_id(r, trusted);
	read_content_type(r);
	r->log = (struct log_ctx){ .request_id = r->request_id, .client_ip = r->client_ip };
	r->event.request_id = r->request_id;
	r->event.client_ip = r->client_ip;
	r->event.http_method = r->method;
	return read_target(r, e) && read_origin(r, trusted, e) &&
	    (agree || err_reason(e, ERR_INVALID_REQUEST, "header_twice",
	                  "two headers have one name and different values", "%s", ""));
}

static bool declared_length(const struct req *r, size_t *length)
{
	const char *s = req_header(r, "Content-Length");

	*length = 0;
	if (!s || !*s)
		return true;
	if (strspn(s, "0123456789") != strlen(s) || strlen(s) > 12)
		return false;
	for (; *s; s++)
		*length = *length * 10 + (size_t)(*s - '0');
	return true;
}

static void release_buf(void *b)
{
	buf_release(b);
}

/* A byte now and then is no silence, but holds a thread as long as it likes. */
static bool is_in_time(const struct req *r)
{
	return clock_us() - r->start_us < (int64_t)BODY_MS * 1000;
}

bool req_read_body(struct req *r, size_t limit, struct err *e)
{
	struct buf *b = arena_alloc(r->arena, sizeof(*b));
	char chunk[8192];
	size_t length;
	bool whole;
	long n = 0;

	if (!declared_length(r, &length))
		return err_set(e, ERR_INVALID_REQUEST, "the Content-Length is malformed", "");
	if (length > limit)
		return err_set(e, ERR_TOO_LARGE, "the request body is too large",
		    "%zu bytes declared, %zu allowed", length, limit);
	buf_init(b, limit);
	arena_defer(r->arena, release_buf, b);
	b->data = io_take_body(r->io, &b->len);
	whole = b->data != NULL;
	while (!whole && !b->over && (n = is_in_time(r) ? io_read(r->io, chunk, sizeof(chunk)) : -1) > 0)
		buf_add(b, chunk, (size_t)n);
	if (b->over || b->len > limit)
		return err_set(e, ERR_TOO_LARGE, "the request body is too large",
		    "over %zu bytes", limit);
	if (n < 0 || b->len < length)
		return err_set(e, ERR_REQUEST_TIMEOUT, "the request body did not arrive",
		    "%zu of %zu bytes", b->len, length);
	if (b->len) {
		r->body = b->data;
		r->body_len = b->len;
	}
	return true;
}

bool req_ring(struct req *r, const struct ring **ring, struct err *e)
{
	const struct err *fault = &r->site->ring_fault;

	*ring = r->site->ring;
	if (*ring)
		return true;
	return err_set(e, ERR_CONFIG, fault->text[0] ? fault->text : "this program has no keys", "%s",
	    fault->detail);
}

static void unref(void *site)
{
	site_unref(site);
}

bool req_ring_now(struct req *r, const struct ring **ring, struct err *e)
{
	struct site *now = site_ref(r->app);

	arena_defer(r->arena, unref, now);
	*ring = now->ring;
	return *ring || req_ring(r, ring, e);
}

const char *req_url(const struct req *r, const char *path)
{
	return arena_printf(r->arena, "%s%s%s", r->origin->text, r->project->base_path, path);
}

bool req_peer_is_loopback(const struct req *r)
{
	return address_text_in_cidr(r->peer, "127.0.0.0/8") || address_text_in_cidr(r->peer, "::1/128");
}
