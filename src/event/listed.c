/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of tools on their way to PostgreSQL. They are few, as the same list is told once an hour; what finds the
 * queue full is not taken, and told with a later call.
 */
#include "config.h"

#include "event/record.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "db/db.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { WAITING_MAX = 64 };

struct listed {
	struct listed *next;
	struct arena *arena; /* holds this, too */
	const char *operation_id;
	size_t n;
	const char **names, **tokens, **does;
};

static struct {
	pthread_mutex_t lock;
	bool open;
	struct listed *first, **last;
	unsigned n;
} waiting = { .lock = PTHREAD_MUTEX_INITIALIZER, .last = &waiting.first };

static struct listed *listed_new(const char *operation_id, const struct event_tool *tools, size_t n)
{
	struct arena *a = arena_new();
	struct listed *l = arena_calloc(a, 1, sizeof(*l));

	l->arena = a;
	l->operation_id = arena_strdup(a, operation_id);
	l->n = n;
	l->names = arena_calloc(a, n, sizeof(*l->names));
	l->tokens = arena_calloc(a, n, sizeof(*l->tokens));
	l->does = arena_calloc(a, n, sizeof(*l->does));
	for (size_t i = 0; i < n; i++) {
		char *text = arena_alloc(a, INT_TEXT);

		int_text(text, tools[i].tokens);
		l->names[i] = arena_strdup(a, tools[i].name);
		l->tokens[i] = text;
		l->does[i] = tools[i].does; /* of static storage */
	}
	return l;
}

static bool put(struct listed *l)
{
	bool room;

	pthread_mutex_lock(&waiting.lock);
	room = waiting.open && waiting.n < WAITING_MAX;
	if (room) {
		*waiting.last = l;
		waiting.last = &l->next;
		waiting.n++;
	}
	pthread_mutex_unlock(&waiting.lock);
	return room;
}

bool event_listed(const char *operation_id, const struct event_tool *tools, size_t n)
{
	struct listed *l = listed_new(operation_id, tools, n);
	bool taken = put(l);

	if (!taken)
		arena_free(l->arena);
	return taken;
}

/* The first stays where it is until it was written: only the thread takes one away. */
static struct listed *first(void)
{
	struct listed *l;

	pthread_mutex_lock(&waiting.lock);
	l = waiting.first;
	pthread_mutex_unlock(&waiting.lock);
	return l;
}

static void drop_first(void)
{
	struct listed *l;

	pthread_mutex_lock(&waiting.lock);
	l = waiting.first;
	waiting.first = l->next;
	if (!waiting.first)
		waiting.last = &waiting.first;
	waiting.n--;
	pthread_mutex_unlock(&waiting.lock);
	arena_free(l->arena);
}

void listed_open(bool open)
{
	pthread_mutex_lock(&waiting.lock);
	waiting.open = open;
	pthread_mutex_unlock(&waiting.lock);
	while (!open && first())
		drop_first();
}

bool listed_write(struct db *db, int ms)
{
	struct listed *l;

	while ((l = first())) {
		struct err e = { .code = ERR_NONE };
		struct arena *a = arena_new();
		const struct db_param params[] = { DB_TEXT(l->operation_id), db_text_array(a, l->names, l->n),
			db_text_array(a, l->tokens, l->n), db_text_array(a, l->does, l->n) };
		bool ok = db_call_within(db, ms, STMT_TOOLS_LISTED, params, 4, a, NULL, &e);

		arena_free(a);
		if (!ok && e.code != ERR_INTERNAL)
			return false;
		if (!ok)
			log_warn(NULL, "the database refuses a list of tools", "detail", e.detail, NULL);
		drop_first();
	}
	return true;
}
