/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a page, made once for all destinations that tell the same form of it: by the first that wants them.
 * Thread-safe.
 */
#ifndef GATEHOUSE_KEEPER_LINES_H
#define GATEHOUSE_KEEPER_LINES_H

#include "keeper/event_form.h"

/* Of a page's rows, in its arena, which nobody else may use from now on. SHARED: a bit for each form that several tell; others are not kept. */
struct lines *lines_new(struct arena *, const struct db_rows *, unsigned shared);

/* The lines of N events that follow each other in their page, each ended by a newline: *LEN bytes, the page's. NULL: they are not kept. */
const char *lines_of(enum event_form, const struct told *, size_t n, size_t *len);
/* An event's line, as form_write() has it. */
void lines_write(struct buf *, enum event_form, const struct told *);

#endif
