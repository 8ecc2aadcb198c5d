/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints a page with sample values, to be looked at, and for the tests of how pages look:
 *
 *   page_show consent|error|calm|grants|none [long|rtl|local|app]
 */
#include "config.h"

#include "page/html.h"
#include "page/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena *arena;

static bool is(const char *a, const char *b)
{
	return a && !strcmp(a, b);
}

static const char *client_of(const char *variant)
{
	if (is(variant, "long"))
		return "The Extraordinarily Long-Winded Integrated Assistant For "
		       "Donaudampfschifffahrtsgesellschaften";
	if (is(variant, "rtl"))
		return "\xd7\xa2\xd7\x95\xd7\x96\xd7\xa8 \xd7\x97\xd7\x9b\xd7\x9d "
		       "\xe2\x80\xae(gpj.exe)";
	return is(variant, "none") ? NULL : "Claude";
}

static void consent(struct resp *s, const char *variant)
{
	static struct page_consent_row rows[] = {
		{ "see the tools, prompts and resources of this service" },
		{ "use them in your name, whenever it likes, until you take this back" },
	};
	bool is_long = is(variant, "long");
	struct page_consent_host_row long_host[] = { { "accounts." }, { "claude." }, { "ai." },
		{ "login." }, { "secure-authentication-service." }, { "attacker." },
		{ "example:8443" } };
	struct page_consent_host_row short_host[] = { { "claude." }, { "ai" } };
	struct page_consent page = {
		.host = is_long ? "mcp.platform-engineering.internal.example.com:8443"
				: "mcp.example.com",
		.client_name = html_clean(arena, client_of(variant), 64),
		.service_name = "Linear",
		.service_summary =
		    is(variant, "app") ? NULL : "Issues and projects of the product teams",
		.upstream_host =
		    is_long ? "a-very-long-host-name-of-an-upstream.mcp.linear-production.app"
			    : "mcp.linear.app",
		.permissions = rows,
		.permissions_n = 2,
		.user = is(variant, "rtl") ? "\xd9\x81\xd8\xa7\xd8\xb7\xd9\x85\xd8\xa9"
					   : "Ada Lovelace",
		.user_detail = "ada.lovelace@example.com",
		.action = page_url(arena, "https://mcp.example.com/oauth/setup"),
		.request = "4b7f2e7c-5d0a-4a53-9c3c-0d8a5f8f8a55",
		.csrf = "x",
		.grants = page_url(arena, "https://mcp.example.com/oauth/grants"),
	};
	struct err e = { .code = ERR_NONE };

	if (is(variant, "local"))
		page.redirect_local = "127.0.0.1:33418";
	else if (is(variant, "app"))
		page.redirect_scheme = "com.example.assistant:";
	else
		page.redirect_web = true;
	page.redirect_host = is_long ? long_host : short_host;
	page.redirect_host_n = is_long ? 7 : 2;
	if (is(variant, "published") || is(variant, "local"))
		page.client_host = "claude.ai";
	page.client_verified = page.client_host && page.redirect_web;
	page_send(NULL, s, 200, &page, "https://claude.ai", &e);
}

static void error(struct resp *s, bool calm)
{
	struct page_error page = {
		.host = "mcp.example.com",
		.title = calm ? "You have already answered" : "The gateway is not set up correctly",
		.what = calm ? "A request can be answered once only."
			     : "config/routes.oas.json, /paths/~1mcp~1linear/post: a variable is "
			       "missing.",
		.remedy = calm ? "If your app went on, you can close this page. If it did not, "
				 "start again from your app."
			       : "There is nothing you can do here. Tell the people who run this "
				 "gateway, and give them "
				 "the details below.",
		.bucket = calm ? "This request" : "Gateway configuration",
		.code = calm ? "invalid_request" : "configuration_error",
		.reason = calm ? "request_decided" : "configuration_error",
		.request_id = "0b1d0c7ef2a34f0e9a7c8e2d4a61b3f5",
		.time = "2026-11-21T09:41:07.120Z",
		.calm = calm,
	};
	struct err e = { .code = ERR_NONE };

	page_send(NULL, s, 400, &page, NULL, &e);
}

static void grants(struct resp *s, const char *variant, size_t n)
{
	struct page_grants_row rows[] = {
		{ "1", html_clean(arena, client_of(variant), 64), "Linear", "21 Nov 2026",
		    "21 Nov 2026", "2026-11-21T09:00:00Z", "2026-11-21T09:00:00Z" },
		{ "2", NULL, "Design files", "3 Oct 2026", "19 Nov 2026", "2026-10-03T09:00:00Z",
		    "2026-11-19T09:00:00Z" },
	};
	struct page_grants page = {
		.host = "mcp.example.com",
		.user = "Ada Lovelace",
		.user_detail = "ada.lovelace@example.com",
		.grants = rows,
		.grants_n = n,
		.action = page_url(arena, "https://mcp.example.com/oauth/grants"),
		.csrf = "x",
		.revoked = true,
		.more = n > 0,
	};
	struct err e = { .code = ERR_NONE };

	page_send(NULL, s, 200, &page, "", &e);
}

int main(int argc, char **argv)
{
	const char *page = argc > 1 ? argv[1] : "consent", *variant = argc > 2 ? argv[2] : NULL;
	struct resp s = { .status = 200 };

	s.arena = arena = arena_new();
	buf_init(&s.body, (size_t)1 << 20);
	if (is(page, "consent"))
		consent(&s, variant);
	else if (is(page, "error") || is(page, "calm"))
		error(&s, is(page, "calm"));
	else
		grants(&s, variant, is(page, "grants") ? 2 : 0);
	fputs(buf_text(&s.body), stdout);
	buf_release(&s.body);
	arena_free(arena);
	return 0;
}
