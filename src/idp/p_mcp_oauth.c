/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mcp-oauth-inbound: the sign-in that the project's routes share. Its browserLogin.url is either an
 * identity provider's authorization endpoint or our own dev-login.
 */
#include "config.h"

#include "conf/problem.h"
#include "idp/oauth_options.h"

#include <string.h>

#define DEV_LOGIN "/oauth/dev-login"

const struct option oauth_gateway_options[] = {
	{ "accessTokenTtlSeconds", OPTION_INT, false, 1, OAUTH_DAY_S, .initial = "900",
	    .about = "Seconds that an access token lives." },
	{ "refreshTokenTtlSeconds", OPTION_INT, false, 1, 10 * OAUTH_TEN_YEARS_S,
	    .initial = "315360000",
	    .about = "Seconds that a grant, and with it its refresh tokens, lives." },
	{ "refreshReuseGraceSeconds", OPTION_INT, false, 0, 3600, .initial = "60",
	    .about = "Seconds in which a refresh token presented again gets the identical pair; 0 "
		     "revokes "
		     "the grant at once." },
	{ "cimdEnabled", OPTION_BOOL, .initial = "true",
	    .about = "Whether a client may be known by the URL of its metadata document." },
	{ 0 },
};

static const struct option oidc_options[] = {
	{ "issuer", OPTION_URL, true,
	    .about = "The provider's issuer, exactly as its tokens name it." },
	{ "jwksUrl", OPTION_URL, .about = "Its keys; required unless discovery is true." },
	{ "discovery", OPTION_BOOL, .initial = "false",
	    .about = "Whether what is not given here is read from the issuer's discovery document." },
	{ "audience", OPTION_STRING,
	    .about = "The audience that a JWT access token of the provider must name." },
	{ 0 },
};

static const struct option login_options[] = {
	{ "url", OPTION_STRING,
	    .about = "The provider's authorization endpoint (required unless discovery is true), "
		     "or {basePath}" DEV_LOGIN
		     " (alone, or after a loopback origin) for development." },
	{ "tokenUrl", OPTION_URL,
	    .about = "Its token endpoint; required unless url is dev-login or discovery is true." },
	{ "clientId", OPTION_STRING,
	    .about = "Our client id there; required unless url is dev-login." },
	{ "clientSecret", OPTION_SECRET,
	    .about = "Our secret there; required unless url is dev-login, or we authenticate by "
		     "private_key_jwt." },
	{ "scope", OPTION_STRING, .initial = "openid profile email",
	    .about = "The scope to ask for." },
	{ "audience", OPTION_STRING, .about = "The audience to ask for." },
	OAUTH_TIMES,
	{ 0 },
};

static const struct option options[] = {
	{ "oidc", OPTION_OBJECT, true, .sub = oidc_options, .about = "The identity provider." },
	{ "browserLogin", OPTION_OBJECT, true, .sub = login_options,
	    .about = "How users sign in." },
	{ "gateway", OPTION_OBJECT, .sub = oauth_gateway_options,
	    .about = "The tokens that we issue." },
	{ "idJag", OPTION_OBJECT, .sub = oauth_id_jag_options,
	    .about = "Identity assertion authorization grants (ID-JAG)." },
	{ 0 },
};

struct loading {
	const struct project *project;
	struct policy_use *use;
	struct arena *arena;
	struct problems *problems;
	const char *file, *pointer;
};

static const char *pointer_to(const struct loading *l, const char *object, const char *name)
{
	return pointer_member(l->arena, pointer_member(l->arena, l->pointer, object), name);
}

static void fault(const struct loading *l, const char *object, const char *name, const char *remedy,
    const char *text)
{
	problem_add(l->problems, true, l->file, pointer_to(l, object, name), remedy, "%s", text);
}

/* The path of our own dev-login: alone, or after a loopback origin. */
static bool is_dev_login(const struct loading *l, const char *url)
{
	const char *path = arena_printf(l->arena, "%s" DEV_LOGIN, l->project->base_path);
	struct err e = { 0 };
	struct uri u;

	if (!strcmp(url, path))
		return true;
	return uri_parse(&u, l->arena, url, &e) && u.host && uri_is_loopback(u.host) &&
	       !u.userinfo && !u.query && !u.fragment && !strcmp(u.path, path);
}

static bool is_all_loopback(const struct project *p)
{
	for (size_t i = 0; i < p->origins_n; i++)
		if (!p->origins[i].loopback)
			return false;
	return true;
}

/* https, or http to this machine: sign-in over a network needs TLS. */
static void check_url(
    const struct loading *l, const char *object, const char *name, const char *url)
{
	struct err e = { 0 };
	struct uri u;

	if (!url)
		return;
	if (!uri_parse(&u, l->arena, url, &e) || !u.host || u.userinfo || u.fragment)
		fault(l, object, name, "write https://…", "this is no absolute URL");
	else if (strcmp(u.scheme, "https") != 0 &&
		 !(uri_is_loopback(u.host) && !strcmp(u.scheme, "http")))
		fault(l, object, name, "write https://…",
		    "the URL must be https (http only on a loopback host)");
}

static void check_dev_login(const struct loading *l)
{
	if (!is_all_loopback(l->project))
		fault(l, "browserLogin", "url",
		    "use an identity provider, or serve loopback origins only",
		    "dev-login signs in anybody; it is refused while a public origin is not "
		    "loopback");
}

