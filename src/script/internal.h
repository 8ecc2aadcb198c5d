/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of src/script: one run of a function, and what its parts share. */
#ifndef GATEHOUSE_SCRIPT_INTERNAL_H
#define GATEHOUSE_SCRIPT_INTERNAL_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "base/buf.h"
#include "json/scan.h"
#include "script/script.h"

/* What a run has used up, and when it has to end. */
struct purse {
	size_t memory, memory_max;
	int64_t instructions;
	int64_t began_us, began_cpu_us; /* 0: its time is not counted yet, or no longer */
	const char *stopped;            /* why; NULL: it may go on */
};

struct purse *purse_of(lua_State *);
/* Whether its time is up; then `stopped` is set. */
bool purse_is_late(struct purse *);

/* Gives the state its globals: nothing else is within the reach of a script. May raise. */
void lib_open(lua_State *);
/* The table `regex`, pushed. May raise. */
void regex_open(lua_State *);

/* Pushes a checked JSON value. May raise. */
void value_push(lua_State *, struct span);
/*
 * Appends the value at INDEX as JSON. LIKE (absent: nothing) is a JSON value whose parts are copied where the value equals them. May
 * raise: a value without a JSON form, too deep, or over the buffer's ceiling.
 */
void value_write(lua_State *, int index, struct span like, struct buf *);
/* The functions `array` and the value `null`, set in the table on top. May raise. */
void value_open(lua_State *);

#endif
