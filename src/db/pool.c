/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool. While the server is away it is `down`: one call at a time tries to connect, all others
 * fail at once (or after a moment's grace, as the attempt under way may succeed), so that no queue
 * of requests waits for a machine that does not answer. No attempt is more than BACK_OFF_MS away.
 */
#include "config.h"

#include "db/conn.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/may_block.h"

#include <poll.h>

enum {
	BACK_OFF_MS = 250, /* between two attempts */
	GRACE_MS = 300     /* how long a call waits for another's attempt */
};

/* What a call was given: a connection, or a place to make one in. */
struct place {
	struct conn *c;
	bool probe; /* the server is away: this call finds out whether it is back */
	bool anew;  /* the connection is wanted for its place alone */
};

static void free_list(struct conn *c)
{
	while (c) {
		struct conn *next = c->next;

		conn_free(c);
		c = next;
	}
}

/* Whether an idle connection still is one: a server that went away has said so, or closed it. */
static bool is_alive(struct conn *c)
{
	struct pollfd p = { .fd = PQsocket(c->pg), .events = POLLIN };

	if (PQstatus(c->pg) != CONNECTION_OK || p.fd < 0)
		return false;
	if (poll(&p, 1, 0) == 0)
		return true;
	/* a parameter's new value may be told at any time; anything else is the end */
	return !(p.revents & (POLLHUP | POLLERR)) && PQconsumeInput(c->pg) && !PQisBusy(c->pg) &&
	       PQstatus(c->pg) == CONNECTION_OK;
}

static void pool_wait(struct db *db, int64_t until)
{
	struct timespec t = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

	pthread_cond_timedwait(&db->freed, &db->lock, &t);
}

/* The lock is held. Returns what was idle, to be freed without it. */
static struct conn *go_down(struct db *db, int64_t try_at, const struct err *why)
{
	struct conn *stale = db->idle;

	for (struct conn *c = stale; c; c = c->next)
		db->open--;
	db->idle = NULL;
	if (!db->down)
		log_warn(NULL, "database is away", "reason", err_reason_of(why), "detail",
		    why->detail, NULL);
	db->down = true;
	db->try_at = try_at;
	db->why = *why;
	return stale;
}

/* The lock is held. Whether a call may wait a little longer while the server is away. */
static bool may_hope(const struct db *db, int64_t now, int64_t grace)
{
	return (db->trying || now >= db->try_at) && now < grace;
}

/* The lock is held. Whether a connection may be made. */
static bool has_room(const struct db *db, int64_t now)
{
	return db->open < db->size && (!db->down || (!db->trying && now >= db->try_at));
}

/* The lock is held. While the server is away, what came back into the pool since is as good as FRESH. */
static bool take_place(
    struct db *db, bool fresh, int64_t deadline, struct place *p, struct err *e)
{
	int64_t grace = clock_ms() + GRACE_MS;

	if (grace > deadline)
		grace = deadline;
	for (;;) {
		int64_t now = clock_ms();

		if (db->idle && !(fresh && has_room(db, now))) {
			p->anew = fresh && !db->down;
			p->c = db->idle;
			db->idle = p->c->next;
			return true;
		}
		if (has_room(db, now)) {
			db->open++;
			p->probe = db->trying = db->down;
			return true;
		}
		if (db->down && !may_hope(db, now, grace))
			return err_reason(
			    e, db->why.code, db->why.reason, db->why.text, "%s", db->why.detail);
		if (now >= deadline)
			return db_fail_late(e, "all connections are in use");
		pool_wait(db, db->down ? grace : deadline);
	}
}

/*
 * One that fails proves little while the server is believed to be there: its backend may have been ended, or
 * whatever carried it, with others that worked. So it is tried twice before every call is told that the server is away.
 */
static struct conn *connect_twice(
    struct db *db, const struct place *p, int64_t deadline, struct err *e)
{
	struct conn *c = conn_new(db->conninfo, db->application, &db->host, deadline, e);

	if (c || p->probe || e->code != ERR_UNAVAILABLE || clock_ms() >= deadline)
		return c;
	err_clear(e);
	return conn_new(db->conninfo, db->application, &db->host, deadline, e);
}

static struct conn *connect_in(
    struct db *db, const struct place *p, int64_t deadline, struct err *e)
{
	int64_t limit = clock_ms() + db->connect_ms;
	struct conn *c, *stale = NULL;

	c = connect_twice(db, p, limit < deadline ? limit : deadline, e);
	pthread_mutex_lock(&db->lock);
	if (p->probe)
		db->trying = false;
	if (!c) {
		db->open--;
		stale = go_down(db, clock_ms() + BACK_OFF_MS, e);
	} else if (db->down) {
		db->down = false;
		log_info(NULL, "database is back", NULL);
	}
	pthread_cond_broadcast(&db->freed);
	pthread_mutex_unlock(&db->lock);
	free_list(stale);
	return c;
}

struct conn *pool_borrow(struct db *db, bool fresh, int64_t deadline, struct err *e)
{
	may_block(); /* for the statement's answer, at least */
	for (;;) {
		struct place p = { .c = NULL };
		bool ok;

		pthread_mutex_lock(&db->lock);
		ok = take_place(db, fresh, deadline, &p, e);
		pthread_mutex_unlock(&db->lock);
		if (!ok)
			return NULL;
		if (p.anew) {
			conn_free(p.c);
			p.c = NULL;
		}
		if (!p.c)
			return connect_in(db, &p, deadline, e);
		if (is_alive(p.c))
			return p.c;
		pool_drop(db, p.c);
	}
}

void pool_return(struct db *db, struct conn *c)
{
	if (PQstatus(c->pg) != CONNECTION_OK || PQtransactionStatus(c->pg) != PQTRANS_IDLE) {
		pool_drop(db, c);
		return;
	}
	pthread_mutex_lock(&db->lock);
	c->next = db->idle;
	db->idle = c;
	pthread_cond_signal(&db->freed);
	pthread_mutex_unlock(&db->lock);
}

void pool_drop(struct db *db, struct conn *c)
{
	conn_free(c);
	pthread_mutex_lock(&db->lock);
	db->open--;
	pthread_cond_signal(&db->freed);
	pthread_mutex_unlock(&db->lock);
}

void pool_suspect(struct db *db, const struct err *why)
{
	struct conn *stale;

	pthread_mutex_lock(&db->lock);
	stale = go_down(db, clock_ms(), why);
	pthread_cond_broadcast(&db->freed);
	pthread_mutex_unlock(&db->lock);
	free_list(stale);
}
