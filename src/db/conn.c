/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection. All waiting is poll() with the time that is left; of libpq only the non-blocking
 * half is used, so that a server which stops answering costs a call its deadline and nothing else.
 */
#include "config.h"

#include "db/conn.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/db.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

char *db_conninfo(const char *conninfo, const char *program)
{
	static const char mark[] = "{program}";
	struct buf b;
	char *text;

	if (!conninfo || !*conninfo)
		return NULL;
	buf_init(&b, 64 * 1024);
	for (const char *at; (at = strstr(conninfo, mark)); conninfo = at + strlen(mark)) {
		buf_add(&b, conninfo, (size_t)(at - conninfo));
		buf_str(&b, program);
	}
	buf_str(&b, conninfo);
	text = xstrdup(buf_text(&b));
	OPENSSL_cleanse(b.data, b.len);
	buf_release(&b);
	return text;
}

char *application_for(const char *program)
{
	struct buf b;
	char *text;

	buf_init(&b, 128);
	buf_printf(&b, "gatehouse %s", program);
	text = xstrdup(buf_text(&b));
	buf_release(&b);
	return text;
}

void db_conninfo_free(char *conninfo)
{
	if (conninfo)
		OPENSSL_cleanse(conninfo, strlen(conninfo));
	free(conninfo);
}

bool db_fail_late(struct err *e, const char *what)
{
	return err_reason(
	    e, ERR_UNAVAILABLE, "database_timeout", "the database does not answer", "%s", what);
}

bool db_fail_away(struct err *e, const char *why)
{
	return err_reason(
	    e, ERR_UNAVAILABLE, "database_unavailable", "the database is not available", "%s", why);
}

/* Whether a message in PQERRORS_VERBOSE form ("FATAL:  28000: text", in every language) has a state
 * of ours. */
static bool names_us_unknown(const char *line)
{
	for (const char *p = line; (p = strstr(p, ":  ")); p++)
		if (strlen(p) > 8 && p[8] == ':' &&
		    (!strncmp(p + 3, "28", 2) || !strncmp(p + 3, "3D000", 5)))
			return true;
	return false;
}

static bool connect_failed(PGconn *pg, struct err *e)
{
	const char *message = PQerrorMessage(pg);
	char line[400];

	snprintf(line, sizeof(line), "%.*s", (int)strcspn(message, "\n"), message);
	if (names_us_unknown(line))
		return err_reason(e, ERR_CONFIG, "database_login",
		    "the database refuses this program: role or database are missing (run "
		    "`gatehousectl migrate`), or the password is wrong",
		    "%s", line);
	return db_fail_away(e, line);
}

bool conn_wait(PGconn *pg, short events, int64_t deadline)
{
	struct pollfd p = { .fd = PQsocket(pg), .events = events };
	int n;

	if (p.fd < 0)
		return true; /* broken: the next call into libpq says so */
	do {
		n = poll(&p, 1, clock_left_ms(deadline));
	} while (n < 0 && errno == EINTR);
	return n != 0;
}

static void log_notice(void *unused, const PGresult *notice)
{
	(void)unused;
	log_debug(NULL, "notice of the database", "notice",
	    PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY), NULL);
}

void conn_free(struct conn *c)
{
	PQfinish(c->pg);
	free(c);
}

static bool conn_open(PGconn *pg, int64_t deadline, struct err *e)
{
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	while (PQstatus(pg) != CONNECTION_BAD && state != PGRES_POLLING_OK &&
	       state != PGRES_POLLING_FAILED) {
		if (!conn_wait(pg, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline))
			return db_fail_late(e, "connect");
		state = PQconnectPoll(pg);
	}
	return PQstatus(pg) == CONNECTION_OK || connect_failed(pg, e);
}

struct conn *conn_new(
    const char *conninfo, const char *application, int64_t deadline, struct err *e)
{
	const char *const keys[] = { "dbname", "fallback_application_name", "client_encoding",
		NULL };
	const char *const values[] = { conninfo, application, "UTF8", NULL };
	struct conn *c = xcalloc(1, sizeof(*c));

	c->pg = PQconnectStartParams(keys, values, 1);
	if (!c->pg)
		abort(); /* no memory */
	/* libpq 15 tells the SQLSTATE of a failed login in no other way */
	PQsetErrorVerbosity(c->pg, PQERRORS_VERBOSE);
	if (!conn_open(c->pg, deadline, e)) {
		conn_free(c);
		return NULL;
	}
	PQsetErrorVerbosity(c->pg, PQERRORS_DEFAULT);
	PQsetnonblocking(c->pg, 1);
	PQsetNoticeReceiver(c->pg, log_notice, NULL);
	return c;
}

bool result_is_good(const PGresult *r)
{
	return PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK;
}

/* The first error says why, what follows it only that; without one the last result counts. */
static PGresult *better_of(PGresult *old, PGresult *new)
{
	if (old && !result_is_good(old)) {
		PQclear(new);
		return old;
	}
	PQclear(old);
	return new;
}

PGresult *conn_finish(PGconn *pg, int64_t deadline)
{
	PGresult *kept = NULL;

	for (;;) {
		int unsent = PQflush(pg);

		if (unsent <= 0 && (!PQisBusy(pg) || PQstatus(pg) == CONNECTION_BAD)) {
			PGresult *r = PQgetResult(pg);

			if (!r)
				return kept ? kept : PQmakeEmptyPGresult(pg, PGRES_FATAL_ERROR);
			kept = better_of(kept, r);
			continue;
		}
		if (!conn_wait(pg, unsent > 0 ? POLLIN | POLLOUT : POLLIN, deadline)) {
			PQclear(kept);
			return NULL;
		}
		PQconsumeInput(pg); /* a failure shows in the result */
	}
}
