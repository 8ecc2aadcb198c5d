/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of forms, and where a POST says that it comes from. */
#include "config.h"

#include "fake_io.h"
#include "tap.h"

#include "http/http_internal.h"
#include "page/csrf.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void tokens(const struct ring *ring, const struct ring *other)
{
	static const char session[] = "bs_cookie", form[] = "4b7f2e7c-5d0a-4a53-9c3c-0d8a5f8f8a55";
	char token[CSRF_TEXT], bad[2 * CSRF_TEXT];
	struct err e = { .code = ERR_NONE };

	csrf_make(token, ring, session, form);
	is_int(strlen(token), 43, "a token is 32 bytes in base64url");
	ok(csrf_check(ring, session, form, token, &e), "a token fits its session and form");
	ok(!csrf_check(ring, "bs_other", form, token, NULL), "but no other session");
	ok(!csrf_check(ring, session, "grants", token, NULL), "and no other form");
	ok(!csrf_check(other, session, form, token, NULL), "and no other gateway's keys");
	ok(!csrf_check(ring, session, form, "", NULL), "an empty token is refused");
	ok(!csrf_check(ring, session, form, "not base64url!", NULL), "and one that is none");
	snprintf(bad, sizeof(bad), "%s", token);
	bad[7] = bad[7] == 'A' ? 'B' : 'A';
	ok(!csrf_check(ring, session, form, bad, NULL), "and one with a character changed");
	snprintf(bad, sizeof(bad), "%.42s", token);
	ok(!csrf_check(ring, session, form, bad, NULL), "and one cut short");
	snprintf(bad, sizeof(bad), "%s%s", token, token);
	ok(!csrf_check(ring, session, form, bad, NULL), "and one that goes on");
	ok(!csrf_check(ring, session, form, NULL, &e), "no token is refused");
	is_int(e.code, ERR_FORBIDDEN, "with 403");
	is_str(err_reason_of(&e), "csrf_token", "and a reason");
	/* the parts are told apart: what is cut off one does not count for the other */
	csrf_make(token, ring, "ab", "c");
	ok(!csrf_check(ring, "a", "bc", token, NULL), "session and form do not run together");
}

static void sources(struct arena *a)
{
	static const struct {
		const char *origin, *site;
		bool good;
		const char *name;
	} rows[] = {
		{ NULL, NULL, true, "a browser that says nothing is left to the token" },
		{ "HTTP_ORIGIN=https://mcp.example.com", "HTTP_SEC_FETCH_SITE=same-origin", true,
		    "our own page may post" },
		{ "HTTP_ORIGIN=https://mcp.example.com", NULL, true, "an Origin alone will do" },
		{ NULL, "HTTP_SEC_FETCH_SITE=same-origin", true, "and so will Sec-Fetch-Site" },
		{ "HTTP_ORIGIN=https://evil.example", NULL, false, "another origin may not" },
		{ "HTTP_ORIGIN=null", NULL, false, "an opaque origin may not" },
		{ "HTTP_ORIGIN=", NULL, false, "an empty Origin may not" },
		{ "HTTP_ORIGIN=http://mcp.example.com", NULL, false, "nor our name over http" },
		{ "HTTP_ORIGIN=https://mcp.example.com:8443", NULL, false, "nor another port" },
		{ "HTTP_ORIGIN=https://mcp.example.com.evil.example", NULL, false,
		    "nor a name that begins as ours" },
		{ "HTTP_ORIGIN=https://mcp.example.com, https://evil.example", NULL, false,
		    "nor two origins" },
		{ "HTTP_ORIGIN=https://mcp.example.com", "HTTP_SEC_FETCH_SITE=cross-site", false,
		    "nor a cross-site one" },
		{ NULL, "HTTP_SEC_FETCH_SITE=same-site", false, "nor a sister site" },
		{ NULL, "HTTP_SEC_FETCH_SITE=none", false, "nor what no page began" },
	};
	static const struct origin origin = { .text = "https://mcp.example.com",
		.scheme = "https",
		.host = "mcp.example.com",
		.port = 443 };
	static const struct project project = {
		.base_path = "", .origins = &origin, .origins_n = 1, .limits = { .url = 4096 }
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct io io = { .params = { "REQUEST_METHOD=POST", "REQUEST_URI=/",
				     "REMOTE_ADDR=192.0.2.1", "HTTP_HOST=mcp.example.com",
				     rows[i].origin ? rows[i].origin : "X=",
				     rows[i].site ? rows[i].site : "Y=" } };
		struct req r = { .arena = a, .io = &io, .project = &project };
		struct err e = { .code = ERR_NONE };

		ok(req_read(&r, &e) && csrf_check_source(&r, &e) == rows[i].good, rows[i].name);
	}
}

int main(void)
{
	struct arena *a = arena_new();
	char dir[2][64] = { "/tmp/gatehouse-csrf-XXXXXX", "/tmp/gatehouse-csrf-XXXXXX" };
	struct ring *ring[2];
	struct err e = { .code = ERR_NONE };

	for (int i = 0; i < 2; i++) {
		if (!mkdtemp(dir[i]) || !ring_init(dir[i], NULL, &e) ||
		    !(ring[i] = ring_open(dir[i], 1u << KEY_SESSION, &e))) {
			printf("Bail out! %s %s\n", e.text, e.detail);
			return 1;
		}
	}
	tokens(ring[0], ring[1]);
	sources(a);
	for (int i = 0; i < 2; i++) {
		ring_close(ring[i]);
		for (int k = 0; k < KEY_PURPOSES; k++)
			unlink(arena_printf(a, "%s/%s", dir[i], purpose_name((enum purpose)k)));
		ok(rmdir(dir[i]) == 0, "the key ring made for this is taken away");
	}
	arena_free(a);
	return done();
}
