/* SPDX-License-Identifier: Apache-2.0 */
/* Headers and query pairs on their way to the upstream, and the names that nobody may set. */
#include "config.h"

#include "policy/upstream_request.h"

#include "tap.h"

static const struct {
	const char *configured, *client, *leaves, *name;
} queries[] = {
	{ NULL, "", "", "nothing stays nothing" },
	{ NULL, "a=1&b=2", "a=1&b=2", "the client's query goes along" },
	{ "k=1", "", "k=1", "the configured one too" },
	{ "k=1", "a=2", "k=1&a=2", "the configured pairs come first" },
	{ "k=1", "k=2&k=3&a=4", "k=1&a=4", "the client overrides none of them" },
	{ "k=1", "%6b=2&K=3", "k=1&K=3", "however it spells the name" },
	{ NULL, "a=1&a=2&a", "a=1&a=2&a", "its own repetitions stay" },
	{ NULL, "a=%zz&b=+%20", "a=%zz&b=+%20", "values are not looked at" },
	{ NULL, "&&a=1&&", "a=1", "empty pairs go" },
	{ NULL, "access_token=x&access%5Ftoken=y&a=1", "a=1", "access_token is never forwarded" },
	{ "access_token=mine", "access_token=x", "access_token=mine", "but the configured one" },
};

static void test_query(struct arena *a)
{
	struct upstream_request u;
	struct err e = { .code = ERR_NONE };

	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		upstream_request_init(&u, a, queries[i].configured);
		ok(upstream_query_append(&u, queries[i].client, NULL), queries[i].name);
		is_str(upstream_query_text(&u), queries[i].leaves, queries[i].name);
	}
	upstream_request_init(&u, a, NULL);
	ok(!upstream_query_append(&u, "%zz=1", &e) && e.code == ERR_INVALID_REQUEST, "a name that cannot be decoded is refused");
	upstream_request_init(&u, a, "a=1&b=2&a=3");
	upstream_query_set(&u, "a", "x y&z", true);
	is_str(upstream_query_text(&u), "b=2&a=x%20y%26z", "a policy replaces all pairs of the name, encoded");
	upstream_query_set(&u, "b", "no", false);
	upstream_query_set(&u, "c", "", false);
	is_str(upstream_query_text(&u), "b=2&a=x%20y%26z&c=", "or none, where it must not");
	ok(query_has(a, "x=1&%61ccess_token=2", "access_token"), "a pair is found however it is spelled");
	ok(!query_has(a, "xaccess_token=1&y=access_token", "access_token"), "and nothing else is");
}

static void test_headers(struct arena *a)
{
	static const char *const reserved[] = { "Host", "connection", "Transfer-Encoding", "content-length", "TE", "Upgrade",
		"Keep-Alive", "Proxy-Authorization", "Mcp-Session-Id", "Expect", "Trailer", "Content-Encoding" };
	struct upstream_request u;

	upstream_request_init(&u, a, NULL);
	ok(upstream_header_set(&u, "X-A", "1", true), "a header is set");
	ok(upstream_header_set(&u, "x-a", "2", false), "one that stands");
	is_str(upstream_header_get(&u, "X-a"), "1", "stays where it must not be overwritten");
	upstream_header_set(&u, "x-A", "3", true);
	is_str(upstream_header_get(&u, "x-a"), "3", "and is replaced where it may");
	ok(!upstream_header_set(&u, "X-B", "a\r\nHost: evil", true), "a line break is refused");
	ok(!upstream_header_set(&u, "X-B", "a\x01", true), "a control character too");
	ok(!upstream_header_set(&u, "X B", "a", true), "a name that is no token");
	ok(!upstream_header_set(&u, "", "a", true), "an empty name");
	ok(!upstream_header_get(&u, "X-B"), "and nothing was set");
	upstream_header_remove(&u, "X-A");
	ok(!upstream_header_get(&u, "x-a"), "a header is removed");
	upstream_header_remove(&u, "X-A");
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		ok(header_name_is_reserved(reserved[i]), reserved[i]);
	ok(!header_name_is_reserved("Authorization"), "Authorization may be set by configuration");
}

static void test_secrets(struct arena *a)
{
	struct upstream_request u;

	upstream_request_init(&u, a, NULL);
	upstream_secret(&u, "1234567");
	ok(!u.secrets, "a value too short to be told from other text is not masked");
	upstream_secret(&u, "12345678");
	ok(u.secrets && !u.secrets->next, "a longer one is");
	upstream_secret(&u, "a key/with=signs");
	is_str(u.secrets->value, "a%20key%2Fwith%3Dsigns", "also as a query spells it");
	ok(name_is_credential("X-Api-Key") && name_is_credential("Authorization") && name_is_credential("access_TOKEN"),
	    "names of credentials are known");
	ok(!name_is_credential("X-Tenant"), "and others are not");
}

int main(void)
{
	struct arena *a = arena_new();

	test_query(a);
	test_headers(a);
	test_secrets(a);
	arena_free(a);
	return done();
}
