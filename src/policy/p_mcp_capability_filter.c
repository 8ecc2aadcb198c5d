/* SPDX-License-Identifier: Apache-2.0 */
/* mcp-capability-filter-inbound: the catalog of what a route shows, to whom, and what they may say to it. */
#include "config.h"

#include "conf/problem.h"
#include "policy/catalog.h"
#include "policy/identifier.h"
#include "policy/identifier_options.h"
#include "policy/policy.h"
#include "rpc/trace.h"

#include <string.h>

static const struct option access_options[] = {
	{ "mode", OPTION_ENUM, .words = "allPublic rolesAndGroups function", .initial = "allPublic",
	    .about = "Who sees an entry: everybody, those with one of its roles or groups, or whom "
		     "a function allows." },
	{ "roleClaim", OPTION_STRING, .initial = "roles",
	    .about = "The claim with the user's roles: a name, else a path with dots." },
	{ "groupClaim", OPTION_STRING, .initial = "groups",
	    .about = "The claim with the user's groups." },
	{ "identifier", OPTION_OBJECT, .sub = identifier_options,
	    .about = "The function in Lua, for mode function: it is told of the call, and returns what is allowed." },
	{ 0 },
};

static const struct option options[] = {
	{ "tools", OPTION_ANY, .initial = "all",
	    .about = "The tools that are shown: names, or objects with name, match or regex." },
	{ "prompts", OPTION_ANY, .initial = "all",
	    .about = "The prompts that are shown: names, or objects with name, match or regex." },
	{ "resources", OPTION_ANY, .initial = "all",
	    .about = "The resources that are shown: URIs, or objects with uri, match or regex." },
	{ "resourceTemplates", OPTION_ANY, .initial = "all",
	    .about =
		"The resource templates that are shown: templates, or objects with uriTemplate, match or regex." },
	{ "accessControl", OPTION_OBJECT, .sub = access_options, .about = "Who sees which entry." },
	{ 0 },
};

/* What `load` makes of the options. */
struct filter {
	const struct catalog *catalog;
	const struct script *function; /* accessControl.mode function; NULL: another mode */
};

/* What is kept for one call. */
struct seen {
	struct span allowed;
};

static void check_access(struct filter *f, struct policy_use *use, struct json_object *access, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	struct json_object *identifier = json_get(access, "identifier");
	const char *mode = json_get_string(access, "mode"), *at = pointer_member(a, pointer, "identifier");

	if (mode && !strcmp(mode, "function")) {
		if (identifier)
			f->function = identifier_load(use, identifier, a, problems, file, at);
		else
			problem_add(problems, true, file, pointer, "add 'identifier' with a 'module'",
			    "accessControl.mode function needs identifier.module");
	} else if (identifier) {
		problem_add(problems, true, file, at, "remove it, or set the mode to function",
		    "identifier means nothing unless accessControl.mode is function");
	}
}

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	struct filter *f = arena_alloc(a, sizeof(*f));

	check_access(f, use, json_get(doc, "accessControl"), a, problems, file, pointer_member(a, pointer, "accessControl"));
	f->catalog = catalog_new(a, doc, problems, file, pointer);
	return f->catalog ? f : NULL;
}

static const struct filter *filter_of(const struct policy_use *use)
{
	return use->loaded;
}

static struct catalog_caller caller_of(const struct policy_use *use, struct call *c, struct arena *a)
{
	const struct catalog *catalog = filter_of(use)->catalog;
	const struct seen *seen = *policy_state(c, use);
	struct catalog_caller who =
	    catalog_caller(catalog, a, catalog_access(catalog) == CATALOG_BY_ROLES ? call_claims(c) : NULL);

	if (seen)
		who.allowed = seen->allowed;
	return who;
}

/* What the function allows, for message M or, NULL, the call. What fails allows nothing. */
static struct span ask(const struct policy_use *use, struct call *c, const struct rpc_msg *m)
{
	const struct filter *f = filter_of(use);
	struct arena *a = call_req(c)->arena;
	struct err why = { .code = ERR_NONE };
	struct span allowed;