static void missing(const struct loading *l, const char *object, const char *name, const char *why)
{
	problem_add(l->problems, true, l->file, pointer_member(l->arena, l->pointer, object),
	    arena_printf(l->arena, "add '%s'", name), "option '%s' is missing: %s", name, why);
}

/* What a sign-in at a provider needs. */
static void check_federated(const struct loading *l, const struct oauth_conf *c)
{
	static const char why[] = "browserLogin.url is not dev-login";

	check_url(l, "browserLogin", "url", c->login_url);
	check_url(l, "browserLogin", "tokenUrl", c->login_token_url);
	if (!c->discovery && !c->login_token_url)
		missing(l, "browserLogin", "tokenUrl", why);
	if (!c->login_client_id || !*c->login_client_id)
		missing(l, "browserLogin", "clientId", why);
	if (c->login_method != LOGIN_PRIVATE_KEY &&
	    (!c->login_client_secret || !*c->login_client_secret))
		missing(l, "browserLogin", "clientSecret", why);
}

static void check_oidc(const struct loading *l, const struct oauth_conf *c)
{
	check_url(l, "oidc", "issuer", c->issuer);
	check_url(l, "oidc", "jwksUrl", c->jwks_url);
	if (!c->jwks_url && !c->discovery)
		problem_add(l->problems, true, l->file,
		    pointer_member(l->arena, l->pointer, "oidc"),
		    "add 'jwksUrl', or \"discovery\": true", "option 'jwksUrl' is missing");
	if (!c->login_url && !c->discovery)
		missing(l, "browserLogin", "url", "oidc.discovery is not true");
}

static void read_login(struct oauth_conf *c, struct json_object *login)
{
	const char *scope = json_get_string(login, "scope");

	c->login_url = json_get_string(login, "url");
	c->login_token_url = json_get_string(login, "tokenUrl");
	c->login_client_id = json_get_string(login, "clientId");
	c->login_client_secret = json_get_string(login, "clientSecret");
	c->login_scope = scope ? scope : OAUTH_SCOPE;
	c->login_audience = json_get_string(login, "audience");
}

void oauth_read_times(struct oauth_conf *c, struct json_object *times)
{
	const char *pkce = json_get_string(times, "pkce");
	const char *method = json_get_string(times, "tokenEndpointAuthMethod");

	c->login_pkce = !pkce || strcmp(pkce, "none") != 0;
	c->login_timeout_ms = (int)json_get_int(times, "remoteTimeoutMs", 10000);
	c->state_ttl_s = json_get_int(times, "stateTtlSeconds", 900);
	c->session_ttl_s = json_get_int(times, "sessionTtlSeconds", 28800);
	c->claims_max_age_s = json_get_int(times, "claimsMaxAgeSeconds", OAUTH_DAY_S);
	c->claims_require_renewal = json_get_bool(times, "claimsRequireRenewal", false);
	if (method && !strcmp(method, "private_key_jwt"))
		c->login_method = LOGIN_PRIVATE_KEY;
	else if (method)
		c->login_method = !strcmp(method, "client_secret_post") ? LOGIN_SECRET_POST
									: LOGIN_SECRET_BASIC;
}

void oauth_read_gateway(struct oauth_conf *c, struct json_object *gateway)
{
	c->access_ttl_s = json_get_int(gateway, "accessTokenTtlSeconds", 900);
	c->refresh_ttl_s = json_get_int(gateway, "refreshTokenTtlSeconds", OAUTH_TEN_YEARS_S);
	c->grace_s = json_get_int(gateway, "refreshReuseGraceSeconds", 60);
	c->cimd_enabled = json_get_bool(gateway, "cimdEnabled", true);
}

static void *load(struct policy_use *use, struct json_object *doc, struct arena *a,
    struct problems *problems, const char *file, const char *pointer)
{
	struct loading l = { use->project, use, a, problems, file, pointer };
	struct oauth_conf *c = arena_alloc(a, sizeof(*c));
	struct json_object *oidc = json_get(doc, "oidc");

	c->use = use;
	c->issuer = json_get_string(oidc, "issuer");
	c->jwks_url = json_get_string(oidc, "jwksUrl");
	c->audience = json_get_string(oidc, "audience");
	c->discovery = json_get_bool(oidc, "discovery", false);
	read_login(c, json_get(doc, "browserLogin"));
	oauth_read_times(c, json_get(doc, "browserLogin"));
	oauth_read_gateway(c, json_get(doc, "gateway"));
	c->dev_login = c->login_url && is_dev_login(&l, c->login_url);
	oauth_read_id_jag(c, doc, a, problems, file, pointer);
	check_oidc(&l, c);
	/* base path and origins of a faulty gateway.jsonc say nothing about the URL */
	if (c->dev_login && !use->project->fault)
		check_dev_login(&l);
	else if (!use->project->fault)
		check_federated(&l, c);
	return c;
}

const struct policy_type p_mcp_oauth = {
	.name = "mcp-oauth-inbound",
	.about =
	    "Signs users in through an OpenID Connect provider, or in development by dev-login.",
	.class = POLICY_OAUTH,
	.needs_user = true,
	.served = true,
	.options = options,
	.load = load,
};
