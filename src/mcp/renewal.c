/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Renewals. The order of things is what keeps tokens (security 3.5):
 *
 *   lease -> ask the provider -> commit what it gave -> tell the calls
 *
 * A process that dies between the provider's answer and the commit takes a rotated refresh token with it: the user
 * has to connect again. That is the one loss there is, and no order of these steps avoids it.
 */
#include "config.h"

#include "mcp/renewal.h"

#include "base/clock.h"
#include "base/log.h"
#include "idp/user_assertion.h"
#include "mcp/affinity.h"
#include "upstream/id_jag.h"
#include "upstream/register.h"
#include "upstream/vault.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	STACK = 512 * 1024,
	ASK_MS = 20000,    /* for the provider: one that we leave too early may have rotated */
	LEASE_S = 30,      /* longer than that, and than the commit */
	WAIT_MS = 45000,   /* for another process's renewal */
	POLL_MS = 100,
	COMMIT_MS = 20000, /* for a database that is away to come back */
	/* by assertion: two are asked, and nothing is lost by leaving early */
	ASK_BOTH_MS = 10000,
	LEASE_BOTH_S = 60,
};

struct job {
	struct renewal out; /* first: the relay's key */
	struct job *next;
	struct renewals *owner;
	struct arena *arena;
	struct site *site;
	struct upstream up;
	enum renewal_kind kind;
	const char *scope, *request_id, *subject;
	/* what calls join by; the thread at work has its own copies */
	const char *key;
	int seen;
	const char *connection_id;
	int generation;
	bool running;
	char id[UUID_TEXT]; /* of this renewal: who holds the lease */
};

struct renewals {
	struct db *db;
	struct relay *relay;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct job *jobs; /* queued and running, oldest first */
	pthread_t threads[RENEWALS];
	unsigned threads_n, idle;
	bool stopping;
};

/* A request as far as what is below us looks at it: who waits for a job may be gone before it ends. */
static struct req req_of(const struct job *j)
{
	struct req r = {
		.app = j->site->app,
		.arena = j->arena,
		.site = j->site,
		.project = j->up.project,
		.log = { .request_id = j->request_id },
	};

	memcpy(r.request_id, j->request_id, strlen(j->request_id) + 1);
	return r;
}

/* ---- the steps */

struct leased { /* a row of connection_lease() */
	const char *outcome, *subject, *issuer, *resource, *token_endpoint, *revocation_endpoint;
	const char *client_kind, *client_id, *registration_id, *auth_method;
	struct db_param client_secret, access, refresh;
	int generation;
};

static bool lease(struct job *j, struct leased *l, struct err *e)
{
	const struct db_param params[] = { DB_TEXT(j->connection_id), db_int(j->arena, j->generation), DB_TEXT(j->id),
		db_int(j->arena, LEASE_S) };
	struct db_rows rows;

	if (!db_call(j->owner->db, STMT_CONNECTION_LEASE, params, 4, j->arena, &rows, e))
		return false;
	*l = (struct leased){
		.outcome = db_text(&rows, 0, 0),
		.generation = (int)db_int_at(&rows, 0, 1),
		.subject = db_text(&rows, 0, 3),
		.issuer = db_text(&rows, 0, 4),
		.resource = db_text(&rows, 0, 5),
		.token_endpoint = db_text(&rows, 0, 6),
		.client_kind = db_text(&rows, 0, 7),
		.client_id = db_text(&rows, 0, 8),
		.registration_id = db_text(&rows, 0, 9),
		.client_secret = db_bytes_at(&rows, 0, 10, j->arena),
		.auth_method = db_text(&rows, 0, 11),
		.access = db_bytes_at(&rows, 0, 12, j->arena),
		.refresh = db_bytes_at(&rows, 0, 13, j->arena),
		.revocation_endpoint = db_text(&rows, 0, 14),
	};
	return true;
}

static struct vault_place place_of(const struct job *j, const struct leased *l)
{
	return (struct vault_place){
		.table = "connection",
		.row = j->connection_id,
		.subject = l->subject,
		.upstream = j->up.conf->id,
		.issuer = l->issuer,
		.resource = l->resource,
		.token_endpoint = l->token_endpoint,
		.revocation_endpoint = l->revocation_endpoint,
	};
}

