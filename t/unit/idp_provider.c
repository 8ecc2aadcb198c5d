/* SPDX-License-Identifier: Apache-2.0 */
/* The named providers: every address that is derived, every input that is refused. */
#include "config.h"

#include "tap.h"

#include "conf/problem.h"
#include "idp/provider.h"

#define UUID "0f8fad5b-d9cb-469f-a165-70867728950e"

static const struct {
	const char *type, *options;
	const char *issuer, *jwks, *authorize, *token;
} derived[] = {
	{ "auth0", "\"auth0Domain\": \"acme.us.auth0.com\"", "https://acme.us.auth0.com/",
	    "https://acme.us.auth0.com/.well-known/jwks.json", "https://acme.us.auth0.com/authorize",
	    "https://acme.us.auth0.com/oauth/token" },
	{ "clerk", "\"frontendApiUrl\": \"https://clerk.acme.com\"", "https://clerk.acme.com",
	    "https://clerk.acme.com/.well-known/jwks.json", "https://clerk.acme.com/oauth/authorize",
	    "https://clerk.acme.com/oauth/token" },
	{ "cognito",
	    "\"awsRegion\": \"eu-central-1\", \"userPoolId\": \"eu-central-1_AbC123\", "
	    "\"userPoolDomain\": \"acme.auth.eu-central-1.amazoncognito.com\"",
	    "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbC123",
	    "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbC123/.well-known/jwks.json",
	    "https://acme.auth.eu-central-1.amazoncognito.com/oauth2/authorize",
	    "https://acme.auth.eu-central-1.amazoncognito.com/oauth2/token" },
	{ "entra", "\"tenantId\": \"" UUID "\"", "https://login.microsoftonline.com/" UUID "/v2.0",
	    "https://login.microsoftonline.com/" UUID "/discovery/v2.0/keys",
	    "https://login.microsoftonline.com/" UUID "/oauth2/v2.0/authorize",
	    "https://login.microsoftonline.com/" UUID "/oauth2/v2.0/token" },
	{ "google", "\"clientId\": \"1-a.apps.googleusercontent.com\"", "https://accounts.google.com",
	    "https://www.googleapis.com/oauth2/v3/certs",
	    "https://accounts.google.com/o/oauth2/v2/auth", "https://oauth2.googleapis.com/token" },
	{ "keycloak", "\"keycloakBaseUrl\": \"https://sso.acme.com\", \"realm\": \"staff\"",
	    "https://sso.acme.com/realms/staff",
	    "https://sso.acme.com/realms/staff/protocol/openid-connect/certs",
	    "https://sso.acme.com/realms/staff/protocol/openid-connect/auth",
	    "https://sso.acme.com/realms/staff/protocol/openid-connect/token" },
	{ "keycloak", "\"keycloakBaseUrl\": \"https://acme.com/auth/\", \"realm\": \"my staff\"",
	    "https://acme.com/auth/realms/my%20staff",
	    "https://acme.com/auth/realms/my%20staff/protocol/openid-connect/certs",
	    "https://acme.com/auth/realms/my%20staff/protocol/openid-connect/auth",
	    "https://acme.com/auth/realms/my%20staff/protocol/openid-connect/token" },
	{ "logto", "\"logtoEndpoint\": \"https://acme.logto.app\"", "https://acme.logto.app/oidc",
	    "https://acme.logto.app/oidc/jwks", "https://acme.logto.app/oidc/auth",
	    "https://acme.logto.app/oidc/token" },
	{ "okta", "\"oktaDomain\": \"acme.okta.com\"", "https://acme.okta.com",
	    "https://acme.okta.com/oauth2/v1/keys", "https://acme.okta.com/oauth2/v1/authorize",
	    "https://acme.okta.com/oauth2/v1/token" },
	{ "okta", "\"oktaDomain\": \"acme.okta.com\", \"authorizationServerId\": \"default\"",
	    "https://acme.okta.com/oauth2/default", "https://acme.okta.com/oauth2/default/v1/keys",
	    "https://acme.okta.com/oauth2/default/v1/authorize",
	    "https://acme.okta.com/oauth2/default/v1/token" },
	{ "onelogin", "\"oneLoginSubdomain\": \"acme\"", "https://acme.onelogin.com/oidc/2",
	    "https://acme.onelogin.com/oidc/2/certs", "https://acme.onelogin.com/oidc/2/auth",
	    "https://acme.onelogin.com/oidc/2/token" },
	{ "ping", "\"environmentId\": \"" UUID "\"", "https://auth.pingone.com/" UUID "/as",
	    "https://auth.pingone.com/" UUID "/as/jwks", "https://auth.pingone.com/" UUID "/as/authorize",
	    "https://auth.pingone.com/" UUID "/as/token" },
	{ "ping", "\"environmentId\": \"" UUID "\", \"region\": \"north-america\"",
	    "https://auth.pingone.com/" UUID "/as", NULL, NULL, NULL },
	{ "ping", "\"environmentId\": \"" UUID "\", \"region\": \"canada\"",
	    "https://auth.pingone.ca/" UUID "/as", NULL, NULL, NULL },
	{ "ping", "\"environmentId\": \"" UUID "\", \"region\": \"europe\"",
	    "https://auth.pingone.eu/" UUID "/as", NULL, NULL, NULL },
	{ "ping", "\"environmentId\": \"" UUID "\", \"region\": \"singapore\"",
	    "https://auth.pingone.sg/" UUID "/as", NULL, NULL, NULL },
	{ "ping", "\"environmentId\": \"" UUID "\", \"region\": \"australia\"",
	    "https://auth.pingone.com.au/" UUID "/as", NULL, NULL, NULL },
	{ "ping", "\"environmentId\": \"" UUID "\", \"region\": \"asia-pacific\"",
	    "https://auth.pingone.asia/" UUID "/as", NULL, NULL, NULL },
	{ "ping", "\"customDomain\": \"auth.acme.com\"", "https://auth.acme.com/as",
	    "https://auth.acme.com/as/jwks", "https://auth.acme.com/as/authorize",
	    "https://auth.acme.com/as/token" },
	{ "workos", "\"clientId\": \"client_01\"",
	    "https://api.workos.com/user_management/client_01", "https://api.workos.com/sso/jwks/client_01",
	    "https://api.workos.com/user_management/authorize",
	    "https://api.workos.com/user_management/authenticate" },
};

