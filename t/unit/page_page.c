/* SPDX-License-Identifier: Apache-2.0 */
/* Pages as they are sent: headers, form-action, and a project's own templates. */
#include "config.h"

#include "fake_io.h"
#include "tap.h"

#include "http/http_internal.h"
#include "page/error.h"
#include "page/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena *arena;
static const struct origin origin = {
	.text = "https://mcp.example.com", .scheme = "https", .host = "mcp.example.com", .port = 443
};

/* The error page for E: head and body as they go out. */
static const char *sent(struct err *e)
{
	struct io io = { .params = { "X=" } };
	struct req r = {
		.arena = arena, .io = &io, .origin = &origin, .method = "GET", .request_id = "abc"
	};
	struct resp s = { .arena = arena, .status = 200 };
	const char *text;

	buf_init(&io.out, (size_t)1 << 20);
	buf_init(&s.body, (size_t)1 << 20);
	if (!error_page(&r, &s, e))
		return "error_page() failed";
	resp_send(&r, &s);
	text = arena_strdup(arena, buf_text(&io.out));
	buf_release(&io.out);
	buf_release(&s.body);
	return text;
}

static void headers(void)
{
	static const char *const lines[] = { "Status: 403", "X-Frame-Options: DENY\r\n",
		"X-Content-Type-Options: nosniff\r\n", "Referrer-Policy: no-referrer\r\n",
		"Cache-Control: no-store\r\n", "Content-Type: text/html; charset=utf-8\r\n",
		"Content-Security-Policy: default-src 'none'; style-src 'sha256-",
		"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'\r\n",
		"X-Request-Id: abc\r\n" };
	struct err e = { .code = ERR_NONE };
	const char *text;

	err_reason(&e, ERR_FORBIDDEN, "other_browser", "<b>not</b> here", "secret detail");
	text = sent(&e);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ok(strstr(text, lines[i]), arena_printf(arena, "a page says %.*s",
					       (int)strcspn(lines[i], "\r"), lines[i]));
	ok(strstr(text, "&lt;b&gt;not&lt;/b&gt; here."),
	    "an error's text is escaped, and a sentence");
	ok(!strstr(text, "secret detail"), "its detail is not shown");
	ok(strstr(text, ">other_browser<") && strstr(text, ">forbidden<") &&
		strstr(text, ">abc<") && strstr(text, ">This request<"),
	    "error, reason, request id and bucket are");
	ok(strstr(text, "<p>mcp.example.com</p>"), "and the gateway's name");
	ok(!strstr(text, "<!--") && !strstr(text, "{{"),
	    "no comment and no tag of the template is left");
}

static void statuses(void)
{
	static const struct {
		enum err_code code;
		const char *reason, *status, *part;
	} rows[] = {
		{ ERR_INVALID_CLIENT, NULL, "Status: 400", "This app is not known here" },
		{ ERR_INVALID_REQUEST, "request_decided", "Status: 400",
		    "You have already answered" },
		{ ERR_INVALID_REQUEST, NULL, "Status: 400", "This request cannot be served" },
		{ ERR_CONFIG, NULL, "Status: 500", "Gateway configuration" },
		{ ERR_UPSTREAM, NULL, "Status: 502", "Upstream response" },
		{ ERR_UNAVAILABLE, "database_timeout", "Status: 503", "database_timeout" },
		{ ERR_RATE, NULL, "Status: 429", "Wait a minute" },
		{ ERR_INTERNAL, NULL, "Status: 500", "Something went wrong" },
		{ ERR_SYNTAX, NULL, "Status: 500", "Something went wrong" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = { .code = ERR_NONE };
		const char *text;

		err_reason(&e, rows[i].code, rows[i].reason, "x", "");
		text = sent(&e);
		ok(strstr(text, rows[i].status) && strstr(text, rows[i].part),
		    arena_printf(arena, "%s (%s) is told as \"%s\"", err_name(rows[i].code),
			rows[i].reason ? rows[i].reason : "any reason", rows[i].part));
	}
}

static void form_sources(void)
{
	static const struct {
		const char *uri, *want;
	} rows[] = {
		{ "https://claude.ai/api/mcp/auth_callback", "https://claude.ai" },
		{ "https://claude.ai:8443/cb?x=y", "https://claude.ai:8443" },
		{ "http://127.0.0.1:33418/", "http://127.0.0.1:33418" },
		{ "http://localhost/cb", "http://localhost" },
		{ "http://[::1]:33418/cb", "http:" }, /* CSP has no form for IPv6 addresses */
		{ "https://under_score.example/cb", "https:" },
		{ "com.example.app:/cb", "com.example.app:" },
		{ "cursor://anysphere.cursor/cb", "cursor:" },
		{ "javascript:alert(1)", NULL },
		{ "data:text/html,x", NULL },
		{ "blob:https://x/y", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct uri u;
		struct err e = { .code = ERR_NONE };

		is_str(uri_parse(&u, arena, rows[i].uri, &e) ? page_form_source(arena, &u) : e.text,
		    rows[i].want,
		    arena_printf(arena, "%s may be reached through %s", rows[i].uri,
			rows[i].want ? rows[i].want : "nothing"));
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static void overrides(void)
{
	char dir[] = "/tmp/gatehouse-pages-XXXXXX";
	struct err e = { .code = ERR_NONE };
	const char *pages, *html, *css;
	static const char whole[] = "<style>{{>page.css}}</style><h1>OURS "
				    "{{title}}</h1>{{host}}{{what}}{{remedy}}{{bucket}}{{code}}"
				    "{{reason}}{{request_id}}{{time}}{{#calm}}{{/calm}}";

	if (!mkdtemp(dir))
		abort();
	pages = arena_printf(arena, "%s/pages", dir);
	html = arena_printf(arena, "%s/error.html", pages);
	css = arena_printf(arena, "%s/page.css", pages);
	mkdir(pages, 0700);
	err_set(&e, ERR_RATE, "slow down", "");

	pages_start(dir);
	ok(strstr(sent(&e), "<main"), "an empty folder changes nothing");

	write_file(html, whole);
	pages_start(dir);
	ok(strstr(sent(&e), "<h1>OURS Too many requests</h1>"),
	    "a project's own template takes the page's place");

	write_file(css, "h1{color:#123456}");
	pages_start(dir);
	ok(strstr(sent(&e), "<style>h1{color:#123456}</style>"), "and so does its style");
	/* printf 'h1{color:#123456}' | openssl dgst -sha256 -binary | base64 */
	ok(strstr(sent(&e), "style-src 'sha256-OBoreXfTxjA+bdyVHXPQ7JEBa9NfS/CiHubrrxIe3Y0=';"),
	    "whose hash the policy names");

	write_file(html, "<h1>OURS</h1>");
	pages_start(dir);
	ok(strstr(sent(&e), "<main"), "a template that leaves values out is not used");
	write_file(html, "<script>{{title}}</script>");
	pages_start(dir);
	ok(strstr(sent(&e), "<main"), "nor one with a script");
	write_file(html, "\xff");
	pages_start(dir);
	ok(strstr(sent(&e), "<main"), "nor one that is not UTF-8");

	unlink(html);
	unlink(css);
	rmdir(pages);
	ok(rmdir(dir) == 0, "the folder made for this is taken away");
}

int main(void)
{
	log_init("test");
	log_level_set(LOG_LEVEL_ERROR); /* the refusals below are warnings */
	arena = arena_new();
	headers();
	statuses();
	form_sources();
	overrides();
	arena_free(arena);
	return done();
}
