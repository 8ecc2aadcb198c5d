/* SPDX-License-Identifier: Apache-2.0 */
/* What became of one request, step by step: for its page, and for gatehousectl trace. */
#ifndef GATEHOUSE_CONSOLE_STORY_H
#define GATEHOUSE_CONSOLE_STORY_H

#include "base/arena.h"
#include "db/db.h"

struct story_fact {
	const char *name, *value; /* values are foreign text */
};

enum { STORY_FACTS_MAX = 12 };

struct story_step {
	const char *title;
	int64_t at_us; /* wall clock; 0: with the step before */
	bool alarm;
	struct story_fact facts[STORY_FACTS_MAX];
	size_t n;
};

struct story {
	struct story_step *steps;
	size_t n;
};

/* ROWS of the statement request_story: kind, microseconds, the event as JSON. */
void story_tell(struct story *, struct arena *, const struct db_rows *rows);

#endif
