/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migrate: brings a database to the schema of this build. Roles first, then each missing schema
 * file in a transaction of its own, then all functions with their grants in one: whoever looks
 * meanwhile sees the old state or the new one. An advisory lock lets one migration run at a time.
 *
 * This is the one place where SQL that is not a named statement runs; all of it is compiled in.
 */
#include "config.h"

#include "ctl.h"
#include "sql.h"

#include "db/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

enum { OLDEST_SERVER = 130000 };

struct migration {
	PGconn *pg;
	bool dry, single;
	int newest;     /* the newest schema file that the database has; 0: none */
	unsigned steps; /* schema files applied */
};

/* ---- running SQL ---- */

static void say_notice(void *unused, const PGresult *r)
{
	const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);

	(void)unused;
	if (severity && !strcmp(severity, "WARNING"))
		fprintf(stderr, "gatehousectl: migrate: %s\n",
		    PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
}

static bool sql_failed(const struct migration *m, const char *what, struct err *e)
{
	err_set(e, ERR_INTERNAL, "", "%s", PQerrorMessage(m->pg));
	return err_text(e, "%s failed; nothing of it was kept", what);
}

/* Rows as text, or NULL with the error. WHAT says what is being done. */
static PGresult *query(const struct migration *m, const char *what, const char *sql, int n,
    const char *const *params, struct err *e)
{
	PGresult *r = PQexecParams(m->pg, sql, n, NULL, params, NULL, NULL, 0);

	if (PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK)
		return r;
	sql_failed(m, what, e);
	PQclear(r);
	return NULL;
}

static bool run_params(const struct migration *m, const char *what, const char *sql, int n,
    const char *const *params, struct err *e)
{
	PGresult *r = query(m, what, sql, n, params, e);

	PQclear(r);
	return r != NULL;
}

/* A file of statements, or one. */
static bool run_text(const struct migration *m, const char *what, const char *sql, struct err *e)
{
	PGresult *r = PQexec(m->pg, sql);
	bool ok = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;

	if (!ok)
		sql_failed(m, what, e);
	PQclear(r);
	return ok;
}

/* ---- steps ---- */

static bool open_database(struct migration *m, const char *conninfo, struct err *e)
{
	const char *const keys[] = { "connect_timeout", "fallback_application_name", "dbname",
		NULL };
	const char *const values[] = { "10", "gatehousectl migrate", conninfo, NULL };

	m->pg = PQconnectdbParams(keys, values, 1);
	if (!m->pg)
		abort();
	if (PQstatus(m->pg) != CONNECTION_OK) {
		err_set(e, ERR_UNAVAILABLE, "cannot connect to the database", "%s",
		    PQerrorMessage(m->pg));
		return false;
	}
	PQsetNoticeReceiver(m->pg, say_notice, NULL);
	if (PQserverVersion(m->pg) < OLDEST_SERVER)
		return err_set(
		    e, ERR_CONFIG, "the server is too old: PostgreSQL 13 or later is needed", "");
	return true;
}

/* "gatehousem", as a number: any constant that nobody else locks. */
static bool lock(const struct migration *m, struct err *e)
{
	return run_text(
	    m, "waiting for another migration", "select pg_advisory_lock(7449359170164355437)", e);
}

/* One role for all, or one for each program: a database keeps to what it was made with. */
static bool check_kind(const struct migration *m, struct err *e)
{
	PGresult *r = query(m, "looking at the schema",
	    "select pg_get_userbyid(nspowner) = 'gatehouse' from pg_namespace "
	    "where nspname = 'gatehouse'",
	    0, NULL, e);
	bool ok = true, single;

	if (!r)
		return false;
	if (PQntuples(r) == 1) {
		single = *PQgetvalue(r, 0, 0) != 't';
		if (single && !m->single)
			ok = err_set(e, ERR_CONFIG,
			    "this database was made with --single-role: repeat it", "");
		else if (!single && m->single)
			ok = err_set(e, ERR_CONFIG,
			    "this database has a role for each program: leave --single-role out",
			    "");
	}
	PQclear(r);
	return ok;
}

static bool roles(const struct migration *m, struct err *e)
{
	if (m->dry)
		return true;
	if (m->single)
		return run_text(m, "making the schema", "create schema if not exists gatehouse", e);
	if (run_text(m, "begin", "begin", e) &&
	    run_text(m,
		"making roles (a superuser can, or who has CREATEROLE and may create schemas)",
		sql_roles, e) &&
	    run_text(m, "commit", "commit", e))
		return run_text(m, "acting as the owner", "set role gatehouse", e);
	return false;
}

