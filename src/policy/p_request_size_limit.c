/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request-size-limit-inbound: a smaller body than the project allows. Its options are read
 * and checked.
 */
#include "config.h"

#include "policy/policy.h"

static const struct option options[] = {
	{ "maxSizeInBytes", OPTION_INT, true, 1, 64 * 1024 * 1024, .about = "The largest body." },
	{ "trustContentLengthHeader", OPTION_BOOL, .initial = "false",
	    .about = "Whether a request is refused by its Content-Length alone." },
	{ 0 },
};

const struct policy p_request_size_limit = {
	.type = {
		.name = "request-size-limit-inbound",
		.about = "Refuses larger requests with 413.",
		.options = options,
	},
};
