/* SPDX-License-Identifier: Apache-2.0 */
/* Which Host headers are ours, and which browser origins may call. */
#include "config.h"

#include "tap.h"

#include "conf/origin.h"

#define BOTH                                                                                       \
	"[\"https://mcp.example.com\", \"https://gw.example.com:8443\", "                          \
	"\"http://127.0.0.1:8080\"]"
#define V6 "[\"https://[2001:db8::1]:444\"]"

static const struct {
	const char *origins; /* publicOrigins; NULL: the default */
	bool development;
	const char *host, *scheme, *text, *says; /* text NULL: 421 */
} hosts[] = {
	{ BOTH, false, "mcp.example.com", NULL, "https://mcp.example.com",
	    "a host of the list is found" },
	{ BOTH, false, "MCP.Example.COM", NULL, "https://mcp.example.com", "in any case" },
	{ BOTH, false, "mcp.example.com:443", NULL, "https://mcp.example.com",
	    "with its default port" },
	{ BOTH, false, "mcp.example.com:80", NULL, NULL, "but not with another scheme's" },
	{ BOTH, false, "mcp.example.com:8443", NULL, NULL, "or another entry's" },
	{ BOTH, false, "gw.example.com:8443", NULL, "https://gw.example.com:8443",
	    "a port that is no default must be there" },
	{ BOTH, false, "gw.example.com", NULL, NULL, "and not be left out" },
	{ BOTH, false, "example.com", NULL, NULL, "a parent domain is another host" },
	{ BOTH, false, "x.mcp.example.com", NULL, NULL, "so is a subdomain" },
	{ BOTH, false, "mcp.example.com.", NULL, NULL, "so is the name with a final dot" },
	{ BOTH, false, "mcp.example.com.evil.test", NULL, NULL, "so is a longer name" },
	{ BOTH, false, "127.0.0.1:8080", NULL, "http://127.0.0.1:8080",
	    "a loopback entry is found" },
	{ BOTH, false, "127.0.0.1:8081", NULL, NULL, "on its port only" },
	{ BOTH, false, "localhost:8080", NULL, NULL, "and by its name only" },
	{ BOTH, true, "localhost:8081", NULL, "http://localhost:8081",
	    "in development any loopback host is ours" },
	{ BOTH, true, "mcp2.example.com", NULL, NULL, "but no other" },
	{ BOTH, false, "mcp.example.com", "https", "https://mcp.example.com",
	    "a trusted proxy's scheme agrees" },
	{ BOTH, false, "mcp.example.com", "HTTPS", "https://mcp.example.com", "in any case" },
	{ BOTH, false, "mcp.example.com", "http", NULL, "or does not" },
	{ BOTH, false, "", NULL, NULL, "an empty Host is nobody's" },
	{ BOTH, false, "mcp.example.com:", NULL, NULL, "so is an empty port" },
	{ BOTH, false, "mcp.example.com:0443x", NULL, NULL, "a port that is none" },
	{ BOTH, false, "mcp.example.com:70443", NULL, NULL, "a port past 65535" },
	{ BOTH, false, "u@mcp.example.com", NULL, NULL, "user information" },
	{ BOTH, false, "mcp.example.com/x", NULL, NULL, "a path" },
	{ BOTH, false, "mcp.example.com?x", NULL, NULL, "a query" },
	{ BOTH, false, "mcp.example.com#x", NULL, NULL, "a fragment" },
	{ BOTH, false, "mcp.example.com, mcp.example.com", NULL, NULL, "a joined duplicate" },
	{ BOTH, false, "https://mcp.example.com", NULL, NULL, "a URL" },
	{ BOTH, false, "mcp\\.example.com", NULL, NULL, "a backslash" },
	{ V6, false, "[2001:db8::1]:444", NULL, "https://[2001:db8::1]:444",
	    "IPv6 stands in brackets" },
	{ V6, false, "2001:db8::1:444", NULL, NULL, "not without" },
	{ NULL, false, "127.0.0.1:9000", NULL, "http://127.0.0.1:9000",
	    "by default loopback is ours: 127.0.0.1" },
	{ NULL, false, "localhost", NULL, "http://localhost", "localhost" },
	{ NULL, false, "localhost:80", NULL, "http://localhost", "whose default port is not said" },
	{ NULL, false, "[::1]:9000", NULL, "http://[::1]:9000", "and [::1]" },
	{ NULL, false, "127.0.0.2", NULL, NULL, "no other address" },
	{ NULL, false, "0x7f000001", NULL, NULL, "no other spelling" },
	{ NULL, false, "127.1", NULL, NULL, "nor a short one" },
	{ NULL, false, "localhost.evil.test", NULL, NULL, "no longer name" },
	{ NULL, false, "mcp.example.com", NULL, NULL, "and nothing on the network" },
	{ NULL, false, "localhost:9000", "https", NULL, "which is http, whatever a proxy says" },
};

