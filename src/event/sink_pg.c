/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as rows: a batch is one call of an SQL function with an array for each column. A batch
 * keeps its id until it is known to be in: when a commit is in doubt it is sent again, and the
 * function knows it. A batch that the database refuses is halved until the bad row stands alone.
 */
#include "config.h"

#include "event/packed.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "db/db.h"

#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH_MAX = 500, PARAMS = 64, COLUMNS = 8 /* in a row */, PIECE_MAX = 8000000 /* as event_enqueue() has it */ };

struct batch {
	struct batch *next;
	char id[UUID_TEXT];
	enum event_family family;
	unsigned n;
	struct record *list;
};

struct sink_pg {
	const char *program;
	char node[HOST_NAME_MAX + 1];
	struct db *db;
	unsigned max, n;
	struct batch *first, **last;
	bool away; /* said so in the log */
	bool packs;
};

struct sink_pg *sink_pg_new(const char *program, struct db *db, unsigned max)
{
	struct sink_pg *s = xcalloc(1, sizeof(*s));

	s->program = program;
	if (gethostname(s->node, sizeof(s->node)))
		*s->node = '\0';
	s->node[sizeof(s->node) - 1] = '\0';
	s->db = db;
	s->max = max;
	s->last = &s->first;
	return s;
}

void sink_pg_pack(struct sink_pg *s, bool packs)
{
	s->packs = packs;
}

bool sink_pg_is_empty(const struct sink_pg *s)
{
	return !s->first;
}

static struct batch *batch_new(enum event_family family)
{
	struct batch *b = xcalloc(1, sizeof(*b));

	rand_uuid(b->id);
	b->family = family;
	return b;
}

static void batch_free(struct batch *b)
{
	record_free(b->list);
	free(b);
}

static struct batch *take_first(struct sink_pg *s)
{
	struct batch *b = s->first;

	s->first = b->next;
	if (!s->first)
		s->last = &s->first;
	s->n -= b->n;
	return b;
}

static void append(struct sink_pg *s, struct batch *b)
{
	*s->last = b;
	s->last = &b->next;
	s->n += b->n;
}

/* The records of one family, in order; the others stay in *LIST. Log-only ones are freed. */
static struct record *take_family(struct record **list, enum event_family family)
{
	struct record *taken = NULL, **end = &taken;

	for (struct record **at = list, *r; (r = *at);) {
		if (r->e.family != family) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		r->next = NULL;
		if (r->e.severity == EVENT_DEBUG) {
			record_free(r);
			continue;
		}
		*end = r;
		end = &r->next;
	}
	return taken;
}

static void add_batches(struct sink_pg *s, enum event_family family, struct record *list)
{
	while (list) {
		struct batch *b = batch_new(family);
		struct record **end = &b->list;

		while (list && b->n < BATCH_MAX) {
			*end = list;
			end = &list->next;
			list = list->next;
			b->n++;
		}
		*end = NULL;
		append(s, b);
	}
}

void sink_pg_add(struct sink_pg *s, struct record *list)
{
	add_batches(s, EVENT_CALL, take_family(&list, EVENT_CALL));
	add_batches(s, EVENT_AUTH, take_family(&list, EVENT_AUTH));
	add_batches(s, EVENT_POLICY, take_family(&list, EVENT_POLICY));
	while (s->n > s->max && s->first != NULL) {
		struct batch *oldest = take_first(s);

		event_drop(oldest->n, "the database has been away for too long");
		batch_free(oldest);
	}
}

/* ---- a batch as parameters ---- */

/* Whether one element may stand for all of a column: those of few sign-ins are not worth it. */
static bool may_be_one(const struct batch *b)
{
	return b->n > 1 && b->family != EVENT_AUTH;
}

static struct db_param column_of_texts(struct arena *a, const struct batch *b, const struct record_field *f)
{
	const char *items[BATCH_MAX], *first = record_text(b->list, f);
	bool empty = true, same = first && may_be_one(b);
	size_t n = 0;

	for (const struct record *r = b->list; r; r = r->next) {
		items[n] = record_text(r, f);
		empty = empty && !items[n];
		same = same && items[n] && !strcmp(items[n], first);
		n++;
	}
	if (empty)
		return DB_NULL;
	if (f->offset == offsetof(struct record, id))
		return db_uuids(a, items, n);
	return same ? db_text_of_all(a, first) : db_texts(a, items, n);
}

