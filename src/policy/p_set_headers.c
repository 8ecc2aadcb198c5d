/* SPDX-License-Identifier: Apache-2.0 */
/* set-headers-inbound: headers that the operator adds to, or replaces in, what the upstream gets. */
#include "config.h"

#include "policy/upstream_request.h"

#include <string.h>

struct set_header {
	const char *name, *value;
	bool overwrite;
};

struct set_headers {
	size_t n;
	struct set_header at[];
};

static const struct option header_options[] = {
	{ "name", OPTION_STRING, .required = true, .about = "The header's name." },
	{ "value", OPTION_SECRET, .required = true, .about = "Its value; usually `$env(NAME)` for a secret." },
	{ "overwrite", OPTION_BOOL, .initial = "true",
	    .about = "Whether it replaces the header that the client sent." },
	{ 0 },
};

static const struct option options[] = {
	{ "headers", OPTION_OBJECTS, .required = true, .about = "The headers to set, in order.",
	    .sub = header_options },
	{ 0 },
};

/* Nothing of the entry is shown: a name may come of `$env` as well. */
static void check(const struct set_header *h, struct problems *problems, const char *file, const char *pointer)
{
	if (!header_name_is_token(h->name))
		problem_add(problems, true, file, pointer, "use a header name such as X-Api-Key",
		    "this is no header name");
	else if (header_name_is_reserved(h->name))
		problem_add(problems, true, file, pointer, "remove this entry",
		    "this header belongs to the connection or the gateway and cannot be set");
	if (strpbrk(h->value, "\r\n"))
		problem_add(problems, true, file, pointer, "remove the line break from the value",
		    "the value has a line break");
}

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	struct json_object *list = json_get(doc, "headers");
	size_t n = list ? json_object_array_length(list) : 0;
	struct set_headers *set = arena_alloc(a, sizeof(*set) + n * sizeof(set->at[0]));

	(void)use;
	for (size_t i = 0; i < n; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		const char *name = json_get_string(one, "name"), *value = json_get_string(one, "value");

		if (!name || !value)
			continue; /* the table has said so */
		set->at[set->n] = (struct set_header){ name, value, json_get_bool(one, "overwrite", true) };
		check(&set->at[set->n++], problems, file, arena_printf(a, "%s/headers/%zu", pointer, i));
	}
	return set;
}

static enum policy_answer on_request(const struct policy_use *use, struct call *call,
    struct upstream_request *u, struct err *e)
{
	const struct set_headers *set = use->loaded;

	(void)call;
	for (size_t i = 0; i < set->n; i++) {
		const struct set_header *h = &set->at[i];

		if (!upstream_header_set(u, h->name, h->value, h->overwrite)) {
			err_set(e, ERR_CONFIG, "a header of the configuration cannot be sent", "policy '%s', header '%s'",
			    use->name, h->name);
			return POLICY_FAIL;
		}
		if (name_is_credential(h->name))
			upstream_secret(u, h->value);
	}
	return POLICY_PASS;
}

const struct policy p_set_headers = {
	.type = {
		.name = "set-headers-inbound",
		.about = "Sets headers of the request to the upstream.",
		.served = true,
		.options = options,
		.load = load,
	},
	.on_request = on_request,
};
