/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An event as it was read back from PostgreSQL to be told elsewhere: a row that was made of a piece of a page (event/packed.h),
 * whose columns are the fields of event/record.h in their order.
 */
#ifndef GATEHOUSE_KEEPER_TOLD_H
#define GATEHOUSE_KEEPER_TOLD_H

#include "db/db.h"
#include "event/record.h"

struct told {
	struct arena *arena;
	const struct db_rows *rows;
	size_t row;
	struct lines *lines; /* of its page (keeper/lines.h); NULL: none */
};

/* What the statements of sql/stmt/forward.sql answer with. */
enum piece_column { PIECE_LAYOUT, PIECE_TX, PIECE_BATCH, PIECE_FAMILY, PIECE_NODE, PIECE_PROGRAM, PIECE_BODY, PIECE_COLUMNS };

enum told_column { TOLD_TX, TOLD_BATCH, TOLD_FAMILY, TOLD_NODE, TOLD_PROGRAM, TOLD_AT, TOLD_US /* the same in microseconds */, TOLD_FIRST_FIELD };

/* Fields that forms ask for by name. */
enum told_field {
	T_SEVERITY,
	T_EVENT,
	T_REQUEST_ID,
	T_OPERATION,
	T_UPSTREAM,
	T_SUBJECT,
	T_CLIENT_ID,
	T_CLIENT_NAME,
	T_HTTP_METHOD,
	T_TRANSPORT,
	T_METHOD,
	T_CAPABILITY_TYPE,
	T_CAPABILITY,
	T_OUTCOME,
	T_ORIGIN,
	T_STATUS,
	T_RPC_CODE,
	T_ERROR_TYPE,
	T_REASON,
	T_LATENCY,
	T_UPSTREAM_TIME,
	T_BYTES_IN,
	T_BYTES_OUT,
	T_CLIENT_IP,
	T_VERSION,
	T_SESSION,
	T_ERROR_MESSAGE,
	T_ID,
	T_TRACE_PARENT,
	T_TRACE_LINK,
	T_RPC_ID,
	T_SERVER_ADDRESS,
	T_SERVER_PORT,
	T_POLICY,
	T_ACTION,
	T_FINDS,
	T_MATCHES,
	T_ARGUMENTS,
	T_RESULT,
	TOLD_FIELDS
};

/*
 * Makes rows of events of the pieces that a statement answered with, in the arena; the row that says how far they go becomes
 * one of family ''. With TOOLS it is asked what called tools say that they do (told_does()), which only OCSF tells.
 * ERR_CONFIG: the pieces are of another release. A piece that is malformed is left out from there on, and the log says so.
 */
bool told_unpack(struct arena *, const struct db_rows *pieces, struct db *tools, struct db_rows *out, struct err *);

/* "call", "auth", "policy", "audit", "anchor". */
const char *told_family(const struct told *);
extern size_t told_index[TOLD_FIELDS]; /* of record_fields; set before there is any page */

/* As db_text(), but in place: forms ask for fifty of each event. */
static inline const char *told_cell(const struct told *t, size_t column)
{
	return t->row < t->rows->rows && column < t->rows->columns ? t->rows->cells[t->row * t->rows->columns + column] : NULL;
}

/* All fields, by their index in record_fields: for whoever goes through them. */
static inline const char *const *told_fields(const struct told *t)
{
	return t->rows->cells + t->row * t->rows->columns + TOLD_FIRST_FIELD;
}

/* The field of this row of record_fields. */
static inline const char *told_get_at(const struct told *t, size_t index)
{
	return told_cell(t, TOLD_FIRST_FIELD + index);
}

/* A field as text; NULL: absent. */
static inline const char *told_get(const struct told *t, enum told_field field)
{
	return told_get_at(t, told_index[field]);
}

static inline const char *told_column(const struct told *t, enum told_column column)
{
	return told_cell(t, column);
}

/* What an audit row was done to, and its detail (JSON). NULL: absent. */
const char *told_object(const struct told *);
const char *told_detail(const struct told *);
/* What a called tool says that it does: "read", "create", "update", "delete". NULL: it does not, or none was called. */
const char *told_does(const struct told *);

/* A text that is a number, as programs and PostgreSQL write them (strtoll() does more for it than it takes); ABSENT for NULL. */
int64_t told_decimal(const char *text, int64_t absent);
/* When it began: microseconds since 1970. */
int64_t told_time_us(const struct told *);
/* The field as a number; -1: absent. */
int64_t told_number(const struct told *, enum told_field);

/* A name for what it is: the event's, an MCP method, an audit row's action. Never NULL. */
const char *told_name(const struct told *);

#endif
