/* SPDX-License-Identifier: Apache-2.0 */
/* Reading requests: targets, hosts, forwarded headers, cookies, bodies; and finding their row. */
#include "config.h"

#include "fake_io.h"
#include "tap.h"

#include "http/http.h"
#include "http/http_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const proxies[] = { "10.0.0.0/8", "fd00::/8", NULL };
static const struct origin origins[] = { {
    .text = "https://mcp.example.com", .scheme = "https", .host = "mcp.example.com", .port = 443 } };
static struct project project = {
	.base_path = "/gw",
	.config_file = "gateway.jsonc",
	.origins = origins,
	.origins_n = 1,
	.trusted_proxies = proxies,
	.limits = { .url = 4096, .form_pairs = 4 },
};

static bool nothing(struct req *r, struct resp *p, struct err *e)
{
	(void)r, (void)p, (void)e;
	return true;
}

static const struct route_row rows[] = {
	{ "GET", "{b}/page", NEED_ANYONE, 0, CORS_NONE, ERROR_PAGE, nothing, NULL, NULL },
	{ "POST", "{b}/token", NEED_ANYONE, 64, CORS_ANY, ERROR_OAUTH, nothing, NULL, NULL },
	{ "GET", "/.well-known/doc", NEED_ANYONE, 0, CORS_ANY, 0, nothing, NULL, NULL },
	{ "GET", "/.well-known/doc/*", NEED_ANYONE, 0, CORS_ANY, 0, nothing, NULL, NULL },
	{ "GET", "/closed", NEED_NOBODY, 0, CORS_NONE, 0, nothing, NULL, NULL },
	{ .path = NULL },
};
static struct app app = { .name = "test", .rows = rows };
static struct site site = { .project = &project, .app = &app };

static struct req *request(struct arena *a, struct io *io)
{
	struct req *r = arena_alloc(a, sizeof(*r));

	*r = (struct req){ .app = &app, .arena = a, .io = io, .site = &site, .project = &project };
	return r;
}

/* Method and target through req_read and route_find, with the right Host. */
static enum err_code find(const char *method, const char *target, const char **tail)
{
	static char m[64], t[8192];
	struct io io = { .params = { m, t, "REMOTE_ADDR=192.0.2.1", "HTTP_HOST=mcp.example.com" } };
	struct err e = { .code = ERR_NONE };
	struct arena *a = arena_new();
	struct req *r = request(a, &io);
	struct resp p;
	static char kept[256];

	snprintf(m, sizeof(m), "REQUEST_METHOD=%s", method);
	snprintf(t, sizeof(t), "REQUEST_URI=%s", target);
	resp_init(&p, a);
	if (req_read(r, &e) && route_find(r, &p, &e) && tail) {
		snprintf(kept, sizeof(kept), "%s", r->tail);
		*tail = kept;
	}
	arena_free(a);
	return e.code;
}

