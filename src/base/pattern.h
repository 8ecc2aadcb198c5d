/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions (PCRE2, UTF-8) over foreign text, within limits: steps for each place where a match may
 * begin, memory, and processor time for all that one search reads. A limit that is hit is an answer of its own: what was not
 * searched is not taken for clean.
 *
 * A pattern may be compiled to machine code; where the system forbids that (MemoryDenyWriteExecute) it is interpreted.
 */
#ifndef GATEHOUSE_BASE_PATTERN_H
#define GATEHOUSE_BASE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum {
	PATTERN_MAX = 4096,      /* bytes of a pattern */
	PATTERN_BUDGET_MS = 2000 /* of processor time, for one search */
};

struct pattern; /* compiled; any number of threads may use it */

/* The pattern; NULL with ERR_SYNTAX, whose text says what is wrong where. */
struct pattern *pattern_new(const char *text, struct err *);
void pattern_free(struct pattern *); /* NULL is allowed */

/* What one thread needs to search, and what is left of its budget. */
struct pattern_search;
struct pattern_search *pattern_search_new(void);
void pattern_search_free(struct pattern_search *);

enum pattern_answer { PATTERN_NONE = 0, PATTERN_FOUND, PATTERN_LIMIT };

/*
 * Asked of each possible match where the pattern has a callout, `(?C1)`, as its last part: the N bytes from the match's
 * start (or its \K) on. False: the search goes on, for a shorter or a later match.
 */
typedef bool pattern_check(const char *s, size_t n);

/*
 * The first match in N bytes of valid UTF-8 that begins at FROM or later (FROM is where a character begins). Its place goes to
 * *START and *END; an empty match is none. CHECK may be NULL.
 */
enum pattern_answer pattern_find(struct pattern_search *, const struct pattern *, pattern_check *check, const char *text,
    size_t n, size_t from, size_t *start, size_t *end);

#endif
