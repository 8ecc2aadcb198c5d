/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Projects come from the hosted product, which has policies for APIs of every kind. What this
 * gateway does instead of one that it lacks, in the words of a remedy.
 */
#include "config.h"

#include <fnmatch.h>

#include "conf/load.h"

#define SIGN_IN                                                                                    \
	"remove it: MCP clients sign in by OAuth. Use one of the mcp-…-oauth-inbound policies "  \
	"(for your "                                                                               \
	"identity provider, or mcp-oauth-inbound)"
#define UPSTREAM_CREDENTIAL                                                                        \
	"use set-upstream-api-key-inbound for a fixed credential, mcp-token-exchange-inbound for " \
	"users' own"

static const struct {
	const char *pattern, *instead; /* the first that matches counts */
} replacements[] = {
	{ "upstream-*", UPSTREAM_CREDENTIAL },
	{ "*api-key*-inbound", SIGN_IN },
	{ "*jwt*-inbound", SIGN_IN },
	{ "basic-auth-inbound", SIGN_IN },
	{ "ldap-auth-inbound", SIGN_IN },
	{ "mtls-auth-inbound", SIGN_IN },
	{ "*hmac-auth-inbound", SIGN_IN },
	{ "mcp-*-oauth-inbound",
	    "use mcp-oauth-inbound with the provider's issuer, keys and endpoints" },
	{ "acl-policy-inbound", "use accessControl of mcp-capability-filter-inbound" },
	{ "rbac-policy-inbound", "use accessControl of mcp-capability-filter-inbound" },
	{ "*authz*-inbound", "use accessControl of mcp-capability-filter-inbound" },
	{ "custom-code-inbound",
	    "remove it; a later version runs functions in Lua (custom-lua-inbound)" },
	{ "custom-code-outbound",
	    "remove it; a later version runs functions in Lua (custom-lua-outbound)" },
	{ "complex-rate-limit-inbound", "use rate-limit-inbound, once for each limit" },
	{ "monetization-inbound", "use quota-inbound" },
	{ "*quota*-inbound", "use quota-inbound" },
	{ "ip-restriction-inbound", "restrict addresses in the web server" },
	{ "geo-filter-inbound", "restrict addresses in the web server" },
	{ "bot-detection-inbound", "restrict clients in the web server" },
	{ "caching-inbound",
	    "remove it: answers of MCP calls are one user's own and are not cached" },
	{ "readme-metrics-inbound", "remove it: every call is recorded as an event" },
	{ "*-metrics-*", "remove it: every call is recorded as an event" },
	{ "moesif-inbound", "remove it: every call is recorded as an event" },
	{ "request-validation-inbound", "remove it: MCP messages are always checked" },
	{ "query-param-to-header-inbound",
	    "use set-headers-inbound, or forwardSearch of the handler" },
	{ "remove-query-params-inbound", "use \"forwardSearch\": false in the handler's options" },
	{ "akamai-ai-firewall-*", "use prompt-injection-outbound" },
};

const char *policy_replacement(const char *type)
{
	for (size_t i = 0; i < sizeof(replacements) / sizeof(replacements[0]); i++)
		if (!fnmatch(replacements[i].pattern, type, 0))
			return replacements[i].instead;
	return NULL;
}
