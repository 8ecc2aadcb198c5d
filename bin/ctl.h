/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatehousectl: each command is one file, ctl_NAME.c, with one `const struct ctl_command ctl_NAME`
 * and one line in gatehousectl.c. Results go to standard output, complaints to standard error.
 */
#ifndef GATEHOUSE_BIN_CTL_H
#define GATEHOUSE_BIN_CTL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "conf/project.h"
#include "db/db.h"
#include "json/json.h"

/* Exit statuses: done; failed, or found errors; called in a wrong way. */
enum { CTL_OK = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

struct ctl {
	struct arena *arena; /* lives as long as the command runs */
	const char *dir;     /* of -c; NULL: not given */
	const char *argv0;
};

/* What the first word behind a command's name does. A word that has no row is not run. */
struct ctl_act {
	const char *word;  /* "revoke"; "": none; "*": whatever there is */
	const char *audit; /* the actions that the audit trail has of it, between blanks; NULL: it changes nothing, or what programs do by themselves */
};

struct ctl_command {
	const char *name;
	const char *usage; /* what follows the name: "[--dry-run]" */
	const char *about; /* a sentence without a full stop */
	const struct ctl_act *acts; /* ended by a NULL word */
	/* ARGV[0] is the command's name. Returns an exit status. */
	int (*run)(struct ctl *, int argc, char **argv);
};

extern const struct ctl_command ctl_alerts;
extern const struct ctl_command ctl_audit;
extern const struct ctl_command ctl_check;
extern const struct ctl_command ctl_clients;
extern const struct ctl_command ctl_connect;
extern const struct ctl_command ctl_grants;
extern const struct ctl_command ctl_doctor;
extern const struct ctl_command ctl_events;
extern const struct ctl_command ctl_keys;
extern const struct ctl_command ctl_maintenance;
extern const struct ctl_command ctl_story;
extern const struct ctl_command ctl_migrate;
extern const struct ctl_command ctl_reload;
extern const struct ctl_command ctl_tools;
extern const struct ctl_command ctl_user;
extern const struct ctl_command ctl_webconfig;

/* "gatehousectl: NAME: text" with the error's text, and its detail if that says more. Returns
 * CTL_FAILED. */
int ctl_fail(const struct ctl_command *, const struct err *);
/* The project of -c, GATEHOUSE_PROJECT or gatehouse.path, to be given back by project_unref().
 * NULL: said why. */
struct project *ctl_project(const struct ctl *, const struct ctl_command *);
/* The project's database as the administrator, whose statements may take a minute; NULL with the
 * error. To be ended by db_close(). */
struct db *ctl_db(const struct project *, struct err *);
/* For the audit trail: who runs the command, and a mark for all that one run does. In the arena. */
const char *ctl_actor(struct arena *);
const char *ctl_trace(struct arena *);
/*
 * An act on something else than the database, in the audit trail: what was done, to what, and what was
 * before and is now (JSON objects, or NULL for nothing; never a secret). Called when it was done. If the trail cannot be
 * had, standard error says so: the act stands. P NULL: the project of -c.
 */
void ctl_note(struct ctl *, const struct project *, const char *action, const char *object, struct json_object *before,
    struct json_object *after);
/* The database will have it from now on for how long events are kept: those who ran the command say so. */
bool ctl_retention(struct ctl *, struct db *, const struct project *, struct err *);
/* Foreign text as a word of one line, fit for a terminal; "-" for NULL or nothing. In the arena. */
const char *ctl_word(struct arena *, const char *);
/* Live grants, of one person or client where these are not NULL, a line each (ctl_grants.c). */
bool ctl_print_grants(struct ctl *, struct db *, const char *subject, const char *client_id,
    const char *prefix, struct err *);
/* Says how the command is called. Returns CTL_USAGE. */
int ctl_usage(const struct ctl_command *);

#endif
