/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a reload changed a route: what has not changed keeps its streams. */
#include "config.h"

#include "conf/project.h"

#include <string.h>

static bool same_text(const char *x, const char *y)
{
	return x == y || (x && y && !strcmp(x, y));
}

static bool same_names(const char *const *x, const char *const *y)
{
	if (!x || !y)
		return x == y;
	while (*x && *y && !strcmp(*x, *y))
		x++, y++;
	return !*x && !*y;
}

static bool same_policies(const struct policy_use *const *x, const struct policy_use *const *y)
{
	if (!x || !y)
		return x == y;
	for (; *x && *y; x++, y++)
		if (!same_text((*x)->name, (*y)->name) || (*x)->type != (*y)->type ||
		    !same_text((*x)->fault, (*y)->fault) || !same_text((*x)->module, (*y)->module) ||
		    ((*x)->options != (*y)->options && !json_object_equal((*x)->options, (*y)->options)))
			return false;
	return !*x && !*y;
}

bool route_is_same(const struct mcp_route *x, const struct mcp_route *y)
{
	return !strcmp(x->path, y->path) && same_text(x->operation_id, y->operation_id) &&
	    x->is_public == y->is_public && x->cors_any == y->cors_any &&
	    same_text(x->upstream_text, y->upstream_text) && x->forward_search == y->forward_search &&
	    x->follow_redirects == y->follow_redirects && x->sse == y->sse &&
	    same_text(x->mtls_certificate, y->mtls_certificate) && x->bridge == y->bridge &&
	    x->record_arguments == y->record_arguments && x->record_results == y->record_results &&
	    x->cache_lists == y->cache_lists && x->timeout_ms == y->timeout_ms &&
	    same_names(x->forward_headers, y->forward_headers) && same_policies(x->inbound, y->inbound) &&
	    same_policies(x->outbound, y->outbound) && same_text(x->fault, y->fault);
}
