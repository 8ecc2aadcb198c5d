/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing, going back, and what keeps a project from being published. */
#include "config.h"

#include "tap.h"

#include "conf/file.h"
#include "conf/snapshot.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct policy_type *const no_types[] = { NULL };
static char dir[] = "/tmp/gatehouse-snapshot.XXXXXX";

static void put(struct arena *a, const char *name, const char *text)
{
	FILE *f = fopen(arena_printf(a, "%s/%s", dir, name), "w");

	fputs(text, f);
	fclose(f);
}

static const char *route(struct arena *a, const char *operation)
{
	return arena_printf(a,
	    "{\"paths\": {\"/mcp/a\": {\"post\": {\"operationId\": \"%s\", \"x-gatehouse-route\": {"
	    "\"public\": true, \"handler\": {\"export\": \"McpProxyHandler\", \"options\": "
	    "{\"rewritePattern\": \"https://mcp.example.com/mcp\"}}}}}}}", operation);
}

static const char *served(struct arena *a, const char *home)
{
	struct snapshot s;
	struct project_options options = { .dir = dir, .types = no_types };
	struct project *p;
	const char *operation;

	if (!snapshot_current(&s, a, home, NULL))
		return NULL;
	options.files_dir = s.dir;
	p = project_load(&options);
	operation = p->routes_n ? arena_strdup(a, p->routes[0].operation_id) : NULL;
	project_unref(p);
	return operation;
}

