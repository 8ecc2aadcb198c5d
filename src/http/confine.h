/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program may open once it serves: its project, keys and state, what libpq, libcurl and the name
 * service read, its log; nothing else of the machine (security.md 3.12). A worker that was broken into
 * finds no other site's files.
 *
 * The rules stand until the process ends, and a reload may name a place outside of them: confine_lacks()
 * finds it, the old snapshot stays in force, and the log says that the program is to be restarted.
 *
 * GATEHOUSE_LANDLOCK=0 in the environment leaves all this out.
 */
#ifndef GATEHOUSE_HTTP_CONFINE_H
#define GATEHOUSE_HTTP_CONFINE_H

#include <stdbool.h>

#include "base/arena.h"
#include "conf/project.h"

struct confine_options {
	const struct project *project; /* loaded, without a fault */
	const char *dir;               /* the project's directory as it was given */
	const char *program;           /* "mcp": whose connection string */
	const char *snapshots;         /* snapshot_home() */
};

struct confine_path {
	const char *path; /* as configured */
	const char *real; /* without links */
	unsigned may;     /* LANDLOCK_MAY_... */
};

struct confine {
	struct confine_path *paths; /* what is there of them */
	size_t n, own;              /* from `own` on: what the project names, and a reload may change */
};

/* All that the program needs, in the arena. */
struct confine *confine_new(struct arena *, const struct confine_options *);

/*
 * Puts it in force for this thread and those it makes. False: it is not, for want of a kernel that can or by
 * GATEHOUSE_LANDLOCK; that is logged, and the program goes on.
 */
bool confine_apply(const struct confine *);

/* A path that the project of NEXT names and IN_FORCE does not hold, or NULL. */
const char *confine_lacks(const struct confine *in_force, const struct confine *next);

#endif
