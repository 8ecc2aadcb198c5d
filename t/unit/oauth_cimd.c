/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents as client ids: the rules for the address, and for what stands there (protocol D63, D68,
 * D69).
 */
#include "config.h"

#include "oauth/cimd.h"

#include "tap.h"

#define ID   "https://app.example/client"
#define REST "\"client_name\":\"App\",\"redirect_uris\":[\"https://app.example/cb\"]"
#define EC                                                                                         \
	"\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","  \
	"\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""

static struct arena *a;
static const struct project project; /* with no OAuth policy, and no development */

static void addresses(void)
{
	static const struct {
		const char *url;
		bool good, in_development;
		const char *name;
	} rows[] = {
		{ ID, true, true, "an https address with a path" },
		{ "https://app.example:8443/client.json", true, true, "with a port" },
		{ "https://app.example/client?v=1", true, true, "with a query" },
		{ "https://app.example/a..b/.c/d.", true, true, "with dots inside segments" },
		{ "https://app.example/a%20b", true, true, "with an escape" },
		{ "https://[2606:4700::1111]/client", true, true, "with an IPv6 host" },
		{ "http://app.example/client", false, false, "plain http" },
		{ "http://127.0.0.1:3000/client", false, true, "http to loopback" },
		{ "http://[::1]/client", false, true, "http to IPv6 loopback" },
		{ "http://localhost/client", false, true, "http to localhost" },
		{ "http://127.0.0.1.evil.example/client", false, false,
		    "http to a name like loopback" },
		{ "http://127.1/client", false, false, "http to a short form of loopback" },
		{ "https://app.example", false, false, "no path" },
		{ "https://app.example/", false, false, "a path that is a slash" },
		{ "https://app.example?x", false, false, "a query without a path" },
		{ "https://app.example/#x", false, false, "a fragment" },
		{ "https://app.example/client#", false, false, "an empty fragment" },
		{ "https://user@app.example/client", false, false, "a user" },
		{ "https://@app.example/client", false, false, "an empty user" },
		{ "https://app.example@evil.example/client", false, false, "a user like a host" },
		{ "https://app.example\\@evil.example/client", false, false, "a backslash" },
		{ "https://app.example/../client", false, false, "two dots" },
		{ "https://app.example/a/./b", false, false, "one dot" },
		{ "https://app.example/a/..", false, false, "two dots at the end" },
		{ "https://app.example/a/.", false, false, "one dot at the end" },
		{ "https://app.example/%2e%2e/b", false, false, "encoded dots" },
		{ "https://app.example/.%2E/b", false, false, "half encoded dots" },
		{ "https://app.example/a%2f..%2fb", false, false, "encoded slashes around dots" },
		{ "https://app.example/a%00", false, false, "an encoded NUL" },
		{ "https://app.example/a b", false, false, "a blank" },
		{ "https://app.example/a\tb", false, false, "a tab" },
		{ "https://app.example/a\r\nb", false, false, "a line end" },
		{ "https://app.example/\xc3\xa4", false, false, "a byte past ASCII" },
		{ "https://\xd0\xb0pp.example/client", false, false, "a host past ASCII" },
		{ "HTTPS://app.example/client", false, false, "another case of the scheme" },
		{ "https:///client", false, false, "no host" },
		{ "https:/client", false, false, "one slash" },
		{ "https://app.example:0/client", false, false, "port 0" },
		{ "https://app.example:/client", false, false, "an empty port" },
		{ "https://app.example:65536/client", false, false, "a port too large" },
		{ "https://app.example:44a/client", false, false, "a port that is none" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ok(cimd_check_url(a, rows[i].url, false, NULL) == rows[i].good,
		    arena_printf(a, "%s: %s", rows[i].name, rows[i].good ? "an id" : "no id"));
		ok(cimd_check_url(a, rows[i].url, true, NULL) == rows[i].in_development,
		    arena_printf(a, "%s: %s in development", rows[i].name,
			rows[i].in_development ? "an id" : "no id"));
	}
	ok(cimd_check_url(a, arena_printf(a, "https://app.example/%01004d", 0), false, NULL),
	    "1024 characters are an id");
	ok(!cimd_check_url(a, arena_printf(a, "https://app.example/%01005d", 0), false, NULL),
	    "a character more is none");
	ok(cimd_is_url(ID) && cimd_is_url("http://x"),
	    "what begins like an address means a document");
	ok(!cimd_is_url("7f1c2b1e-0000-4000-8000-000000000000") &&
		!cimd_is_url("HTTPS://app.example/") && !cimd_is_url("https:app"),
	    "other ids do not");
}

static void documents(void)
{
	static const struct {
		const char *text;
		bool good;
		const char *name;
	} rows[] = {
		{ "{\"client_id\":\"" ID "\"," REST "}", true, "the least that a document has" },
		{ " {\"x\":{\"y\":[1,null]},\"client_id\":\"" ID "\"," REST "} ", true,
		    "members that nobody knows" },
		{ "{\"client_id\":\"https:\\/\\/app.example\\/client\"," REST "}", true,
		    "an id written with escapes" },
		{ "{" REST "}", false, "no client_id" },
		{ "{\"client_id\":\"https://app.example/Client\"," REST "}", false,
		    "another case" },
		{ "{\"client_id\":\"https://app.example/client/\"," REST "}", false,
		    "a slash more" },
		{ "{\"client_id\":\"https://app.example:443/client\"," REST "}", false,
		    "the port written out" },
		{ "{\"client_id\":\"https://app.example/%63lient\"," REST "}", false,
		    "an escape for the same" },
		{ "{\"client_id\":\"" ID "\\u0000\"," REST "}", false, "NUL behind it" },
		{ "{\"client_id\":[\"" ID "\"]," REST "}", false, "an id in a list" },
		{ "{\"client_id\":\"" ID "\",\"client_id\":\"" ID "\"," REST "}", false,
		    "the id twice" },
		{ "{\"client_id\":\"" ID "\",\"client_secret\":\"\"," REST "}", false,
		    "an empty secret" },
		{ "{\"client_id\":\"" ID "\",\"client_secret_hash\":1," REST "}", false,
		    "a secret of another name" },
		{ "{\"client_id\":\"" ID
		  "\",\"token_endpoint_auth_method\":\"client_secret_basic\"," REST "}",
		    false, "a method with a secret" },
		{ "{\"client_id\":\"" ID
		  "\",\"token_endpoint_auth_method\":\"tls_client_auth\"," REST "}",
		    false, "a method that is not served" },
		{ "{\"client_id\":\"" ID
		  "\",\"token_endpoint_auth_method\":\"private_key_jwt\"," REST "}",
		    false, "a signature without keys" },
		{ "{\"client_id\":\"" ID
		  "\",\"token_endpoint_auth_method\":\"private_key_jwt\",\"jwks\":{\"keys\":[{" EC
		  "}]}," REST "}",
		    true, "a signature with a key" },
		{ "{\"client_id\":\"" ID "\",\"token_endpoint_auth_method\":\"private_key_jwt\","
		  "\"jwks_uri\":\"https://app.example/keys\"," REST "}",
		    true, "a signature with keys elsewhere" },
		{ "{\"client_id\":\"" ID "\",\"token_endpoint_auth_method\":\"private_key_jwt\","
		  "\"jwks_uri\":\"http://127.0.0.1/keys\"," REST "}",
		    false, "keys over http" },
		{ "{\"client_id\":\"" ID "\",\"jwks\":{\"keys\":[{" EC ",\"d\":\"AAAA\"}]}," REST
		  "}",
		    false, "a private key, whatever the method" },
		{ "{\"client_id\":\"" ID "\",\"redirect_uris\":[\"https://app.example/cb\"]}",
		    false, "no name" },
		{ "{\"client_id\":\"" ID "\",\"client_name\":\"App\"}", false, "no redirect URIs" },
		{ "{\"client_id\":\"" ID
		  "\",\"client_name\":\"App\",\"redirect_uris\":\"https://app.example/cb\"}",
		    false, "redirect URIs that are no list" },
		{ "[]", false, "a list" },
		{ "null", false, "null" },
		{ "", false, "nothing" },
		{ "<html>", false, "HTML" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = { .code = ERR_NONE };
		struct client_metadata m;
		bool good = cimd_read(&m, a, ID, rows[i].text, strlen(rows[i].text), &project, &e);

		ok(good == rows[i].good,
		    arena_printf(a, "%s: %s", rows[i].name, rows[i].good ? "valid" : "not valid"));
		if (!good)
			ok(e.code == ERR_INVALID_CLIENT &&
				!strcmp(err_reason_of(&e), "client_document") && e.text[0],
			    "it is said why");
	}
}

static void effective(void)
{
	static const char text[] =
	    "{\"client_id\":\"" ID "\",\"scope\":\"email\",\"grant_types\":[\"urn:x\","
	    "\"authorization_code\"],\"logo_uri\":\"https://10.0.0.1/logo\"," REST "}";
	struct client_metadata m;

	ok(cimd_read(&m, a, ID, text, strlen(text), &project, NULL),
	    "a document for many servers is valid");
	is_str(m.auth_method, "none", "without a method there is no secret");
	is_str(m.name, "App", "its name is kept");
	is_int(m.redirect_uris_n, 1, "its redirect URIs are");
	is_str(json_text(a, m.effective),
	    "{\"client_name\":\"App\",\"redirect_uris\":[\"https://app.example/cb\"],"
	    "\"token_endpoint_auth_method\":\"none\",\"grant_types\":[\"authorization_code\"],"
	    "\"response_types\":[\"code\"],\"logo_uri\":\"https://10.0.0.1/logo\"}",
	    "what is not served here is left out");
}

int main(void)
{
	a = arena_new();
	addresses();
	documents();
	effective();
	arena_free(a);
	return done();
}
