/* SPDX-License-Identifier: Apache-2.0 */
/* quota-inbound: allowances for an hour, day, week or month. Its options are read and checked. */
#include "config.h"

#include "conf/problem.h"
#include "policy/identifier_options.h"
#include "policy/policy.h"

#include <string.h>

static const struct option options[] = {
	{ "period", OPTION_ENUM, true, .words = "hourly daily weekly monthly",
	    .about = "The period of an allowance." },
	{ "quotaBy", OPTION_ENUM, true, .words = "user function",
	    .about = "Whose allowance it is." },
	{ "allowances", OPTION_OBJECT,
	    .about = "How much of each meter is allowed in a period: numbers by meter." },
	{ "quotaAnchorMode", OPTION_ENUM, .words = "first-api-call function",
	    .initial = "first-api-call", .about = "When a period begins." },
	{ "quotaOnStatusCodes", OPTION_STRING, .initial = "200-299",
	    .about =
		"The statuses of answers that count: numbers and ranges, separated by commas." },
	{ "identifier", OPTION_OBJECT, .sub = identifier_options,
	    .about = "The function, for quotaBy or quotaAnchorMode function." },
	{ 0 },
};

static bool is_function(struct json_object *doc, const char *name)
{
	const char *s = json_get_string(doc, name);

	return s && !strcmp(s, "function");
}

static void check_allowances(struct json_object *allowances, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	if (!allowances)
		return;
	json_object_object_foreach(allowances, meter, value)
	{
		if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
			problem_add(problems, true, file, pointer_member(a, pointer, meter),
			    "write a whole number, 0 or more",
			    "an allowance must be a whole number, 0 or more");
	}
}

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	bool function = is_function(doc, "quotaBy") || is_function(doc, "quotaAnchorMode");

	use->needs_user = !is_function(doc, "quotaBy");
	check_allowances(json_get(doc, "allowances"), a, problems, file,
	    pointer_member(a, pointer, "allowances"));
	if (!function && !json_get(doc, "allowances"))
		problem_add(problems, true, file, pointer, "add 'allowances'",
		    "option 'allowances' is missing");
	if (function && !json_get(doc, "identifier"))
		problem_add(problems, true, file, pointer, "add 'identifier'",
		    "option 'identifier' is missing: quotaBy or quotaAnchorMode is function");
	return NULL;
}

const struct policy p_quota = {
	.type = {
		.name = "quota-inbound",
		.about = "Refuses requests of who has used up an allowance.",
		.needs_user = true,
		.options = options,
		.load = load,
	},
};
