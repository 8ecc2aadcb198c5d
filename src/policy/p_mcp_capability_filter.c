/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mcp-capability-filter-inbound: the catalog of what a route shows. Its options are read
 * and checked.
 */
#include "config.h"

#include "conf/problem.h"
#include "policy/catalog.h"
#include "policy/policy.h"
#include "policy/uri_template.h"

#include <string.h>

static const struct option identifier_options[] = {
	{ "module", OPTION_STRING, .about = "A Lua file that returns the function." },
	{ "export", OPTION_STRING, .about = "The function's name in it." },
	{ 0 },
};

static const struct option access_options[] = {
	{ "mode", OPTION_ENUM, .words = "allPublic rolesAndGroups function", .initial = "allPublic",
	    .about = "Who sees an entry: everybody, those with one of its roles or groups, or whom "
		     "a function allows." },
	{ "roleClaim", OPTION_STRING, .initial = "roles",
	    .about = "The claim with the user's roles: a name, else a path with dots." },
	{ "groupClaim", OPTION_STRING, .initial = "groups",
	    .about = "The claim with the user's groups." },
	{ "identifier", OPTION_OBJECT, .sub = identifier_options,
	    .about = "The function, in Lua." },
	{ 0 },
};

static const struct option options[] = {
	{ "tools", OPTION_ANY, .initial = "all",
	    .about = "The tools that are shown: names, or objects with name." },
	{ "prompts", OPTION_ANY, .initial = "all",
	    .about = "The prompts that are shown: names, or objects with name." },
	{ "resources", OPTION_ANY, .initial = "all",
	    .about = "The resources that are shown: URIs, or objects with uri." },
	{ "resourceTemplates", OPTION_ANY, .initial = "all",
	    .about =
		"The resource templates that are shown: templates, or objects with uriTemplate." },
	{ "accessControl", OPTION_OBJECT, .sub = access_options, .about = "Who sees which entry." },
	{ 0 },
};

#define ACCESS_MARKS                                                                               \
	{ "roles", OPTION_STRINGS, .about = "Roles that see it." },                                \
	    { "groups", OPTION_STRINGS, .about = "Groups that see it." },                          \
	{                                                                                          \
		"public", OPTION_BOOL, .initial = "false", .about = "Whether everybody sees it."   \
	}

static const struct option tool_entry[] = {
	{ "name", OPTION_STRING, true, .about = "The tool." },
	{ "description", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "annotations", OPTION_OBJECT, .about = "Merged into the upstream's." },
	{ "_meta", OPTION_OBJECT, .about = "Merged into the upstream's." },
	ACCESS_MARKS,
	{ 0 },
};
static const struct option prompt_entry[] = {
	{ "name", OPTION_STRING, true, .about = "The prompt." },
	{ "description", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "_meta", OPTION_OBJECT, .about = "Merged into the upstream's." },
	ACCESS_MARKS,
	{ 0 },
};
static const struct option resource_entry[] = {
	{ "uri", OPTION_STRING, true, .about = "The resource." },
	{ "name", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "description", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "mimeType", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "_meta", OPTION_OBJECT, .about = "Merged into the upstream's." },
	ACCESS_MARKS,
	{ 0 },
};
static const struct option template_entry[] = {
	{ "uriTemplate", OPTION_STRING, true, .about = "The template." },
	{ "name", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "description", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "mimeType", OPTION_STRING, .about = "Replaces the upstream's." },
	{ "_meta", OPTION_OBJECT, .about = "Merged into the upstream's." },
	ACCESS_MARKS,
	{ 0 },
};

static const struct {
	const char *option;
	const struct option *entry; /* its first row is what identifies */
} lists[] = {
	{ "tools", tool_entry },
	{ "prompts", prompt_entry },
	{ "resources", resource_entry },
	{ "resourceTemplates", template_entry },
};

struct loading {
	struct arena *arena;
	struct problems *problems;
	const char *file, *pointer;
	bool by_roles; /* accessControl.mode is rolesAndGroups */
};

static void fault(
    const struct loading *l, const char *pointer, const char *remedy, const char *text)
{
	problem_add(l->problems, true, l->file, pointer, remedy, "%s", text);
}

static void check_marks(const struct loading *l, struct json_object *entry, const char *pointer)
{
	bool named = json_get(entry, "roles") || json_get(entry, "groups");

	if (!l->by_roles && (named || json_get(entry, "public")))
		fault(l, pointer, "set accessControl.mode to rolesAndGroups, or remove them",
		    "roles, groups and public mean nothing unless accessControl.mode is "
		    "rolesAndGroups");
	else if (named && json_get_bool(entry, "public", false))
		fault(l, pointer, "keep one of the two",
		    "an entry is either public or for roles and groups");
}

/* What the entry is about; NULL after a fault. */
static const char *check_entry(const struct loading *l, const struct option *table,
    struct json_object *entry, const char *pointer)
{
	struct option_place place = { l->problems, l->arena, l->file, "option" };

