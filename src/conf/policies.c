/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config/policies.json: the policy library. A faulty policy closes the routes that use it,
 * and no others.
 */
#include "config.h"

#include <string.h>

#include "conf/load.h"

#define EXCHANGE_PREFIX "mcp-token-exchange-"

enum { UPSTREAM_ID_MAX = 63 };

static const struct option handler_options_of_policy[] = {
	{ "module", OPTION_ANY, .about = "Accepted and ignored." },
	{ "export", OPTION_STRING, .about = "Accepted and ignored." },
	{ "options", OPTION_OBJECT, .about = "The policy's options." },
	{ 0 },
};

static const struct option entry_options[] = {
	{ "name", OPTION_STRING, true, .about = "What routes call it." },
	{ "policyType", OPTION_STRING, true, .about = "What it is." },
	{ "handler", OPTION_OBJECT, .sub = handler_options_of_policy, .about = "Its options." },
	{ 0 },
};

static const struct option file_options[] = {
	{ "policies", OPTION_OBJECTS, true, .about = "The policies." },
	{ "$schema", OPTION_ANY, .about = "Accepted and ignored." },
	{ 0 },
};

static const struct policy_type *find_type(const struct loader *l, const char *name)
{
	for (const struct policy_type *const *t = l->types; t && *t; t++)
		if (!strcmp((*t)->name, name))
			return *t;
	return NULL;
}

static void policy_fault(struct loader *l, struct policy_use *use, const char *pointer,
    const char *remedy, const char *text)
{
	size_t mark = problems_mark(l->problems);

	problem_add(l->problems, true, POLICIES_FILE, pointer, remedy, "%s", text);
	if (!use->fault)
		use->fault = problems_fault(l->problems, mark);
}

static void check_name(struct loader *l, size_t i)
{
	struct policy_use *use = &l->policies[i];

	for (size_t k = 0; k < i; k++) {
		if (!*use->name || strcmp(l->policies[k].name, use->name) != 0)
			continue;
		policy_fault(l, use, pointer_member(l->arena, use->pointer, "name"),
		    "give each policy a name of its own",
		    arena_printf(l->arena, "the name '%.64s' is taken by %s", use->name,
			l->policies[k].pointer));
		/* which of the two a route means, nobody can know */
		if (!l->policies[k].fault)
			l->policies[k].fault = use->fault;
		return;
	}
}

static void read_entry(struct loader *l, struct json_object *entry, size_t i)
{
	struct option_place place = { l->problems, l->arena, POLICIES_FILE, "member" };
	struct policy_use *use = &l->policies[i];
	size_t mark = problems_mark(l->problems);
	const char *type = json_get_string(entry, "policyType");

	*use = (struct policy_use){
		.name = json_get_string(entry, "name"),
		.project = l->p,
		.pointer = pointer_item(l->arena, "/policies", i),
	};
	if (!use->name)
		use->name = "";
	option_check(&place, entry_options, entry, use->pointer);
	use->fault = problems_fault(l->problems, mark);
	use->options = json_get(json_get(entry, "handler"), "options");
	if (!json_object_is_type(use->options, json_type_object))
		use->options = json_new_object(l->arena);
	use->type = type ? find_type(l, type) : NULL;
	use->needs_user = use->type && use->type->needs_user;
	l->policy_entries[i].type_name = type;
	check_name(l, i);
}

bool policies_read(struct loader *l)
{
	struct option_place place = { l->problems, l->arena, POLICIES_FILE, "member" };
	size_t mark = problems_mark(l->problems), n;
	bool absent = false;
	struct json_object *doc = load_json(l, POLICIES_FILE, &absent), *list;

	if (absent)
		return true; /* routes that name a policy will say so */
	if (!doc || !option_check(&place, file_options, doc, "")) {
		if (!l->p->fault)
			l->p->fault = problems_fault(l->problems, mark);
		l->policies_unread = true;
		return false;
	}
	list = json_get(doc, "policies");
	n = json_object_array_length(list);
	l->policies = arena_calloc(l->arena, n + 1, sizeof(*l->policies));
	l->policy_entries = arena_calloc(l->arena, n + 1, sizeof(*l->policy_entries));
	l->p->policies = l->policies;
	for (; l->p->policies_n < n; l->p->policies_n++)
		read_entry(l, json_object_array_get_idx(list, l->p->policies_n), l->p->policies_n);
	return true;
}

/* ---- options ---- */

struct resolving {
	struct loader *l;
	struct expansion x;
};

static void resolve_string(struct resolving *r, struct json_object *string, const char *pointer)
{
	const char *text = json_object_get_string(string), *value;

	value = load_expand(r->l, ENV_CALL, text, POLICIES_FILE, pointer, &r->x);
	if (!value)
		option_mark_unresolved(string);
	else if (value != text)
		json_object_set_string(string, value);
}

/* Replaces references in place: the tree is this project's own. */
static void resolve(struct resolving *r, struct json_object *value, const char *pointer)
{
	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, name, member)
		    resolve(r, member, pointer_member(r->l->arena, pointer, name));
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			resolve(r, json_object_array_get_idx(value, i),
			    pointer_item(r->l->arena, pointer, i));
	} else if (json_object_is_type(value, json_type_string)) {
		resolve_string(r, value, pointer);
	}
}

