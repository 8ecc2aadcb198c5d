/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to one destination: in order, at least once. Whoever holds its row in PostgreSQL reads what is new, sends it, and
 * notes how far it got when it was taken: at once, or while page follows page within a second. A holder that dies is followed
 * within 30 s by another, which begins there.
 */
#ifndef GATEHOUSE_KEEPER_FORWARD_H
#define GATEHOUSE_KEEPER_FORWARD_H

#include "base/rand.h"
#include "conf/project.h"
#include "db/db.h"
#include "keeper/out.h"
#include "keeper/page_cache.h"

struct forward {
	struct db *db;
	char holder[UUID_TEXT];
	/* private */
	struct out out;
	struct page *page;  /* that is being sent; NULL: none */
	struct arena *work; /* of its sending */
	struct told *told;  /* what of it is this destination's */
	size_t n;
	const char *tx, *batch; /* where it ends; NULL: it is empty */
	struct place at;        /* how far it got, while `knows` and before sure_until: nobody else is at it */
	struct owed {           /* what the database is still to be told: `at`, and what was done to get there */
		char name[DESTINATION_NAME_MAX + 1]; /* "": nothing */
		int64_t sent, refused;
		int64_t until; /* clock_ms(): not later */
	} owed;
	bool knows;
	bool full; /* the last page had as many as may be: there are more */
	int64_t sure_until; /* clock_ms() */
	int64_t retry_at, page_until; /* clock_ms() */
	int backoff_ms;
	bool failing; /* and the log has it */
};

void forward_init(struct forward *, struct db *);
/* Lets go: another may go on at once. */
void forward_end(struct forward *);

enum forward_step {
	FORWARD_IDLE,   /* nothing is new, or another is at it, or it is not time for another try */
	FORWARD_MORE,   /* something was taken: there may be more */
	FORWARD_FAILED, /* a try failed: the error says why; the next one has its time */
};
enum forward_step forward_step(struct forward *, const struct project *, const struct destination *, struct err *);

/* The families that a destination wants, as a parameter. */
struct db_param forward_families(struct arena *, unsigned families);

/* A page of events as an array; *N of them, and where it ends (tx and batch; NULL: it is empty). */
struct told *forward_told(struct arena *, const struct db_rows *, size_t *n, const char **tx, const char **batch);

#endif
