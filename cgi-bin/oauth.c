/* SPDX-License-Identifier: Apache-2.0 */
/* oauth.fcgi: the authorization server's endpoints. */
#include "config.h"

#include "http/http.h"
#include "net/fetch.h"
#include "oauth/endpoint.h"
#include "oauth/metadata.h"
#include "page/error.h"
#include "page/page.h"
#include "policy/policy.h"

#define KIB(n) ((size_t)(n)*1024)

/* Called by programs: any origin may, cookies are not looked at. */
#define API(path_, max, handler_)                                                                  \
	{                                                                                          \
		.methods = "POST", .path = path_, .need = NEED_IDENTIFY,                           \
		.identify = oauth_in_force, .body_max = max, .cors = CORS_ANY,                     \
		.style = ERROR_OAUTH, .handler = handler_                                          \
	}

/* Opened by a person's browser. */
#define PAGE(path_, handler_)                                                                      \
	{                                                                                          \
		.methods = "GET", .path = path_, .need = NEED_IDENTIFY,                            \
		.identify = oauth_in_force, .style = ERROR_PAGE, .handler = handler_               \
	}

static const struct route_row rows[] = {
	API("{b}/oauth/register", KIB(64), ep_register),
	API("{b}/oauth/token", KIB(16), ep_token),
	API("{b}/oauth/revoke", KIB(16), ep_revoke),
	API("{b}/oauth/introspect", KIB(16), ep_introspect),
	PAGE("{b}/oauth/authorize", ep_authorize),
	PAGE("{b}/oauth/authorize/*", ep_authorize),
	PAGE("{b}/oauth/sign-in", ep_sign_in),
	PAGE("{b}/oauth/dev-login", ep_dev_login),
	PAGE("{b}/oauth/callback", ep_callback),
	{ .methods = "POST",
	    .path = "{b}/oauth/logout",
	    .need = NEED_IDENTIFY,
	    .identify = oauth_in_force,
	    .body_max = KIB(16),
	    .style = ERROR_PAGE,
	    .handler = ep_logout },
	/* called by the identity provider */
	{ .methods = "POST",
	    .path = "{b}/oauth/backchannel-logout",
	    .need = NEED_IDENTIFY,
	    .identify = oauth_in_force,
	    .body_max = KIB(64),
	    .style = ERROR_OAUTH,
	    .handler = ep_backchannel_logout },
	{ .path = NULL },
};

static bool start(struct app *app, struct err *e)
{
	fetch_start(app->threads);
	return pages_start_app(app, e);
}

int main(int argc, char **argv)
{
	struct app app = {
		.name = "oauth",
		.rows = rows,
		.uses_database = true,
		.key_mask = 1u << KEY_PEPPER | 1u << KEY_SESSION | 1u << KEY_CLAIMS | 1u << KEY_SIGNING,
		.policy_types = policy_types,
		.error_page = error_page,
		.start = start,
		.threads = 8, /* half of them may be in a fetch */
	};

	return serve(&app, argc, argv);
}
