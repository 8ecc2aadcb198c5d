/* SPDX-License-Identifier: Apache-2.0 */
/* Statements: which may run, what an error means, and whether it is worth another try. */
#include "config.h"

#include "db/db.h"

#include "base/clock.h"
#include "db/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 4, PARAMS_MAX = 64 };

/* What became of one try. */
enum verdict { DONE, AGAIN, AGAIN_ON_NEW, FAILED };

static unsigned program_bit(const char *program)
{
	for (unsigned i = 0; stmt_programs[i]; i++)
		if (!strcmp(stmt_programs[i], program))
			return 1u << i;
	return 0;
}

struct db *db_open(const struct db_options *o)
{
	struct db *db = xcalloc(1, sizeof(*db));
	pthread_condattr_t attr;

	db->conninfo = db_conninfo(o->conninfo, o->program);
	db->application = application_for(o->program);
	db->program = program_bit(o->program);
	db->size = o->size ? o->size : 4;
	db->prepare = o->prepare;
	db->connect_ms = o->connect_ms > 0 ? o->connect_ms : 3000;
	db->statement_ms = o->statement_ms > 0 ? o->statement_ms : 3000;
	pthread_mutex_init(&db->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* deadlines are clock_ms() */
	pthread_cond_init(&db->freed, &attr);
	pthread_condattr_destroy(&attr);
	return db;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	while (db->idle) {
		struct conn *c = db->idle;

		db->idle = c->next;
		conn_free(c);
	}
	pthread_cond_destroy(&db->freed);
	pthread_mutex_destroy(&db->lock);
	db_conninfo_free(db->conninfo);
	free(db->application);
	free(db);
}

static bool class_is(const char *state, const char *class)
{
	return !strncmp(state, class, 2);
}

/* Whether the statement had no effect, or may have it twice, and is worth another try. */
static enum verdict judge(const char *state, const char *message, bool repeatable, bool lost)
{
	/* refused before anything ran: a pooler or a migration took the prepared statement or its
	 * plan */
	if (!strcmp(state, "26000") || (!strcmp(state, "0A000") && strstr(message, "cached plan")))
		return AGAIN_ON_NEW;
	if (!strcmp(state, "25006")) /* read-only: a standby, and the primary is elsewhere */
		return AGAIN_ON_NEW;
	if (!repeatable)
		return FAILED;
	if (lost || class_is(state, "08") || !strncmp(state, "57P0", 4))
		return AGAIN_ON_NEW;
	if (!strcmp(state, "40001") || !strcmp(state, "40P01"))
		return AGAIN;
	return FAILED;
}

static bool is_one_of(const char *state, const char *const *states)
{
	for (; *states; states++)
		if (!strcmp(state, *states))
			return true;
	return false;
}

static void statement_failed(
    struct err *e, const struct stmt_def *d, const char *state, const char *message, bool lost)
{
	/* no schema, function, right or table */
	static const char *const not_set_up[] = { "3F000", "42883", "42501", "42P01", NULL };
	/* canceled by statement_timeout, by lock_timeout */
	static const char *const too_slow[] = { "57014", "55P03", NULL };
	static const char *const for_now[] = { "25006", "40001", "40P01", NULL };
	/* a prepared statement is missing, or another's is there, again and again */
	static const char *const pooled[] = { "26000", "42P05", NULL };
	char why[400];

