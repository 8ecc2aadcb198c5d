/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of an upstream's answer, line by line as libcurl hands it over: interim answers (1xx) are
 * skipped, names are made lower case, and it is bounded.
 */
#ifndef GATEHOUSE_MCP_HEAD_H
#define GATEHOUSE_MCP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum { HEAD_BYTES = 65536 };

struct head_field {
	const char *name, *value; /* lower case; without blanks around it */
	struct head_field *next;  /* newest first */
};

struct head {
	int status; /* 0: malformed */
	struct head_field *fields;
	/* private */
	size_t bytes;
	bool open;
};

enum head_step {
	HEAD_MORE,
	HEAD_COMPLETE,
	HEAD_TOO_LARGE, /* over HEAD_BYTES, interim answers included */
};

/* One line of N bytes with its line end. The head starts zeroed; what it keeps is in the arena. */
enum head_step head_line(struct head *, struct arena *, const char *line, size_t n);

/* The value of a field (lower case), the last if there are several; NULL if absent. */
const char *head_get(const struct head *, const char *name);

/* Whether the answer is text/event-stream. */
bool head_is_stream(const struct head *);

#endif
