/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of events that this process has read lately: several destinations send the same ones at about the same time, and
 * reading them is most of what it costs. A page has everything behind one place in the queue, up to another.
 * Thread-safe; a page is read only.
 */
#ifndef GATEHOUSE_KEEPER_PAGE_CACHE_H
#define GATEHOUSE_KEEPER_PAGE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "db/db.h"

enum { PAGES_KEPT = 8, PAGES_MS = 10000 /* then nobody is about to send one any more */ };

/* A place in the queue: an event belongs behind it if its batch's (tx, batch) is greater. */
struct place {
	uint64_t tx;
	int64_t batch;
};

int place_compare(struct place, struct place);

struct page {
	struct arena *arena;
	struct db_rows rows;
	struct place from, to;
	unsigned families; /* TELL_* that it has all of */
	int limit;         /* about how many events were asked for */
	unsigned shared;   /* forms that several tell (keeper/lines.h) */
	struct lines *lines; /* set by page_new() */
	/* private */
	unsigned refs;
	int64_t until; /* clock_ms() */
};

/* A new page in the caller's hands, for others to find if it is not empty. Takes the arena over. */
struct page *page_new(const struct page *);
/* One that has what comes behind a place, and perhaps what comes before: whoever uses it skips that. NULL: none. */
struct page *page_find(unsigned families, int limit, struct place);
void page_unref(struct page *); /* NULL: nothing */

/* None is kept any more. */
void pages_forget(void);

#endif