static void emit(const struct job *j, const struct leased *l, const char *name, const char *outcome,
    const struct err *cause)
{
	struct event event = {
		.family = EVENT_AUTH,
		.severity = cause ? EVENT_ERROR : EVENT_INFO,
		.name = name,
		.request_id = j->request_id,
		.operation_id = j->up.route->operation_id,
		.upstream_id = j->up.conf->id,
		.upstream_auth_mode = j->up.conf->auth_mode,
		.subject_id = l && *l->subject ? l->subject : NULL,
		.outcome = outcome,
		.failure_origin = cause ? "upstream" : NULL,
		.reason_code = cause ? err_reason_of(cause) : NULL,
		.cause = cause,
		.latency_us = -1,
		.gateway_us = -1,
		.upstream_us = -1,
	};

	event_emit(&event);
}

/* Marks the connection as lost, unless another has renewed it: then *MOVED. */
static bool lose(struct job *j, const char *reason, bool *moved, struct err *e)
{
	const struct db_param params[] = { DB_TEXT(j->connection_id), db_int(j->arena, j->generation),
		DB_TEXT(reason), DB_TEXT(j->request_id) };
	struct db_rows rows;

	if (!db_call(j->owner->db, STMT_CONNECTION_LOSE, params, 4, j->arena, &rows, e))
		return false;
	*moved = !strcmp(db_text(&rows, 0, 0), "moved");
	return true;
}

static void release(struct job *j)
{
	const struct db_param params[] = { DB_TEXT(j->connection_id), DB_TEXT(j->id) };
	struct err e = { .code = ERR_NONE };

	db_call(j->owner->db, STMT_CONNECTION_RELEASE, params, 2, j->arena, NULL, &e);
}

