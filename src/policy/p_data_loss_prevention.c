/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data loss prevention, for requests and answers, and its short form for secrets. Options
 * are read and checked.
 */
#include "config.h"

#include "policy/policy.h"

static const struct option pattern_options[] = {
	{ "name", OPTION_STRING, true, .about = "What a match is called." },
	{ "pattern", OPTION_STRING, true, .about = "A regular expression." },
	{ "confidence", OPTION_NUMBER, false, 0, 1, .initial = "0.85",
	    .about = "How sure a match is." },
	{ "context", OPTION_STRINGS, .about = "Words near a match that make it surer." },
	{ 0 },
};

static const struct option dlp_options[] = {
	{ "entities", OPTION_STRINGS,
	    .about = "What is looked for: ids, prefixes of ids, or groups." },
	{ "action", OPTION_ENUM, .words = "mask block log", .initial = "mask",
	    .about = "What happens to a match: it is masked, the message is refused, or it is only "
		     "logged." },
	{ "mask", OPTION_STRING, .initial = "[REDACTED]", .about = "What a match is replaced by." },
	{ "customPatterns", OPTION_OBJECTS, .sub = pattern_options, .about = "Own patterns." },
	{ "allowValues", OPTION_STRINGS, .about = "Values that are no match." },
	{ "minConfidence", OPTION_NUMBER, false, 0, 1, .initial = "0.5",
	    .about = "The confidence from which a match counts." },
	{ "contentTypes", OPTION_STRINGS, .about = "The content types that are read." },
	{ 0 },
};

static const struct option masking_options[] = {
	{ "mask", OPTION_STRING, .initial = "[REDACTED]",
	    .about = "What a secret is replaced by." },
	{ "additionalPatterns", OPTION_STRINGS, .about = "Regular expressions of more secrets." },
	{ 0 },
};

const struct policy p_data_loss_prevention_inbound = {
	.type = {
		.name = "data-loss-prevention-inbound",
		.about = "Masks or refuses personal data and secrets in requests.",
		.options = dlp_options,
	},
};

const struct policy p_data_loss_prevention_outbound = {
	.type = {
		.name = "data-loss-prevention-outbound",
		.about = "Masks or refuses personal data and secrets in answers.",
		.outbound = true,
		.options = dlp_options,
	},
};

const struct policy p_secret_masking_outbound = {
	.type = {
		.name = "secret-masking-outbound",
		.about = "Masks secrets in answers.",
		.outbound = true,
		.options = masking_options,
	},
};