static void unknown_type(struct loader *l, size_t i)
{
	struct policy_use *use = &l->policies[i];
	const struct policy_entry *entry = &l->policy_entries[i];
	const char *pointer = pointer_member(l->arena, use->pointer, "policyType");
	const char *instead = policy_replacement(entry->type_name), *near, **names;
	size_t n = 0;

	while (l->types && l->types[n])
		n++;
	names = arena_calloc(l->arena, n + 1, sizeof(*names));
	for (size_t k = 0; k < n; k++)
		names[k] = l->types[k]->name;
	near = instead ? NULL : name_nearest(entry->type_name, names);
	problem_add(l->problems, entry->used, POLICIES_FILE, pointer,
	    instead ? instead
	    : near  ? arena_printf(l->arena, "write '%s'", near)
		    : "remove the policy from the route: gatehouse-policies(5) lists what there is",
	    near ? "there is no policy type '%.64s' (did you mean '%s'?)"
		 : "there is no policy type '%.64s'",
	    entry->type_name, near);
	if (!use->fault)
		use->fault = arena_printf(
		    l->arena, "%s#%s: there is no such policy type", POLICIES_FILE, pointer);
}

static void not_served(struct loader *l, struct policy_use *use, bool used)
{
	if (used)
		problem_add(l->problems, false, POLICIES_FILE,
		    pointer_member(l->arena, use->pointer, "policyType"),
		    "remove it from the route, or wait for a version that serves it",
		    "policy '%.64s': this version does not serve %s; routes that use it are closed",
		    use->name, use->type->name);
	if (!use->fault)
		use->fault = arena_printf(l->arena, "%s#%s: this version does not serve %s",
		    POLICIES_FILE, use->pointer, use->type->name);
}

/* ---- upstream ids ---- */

const char *exchange_id(const struct policy_use *use)
{
	const char *id = json_get_string(use->options, "id");
	size_t n = sizeof(EXCHANGE_PREFIX) - 1;

	if (id)
		return id;
	return !strncmp(use->name, EXCHANGE_PREFIX, n) && use->name[n] ? use->name + n : NULL;
}

static bool is_upstream_id(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > UPSTREAM_ID_MAX || *s == '-')
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* Stored connections hang on the id: it must be there, well-formed, and one policy's only. */
static void check_exchange_id(struct loader *l, size_t i)
{
	struct policy_use *use = &l->policies[i];
	struct json_object *option = json_get(use->options, "id");
	const char *id = exchange_id(use), *pointer = use->pointer;

	if (option_is_unresolved(option))
		return;
	pointer = pointer_member(l->arena, pointer, "name");
	if (option)
		pointer = pointer_member(l->arena,
		    pointer_member(
			l->arena, pointer_member(l->arena, use->pointer, "handler"), "options"),
		    "id");
	if (!id) {
		policy_fault(l, use, pointer,
		    "add the option 'id', or call the policy " EXCHANGE_PREFIX "ID",
		    "the token exchange has no upstream id: no option 'id', and its name does not "
		    "begin "
		    "with " EXCHANGE_PREFIX);
		return;
	}
	if (!is_upstream_id(id)) {
		policy_fault(l, use, pointer,
		    "use a-z, 0-9 and -, not first a -, 63 characters at most",
		    "the upstream id is outside [a-z0-9][a-z0-9-]{0,62}");
		return;
	}
	for (size_t k = 0; k < i; k++) {
		const struct policy_use *other = &l->policies[k];
		const char *other_id = other->type && other->type->class == POLICY_EXCHANGE
					   ? exchange_id(other)
					   : NULL;

		if (!other_id || strcmp(other_id, id) != 0)
			continue;
		policy_fault(l, use, pointer, "give one of them another id",
		    arena_printf(l->arena, "the upstream id '%s' is that of policy '%.64s', too",
			id, other->name));
		return;
	}
}

/*
 * The options by the table, then by the policy itself. Where a variable is missing that
 * this program does not use, the policy is loaded for what the program does use, and its
 * opinion on the rest does not count.
 */
static void check_options(struct loader *l, struct policy_use *use, const struct expansion *x)
{
	static const struct option none[] = { { 0 } };
	struct option_place place = { l->problems, l->arena, POLICIES_FILE, "option" };
	const char *pointer =
	    pointer_member(l->arena, pointer_member(l->arena, use->pointer, "handler"), "options");
	size_t mark = problems_mark(l->problems);
	bool ok = option_check(
	    &place, use->type->options ? use->type->options : none, use->options, pointer);

	if (ok && !x->fault && use->type->load)
		use->loaded = use->type->load(use, use->options, l->arena,
		    x->missing ? problems_new(l->arena) : l->problems, POLICIES_FILE, pointer);
	if (!use->fault)
		use->fault = problems_fault(l->problems, mark);
	if (!use->fault)
		use->fault = x->fault;
}

static void load_policy(struct loader *l, size_t i)
{
	struct policy_use *use = &l->policies[i];
	struct resolving r = {
		.l = l,
		.x = {
			.owner = arena_printf(l->arena, "policy '%.64s'", use->name),
			.used = l->policy_entries[i].used,
			.needed = load_is_needed(l, use->type->class),
		},
	};

	resolve(&r, use->options,
	    pointer_member(l->arena, pointer_member(l->arena, use->pointer, "handler"), "options"));
	check_options(l, use, &r.x);
	if (use->type->class == POLICY_EXCHANGE)
		check_exchange_id(l, i);
	if (!use->type->served)
		not_served(l, use, l->policy_entries[i].used);
}

void policies_load(struct loader *l)
{
	for (size_t i = 0; i < l->p->policies_n; i++) {
		/* a program resolves only what it uses */
		if (!l->check && !l->policy_entries[i].used)
			continue;
		if (l->policies[i].type)
			load_policy(l, i);
		else if (l->policy_entries[i].type_name)
			unknown_type(l, i);
	}
}
