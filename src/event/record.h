/* SPDX-License-Identifier: Apache-2.0 */
/* Inside src/event only: an event on its way to the sinks, and the table of its fields. */
#ifndef GATEHOUSE_EVENT_RECORD_H
#define GATEHOUSE_EVENT_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

/* A copy of an event, with its strings, in one piece of memory. */
struct record {
	struct record *next;
	struct event e;       /* `cause` is NULL: it became the next three */
	const char *id;       /* a UUID: the same in the log, in PostgreSQL and wherever it is sent */
	const char *severity; /* "info", "error", "debug" */
	const char *err_name, *err_message, *cause_message;
};

struct record *record_new(const struct event *);
/* Frees a list. */
void record_free(struct record *);

enum record_kind {
	RECORD_TEXT,  /* NULL: absent */
	RECORD_BODY,  /* the same, longer, and never in the log */
	RECORD_INT,   /* int, 0: absent */
	RECORD_CODE,  /* int64_t, 0: absent */
	RECORD_TIME,  /* int64_t microseconds, below 0: absent; milliseconds in the log */
	RECORD_COUNT, /* int64_t, always there */
};

enum {
	RECORD_OF_CALL = 1 << EVENT_CALL,
	RECORD_OF_AUTH = 1 << EVENT_AUTH,
	RECORD_OF_POLICY = 1 << EVENT_POLICY,
	RECORD_OF_AUDIT = 1 << (EVENT_POLICY + 1), /* rows of the audit trail, which are no events here */
};

/* A field: its row stands where its parameter stands in events_add_*() of sql/fn/event.sql, after the batch,
 * who writes, where, and when. */
struct record_field {
	const char *name;
	const char *alias; /* a second name for it in the log line, or NULL */
	struct record_key {
		const char *text;
		size_t n;
	} key, alias_key; /* what the line has before the value: ,"name": */
	enum record_kind kind;
	size_t offset;
	unsigned families; /* RECORD_OF_* */
};

extern const struct record_field record_fields[]; /* ended by a NULL name */

/* The text, or NULL, of a field that has one; the number of one that has none, false if absent. */
static inline const char *record_text(const struct record *r, const struct record_field *f)
{
	return *(const char *const *)(const void *)((const char *)r + f->offset);
}

static inline bool record_number(const struct record *r, const struct record_field *f, int64_t *n)
{
	const void *at = (const char *)r + f->offset;

	switch (f->kind) {
	case RECORD_INT:
		*n = *(const int *)at;
		return *n != 0;
	case RECORD_CODE:
		*n = *(const int64_t *)at;
		return *n != 0;
	case RECORD_TIME:
		*n = *(const int64_t *)at;
		return *n >= 0;
	case RECORD_COUNT:
		*n = *(const int64_t *)at;
		return true;
	default:
		return false;
	}
}

/* Whether an event may be written; false for a refusal of nobody known, of which there are too many. */
bool stranger_may(const struct event *);

/* ---- the sinks ---- */

/* One line each to the log. */
void sink_log(const char *program, const struct record *list);

struct sink_pg;
struct sink_pg *sink_pg_new(const char *program, struct db *, unsigned max);
/* Takes a list over. Past `max` records the oldest batch is dropped. */
void sink_pg_add(struct sink_pg *, struct record *list);
/* Whether batches are to be kept in one piece as well (event/packed.h). */
void sink_pg_pack(struct sink_pg *, bool);
/* Writes until nothing is left, or the deadline of clock_ms() passed, with CALL_MS for each batch.
 * False: the database is away. */
bool sink_pg_flush(struct sink_pg *, int64_t deadline, int call_ms);
bool sink_pg_is_empty(const struct sink_pg *);
/* What is left counts as dropped. */
void sink_pg_free(struct sink_pg *);

/* Whether lists of tools are taken; closing drops what waits. */
void listed_open(bool open);
/* Writes what waits, with MS for each list. False: the database is away. By the events' thread only. */
bool listed_write(struct db *, int ms);

/* Counts N dropped rows; says so in the log, at most every 10 s. */
void event_drop(unsigned n, const char *why);

#endif
