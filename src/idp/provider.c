/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the named providers, the checks of what a project says of them, and the derivation. */
#include "config.h"

#include "idp/provider.h"

#include "base/buf.h"
#include "base/uri.h"
#include "conf/problem.h"

#include <ctype.h>
#include <string.h>

enum { URL_MAX = 4096, DOMAIN_MAX = 253, LABEL_MAX = 63, SHOWN_MAX = 64 };

static const struct provider providers[] = {
	{
	    .type = "mcp-auth0-oauth-inbound",
	    .inputs = { { "auth0Domain", INPUT_DOMAIN,
		"the tenant's domain alone, such as example.us.auth0.com", NULL } },
	    .issuer = "https://{auth0Domain}/", /* with its slash */
	    .jwks = "https://{auth0Domain}/.well-known/jwks.json",
	    .authorize = "https://{auth0Domain}/authorize",
	    .token = "https://{auth0Domain}/oauth/token",
	    .userinfo = "https://{auth0Domain}/userinfo",
	    .end_session = "https://{auth0Domain}/oidc/logout",
	    .method = LOGIN_SECRET_POST,
	},
	{
	    .type = "mcp-clerk-oauth-inbound",
	    .inputs = { { "frontendApiUrl", INPUT_ORIGIN,
		"https:// and the host, such as https://clerk.example.com", NULL } },
	    .issuer = "{frontendApiUrl}",
	    .jwks = "{frontendApiUrl}/.well-known/jwks.json",
	    .authorize = "{frontendApiUrl}/oauth/authorize",
	    .token = "{frontendApiUrl}/oauth/token",
	    .userinfo = "{frontendApiUrl}/oauth/userinfo",
	    .method = LOGIN_SECRET_BASIC,
	},
	{
	    .type = "mcp-cognito-oauth-inbound",
	    .inputs = { { "awsRegion", INPUT_REGION, "a region of AWS, such as eu-central-1", NULL },
		{ "userPoolId", INPUT_POOL,
		    "the id of a pool in this region, such as eu-central-1_AbC123", "awsRegion" },
		{ "userPoolDomain", INPUT_DOMAIN,
		    "the domain alone, such as example.auth.eu-central-1.amazoncognito.com", NULL } },
	    .issuer = "https://cognito-idp.{awsRegion}.amazonaws.com/{userPoolId}",
	    .jwks = "{issuer}/.well-known/jwks.json",
	    .authorize = "https://{userPoolDomain}/oauth2/authorize",
	    .token = "https://{userPoolDomain}/oauth2/token",
	    .userinfo = "https://{userPoolDomain}/oauth2/userInfo",
	    .method = LOGIN_SECRET_BASIC,
	},
	{
	    .type = "mcp-entra-oauth-inbound",
	    .inputs = { { "tenantId", INPUT_UUID,
		"the directory (tenant) id, a UUID: sign-in is for one tenant", NULL } },
	    .issuer = "https://login.microsoftonline.com/{tenantId}/v2.0",
	    .jwks = "https://login.microsoftonline.com/{tenantId}/discovery/v2.0/keys",
	    .authorize = "https://login.microsoftonline.com/{tenantId}/oauth2/v2.0/authorize",
	    .token = "https://login.microsoftonline.com/{tenantId}/oauth2/v2.0/token",
	    .userinfo = "https://graph.microsoft.com/oidc/userinfo",
	    .end_session = "https://login.microsoftonline.com/{tenantId}/oauth2/v2.0/logout",
	    .method = LOGIN_SECRET_POST,
	},
	{
	    .type = "mcp-google-oauth-inbound",
	    .inputs = { { "clientId", INPUT_SUFFIX,
		"an OAuth client id, which ends in .apps.googleusercontent.com",
		".apps.googleusercontent.com" } },
	    .issuer = "https://accounts.google.com",
	    .jwks = "https://www.googleapis.com/oauth2/v3/certs",
	    .authorize = "https://accounts.google.com/o/oauth2/v2/auth",
	    .token = "https://oauth2.googleapis.com/token",
	    .userinfo = "https://openidconnect.googleapis.com/v1/userinfo",
	    .method = LOGIN_SECRET_POST,
	},
	{
	    .type = "mcp-keycloak-oauth-inbound",
	    .inputs = { { "keycloakBaseUrl", INPUT_BASE_URL,
			    "the server's URL without /realms/, such as https://sso.example.com", NULL },
		{ "realm", INPUT_SEGMENT, "the realm's name", NULL } },
	    .issuer = "{keycloakBaseUrl}/realms/{realm}",
	    .jwks = "{issuer}/protocol/openid-connect/certs",
	    .authorize = "{issuer}/protocol/openid-connect/auth",
	    .token = "{issuer}/protocol/openid-connect/token",
	    .userinfo = "{issuer}/protocol/openid-connect/userinfo",
	    .end_session = "{issuer}/protocol/openid-connect/logout",
	    .method = LOGIN_SECRET_BASIC,
	},
	{
	    .type = "mcp-logto-oauth-inbound",
	    .inputs = { { "logtoEndpoint", INPUT_ORIGIN,
		"https:// and the host, such as https://example.logto.app", NULL } },
	    .issuer = "{logtoEndpoint}/oidc",
	    .jwks = "{issuer}/jwks",
	    .authorize = "{issuer}/auth",
	    .token = "{issuer}/token",
	    .userinfo = "{issuer}/me",
	    .end_session = "{issuer}/session/end",
	    .method = LOGIN_SECRET_BASIC,
	},
	{
	    .type = "mcp-okta-oauth-inbound",
	    .inputs = { { "oktaDomain", INPUT_DOMAIN,
			    "the organisation's domain alone, such as example.okta.com", NULL },
		{ "authorizationServerId", INPUT_SEGMENT, "the id of an authorization server", NULL } },
	    .issuer = "https://{oktaDomain}[/oauth2/{authorizationServerId}]",
	    .jwks = "https://{oktaDomain}/oauth2[/{authorizationServerId}]/v1/keys",
	    .authorize = "https://{oktaDomain}/oauth2[/{authorizationServerId}]/v1/authorize",
	    .token = "https://{oktaDomain}/oauth2[/{authorizationServerId}]/v1/token",
	    .userinfo = "https://{oktaDomain}/oauth2[/{authorizationServerId}]/v1/userinfo",
	    .end_session = "https://{oktaDomain}/oauth2[/{authorizationServerId}]/v1/logout",
	    .method = LOGIN_SECRET_BASIC,
	},
	{
	    .type = "mcp-onelogin-oauth-inbound",
	    .inputs = { { "oneLoginSubdomain", INPUT_LABEL,
		"the subdomain alone: example, where the address is example.onelogin.com", NULL } },
	    .issuer = "https://{oneLoginSubdomain}.onelogin.com/oidc/2",
	    .jwks = "{issuer}/certs",
	    .authorize = "{issuer}/auth",
	    .token = "{issuer}/token",
	    .userinfo = "{issuer}/me",
	    .end_session = "{issuer}/logout",
	    .method = LOGIN_SECRET_BASIC,
	},
	{
	    .type = "mcp-ping-oauth-inbound",
	    .inputs = { { "environmentId", INPUT_UUID, "the environment's id, a UUID", NULL },
		{ "customDomain", INPUT_DOMAIN, "the domain alone, such as auth.example.com", NULL },
		{ "region", INPUT_PING,
		    "north-america, canada, europe, singapore, australia or asia-pacific", NULL } },
	    .issuer = "https://auth.pingone.{region}/{environmentId}/as",
	    .either = { "environmentId", "customDomain" },
	    .either_issuer = "https://{customDomain}/as",
	    .jwks = "{issuer}/jwks",
	    .authorize = "{issuer}/authorize",
	    .token = "{issuer}/token",
	    .userinfo = "{issuer}/userinfo",
	    .end_session = "{issuer}/signoff",
	    .method = LOGIN_SECRET_BASIC,
	},
	{
	    .type = "mcp-workos-oauth-inbound",
	    .inputs = { { "clientId", INPUT_PREFIX, "a client id, which begins with client_",
		"client_" } },
	    .issuer = "https://api.workos.com/user_management/{clientId}",
	    .jwks = "https://api.workos.com/sso/jwks/{clientId}",
	    .authorize = "https://api.workos.com/user_management/authorize",
	    .token = "https://api.workos.com/user_management/authenticate",
	    .method = LOGIN_SECRET_POST,
	    .reply = LOGIN_REPLY_WORKOS,
	    .extra = "provider=authkit",
	},
};

