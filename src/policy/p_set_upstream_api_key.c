/* SPDX-License-Identifier: Apache-2.0 */
/* set-upstream-api-key-inbound: one shared credential for an upstream that knows no users. */
#include "config.h"

#include "policy/upstream_request.h"

#include <string.h>

struct api_key {
	const char *header, *value;
	bool overwrite;
};

static const struct option options[] = {
	{ "value", OPTION_SECRET, .required = true,
	    .about = "The whole value of the header, with its scheme: `Bearer $env(UPSTREAM_KEY)`." },
	{ "header", OPTION_STRING, .initial = "Authorization", .about = "The header that carries it." },
	{ "overwrite", OPTION_BOOL, .initial = "true",
	    .about = "Whether it replaces one that an earlier policy set." },
	{ 0 },
};

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	struct api_key *key = arena_alloc(a, sizeof(*key));
	const char *header = json_get_string(doc, "header"), *value = json_get_string(doc, "value");

	(void)use;
	key->header = header ? header : "Authorization";
	key->value = value ? value : "";
	key->overwrite = json_get_bool(doc, "overwrite", true);
	if (!header_name_is_token(key->header) || header_name_is_reserved(key->header))
		problem_add(problems, true, file, arena_printf(a, "%s/header", pointer),
		    "use Authorization, X-Api-Key or the like",
		    "this is no header that can carry a key");
	if (strpbrk(key->value, "\r\n"))
		problem_add(problems, true, file, arena_printf(a, "%s/value", pointer),
		    "remove the line break from the value", "the value has a line break");
	return key;
}

static enum policy_answer on_request(const struct policy_use *use, struct call *call,
    struct upstream_request *u, struct err *e)
{
	const struct api_key *key = use->loaded;
	const char *blank = strchr(key->value, ' ');

	(void)call;
	if (!upstream_header_set(u, key->header, key->value, key->overwrite)) {
		err_set(e, ERR_CONFIG, "the upstream's key cannot be sent", "policy '%s', header '%s'", use->name,
		    key->header);
		return POLICY_FAIL;
	}
	/* an upstream that repeats it may leave the scheme out */
	upstream_secret(u, blank ? blank + 1 : key->value);
	return POLICY_PASS;
}

const struct policy p_set_upstream_api_key = {
	.type = {
		.name = "set-upstream-api-key-inbound",
		.about = "Sends one shared key to the upstream.",
		.served = true,
		.options = options,
		.load = load,
	},
	.on_request = on_request,
};
