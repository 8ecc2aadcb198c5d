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

/* ---- several hosts ---- */

static unsigned count_items(const char *list)
{
	unsigned n = list && *list;

	for (; n && (list = strchr(list, ',')); list++)
		n++;
	return n;
}

/* Item I of a list with commas, to be freed; of a list of one, that one; NULL without a list. */
static char *item_of(const char *list, unsigned i)
{
	if (!list)
		return NULL;
	for (unsigned n = count_items(list); n > 1 && i > 0; i--)
		list = strchr(list, ',') + 1;
	return xstrndup(list, strcspn(list, ","));
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options && options->keyword; options++)
		if (!strcmp(options->keyword, keyword))
			return options->val;
	return NULL;
}

static unsigned count_hosts(const PQconninfoOption *options)
{
	unsigned names = count_items(value_of(options, "host"));
	unsigned addresses = count_items(value_of(options, "hostaddr"));

	return names > addresses ? names : addresses;
}

/* ---- a connection ---- */

/* To host number WHICH of those in OPTIONS; NULL: as libpq has it. */
static struct conn *connect_to(const PQconninfoOption *options, unsigned which, const char *conninfo,
    const char *application, int64_t deadline, struct err *e)
{
	char *host = item_of(value_of(options, "host"), which);
	char *address = item_of(value_of(options, "hostaddr"), which);
	char *port = item_of(value_of(options, "port"), which);
	/* what comes after dbname overrides what is in it */
	const char *const keys[] = { "dbname", "fallback_application_name", "client_encoding", "host",
		"hostaddr", "port", NULL };
	const char *const values[] = { conninfo, application, "UTF8", host, address, port, NULL };
	struct conn *c = xcalloc(1, sizeof(*c));

	c->pg = PQconnectStartParams(keys, values, 1);
	free(host);
	free(address);
	free(port);
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

/* What libpq would take for a connection string, not for a database's name. */
static bool is_string(const char *conninfo)
{
	return strchr(conninfo, '=') || !strncmp(conninfo, "postgresql://", 13) ||
	       !strncmp(conninfo, "postgres://", 11);
}

/*
 * libpq goes from host to host by itself, but only when one refuses: a machine without power would
 * take all of the time, each time, and the one that took its place would never be asked.
 */
struct conn *conn_new(const char *conninfo, const char *application, atomic_uint *host,
    int64_t deadline, struct err *e)
{
	PQconninfoOption *options = conninfo ? PQconninfoParse(conninfo, NULL) : NULL;
	unsigned n = count_hosts(options), first = *host;
	struct conn *c = NULL;

	/* libpq's own words repeat what it could not read: with a blank in it, a part of the password */
	if (!options && conninfo && is_string(conninfo)) {
		err_reason(e, ERR_CONFIG, "database_string",
		    "the connection string of the database is malformed: quote values with blanks", "%s", "");
		return NULL;
	}
	if (n < 2)
		c = connect_to(NULL, 0, conninfo, application, deadline, e);
	for (unsigned i = 0; !c && n > 1 && i < n; i++) {
		unsigned which = (first + i) % n;
		int64_t now = clock_ms();

		err_clear(e);
		c = connect_to(options, which, conninfo, application, now + (deadline - now) / (n - i), e);
		if (c)
			*host = which;
	}
	PQconninfoFree(options);
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
