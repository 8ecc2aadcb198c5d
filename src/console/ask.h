/* SPDX-License-Identifier: Apache-2.0 */
/* The question of an analytics page, ready for the database, and the strip that says it on the page. */
#ifndef GATEHOUSE_CONSOLE_ASK_H
#define GATEHOUSE_CONSOLE_ASK_H

#include "console/query.h"
#include "console/view.h"

struct ask {
	struct query q;
	const char *page;                 /* "analytics": where links lead */
	int64_t from, to, counted_to;     /* what can be told: seconds */
	bool unsure;                      /* that was guessed: the database took too long */
	struct db_param times[2];         /* from, to */
	struct db_param filters[3];       /* fields, modes, values */
	int64_t deadline;                 /* of clock_ms(), for a page of many panels; 0: none */
};

/* Whether ERR says only that the database took too long; it is forgotten then, and the page goes on without that part. */
bool ask_took_too_long(struct err *);

/* Reads the query string and asks what of its range is there. PAGE: of the links. */
bool ask_read(struct ask *, struct view *, const char *page, struct err *);

/* After q.filters changed. */
void ask_set_filters(struct ask *, struct arena *);

/* Range, filters, what was left out, and how far the numbers go. */
void ask_show(const struct ask *, struct view *);

/* A path with the question, and MORE filters added or taken away. */
const char *ask_url(const struct ask *, struct view *, const char *page, const struct filter *more, size_t n, bool *on);

/* The value of another name in the query string; NULL: none. */
const char *ask_value(struct req *, const char *name);

#endif
