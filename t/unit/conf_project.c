/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole project: what of it reaches the programs, what closes a route, and where a
 * project is found.
 */
#include "config.h"

#include "tap.h"

#include "conf/project.h"
#include "policy/policy.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/gatehouse-project.XXXXXX";

static void put(const char *name, const char *text)
{
	struct arena *a = arena_new();
	FILE *f = fopen(arena_printf(a, "%s/%s", dir, name), "w");

	fputs(text, f);
	fclose(f);
	arena_free(a);
}

/* The file NAME of the native project, with FROM replaced by TO (NULL: as it is). */
static void copy(const char *name, const char *as, const char *from, const char *to)
{
	const char *top = getenv("top_srcdir");
	struct arena *a = arena_new();
	FILE *f = fopen(arena_printf(a, "%s/t/projects/native/%s", top ? top : ".", name), "r");
	char text[16384], *at = NULL;
	size_t n = fread(text, 1, sizeof(text) - 1, f);

	fclose(f);
	text[n] = '\0';
	if (from)
		at = strstr(text, from);
	put(as,
	    at ? arena_printf(a, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) : text);
	if (from)
		ok(at, "(the row finds what it changes)");
	arena_free(a);
}

static struct project *load(void)
{
	struct project_options options = { .dir = dir, .types = policy_types };

	return project_load(&options);
}

static struct project *load_with(const char *name, const char *from, const char *to)
{
	static const char *const files[][2] = { { "gateway.jsonc", "gateway.jsonc" },
		{ "config/routes.oas.json", "config/routes.oas.json" },
		{ "config/policies.json", "config/policies.json" }, { "env.sample", ".env" } };

	for (size_t i = 0; i < 4; i++)
		copy(
		    files[i][0], files[i][1], name && !strcmp(name, files[i][0]) ? from : NULL, to);
	return load();
}

static void test_settings(void)
{
	struct project *p = load_with(NULL, NULL, NULL);
	struct arena *a = arena_new();

	ok(!p->fault, "the sound project loads");
	is_str(p->config_file, "gateway.jsonc", "the file it came from is known");
	is_str(p->base_path, "/gateway", "basePath");
	is_int(p->origins_n, 2, "publicOrigins");
	is_str(p->trusted_proxies[1], "fd00::/8", "trustedProxies");
	is_str(p->database, "host=/run/postgresql user=gatehouse_{program}", "database");
	ok(strstr(p->database_listen, "port=5433"), "databaseListen");
	ok(!p->prepared_statements, "preparedStatements");
	is_str(p->keyring, arena_printf(a, "%s/ring", p->dir),
	    "a relative keyring lies in the project");
	is_str(
	    p->state_dir, arena_printf(a, "%s/published", p->dir), "so does a relative stateDir");
	is_str(p->allowed_origins[0], "https://inspector.example.com",
	    "allowedOrigins, as browsers spell them");
	ok(p->registry_enabled && !strcmp(p->registry_path, "/servers"), "registry");
	is_int(json_object_array_length(p->introspection_clients), 1, "introspectionClients");
	is_int(p->limits.body, 65536, "a limit that is set");
	is_int(p->limits.url, 4096, "a limit that is not");
	is_int(p->limits.connect_ms, 1000, "connectMs");
	is_int(p->limits.fetch_ms, 2500, "a time of outbound");
	is_str(p->log_destination, "syslog", "log.destination");
	is_int(p->log_level, LOG_LEVEL_DEBUG, "log.level");
	is_int(p->events_days, 30, "events.retentionDays");
	is_int(p->rates.register_rate, 0, "a rate may be off");
	is_int(p->rates.token_rate, 300, "a rate that is not set");
	is_str(p->console_claim, "groups", "console.adminClaim");
	is_str(p->console_values[0], "gatehouse", "console.adminValues");
	ok(p->development && p->auto_reload, "development and autoReload");
	arena_free(a);
	project_unref(p);
}

