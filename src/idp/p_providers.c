/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policies that are named after an identity provider. All take clientId, clientSecret, scope,
 * gateway, idJag and browserLoginOverrides, and what tells one tenant of the provider from another.
 */
#include "config.h"

#include "conf/problem.h"
#include "conf/project.h"
#include "idp/oauth_options.h"
#include "idp/provider.h"

static const struct option override_options[] = {
	OAUTH_TIMES,
	{ 0 },
};

#define COMMON                                                                                     \
	{ "clientId", OPTION_STRING, true, .about = "Our client id at the provider." },            \
	    { "clientSecret", OPTION_SECRET, true, .about = "Our secret there." },                 \
	    { "scope", OPTION_STRING, .initial = "openid profile email",                           \
		    .about = "The scope to ask for." },                                            \
	    { "gateway", OPTION_OBJECT, .sub = oauth_gateway_options,                              \
		    .about = "The tokens that we issue." },                                        \
	    { "idJag", OPTION_OBJECT, .sub = oauth_id_jag_options,                                 \
		    .about = "Identity assertion authorization grants (ID-JAG)." },                \
	    { "browserLoginOverrides", OPTION_OBJECT, .sub = override_options,                     \
		    .about = "Times of the sign-in." },                                            \
	{                                                                                          \
		0                                                                                  \
	}

static const struct option auth0_options[] = {
	{ "auth0Domain", OPTION_STRING, true,
	    .about = "The tenant's domain, such as example.us.auth0.com." },
	{ "audience", OPTION_STRING, .about = "The API identifier to ask for." },
	COMMON,
};
static const struct option clerk_options[] = {
	{ "frontendApiUrl", OPTION_STRING, true, .about = "The Frontend API URL of the instance." },
	COMMON,
};
static const struct option cognito_options[] = {
	{ "awsRegion", OPTION_STRING, true, .about = "The region of the user pool." },
	{ "userPoolId", OPTION_STRING, true, .about = "The user pool." },
	{ "userPoolDomain", OPTION_STRING, true, .about = "The domain of its sign-in pages." },
	COMMON,
};
static const struct option entra_options[] = {
	{ "tenantId", OPTION_STRING, true, .about = "The tenant, a UUID." },
	COMMON,
};
static const struct option google_options[] = {
	COMMON,
};
static const struct option keycloak_options[] = {
	{ "keycloakBaseUrl", OPTION_STRING, true, .about = "The server's URL, without /realms/." },
	{ "realm", OPTION_STRING, true, .about = "The realm." },
	COMMON,
};
static const struct option logto_options[] = {
	{ "logtoEndpoint", OPTION_STRING, true, .about = "The tenant's endpoint." },
	COMMON,
};
static const struct option okta_options[] = {
	{ "oktaDomain", OPTION_STRING, true, .about = "The organisation's domain." },
	{ "authorizationServerId", OPTION_STRING,
	    .about = "An authorization server other than the organisation's." },
	COMMON,
};
static const struct option onelogin_options[] = {
	{ "oneLoginSubdomain", OPTION_STRING, true, .about = "The account's subdomain." },
	COMMON,
};
static const struct option ping_options[] = {
	{ "environmentId", OPTION_STRING, .about = "The environment, a UUID; or customDomain." },
	{ "region", OPTION_STRING, .initial = "north-america",
	    .about = "The environment's region: north-america, canada, europe, singapore, "
		     "australia or asia-pacific." },
	{ "customDomain", OPTION_STRING,
	    .about = "The domain of the sign-in pages, instead of environmentId." },
	COMMON,
};
static const struct option workos_options[] = {
	COMMON,
};

static void fault(struct arena *a, struct problems *problems, const char *file,
    const char *pointer, const char *name)
{
	problem_add(problems, true, file, pointer_member(a, pointer, name),
	    "copy it from the provider's page of the application", "%s is empty", name);
}

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	struct oauth_conf *c = arena_alloc(a, sizeof(*c));
	const char *scope = json_get_string(doc, "scope");

	c->use = use;
	c->login_client_id = json_get_string(doc, "clientId");
	c->login_client_secret = json_get_string(doc, "clientSecret");
	c->login_scope = scope ? scope : OAUTH_SCOPE;
	/* what is asked for must come: an access token for somebody else was not meant for us */
	c->login_audience = c->audience = json_get_string(doc, "audience");
	provider_derive(
	    provider_find(use->type->name), c, doc, a, problems, file, pointer);
	oauth_read_times(c, json_get(doc, "browserLoginOverrides"));
	oauth_read_gateway(c, json_get(doc, "gateway"));
	oauth_read_id_jag(c, doc, a, problems, file, pointer);
	if (!*c->login_client_id)
		fault(a, problems, file, pointer, "clientId");
	if (!*c->login_client_secret)
		fault(a, problems, file, pointer, "clientSecret");
	return c;
}

#define PROVIDER(id, type, title)                                                                  \
	.name = "mcp-" type "-oauth-inbound", .about = "Signs users in through " title ".",        \
	.class = POLICY_OAUTH, .needs_user = true, .served = true, .options = id##_options,        \
	.load = load

const struct policy_type p_mcp_auth0_oauth = { PROVIDER(auth0, "auth0", "Auth0") };
const struct policy_type p_mcp_clerk_oauth = { PROVIDER(clerk, "clerk", "Clerk") };
const struct policy_type p_mcp_cognito_oauth = { PROVIDER(cognito, "cognito", "Amazon Cognito") };
const struct policy_type p_mcp_entra_oauth = { PROVIDER(entra, "entra", "Microsoft Entra ID") };
const struct policy_type p_mcp_google_oauth = { PROVIDER(google, "google", "Google") };
const struct policy_type p_mcp_keycloak_oauth = { PROVIDER(keycloak, "keycloak", "Keycloak") };
const struct policy_type p_mcp_logto_oauth = { PROVIDER(logto, "logto", "Logto") };
const struct policy_type p_mcp_okta_oauth = { PROVIDER(okta, "okta", "Okta") };
const struct policy_type p_mcp_onelogin_oauth = { PROVIDER(onelogin, "onelogin", "OneLogin") };
const struct policy_type p_mcp_ping_oauth = { PROVIDER(ping, "ping", "PingOne") };
const struct policy_type p_mcp_workos_oauth = { PROVIDER(workos, "workos", "WorkOS") };