static void test_targets(void)
{
	static const struct {
		const char *method, *target;
		enum err_code want;
		const char *name;
	} cases[] = {
		{ "GET", "/gw/page", ERR_NONE, "a row's path is found" },
		{ "GET", "/gw/page?x=/../%00", ERR_NONE, "a query does not matter to the path" },
		{ "GET", "/page", ERR_NOT_FOUND, "the base path is part of the path" },
		{ "GET", "/gw/page/", ERR_NOT_FOUND, "a trailing slash is another path" },
		{ "GET", "/gw/Page", ERR_NOT_FOUND, "paths are case-sensitive" },
		{ "GET", "/gw//page", ERR_NOT_FOUND, "an empty segment is refused" },
		{ "GET", "//gw/page", ERR_NOT_FOUND, "a leading empty segment is refused" },
		{ "GET", "/gw/./page", ERR_NOT_FOUND, "a dot segment is refused" },
		{ "GET", "/x/../gw/page", ERR_NOT_FOUND, "a double dot segment is refused" },
		{ "GET", "/x/%2e%2E/gw/page", ERR_NOT_FOUND, "an encoded dot segment is refused" },
		{ "GET", "/x/.%2e/gw/page", ERR_NOT_FOUND, "a half-encoded dot segment is refused" },
		{ "GET", "/gw%2fpage", ERR_NOT_FOUND, "an encoded slash is no slash" },
		{ "GET", "/gw/%70age", ERR_NOT_FOUND, "an encoded letter is another path" },
		{ "GET", "/gw/page;x=1", ERR_NOT_FOUND, "a parameter is refused" },
		{ "GET", "/gw/page\\", ERR_NOT_FOUND, "a backslash is refused" },
		{ "GET", "/gw/pa\x01ge", ERR_NOT_FOUND, "a control character is refused" },
		{ "GET", "*", ERR_NOT_FOUND, "an asterisk is no path" },
		{ "GET", "", ERR_NOT_FOUND, "an empty target is no path" },
		{ "GET", "https://mcp.example.com/gw/page", ERR_NONE, "the absolute form counts" },
		{ "GET", "https://mcp.example.com", ERR_NOT_FOUND, "an absolute form may lack a path" },
		{ "POST", "/gw/page", ERR_METHOD, "another method is refused" },
		{ "get", "/gw/page", ERR_METHOD, "methods are case-sensitive" },
		{ "HEAD", "/gw/page", ERR_NONE, "HEAD is served as GET" },
		{ "", "/gw/page", ERR_METHOD, "no method is no GET" },
		{ "GE", "/gw/page", ERR_METHOD, "a prefix of a method is another method" },
		{ "OPTIONS", "/gw/token", ERR_NONE, "a preflight is served where CORS is" },
		{ "OPTIONS", "/gw/page", ERR_METHOD, "a preflight is refused where CORS is not" },
		{ "GET", "/.well-known/docs", ERR_NOT_FOUND, "a longer name is another path" },
	};
	static char huge[6000];
	const char *tail = NULL;
	int wrong = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_int(find(cases[i].method, cases[i].target, NULL), cases[i].want, cases[i].name);
	is_int(find("GET", "/.well-known/doc/mcp/a", &tail), ERR_NONE, "a prefix row matches a rest");
	is_str(tail, "mcp/a", "and tells it");
	is_int(find("GET", "/.well-known/doc/", NULL), ERR_NOT_FOUND, "the rest may not be empty");
	for (int c = 1; c < 256; c++) {
		char target[] = "/.well-known/doc/xcx";
		bool is_char = c < 0x80 && (isalnum(c) || strchr("-._~!$&'()+,=:@%/?", c));

		target[18] = (char)c;
		wrong += find("GET", target, NULL) != (is_char ? ERR_NONE : ERR_NOT_FOUND);
	}
	is_int(wrong, 0, "each character that addresses have here, and no other, is read");
	memset(huge, 'a', sizeof(huge) - 1);
	huge[0] = '/';
	huge[4096] = '\0';
	is_int(find("GET", huge, NULL), ERR_NOT_FOUND, "an address of 4096 bytes is read");
	huge[4096] = 'a';
	huge[4097] = '\0';
	is_int(find("GET", huge, NULL), ERR_URI_TOO_LONG, "one of 4097 is not");
}