/* Each message has what was given and what is wanted. */
static const struct {
	const char *type, *options, *given, *wanted;
} refused[] = {
	{ "auth0", "\"auth0Domain\": \"https://acme.us.auth0.com\"", "'https://acme.us.auth0.com', which has a scheme",
	    "domain alone" },
	{ "auth0", "\"auth0Domain\": \"acme\"", "'acme', which has no dot", "domain alone" },
	{ "auth0", "\"auth0Domain\": \"acme.auth0.com/\"", "which has a slash", "domain alone" },
	{ "auth0", "\"auth0Domain\": \"acme.auth0.com@evil.com\"", "no name of a host", "domain alone" },
	{ "auth0", "\"auth0Domain\": \"acme..com\"", "no name of a host", "domain alone" },
	{ "auth0", "\"auth0Domain\": \"\"", "is empty", "domain alone" },
	{ "clerk", "\"frontendApiUrl\": \"https://clerk.acme.com/v1\"", "has a path", "https:// and the host" },
	{ "clerk", "\"frontendApiUrl\": \"https://clerk.acme.com?x=1\"", "has a query", "https:// and the host" },
	{ "clerk", "\"frontendApiUrl\": \"https://clerk.acme.com#x\"", "has a fragment", "https:// and the host" },
	{ "clerk", "\"frontendApiUrl\": \"https://a@clerk.acme.com\"", "has user information",
	    "https:// and the host" },
	{ "clerk", "\"frontendApiUrl\": \"http://clerk.acme.com\"", "is not https", "https:// and the host" },
	{ "clerk", "\"frontendApiUrl\": \"clerk.acme.com\"", "is no URL", "https:// and the host" },
	{ "cognito",
	    "\"awsRegion\": \"eu-central-1\", \"userPoolId\": \"eu-central-1_AbC\", "
	    "\"userPoolDomain\": \"https://acme.example.com\"",
	    "has a scheme", "domain alone" },
	{ "cognito",
	    "\"awsRegion\": \"eu-central-1\", \"userPoolId\": \"eu-central-1_AbC\", "
	    "\"userPoolDomain\": \"acme.example.com/oauth2\"",
	    "has a slash or a path", "domain alone" },
	{ "cognito",
	    "\"awsRegion\": \"eu-central-1\", \"userPoolId\": \"us-east-1_AbC\", "
	    "\"userPoolDomain\": \"acme.example.com\"",
	    "'us-east-1_AbC', which is of another region", "a pool in this region" },
	{ "cognito",
	    "\"awsRegion\": \"Frankfurt\", \"userPoolId\": \"Frankfurt_AbC\", "
	    "\"userPoolDomain\": \"acme.example.com\"",
	    "'Frankfurt', which is no region", "such as eu-central-1" },
	{ "cognito",
	    "\"awsRegion\": \"eu-central-1\", \"userPoolId\": \"AbC\", \"userPoolDomain\": \"acme.example.com\"",
	    "'AbC', which is no id", "a pool in this region" },
	{ "entra", "\"tenantId\": \"common\"", "'common', which is no UUID", "one tenant" },
	{ "entra", "\"tenantId\": \"organizations\"", "'organizations', which is no UUID", "one tenant" },
	{ "entra", "\"tenantId\": \"consumers\"", "'consumers', which is no UUID", "one tenant" },
	{ "entra", "\"tenantId\": \"acme.onmicrosoft.com\"", "'acme.onmicrosoft.com', which is no UUID", "one tenant" },
	{ "entra", "\"tenantId\": \"" UUID "0\"", "is no UUID", "one tenant" },
	{ "google", "\"clientId\": \"123\"", "'123', which is none", "ends in .apps.googleusercontent.com" },
	{ "google", "\"clientId\": \".apps.googleusercontent.com\"", "is none", "ends in" },
	{ "keycloak", "\"keycloakBaseUrl\": \"https://sso.acme.com/realms/staff\", \"realm\": \"staff\"",
	    "has /realms/ in it", "without /realms/" },
	{ "keycloak", "\"keycloakBaseUrl\": \"https://sso.acme.com/realms\", \"realm\": \"staff\"",
	    "has /realms/ in it", "without /realms/" },
	{ "keycloak", "\"keycloakBaseUrl\": \"http://sso.acme.com\", \"realm\": \"staff\"", "is not https",
	    "without /realms/" },
	{ "keycloak", "\"keycloakBaseUrl\": \"https://sso.acme.com\", \"realm\": \"a/b\"", "'a/b', which has a slash",
	    "the realm's name" },
	{ "keycloak", "\"keycloakBaseUrl\": \"https://sso.acme.com\", \"realm\": \"..\"", "dot segment",
	    "the realm's name" },
	{ "logto", "\"logtoEndpoint\": \"http://acme.logto.app\"", "is not https", "https:// and the host" },
	{ "logto", "\"logtoEndpoint\": \"https://acme.logto.app/oidc\"", "has a path", "https:// and the host" },
	{ "okta", "\"oktaDomain\": \"https://acme.okta.com\"", "has a scheme", "domain alone" },
	{ "okta", "\"oktaDomain\": \"acme.okta.com/\"", "has a slash", "domain alone" },
	{ "okta", "\"oktaDomain\": \"acme.okta.com/oauth2/default\"", "or a path", "domain alone" },
	{ "okta", "\"oktaDomain\": \"acme.okta.com\", \"authorizationServerId\": \"a/b\"", "has a slash",
	    "authorization server" },
	{ "onelogin", "\"oneLoginSubdomain\": \"https://acme\"", "has a scheme", "subdomain alone" },
	{ "onelogin", "\"oneLoginSubdomain\": \"acme.onelogin.com\"", "has a dot", "subdomain alone" },
	{ "onelogin", "\"oneLoginSubdomain\": \"acme/oidc\"", "or a path", "subdomain alone" },
	{ "ping", "\"environmentId\": \"staff\"", "'staff', which is no UUID", "a UUID" },
	{ "ping", "\"environmentId\": \"" UUID "\", \"region\": \"mars\"", "'mars', which is no region",
	    "europe, singapore" },
	{ "ping", "\"environmentId\": \"" UUID "\", \"customDomain\": \"auth.acme.com\"", "both 'environmentId'",
	    "exactly one" },
	{ "ping", "\"region\": \"europe\"", "neither 'environmentId'", "exactly one" },
	{ "ping", "\"customDomain\": \"https://auth.acme.com\"", "has a scheme", "domain alone" },
	{ "workos", "\"clientId\": \"proj_1\"", "'proj_1', which is none", "begins with client_" },
	{ "workos", "\"clientId\": \"client_\"", "is none", "begins with client_" },
};

