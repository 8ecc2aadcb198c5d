/* SPDX-License-Identifier: Apache-2.0 */
/* connect.fcgi: users' connections to upstreams. It alone makes them; mcp.fcgi uses and renews them. */
#include "config.h"

#include "http/http.h"
#include "net/fetch.h"
#include "page/page.h"
#include "policy/policy.h"
#include "upstream/connect.h"

#define KIB(n) ((size_t)(n)*1024)

static const struct route_row rows[] = {
	{ .methods = "GET",
	    .path = "{b}/auth/connections/*",
	    .need = NEED_ANYONE,
	    .style = ERROR_PAGE,
	    .handler = connect_get },
	{ .methods = "POST",
	    .path = "{b}/auth/connections/*",
	    .need = NEED_ANYONE,
	    .body_max = KIB(16),
	    .style = ERROR_PAGE,
	    .handler = connect_post },
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
		.name = "connect",
		.rows = rows,
		.uses_database = true,
		.key_mask = 1u << KEY_PEPPER | 1u << KEY_SESSION | 1u << KEY_VAULT,
		.policy_types = policy_types,
		.error_page = connect_error_page,
		.adopt = connect_adopt,
		.release = connect_release,
		.start = start,
		.threads = 8, /* half of them may be in a fetch */
	};

	return serve(&app, argc, argv);
}