static void test_forwarded(void)
{
	static const struct {
		const char *peer, *forwarded, *want, *name;
	} cases[] = {
		{ "192.0.2.1", "198.51.100.7", "192.0.2.1", "a stranger's X-Forwarded-For is ignored" },
		{ "10.0.0.1", "198.51.100.7", "198.51.100.7", "a trusted proxy's counts" },
		{ "10.0.0.1", "1.2.3.4, 198.51.100.7", "198.51.100.7",
		    "what stands before the last stranger is the stranger's word" },
		{ "10.0.0.1", "198.51.100.7, 10.9.9.9", "198.51.100.7", "trusted hops are passed over" },
		{ "10.0.0.1", "10.9.9.9", "10.9.9.9", "a client inside the trusted network is one" },
		{ "10.0.0.1", "nonsense", "10.0.0.1", "what is no address is not believed" },
		{ "10.0.0.1", "198.51.100.7, evil", "10.0.0.1", "nor what stands before it" },
		{ "10.0.0.1", "", "10.0.0.1", "an empty list names nobody" },
		{ "fd00::1", "2001:db8::7", "2001:db8::7", "IPv6 proxies count too" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *a = arena_new();
		struct io io = { .params = { "REQUEST_METHOD=GET", "REQUEST_URI=/gw/page",
		    "HTTP_HOST=mcp.example.com", arena_printf(a, "REMOTE_ADDR=%s", cases[i].peer),
		    arena_printf(a, "HTTP_X_FORWARDED_FOR=%s", cases[i].forwarded) } };
		struct req *r = request(a, &io);
		struct err e = { .code = ERR_NONE };

		req_read(r, &e);
		is_str(r->client_ip, cases[i].want, cases[i].name);
		arena_free(a);
	}
}

static void test_host(void)
{
	static const struct {
		const char *peer, *host, *forwarded;
		enum err_code want;
		const char *name;
	} cases[] = {
		{ "192.0.2.1", "MCP.Example.COM", "", ERR_NONE, "a host is known in any case" },
		{ "192.0.2.1", "evil.example", "", ERR_MISDIRECTED, "an unknown host is refused" },
		{ "192.0.2.1", "", "", ERR_MISDIRECTED, "an empty host is refused" },
		{ "192.0.2.1", "mcp.example.com:8443", "", ERR_MISDIRECTED, "another port is refused" },
		{ "192.0.2.1", "mcp.example.com.", "", ERR_MISDIRECTED, "a trailing dot is refused" },
		{ "192.0.2.1", "evil.example", "mcp.example.com", ERR_MISDIRECTED,
		    "a stranger's X-Forwarded-Host is ignored" },
		{ "10.0.0.1", "inside", "mcp.example.com", ERR_NONE, "a trusted proxy's counts" },
		{ "10.0.0.1", "mcp.example.com", "evil.example", ERR_MISDIRECTED,
		    "and is what is checked" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *a = arena_new();
		struct io io = { .params = { "REQUEST_METHOD=GET", "REQUEST_URI=/gw/page",
		    arena_printf(a, "HTTP_HOST=%s", cases[i].host),
		    arena_printf(a, "REMOTE_ADDR=%s", cases[i].peer),
		    cases[i].forwarded[0] ? arena_printf(a, "HTTP_X_FORWARDED_HOST=%s", cases[i].forwarded) :
		                            NULL } };
		struct req *r = request(a, &io);
		struct err e = { .code = ERR_NONE };

		req_read(r, &e);
		is_int(e.code, cases[i].want, cases[i].name);
		arena_free(a);
	}
}

static void test_headers(void)
{
	struct arena *a = arena_new();
	struct io io = { .params = { "REQUEST_METHOD=POST", "REQUEST_URI=/gw/token",
	    "HTTP_HOST=mcp.example.com", "REMOTE_ADDR=192.0.2.1",
	    "CONTENT_TYPE=Application/JSON; charset=utf-8", "HTTP_MCP_SESSION_ID=abc",
	    "HTTP_COOKIE=a=1; tossed=x; b=; tossed=y; same=z;same=z; aa=2",
	    "HTTP_X_REQUEST_ID=from-a-stranger", "SERVER_NAME=nobody" } };
	struct req *r = request(a, &io);
	struct err e = { .code = ERR_NONE };

	ok(req_read(r, &e), "a request is read");
	is_str(r->content_type, "application/json", "the content type loses case and parameters");
	is_str(req_header(r, "Mcp-Session-Id"), "abc", "a header is found by its name");
	is_str(req_header(r, "MCP-SESSION-ID"), "abc", "in any case");
	is_str(req_header(r, "Server-Name"), NULL, "a CGI variable is no header");
	is_str(req_cookie(r, "a"), "1", "a cookie is found");
	is_str(req_cookie(r, "aa"), "2", "by its whole name");
	is_str(req_cookie(r, "b"), "", "an empty one is there");
	is_str(req_cookie(r, "tossed"), NULL, "two values of one name count as none");
	is_str(req_cookie(r, "same"), "z", "the same value twice is one");
	is_str(req_cookie(r, "none"), NULL, "an absent one is not");
	ok(strcmp(r->request_id, "from-a-stranger") != 0, "a stranger does not choose the request id");
	is_str(req_url(r, "/oauth/token"), "https://mcp.example.com/gw/oauth/token",
	    "addresses come from the public origin and the base path");
	is_str(cookie_name(r, "gatehouse_session"), "__Host-gatehouse_session",
	    "cookies of an https origin are bound to their host");
	arena_free(a);
}

static void test_headers_in_lines(void)
{
	static char line[5000] = "HTTP_ACCEPT=";
	struct arena *a = arena_new();
	struct io io = { .params = { "REQUEST_METHOD=POST", "REQUEST_URI=/gw/token", "HTTP_HOST=mcp.example.com", "REMOTE_ADDR=192.0.2.1",
	    "HTTP_ACCEPT=application/json", "HTTP_BAGGAGE=a=1", "HTTP_ACCEPT=text/event-stream", "HTTP_ACCEPT=*/*", "HTTP_BAGGAGE=a=1" } };
	struct io large = { .params = { "REQUEST_METHOD=POST", "REQUEST_URI=/gw/token", "HTTP_HOST=mcp.example.com", line,
	    "HTTP_ACCEPT=text/html", line } };
	struct req *r = request(a, &io);
	struct err e = { .code = ERR_NONE };

	ok(req_read(r, &e), "a list in several lines is understood");
	is_str(req_header(r, "Accept"), "application/json, text/event-stream, */*", "... as the lines together, in their order");
	is_str(req_header(r, "Baggage"), "a=1", "... and the same line twice is one");
	memset(line + strlen(line), 'x', sizeof(line) - 1 - strlen(line));
	ok(!req_read(request(a, &large), &e), "but not without end");
	is_int(e.code, ERR_INVALID_REQUEST, "... which is said");
	arena_free(a);
}

/* The last word on a header is the same for everybody who reads it, or there is none. */
static void test_headers_twice(void)
{
	static const struct {
		const char *first, *second;
		enum err_code want;
		const char *name;
	} cases[] = {
		{ "HTTP_MCP_NAME=allowed", "HTTP_MCP_NAME=hidden", ERR_INVALID_REQUEST,
		    "two values of one header, as Mcp-Name and Mcp_Name become, are refused" },
		{ "HTTP_MCP_NAME=same", "HTTP_MCP_NAME=same", ERR_NONE, "the same value twice is one" },
		{ "HTTP_X_FORWARDED_FOR=1.2.3.4", "HTTP_X_FORWARDED_FOR=198.51.100.7", ERR_INVALID_REQUEST,
		    "so are two addresses" },
		{ "HTTP_MCP_NAME=a", "HTTP_MCP_METHOD=b", ERR_NONE, "two headers are two" },
		{ "CONTENT_TYPE=text/plain", "HTTP_CONTENT_TYPE=application/json", ERR_NONE,
		    "Content_Type is no content type" },
		{ "HTTP_CONTENT_LENGTH=9", "HTTP_CONTENT_TYPE=application/json", ERR_NONE,
		    "not even where there is no other" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *a = arena_new();
		struct io io = { .params = { "REQUEST_METHOD=POST", "REQUEST_URI=/gw/token",
		    "HTTP_HOST=mcp.example.com", "REMOTE_ADDR=192.0.2.1", cases[i].first, cases[i].second } };
		struct req *r = request(a, &io);
		struct err e = { .code = ERR_NONE };

		req_read(r, &e);
		is_int(e.code, cases[i].want, cases[i].name);
		ok(strcmp(r->content_type, "application/json") != 0, "and gives no body a type");
		is_str(req_header(r, "Content-Length"), NULL, "nor a length");
		arena_free(a);
	}
}

static int64_t late_us; /* how long ago the request of read_body() began */

static enum err_code read_body(const char *declared, const char *body, size_t limit, bool broken)
{
	static char length[64];
	struct io io = { .params = { "REQUEST_METHOD=POST", "REQUEST_URI=/gw/token",
	    "HTTP_HOST=mcp.example.com", "REMOTE_ADDR=192.0.2.1", declared ? length : NULL },
		.body = body, .body_len = strlen(body), .broken = broken };
	struct arena *a = arena_new();
	struct req *r = request(a, &io);
	struct err e = { .code = ERR_NONE };

	snprintf(length, sizeof(length), "CONTENT_LENGTH=%s", declared ? declared : "");
	if (req_read(r, &e)) {
		r->start_us -= late_us;
		req_read_body(r, limit, &e);
	}
	arena_free(a);
	return e.code;
}

static void test_body(void)
{
	is_int(read_body("5", "12345", 5, false), ERR_NONE, "a body at the limit is read");
	is_int(read_body("6", "123456", 5, false), ERR_TOO_LARGE, "one past it is refused");
	is_int(read_body(NULL, "12345", 5, false), ERR_NONE, "a chunked body has no declared length");
	is_int(read_body(NULL, "123456", 5, false), ERR_TOO_LARGE, "but has the same limit");
	is_int(read_body("5", "123", 5, false), ERR_REQUEST_TIMEOUT, "a body cut short is refused");
	is_int(read_body("5", "123", 5, true), ERR_REQUEST_TIMEOUT, "so is one that breaks off");
	is_int(read_body("0", "", 0, false), ERR_NONE, "no body is needed where none is allowed");
	is_int(read_body("1", "1", 0, false), ERR_TOO_LARGE, "and none is taken");
	late_us = 31000000;
	is_int(read_body("5", "12345", 5, false), ERR_REQUEST_TIMEOUT, "one that takes half a minute, too");
	late_us = 0;
	is_int(read_body("-1", "1", 5, false), ERR_INVALID_REQUEST, "a negative length is refused");
	is_int(read_body("99999999999999999999", "1", 5, false), ERR_INVALID_REQUEST,
	    "an overflowing length is refused");
}

static void test_form(void)
{
	struct arena *a = arena_new();
	struct form f;
	struct err e = { .code = ERR_NONE };
	const char *const twice[] = { "resource", NULL };

	ok(form_parse(&f, a, "a=1&b=%C3%BC+x&&c", 17, 8, &e), "a form is read");
	is_int(f.n, 3, "empty pairs do not count");
	is_str(form_get(&f, "b"), "\xc3\xbc x", "escapes and plus signs are decoded");
	is_str(form_get(&f, "c"), NULL, "an empty value counts as absent");
	ok(form_unique(&f, NULL, &e), "no name occurs twice");
	ok(!form_parse(&f, a, "a=%zz", 5, 8, &e), "a broken escape is refused");
	is_int(e.code, ERR_INVALID_REQUEST, "as an invalid request");
	ok(!form_parse(&f, a, "a=%00", 5, 8, NULL), "a NUL is refused");
	ok(!form_parse(&f, a, "a=%ff", 5, 8, NULL), "what is no UTF-8 is refused");
	ok(form_parse(&f, a, "a&b&c&d", 7, 4, NULL), "as many pairs as allowed are read");
	ok(!form_parse(&f, a, "a&b&c&d&e", 9, 4, NULL), "one more is refused");
	ok(form_parse(&f, a, "resource=1&resource=2&a=1", 25, 8, NULL) && form_unique(&f, twice, NULL),
	    "what may repeat may");
	ok(form_parse(&f, a, "a=1&resource=2&%61=1", 20, 8, NULL) && !form_unique(&f, twice, NULL),
	    "what may not is refused, however it is spelled");
	arena_free(a);
}

static void test_resp(void)
{
	struct arena *a = arena_new();
	struct io io = { .params = { "REQUEST_METHOD=GET", "REQUEST_URI=/gw/page",
	    "HTTP_HOST=mcp.example.com", "REMOTE_ADDR=192.0.2.1" } };
	struct req *r = request(a, &io);
	struct err e = { .code = ERR_NONE };
	struct resp p, refused;

	buf_init(&io.out, 65536);
	req_read(r, &e);
	resp_init(&p, a);
	resp_text(&p, 201, "text/plain", "hello");
	resp_add(&p, "X-Bad", "a\r\nSet-Cookie: evil=1");
	resp_cookie(r, &p, "gatehouse_session", "v", 60);
	ok(resp_send(r, &p), "an answer is sent");
	ok(strstr(buf_text(&io.out), "Status: 201 Created\r\n") == buf_text(&io.out), "status first");
	ok(!strstr(buf_text(&io.out), "evil"), "a header cannot be split");
	ok(strstr(buf_text(&io.out), "Set-Cookie: __Host-gatehouse_session=v; Path=/; HttpOnly; "
	    "SameSite=Lax; Secure; Max-Age=60\r\n") != NULL, "a cookie has every guard");
	ok(strstr(buf_text(&io.out), "Content-Length: 5\r\n") != NULL, "the length is told");
	ok(strstr(buf_text(&io.out), "X-Request-Id: ") != NULL, "the request id is told");
	ok(strstr(buf_text(&io.out), "\r\n\r\nhello") != NULL, "the body comes last");
	buf_release(&io.out);
	buf_init(&io.out, 65536);
	resp_init(&refused, a);
	err_set(&e, ERR_UNAVAILABLE, "the database is away", "secret detail");
	resp_error(r, &refused, &e);
	resp_send(r, &refused);
	ok(strstr(buf_text(&io.out), "Status: 503 ") != NULL, "an error has its status");
	ok(strstr(buf_text(&io.out), "Retry-After: ") != NULL, "what passes says when to try again");
	ok(strstr(buf_text(&io.out), "application/problem+json") != NULL, "and is a problem document");
	ok(!strstr(buf_text(&io.out), "secret detail"), "detail stays in the log");
	buf_release(&io.out);
	arena_free(a);
}

int main(void)
{
	log_level_set(LOG_LEVEL_ERROR);
	log_open("/dev/null");
	test_targets();
	test_forwarded();
	test_host();
	test_headers();
	test_headers_in_lines();
	test_headers_twice();
	test_body();
	test_form();
	test_resp();
	return done();
}
