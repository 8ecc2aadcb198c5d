/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request-size-limit-inbound: a smaller body than the project allows. The body has come by then (`limits.body` bounds
 * what is read at all), so that its length is known and no header need be believed.
 */
#include "config.h"

#include "conf/problem.h"
#include "policy/policy.h"

enum { SIZE_MAX_OF_ALL = 64 * 1024 * 1024 };

static const struct option options[] = {
	{ "maxSizeInBytes", OPTION_INT, true, 1, SIZE_MAX_OF_ALL,
	    .about = "The largest body; limits.body of gateway.jsonc bounds all bodies." },
	{ "trustContentLengthHeader", OPTION_BOOL, .initial = "false",
	    .about = "Accepted. The body's own length counts in any case: it is known." },
	{ 0 },
};

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	size_t *max = arena_alloc(a, sizeof(*max));

	*max = (size_t)json_get_int(doc, "maxSizeInBytes", 1);
	if (*max > use->project->limits.body)
		problem_add(problems, false, file, pointer_member(a, pointer, "maxSizeInBytes"),
		    "raise limits.body in gateway.jsonc, or remove the policy",
		    "larger bodies than limits.body (%zu bytes) are refused before any policy sees them",
		    use->project->limits.body);
	return max;
}

static enum policy_answer on_request(const struct policy_use *use, struct call *call,
    struct upstream_request *u, struct err *e)
{
	static const struct policy_refusal refusal = { .status = 413, .rpc_code = RPC_INVALID_REQUEST,
		.reason = "request_too_large" };
	const size_t *max = use->loaded;

	(void)u;
	if (call_req(call)->body_len <= *max)
		return POLICY_PASS;
	return policy_refuse(call, e, &refusal, "the request is over %zu bytes", *max);
}

const struct policy p_request_size_limit = {
	.type = {
		.name = "request-size-limit-inbound",
		.about = "Refuses larger requests with 413.",
		.served = true,
		.options = options,
		.load = load,
	},
	.on_request = on_request,
};