static void test_routes(void)
{
	struct project *p = load_with(NULL, NULL, NULL);
	const struct mcp_route *r = project_route(p, "/mcp/everything");

	ok(r && r == project_route_by_operation(p, "everything"),
	    "a route is found by path and by operationId");
	ok(!project_route(p, "/mcp/every") && !project_route(p, "/mcp/everything/"),
	    "by exactly its path");
	ok(!project_route_by_operation(p, ""), "and no route by an empty operationId");
	ok(!project_only_route(p), "one of several is not the only one");
	ok(r && !r->fault, "it is open");
	is_str(r->slug, "mcp/everything", "its slug");
	is_str(r->upstream_text, "http://127.0.0.1:9001/mcp",
	    "its upstream, with the variable replaced");
	is_int(r->upstream.port, 9001, "taken apart");
	ok(!r->forward_search && r->follow_redirects && !r->is_public && !r->cors_any && !r->sse,
	    "its switches");
	is_int(r->timeout_ms, 5000, "its time");
	is_str(r->forward_headers[0], "x-tenant", "its headers, in lower case");
	ok(r->forward_headers[1] && !r->forward_headers[2], "all of them");
	is_str(r->mtls_certificate, "partner", "its certificate");
	is_str(r->version, "2.1.0", "its version");
	ok(r->oauth && r->oauth == p->oauth && !p->oauth_fault, "the OAuth policy is in force");
	ok(r->oauth->dev_login && r->oauth->session_ttl_s == 600 && r->oauth->access_ttl_s == 60 &&
		r->oauth->grace_s == 0 && r->oauth->refresh_ttl_s == 315360000,
	    "with its times, set and not");
	is_str(r->inbound[0]->name, "sign-in", "its policies are in order");
	is_str(r->inbound[1]->name, "tenant-header", "as written");
	ok(r->inbound[3] && !r->inbound[4] && !r->outbound[0], "and no others");
	r = project_route(p, "/mcp/open");
	ok(r && !r->fault && r->is_public && r->cors_any && !r->oauth && r->forward_search,
	    "a public route");
	r = project_route(p, "/mcp/linear-too");
	ok(r && !r->fault && r->outbound[0] && !strcmp(r->outbound[0]->name, "mask-secrets") && !r->outbound[1],
	    "a route with a policy for answers");
	ok(r->exchange && !strcmp(r->exchange->id, "linear") &&
		!strcmp(r->exchange->display_name, "Linear"),
	    "its token exchange is the one of the other route");
	project_unref(p);
}

static const struct {
	const char *file, *from, *to;
	const char *path, *says_in_fault, *open, *says;
} faults[] = {
	{ "env.sample", "TENANT=", "T=", "/mcp/everything",
	    "config/policies.json#/policies/1/handler/options/headers/0/value", "/mcp/open",
	    "a missing variable closes the routes of its policy" },
	{ "env.sample", "EVERYTHING_URL", "URL", "/mcp/everything", "rewritePattern", "/mcp/open",
	    "a missing variable of the upstream closes its route" },
	{ "env.sample", "canary-7f3a", "canary-7f3a\\n", "/mcp/everything",
	    "config/policies.json#/policies/2", "/mcp/open",
	    "a value that a header cannot hold closes the routes of its policy" },
	{ "config/policies.json", "\"params\"", "\"parms\"", "/mcp/open", "unknown option 'parms'",
	    "/mcp/everything", "a faulty option closes the routes of its policy" },
	{ "config/routes.oas.json", "\"operationId\": \"open\",", "", "/mcp/open",
	    "operationId is missing", "/mcp/everything", "a faulty route is closed alone" },
	{ "config/routes.oas.json", "\"timeoutMs\": 5000", "\"timeoutMs\": \"5s\"",
	    "/mcp/everything", "timeoutMs", "/mcp/open", "whatever is wrong with it" },
};

static void test_faults(void)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct project *p = load_with(faults[i].file, faults[i].from, faults[i].to);
		const struct mcp_route *closed = project_route(p, faults[i].path);
		const struct mcp_route *open = project_route(p, faults[i].open);

		ok(!p->fault && closed && closed->fault, faults[i].says);
		ok(closed && closed->fault && strstr(closed->fault, faults[i].says_in_fault),
		    "  it says where, and what");
		ok(closed && closed->fault && !strstr(closed->fault, "canary"), "  and no value");
		ok(open && !open->fault, "  another route is open");
		project_unref(p);
	}
}

