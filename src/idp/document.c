/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching from the provider, and the copies in the database. */
#include "config.h"

#include "idp/document.h"

#include "base/clock.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum {
	DOCUMENT_MAX = 64 * 1024, /* security: limits */
	KEEP_MIN_S = 60,
	KEEP_MAX_S = 3600, /* a key that was taken back must not serve for a day */
	KEEP_DEFAULT_S = 15 * 60,
	WITHOUT_ANSWER_S = 24 * 3600,
	ASK_AGAIN_S = 30,
	WAIT_MS = 50,
	PATIENCE_MS = 2000,
	WAIT_MAX_MS = 1000, /* a thread that waits serves nobody else */
	WAITERS_MAX = 2,
};

bool provider_fault(struct err *e, const char *reason, const char *detail)
{
	return err_reason(
	    e, ERR_UPSTREAM, reason, "the sign-in provider's answer cannot be used", "%s", detail);
}

/* The same in words for people, who know nothing of fetches. */
static bool explain(struct err *e, const struct err *why)
{
	const char *reason = err_reason_of(why);

	if (!strcmp(reason, "fetch_timeout"))
		return err_reason(e, ERR_UPSTREAM_TIMEOUT, why->reason,
		    "the sign-in provider did not answer in time", "%s", why->detail);
	if (why->code == ERR_UNAVAILABLE)
		return err_reason(e, ERR_UNAVAILABLE, why->reason,
		    "too many people are signing in at this moment", "%s", why->detail);
	if (!strcmp(reason, "fetch_unreachable") || !strcmp(reason, "fetch_tls") ||
	    !strcmp(reason, "fetch_address"))
		return err_reason(e, ERR_UPSTREAM, why->reason,
		    "the sign-in provider cannot be reached", "%s", why->detail);
	if (why->code == ERR_CONFIG) {
		*e = *why;
		return false;
	}
	return provider_fault(e, why->reason, why->detail);
}

/*
 * In the morning many sign in at once, at one host, for which fetch() has few places. A few wait for
 * one, for a moment; more would leave nobody to serve the rest.
 */
static bool fetch_in_turn(struct fetch *f, struct arena *a, struct err *e)
{
	static atomic_int waiting;
	const struct timespec pause = { .tv_nsec = WAIT_MS * 1000000L };
	int64_t until = clock_ms() + WAIT_MAX_MS;
	bool ok;

	if (fetch(f, a, e) || strcmp(err_reason_of(e), "fetch_busy"))
		return !e->code;
	if (atomic_fetch_add(&waiting, 1) >= WAITERS_MAX)
		until = 0;
	do {
		if (clock_ms() >= until)
			break;
		nanosleep(&pause, NULL);
		err_clear(e);
		ok = fetch(f, a, e);
	} while (!ok && !strcmp(err_reason_of(e), "fetch_busy"));
	atomic_fetch_sub(&waiting, 1);
	return !e->code;
}

bool provider_fetch(struct req *r, struct fetch *f, int64_t deadline_ms, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	int left = clock_left_ms(deadline_ms);

	f->guard = guard_load(r->arena, r->project->outbound, r->project->development, e);
	if (!f->guard)
		return false;
	if (!left)
		return err_reason(e, ERR_UPSTREAM_TIMEOUT, "fetch_timeout",
		    "the sign-in provider did not answer in time", "%.200s: no time is left",
		    f->url);
	/* its rules in `outbound` go by the policy's name */
	f->upstream = r->project->oauth->use->name;
	f->total_ms = left;
	f->connect_ms = r->project->limits.connect_ms < left ? r->project->limits.connect_ms : left;
	return fetch_in_turn(f, r->arena, &why) || explain(e, &why);
}

/* --- copies --- */

struct copy {
	const char *text; /* NULL: none */
	int64_t age_s, fresh_in_s, version;
};

static bool find(struct req *r, const char *url, struct copy *c, struct err *e)
{
	struct db_param param = DB_TEXT(url);
	struct db_rows rows;

	*c = (struct copy){ .text = NULL };
	if (!db_call(r->app->db, STMT_PROVIDER_DOCUMENT_FIND, &param, 1, r->arena, &rows, e))
		return false;
	if (rows.rows) {
		c->text = db_text(&rows, 0, 0);
		c->age_s = db_int_at(&rows, 0, 1);
		c->fresh_in_s = db_int_at(&rows, 0, 2);
		c->version = db_int_at(&rows, 0, 3);
	}
	return true;
}

