/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole project. The input is its files, separated by lines "====": gateway.jsonc,
 * routes.oas.json, policies.json, .env. It loads or says why not; what is open is complete;
 * every problem has its place and remedy.
 */
#include "config.h"

#include "fuzz.h"

#include "conf/project.h"
#include "policy/policy.h"

#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/gatehouse-fuzz.XXXXXX";

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void remove_all(void)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_directory(struct arena *a)
{
	static bool made;

	if (made)
		return;
	must(mkdtemp(dir) && !mkdir(arena_printf(a, "%s/config", dir), 0700));
	atexit(remove_all);
	made = true;
}

/* Writes what stands before the next separator; returns what follows it. */
static const char *put(struct arena *a, const char *name, const char *text, const char *end)
{
	static const char separator[] = "\n====\n";
	const char *stop = memmem(text, (size_t)(end - text), separator, sizeof(separator) - 1);
	FILE *f = fopen(arena_printf(a, "%s/%s", dir, name), "w");

	must(f);
	fwrite(text, 1, (size_t)((stop ? stop : end) - text), f);
	fclose(f);
	return stop ? stop + sizeof(separator) - 1 : end;
}

static void check_route(const struct project *p, const struct mcp_route *r)
{
	bool user = false;

	must(r->path && r->slug && r->operation_id && r->upstream_text && r->forward_headers &&
	     r->inbound && r->outbound && r->pointer);
	if (r->fault) {
		must(strchr(r->fault, '#'));
		return;
	}
	must(*r->operation_id && r->upstream.host && r->timeout_ms > 0);
	must(project_route(p, r->path) == r && project_route_by_operation(p, r->operation_id) == r);
	for (size_t i = 0; r->inbound[i]; i++) {
		must(r->inbound[i]->type && r->inbound[i]->type->served && !r->inbound[i]->fault);
		user |= r->inbound[i]->type->class == POLICY_OAUTH;
	}
	must(user == !r->is_public && (r->oauth != NULL) == user);
}

static void check_project(struct project *p)
{
	struct problem one;

	must((p->fault != NULL) <= (problems_count(p->problems, true) > 0));
	for (size_t i = 0; problems_at(p->problems, i, &one); i++)
		must(*one.file && *one.text && *one.remedy &&
		     (!*one.pointer || one.pointer[0] == '/') && !strpbrk(one.text, "\r\n\033"));
	for (size_t i = 0; !p->fault && i < p->routes_n; i++)
		check_route(p, &p->routes[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *a = arena_new();
	const char *text = (const char *)bytes, *end = text + n;
	struct project_options options = { .dir = dir, .types = policy_types };

	make_directory(a);
	text = put(a, "gateway.jsonc", text, end);
	text = put(a, "config/routes.oas.json", text, end);
	text = put(a, "config/policies.json", text, end);
	put(a, ".env", text, end);
	for (int check = 0; check < 2; check++) {
		struct project *p;

		options.check = check;
		p = project_load(&options);
		check_project(p);
		project_unref(p);
	}
	arena_free(a);
	return 0;
}