static bool derive(struct arena *a, const char *type, const char *options, struct oauth_conf *c,
    struct problems *problems)
{
	const char *text = arena_printf(a, "{%s}", options);
	const struct scan_limits limits = scan_limits_of(4096);
	struct json_object *doc = json_parse(a, text, strlen(text), &limits, NULL);
	const struct provider *row = provider_find(arena_printf(a, "mcp-%s-oauth-inbound", type));

	return doc && row && provider_derive(row, c, doc, a, problems, "f", "/p");
}

static const char *say(struct arena *a, const char *type, const char *options, const char *what)
{
	return arena_printf(a, "%s with %s: %s", type, options, what);
}

int main(void)
{
	struct arena *a = arena_new();

	for (size_t i = 0; i < sizeof(derived) / sizeof(derived[0]); i++) {
		const char *type = derived[i].type, *options = derived[i].options;
		struct problems *problems = problems_new(a);
		struct oauth_conf c = { .issuer = NULL };

		ok(derive(a, type, options, &c, problems), say(a, type, options, "is accepted"));
		is_str(c.issuer, derived[i].issuer, say(a, type, options, "issuer"));
		if (!derived[i].jwks)
			continue;
		is_str(c.jwks_url, derived[i].jwks, say(a, type, options, "keys"));
		is_str(c.login_url, derived[i].authorize, say(a, type, options, "authorize"));
		is_str(c.login_token_url, derived[i].token, say(a, type, options, "token"));
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const char *type = refused[i].type, *options = refused[i].options;
		struct problems *problems = problems_new(a);
		struct oauth_conf c = { .issuer = NULL };
		struct problem p = { .text = "" };

		ok(!derive(a, type, options, &c, problems), say(a, type, options, "is refused"));
		problems_at(problems, 0, &p);
		ok(strstr(p.text, refused[i].given) && strstr(p.text, refused[i].wanted),
		    say(a, type, options, arena_printf(a, "the message says what was given and wanted (%s)", p.text)));
	}
	arena_free(a);
	return done();
}
