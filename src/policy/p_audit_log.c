/* SPDX-License-Identifier: Apache-2.0 */
/* audit-log-inbound: calls in the audit trail. Its options are read and checked. */
#include "config.h"

#include "policy/policy.h"

static const struct option include_options[] = {
	{ "queryParams", OPTION_BOOL, .initial = "false",
	    .about = "Whether the query is recorded." },
	{ "user", OPTION_BOOL, .initial = "true", .about = "Whether the user is recorded." },
	{ "ipAddress", OPTION_BOOL, .initial = "true",
	    .about = "Whether the address is recorded." },
	{ "geolocation", OPTION_BOOL, .initial = "false",
	    .about = "Whether the place is recorded." },
	{ 0 },
};

static const struct option options[] = {
	{ "eventTypeBase", OPTION_STRING, .about = "What the events' types begin with." },
	{ "include", OPTION_OBJECT, .sub = include_options, .about = "What an event holds." },
	{ "samplingRate", OPTION_NUMBER, false, 0, 1, .initial = "1",
	    .about = "The share of calls that is recorded." },
	{ "bucketId", OPTION_STRING, .about = "Accepted and ignored." },
	{ 0 },
};

const struct policy p_audit_log = {
	.type = {
		.name = "audit-log-inbound",
		.about = "Records each call in the audit trail.",
		.options = options,
	},
};