static int64_t keep_s(const struct fetch *f)
{
	if (f->fresh_s < 0)
		return KEEP_DEFAULT_S;
	return f->fresh_s < KEEP_MIN_S   ? KEEP_MIN_S
	       : f->fresh_s > KEEP_MAX_S ? KEEP_MAX_S
					 : f->fresh_s;
}

static bool ask(struct req *r, struct document *d, struct err *e)
{
	struct fetch f = { .url = d->url, .max = DOCUMENT_MAX };
	struct err why = { .code = ERR_NONE };

	if (!provider_fetch(r, &f, d->deadline_ms, e))
		return false;
	if (!fetch_is_json(&f, &why) || !d->check(r->arena, d, f.body, f.body_len, &why))
		return provider_fault(e, why.reason ? why.reason : "provider_document",
		    arena_printf(
			r->arena, "%.200s: %s", d->url, *why.detail ? why.detail : why.text));
	const struct db_param params[] = { DB_TEXT(d->url), DB_TEXT(f.body),
		db_int(r->arena, keep_s(&f)) };

	d->text = f.body;
	return db_call(r->app->db, STMT_PROVIDER_DOCUMENT_PUT, params, 3, r->arena, NULL, e);
}

bool document_get(struct req *r, struct document *d, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	struct copy c;

	if (!find(r, d->url, &c, e))
		return false;
	d->text = c.text;
	d->version = c.version;
	if (c.text && c.fresh_in_s > 0)
		return true;
	if (ask(r, d, &why))
		return true;
	if (c.text && c.age_s < WITHOUT_ANSWER_S) {
		log_warn(&r->log, "a document of the sign-in provider is old, and not to be had",
		    "url", d->url, "reason", err_reason_of(&why), NULL);
		d->text = c.text;
		return true;
	}
	*e = why;
	return false;
}

/* Whether the copy has been renewed since it was got. False with e->code as db_call(). */
static bool take_newer(struct req *r, struct document *d, struct err *e)
{
	struct copy c;

	if (!find(r, d->url, &c, e) || !c.text || c.version <= d->version)
		return false;
	d->text = c.text;
	d->version = c.version;
	return true;
}

/* Another worker asks at this moment. */
static bool wait_for_newer(struct req *r, struct document *d, struct err *e)
{
	const struct timespec pause = { .tv_nsec = WAIT_MS * 1000000L };
	int64_t until = clock_ms() + WAIT_MAX_MS;

	for (until = until < d->deadline_ms ? until : d->deadline_ms; clock_ms() < until;) {
		if (take_newer(r, d, e))
			return true;
		if (e->code)
			return false;
		nanosleep(&pause, NULL);
	}
	return false;
}

/*
 * The one that may ask has to get through: if it gave up because all places of fetch() are taken, by those whose
 * sign-in needs the very key, nobody would ask for ASK_AGAIN_S.
 */
static bool ask_patiently(struct req *r, struct document *d, struct err *e)
{
	const struct timespec pause = { .tv_nsec = WAIT_MS * 1000000L };
	int64_t until = clock_ms() + PATIENCE_MS;

	while (!ask(r, d, e)) {
		if (strcmp(err_reason_of(e), "fetch_busy") || clock_ms() >= until || clock_ms() >= d->deadline_ms)
			return false;
		err_clear(e);
		nanosleep(&pause, NULL);
	}
	return true;
}

bool document_renew(struct req *r, struct document *d, bool wait, struct err *e)
{
	const struct db_param params[] = { DB_TEXT(d->url), db_int(r->arena, ASK_AGAIN_S) };
	struct db_rows rows;

	if (d->version && take_newer(r, d, e))
		return true;
	if (e->code || !db_call(r->app->db, STMT_PROVIDER_DOCUMENT_ASK, params, 2, r->arena, &rows, e))
		return false;
	if (db_bool_at(&rows, 0, 0))
		return ask_patiently(r, d, e);
	/* whoever may not ask, and waits for nobody: the answer came between the two questions, or long ago */
	if (take_newer(r, d, e))
		return true;
	return !e->code && wait && db_bool_at(&rows, 0, 1) && wait_for_newer(r, d, e);
}
