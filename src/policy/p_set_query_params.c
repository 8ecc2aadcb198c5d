/* SPDX-License-Identifier: Apache-2.0 */
/* set-query-params-inbound: for upstreams that take a key, or a setting, in the query. */
#include "config.h"

#include "policy/upstream_request.h"

struct set_param {
	const char *name, *value;
	bool overwrite;
};

struct set_params {
	size_t n;
	struct set_param at[];
};

static const struct option param_options[] = {
	{ "name", OPTION_STRING, .required = true, .about = "The parameter's name." },
	{ "value", OPTION_SECRET, .required = true, .about = "Its value, as it reads before percent-encoding." },
	{ "overwrite", OPTION_BOOL, .initial = "true",
	    .about = "Whether it replaces one of `rewritePattern`; the client's never counts." },
	{ 0 },
};

static const struct option options[] = {
	{ "params", OPTION_OBJECTS, .required = true, .about = "The parameters to set, in order.",
	    .sub = param_options },
	{ 0 },
};

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	struct json_object *list = json_get(doc, "params");
	size_t n = list ? json_object_array_length(list) : 0;
	struct set_params *set = arena_alloc(a, sizeof(*set) + n * sizeof(set->at[0]));

	(void)use;
	for (size_t i = 0; i < n; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		const char *name = json_get_string(one, "name"), *value = json_get_string(one, "value");

		if (!name || !value)
			continue; /* the table has said so */
		if (!*name)
			problem_add(problems, true, file, arena_printf(a, "%s/params/%zu/name", pointer, i),
			    "name the parameter", "a query parameter has no name");
		set->at[set->n++] = (struct set_param){ name, value, json_get_bool(one, "overwrite", true) };
	}
	return set;
}

static enum policy_answer on_request(const struct policy_use *use, struct call *call,
    struct upstream_request *u, struct err *e)
{
	const struct set_params *set = use->loaded;

	(void)call;
	(void)e;
	for (size_t i = 0; i < set->n; i++) {
		upstream_query_set(u, set->at[i].name, set->at[i].value, set->at[i].overwrite);
		if (name_is_credential(set->at[i].name))
			upstream_secret(u, set->at[i].value);
	}
	return POLICY_PASS;
}

const struct policy p_set_query_params = {
	.type = {
		.name = "set-query-params-inbound",
		.about = "Sets query parameters of the request to the upstream.",
		.served = true,
		.options = options,
		.load = load,
	},
	.on_request = on_request,
};
