/* SPDX-License-Identifier: Apache-2.0 */
/* consent.fcgi: where a person decides what a client may do, and takes it back. */
#include "config.h"

#include "consent/consent.h"
#include "keeper/keeper.h"
#include "keeper/metrics.h"
#include "page/error.h"
#include "page/page.h"
#include "policy/policy.h"

#define KIB(n) ((size_t)(n)*1024)

static const struct route_row rows[] = {
	{ .methods = "GET",
	    .path = "{b}/oauth/setup",
	    .need = NEED_ANYONE,
	    .style = ERROR_PAGE,
	    .handler = pg_consent_show },
	{ .methods = "POST",
	    .path = "{b}/oauth/setup",
	    .need = NEED_ANYONE,
	    .body_max = KIB(16),
	    .style = ERROR_PAGE,
	    .handler = pg_consent_decide },
	{ .methods = "GET",
	    .path = "{b}/oauth/grants",
	    .need = NEED_ANYONE,
	    .style = ERROR_PAGE,
	    .handler = pg_grants_show },
	{ .methods = "POST",
	    .path = "{b}/oauth/grants",
	    .need = NEED_ANYONE,
	    .body_max = KIB(16),
	    .style = ERROR_PAGE,
	    .handler = pg_grants_revoke },
	{ .path = NULL },
};

static bool start(struct app *app, struct err *e)
{
	if (!pages_start_app(app, e))
		return false;
	keeper_start(app);
	return true;
}

static void stop(struct app *app)
{
	(void)app;
	keeper_stop();
}

int main(int argc, char **argv)
{
	struct app app = {
		.name = "consent",
		.rows = rows,
		.uses_database = true,
		.key_mask = 1u << KEY_PEPPER | 1u << KEY_SESSION | 1u << KEY_AUDIT,
		.policy_types = policy_types,
		.error_page = error_page,
		.start = start,
		.stop = stop,
		.changed = keeper_changed,
		.early = metrics_answer,
	};

	return serve(&app, argc, argv);
}