static void test_whole(void)
{
	struct project *p = load_with("config/routes.oas.json", "\"paths\": {", "\"paths\": {,");

	ok(p->fault && p->routes_n == 0, "a broken file keeps the project from being served");
	is_int(p->limits.body, 65536, "its limits are known all the same");
	project_unref(p);
	p = load_with("gateway.jsonc", "\"allowedOrigins\"", "\"allowedOrigns\"");
	ok(p->fault && strstr(p->fault, "allowedOrigns"), "so does a misspelt setting");
	project_unref(p);
	p = load_with(
	    "config/policies.json", "http://localhost:8080/.well", "ftp://localhost:8080/.well");
	ok(!p->fault && p->oauth_fault, "a faulty OAuth policy is not the same as none");
	project_unref(p);
	put(".env", "");
	p = load();
	ok(!p->fault && project_route(p, "/mcp/everything")->fault,
	    "without variables a route is closed at run time, an error as any");
	project_unref(p);
	p = project_load(
	    &(struct project_options){ .dir = "/nonexistent/project", .types = policy_types });
	ok(p->fault && p->dir, "a directory that is not there is a fault");
	project_unref(project_ref(p));
	ok(p->fault, "a reference keeps a project");
	project_unref(p);
}

static const struct {
	const char *program, *from, *to;
	bool open;
	const char *says;
} needs[] = {
	{ "mcp", "TENANT=", "T=", false, "mcp needs what it sends upstream" },
	{ "oauth", "TENANT=", "T=", true, "oauth does not" },
	{ "consent", "EVERYTHING_URL=", "U=", true, "consent needs no upstream" },
	{ "discovery", "EVERYTHING_URL=", "U=", true, "nor does discovery" },
	{ "other", "EVERYTHING_URL=", "U=", false, "a program that is not known needs everything" },
	{ NULL, "TENANT=", "T=", false, "so does who is no program" },
};

static void test_needs(void)
{
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		struct project_options options = {
			.dir = dir, .types = policy_types, .program = needs[i].program
		};
		struct project *p;
		const struct mcp_route *r;

		project_unref(load_with("env.sample", needs[i].from, needs[i].to));
		p = project_load(&options);
		r = project_route(p, "/mcp/everything");
		ok(r && (r->fault == NULL) == needs[i].open, needs[i].says);
		ok(r && r->oauth && r->oauth->dev_login, "  how users sign in is known");
		project_unref(p);
	}
}

/* A secret of the sign-in is oauth's alone. */
static void test_login_secret(void)
{
	static const char *const programs[] = { "oauth", "mcp", "discovery" };

	for (size_t i = 0; i < 3; i++) {
		struct project_options options = {
			.dir = dir, .types = policy_types, .program = programs[i]
		};
		struct project *p;

		project_unref(load_with("config/policies.json", "\"sessionTtlSeconds\": 600",
		    "\"clientSecret\": \"$env(NOT_SET)\""));
		p = project_load(&options);
		ok((project_route(p, "/mcp/everything")->fault != NULL) == (i == 0), programs[i]);
		project_unref(p);
	}
}

static void test_find(void)
{
	struct arena *a = arena_new();
	const char *binary = arena_printf(a, "%s/gatehouse.fcgi", dir);
	struct err e = { 0 };

	unsetenv("GATEHOUSE_PROJECT");
	ok(!project_find_dir(a, NULL, binary, &e), "nobody says where the project is");
	ok(e.code == ERR_CONFIG && strstr(e.text, "-c DIR") &&
		strstr(e.text, "GATEHOUSE_PROJECT") && strstr(e.text, "gatehouse.path"),
	    "the error names all three ways");
	put("gatehouse.path", "/srv/file\nmore\n");
	is_str(project_find_dir(a, NULL, binary, NULL), "/srv/file",
	    "a file beside the binary says where");
	put("gatehouse.path", "here");
	is_str(project_find_dir(a, NULL, binary, NULL), arena_printf(a, "%s/here", dir),
	    "also relative to itself");
	setenv("GATEHOUSE_PROJECT", "/srv/variable", 1);
	is_str(
	    project_find_dir(a, NULL, binary, NULL), "/srv/variable", "the variable wins over it");
	is_str(project_find_dir(a, "/srv/option", binary, NULL), "/srv/option",
	    "the option over both");
	unsetenv("GATEHOUSE_PROJECT");
	arena_free(a);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

int main(void)
{
	struct arena *a = arena_new();

	if (!mkdtemp(dir) || mkdir(arena_printf(a, "%s/config", dir), 0700))
		return 1;
	test_settings();
	test_routes();
	test_faults();
	test_whole();
	test_needs();
	test_login_secret();
	test_find();
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	arena_free(a);
	return done();
}
