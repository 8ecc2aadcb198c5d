/* SPDX-License-Identifier: Apache-2.0 */
/* Work for threads that say it, one request after the other. */
#include "config.h"

#include "mcp/aside.h"

#include "base/clock.h"
#include "mcp/call.h"
#include "mcp/headers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	THREADS = 4,
	WAITING = 1024, /* at most; of one route half of it */
	TOTAL_MS = 3000, /* of one request */
	STOP_MS = 1000 /* what was not begun by then is not said */
};

struct aside {
	struct work work;
	struct asides *asides;
	struct site *site; /* the guard's */
	struct arena *arena;
	struct transfer transfer;
	const char *body; /* NULL: nothing is posted */
	bool session;     /* it ends */
	struct aside *next, *prev;
};

struct asides {
	struct workers *workers;
	pthread_mutex_t lock;
	struct aside *all;
	unsigned n;
	int64_t until_ms; /* 0: for ever */
};

/* ---- in a thread */

static size_t ignore(char *p, size_t size, size_t n, void *own)
{
	(void)p;
	(void)own;
	return size * n;
}

static void say(struct aside *a, const char *method, const char *body)
{
	CURL *easy = curl_easy_init();

	if (!easy)
		abort();
	a->transfer.method = method;
	a->transfer.body = body;
	a->transfer.body_len = strlen(body);
	transfer_configure(&a->transfer, easy);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TOTAL_MS);
	curl_easy_perform(easy); /* whatever comes of it */
	curl_easy_cleanup(easy);
}

static void unlink_aside(struct aside *a)
{
	struct asides *all = a->asides;

	pthread_mutex_lock(&all->lock);
	*(a->prev ? &a->prev->next : &all->all) = a->next;
	if (a->next)
		a->next->prev = a->prev;
	all->n--;
	pthread_mutex_unlock(&all->lock);
}

static bool is_too_late(struct asides *all)
{
	bool late;

	pthread_mutex_lock(&all->lock);
	late = all->until_ms && clock_ms() > all->until_ms;
	pthread_mutex_unlock(&all->lock);
	return late;
}

static void run(void *own)
{
	struct aside *a = own;
	struct site *site = a->site;

	if (a->body && !is_too_late(a->asides))
		say(a, "POST", a->body);
	if (a->session && !is_too_late(a->asides))
		say(a, "DELETE", "");
	unlink_aside(a);
	arena_free(a->arena); /* a lies in it */
	site_unref(site);
}

/* ---- for calls */

/* Whether there is room for one more of LANE; then it is counted. */
static bool link_aside(struct aside *a)
{
	struct asides *all = a->asides;
	unsigned same = 0;
	bool room;

	pthread_mutex_lock(&all->lock);
	for (const struct aside *other = all->all; other; other = other->next)
		same += !strcmp(other->work.lane, a->work.lane);
	room = all->n < WAITING && same < WAITING / 2;
	if (room) {
		a->next = all->all;
		if (all->all)
			all->all->prev = a;
		all->all = a;
		all->n++;
	}
	pthread_mutex_unlock(&all->lock);
	return room;
}

/* What policies, the credential and forwardHeaders say goes with it, as with an errand. */
static struct curl_slist *headers(const struct call *c, struct arena *a)
{
	struct upstream_request u;

	upstream_request_init(&u, a, NULL);
	for (const struct upstream_header *h = c->upstream_request.headers; h; h = h->next)
		if (h->source != HEADER_CLIENT && strncasecmp(h->name, "mcp-", 4) != 0)
			upstream_header_set(&u, h->name, h->value, true);
	upstream_header_set(&u, "Accept", "application/json, text/event-stream", true);
	upstream_header_set(&u, "Content-Type", "application/json", true);
	upstream_header_set(&u, "User-Agent", "gatehouse/" PACKAGE_VERSION, false);
	upstream_header_set(&u, "MCP-Protocol-Version", c->errand.bridge.version, true);
	if (c->errand.session)
		upstream_header_set(&u, "Mcp-Session-Id", c->errand.session, true);
	return headers_of(&u);
}

void aside_close(const struct call *c, const char *body, bool session)
{
	struct aside *a;
	struct arena *arena;

	if (!body && !session)
		return;
	arena = arena_new();
	a = arena_alloc(arena, sizeof(*a));
	*a = (struct aside){ .work = { .run = run, .own = a, .lane = arena_strdup(arena, c->route->operation_id) }, .asides = c->mcp->asides,
		.arena = arena, .body = body ? arena_strdup(arena, body) : NULL, .session = session };
	a->transfer = (struct transfer){ .url = arena_strdup(arena, c->relay.transfer.url), .upstream = arena_strdup(arena, c->upstream),
		.guard = c->relay.transfer.guard, .headers = headers(c, arena), .connect_ms = c->relay.transfer.connect_ms,
		.cert = c->relay.transfer.cert, .cert_key = c->relay.transfer.cert_key, .on_header = ignore, .on_body = ignore };
	if (!link_aside(a)) {
		log_warn(&c->req->log, "an upstream takes what it is told too slowly, and is not told of a call's end", "upstream", c->upstream, NULL);
		arena_free(arena);
		return;
	}
	a->site = site_share(c->req->site);
	workers_add(a->asides->workers, &a->work);
}

void aside_post(const struct call *c, const char *body)
{
	aside_close(c, body, false);
}

/* ---- all of them */

struct asides *asides_start(void)
{
	struct asides *all = xcalloc(1, sizeof(*all));

	pthread_mutex_init(&all->lock, NULL);
	all->workers = workers_new("aside", THREADS);
	return all;
}

void asides_stop(struct asides *all)
{
	pthread_mutex_lock(&all->lock);
	all->until_ms = clock_ms() + STOP_MS;
	pthread_mutex_unlock(&all->lock);
	workers_free(all->workers);
	pthread_mutex_destroy(&all->lock);
	free(all);
}