static struct db_param column_of_numbers(struct arena *a, const struct batch *b, const struct record_field *f)
{
	int64_t items[BATCH_MAX];
	bool has[BATCH_MAX], empty = true, same = may_be_one(b);
	size_t n = 0;

	for (const struct record *r = b->list; r; r = r->next) {
		has[n] = record_number(r, f, &items[n]);
		empty = empty && !has[n];
		same = same && has[n] && items[n] == items[0];
		n++;
	}
	if (empty)
		return DB_NULL;
	return same ? db_int_of_all(a, items[0]) : db_ints(a, items, has, n);
}

/* Most columns are empty in most batches, or the same in all of its events: no array at all, or one of one element, says so at a third of
 * the price (sql/fn/event.sql). */
static struct db_param column(struct arena *a, const struct batch *b, const struct record_field *f)
{
	return f->kind == RECORD_TEXT || f->kind == RECORD_BODY ? column_of_texts(a, b, f) : column_of_numbers(a, b, f);
}

static struct db_param times(struct arena *a, const struct batch *b)
{
	int64_t items[BATCH_MAX];
	size_t n = 0;

	for (const struct record *r = b->list; r; r = r->next)
		items[n++] = r->e.time_us;
	return db_times(a, items, n);
}

static bool insert(struct sink_pg *s, const struct batch *b, int ms, struct err *e)
{
	static const enum stmt stmts[] = { [EVENT_CALL] = STMT_EVENTS_ADD_CALL, [EVENT_AUTH] = STMT_EVENTS_ADD_AUTH,
		[EVENT_POLICY] = STMT_EVENTS_ADD_POLICY };
	struct arena *a = arena_new();
	struct db_param params[PARAMS];
	struct buf piece;
	size_t n = 0;
	bool ok;

	buf_init(&piece, PIECE_MAX);
	if (s->packs)
		packed_write(&piece, b->list, b->n, 1u << b->family);

	params[n++] = DB_TEXT(b->id);
	params[n++] = DB_TEXT(s->program);
	params[n++] = DB_TEXT(s->node);
	params[n++] = times(a, b);
	for (const struct record_field *f = record_fields; f->name; f++) {
		if (!(f->families & 1u << b->family) || n >= PARAMS - 2)
			continue;
		params[n++] = column(a, b, f);
		if (n % COLUMNS == 0) /* as in sink_log() */
			sched_yield();
	}
	params[n++] = piece.len && !piece.over ? DB_TEXT(buf_text(&piece)) : DB_NULL;
	params[n++] = db_int(a, PACKED_LAYOUT);
	ok = db_call_within(s->db, ms, stmts[b->family], params, n, a, NULL, e);
	buf_release(&piece);
	arena_free(a);
	return ok;
}

/* ---- writing ---- */

static void split(struct sink_pg *s, struct batch *b)
{
	struct batch *second = batch_new(b->family);
	struct record *r = b->list;

	for (unsigned i = 1; i < b->n / 2; i++)
		r = r->next;
	second->list = r->next;
	second->n = b->n - b->n / 2;
	r->next = NULL;
	b->n /= 2;
	rand_uuid(b->id); /* it is another batch now */
	append(s, b);
	append(s, second);
}

/* The database has judged the batch: a part of it is at fault, or the one row that it is. */
static void refused(struct sink_pg *s, const struct err *e)
{
	struct batch *b = take_first(s);
	struct log_ctx ctx = { .request_id = b->list->e.request_id };

	b->next = NULL;
	if (b->n > 1) {
		split(s, b);
		return;
	}
	log_error(&ctx, "the database refuses an event", "detail", e->detail, NULL);
	event_drop(1, "refused by the database");
	batch_free(b);
}

bool sink_pg_flush(struct sink_pg *s, int64_t deadline, int call_ms)
{
	while (s->first && clock_ms() < deadline) {
		struct err e = { .code = ERR_NONE };

		if (insert(s, s->first, call_ms, &e)) {
			batch_free(take_first(s));
			s->away = false;
		} else if (e.code == ERR_INTERNAL) {
			refused(s, &e);
		} else {
			if (!s->away)
				log_warn(NULL, "events wait for the database", "reason",
				    err_reason_of(&e), "detail", e.detail, NULL);
			s->away = true;
			return false;
		}
	}
	return true;
}

void sink_pg_free(struct sink_pg *s)
{
	if (s->n)
		event_drop(s->n, "stopped before the database took them");
	while (s->first)
		batch_free(take_first(s));
	free(s);
}
