/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL: a small pool of connections, borrowed for one statement (= one transaction)
 * each, never across a network call. Only named statements of sql/stmt/ can be run; each
 * belongs to the programs that its `-- for:` line names, and db_call() refuses others.
 *
 * Every connect and statement has a deadline in the client: a stopped server must not stop us.
 * Past it the connection is dropped: ERR_UNAVAILABLE, reason "database_timeout". A server
 * that refuses or is away: ERR_UNAVAILABLE, "database_unavailable"; while it is, one call at a time
 * finds out whether it is back and the others fail at once. A statement is retried on a new
 * connection for 40001, 40P01, 57P0x, 08xxx and 25006, within its deadline, unless it is marked
 * `-- retry: never`; statements that change something are written so that a repetition finds its
 * own row (security: "commit unknown").
 *
 * Time limits within the server (statement_timeout) are set on the roles by sql/roles.sql: no
 * connection pays for them.
 */
#ifndef GATEHOUSE_DB_DB_H
#define GATEHOUSE_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/stmt.h" /* generated: enum stmt, stmt_table[] */

struct db;

struct db_options {
	const char *conninfo; /* "{program}" is replaced; NULL or "": libpq's environment */
	const char *program;  /* "mcp", …: whose statements may be run */
	unsigned size;        /* connections at most; 0: 4 */
	bool prepare;         /* keep prepared statements (preparedStatements) */
	int connect_ms;       /* 0: 3000 */
	int statement_ms;     /* 0: 3000: all of a db_call(), waiting for a connection included */
};

/* CONNINFO with {program} replaced; NULL for "" and NULL. To be freed by the second, which wipes it
 * first. */
char *db_conninfo(const char *conninfo, const char *program);
void db_conninfo_free(char *);

/*
 * The files that libpq may open for this connection string: passwords, certificates, services. Absolute
 * paths, ended by NULL, in the arena; most of them need not be there.
 */
const char *const *db_files(struct arena *, const char *conninfo, const char *program);

/* No connection is made yet: a database that is away does not keep a program from starting. */
struct db *db_open(const struct db_options *);
void db_close(struct db *);

/* A parameter: text, or bytes. `value` NULL is SQL null. */
struct db_param {
	const void *value;
	size_t len;  /* bytes only */
	bool binary; /* true: `len` bytes, a bytea or another type's binary form; false: text ending in NUL */
};
#define DB_TEXT(s)     ((struct db_param){ .value = (s) })
#define DB_BYTES(p, n) ((struct db_param){ .value = (p), .len = (n), .binary = true })
#define DB_NULL        ((struct db_param){ .value = NULL })
struct db_param db_int(struct arena *, int64_t);
struct db_param db_bool(bool);
/* A PostgreSQL array literal of texts (quoted as needed) / of byteas, from N items. */
struct db_param db_text_array(struct arena *, const char *const *items, size_t n);
struct db_param db_bytes_array(struct arena *, const struct db_param *items, size_t n);

/*
 * Arrays in binary form, which the server reads at a tenth of the cost, for statements that get thousands of elements. The
 * parameter must be of just this type: text[]; int8[]; timestamptz[], of microseconds since 1970; uuid[]. An item that is NULL, for which HAS
 * says false, or that is no UUID becomes null. HAS NULL: all are there.
 */
struct db_param db_texts(struct arena *, const char *const *items, size_t n);
struct db_param db_ints(struct arena *, const int64_t *items, const bool *has, size_t n);
struct db_param db_times(struct arena *, const int64_t *us, size_t n);
struct db_param db_uuids(struct arena *, const char *const *items, size_t n);
/* Arrays of one element of index 0, which stands for all where a statement says so. */
struct db_param db_text_of_all(struct arena *, const char *item);
struct db_param db_int_of_all(struct arena *, int64_t item);

/* Rows, copied into the arena: they outlive the connection. */
struct db_rows {
	size_t rows, columns;
	const char *const *cells; /* rows * columns; NULL: SQL null */
};

/*
 * Runs a statement with its N parameters (it must be the number the statement declares).
 * OUT may be NULL. False with ERR_UNAVAILABLE (above), ERR_CONFIG (schema or role missing: the text
 * names the command that mends it), ERR_INTERNAL (any other SQL error; detail has statement,
 * SQLSTATE and message, never parameters; reason "database_refused" if an SQL function raised a
 * state of class GH: refusals that callers expect are returned as a row).
 */
bool db_call(struct db *, enum stmt, const struct db_param *, size_t n, struct arena *,
    struct db_rows *out, struct err *);

/*
 * The same with a limit of the caller's, in milliseconds: for background work that must end soon.
 */
bool db_call_within(struct db *, int ms, enum stmt, const struct db_param *, size_t n,
    struct arena *, struct db_rows *out, struct err *);

/* The same for work that may take longer by its nature: that it has no answer after MS says nothing about the server. */
bool db_call_long(struct db *, int ms, enum stmt, const struct db_param *, size_t n, struct arena *, struct db_rows *out,
    struct err *);

const char *db_text(const struct db_rows *, size_t row, size_t column); /* NULL: SQL null */
int64_t db_int_at(const struct db_rows *, size_t row, size_t column);   /* 0 for null */
bool db_bool_at(const struct db_rows *, size_t row, size_t column);     /* false for null */
/* A bytea cell; p NULL for null. */
struct db_param db_bytes_at(const struct db_rows *, size_t row, size_t column, struct arena *);

/*
 * Checks that the schema serves this build (sql/schema's version range): ERR_CONFIG that names
 * `gatehousectl migrate` if it is missing or older, or the release if it is newer than this build
 * can serve. Cached once true.
 */
bool db_schema_ok(struct db *, struct err *);

#endif
