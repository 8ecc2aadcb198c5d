/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue, and the thread that empties it. A request pays for one copy; everything else happens
 * 100 ms later, for all events of that time at once.
 */
#include "config.h"

#include "event/event.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "db/db.h"
#include "event/record.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
	BATCH_MS = 100,
	RETRY_MS = 500,  /* between two tries while the database is away */
	FLUSH_MS = 500,  /* then the queue is looked at again */
	STEP_MS = 20000, /* between two calls of events_step() */
	SUM_MS = 700,    /* of summing up; it ends with the piece of work that it is at */
	CALL_MS = 2000,  /* for one batch; a stop, which takes no longer, may have to wait for it */
	STOP_MS = 2000,
	DROP_SAY_MS = 10000,
	QUEUE_DEFAULT = 65536,
	THREAD_STACK = 256 * 1024
};

static struct {
	struct event_options o;
	pthread_t thread;
	atomic_bool running, forwards;
	struct sink_pg *pg;
	int64_t retry_at, step_at;
	uint64_t reported; /* of what was dropped */

	pthread_mutex_t lock; /* what follows */
	pthread_cond_t filled;
	struct record *first, **last;
	unsigned n;
	bool stopping;
} q = { .lock = PTHREAD_MUTEX_INITIALIZER };

static atomic_uint_fast64_t dropped;
static atomic_int_fast64_t drop_said_at;

uint64_t event_dropped(void)
{
	return dropped;
}

void event_drop(unsigned n, const char *why)
{
	uint64_t total = atomic_fetch_add(&dropped, n) + n;
	int64_t said = drop_said_at, now = clock_ms();
	char text[32];

	if ((said && now - said < DROP_SAY_MS) ||
	    !atomic_compare_exchange_strong(&drop_said_at, &said, now))
		return;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)total);
	log_error(NULL, "events are dropped", "why", why, "droppedSinceStart", text, NULL);
}

/* ---- the thread ---- */

static void wait_until(int64_t when)
{
	struct timespec t = { .tv_sec = when / 1000, .tv_nsec = when % 1000 * 1000000 };

	pthread_cond_timedwait(&q.filled, &q.lock, &t);
}

/* Everything that has come, after giving the first of it BATCH_MS of company. The stop flag in
 * *STOP. */
static struct record *collect(int64_t wake_at, bool *stop)
{
	struct record *list;
	int64_t due;

	pthread_mutex_lock(&q.lock);
	while (!q.first && !q.stopping && clock_ms() < wake_at)
		wait_until(wake_at);
	due = clock_ms() + BATCH_MS;
	while (q.first && !q.stopping && clock_ms() < due)
		wait_until(due);
	list = q.first;
	q.first = NULL;
	q.last = &q.first;
	q.n = 0;
	*stop = q.stopping;
	pthread_mutex_unlock(&q.lock);
	return list;
}

/* Partitions for the coming days, expiry, sums. Failing is nothing: the next time, or another program's, will do. */
static void step(void)
{
	struct err e = { .code = ERR_NONE };
	struct arena *a = arena_new();
	const struct db_param params[] = { db_int(a, q.o.days), db_int(a, q.o.summary_days), db_int(a, SUM_MS) };

	if (!db_call_long(q.o.db, CALL_MS, STMT_EVENTS_STEP, params, 2, a, NULL, &e))
		log_debug(NULL, "events_step failed", "detail", e.detail, NULL);
	e = (struct err){ .code = ERR_NONE };
	if (!db_call_long(q.o.db, CALL_MS, STMT_ROLLUP_RUN, params, 3, a, NULL, &e))
		log_debug(NULL, "rollup_run failed", "detail", e.detail, NULL);
	arena_free(a);
}

/* What was dropped meanwhile is told where losses are looked for. */
static void report_loss(void)
{
	struct err e = { .code = ERR_NONE };
	uint64_t total = dropped;
	struct arena *a;

	if (total == q.reported)
		return;
	a = arena_new();
	const struct db_param params[] = { DB_TEXT(q.o.program), db_int(a, (int64_t)(total - q.reported)),
		DB_TEXT("its queue was full, or the database away or unwilling") };

	if (db_call_within(q.o.db, CALL_MS, STMT_EVENT_LOST, params, 3, a, NULL, &e))
		q.reported = total;
	arena_free(a);
}

