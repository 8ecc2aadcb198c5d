/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database as the programs find it: each check logs in as they do. Catalogs are everybody's to read, so
 * that no administrator's role is needed but for the events. Nothing is written.
 *
 * Like migrate this runs SQL that is no named statement; all of it is constant.
 */
#include "config.h"

#include "doctor.h"

#include "base/clock.h"
#include "base/rand.h"
#include "db/db.h"
#include "sql.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

enum { ANSWER_MS = 5000, NOTIFY_WAIT_MS = 2000, EVENT_WAIT_MS = 3000, SKEW_WARNING_MS = 2000, SKEW_ERROR_MS = 30000,
	UNSEALED_S = 10 };

#define SKEW_REMEDY "let both machines keep time: systemctl enable --now systemd-timesyncd (or chrony)"

struct pg_conn {
	PGconn *pg;
	const char *program; /* whose login it is */
};

/* A connection of PROGRAM through CONNINFO; NULL with *WHY (libpq's first line). */
static PGconn *connect_as(struct doctor *d, const char *conninfo, const char *program, const char **why)
{
	char *text = db_conninfo(conninfo, program);
	const char *const keys[] = { "connect_timeout", "fallback_application_name", "dbname", NULL };
	const char *const values[] = { "3", "gatehousectl doctor", text, NULL };
	PGconn *pg;

	doctor_as_program(d, program); /* peer authentication goes by who connects */
	pg = PQconnectdbParams(keys, values, 1);
	doctor_as_root();
	db_conninfo_free(text);
	if (!pg)
		abort();
	if (PQstatus(pg) == CONNECTION_OK)
		return pg;
	*why = arena_strndup(d->arena, PQerrorMessage(pg), strcspn(PQerrorMessage(pg), "\n"));
	PQfinish(pg);
	return NULL;
}

/*
 * The result of what was just sent. A server that stopped answering must not stop a monitor: NULL after a while,
 * and from then on at once.
 */
static PGresult *result_of(struct doctor *d, PGconn *pg)
{
	int64_t until = clock_ms() + ANSWER_MS;
	PGresult *last = NULL, *next;

	while (!d->database_hangs) {
		struct pollfd p = { .fd = PQsocket(pg), .events = POLLIN };

		if (PQconsumeInput(pg) && PQisBusy(pg)) {
			d->database_hangs = !poll(&p, 1, clock_left_ms(until));
			continue;
		}
		next = PQgetResult(pg);
		if (!next)
			return last;
		PQclear(last);
		last = next;
	}
	PQclear(last);
	return NULL;
}

/* A constant text without parameters or result. */
static void tell(struct doctor *d, PGconn *pg, const char *sql)
{
	PQsendQuery(pg, sql);
	PQclear(result_of(d, pg));
}

/* Rows as text, or NULL, which is a finding. Parameters may be NULL: then there are none, or one. */
static PGresult *query2(struct doctor *d, PGconn *pg, const char *sql, const char *a, const char *b)
{
	const char *const parameters[] = { a, b };
	PGresult *r;

	PQsendQueryParams(pg, sql, b ? 2 : a ? 1 : 0, NULL, parameters, NULL, NULL, 0);
	r = result_of(d, pg);
	if (d->database_hangs) {
		doctor_error(d, "PostgreSQL's log, its disk and its load", "the database does not answer");
		return NULL;
	}
	if (PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK)
		return r;
	doctor_error(d, "run `gatehousectl migrate`; the server's log says more", "the database refuses to say: %.*s",
	    (int)strcspn(PQerrorMessage(pg), "\n"), PQerrorMessage(pg));
	PQclear(r);
	return NULL;
}

static PGresult *query(struct doctor *d, PGconn *pg, const char *sql, const char *parameter)
{
	return query2(d, pg, sql, parameter, NULL);
}

static const char *first_value(struct doctor *d, const PGresult *r)
{
	return PQntuples(r) && !PQgetisnull(r, 0, 0) ? arena_strdup(d->arena, PQgetvalue(r, 0, 0)) : NULL;
}

/* The first value of the first row, in the arena; NULL if there is none or the query failed. */
static const char *ask_two(struct doctor *d, const char *sql, const char *a, const char *b)
{
	PGresult *r = query2(d, d->pg->pg, sql, a, b);
	const char *value = r ? first_value(d, r) : NULL;

	PQclear(r);
	return value;
}

static const char *ask_one(struct doctor *d, const char *sql, const char *parameter)
{
	return ask_two(d, sql, parameter, NULL);
}