	if (json_object_is_type(entry, json_type_string))
		return json_object_get_string(entry);
	if (!json_object_is_type(entry, json_type_object)) {
		fault(l, pointer, "write a string or an object",
		    "an entry must be a string or an object");
		return NULL;
	}
	if (!option_check(&place, table, entry, pointer))
		return NULL;
	check_marks(l, entry, pointer);
	return json_get_string(entry, table[0].name);
}

static void check_list(const struct loading *l, const struct option *table,
    struct json_object *list, const char *pointer)
{
	size_t n;
	const char **names;

	if (!list)
		return;
	if (!json_object_is_type(list, json_type_array)) {
		fault(l, pointer, "write an array; leave it out to show all", "this is no array");
		return;
	}
	n = json_object_array_length(list);
	names = arena_calloc(l->arena, n + 1, sizeof(*names));
	for (size_t i = 0; i < n; i++) {
		const char *at = pointer_item(l->arena, pointer, i);

		names[i] = check_entry(l, table, json_object_array_get_idx(list, i), at);
		for (size_t k = 0; names[i] && k < i; k++)
			if (names[k] && !strcmp(names[k], names[i])) {
				fault(l, at, "keep one", "the entry is listed twice");
				break;
			}
	}
}

/* A template that cannot be matched would hide what it was to show. */
static void check_templates(const struct loading *l, struct json_object *list)
{
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		const char *text = json_object_is_type(item, json_type_string) ? json_object_get_string(item) :
		                                                                 json_get_string(item, "uriTemplate");
		struct err e = { .code = ERR_NONE };

		if (text && !uri_template_check(text, &e))
			fault(l, pointer_item(l->arena, pointer_member(l->arena, l->pointer, "resourceTemplates"), i),
			    "write it as RFC 6570 says", e.text);
	}
}

static void check_access(const struct loading *l, struct json_object *access)
{
	const char *mode = json_get_string(access, "mode");
	const char *pointer = pointer_member(l->arena, l->pointer, "accessControl");
	const char *at = pointer_member(l->arena, pointer, "identifier");
	const char *module = json_get_string(json_get(access, "identifier"), "module");
	bool function = mode && !strcmp(mode, "function");
	size_t n = module ? strlen(module) : 0;

	if (function && !module)
		fault(l, pointer, "add 'identifier' with a 'module'",
		    "accessControl.mode function needs identifier.module");
	else if (!function && json_get(access, "identifier"))
		fault(l, at, "remove it, or set the mode to function",
		    "identifier means nothing unless accessControl.mode is function");
	else if (n > 3 && (!strcmp(module + n - 3, ".ts") || !strcmp(module + n - 3, ".js")))
		fault(l, pointer_member(l->arena, at, "module"), "write the function in Lua",
		    "the module is TypeScript or JavaScript; functions are written in Lua here");
}

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	struct json_object *access = json_get(doc, "accessControl");
	const char *mode = json_get_string(access, "mode");
	struct loading l = { a, problems, file, pointer, mode && !strcmp(mode, "rolesAndGroups") };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		check_list(&l, lists[i].entry, json_get(doc, lists[i].option),
		    pointer_member(a, pointer, lists[i].option));
	check_access(&l, access);
	check_templates(&l, json_get(doc, "resourceTemplates"));
	if (mode && !strcmp(mode, "function")) {
		const char *at = pointer_member(a, pointer_member(a, pointer, "accessControl"), "mode");

		problem_add(problems, false, file, at, "leave it at allPublic, or wait for a version that serves it",
		    "this version does not serve accessControl.mode %s; routes that use it are closed", mode);
		use->fault = arena_printf(a, "%s#%s: this version does not serve accessControl.mode %s", file, at, mode);
	}
	return catalog_new(a, doc);
}

static struct catalog_caller caller_of(const struct policy_use *use, const struct call *c, struct arena *a)
{
	const struct catalog *catalog = use->loaded;

	return catalog_caller(catalog, a, catalog_is_by_roles(catalog) ? call_claims(c) : NULL);
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
	allowed = catalog_allows(use->loaded, &who, m->capability_type, m->capability_name);
	arena_free(a);
	if (allowed)
		return POLICY_PASS;
	err_reason(e, ERR_ACCESS_DENIED, "hidden_capability", "Method not found", "%s '%.128s' is not shown by '%s'",
	    m->capability_type, m->capability_name ? m->capability_name : "", use->name);
	return POLICY_DENY;
}

static enum policy_answer on_message(const struct policy_use *use, struct call *c, struct arena *a,
    const char *text, size_t n, struct buf *out, struct err *e)
{
	const struct catalog_caller who = caller_of(use, c, a);

	return catalog_filter(use->loaded, &who, a, text, n, out, e) ? POLICY_PASS : POLICY_FAIL;
}

static bool wants_claims(const struct policy_use *use)
{
	return catalog_is_by_roles(use->loaded);
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
	.on_call = on_call,
	.on_message = on_message,
	.wants_claims = wants_claims,
};