static bool publish(struct arena *a, const char *home, enum publish mode, struct snapshot *s, struct err *e)
{
	const struct project_options options = { .dir = dir, .types = no_types };
	struct project *p;
	bool ok = snapshot_publish(s, a, home, &options, mode, &p, e);

	project_unref(p);
	return ok;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static const char *copied(struct arena *a, const struct snapshot *s, const char *name)
{
	struct conf_text text;

	return conf_read(&text, a, conf_path(a, s->dir, name), 1000, NULL) ? text.p : "(none)";
}

/* Modules are files of the project like others. Two snapshots are published, and taken back. */
static void test_modules(struct arena *a, const char *home)
{
	unsigned long long mark = snapshot_source_mark(dir);
	struct snapshot s;

	ok(snapshot_holds_module("policies/a-b_1.lua") && !snapshot_holds_module("policies/a.ts") &&
		!snapshot_holds_module("policies/.lua") && !snapshot_holds_module("policies/x/a.lua") &&
		!snapshot_holds_module("policies/../a.lua") && !snapshot_holds_module("a.lua"),
	    "modules are policies/NAME.lua");
	mkdir(arena_printf(a, "%s/policies", dir), 0755);
	put(a, "policies/b.lua", "one");
	put(a, "policies/a.lua", "first");
	put(a, "policies/notes.txt", "x");
	ok(snapshot_source_mark(dir) != mark, "a new module changes the mark");
	ok(publish(a, home, PUBLISH_CHANGES, &s, NULL) && s.number == 5, "and is a change");
	is_str(copied(a, &s, "policies/b.lua"), "one", "modules are copied");
	is_str(copied(a, &s, "policies/notes.txt"), "(none)", "other files are not");
	put(a, "policies/b.lua", "two");
	is_str(copied(a, &s, "policies/b.lua"), "one", "an edit is not in the copy");
	is_str(snapshot_differs(a, &s, dir), "policies/b.lua", "and is told");
	ok(publish(a, home, PUBLISH_CHANGES, &s, NULL) && s.number == 6, "and is a change");
	is_str(copied(a, &s, "policies/b.lua"), "two", "that is published");
	unlink(arena_printf(a, "%s/policies/a.lua", dir));
	is_str(snapshot_differs(a, &s, dir), "policies/a.lua", "a module that is gone is told, too");
	snapshot_back(&s, a, home, NULL);
	snapshot_back(&s, a, home, NULL);
}

int main(void)
{
	struct arena *a = arena_new();
	struct snapshot s = { .number = 0 };
	struct err e = { .code = ERR_NONE };
	unsigned long long mark;
	unsigned long *numbers;
	const char *home;

	if (!mkdtemp(dir))
		return 1;
	mkdir(arena_printf(a, "%s/config", dir), 0755);
	put(a, "gateway.jsonc", "{\"compatibilityDate\": \"2026-03-01\", \"stateDir\": \"st\"}");
	put(a, "config/policies.json", "{\"policies\": []}");
	put(a, "config/routes.oas.json", route(a, "one"));
	home = snapshot_home(a, dir);
	ok(strstr(home, "/st/") != NULL, "the home of snapshots lies in stateDir");
	is_str(snapshot_home(a, arena_printf(a, "%s/", dir)), home, "however the project is spelled");
	ok(!snapshot_current(&s, a, home, &e) && e.code == ERR_NOT_FOUND, "at first there is none");
	is_int((int64_t)snapshot_mark(home), 0, "and no mark");

	ok(publish(a, home, PUBLISH_FIRST, &s, &e), "the first program publishes one");
	is_int((int64_t)s.number, 1, "it is number 1");
	mark = snapshot_mark(home);
	put(a, "config/routes.oas.json", route(a, "two"));
	ok(publish(a, home, PUBLISH_FIRST, &s, NULL) && s.number == 1, "the second program finds it");
	is_str(served(a, home), "one", "an edit is not served before it is published");
	is_int((int64_t)snapshot_mark(home), (int64_t)mark, "and the mark stands still");

	ok(publish(a, home, PUBLISH_ALWAYS, &s, NULL) && s.number == 2, "a reload publishes the edit");
	is_str(served(a, home), "two", "then it is served");
	ok(snapshot_mark(home) != mark, "and the mark moved");

	put(a, "config/routes.oas.json", route(a, ""));
	err_clear(&e);
	ok(!publish(a, home, PUBLISH_ALWAYS, &s, &e) && e.code == ERR_CONFIG,
	    "a project with errors is refused");
	is_str(served(a, home), "two", "and what was published stays");
	put(a, "gateway.jsonc", "{\"stateDir\": \"st\", broken");
	is_str(snapshot_home(a, dir), home, "a half-edited gateway.jsonc does not hide the snapshots");
	is_str(served(a, home), "two", "nor change what is served");

	put(a, "gateway.jsonc", "{ // \"stateDir\": \"evil\"\n/* \"stateDir\": \"evil\" */ \"x\": "
	    "\"\\\"stateDir\\\": \\\"evil\\\"\", \"y\": [\"stateDir\"], \"stateDir\" : \"st\" /* broken");
	is_str(snapshot_home(a, dir), home, "a stateDir in a comment, or in a text, is none");

	put(a, "gateway.jsonc", "{\"compatibilityDate\": \"2026-03-01\", \"stateDir\": \"st\"}");
	put(a, "config/routes.oas.json", route(a, "two"));
	ok(publish(a, home, PUBLISH_CHANGES, &s, NULL) && s.number == 2, "what has not changed is not published again");
	put(a, ".env", "A=1\n");
	ok(publish(a, home, PUBLISH_CHANGES, &s, NULL) && s.number == 3, "but a new .env is a change");
	ok(publish(a, home, PUBLISH_ALWAYS, &s, NULL) && s.number == 4, "and a reload always is");

	test_modules(a, home);

	ok(snapshot_back(&s, a, home, NULL) && s.number == 3, "back is the one before");
	ok(snapshot_back(&s, a, home, NULL) && s.number == 2 && snapshot_back(&s, a, home, NULL) &&
	    s.number == 1, "step by step");
	is_str(served(a, home), "one", "an old one is served as it was");
	err_clear(&e);
	ok(!snapshot_back(&s, a, home, &e) && e.code == ERR_NOT_FOUND, "before the first there is none");
	for (int i = 0; i < 12; i++)
		publish(a, home, PUBLISH_ALWAYS, &s, NULL);
	is_int((int64_t)s.number, 18, "numbers are never given twice");
	is_int((int64_t)snapshot_list(a, home, &numbers), SNAPSHOTS_KEPT, "and the oldest go");

	chmod(home, 0500);
	err_clear(&e);
	ok(geteuid() == 0 || (!publish(a, home, PUBLISH_ALWAYS, &s, &e) && e.code == ERR_IO),
	    "a folder that cannot be written is an error of its own");
	chmod(home, 0700);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	arena_free(a);
	return done();
}