void doctor_database_close(struct doctor *d)
{
	if (d->pg)
		PQfinish(d->pg->pg);
	d->pg = NULL;
}

/* ---- logging in */

static const char *login_remedy(struct doctor *d, const char *program, const char *why)
{
	if (strstr(why, "does not exist"))
		return "run `gatehousectl migrate`";
	if (strstr(why, "authentication") || strstr(why, "pg_hba") || strstr(why, "password"))
		return arena_printf(d->arena,
		    "pg_ident.conf: gatehouse  SYSTEM-USER  gatehouse_%s (with peer), or a line in ~/.pgpass", program);
	return "\"database\" in gateway.jsonc, and that PostgreSQL runs there";
}

void check_login(struct doctor *d)
{
	for (const struct program *p = doctor_programs; p->name; p++) {
		const char *why = NULL;
		PGconn *pg = p->database ? connect_as(d, d->p->database, p->name, &why) : NULL;

		if (why)
			doctor_error(d, login_remedy(d, p->name, why), "%s cannot log in: %s", p->name, why);
		if (pg && d->pg) {
			PQfinish(pg);
		} else if (pg) {
			d->pg = arena_alloc(d->arena, sizeof(*d->pg));
			*d->pg = (struct pg_conn){ pg, p->name };
		}
	}
}

static bool is_single_role(struct doctor *d)
{
	const char *owner = ask_one(d,
	    "select pg_get_userbyid(nspowner) from pg_catalog.pg_namespace where nspname = 'gatehouse'", NULL);

	return owner && strcmp(owner, "gatehouse") != 0;
}

void check_schema(struct doctor *d)
{
	struct db_options options = { .conninfo = d->p->database, .program = d->pg->program, .size = 1 };
	struct db *db = db_open(&options);
	struct err e = { .code = ERR_NONE };
	bool fits;

	doctor_as_program(d, d->pg->program);
	fits = db_schema_ok(db, &e);
	doctor_as_root();
	if (!fits)
		doctor_error(d, strstr(e.text, "newer") ? "install the release of the other machines here too" :
		                                          "run `gatehousectl migrate`",
		    "%s%s%s", e.text, *e.detail ? ": " : "", e.detail);
	db_close(db);
}

/* ---- roles and rights */

static void role_fault(struct doctor *d, const char *role, const PGresult *r)
{
	static const struct {
		const char *what, *remedy;
	} faults[] = {
		{ "is a superuser", "nosuperuser" }, { "may make roles", "nocreaterole" },
		{ "may make databases", "nocreatedb" }, { "passes by row security", "nobypassrls" },
	};

	for (int i = 0; i < 4; i++)
		if (*PQgetvalue(r, 0, i) == 't')
			doctor_error(d, arena_printf(d->arena, "alter role %s %s", role, faults[i].remedy),
			    "the role %s %s", role, faults[i].what);
	if (*PQgetvalue(r, 0, 4) == 't')
		doctor_error(d, arena_printf(d->arena, "revoke gatehouse from %s", role),
		    "the role %s is a member of the owner's", role);
}

static void check_role(struct doctor *d, const char *role)
{
	PGresult *r = query(d, d->pg->pg,
	    "select rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, "
	    "pg_has_role(oid, 'gatehouse', 'member') and not rolsuper, rolcanlogin "
	    "from pg_catalog.pg_roles where rolname = $1", role);

	if (r && !PQntuples(r))
		doctor_error(d, "run `gatehousectl migrate`", "there is no role %s", role);
	else if (r)
		role_fault(d, role, r);
	PQclear(r);
}

