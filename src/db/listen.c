/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listener. Fresh means: at some moment of the last 5 s a question was sent that the server has
 * answered since, and every notification that came before the answer was handed on. Its time is
 * that of the question, not of the answer.
 */
#include "config.h"

#include "db/listen.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/conn.h"
#include "db/db.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	PING_MS = 2000,   /* between two questions */
	ANSWER_MS = 2000, /* patience for one, and for a connect */
	FRESH_MS = 5000,
	BACK_OFF_MS = 500,
	THREAD_STACK = 256 * 1024
};

/* The question: is this still the server that we connected to? */
static const char ping[] = "select pg_backend_pid()";

struct db_listen {
	char *conninfo, *application;
	void (*on_notify)(void *context, const char *payload);
	void *context;
	pthread_t thread;
	int stop_fd;                  /* readable: stop */
	bool away;                    /* said so in the log */
	atomic_uint host;             /* see conn_new() */
	atomic_int_fast64_t fresh_at; /* 0: never, or not connected */
};

bool db_listen_is_fresh(const struct db_listen *l)
{
	int64_t at = l ? l->fresh_at : 0;

	return at && clock_ms() - at < FRESH_MS;
}

/* Until the connection can be read, or the time; false when it is time to stop. PG may be NULL. */
static bool wait_readable(const struct db_listen *l, PGconn *pg, int64_t until)
{
	struct pollfd p[2] = {
		{ .fd = l->stop_fd, .events = POLLIN },
		{ .fd = pg ? PQsocket(pg) : -1, .events = POLLIN },
	};
	int n;

	do {
		n = poll(p, 2, clock_left_ms(until));
	} while (n < 0 && errno == EINTR);
	return !p[0].revents;
}

static void hand_on(const struct db_listen *l, PGconn *pg)
{
	PGnotify *n;

	while ((n = PQnotifies(pg))) {
		l->on_notify(l->context, n->extra);
		PQfreemem(n);
	}
}

/* A pooler answers for a server of its choice: what is notified to that one never comes here. */
static bool is_direct(const PGresult *r, const PGconn *pg)
{
	return !PQntuples(r) || strtol(PQgetvalue(r, 0, 0), NULL, 10) == PQbackendPID(pg);
}

/* SQL is a constant. The time of the question in *ASKED_AT. False: the connection is of no more
 * use. */
static bool ask(
    const struct db_listen *l, struct conn *c, const char *sql, int64_t *asked_at, struct err *e)
{
	PGresult *r;
	bool ok;

	*asked_at = clock_ms();
	PQsendQuery(c->pg, sql);
	r = conn_finish(c->pg, *asked_at + ANSWER_MS);
	if (!r)
		return db_fail_late(e, "listen");
	ok = result_is_good(r) || db_fail_away(e, PQresultErrorMessage(r));
	if (ok && !is_direct(r, c->pg))
		ok = err_reason(e, ERR_CONFIG, "database_pooler", "", "a pooler passes no notifications on: "
		    "set databaseListen to a direct connection");
	PQclear(r);
	hand_on(l, c->pg);
	return ok;
}

/* Listens as long as the connection lasts. False: stop. */
static bool listen_on(struct db_listen *l, struct conn *c, struct err *e)
{
	int64_t asked_at;

	if (!ask(l, c, ping, &asked_at, e) || !ask(l, c, "listen gatehouse_lists", &asked_at, e) ||
	    !ask(l, c, "listen gatehouse", &asked_at, e))
		return true;
	l->on_notify(l->context, NULL); /* what came before this connect was missed */
	l->fresh_at = asked_at;         /* and not a moment sooner */
	if (l->away)
		log_info(NULL, "listening to the database again", NULL);
	l->away = false;
	for (int64_t ping_at = clock_ms() + PING_MS;;) {
		if (!wait_readable(l, c->pg, ping_at))
			return false;
		if (!PQconsumeInput(c->pg))
			return !db_fail_away(e, PQerrorMessage(c->pg));
		hand_on(l, c->pg);
		if (clock_ms() < ping_at)
			continue;
		if (!ask(l, c, ping, &asked_at, e))
			return true;
		l->fresh_at = asked_at;
		ping_at = clock_ms() + PING_MS;
	}
}

static void *run(void *context)
{
	struct db_listen *l = context;
	bool going = true;

	while (going) {
		struct err e = { .code = ERR_NONE };
		struct conn *c = conn_new(l->conninfo, l->application, &l->host, clock_ms() + ANSWER_MS, &e);

		if (c) {
			going = listen_on(l, c, &e);
			conn_free(c);
		}
		l->fresh_at = 0;
		if (going && !l->away)
			log_warn(NULL, "not listening to the database: every token is looked up",
			    "reason", err_reason_of(&e), "detail", e.detail, NULL);
		l->away = going;
		going = going && wait_readable(l, NULL, clock_ms() + BACK_OFF_MS);
	}
	return NULL;
}

static void listen_free(struct db_listen *l)
{
	close(l->stop_fd);
	db_conninfo_free(l->conninfo);
	free(l->application);
	free(l);
}

struct db_listen *db_listen_start(const char *conninfo, const char *program,
    void (*on_notify)(void *context, const char *payload), void *context)
{
	struct db_listen *l = xcalloc(1, sizeof(*l));
	pthread_attr_t attr;
	bool ok;

	l->conninfo = db_conninfo(conninfo, program);
	l->application = application_for(program);
	l->on_notify = on_notify;
	l->context = context;
	l->stop_fd = eventfd(0, EFD_CLOEXEC);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	ok = l->stop_fd >= 0 && pthread_create(&l->thread, &attr, run, l) == 0;
	pthread_attr_destroy(&attr);
	if (ok)
		return l;
	log_error(NULL, "no thread to listen to the database: every token is looked up", NULL);
	listen_free(l);
	return NULL;
}

void db_listen_stop(struct db_listen *l)
{
	const uint64_t one = 1;

	if (!l)
		return;
	if (write(l->stop_fd, &one, sizeof(one)) < 0)
		abort(); /* an eventfd takes it */
	pthread_join(l->thread, NULL);
	listen_free(l);
}
