/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of faults that loading a project makes, and JSON pointers (RFC 6901) to say where.
 * struct problem, problem_add(), problems_at() and problems_count() are in conf/project.h.
 */
#ifndef GATEHOUSE_CONF_PROBLEM_H
#define GATEHOUSE_CONF_PROBLEM_H

#include "conf/project.h"

/* An empty list whose memory, and all text in it, is the arena's. */
struct problems *problems_new(struct arena *);

/* How many there are; the value marks a place for problems_fault(). */
size_t problems_mark(const struct problems *);

/* The first error at or after MARK as "file#pointer: text", in the arena; NULL if there is none. */
const char *problems_fault(const struct problems *, size_t mark);

/* BASE with "/NAME" (escaped) or "/INDEX" appended, in the arena. */
const char *pointer_member(struct arena *, const char *base, const char *name);
const char *pointer_item(struct arena *, const char *base, size_t index);

#endif
