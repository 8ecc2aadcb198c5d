/* SPDX-License-Identifier: Apache-2.0 */
/* console.fcgi: the operators' pages. It opens no token and no claims, and may change nothing but what it may end. */
#include "config.h"

#include "console/console.h"
#include "page/error.h"
#include "page/page.h"
#include "policy/policy.h"

#define KIB(n) ((size_t)(n)*1024)

static const struct route_row rows[] = {
	{ .methods = "GET",
	    .path = "{b}/console",
	    .need = NEED_ANYONE,
	    .style = ERROR_PAGE,
	    .handler = console_home },
	{ .methods = "GET",
	    .path = "{b}/console/*",
	    .need = NEED_ANYONE,
	    .style = ERROR_PAGE,
	    .handler = console_get },
	{ .methods = "POST",
	    .path = "{b}/console/*",
	    .need = NEED_ANYONE,
	    .body_max = KIB(16),
	    .style = ERROR_PAGE,
	    .handler = console_post },
	{ .path = NULL },
};

int main(int argc, char **argv)
{
	struct app app = {
		.name = "console",
		.rows = rows,
		.uses_database = true,
		.key_mask = 1u << KEY_PEPPER | 1u << KEY_SESSION,
		.policy_types = policy_types,
		.error_page = error_page,
		.start = pages_start_app,
	};

	return serve(&app, argc, argv);
}
