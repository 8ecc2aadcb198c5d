/* SPDX-License-Identifier: Apache-2.0 */
/* prompt-injection-outbound: answers judged by a model. Its options are read and checked. */
#include "config.h"

#include "policy/policy.h"

static const struct option options[] = {
	{ "apiKey", OPTION_SECRET, true, .about = "The key of the classifier's service." },
	{ "model", OPTION_STRING, .about = "The model." },
	{ "baseUrl", OPTION_URL, .about = "The service, compatible with the API of OpenAI." },
	{ "strict", OPTION_BOOL, .initial = "false",
	    .about = "Whether an answer that cannot be judged is refused." },
	{ 0 },
};

const struct policy p_prompt_injection_outbound = {
	.type = {
		.name = "prompt-injection-outbound",
		.about = "Refuses answers that a classifier takes for prompt injection.",
		.outbound = true,
		.options = options,
	},
};
