/* SPDX-License-Identifier: Apache-2.0 */
/* Names for people. */
#include "config.h"

#include "consent/show.h"

#include <string.h>

#include "base/clock.h"
#include "oauth/session.h"
#include "page/html.h"

const char *show_service(struct arena *a, const struct mcp_route *route, const char *operation_id)
{
	const char *name = NULL;

	if (route && route->exchange)
		name = html_clean(a, route->exchange->display_name, SHOW_NAME_MAX);
	if (!name && route)
		name = html_clean(a, route->summary, SHOW_NAME_MAX);
	return name ? name : route ? route->slug : operation_id;
}

const char *show_user(
    struct arena *a, const char *name, const char *email, const char *subject, const char **detail)
{
	const char *n = html_clean(a, name, SHOW_NAME_MAX);
	const char *m = html_clean(a, email, SHOW_NAME_MAX);
	const char *s = html_clean(a, subject, SHOW_NAME_MAX);
	const char *shown = n ? n : m ? m : s ? s : "?";

	*detail = shown == n ? (m ? m : s) : shown == m ? s : NULL;
	if (*detail && !strcmp(*detail, shown))
		*detail = NULL;
	return shown;
}

bool show_session(struct req *r, const char **cookie, struct err *e)
{
	*cookie = req_cookie(r, cookie_name(r, SESSION_COOKIE));
	return *cookie || err_reason(e, ERR_FORBIDDEN, "no_session", "nobody is signed in here",
			      "no session cookie");
}

struct event show_event(const struct req *r, const char *name, const char *outcome)
{
	return (struct event){
		.family = EVENT_AUTH,
		.severity = EVENT_INFO,
		.name = name,
		.request_id = r->request_id,
		.http_method = r->method,
		.client_ip = r->client_ip,
		.outcome = outcome,
		.latency_us = clock_us() - r->start_us,
		.gateway_us = -1,
		.upstream_us = -1,
	};
}
