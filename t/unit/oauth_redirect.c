/* SPDX-License-Identifier: Apache-2.0 */
/* Redirect URIs: what may be registered, and what matches. */
#include "config.h"

#include "oauth/redirect.h"

#include "tap.h"

static const struct {
	const char *uri;
	enum redirect_use use;
	bool good;
	const char *name;
} registrations[] = {
	{ "https://app.example/cb", 0, true, "https may be registered" },
	{ "https://app.example:8443/cb?a=b", 0, true, "with a port and a query" },
	{ "https://app.example", 0, true, "without a path" },
	{ "http://127.0.0.1/cb", 0, true, "http to 127.0.0.1 may" },
	{ "http://127.0.0.1:3000/cb", 0, true, "with a port" },
	{ "http://[::1]:3000/cb", 0, true, "http to [::1] may" },
	{ "http://localhost/cb", 0, true, "http to localhost may" },
	{ "com.example.app:/cb", 0, true, "a private-use scheme with a dot may" },
	{ "com.example.app://cb", 0, true, "also with two slashes" },
	{ "https://app.example/cb#x", 0, false, "a fragment may not (A4)" },
	{ "https://app.example/cb#", 0, false, "not even an empty one" },
	{ "https://user@app.example/cb", 0, false, "user information may not (A3)" },
	{ "https://good.example@evil.example/", 0, false, "whatever it is made to look like" },
	{ "https://*.app.example/cb", 0, false, "a wildcard host may not" },
	{ "https://app.example/*", 0, false, "nor a wildcard path" },
	{ "javascript:alert(1)", 0, false, "javascript: may not (A5)" },
	{ "JavaScript:alert(1)", 0, false, "in no spelling" },
	{ "data:text/html,x", 0, false, "data: may not (A5)" },
	{ "file:///etc/passwd", 0, false, "file: may not" },
	{ "vbscript:x", 0, false, "vbscript: may not" },
	{ "blob:https://app.example/1", 0, false, "blob: may not" },
	{ "about:blank", 0, false, "about: may not" },
	{ "myapp:/cb", 0, false, "a private-use scheme without a dot may not" },
	{ "http://app.example/cb", 0, false, "http elsewhere may not (A6)" },
	{ "http://127.0.0.1.evil.example/cb", 0, false, "a host that begins like loopback is none (A9)" },
	{ "http://127.1/cb", 0, false, "short spellings are none (A9)" },
	{ "http://2130706433/cb", 0, false, "decimal ones are none (A9)" },
	{ "http://0x7f000001/cb", 0, false, "hexadecimal ones are none" },
	{ "http://127.0.0.2/cb", 0, false, "other addresses of the loopback net are none" },
	{ "http://localhost.evil.example/cb", 0, false, "localhost with more behind it is none" },
	{ "http://0.0.0.0/cb", 0, false, "0.0.0.0 is none" },
	{ "https://app.example\\@evil.example/", 0, false, "a backslash may not stand in it (A3)" },
	{ "https://app.example/\tcb", 0, false, "nor a tab" },
	{ "https://app.example/\r\ncb", 0, false, "nor a line break" },
	{ "https://app.example/ cb", 0, false, "nor a blank" },
	{ "https://app.ex\xc3\xa4mple/cb", 0, false, "nor bytes past ASCII" },
	{ "https://app.example/a/../cb", 0, false, "dot segments may not" },
	{ "https://app.example/a/%2e%2E/cb", 0, false, "in no spelling" },
	{ "https://app.example/%00", 0, false, "an encoded NUL may not" },
	{ "https://app.example/%zz", 0, false, "a broken escape may not" },
	{ "https://app.example:0/cb", 0, false, "port 0 is none" },
	{ "https://app.example:99999/cb", 0, false, "nor is one past 65535" },
	{ "https:///cb", 0, false, "a host there must be" },
	{ "/cb", 0, false, "a relative URI may not" },
	{ "//app.example/cb", 0, false, "nor one without a scheme" },
	{ "", 0, false, "nor the empty text" },
	{ "https://app.example/cb", REDIRECT_WEB, true, "a web application may use https" },
	{ "http://localhost/cb", REDIRECT_WEB, false, "a web application may not use loopback" },
	{ "https://localhost/cb", REDIRECT_WEB, false, "not even with https" },
	{ "com.example.app:/cb", REDIRECT_WEB, false, "nor a scheme of its own" },
	{ "http://localhost/cb", REDIRECT_NATIVE, true, "a native one may use loopback" },
	{ "https://app.example/cb", REDIRECT_NATIVE, true, "or https" },
	{ "com.example.app:/cb", REDIRECT_NATIVE, true, "or its own scheme" },
};

