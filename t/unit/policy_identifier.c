/* SPDX-License-Identifier: Apache-2.0 */
/* What a function is told of a call, which answers count, and what is said of modules that are none. */
#include "config.h"

#include "tap.h"

#include "conf/problem.h"
#include "mcp/call.h"
#include "policy/identifier.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/gatehouse-identifier.XXXXXX";

static struct json_object *parsed(struct arena *a, const char *text)
{
	const struct scan_limits limits = scan_limits_of(65536);

	return json_parse(a, text, strlen(text), &limits, NULL);
}

static void put(struct arena *a, const char *name, const char *text)
{
	FILE *f = fopen(arena_printf(a, "%s/%s", dir, name), "w");

	fputs(text, f);
	fclose(f);
}

static void test_modules(void)
{
	static const struct {
		const char *text, *identifier, *want, *name;
	} cases[] = {
		{ "return function() end", "{\"module\":\"policies/m.lua\"}", NULL, "a module that is there" },
		{ "return {f = function() end}", "{\"module\":\"policies/m.lua\",\"export\":\"f\"}", NULL, "with an export" },
		{ "return {}", "{\"module\":\"policies/m.lua\",\"export\":\"f\"}",
		    "policies/m.lua: the table that it returns has no function 'f'", "an export that is not there" },
		{ "return (", "{\"module\":\"policies/m.lua\"}", "policies/m.lua:1: unexpected symbol near <eof>",
		    "what is no Lua, with its line" },
		{ "", "{\"module\":\"policies/absent.lua\"}", "the file policies/absent.lua does not exist", "a file that is not there" },
		{ "", "{\"module\":\"../m.lua\"}", "the module is no file policies/NAME.lua of the project", "a file elsewhere" },
		{ "", "{\"module\":\"/etc/passwd\"}", "the module is no file policies/NAME.lua of the project", "any file" },
		{ "", "{\"module\":\"policies/access.ts\"}",
		    "the module is TypeScript or JavaScript; functions are written in Lua here", "TypeScript" },
		{ "", "{\"module\":\"$import(./modules/access)\"}",
		    "the module is TypeScript or JavaScript; functions are written in Lua here", "an import" },
	};
	struct arena *a = arena_new();
	struct project project = { .dir = dir, .files_dir = dir };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy_use use = { .project = &project };
		struct problems *problems = problems_new(a);
		struct problem p = { .text = NULL };

		put(a, "policies/m.lua", cases[i].text);
		ok(!identifier_load(&use, parsed(a, cases[i].identifier), a, problems, "f", "/o") == (cases[i].want != NULL),
		    cases[i].name);
		problems_at(problems, 0, &p);
		if (!cases[i].want)
			is_str(p.text, NULL, "... is good");
		else
			ok(p.text && !strncmp(p.text, cases[i].want, 38) && !strcmp(p.pointer, "/o/module"), p.text ? p.text : "");
		if (!cases[i].want)
			is_str(use.module, cases[i].text, "... and its text is kept, for the next reload to compare");
	}
	arena_free(a);
}

static void test_calls(void)
{
	static const struct {
		const char *body, *want, *name;
	} cases[] = {
		{ "return c.subject .. ' ' .. c.clientId .. ' ' .. c.route .. ' ' .. c.ip", "ann cl op 192.0.2.1", "who and where" },
		{ "return c.claims.tenant", "acme", "claims" },
		{ "return c.method .. ' ' .. c.tool", "tools/call echo", "what is called" },
		{ "return tostring(c.prompt)", "nil", "and nothing else" },
		{ "return c.time // 1000000000", "1", "when" },
		{ "return c.more", "7", "what the policy adds" },
		{ "return 42", "42", "whole numbers are texts" },
		{ "return nil", NULL, "nothing is nothing" },
		{ "return ''", NULL, "so is a text without a character" },
		{ "return true", "failed", "a truth is no text" },
		{ "return 1.5", "failed", "nor is a fraction" },
		{ "return {}", "failed", "nor a table" },
		{ "return 'a\\0b'", "failed", "nor bytes that end early" },
		{ "error('x')", "failed", "an error is a failure" },
	};
	static const char message[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"echo\"}}";
	const struct bearer who = { .subject = "ann", .client_id = "cl", .claims = "{\"tenant\":\"acme\"}" };
	const struct mcp_route route = { .operation_id = "op" };
	const struct scan_limits limits = scan_limits_of(1000);
	struct arena *a = arena_new();
	struct req req = { .arena = a, .client_ip = "192.0.2.1" };
	struct call call = { .req = &req, .route = &route, .who = &who };

	ok(rpc_read(&call.body, a, message, strlen(message), &limits, &call.fault), "a call");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = arena_printf(a, "return function(c) %s end", cases[i].body), *got = NULL;
		const struct script *s = script_new(a, "t", text, strlen(text), NULL, NULL);
		struct err e = { .code = ERR_NONE };
		struct span answer;

		if (strstr(text, "more")) {
			ok(identifier_ask(s, &call, NULL, "\"more\":\"7\"", a, &answer, &e), "...");
			got = scan_string(answer, a);
		} else if (!identifier_ask_text(s, &call, &call.body.msgs[0], a, &got, &e)) {
			is_str(err_reason_of(&e), "script_failed", "... for the event");
			got = "failed";
		}
		is_str(got, cases[i].want, cases[i].name);
	}
	call.who = NULL;
	call.body.n = 0;
	{
		static const char text[] = "return function(c) return not (c.subject or c.claims or c.method) and 'nobody' end";
		const struct script *s = script_new(a, "t", text, strlen(text), NULL, NULL);
		const char *got = NULL;

		ok(identifier_ask_text(s, &call, NULL, a, &got, NULL), "without a user or body");
		is_str(got, "nobody", "... nothing is told of them");
	}
	arena_free(a);
}

int main(void)
{
	if (!mkdtemp(dir) || chdir(dir) || mkdir("policies", 0755))
		return 1;
	test_modules();
	test_calls();
	unlink("policies/m.lua");
	rmdir("policies");
	rmdir(dir);
	return done();
}
