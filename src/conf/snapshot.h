/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published snapshots of a project: what every program serves. A snapshot is a folder with copies of
 * the configuration files, `$env` references unresolved; a file `current` names the one in force, and
 * is replaced by rename, so that no program ever reads a half-edited project and all agree.
 *
 *   {stateDir}/{key}/current            "12"
 *   {stateDir}/{key}/12/gateway.jsonc, config/..., policies/....lua
 *   {stateDir}/{key}/lock               held while one is published
 *
 * The key is made from the project directory's path as given (symbolic links kept: a deployment that
 * switches a link stays one project), so that projects may share a stateDir.
 */
#ifndef GATEHOUSE_CONF_SNAPSHOT_H
#define GATEHOUSE_CONF_SNAPSHOT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"
#include "conf/project.h"

enum { SNAPSHOTS_KEPT = 10 };

/* The folder of the modules that policies name, and how many of its files a snapshot takes. */
#define MODULES_DIR "policies"
enum { MODULES_MAX = 100 };

/* Whether PATH, relative to a project, is one that a snapshot holds: policies/NAME.lua, NAME of letters, digits, - and _. */
bool snapshot_holds_module(const char *path);

struct snapshot {
	unsigned long number;
	const char *dir; /* where its files are; in the arena */
};

/*
 * The folder of a project's snapshots, in the arena. It is found even while gateway.jsonc does not parse, so
 * that a program that starts during an edit still serves what was published.
 */
const char *snapshot_home(struct arena *, const char *project_dir);

/* The snapshot in force. ERR_NOT_FOUND: none was published yet; ERR_IO. */
bool snapshot_current(struct snapshot *, struct arena *, const char *home, struct err *);

enum publish {
	PUBLISH_FIRST,   /* a program's: only where there is none; a route's fault does not keep it back */
	PUBLISH_CHANGES, /* autoReload's: only what is sound, and only if it differs from the one in force */
	PUBLISH_ALWAYS,  /* gatehousectl reload: only what is sound; .env may be all that changed */
};

/*
 * Copies the project's files, reads the copy as a project and, if it may be, puts it in force. *PROJECT is what was read
 * (the caller's reference), also when it is refused: its problems say why; NULL if it was not even read.
 * ERR_CONFIG: refused; ERR_IO: the folder cannot be written (the text says which, and the remedy).
 */
bool snapshot_publish(struct snapshot *, struct arena *, const char *home, const struct project_options *,
    enum publish, struct project **project, struct err *);

/* Puts the one before the one in force back in force. ERR_NOT_FOUND: there is none. */
bool snapshot_back(struct snapshot *, struct arena *, const char *home, struct err *);

/* The numbers kept, ascending, in the arena; how many. */
size_t snapshot_list(struct arena *, const char *home, unsigned long **numbers);

/*
 * Which file of the project's directory differs from the snapshot's copy ("config/policies.json", ".env"), NULL if
 * none does: what was edited since, and not published.
 */
const char *snapshot_differs(struct arena *, const struct snapshot *, const char *project_dir);

/* A mark that changes when another snapshot is put in force: cheap enough to ask for twice a second. 0: none. */
unsigned long long snapshot_mark(const char *home);

/* A mark of the project's own files (.env included), for autoReload. */
unsigned long long snapshot_source_mark(const char *project_dir);

#endif
