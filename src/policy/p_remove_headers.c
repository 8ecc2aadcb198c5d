/* SPDX-License-Identifier: Apache-2.0 */
/* remove-headers-inbound: headers of the client that the upstream does not get. */
#include "config.h"

#include "policy/upstream_request.h"

struct remove_headers {
	size_t n;
	const char *at[];
};

static const struct option options[] = {
	{ "headers", OPTION_STRINGS, .required = true, .about = "The names, in any case." },
	{ 0 },
};

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	struct json_object *list = json_get(doc, "headers");
	size_t n = list ? json_object_array_length(list) : 0;
	struct remove_headers *all = arena_alloc(a, sizeof(*all) + n * sizeof(all->at[0]));

	(void)use;
	for (size_t i = 0; i < n; i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(list, i));

		if (name && header_name_is_token(name) && !header_name_is_reserved(name))
			all->at[all->n++] = name;
		else
			problem_add(problems, true, file, arena_printf(a, "%s/headers/%zu", pointer, i),
			    "remove this entry",
			    "this is no header that can be removed: it is none, or the connection's or the gateway's");
	}
	return all;
}

static enum policy_answer on_request(const struct policy_use *use, struct call *call,
    struct upstream_request *u, struct err *e)
{
	const struct remove_headers *all = use->loaded;

	(void)call;
	(void)e;
	for (size_t i = 0; i < all->n; i++)
		upstream_header_remove(u, all->at[i]);
	return POLICY_PASS;
}

const struct policy p_remove_headers = {
	.type = {
		.name = "remove-headers-inbound",
		.about = "Removes headers of the client's request.",
		.served = true,
		.options = options,
		.load = load,
	},
	.on_request = on_request,
};
