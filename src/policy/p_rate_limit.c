/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate-limit-inbound: so many requests in a time, by who sends them. Its options are read
 * and checked.
 */
#include "config.h"

#include "conf/problem.h"
#include "policy/identifier_options.h"
#include "policy/policy.h"

#include <string.h>

static const struct option options[] = {
	{ "rateLimitBy", OPTION_ENUM, true, .words = "user ip all function client tool",
	    .about = "What is counted together." },
	{ "requestsAllowed", OPTION_INT, true, 1, 1000000000, .about = "Requests in each window." },
	{ "timeWindowMinutes", OPTION_INT, true, 1, 525600,
	    .about = "The window's length in minutes." },
	{ "identifier", OPTION_OBJECT, .sub = identifier_options,
	    .about = "The function, for rateLimitBy function." },
	{ "headerMode", OPTION_ENUM, .words = "retry-after none", .initial = "retry-after",
	    .about = "Whether a refusal says when to come back." },
	{ "mode", OPTION_ENUM, .words = "strict async", .initial = "strict",
	    .about = "Whether a request waits for the count; async may let a few more through." },
	{ "throwOnFailure", OPTION_BOOL, .initial = "false",
	    .about = "Whether a request is refused when it cannot be counted." },
	{ 0 },
};

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	const char *by = json_get_string(doc, "rateLimitBy");
	bool function = !strcmp(by, "function");

	use->needs_user = !strcmp(by, "user");
	if (function && !json_get(doc, "identifier"))
		problem_add(problems, true, file, pointer, "add 'identifier'",
		    "option 'identifier' is missing: rateLimitBy is function");
	if (!function && json_get(doc, "identifier"))
		problem_add(problems, true, file, pointer_member(a, pointer, "identifier"),
		    "remove it, or write \"rateLimitBy\": \"function\"",
		    "option 'identifier' goes with rateLimitBy function only");
	return NULL;
}

const struct policy p_rate_limit = {
	.type = {
		.name = "rate-limit-inbound",
		.about = "Refuses requests past a rate with 429.",
		.options = options,
		.load = load,
	},
};