void check_roles(struct doctor *d)
{
	if (is_single_role(d)) {
		doctor_warning(d, "where roles can be made: a new database, `gatehousectl migrate` without --single-role",
		    "one role serves all programs: a mistake in SQL meets no second barrier");
		return;
	}
	for (const struct program *p = doctor_programs; p->name; p++)
		if (p->database)
			check_role(d, arena_printf(d->arena, "gatehouse_%s", p->name));
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += n)
		if ((at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
			return true;
	return false;
}

/* What it must have and lacks. (More than that is found the other way round.) */
static void check_functions(struct doctor *d, const char *program)
{
	const char *role = arena_printf(d->arena, "gatehouse_%s", program), *first = NULL;
	unsigned missing = 0;

	for (const struct sql_grant *g = sql_grants; g->function; g++) {
		const char *has;

		if (!has_word(g->programs, program))
			continue;
		has = ask_two(d,
		    "select bool_or(has_function_privilege($1, oid, 'execute')) from pg_catalog.pg_proc "
		    "where pronamespace = 'gatehouse'::regnamespace and proname = $2", role, g->function);
		if (has && *has == 't')
			continue;
		first = first ? first : g->function;
		missing++;
	}
	if (missing)
		doctor_error(d, "run `gatehousectl migrate`", "%s may not execute %s()%s", role, first,
		    missing > 1 ? arena_printf(d->arena, " and %u more", missing - 1) : "");
}

/* Tables, and functions made for others. */
static void check_excess(struct doctor *d, const char *program)
{
	const char *role = arena_printf(d->arena, "gatehouse_%s", program);
	const char *table = ask_one(d,
	    "select c.oid::regclass::text from pg_catalog.pg_class c "
	    "where relnamespace = 'gatehouse'::regnamespace and relkind in ('r', 'p', 'v', 'm') "
	    "and has_table_privilege($1, c.oid, 'select, insert, update, delete, truncate') limit 1", role);
	PGresult *r = query(d, d->pg->pg,
	    "select proname from pg_catalog.pg_proc where pronamespace = 'gatehouse'::regnamespace "
	    "and has_function_privilege($1, oid, 'execute')", role);

	if (table)
		doctor_error(d, arena_printf(d->arena, "revoke all on %s from %s, public", table, role),
		    "%s has rights to the table %s", role, table);
	for (int i = 0; r && i < PQntuples(r); i++) {
		const struct sql_grant *g = sql_grants;

		while (g->function && strcmp(g->function, PQgetvalue(r, i, 0)) != 0)
			g++;
		if (g->function && !has_word(g->programs, program))
			doctor_error(d, "run `gatehousectl migrate`, which takes it away",
			    "%s may execute %s(), which is not made for it", role, g->function);
	}
	PQclear(r);
}

void check_rights(struct doctor *d)
{
	if (is_single_role(d)) {
		doctor_skip(d, "one role serves all programs");
		return;
	}
	for (const struct program *p = doctor_programs; p->name; p++)
		if (p->database && ask_one(d, "select 1 from pg_catalog.pg_roles where rolname = $1",
		        arena_printf(d->arena, "gatehouse_%s", p->name))) {
			check_functions(d, p->name);
			check_excess(d, p->name);
		}
}

void check_role_limits(struct doctor *d)
{
	for (const struct program *p = doctor_programs; p->name; p++) {
		const char *why = NULL, *value;
		PGconn *pg = p->database ? connect_as(d, d->p->database, p->name, &why) : NULL;
		PGresult *r = pg ? query(d, pg, "select current_setting('statement_timeout')", NULL) : NULL;

		value = r ? first_value(d, r) : NULL;
		if (value && !strcmp(value, "0"))
			doctor_warning(d, arena_printf(d->arena, "alter role gatehouse_%s set statement_timeout = '2900ms'",
			        p->name),
			    "the server lets statements of %s run for ever: nothing ends what a program has given up",
			    p->name);
		PQclear(r);
		PQfinish(pg);
	}
}

void check_writable(struct doctor *d)
{
	const char *read_only = ask_one(d, "select current_setting('transaction_read_only')", NULL);

	if (read_only && !strcmp(read_only, "on"))
		doctor_error(d, "name all servers, and the right one will be found: \"database\": \"host=a,b "
		    "target_session_attrs=read-write ...\"",
		    "the database is read-only: a standby, or default_transaction_read_only");
}

/* ---- notifications and poolers */

/* Whether there is a direct connection beside the one for statements. */
static bool is_pooled(struct doctor *d)
{
	return d->p->database_listen && (!d->p->database || strcmp(d->p->database, d->p->database_listen) != 0);
}

static bool wait_for_notification(PGconn *pg, const char *payload)
{
	int64_t until = clock_ms() + NOTIFY_WAIT_MS;

	for (;;) {
		struct pollfd p = { .fd = PQsocket(pg), .events = POLLIN };
		PGnotify *n;
		bool found;

		PQconsumeInput(pg);
		while ((n = PQnotifies(pg))) {
			found = !strcmp(n->extra, payload);
			PQfreemem(n);
			if (found)
				return true;
		}
		if (!clock_left_ms(until) || PQstatus(pg) != CONNECTION_OK)
			return false;
		poll(&p, 1, clock_left_ms(until));
	}
}

/* On a channel of our own: what programs listen to is not disturbed. */
static void try_notification(struct doctor *d, PGconn *listener)
{
	char payload[REQUEST_ID_TEXT];
	PGresult *r = query(d, listener, "listen gatehouse_doctor", NULL);

	if (!r)
		return;
	PQclear(r);
	rand_request_id(payload);
	r = query(d, d->pg->pg, "select pg_notify('gatehouse_doctor', $1)", payload);
	PQclear(r);
	if (r && !wait_for_notification(listener, payload))
		doctor_error(d, "\"databaseListen\": a direct connection to PostgreSQL, not through the pooler",
		    "notifications do not arrive through %s: every call looks its token up, and streams outlive a "
		    "revocation (a pooler in transaction mode does not pass LISTEN on)",
		    is_pooled(d) ? "databaseListen" : "database");
}

void check_notifications(struct doctor *d)
{
	const char *through = d->p->database_listen ? d->p->database_listen : d->p->database, *why = NULL;
	PGconn *listener = connect_as(d, through, "mcp", &why);

	if (!listener) {
		doctor_error(d, "\"databaseListen\" in gateway.jsonc", "mcp cannot log in to listen: %s", why);
		return;
	}
	try_notification(d, listener);
	PQfinish(listener);
}

/* Behind a pooler that changes servers between transactions, a statement prepared on one is not there on the next. */
void check_prepared(struct doctor *d)
{
	const char *why = NULL;
	PGconn *other;
	PGresult *r;

	if (!d->p->prepared_statements)
		return;
	other = connect_as(d, d->p->database, d->pg->program, &why); /* poolers keep users apart */
	if (!other) {
		doctor_skip(d, "a second connection cannot be had: %s", why);
		return;
	}
	PQsendPrepare(d->pg->pg, "doctor", "select 1", 0, NULL);
	PQclear(result_of(d, d->pg->pg));
	tell(d, other, "begin");
	tell(d, other, "select 1"); /* a pooler gives it the server that was free */
	PQsendQueryPrepared(d->pg->pg, "doctor", 0, NULL, NULL, NULL, 0);
	r = result_of(d, d->pg->pg);
	if (!d->database_hangs && PQresultStatus(r) != PGRES_TUPLES_OK)
		doctor_error(d, "\"preparedStatements\": false (or max_prepared_statements in PgBouncer 1.21 and later)",
		    "prepared statements get lost between here and the database: a pooler gives each transaction "
		    "another server");
	PQclear(r);
	tell(d, other, "rollback");
	tell(d, d->pg->pg, "deallocate all");
	PQfinish(other);
}

void check_pool(struct doctor *d)
{
	unsigned counts[16];
	bool seen = doctor_count_processes(d, counts);
	const char *free_text;
	long wanted = 0, room;

	if (is_pooled(d)) {
		doctor_skip(d, "connections go through a pooler");
		return;
	}
	for (int i = 0; doctor_programs[i].name; i++)
		wanted += (long)(seen && counts[i] ? counts[i] : 1) * doctor_programs[i].connections;
	free_text = ask_one(d,
	    "select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int "
	    "- (select count(*) from pg_catalog.pg_stat_activity where usename not like 'gatehouse%')", NULL);
	room = free_text ? strtol(free_text, NULL, 10) : wanted;
	if (wanted > room)
		doctor_error(d, arena_printf(d->arena, "postgresql.conf: max_connections = %ld, or fewer processes",
		        wanted + 40),
		    "the programs may open %ld connections, and the server has room for %ld", wanted, room);
}

/* ---- time, events */

void check_clock(struct doctor *d)
{
	int64_t before = clock_wall_us(), after, theirs, skew;
	const char *text = ask_one(d,
	    "select (extract(epoch from pg_catalog.clock_timestamp()) * 1000000)::bigint", NULL);

	after = clock_wall_us();
	if (!text)
		return;
	theirs = strtoll(text, NULL, 10);
	/* anywhere between question and answer is no skew */
	skew = theirs < before ? before - theirs : theirs > after ? theirs - after : 0;
	skew /= 1000;
	if (skew > SKEW_ERROR_MS)
		doctor_error(d, SKEW_REMEDY, "this machine's clock and the database's differ by %lld s",
		    (long long)skew / 1000);
	else if (skew > SKEW_WARNING_MS)
		doctor_warning(d, SKEW_REMEDY, "this machine's clock and the database's differ by %lld ms",
		    (long long)skew);
}

void check_event_days(struct doctor *d)
{
	const char *missing = ask_one(d,
	    "select string_agg(t, ', ') from (select p || to_char((now() at time zone 'UTC')::date + n, '_YYYYMMDD') "
	    "as t from unnest(array['event_call', 'event_auth', 'event_policy']) p, generate_series(0, 1) n) w "
	    "where to_regclass('gatehouse.' || t) is null", NULL);

	if (missing)
		doctor_error(d, "run `gatehousectl maintenance`; programs do it by themselves, three times a minute: see their logs",
		    "tables of events are missing: %s", missing);
}

void check_rollup(struct doctor *d)
{
	const char *behind = ask_one(d,
	    "select (behind_s / 60)::text from gatehouse.rollup_lag() where behind_s > 900", NULL);

	if (behind)
		doctor_warning(d, "run `gatehousectl maintenance`; programs do it by themselves, three times a minute: see their logs",
		    "calls are not summed up for the operators' pages since %s minutes", behind);
}

/* The administrator's connection; NULL, which was said. */
static PGconn *as_administrator(struct doctor *d)
{
	const char *why = NULL;
	PGconn *pg = connect_as(d, d->p->database, "admin", &why);

	if (!pg) {
		doctor_skip(d, "the administrator cannot log in here: %s", why);
		return NULL;
	}
	tell(d, pg, "set role gatehouse"); /* where one role serves all, it is the owner already */
	return pg;
}

/* What the project of the directory says, as reload would tell it; the numbers are those of sql/fn/event.sql. */
void check_retention(struct doctor *d)
{
	const char *want = arena_printf(d->arena, "%d and %d", d->p->events_days, d->p->summary_days), *kept;
	PGconn *pg = as_administrator(d);
	PGresult *r;

	if (!pg)
		return;
	r = query(d, pg, "select coalesce(max(days), 90) || ' and ' || coalesce(max(sum_days), 400) from gatehouse.event_keep", NULL);
	PQfinish(pg);
	kept = r ? first_value(d, r) : NULL;
	PQclear(r);
	if (kept && strcmp(kept, want) != 0)
		doctor_warning(d, "run `gatehousectl reload` or `gatehousectl maintenance`, which tell it",
		    "the database keeps events and sums for %s days, the project says %s", kept, want);
}

/* One that fails is tried, and its failure is told elsewhere. */
void check_forward(struct doctor *d)
{
	PGconn *pg = d->p->destinations_n ? as_administrator(d) : NULL;

	for (size_t i = 0; pg && i < d->p->destinations_n; i++) {
		const char *name = d->p->destinations[i].name, *since;
		PGresult *r = query(d, pg,
		    "select coalesce(max(l.seen_at), 'it was named') from gatehouse.forward_list() l where l.name = $1 "
		    "having max(l.seen_at) is null or (max(l.failed) is null and "
		    "max(l.seen_at) < gatehouse.utc_text(now() - interval '15 minutes'))", name);

		since = r ? first_value(d, r) : NULL;
		PQclear(r);
		if (since)
			doctor_warning(d, "start consent.fcgi, which sends (its log says why it does not), or run `gatehousectl events "
					  "forward` from cron",
			    "nobody has looked for events to send to '%s' since %s", name, since);
	}
	PQfinish(pg);
}

void check_audit(struct doctor *d)
{
	const char *seconds;
	PGconn *pg = as_administrator(d);
	PGresult *r;

	if (!pg)
		return;
	r = query2(d, pg, "select gatehouse.audit_waiting()", NULL, NULL);
	seconds = first_value(d, r);
	PQclear(r);
	PQfinish(pg);
	if (seconds && strtol(seconds, NULL, 10) >= UNSEALED_S)
		doctor_error(d, "start consent.fcgi, which seals (its log says why it does not), or run `gatehousectl audit "
				"seal` from cron",
		    "rows of the audit trail are unsealed for %s s: who writes to the database could change them unseen",
		    seconds);
}

const char *doctor_event_address(struct doctor *d, const char *request_id, const char **why)
{
	PGconn *pg = connect_as(d, d->p->database, "admin", why);
	int64_t until = clock_ms() + EVENT_WAIT_MS;
	const char *found = NULL;

	if (!pg)
		return NULL;
	tell(d, pg, "set role gatehouse"); /* where one role serves all, it is the owner already */
	while (!found && clock_left_ms(until)) {
		PGresult *r;

		PQsendQueryParams(pg,
		    "select coalesce(client_ip, '') from gatehouse.event_call "
		    "where request_id = $1 and at > now() - interval '1 hour'",
		    1, NULL, &request_id, NULL, NULL, 0);
		r = result_of(d, pg);
		if (PQresultStatus(r) != PGRES_TUPLES_OK)
			*why = arena_strndup(d->arena, PQerrorMessage(pg), strcspn(PQerrorMessage(pg), "\n"));
		else
			found = first_value(d, r);
		PQclear(r);
		if (*why)
			break;
		if (!found)
			poll(NULL, 0, 50);
	}
	PQfinish(pg);
	return found;
}