static const struct {
	const char *region, *domain;
} ping_regions[] = {
	{ "north-america", "com" },
	{ "canada", "ca" },
	{ "europe", "eu" },
	{ "singapore", "sg" },
	{ "australia", "com.au" },
	{ "asia-pacific", "asia" },
};

const struct provider *provider_find(const char *type)
{
	for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++)
		if (!strcmp(providers[i].type, type))
			return &providers[i];
	return NULL;
}

/* --- what a text may be: NULL if it is right, else what is wrong with it --- */

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The N bytes at S as a part of a host name. */
static bool is_label(const char *s, size_t n)
{
	if (!n || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

static const char *lower(struct arena *a, const char *s)
{
	char *out = arena_strdup(a, s);

	for (char *p = out; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
	return out;
}

static const char *domain_fault(const char *s, bool dotted)
{
	bool dot = strchr(s, '.') != NULL;

	if (strstr(s, "://"))
		return "has a scheme";
	if (strpbrk(s, "/\\?#"))
		return "has a slash or a path";
	if (dotted && !dot)
		return "has no dot";
	if (!dotted && dot)
		return "has a dot";
	if (strlen(s) > DOMAIN_MAX)
		return "is too long";
	for (const char *p = s;; p++) {
		size_t n = strcspn(p, ".");

		if (!is_label(p, n))
			return "is no name of a host";
		p += n;
		if (!*p)
			return NULL;
	}
}

/* *OUT is the URL without the slash at its end. */
static const char *url_fault(struct arena *a, const char *s, bool base, const char **out)
{
	struct uri u;
	size_t n = strlen(s);

	if (!uri_parse(&u, a, s, NULL) || !u.host)
		return "is no URL";
	if (strcmp(u.scheme, "https") != 0 &&
	    !(base && !strcmp(u.scheme, "http") && uri_is_loopback(u.host)))
		return "is not https";
	if (u.userinfo)
		return "has user information";
	if (u.query)
		return "has a query";
	if (u.fragment)
		return "has a fragment";
	if (!base && *u.path && strcmp(u.path, "/") != 0)
		return "has a path";
	if (strstr(u.path, "/realms/") ||
	    (strlen(u.path) >= 7 && !strcmp(u.path + strlen(u.path) - 7, "/realms")))
		return "has /realms/ in it";
	if (uri_has_dot_segment(a, u.path))
		return "has a path with dots";
	while (n && s[n - 1] == '/')
		n--;
	*out = arena_strndup(a, s, n);
	return NULL;
}

static const char *uuid_fault(const char *s)
{
	size_t i;

	for (i = 0; s[i] && i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-'
							    : !isxdigit((unsigned char)s[i]))
			return "is no UUID";
	return i == 36 && !s[i] ? NULL : "is no UUID";
}

static const char *segment_fault(const char *s)
{
	if (strpbrk(s, "/\\?#%"))
		return "has a slash or another character that ends a part of a path";
	if (!strcmp(s, ".") || !strcmp(s, ".."))
		return "is a dot segment";
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "has a control character";
	return NULL;
}

/* Two letters, words and a number, between dashes. */
static const char *region_fault(const char *s)
{
	const char *dash = strrchr(s, '-');

	if (strlen(s) < 6 || strlen(s) > 32 || s[2] != '-' || !dash || dash == s + 2 || !dash[1])
		return "is no region";
	for (const char *p = s; p < dash; p++)
		if (*p != '-' && (*p < 'a' || *p > 'z'))
			return "is no region";
	return strspn(dash + 1, "0123456789") == strlen(dash + 1) ? NULL : "is no region";
}

static const char *pool_fault(const char *s, const char *region)
{
	const char *line = strchr(s, '_');
	size_t n = line ? (size_t)(line - s) : 0;

	if (!n || !line[1])
		return "is no id of a user pool";
	for (const char *p = line + 1; *p; p++)
		if (!is_alnum(*p))
			return "is no id of a user pool";
	return region && (strlen(region) != n || strncmp(region, s, n) != 0)
		   ? "is of another region than awsRegion"
		   : NULL;
}

static const char *ping_fault(const char *s, const char **out)
{
	for (size_t i = 0; i < sizeof(ping_regions) / sizeof(ping_regions[0]); i++) {
		if (!strcmp(ping_regions[i].region, s)) {
			*out = ping_regions[i].domain;
			return NULL;
		}
	}
	return "is no region";
}

/* Whether S begins or ends with WORD and has something besides. */
static bool has_affix(const char *s, const char *word, bool at_end)
{
	size_t n = strlen(s), w = strlen(word);

	return n > w && !strncmp(at_end ? s + n - w : s, word, w);
}

/* NULL, and *OUT as it stands in an address; or what is wrong. */
static const char *input_fault(struct arena *a, const struct provider_input *in, const char *s,
    struct json_object *doc, const char **out)
{
	*out = s;
	if (!*s)
		return "is empty";
	switch (in->kind) {
	case INPUT_DOMAIN:
	case INPUT_LABEL:
		*out = lower(a, s);
		return domain_fault(s, in->kind == INPUT_DOMAIN);
	case INPUT_ORIGIN:
	case INPUT_BASE_URL:
		return url_fault(a, s, in->kind == INPUT_BASE_URL, out);
	case INPUT_SEGMENT:
		*out = uri_encode(a, s);
		return segment_fault(s);
	case INPUT_UUID:
		*out = lower(a, s);
		return uuid_fault(s);
	case INPUT_PREFIX:
		*out = uri_encode(a, s);
		return has_affix(s, in->word, false) ? NULL : "is none of this provider";
	case INPUT_SUFFIX:
		return has_affix(s, in->word, true) ? NULL : "is none of this provider";
	case INPUT_REGION:
		return region_fault(s);
	case INPUT_POOL:
		return pool_fault(s, json_get_string(doc, in->word));
	case INPUT_PING:
		return ping_fault(s, out);
	case INPUT_END:
		break;
	}
	return NULL;
}

/* --- the derivation --- */

struct deriving {
	const struct provider *row;
	struct json_object *doc;
	struct arena *arena;
	struct problems *problems;
	const char *file, *pointer;
	const char *values[5]; /* of the row's inputs; NULL: absent */
	const char *issuer;
};

static void complain(struct deriving *d, const char *name, const char *remedy, const char *text)
{
	problem_add(d->problems, true, d->file,
	    name ? pointer_member(d->arena, d->pointer, name) : d->pointer, remedy, "%s", text);
}

static bool check_input(struct deriving *d, size_t i)
{
	const struct provider_input *in = &d->row->inputs[i];
	const char *s = json_get_string(d->doc, in->option), *why;

	if (!s)
		return true;
	why = input_fault(d->arena, in, s, d->doc, &d->values[i]);
	if (!why)
		return true;
	complain(d, in->option, arena_printf(d->arena, "give %s", in->want),
	    arena_printf(d->arena, "%s is '%.*s', which %s; wanted is %s", in->option, SHOWN_MAX, s,
		why, in->want));
	return false;
}

static bool check_either(struct deriving *d)
{
	const char *const *names = d->row->either;
	int given;

	if (!names[0])
		return true;
	given = !!json_get(d->doc, names[0]) + !!json_get(d->doc, names[1]);
	if (given == 1)
		return true;
	complain(d, NULL, arena_printf(d->arena, "give one: '%s' or '%s'", names[0], names[1]),
	    arena_printf(d->arena, "%s '%s' and '%s' are given; wanted is exactly one of them",
		given ? "both" : "neither", names[0], names[1]));
	return false;
}

/* The value of {N bytes at NAME}; NULL if its option is absent. */
static const char *value_of(const struct deriving *d, const char *name, size_t n)
{
	if (n == strlen("issuer") && !strncmp(name, "issuer", n))
		return d->issuer;
	for (size_t i = 0; d->row->inputs[i].kind; i++) {
		const struct provider_input *in = &d->row->inputs[i];

		if (strlen(in->option) != n || strncmp(in->option, name, n) != 0)
			continue;
		/* the only option with a default */
		return !d->values[i] && in->kind == INPUT_PING ? ping_regions[0].domain
							       : d->values[i];
	}
	return NULL;
}

/* Writes N bytes of TEMPLATE; false if a value is absent. */
static bool expand(const struct deriving *d, struct buf *out, const char *template, size_t n)
{
	const char *end = template + n;

	for (const char *p = template; p < end; p++) {
		if (*p == '{') {
			size_t len = strcspn(p + 1, "}");
			const char *value = value_of(d, p + 1, len);

			if (!value)
				return false;
			buf_str(out, value);
			p += len + 1;
		} else if (*p == '[') {
			size_t len = strcspn(p + 1, "]"), before = out->len;

			if (!expand(d, out, p + 1, len)) {
				out->len = before;
				out->data[before] = '\0';
			}
			p += len + 1;
		} else {
			buf_char(out, *p);
		}
	}
	return true;
}

static const char *url(const struct deriving *d, const char *template)
{
	struct buf out;
	const char *text = NULL;

	if (!template)
		return NULL;
	buf_init(&out, URL_MAX);
	if (expand(d, &out, template, strlen(template)) && !out.over)
		text = arena_strdup(d->arena, buf_text(&out));
	buf_release(&out);
	return text;
}

bool provider_derive(const struct provider *row, struct oauth_conf *c, struct json_object *doc,
    struct arena *a, struct problems *problems, const char *file, const char *pointer)
{
	struct deriving d = { row, doc, a, problems, file, pointer, { NULL }, NULL };
	bool ok = check_either(&d);

	for (size_t i = 0; row->inputs[i].kind; i++)
		ok = check_input(&d, i) && ok;
	if (!ok)
		return false;
	d.issuer = url(
	    &d, row->either[1] && json_get(doc, row->either[1]) ? row->either_issuer : row->issuer);
	c->issuer = d.issuer;
	c->jwks_url = url(&d, row->jwks);
	c->login_url = url(&d, row->authorize);
	c->login_token_url = url(&d, row->token);
	c->userinfo_url = url(&d, row->userinfo);
	c->end_session_url = url(&d, row->end_session);
	c->login_method = row->method;
	c->login_reply = row->reply;
	c->login_extra = row->extra;
	return true;
}