/* Lines at once; rows when write_rows() can. */
static void take(struct record *list)
{
	sink_log(q.o.program, list);
	if (!q.pg) {
		record_free(list);
		return;
	}
	sink_pg_pack(q.pg, q.forwards);
	sink_pg_add(q.pg, list);
}

static void write_rows(void)
{
	if (clock_ms() < q.retry_at)
		return;
	if (!sink_pg_flush(q.pg, clock_ms() + FLUSH_MS, CALL_MS) || !listed_write(q.o.db, CALL_MS))
		q.retry_at = clock_ms() + RETRY_MS;
	else
		q.retry_at = sink_pg_is_empty(q.pg) ? 0 : clock_ms();
}

static int64_t next_wake(void)
{
	int64_t when = q.pg ? q.step_at : INT64_MAX / 2;

	return q.retry_at && q.retry_at < when ? q.retry_at : when;
}

static void *run(void *unused)
{
	bool stop = false;

	(void)unused;
	while (!stop) {
		struct record *list = collect(next_wake(), &stop);

		take(list);
		if (stop || !q.pg)
			continue;
		write_rows();
		if (clock_ms() >= q.step_at) {
			step();
			report_loss();
			q.step_at = clock_ms() + STEP_MS;
		}
	}
	return NULL;
}

/* ---- the interface ---- */

/* Some time in the first 20 s, so that programs that start together do not step together. */
static int64_t first_step(void)
{
	unsigned char random[2];

	rand_bytes(random, sizeof(random));
	return clock_ms() + (random[0] << 8 | random[1]) % STEP_MS;
}

void event_start(const struct event_options *o)
{
	pthread_condattr_t condattr;
	pthread_attr_t attr;

	q.o = *o;
	if (!q.o.queue_max)
		q.o.queue_max = QUEUE_DEFAULT;
	q.last = &q.first;
	q.stopping = false;
	q.retry_at = 0;
	q.step_at = first_step();
	q.pg = o->db ? sink_pg_new(o->program, o->db, q.o.queue_max) : NULL;
	listed_open(q.pg != NULL);
	pthread_condattr_init(&condattr);
	pthread_condattr_setclock(&condattr, CLOCK_MONOTONIC);
	pthread_cond_init(&q.filled, &condattr);
	pthread_condattr_destroy(&condattr);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	q.running = pthread_create(&q.thread, &attr, run, NULL) == 0;
	pthread_attr_destroy(&attr);
	if (!q.running)
		log_error(NULL, "no thread for events: they go to the log only", NULL);
}

void event_forwards(bool forwards)
{
	q.forwards = forwards;
}

void event_stop(void)
{
	int64_t deadline = clock_ms() + STOP_MS;

	if (!atomic_exchange(&q.running, false))
		return;
	pthread_mutex_lock(&q.lock);
	q.stopping = true;
	pthread_cond_signal(&q.filled);
	pthread_mutex_unlock(&q.lock);
	pthread_join(q.thread, NULL);
	take(q.first); /* of a thread that was still at it */
	q.first = NULL;
	if (q.pg) {
		sink_pg_flush(q.pg, deadline, clock_left_ms(deadline));
		sink_pg_free(q.pg);
		q.pg = NULL;
		listed_open(false);
	}
	pthread_cond_destroy(&q.filled);
}

static void enqueue(struct record *r)
{
	bool full;

	pthread_mutex_lock(&q.lock);
	full = q.n >= q.o.queue_max;
	if (!full) {
		r->next = NULL;
		*q.last = r;
		q.last = &r->next;
		if (q.n++ == 0)
			pthread_cond_signal(&q.filled);
	}
	pthread_mutex_unlock(&q.lock);
	if (full) {
		record_free(r);
		event_drop(1, "the queue is full");
	}
}

void event_emit(const struct event *e)
{
	struct record *r;

	if (e->severity == EVENT_DEBUG && !log_enabled(LOG_LEVEL_DEBUG))
		return;
	if (!stranger_may(e))
		return;
	r = record_new(e);
	if (q.running) {
		enqueue(r);
		return;
	}
	sink_log(q.o.program ? q.o.program : "gatehouse", r);
	record_free(r);
}