static const struct {
	const char *registered, *uri;
	bool good;
	const char *name;
} matches[] = {
	{ "https://a.example/cb", "https://a.example/cb", true, "the same bytes match" },
	{ "https://a.example/cb", "https://a.example/cb/", false, "a slash more does not (A2)" },
	{ "https://a.example/cb", "https://a.example/cb/x", false, "a longer path does not" },
	{ "https://a.example/cb", "https://a.example/CB", false, "another case does not" },
	{ "https://a.example/cb", "https://A.example/cb", false, "not even of the host" },
	{ "https://a.example/cb", "https://a.example/x/../cb", false, "dot segments are not resolved" },
	{ "https://a.example/cb", "https://a.example/cb?x=1", false, "a query more does not" },
	{ "https://a.example/cb", "https://a.example:443/cb", false, "the default port is a difference" },
	{ "https://a.example/cb", "https://a.example:8443/cb", false, "ports count where it is not loopback" },
	{ "https://a.example/cb", "http://a.example/cb", false, "so does the scheme" },
	{ "https://a.example/cb", "https://a.example/cb#", false, "a fragment does not match (A4)" },
	{ "http://127.0.0.1/cb", "http://127.0.0.1:5000/cb", true, "loopback matches with a port (A7)" },
	{ "http://127.0.0.1:3000/cb", "http://127.0.0.1:5000/cb", true, "with another port" },
	{ "http://127.0.0.1:3000/cb", "http://127.0.0.1/cb", true, "and without one" },
	{ "http://[::1]:3000/cb", "http://[::1]:5/cb", true, "so does [::1]" },
	{ "http://localhost:3000/cb", "http://localhost:65535/cb", true, "so does localhost" },
	{ "http://localhost:3000/cb?a=b", "http://localhost:1/cb?a=b", true, "with the same query" },
	{ "http://localhost:3000/cb?a=b", "http://localhost:1/cb?a=c", false, "not with another" },
	{ "http://localhost:3000/cb", "http://localhost:3000/other", false, "another path does not match (A7)" },
	{ "http://localhost:3000/cb", "https://localhost:3000/cb", false, "another scheme does not" },
	{ "https://localhost:3000/cb", "https://localhost:4000/cb", false, "https to loopback has no such licence" },
	{ "http://localhost/cb", "http://127.0.0.1/cb", false, "the spellings do not stand for each other (A8)" },
	{ "http://127.0.0.1/cb", "http://[::1]/cb", false, "none of them" },
	{ "http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb", false, "more host does not match (A9)" },
	{ "http://127.0.0.1/cb", "http://127.0.0.1:80@evil.example/cb", false, "nor does a host behind a user" },
	{ "http://127.0.0.1/cb", "http://127.0.0.1:80.evil.example/cb", false, "nor a port that goes on" },
	{ "http://127.0.0.1/cb", "http://127.0.0.1:/cb", false, "nor an empty port" },
	{ "http://127.0.0.1/cb", "http://127.0.0.1:0/cb", false, "nor port 0" },
	{ "http://127.0.0.1/cb", "http://127.0.0.1:65536/cb", false, "nor a port past the last" },
	{ "http://127.0.0.1/cb", "http://127.0.0.1:080/cb", false, "nor one with a zero before it" },
	{ "http://127.0.0.1/cb", "HTTP://127.0.0.1:80/cb", false, "the scheme is compared as it is spelled" },
	{ "http://127.0.0.1", "http://127.0.0.1:80", true, "no path is a path" },
	{ "http://127.0.0.1", "http://127.0.0.1:80/", false, "but not \"/\"" },
	{ "com.example.app:/cb", "com.example.app:/cb", true, "a private-use scheme matches itself" },
	{ "com.example.app:/cb", "com.example.app://cb", false, "and nothing else" },
};

int main(void)
{
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(registrations) / sizeof(registrations[0]); i++) {
		struct err e = { .code = ERR_NONE };

		is_int(redirect_check(registrations[i].uri, registrations[i].use, a, &e),
		    registrations[i].good, registrations[i].name);
		is_int(e.code, registrations[i].good ? ERR_NONE : ERR_INVALID_REDIRECT_URI,
		    "and the error says so");
	}
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++)
		is_int(redirect_matches(matches[i].registered, matches[i].uri), matches[i].good,
		    matches[i].name);
	ok(redirect_is_loopback("http://localhost:3/cb"), "loopback is known as loopback");
	ok(!redirect_is_loopback("http://localhost.evil.example/cb"), "and nothing else is");
	arena_free(a);
	return done();
}