static bool read_version(struct migration *m, struct err *e)
{
	PGresult *r = query(m, "looking for the version",
	    "select to_regclass('gatehouse.schema_version') is not null", 0, NULL, e);
	bool there = r && *PQgetvalue(r, 0, 0) == 't';

	PQclear(r);
	if (!r || !there)
		return r != NULL;
	r = query(m, "reading the version",
	    "select coalesce(max(number), 0) from gatehouse.schema_version", 0, NULL, e);
	if (!r)
		return false;
	m->newest = (int)strtol(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
	return true;
}

static bool apply_schema(struct migration *m, const struct sql_schema *s, struct err *e)
{
	char number[16], from[16];
	const char *const row[] = { number, s->name, from };

	snprintf(number, sizeof(number), "%d", s->number);
	snprintf(from, sizeof(from), "%d", s->compatible_from);
	m->steps++;
	if (m->dry) {
		printf("would apply %s\n", s->name);
		return true;
	}
	if (!run_text(m, "begin", "begin", e) || !run_text(m, s->name, s->text, e) ||
	    !run_params(m, s->name,
		"insert into gatehouse.schema_version (number, name, compatible_from) "
		"values ($1, $2, $3)",
		3, row, e) ||
	    !run_text(m, "commit", "commit", e))
		return false;
	printf("applied %s\n", s->name);
	return true;
}

static bool apply_schemas(struct migration *m, struct err *e)
{
	if (m->newest > SCHEMA_KNOWN) {
		err_set(e, ERR_CONFIG, "", "");
		return err_text(e,
		    "the database is at schema %d, this gatehousectl knows %d: use that of the "
		    "newer release",
		    m->newest, SCHEMA_KNOWN);
	}
	for (const struct sql_schema *s = sql_schema; s->name; s++)
		if (s->number > m->newest && !apply_schema(m, s, e))
			return false;
	return true;
}

static bool apply_functions(const struct migration *m, struct err *e)
{
	if (!run_text(m, "begin", "begin", e))
		return false;
	for (const struct sql_file *f = sql_functions; f->name; f++)
		if (!run_text(m, f->name, f->text, e))
			return false;
	for (const struct sql_grant *g = sql_grants; g->function; g++) {
		const char *const row[] = { g->function, m->single ? "" : g->programs };

		if (!run_params(m, g->function,
			"select gatehouse.function_grant($1, string_to_array($2, ' '))", 2, row, e))
			return false;
	}
	return run_text(m, "closing what is nobody's", "select gatehouse.function_close()", e) &&
	       run_text(m, "making the days of events", "select gatehouse.event_days()", e) &&
	       run_text(m, "commit", "commit", e);
}

static bool note(struct ctl *ctl, const struct migration *m, struct err *e)
{
	const char *const row[] = { ctl_actor(ctl->arena), ctl_trace(ctl->arena),
		arena_printf(ctl->arena, "{\"before\":{\"schema\":%d},\"after\":{\"schema\":%d}}", m->newest,
		    SCHEMA_KNOWN) };

	return run_params(m, "writing to the audit trail",
	    "select gatehouse.audit_note('database_migrated', $1, 'database', $2, $3)", 3, row, e);
}

static bool migrate(struct ctl *ctl, struct migration *m, const char *conninfo, struct err *e)
{
	if (!open_database(m, conninfo, e) || !lock(m, e) || !check_kind(m, e) || !roles(m, e) ||
	    !read_version(m, e) || !apply_schemas(m, e))
		return false;
	if (m->dry) {
		printf("would leave the database at schema %d; nothing was changed\n",
		    SCHEMA_KNOWN);
		return true;
	}
	if (!apply_functions(m, e))
		return false;
	if (!note(ctl, m, e))
		return false;
	printf("schema %d: %s; functions and grants are current\n", SCHEMA_KNOWN,
	    m->steps ? "up to date now" : "nothing to apply");
	return true;
}

/* ---- the command ---- */

/* The project's connection string as the administrator's, to be freed; *OK false: there is no
 * project. */
static char *project_conninfo(const struct ctl *ctl, bool *ok)
{
	struct project *p = ctl_project(ctl, &ctl_migrate);
	char *conninfo = p ? db_conninfo(p->database, "admin") : NULL;

	*ok = p != NULL;
	if (p)
		project_unref(p);
	return conninfo;
}

static int run_on(struct ctl *ctl, struct migration *m, const char *conninfo)
{
	struct err e = { .code = ERR_NONE };
	bool ok = migrate(ctl, m, conninfo, &e);

	PQfinish(m->pg);
	return ok ? CTL_OK : ctl_fail(&ctl_migrate, &e);
}

static int migrate_run(struct ctl *ctl, int argc, char **argv)
{
	struct migration m = { .pg = NULL };
	const char *given = NULL;
	char *conninfo;
	bool ok;
	int status;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--dry-run"))
			m.dry = true;
		else if (!strcmp(argv[i], "--single-role"))
			m.single = true;
		else if (!strcmp(argv[i], "--database") && i + 1 < argc)
			given = argv[++i];
		else
			return ctl_usage(&ctl_migrate);
	}
	if (given)
		return run_on(ctl, &m, given);
	conninfo = project_conninfo(ctl, &ok);
	status = ok ? run_on(ctl, &m, conninfo) : CTL_FAILED;
	db_conninfo_free(conninfo);
	return status;
}

static const struct ctl_act acts[] = {
	{ "*", "database_migrated" },
	{ NULL, NULL },
};

const struct ctl_command ctl_migrate = {
	.name = "migrate",
	.usage = "[--database CONNINFO] [--single-role] [--dry-run]",
	.about = "bring roles, schema and functions of the database to this release",
	.acts = acts,
	.run = migrate_run,
};
