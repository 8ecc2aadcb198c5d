/* SPDX-License-Identifier: Apache-2.0 */
/* What the endpoints share: their addresses, the guard of a site, and the failure page. */
#include "config.h"

#include "upstream/connect.h"

#include "base/clock.h"
#include "oauth/endpoint.h"
#include "page/error.h"
#include "page/html.h"
#include "page/page.h"

#include <string.h>

enum { NAME_MAX_SHOWN = 64 };

struct connect_site {
	struct arena *arena;
	const struct guard *guard;
};

bool connect_adopt(struct site *site, struct err *e)
{
	struct arena *a = arena_new();
	struct connect_site *s = arena_alloc(a, sizeof(*s));

	s->arena = a;
	s->guard = guard_load(a, site->project->outbound, site->project->development, e);
	if (!s->guard) {
		arena_free(a);
		return false;
	}
	site->own = s;
	return true;
}

void connect_release(struct site *site)
{
	struct connect_site *s = site->own;

	arena_free(s->arena);
}

static const char *guess_id(struct req *r)
{
	return arena_strndup(r->arena, r->tail, strcspn(r->tail, "/"));
}

static struct connect *connect_new(struct req *r)
{
	const struct connect_site *s = r->site->own;
	struct connect *c = arena_alloc(r->arena, sizeof(*c));

	c->id = guess_id(r);
	c->up = (struct upstream){
		.arena = r->arena,
		.project = r->project,
		.guard = s->guard,
		.origin = r->origin,
	};
	r->identity = c;
	r->event.upstream_id = c->id;
	return c;
}

bool connect_find(struct req *r, struct connect *c, const char *operation_id, struct err *e)
{
	if (!upstream_find(&c->up, c->id, operation_id))
		return err_reason(e, ERR_NOT_FOUND, "unknown_upstream", "there is no such service to connect", "'%.64s'",
		    c->id);
	r->log.route = c->up.route->operation_id;
	r->event.operation_id = c->up.route->operation_id;
	r->event.upstream_auth_mode = c->up.conf->auth_mode;
	r->event.auth_profile_id = arena_printf(r->arena, "%s:%s", c->id, c->up.conf->auth_mode);
	return req_ring(r, &c->ring, e);
}

static bool is_at(const struct req *r, const char *name)
{
	const char *slash = strchr(r->tail, '/');

	return slash && !strcmp(slash + 1, name);
}

static bool nothing_here(struct req *r, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "there is nothing here", "'%.64s'", r->tail);
}

bool connect_get(struct req *r, struct resp *p, struct err *e)
{
	struct connect *c = connect_new(r);

	if (is_at(r, "connect"))
		return ep_connection_begin(r, p, c, e);
	return is_at(r, "callback") ? ep_connection_callback(r, p, c, e) : nothing_here(r, e);
}

bool connect_post(struct req *r, struct resp *p, struct err *e)
{
	struct connect *c = connect_new(r);

	return is_at(r, "disconnect") ? ep_connection_end(r, p, c, e) : nothing_here(r, e);
}

void connect_event(struct req *r, const struct connect *c, const char *name, const char *outcome,
    const struct err *cause)
{
	r->event.upstream_id = c->id;
	auth_event(r, name, outcome, cause);
}

/* ---- the failure page */

static const struct {
	enum err_code code;
	const char *reason; /* a prefix; NULL: any */
	const char *bucket, *remedy;
} advice[] = {
	{ ERR_CONFIG, NULL, "Gateway configuration",
	    "There is nothing you can do here. Tell the people who run this gateway, and give them the details "
	    "below." },
	{ ERR_UPSTREAM, "upstream_oauth_", "Upstream OAuth setup",
	    "There is nothing you can do here. Tell the people who run this gateway, and give them the details "
	    "below." },
	{ ERR_UPSTREAM, "invalid_client", "Upstream OAuth setup",
	    "Tell the people who run this gateway, and give them the details below." },
	{ ERR_UPSTREAM, "access_denied", "Upstream response",
	    "If you did not mean to refuse, go back and connect again." },
	{ ERR_UPSTREAM, NULL, "Upstream response",
	    "Try again in a little while. If it stays like this, tell the people who run this gateway, and give "
	    "them the details below." },
};

bool connect_error_page(struct req *r, struct resp *p, const struct err *e)
{
	const struct connect *c = r->identity;
	struct err fault = { .code = ERR_NONE };
	char now[CLOCK_TEXT];
	size_t i = 0, n = sizeof(advice) / sizeof(advice[0]);

	while (i < n && (advice[i].code != e->code ||
	    (advice[i].reason && strncmp(advice[i].reason, err_reason_of(e), strlen(advice[i].reason)))))
		i++;
	if (i == n || !c || !c->up.conf)
		return error_page(r, p, e);
	clock_text(now);
	struct page_failed page = {
		.host = page_host(r),
		.service_name = html_clean(r->arena, c->up.conf->display_name, NAME_MAX_SHOWN),
		.what = *e->text ? html_sentence(r->arena, e->text) : NULL,
		.remedy = advice[i].remedy,
		.bucket = advice[i].bucket,
		.code = err_name(e->code),
		.reason = err_reason_of(e),
		.request_id = r->request_id,
		.time = now,
		.upstream_page = c->up.html,
	};

	return page_send(r, p, err_status(e->code), &page, NULL, &fault);
}
