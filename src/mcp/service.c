/* SPDX-License-Identifier: Apache-2.0 */
/* Starting and ending what all calls share, and finding the row of a path. */
#include "config.h"

#include "mcp/service.h"

#include "mcp/aside.h"
#include "mcp/chain.h"
#include "mcp/crossing.h"
#include "mcp/proxy.h"
#include "mcp/repeats.h"
#include "net/fetch.h"
#include "oauth/metadata.h"
#include "policy/counters.h"

#include <stdlib.h>
#include <string.h>

#define OPENID "/.well-known/openid-configuration"

/* How long streams may go on when the process ends: a web server that runs us as CGI waits for them. */
enum { STREAMS_STOP_MS = 4000, STREAMS_CGI_MS = 60000 };

/* For policies that read answers: computing gains nothing from more; those that wait do so by twos and threes. */
enum { COMPUTE_THREADS = 4, WAIT_THREADS = 16 };

static void on_revoked(void *own, const char *grant_id)
{
	const struct mcp *m = own;

	relay_end_streams(m->relay, grant_id);
}

static void on_lists(void *own, const char *operation_id)
{
	const struct mcp *m = own;

	if (!operation_id || !crossing_told(m->relay, operation_id))
		known_told(m->known, operation_id);
}

bool mcp_adopt(struct site *site, struct err *e)
{
	const struct project *p = site->project;
	struct arena *a = arena_new();
	struct mcp_site *m = arena_alloc(a, sizeof(*m));

	m->arena = a;
	m->repeats = NULL;
	m->guard = guard_load(a, p->outbound, p->development, e);
	if (!m->guard) {
		arena_free(a);
		return false;
	}
	m->row = (struct route_row){
		.path = "", .need = NEED_IDENTIFY, .body_max = p->limits.body,
		.style = ERROR_CUSTOM, .handler = proxy_call, .identify = proxy_identify, .error = proxy_error,
	};
	m->repeats = repeats_new();
	site->own = m;
	return true;
}

void mcp_release(struct site *site)
{
	struct mcp_site *m = site->own;

	repeats_free(m->repeats);
	arena_free(m->arena);
}

static bool wants_claims(const struct project *p)
{
	const struct policy_use *use;

	for (size_t i = 0; i < p->routes_n; i++)
		for (size_t k = 0; (use = chain_use(&p->routes[i], k)); k++)
			if (!use->fault && policy_of(use)->wants_claims && policy_of(use)->wants_claims(use))
				return true;
	return false;
}

/* What has not changed keeps its streams. */
void mcp_changed(struct app *app, const struct site *old, const struct site *new)
{
	const struct mcp *m = app->own;

	if (m)
		bearer_cache_want_claims(m->cache, wants_claims(new->project));

	for (size_t i = 0; m && i < old->project->routes_n; i++) {
		const struct mcp_route *was = &old->project->routes[i];
		const struct mcp_route *is = project_route(new->project, was->path);

		if (!is || !route_is_same(was, is))
			relay_end_lane(m->relay, was->operation_id);
	}
}

static void run(struct app *app)
{
	const struct mcp *m = app->own;

	relay_run(m->relay);
}

static bool shut(struct app *app, const struct timespec *until)
{
	const struct mcp *m = app->own;

	return relay_shut(m->relay, until);
}

static void serve_io(void *app, struct io *io)
{
	serve_request(app, io);
}

bool mcp_start(struct app *app, struct err *e)
{
	struct mcp *m = xcalloc(1, sizeof(*m));
	const struct project *p = app->site->project;

	(void)e;
	fetch_start(2 * (RENEWALS + WAIT_THREADS)); /* half of what is said may be in a fetch: all of these may */
	m->known = known_start(app->one_call ? NULL : app->db);
	m->relay = relay_start(app->one_call ? NULL : serve_io, app);
	m->renewals = renewals_start(app->db, m->relay);
	if (!app->one_call)
		counters_open(app->db);
	m->compute = workers_new("compute", COMPUTE_THREADS);
	m->wait = workers_new("wait", WAIT_THREADS);
	m->asides = asides_start();
	/* also where nobody signs in yet: a reload may add the policy */
	if (!app->one_call)
		m->cache = bearer_cache_start(p, app->name, on_revoked, on_lists, m);
	bearer_cache_want_claims(m->cache, wants_claims(p));
	app->own = m;
	if (relay_listens(m->relay)) {
		app->run = run;
		app->shut = shut;
	}
	return true;
}

void mcp_stop(struct app *app)
{
	struct mcp *m = app->own;

	if (!m)
		return;
	bearer_cache_stop(m->cache); /* it tells the relay of revocations: first to go */
	renewals_stop(m->renewals); /* calls that wait for one go on in the relay */
	relay_stop(m->relay, app->one_call ? STREAMS_CGI_MS : STREAMS_STOP_MS);
	counters_close(); /* with the last call's */
	renewals_free(m->renewals);
	asides_stop(m->asides);
	workers_free(m->compute); /* the relay has waited for them */
	workers_free(m->wait);
	known_stop(m->known);
	free(m);
	app->own = NULL;
}

/* The route that "/{route}/.well-known/openid-configuration" lies under. */
static const struct mcp_route *openid_route(const struct req *r)
{
	size_t n = strlen(r->path), tail = sizeof(OPENID) - 1;

	if (n <= tail || strcmp(r->path + n - tail, OPENID) != 0)
		return NULL;
	return project_route(r->project, arena_strndup(r->arena, r->path, n - tail));
}

static bool answer_openid(struct req *r, struct resp *p, struct err *e)
{
	if (!strcmp(r->method, "GET") || !strcmp(r->method, "HEAD"))
		return metadata_openid_of_route(r, p, openid_route(r), e);
	resp_set(p, "Allow", "GET, OPTIONS");
	return err_set(e, ERR_METHOD, "this method is not served here", "method '%.16s'", r->method);
}

const struct route_row *mcp_find(struct req *r)
{
	static const struct route_row openid = {
		.methods = "GET", .path = "", .need = NEED_ANYONE, .cors = CORS_ANY, .handler = answer_openid,
	};
	const struct mcp_site *m = mcp_site_of(r);

	if (m && proxy_route(r))
		return &m->row;
	return openid_route(r) ? &openid : NULL;
}