	/* class 22 quotes the value that it does not like */
	snprintf(why, sizeof(why), "%s: %s %.*s", d->name, state, (int)strcspn(message, "\n"),
	    class_is(state, "22") ? "bad value" : message);
	if (is_one_of(state, not_set_up))
		err_reason(e, ERR_CONFIG, "database_schema",
		    "the database is not set up for this program: run `gatehousectl migrate`", "%s",
		    why);
	else if (is_one_of(state, pooled))
		err_reason(e, ERR_CONFIG, "database_pooler",
		    "the database's pooler keeps no prepared statements: set `preparedStatements` to "
		    "false in gateway.jsonc", "%s", why);
	else if (is_one_of(state, too_slow))
		db_fail_late(e, why);
	else if (lost || class_is(state, "08") || class_is(state, "53") || class_is(state, "57") ||
		 is_one_of(state, for_now))
		db_fail_away(e, why);
	else if (class_is(state, "GH"))
		err_reason(e, ERR_INTERNAL, "database_refused", "internal error", "%s", why);
	else
		err_set(e, ERR_INTERNAL, "internal error", "%s", why);
}

static PGresult *run(struct db *db, struct conn *c, enum stmt s, const struct db_param *params,
    size_t n, int64_t deadline)
{
	const struct stmt_def *d = &stmt_table[s];
	const char *values[PARAMS_MAX];
	int lengths[PARAMS_MAX], formats[PARAMS_MAX];

	for (size_t i = 0; i < n; i++) {
		values[i] = params[i].value;
		lengths[i] = (int)params[i].len;
		formats[i] = params[i].binary;
	}
	if (!db->prepare) {
		PQsendQueryParams(c->pg, d->sql, (int)n, NULL, values, lengths, formats, 0);
		return conn_finish(c->pg, deadline);
	}
	if (!c->prepared[s]) {
		PGresult *r;

		PQsendPrepare(c->pg, d->name, d->sql, (int)n, NULL);
		r = conn_finish(c->pg, deadline);
		if (!r || !result_is_good(r))
			return r;
		PQclear(r);
		c->prepared[s] = true;
	}
	PQsendQueryPrepared(c->pg, d->name, (int)n, values, lengths, formats, 0);
	return conn_finish(c->pg, deadline);
}

static void copy_rows(const PGresult *r, struct arena *a, struct db_rows *out)
{
	int rows = PQntuples(r), columns = PQnfields(r);
	const char **cells = arena_calloc(a, (size_t)rows * (size_t)columns + 1, sizeof(*cells));
	const char **cell = cells;

	for (int i = 0; i < rows; i++)
		for (int j = 0; j < columns; j++, cell++)
			if (!PQgetisnull(r, i, j))
				*cell = arena_strndup(
				    a, PQgetvalue(r, i, j), (size_t)PQgetlength(r, i, j));
	*out = (struct db_rows){ .rows = (size_t)rows, .columns = (size_t)columns, .cells = cells };
}

static enum verdict take_result(const struct stmt_def *d, const PGresult *r, bool lost,
    struct arena *a, struct db_rows *out, struct err *e)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

	if (!result_is_good(r)) {
		if (!state)
			state = "";
		if (!message)
			message = PQresultErrorMessage(r);
		statement_failed(e, d, state, message, lost);
		return judge(state, message, d->retry, lost);
	}
	if (d->shape == STMT_ONE && PQntuples(r) > 1) {
		err_set(e, ERR_INTERNAL, "internal error", "%s: more than one row", d->name);
		return FAILED;
	}
	if (out)
		copy_rows(r, a, out);
	return DONE;
}

/* JUDGES: MS without an answer show that the server is away. */
static enum verdict try_once(struct db *db, bool fresh, bool judges, int ms, int64_t deadline, enum stmt s,
    const struct db_param *params, size_t n, struct arena *a, struct db_rows *out, struct err *e)
{
	struct conn *c = pool_borrow(db, fresh, deadline, e);
	int64_t began = clock_ms();
	enum verdict verdict;
	PGresult *r;

	if (!c)
		return FAILED;
	r = run(db, c, s, params, n, deadline);
	if (!r) {
		db_fail_late(e, stmt_table[s].name);
		/* a call that began late, for want of a connection, proves nothing */
		if (judges && clock_ms() - began >= ms / 2)
			pool_suspect(db, e);
		pool_drop(db, c);
		return FAILED;
	}
	verdict = take_result(&stmt_table[s], r, PQstatus(c->pg) != CONNECTION_OK, a, out, e);
	PQclear(r);
	if (verdict == AGAIN_ON_NEW)
		pool_drop(db, c);
	else
		pool_return(db, c);
	return verdict;
}

static bool call(struct db *db, bool judges, int ms, enum stmt s, const struct db_param *params, size_t n, struct arena *a,
    struct db_rows *out, struct err *e)
{
	int64_t deadline = clock_ms() + ms;
	const struct stmt_def *d = &stmt_table[s];
	enum verdict verdict = AGAIN;
	struct err last;

	if (out)
		*out = (struct db_rows){ .rows = 0 };
	if (n != d->params || n > PARAMS_MAX || !(d->programs & db->program))
		return err_set(e, ERR_INTERNAL, "internal error",
		    "%s: not for this program, or not with %zu parameters", d->name, n);
	for (int i = 0; i < TRIES && (verdict == AGAIN || verdict == AGAIN_ON_NEW); i++) {
		err_clear(&last);
		verdict = try_once(db, verdict == AGAIN_ON_NEW, judges, ms, deadline, s, params, n, a, out, &last);
	}
	return verdict == DONE ||
	       err_reason(e, last.code, last.reason, last.text, "%s", last.detail);
}

bool db_call_within(struct db *db, int ms, enum stmt s, const struct db_param *params, size_t n, struct arena *a,
    struct db_rows *out, struct err *e)
{
	return call(db, true, ms, s, params, n, a, out, e);
}

bool db_call_long(struct db *db, int ms, enum stmt s, const struct db_param *params, size_t n, struct arena *a,
    struct db_rows *out, struct err *e)
{
	return call(db, false, ms, s, params, n, a, out, e);
}

bool db_call(struct db *db, enum stmt s, const struct db_param *params, size_t n, struct arena *a,
    struct db_rows *out, struct err *e)
{
	return db_call_within(db, db->statement_ms, s, params, n, a, out, e);
}