	if (identifier_ask(f->function, c, m, arena_printf(a, "\"catalog\":%s", catalog_text(f->catalog)), a, &allowed, &why))
		return allowed;
	log_warn(&call_req(c)->log, "accessControl's function failed; nothing is allowed", "policy", use->name, "why", why.detail,
	    NULL);
	return (struct span){ NULL, 0 };
}

/* Asks the function, once for the call and its answer. */
static enum policy_answer on_request(
    const struct policy_use *use, struct call *c, struct upstream_request *u, struct err *e)
{
	struct seen *seen;

	(void)u, (void)e;
	if (!filter_of(use)->function)
		return POLICY_PASS;
	seen = arena_alloc(call_req(c)->arena, sizeof(*seen));
	seen->allowed = ask(use, c, NULL);
	*policy_state(c, use) = seen;
	return POLICY_PASS;
}

static enum policy_answer hidden(const struct policy_use *use, struct arena *a, const struct rpc_msg *m, struct err *e)
{
	const char *name = m->capability_name ? m->capability_name : "";

	if (!strcmp(m->capability_type, "resource"))
		name = trace_resource(a, name);
	err_reason(e, ERR_ACCESS_DENIED, "hidden_capability", "Method not found", "%s '%.128s' is not shown by '%s'",
	    m->capability_type, name, use->name);
	return POLICY_DENY;
}

static enum policy_answer on_call(
    const struct policy_use *use, struct call *c, const struct rpc_msg *m, struct err *e)
{
	struct catalog_caller who;
	struct arena *a;
	bool allowed;

	if (!m->capability_type)
		return POLICY_PASS;
	a = arena_new();
	who = caller_of(use, c, a);
	if (filter_of(use)->function && call_body(c)->batch) /* on_request asked about the batch, which says nothing of this one */
		who.allowed = ask(use, c, m);
	allowed = catalog_allows(filter_of(use)->catalog, &who, m->capability_type, m->capability_name);
	arena_free(a);
	return allowed ? POLICY_PASS : hidden(use, call_req(c)->arena, m, e);
}

/* Other names and arguments upstream. */
static enum policy_answer on_body(const struct policy_use *use, struct call *c, struct arena *a, const char *text, size_t n,
    struct buf *out, struct err *e)
{
	static const struct policy_refusal refused = { 200, RPC_INVALID_PARAMS, "invalid_arguments", 0 };
	const struct catalog *catalog = filter_of(use)->catalog;
	const struct catalog_caller who = caller_of(use, c, a);
	struct err why = { .code = ERR_NONE };

	if (!catalog_changes_calls(catalog) || catalog_call(catalog, &who, a, text, n, out, &why))
		return POLICY_PASS;
	if (why.code == ERR_INVALID_REQUEST)
		return policy_refuse(c, e, &refused, "%s", why.text);
	*e = why;
	return POLICY_DENY;
}

static enum policy_answer on_message(const struct policy_use *use, struct call *c, struct arena *a,
    const char *text, size_t n, struct buf *out, struct err *e)
{
	const struct catalog_caller who = caller_of(use, c, a);

	return catalog_filter(filter_of(use)->catalog, &who, a, text, n, out, e) ? POLICY_PASS : POLICY_FAIL;
}

static bool is_steady(const struct policy_use *use)
{
	return use->loaded && catalog_access(filter_of(use)->catalog) == CATALOG_FOR_ALL;
}

static bool wants_claims(const struct policy_use *use)
{
	return use->loaded && catalog_access(filter_of(use)->catalog) != CATALOG_FOR_ALL;
}

const struct policy p_mcp_capability_filter = {
	.type = {
		.name = "mcp-capability-filter-inbound",
		.about = "Shows only the listed tools, prompts and resources; others are refused.",
		.class = POLICY_FILTER,
		.served = true,
		.options = options,
		.load = load,
	},
	.on_request = on_request,
	.on_call = on_call,
	.on_body = on_body,
	.on_message = on_message,
	.is_steady = is_steady,
	.wants_claims = wants_claims,
};
