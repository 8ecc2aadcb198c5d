/* SPDX-License-Identifier: Apache-2.0 */
/* Which files libpq opens by itself. */
#include "config.h"

#include "db/db.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

struct list {
	struct arena *arena;
	const char **at;
	size_t n, room;
};

/* Relative ones and words like "system" are none of a path. */
static void add(struct list *l, const char *path)
{
	if (path && *path == '/' && l->n + 1 < l->room)
		l->at[l->n++] = arena_strdup(l->arena, path);
}

static void add_options(struct list *l, PQconninfoOption *options)
{
	static const char *const names[] = { "passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl",
		"sslcrldir", NULL };

	for (PQconninfoOption *o = options; o && o->keyword; o++)
		for (const char *const *name = names; *name; name++)
			if (!strcmp(o->keyword, *name))
				add(l, o->val);
	PQconninfoFree(options);
}

static void add_home(struct list *l, const char *home)
{
	if (!home || *home != '/')
		return;
	add(l, arena_printf(l->arena, "%s/.pgpass", home));
	add(l, arena_printf(l->arena, "%s/.pg_service.conf", home));
	add(l, arena_printf(l->arena, "%s/.postgresql", home));
}

static void add_home_of_user(struct list *l)
{
	struct passwd entry, *found = NULL;
	char space[4096];

	if (!getpwuid_r(geteuid(), &entry, space, sizeof(space), &found) && found)
		add_home(l, found->pw_dir);
}

const char *const *db_files(struct arena *a, const char *conninfo, const char *program)
{
	struct list l = { .arena = a, .room = 32 };
	char *text = db_conninfo(conninfo, program);

	l.at = arena_calloc(a, l.room, sizeof(*l.at));
	if (text)
		add_options(&l, PQconninfoParse(text, NULL));
	db_conninfo_free(text);
	add_options(&l, PQconndefaults()); /* PGPASSFILE, PGSSLCERT and the like */
	add(&l, getenv("PGSERVICEFILE"));
	add(&l, getenv("PGSYSCONFDIR"));
	add_home(&l, getenv("HOME"));
	add_home_of_user(&l);
	return l.at;
}
