/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions that operators write in Lua, kept in a sandbox. A module is a file of the project; it returns a function, or
 * a table of functions of which one is used (its export):
 *
 *     return function(input) return "answer" end
 *
 * Each run has a Lua state of its own, so that nothing is left over for the next user, and gets one argument, a JSON
 * value as Lua has it. It may not reach anything but that: there is no input or output, no loading of code, no way to catch an error,
 * no metatables, no patterns of Lua's own (lib.c says what there is instead). A script that takes too long or too much
 * memory is stopped, and that is a failure like any other: callers must refuse.
 *
 * It computes, so it belongs in a request thread or a worker, never in the relay's.
 */
#ifndef GATEHOUSE_SCRIPT_SCRIPT_H
#define GATEHOUSE_SCRIPT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "json/scan.h"

enum {
	SCRIPT_TEXT_MAX = 256 * 1024,          /* of a module */
	SCRIPT_MEMORY_MAX = 16 * 1024 * 1024,  /* of a run, and as many times its input: */
	SCRIPT_MEMORY_TIMES = 16,
	SCRIPT_INSTRUCTIONS_MAX = 5000000,
	SCRIPT_MS_MAX = 50,                    /* of wall time, while the thread runs at all */
	SCRIPT_RESULT_MAX = 1024 * 1024,       /* of the answer as JSON, and as many times the input: */
	SCRIPT_RESULT_TIMES = 4,
	SCRIPT_DEPTH_MAX = 64,                 /* of nested values, in and out */
};

/* Immutable: any number of threads may run it. */
struct script;

/*
 * The function EXPORT (NULL: what the module itself returns) of the N bytes of source at TEXT, all of it kept in the arena. The module
 * is run once to see that it is there. NAME is what messages call the file. ERR_SYNTAX, with a text for the operator
 * that begins with file and line where there is one: no Lua, it failed, or it has no such function.
 */
const struct script *script_new(struct arena *, const char *name, const char *text, size_t n, const char *export,
    struct err *);

/*
 * Calls it with INPUT (a checked JSON value). RESULT gets what it returns as JSON (nothing: null). LEFT (NULL: not wanted) gets
 * the input as the function left it, for it may change it in place: what it did not change is there as it was, byte
 * for byte but for blanks, its members in their order. False: ERR_INTERNAL, reason `script_failed`; why is in the detail
 * alone. What is in the buffers counts only if it was true; their ceilings are set here.
 */
bool script_run(const struct script *, struct span input, struct buf *result, struct buf *left, struct err *);

#endif
