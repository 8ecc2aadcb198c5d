/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a text a fault is, as people look for it. */
#ifndef GATEHOUSE_CONF_PLACE_H
#define GATEHOUSE_CONF_PLACE_H

#include <stddef.h>

#include "base/arena.h"

/* The line (from 1) of byte OFFSET of TEXT. */
unsigned place_line(const char *text, size_t offset);

/*
 * The JSON pointer of the innermost value or member that byte OFFSET of TEXT (N bytes of
 * JSON, which may be broken at or after OFFSET) lies in, in the arena.
 */
const char *place_pointer(struct arena *, const char *text, size_t n, size_t offset);

#endif
