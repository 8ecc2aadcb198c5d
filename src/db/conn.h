/* SPDX-License-Identifier: Apache-2.0 */
/* Inside src/db only: one connection, and the pool of them. */
#ifndef GATEHOUSE_DB_CONN_H
#define GATEHOUSE_DB_CONN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/err.h"
#include "db/stmt.h"

struct conn {
	struct conn *next;
	PGconn *pg;
	bool prepared[STMT_COUNT + 1];
};

struct db {
	char *conninfo;    /* {program} replaced; NULL: libpq's environment */
	char *application; /* as pg_stat_activity shows us */
	unsigned program;  /* our bit in stmt_def.programs */
	unsigned size;
	bool prepare;
	int connect_ms, statement_ms;
	atomic_bool schema_ok;
	atomic_uint host; /* see conn_new() */

	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t freed; /* a connection came back, or an attempt to connect ended */
	struct conn *idle;    /* the last used first, so that surplus ones rest */
	unsigned open;        /* idle, borrowed or being made */
	bool down, trying;    /* the server is away; one call is trying to connect */
	int64_t try_at;       /* down: no attempt before */
	struct err why;       /* down: what the last attempt met */
};

/* "gatehouse PROGRAM", to be freed. */
char *application_for(const char *program);

/*
 * A new connection, non-blocking, or NULL with ERR_UNAVAILABLE, or ERR_CONFIG if the server knows
 * neither our role nor the database. Name resolution is libpq's, and not under the deadline.
 * Of several hosts in CONNINFO each gets its share of the time; *HOST, at first 0, remembers which one it
 * was, to be asked first the next time.
 */
struct conn *conn_new(const char *conninfo, const char *application, atomic_uint *host,
    int64_t deadline, struct err *);
void conn_free(struct conn *);

/* Waits until the socket is ready for EVENTS of poll(). False past the deadline. */
bool conn_wait(PGconn *, short events, int64_t deadline);

/* Sends what is queued and reads the whole answer: its first error, else its last result; NULL past
 * the deadline. */
PGresult *conn_finish(PGconn *, int64_t deadline);
bool result_is_good(const PGresult *);

/*
 * The errors of a server that does not answer in time, and of one that is away. Both return false.
 */
bool db_fail_late(struct err *, const char *what);
bool db_fail_away(struct err *, const char *why);

/*
 * A connection that is believed to work, FRESH: one made for this call, since what ended another may have ended all
 * that were made before; NULL with the error. To be given to one of the next two.
 */
struct conn *pool_borrow(struct db *, bool fresh, int64_t deadline, struct err *);
/* Back into the pool, unless it broke or a transaction is open in it. */
void pool_return(struct db *, struct conn *);
void pool_drop(struct db *, struct conn *);
/* A server that should have answered did not: nothing idle is trusted until a new connection was
 * made. */
void pool_suspect(struct db *, const struct err *why);

#endif
