/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One spelling for each JSON value, in the manner of RFC 8785, so that two texts can be compared by a hash: no blanks, members in
 * order of their names, strings decoded and escaped in one way. Numbers keep their spelling (1.0 is not 1): to
 * compare them by value would take one side's idea of a double, and what differs only so is told as a difference.
 */
#ifndef GATEHOUSE_JSON_CANON_H
#define GATEHOUSE_JSON_CANON_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "json/scan.h"

/* Appends the value at V, a span of text that passed scan_check(). Memory of the work is in the arena. False: over the buffer's cap. */
bool canon_write(struct buf *, struct arena *, struct span v);

#endif
