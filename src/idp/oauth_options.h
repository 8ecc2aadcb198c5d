/* SPDX-License-Identifier: Apache-2.0 */
/* Option rows that mcp-oauth-inbound shares with the policies that are named after a provider. */
#ifndef GATEHOUSE_IDP_OAUTH_OPTIONS_H
#define GATEHOUSE_IDP_OAUTH_OPTIONS_H

#include "conf/option.h"
#include "conf/project.h"

extern const struct option oauth_gateway_options[]; /* `gateway` */
extern const struct option oauth_id_jag_options[];  /* `idJag` */

enum { OAUTH_TIMEOUT_MAX_MS = 120000, OAUTH_DAY_S = 86400 };
#define OAUTH_TEN_YEARS_S INT64_C(315360000)

/* What the rows mean. GATEWAY and TIMES (browserLogin, or browserLoginOverrides) may be NULL. */
void oauth_read_gateway(struct oauth_conf *, struct json_object *gateway);
void oauth_read_times(struct oauth_conf *, struct json_object *times);

/*
 * `idJag` of the options DOC, whose pointer is POINTER. After the rest was read: whoever signs users in is trusted where
 * nobody is named.
 */
void oauth_read_id_jag(struct oauth_conf *, struct json_object *doc, struct arena *, struct problems *,
    const char *file, const char *pointer);

#define OAUTH_SCOPE "openid profile email"

/* The rows of browserLogin that its overrides have as well. */
#define OAUTH_TIMES                                                                                \
	{ "pkce", OPTION_ENUM, .words = "S256 none", .initial = "S256",                            \
		.about = "Whether the sign-in is protected by PKCE." },                            \
	    { "tokenEndpointAuthMethod", OPTION_ENUM,                                              \
		    .words = "client_secret_basic client_secret_post private_key_jwt",             \
		    .initial = "what the provider prefers",                                        \
		    .about = "How we authenticate at its token endpoint." },                       \
	    { "remoteTimeoutMs", OPTION_INT, false, 1, OAUTH_TIMEOUT_MAX_MS, .initial = "10000",   \
		    .about = "Milliseconds for all requests to the provider in one sign-in." },    \
	    { "stateTtlSeconds", OPTION_INT, false, 1, OAUTH_DAY_S, .initial = "900",              \
		    .about = "Seconds that a sign-in may take." },                                 \
	    { "sessionTtlSeconds", OPTION_INT, false, 1, 365 * OAUTH_DAY_S, .initial = "28800",    \
		    .about = "Seconds that a browser stays signed in." },                          \
	    { "claimsMaxAgeSeconds", OPTION_INT, false, 0, 365 * OAUTH_DAY_S, .initial = "86400",  \
		    .about =                                                                       \
			"The age at which a refresh asks the provider anew about its user." },     \
	{                                                                                          \
		"claimsRequireRenewal", OPTION_BOOL,                                               \
		    .initial = "false",                                                            \
		    .about = "Whether users whose claims cannot be renewed must sign in again."    \
	}

#endif