static struct loader loader(struct arena *a, struct project *p)
{
	*p = (struct project){ .arena = a, .config_file = "gateway.jsonc" };
	return (struct loader){ .p = p, .arena = a, .problems = problems_new(a) };
}

static struct json_object *parse(struct arena *a, const char *text)
{
	struct scan_limits limits = scan_limits_of(10000);

	return text ? json_parse(a, text, strlen(text), &limits, NULL) : NULL;
}

static void test_hosts(void)
{
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct arena *a = arena_new();
		struct project p;
		struct loader l = loader(a, &p);
		const struct origin *o;

		origins_load(&l, parse(a, hosts[i].origins));
		p.development = hosts[i].development;
		o = project_origin(&p, a, hosts[i].host, hosts[i].scheme);
		is_str(o ? o->text : NULL, hosts[i].text, hosts[i].says);
		arena_free(a);
	}
}

static void test_normal_form(void)
{
	struct arena *a = arena_new();
	struct project p;
	struct loader l = loader(a, &p);

	ok(origins_load(&l, parse(a, "[\"HTTPS://MCP.Example.com:443\"]")),
	    "an origin may be written with its default port");
	is_str(p.origins[0].text, "https://mcp.example.com", "and is said without");
	ok(!p.origins[0].loopback && p.origins[0].port == 443, "its parts are known");
	arena_free(a);
}

/* Requests come, and are told of the fault, while the configuration has one. */
static void test_faulty(void)
{
	struct arena *a = arena_new();
	struct project p;
	struct loader l = loader(a, &p);
	const struct origin *o;

	ok(!origins_load(&l, parse(a, "[\"nonsense\", \"https://mcp.example.com\"]")), "what is no origin is a fault");
	o = project_origin(&p, a, "mcp.example.com:443", NULL);
	is_str(o ? o->text : NULL, "https://mcp.example.com", "the others are found meanwhile");
	o = project_origin(&p, a, "mcp.example.com", NULL);
	is_str(o ? o->text : NULL, "https://mcp.example.com", "however they are spelled");
	arena_free(a);
}

static const struct {
	const char *public, *allowed;
	bool development;
	const char *origin;
	bool may;
	const char *says;
} callers[] = {
	{ BOTH, NULL, false, "https://mcp.example.com", true, "a public origin may call" },
	{ BOTH, NULL, false, "https://mcp.example.com:443", false,
	    "in the browser's spelling only" },
	{ BOTH, NULL, false, "http://mcp.example.com", false, "with its scheme" },
	{ BOTH, NULL, false, "https://evil.test", false, "another origin may not" },
	{ BOTH, NULL, false, "null", false, "nor an opaque one" },
	{ BOTH, NULL, false, "http://localhost:6274", false, "nor loopback" },
	{ BOTH, NULL, true, "http://localhost:6274", true, "except in development" },
	{ BOTH, NULL, true, "http://localhost.evil.test", false, "where loopback is loopback" },
	{ BOTH, NULL, true, "http://localhost:6274/", false, "and an origin has no path" },
	{ NULL, NULL, false, "http://localhost:6274", true,
	    "without publicOrigins loopback may call" },
	{ NULL, NULL, false, "https://evil.test", false, "and nobody else" },
	{ BOTH, "[\"https://Inspector.example.com:443\"]", false, "https://inspector.example.com",
	    true, "allowedOrigins are compared in the browser's spelling" },
	{ BOTH, "[\"https://inspector.example.com\"]", false, "https://mcp.example.com", false,
	    "and replace the default" },
	{ BOTH, "[\"*\"]", false, "https://evil.test", true, "* lets everybody" },
	{ BOTH, "[]", false, "https://mcp.example.com", false, "an empty list lets nobody" },
};

static void test_callers(void)
{
	for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
		struct arena *a = arena_new();
		struct project p;
		struct loader l = loader(a, &p);

		origins_load(&l, parse(a, callers[i].public));
		allowed_origins_load(&l, parse(a, callers[i].allowed));
		p.development = callers[i].development;
		ok(project_allows_origin(&p, callers[i].origin) == callers[i].may, callers[i].says);
		arena_free(a);
	}
}

int main(void)
{
	test_hosts();
	test_normal_form();
	test_faulty();
	test_callers();
	return done();
}
