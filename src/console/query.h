/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an analytics page is asked for, as its URL says it: a range of time and filters.
 *
 *   time=24h|7d|30d|90d        or start=RFC3339&end=RFC3339
 *   filter=FIELD:MODE:VALUE    repeated; modes equals contains in not class startsWith
 *
 * What cannot be read is left out and named: a page that answers less than it was asked must say so.
 */
#ifndef GATEHOUSE_CONSOLE_QUERY_H
#define GATEHOUSE_CONSOLE_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum { QUERY_FILTERS_MAX = 16, QUERY_VALUE_MAX = 1024, QUERY_FAULTS_MAX = 8 };

struct filter {
	const char *field, *mode; /* of the tables in query.c */
	const char *value;        /* "" stands for "none" */
};

struct query {
	const char *time;    /* "24h"; NULL: start and end were given */
	int64_t start, end;  /* seconds since 1970; end 0: now */
	struct filter filters[QUERY_FILTERS_MAX];
	size_t n;
	const char *faults[QUERY_FAULTS_MAX]; /* what was left out, and why: sentences with foreign text */
	size_t faults_n;
};

/* A name and value of the query string, decoded. */
struct query_pair {
	const char *name, *value;
};

/*
 * NOW: seconds since 1970. Pairs of other names are not looked at. Strings stay where they are, or are in the
 * arena.
 */
void query_read(struct query *, struct arena *, const struct query_pair *, size_t n, int64_t now);

/* How a field is called for people; NULL: no such field. */
const char *query_field_label(const char *field);

/* RFC 3339 with "Z" or an offset, or a date alone (its midnight, UTC). False if it is none. */
bool query_time(const char *text, int64_t *seconds);

/*
 * The query string that says Q, "?" first ("" for nothing): with the filters of MORE (MORE_N of them) added, or taken
 * away where Q has all of them already. *ON (may be NULL) tells which. In the arena.
 */
const char *query_text(
    struct arena *, const struct query *, const struct filter *more, size_t more_n, bool *on);

/* The same without filter I. */
const char *query_without(struct arena *, const struct query *, size_t i);

/* The same with another range. */
const char *query_with_time(struct arena *, const struct query *, const char *time);

/* TEXT percent-encoded for a query string. In the arena. */
const char *query_escape(struct arena *, const char *text);

#endif
