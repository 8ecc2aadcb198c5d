/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch of events in one piece of text, for whoever sends it on (sql/schema/0027-event-body.sql): records ended by U+001E, of
 * fields parted by U+001F. The first is when it began, in microseconds since 1970; the others are those of
 * record_fields that the family has, in their order, and for audit rows two more. Nothing is an absent field, U+001C an empty
 * text, U+001D what the record before has there. U+001B to U+001F stand in a text as U+001B and '[' to '_'. Fields at the end that are absent may
 * be left out.
 */
#ifndef GATEHOUSE_EVENT_PACKED_H
#define GATEHOUSE_EVENT_PACKED_H

#include "base/buf.h"
#include "event/record.h"

/* To be raised whenever record_fields changes; so must event_layout() in sql/fn/forward.sql. */
enum { PACKED_LAYOUT = 1 };

/* The N records of a family, in the order in which they began. */
void packed_write(struct buf *, const struct record *list, size_t n, unsigned family);

/* How many records a text has, at most. */
size_t packed_count(const char *text);

/*
 * Takes the record at *AT, which is changed: its time, and at most N fields. FIELDS has what the record before had, and gets
 * those of this one, which live in the text; NULL: absent. False, with *AT NULL if the text is malformed: there is none.
 */
bool packed_next(char **at, int64_t *time_us, const char **fields, size_t n);

#endif
