/* SPDX-License-Identifier: Apache-2.0 */
/* The two steps, and whose fault it is if one fails. */
#include "config.h"

#include "upstream/id_jag.h"

#include <string.h>

#define TOKEN_TYPE "urn:ietf:params:oauth:token-type:"

static struct tokens_client client_of(const struct client_conf *c)
{
	bool key = !strcmp(c->auth_method, "private_key_jwt");

	return (struct tokens_client){ c->id, c->secret, c->auth_method, key ? c : NULL };
}

const char *id_jag_resource(const struct exchange_conf *conf, const struct mcp_route *route)
{
	return conf->id_jag->resource ? conf->id_jag->resource : route->upstream_text;
}

/* Both steps fail alike, but for the assertion that the user's sign-in left: that can be mended. */
static bool explain(struct err *e, const struct err *why, const char *whose, bool exchange)
{
	const char *reason = err_reason_of(why);

	if (why->code != ERR_UPSTREAM || !strcmp(reason, "token_unavailable")) {
		*e = *why;
		return false;
	}
	if (exchange && !strcmp(reason, "invalid_grant"))
		return err_reason(e, ERR_UPSTREAM, "assertion_refused",
		    "the sign-in provider does not take the sign-in for the service any more", "%s", why->detail);
	return err_reason(e, ERR_UPSTREAM, "upstream_auth",
	    exchange ? "the sign-in provider gives no access to the service"
		     : "the service's authorization server does not take the provider's word",
	    "%.200s: %s: %s", whose, reason, why->detail);
}

static bool exchange(const char **assertion, struct upstream *u, const char *id_token, struct err *e)
{
	const struct id_jag_conf *j = u->conf->id_jag;
	const struct tokens_client client = client_of(&j->idp_client);
	struct err why = { .code = ERR_NONE };
	const char *const form[] = {
		"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange",
		"requested_token_type", TOKEN_TYPE "id-jag",
		"audience", j->audience,
		"resource", id_jag_resource(u->conf, u->route),
		"scope", j->scopes,
		"subject_token", id_token,
		"subject_token_type", TOKEN_TYPE "id_token",
		NULL,
	};

	return tokens_exchange(assertion, u, j->idp_token_url, &client, form, TOKEN_TYPE "id-jag", &why) ||
	    explain(e, &why, j->idp_token_url, true);
}

static bool redeem(struct tokens *t, struct upstream *u, const char *assertion, struct err *e)
{
	const struct id_jag_conf *j = u->conf->id_jag;
	const struct tokens_client client = client_of(&j->as_client);
	struct err why = { .code = ERR_NONE };
	const char *const form[] = {
		"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer",
		"assertion", assertion,
		"scope", j->scopes,
		"resource", id_jag_resource(u->conf, u->route),
		NULL,
	};

	return tokens_ask(t, u, j->as_token_url, &client, form, &why) || explain(e, &why, j->as_token_url, false);
}

bool id_jag_get(struct tokens *t, struct upstream *u, const char *id_token, struct err *e)
{
	const char *assertion;

	if (!exchange(&assertion, u, id_token, e) || !redeem(t, u, assertion, e))
		return false;
	t->refresh = NULL;
	return true;
}