static void pause_ms(long ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* The provider's tokens are committed before anything else; a database that is away is waited for. */
static bool commit(struct job *j, const struct leased *l, const struct tokens *t, bool *moved, struct err *e)
{
	struct req r = req_of(j);
	const struct ring *ring;
	const struct vault_place place = place_of(j, l);

	if (!req_ring_now(&r, &ring, e))
		return false;
	const struct db_param params[] = { DB_TEXT(j->connection_id), db_int(j->arena, j->generation), DB_TEXT(j->id),
		vault_seal(ring, j->arena, &place, "access_token", t->access),
		vault_seal(ring, j->arena, &place, "refresh_token", t->refresh),
		t->expires_in_s < 0 ? DB_NULL : db_int(j->arena, t->expires_in_s), DB_TEXT(t->scope) };
	int64_t until = clock_ms() + COMMIT_MS;
	struct db_rows rows;

	while (!db_call(j->owner->db, STMT_CONNECTION_RENEW, params, 7, j->arena, &rows, e)) {
		if (clock_ms() > until) {
			log_error(NULL, "the provider's new tokens could not be kept: the user may have to connect again",
			    "upstream", j->up.conf->id, "why", err_reason_of(e), NULL);
			return false;
		}
		err_clear(e);
		pause_ms(500);
	}
	*moved = strcmp(db_text(&rows, 0, 0), "renewed") != 0;
	return true;
}

/* How the loop below goes on. */
enum step { STEP_END, STEP_AGAIN };

static enum step end(struct job *j, enum renewal_end how)
{
	j->out.end = how;
	return STEP_END;
}

static enum step end_lost(struct job *j, const struct leased *l, const char *reason)
{
	struct err cause = { .code = ERR_NONE };
	bool moved;

	if (!lose(j, reason, &moved, &j->out.err))
		return end(j, RENEWAL_FAILED);
	if (moved) /* look again: another had the newer token (security 3.5) */
		return STEP_AGAIN;
	err_reason(&cause, ERR_UPSTREAM, reason, "the connection has to be made anew", "");
	emit(j, l, "mcp_auth_upstream_connection_lost", "failure", &cause);
	return end(j, RENEWAL_LOST);
}

static enum step end_done(struct job *j, const char *access, int generation)
{
	j->out.access = access;
	j->out.generation = generation;
	return end(j, RENEWAL_DONE);
}

/* The provider's refusal. A fault of its own, or of the configuration, costs nobody the connection. */
static enum step refused(struct job *j, const struct leased *l, const struct err *why)
{
	const char *reason = err_reason_of(why);

	if (!strcmp(reason, "invalid_grant"))
		return end_lost(j, l, "invalid_grant");
	if (!strcmp(reason, "invalid_client") && strcmp(l->client_kind, "manual"))
		return end_lost(j, l, "invalid_client");
	release(j);
	j->out.err = *why;
	emit(j, l, "mcp_auth_upstream_connection_refreshed", "failure", why);
	return end(j, RENEWAL_FAILED);
}

/* A row that somebody has changed who may not is not used; under a key that is unknown it may be, later. */
static enum step cannot_open(struct job *j, const struct leased *l)
{
	if (strcmp(err_reason_of(&j->out.err), VAULT_CHANGED))
		return end(j, RENEWAL_FAILED);
	log_error(NULL, "a connection in the database was changed by another hand, and is not used", "upstream",
	    j->up.conf->id, "detail", j->out.err.detail, NULL);
	err_clear(&j->out.err);
	return end_lost(j, l, VAULT_CHANGED);
}

static enum step ask(struct job *j, const struct leased *l)
{
	const struct vault_place place = place_of(j, l);
	struct err why = { .code = ERR_NONE };
	struct tokens_client client;
	struct tokens tokens;
	const char *refresh;
	bool moved;

	if (!vault_open(j->site->ring, j->arena, &place, "refresh_token", l->refresh, &refresh, &j->out.err))
		return cannot_open(j, l);
	if (!register_recall(&client, &j->up, j->site->ring, l->client_kind, l->client_id, l->registration_id, l->issuer,
		l->client_secret, l->auth_method, &j->out.err))
		return j->out.err.code ? end(j, RENEWAL_FAILED) : end_lost(j, l, "client_changed");
	const char *const form[] = {
		"grant_type", "refresh_token",
		"refresh_token", refresh,
		"resource", l->resource,
		NULL,
	};

	if (!tokens_ask(&tokens, &j->up, l->token_endpoint, &client, form, &why))
		return refused(j, l, &why);
	if (!commit(j, l, &tokens, &moved, &j->out.err))
		return end(j, RENEWAL_FAILED);
	if (moved)
		return STEP_AGAIN;
	emit(j, l, "mcp_auth_upstream_connection_refreshed", "success", NULL);
	return end_done(j, tokens.access, j->generation + 1);
}

/* Another renewed it: its token. */
static enum step take_over(struct job *j, const struct leased *l)
{
	const struct vault_place place = place_of(j, l);
	const char *access;

	if (!vault_open(j->site->ring, j->arena, &place, "access_token", l->access, &access, &j->out.err)) {
		j->generation = l->generation;
		return cannot_open(j, l);
	}
	return end_done(j, access, l->generation);
}

/* ---- by assertion (id-jag): there is no refresh token, but what the user's sign-in left */

static bool lease_assertion(struct job *j, struct leased *l, struct err *e)
{
	const struct id_jag_conf *c = j->up.conf->id_jag;
	char id[UUID_TEXT];
	struct db_rows rows;

	rand_uuid(id);
	*l = (struct leased){
		.subject = j->subject,
		.issuer = c->audience,
		.resource = id_jag_resource(j->up.conf, j->up.route),
		.token_endpoint = c->as_token_url,
		.client_kind = "assertion",
		.client_id = c->as_client.id,
	};
	const struct db_param params[] = { DB_TEXT(id), DB_TEXT(j->up.conf->id), DB_TEXT(l->subject), DB_TEXT(l->issuer),
		DB_TEXT(l->resource), DB_TEXT(l->token_endpoint), DB_TEXT(l->client_id), DB_TEXT(c->scopes),
		db_int(j->arena, j->seen), DB_TEXT(j->id), db_int(j->arena, LEASE_BOTH_S) };

	if (!db_call(j->owner->db, STMT_ASSERTION_LEASE, params, 11, j->arena, &rows, e))
		return false;
	l->outcome = db_text(&rows, 0, 0);
	j->connection_id = db_text(&rows, 0, 1);
	j->generation = l->generation = (int)db_int_at(&rows, 0, 2);
	l->access = db_bytes_at(&rows, 0, 3, j->arena);
	return true;
}

/* For now: nothing of the user's is lost by it. */
static enum step end_failed(struct job *j, const struct leased *l)
{
	release(j);
	emit(j, l, "mcp_auth_upstream_connection_refreshed", "failure", &j->out.err);
	return end(j, RENEWAL_FAILED);
}

static enum step keep_exchanged(struct job *j, const struct leased *l, const struct tokens *t)
{
	bool moved;

	if (!commit(j, l, t, &moved, &j->out.err))
		return end(j, RENEWAL_FAILED);
	if (moved)
		return STEP_AGAIN;
	emit(j, l, l->generation ? "mcp_auth_upstream_connection_refreshed" : "mcp_auth_upstream_connection_established",
	    "success", NULL);
	return end_done(j, t->access, j->generation + 1);
}

/* An ID token that the provider takes no more is renewed, once. */
static enum step exchange(struct job *j, const struct leased *l)
{
	struct req r = req_of(j);
	const char *id_token, *refused = NULL;
	struct err why = { .code = ERR_NONE };
	struct tokens tokens;

	for (;;) {
		switch (user_assertion_get(&r, j->subject, refused, &id_token, &j->out.err)) {
		case USER_ASSERTION_FAILED:
			return end_failed(j, l);
		case USER_ASSERTION_NONE:
			return end_lost(j, l, refused ? "assertion_refused" : "assertion_missing");
		case USER_ASSERTION_BUSY:
			release(j);
			pause_ms(POLL_MS);
			return STEP_AGAIN;
		case USER_ASSERTION_FOUND:
			break;
		}
		if (id_jag_get(&tokens, &j->up, id_token, &why))
			return keep_exchanged(j, l, &tokens);
		if (strcmp(err_reason_of(&why), "assertion_refused")) {
			j->out.err = why;
			return end_failed(j, l);
		}
		if (refused)
			return end_lost(j, l, "assertion_refused");
		refused = id_token;
		err_clear(&why);
	}
}

static enum step exchange_step(struct job *j)
{
	struct leased l;

	if (!lease_assertion(j, &l, &j->out.err))
		return end(j, RENEWAL_FAILED);
	if (!strcmp(l.outcome, "leased"))
		return exchange(j, &l);
	if (!strcmp(l.outcome, "moved"))
		return take_over(j, &l);
	if (!strcmp(l.outcome, "lost"))
		return end(j, RENEWAL_LOST);
	pause_ms(POLL_MS);
	return STEP_AGAIN;
}

/* ---- the kinds */

static enum step renew_step(struct job *j)
{
	struct leased l;

	if (!lease(j, &l, &j->out.err))
		return end(j, RENEWAL_FAILED);
	if (!strcmp(l.outcome, "leased"))
		return ask(j, &l);
	if (!strcmp(l.outcome, "moved"))
		return take_over(j, &l);
	if (!strcmp(l.outcome, "gone"))
		return end(j, RENEWAL_LOST);
	if (!strcmp(l.outcome, "lost"))
		return end_lost(j, &l, "no_refresh_token");
	pause_ms(POLL_MS);
	return STEP_AGAIN;
}

static bool is_stopping(struct renewals *n)
{
	bool stopping;

	pthread_mutex_lock(&n->lock);
	stopping = n->stopping;
	pthread_mutex_unlock(&n->lock);
	return stopping;
}

static void renew(struct job *j)
{
	int64_t until = clock_ms() + WAIT_MS;

	while ((j->subject ? exchange_step(j) : renew_step(j)) == STEP_AGAIN)
		if (clock_ms() > until || is_stopping(j->owner)) {
			err_reason(&j->out.err, ERR_UNAVAILABLE, "renewal_busy",
			    "the upstream's token is being renewed", "upstream '%s'", j->up.conf->id);
			return;
		}
}

static void want(struct job *j)
{
	const struct db_param params[] = { DB_TEXT(j->connection_id), DB_TEXT(j->scope) };

	if (db_call(j->owner->db, STMT_CONNECTION_WANT, params, 2, j->arena, NULL, &j->out.err))
		j->out.end = RENEWAL_LOST;
}

static void give_up(struct job *j)
{
	bool moved;

	if (lose(j, "upstream_refused", &moved, &j->out.err))
		j->out.end = RENEWAL_LOST;
}

static void work(struct job *j)
{
	switch (j->kind) {
	case RENEW:
		renew(j);
		break;
	case RENEW_LOSE:
		give_up(j);
		break;
	case RENEW_WANT:
		want(j);
		break;
	}
}

/* ---- threads and queue */

static void job_free(void *key)
{
	struct job *j = key;
	struct site *site = j->site;

	arena_free(j->arena); /* the job lies in it */
	site_unref(site);
}

/* Oldest first, but none of an upstream that has its share. */
static struct job *next_job(struct renewals *n)
{
	for (struct job *j = n->jobs; j; j = j->next) {
		unsigned same = 0;

		if (j->running)
			continue;
		for (const struct job *o = n->jobs; o; o = o->next)
			same += o->running && !strcmp(o->up.conf->id, j->up.conf->id);
		if (same < RENEWALS_OF_ONE)
			return j;
	}
	return NULL;
}

static void unlink_job(struct renewals *n, const struct job *j)
{
	struct job **at = &n->jobs;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
}

static void *run(void *arg)
{
	struct renewals *n = arg;

	affinity_none(); /* the relay's thread may have made it */
	pthread_mutex_lock(&n->lock);
	for (;;) {
		struct job *j = next_job(n);

		if (!j) {
			if (n->stopping && !n->jobs)
				break;
			n->idle++;
			pthread_cond_wait(&n->work, &n->lock);
			n->idle--;
			continue;
		}
		j->running = true;
		pthread_mutex_unlock(&n->lock);
		work(j);
		pthread_mutex_lock(&n->lock);
		unlink_job(n, j);
		pthread_cond_broadcast(&n->work); /* its upstream has a place again */
		pthread_mutex_unlock(&n->lock);
		relay_resume(n->relay, &j->out, job_free);
		pthread_mutex_lock(&n->lock);
	}
	pthread_mutex_unlock(&n->lock);
	return NULL;
}

/* A thread more, where all are at work. */
static void grow(struct renewals *n)
{
	pthread_attr_t attr;

	if (n->idle || n->threads_n == RENEWALS)
		return;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	if (!pthread_create(&n->threads[n->threads_n], &attr, run, n))
		n->threads_n++;
	else if (!n->threads_n)
		abort(); /* nobody would ever go on */
	pthread_attr_destroy(&attr);
}

static struct job *job_new(struct renewals *n, const struct renewal_want *w, const char *key, struct req *r,
    const struct guard *guard)
{
	struct arena *a = arena_new();
	struct job *j = arena_alloc(a, sizeof(*j));

	j->arena = a;
	j->owner = n;
	j->site = site_share(r->site);
	j->kind = w->kind;
	j->key = arena_strdup(a, key);
	j->seen = j->generation = w->generation;
	j->connection_id = w->subject ? NULL : j->key;
	j->subject = w->subject ? arena_strdup(a, w->subject) : NULL;
	j->scope = w->scope ? arena_strdup(a, w->scope) : NULL;
	j->request_id = arena_strdup(a, r->request_id);
	j->up = (struct upstream){
		.arena = a,
		.project = r->project,
		.guard = guard,
		.route = w->route,
		.conf = w->route->exchange,
		.patience_ms = w->subject ? ASK_BOTH_MS : ASK_MS,
	};
	rand_uuid(j->id);
	return j;
}

const struct renewal *renewals_join(struct renewals *n, const struct renewal_want *w, struct req *r,
    const struct guard *guard)
{
	const struct exchange_conf *conf = w->route->exchange;
	/* by assertion: what is exchanged is for one resource, and a reload may have named another */
	const char *key = w->subject
		? arena_printf(r->arena, "%s %s %s", conf->id, id_jag_resource(conf, w->route), w->subject)
		: w->connection_id;
	struct job **at = &n->jobs, *j;

	pthread_mutex_lock(&n->lock);
	for (; (j = *at); at = &j->next)
		if (j->kind == w->kind && j->seen == w->generation && !strcmp(j->key, key))
			break;
	if (!j && !n->stopping) {
		*at = j = job_new(n, w, key, r, guard);
		grow(n);
		pthread_cond_signal(&n->work);
	}
	pthread_mutex_unlock(&n->lock);
	return j ? &j->out : NULL;
}

struct renewals *renewals_start(struct db *db, struct relay *relay)
{
	struct renewals *n = xcalloc(1, sizeof(*n));

	n->db = db;
	n->relay = relay;
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->work, NULL);
	return n;
}

void renewals_stop(struct renewals *n)
{
	pthread_mutex_lock(&n->lock);
	n->stopping = true;
	pthread_cond_broadcast(&n->work);
	pthread_mutex_unlock(&n->lock);
	for (unsigned i = 0; i < n->threads_n; i++)
		pthread_join(n->threads[i], NULL);
}

void renewals_free(struct renewals *n)
{
	pthread_cond_destroy(&n->work);
	pthread_mutex_destroy(&n->lock);
	free(n);
}
