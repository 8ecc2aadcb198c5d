/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {b}/oauth/dev-login?state=REQUEST: signs the browser in and goes on to the consent page, or to the
 * address that wanted a person. The state is the attempt that led here; it is worth nothing without
 * the cookie of that attempt.
 */
#include "config.h"

#include "oauth/endpoint.h"

#include "idp/dev_login.h"
#include "oauth/login.h"
#include "oauth/session.h"

static bool sign_in(struct req *r, struct resp *p, const char **request_id, struct err *e)
{
	struct identity who;
	struct form f;

	if (!dev_login(r, &who, e) || !req_query(r, &f, e) || !form_unique(&f, NULL, e))
		return false;
	*request_id = form_get(&f, "state");
	if (!request_id_is_valid(*request_id))
		return login_refuse(e, "unknown");
	r->event.subject_id = who.subject;
	return login_begin_session(r, p, &who, *request_id, e);
}

bool ep_dev_login(struct req *r, struct resp *p, struct err *e)
{
	const char *request_id;

	if (!sign_in(r, p, &request_id, e)) {
		auth_event(r, "mcp_auth_login_failed",
		    err_status(e->code) < 500 ? "denied" : "failure", e);
		return false;
	}
	auth_event(r, "mcp_auth_login_succeeded", "success", NULL);
	return login_next(r, p, request_id, e);
}
