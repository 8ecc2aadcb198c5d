/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {b}/.well-known/oauth-client/{id}?authProfileId={id}:{mode}: the document by which an upstream's
 * authorization server knows us. Served by discovery.fcgi: it needs no key and no database.
 */
#include "config.h"

#include "upstream/document.h"

#include "upstream/upstream.h"

#include <string.h>

bool ep_client_document(struct req *r, struct resp *p, struct err *e)
{
	struct upstream u = { .arena = r->arena, .project = r->project, .origin = r->origin };
	const char *profile;
	struct form query;

	if (!req_query(r, &query, e) || !form_unique(&query, NULL, e))
		return false;
	profile = form_get(&query, "authProfileId");
	if (!upstream_find(&u, r->tail, NULL) || u.conf->mode == EXCHANGE_ID_JAG || !profile ||
	    strcmp(profile, arena_printf(r->arena, "%s:%s", u.conf->id, u.conf->auth_mode)))
		return err_set(e, ERR_NOT_FOUND, "there is no such client", "'%.64s'", r->tail);
	return resp_json(p, 200, upstream_document(&u));
}
