/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mcp-Param-* headers (revision 2026-07-28; protocol.md 1.5): parameters of a tool that its schema marks with
 * `x-mcp-header` are repeated in headers, so that what stands before the server need not read bodies. Pure.
 *
 * Only marks that are reached through `properties` alone count; others, and names that are no header's, are
 * passed over: a header too few is told by the server, in its own words.
 */
#ifndef GATEHOUSE_RPC_PARAM_H
#define GATEHOUSE_RPC_PARAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "json/scan.h"

#define PARAM_PREFIX "Mcp-Param-"

enum {
	PARAM_NAME_MAX = 128,   /* of what follows the prefix */
	PARAM_VALUE_MAX = 8192, /* of a header's value; a longer one is left out */
	PARAM_MARKS_MAX = 64,   /* of one tool */
	PARAM_DEPTH = 16        /* of nested properties */
};

struct param_mark {
	const char *header;      /* as the schema spells it, without the prefix */
	const char *const *path; /* names of properties, from the arguments on; ended by NULL */
	struct param_mark *next;
};

/* The marks of a tool's inputSchema, a checked value; NULL: none. */
struct param_mark *param_marks(struct span schema, struct arena *);

/*
 * The header's value for these ARGUMENTS (a checked value), in the arena. NULL: there is none, since the argument is
 * absent, null, an object or array, an integer that not every machine keeps exactly, or too long.
 */
const char *param_value(const struct param_mark *, struct span arguments, struct arena *);

/*
 * Whether VALUE, a header as it came, says what ARGUMENTS say: text as text, numbers as numbers. Of what param_value() has
 * no value for, anything may be said.
 */
bool param_agrees(const struct param_mark *, struct span arguments, const char *value, struct arena *);

/* Whether a header of this name reaches a program behind CGI: letters, digits and hyphens do everywhere. */
bool param_survives(const struct param_mark *);

#endif
