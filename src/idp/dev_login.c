/* SPDX-License-Identifier: Apache-2.0 */
/* The conditions of dev-login. */
#include "config.h"

#include "idp/dev_login.h"

#include <string.h>

static bool refuse(struct err *e, const char *reason, const char *detail)
{
	return err_reason(e, ERR_FORBIDDEN, reason,
	    "the development sign-in is only for browsers on the gateway's own computer", "%s",
	    detail);
}

static bool origins_are_loopback(const struct project *p)
{
	for (size_t i = 0; i < p->origins_n; i++)
		if (!p->origins[i].loopback)
			return false;
	return true;
}

static const char *forwarding_header(const struct req *r)
{
	const char *name, *value;

	for (size_t i = 0; (name = req_header_at(r, i, &value)); i++)
		if (!strcmp(name, "forwarded") || !strncmp(name, "x-forwarded-", 12) ||
		    !strcmp(name, "x-forwarded") || !strcmp(name, "via"))
			return name;
	return NULL;
}

bool dev_login(struct req *r, struct identity *who, struct err *e)
{
	const char *header = forwarding_header(r);

	if (!r->project->oauth || !r->project->oauth->dev_login)
		return refuse(e, "dev_login_off", "browserLogin.url does not point here");
	if (!origins_are_loopback(r->project) || !r->origin->loopback)
		return refuse(e, "dev_login_public", "a public origin is not loopback");
	if (!req_peer_is_loopback(r))
		return refuse(e, "dev_login_remote", "the peer is not loopback");
	if (header)
		return refuse(e, "dev_login_forwarded", header);
	*who = (struct identity){ .subject = DEV_LOGIN_SUBJECT, .name = "Development user" };
	return true;
}
