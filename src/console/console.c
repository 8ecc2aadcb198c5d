/* SPDX-License-Identifier: Apache-2.0 */
/* Which page is at which address. */
#include "config.h"

#include "console/console.h"

#include <string.h>

static const struct {
	const char *name;
	bool (*show)(struct req *, struct resp *, const char *rest, struct err *);
} pages[] = {
	{ "analytics", show_analytics },
	{ "panel/", show_panel },
	{ "calls", show_calls },
	{ "call", show_call },
	{ "users", show_users },
	{ "sessions", show_sessions },
	{ "user", show_user_page },
	{ "clients", show_clients },
	{ "client", show_client_page },
	{ "upstreams", show_upstreams },
	{ "config", show_config },
	{ "connect", show_connect },
	{ "revoke", show_revoke },
};

bool console_home(struct req *r, struct resp *s, struct err *e)
{
	(void)e;
	return resp_redirect(s, req_url(r, "/console/analytics"));
}

bool console_get(struct req *r, struct resp *s, struct err *e)
{
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		size_t n = strlen(pages[i].name);
		const char *rest = r->tail + n;

		if (!strncmp(r->tail, pages[i].name, n) && (!*rest || *rest == '.' || pages[i].name[n - 1] == '/'))
			return pages[i].show(r, s, rest, e);
	}
	return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "");
}

bool console_post(struct req *r, struct resp *s, struct err *e)
{
	if (strcmp(r->tail, "revoke") != 0)
		return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "");
	return do_revoke(r, s, e);
}
