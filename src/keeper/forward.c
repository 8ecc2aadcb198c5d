/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, sending, noting; and when to try again. */
#include "config.h"

#include "keeper/forward.h"

#include "base/clock.h"
#include "base/log.h"
#include "keeper/keeper_internal.h"
#include "keeper/lines.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BACKOFF_MS = 500,     /* the first pause; each next one is twice as long */
	AFTER_MAX_S = 3600,   /* a destination's own wish is heard up to here */
	PAGE_MS = 10000,      /* a page that waits longer is read anew, as another may have sent it */
	READ_MS = 20000,
	NOTE_MS = 1000,       /* so long a place may wait to be noted */
	SURE_MS = 10000       /* so long after a page is noted or read its holder is the holder: a lease has 15 s at least */
};

void forward_init(struct forward *f, struct db *db)
{
	*f = (struct forward){ .db = db };
	rand_uuid(f->holder);
}

static void drop_page(struct forward *f)
{
	page_unref(f->page);
	f->page = NULL;
	arena_free(f->work);
	f->work = NULL;
	f->out.signals_done = 0;
}

struct db_param forward_families(struct arena *a, unsigned families)
{
	static const char *const names[] = { "call", "auth", "policy", "audit", "anchor" };
	const char *list[5];
	size_t n = 0;

	for (size_t i = 0; i < 5; i++)
		if (families & 1u << i)
			list[n++] = names[i];
	return db_text_array(a, list, n);
}

struct told *forward_told(struct arena *a, const struct db_rows *rows, size_t *n, const char **tx, const char **batch)
{
	struct told *told = arena_calloc(a, rows->rows ? rows->rows : 1, sizeof(*told));

	*n = 0;
	*tx = *batch = NULL;
	for (size_t i = 0; i < rows->rows; i++) {
		const char *family = db_text(rows, i, TOLD_FAMILY);

		if (!family || !*family) { /* how far it goes */
			*tx = db_text(rows, i, TOLD_TX);
			*batch = db_text(rows, i, TOLD_BATCH);
		} else {
			told[(*n)++] = (struct told){ .arena = a, .rows = rows, .row = i };
		}
	}
	return told;
}

static struct place place_of(const struct db_rows *rows, size_t row, int tx, int batch)
{
	const char *text = db_text(rows, row, (size_t)tx), *number = db_text(rows, row, (size_t)batch);

	return (struct place){ text ? strtoull(text, NULL, 10) : 0, number ? strtoll(number, NULL, 10) : 0 };
}

/* Forms that are told, and those that several tell, by a bit for each. */
static unsigned forms(const struct project *p, unsigned *shared)
{
	unsigned told = 0;

	*shared = 0;
	for (size_t i = 0; i < p->destinations_n; i++) {
		unsigned bit = p->destinations[i].type == DESTINATION_OTLP ? 0 : 1u << p->destinations[i].form;

		*shared |= told & bit;
		told |= bit;
	}
	return told;
}

/* ---- the place in the queue ---- */

static struct db_param place_text(struct arena *a, const struct forward *f)
{
	return *f->owed.name ? DB_TEXT(arena_printf(a, "%llu", (unsigned long long)f->at.tx)) : DB_NULL;
}

/* What forward_done() takes besides the name. */
static void set_owed(struct db_param params[4], struct arena *a, const struct forward *f)
{
	params[0] = place_text(a, f);
	params[1] = db_int(a, f->at.batch);
	params[2] = db_int(a, f->owed.sent);
	params[3] = db_int(a, f->owed.refused);
}

/* How far the page goes was taken, but for REFUSED of it. */
static void owe(struct forward *f, const struct destination *d, int64_t refused)
{
	const int64_t n = (int64_t)f->n;

	if (!*f->owed.name) {
		snprintf(f->owed.name, sizeof(f->owed.name), "%s", d->name);
		f->owed.until = clock_ms() + NOTE_MS;
	}
	f->owed.sent += n > refused ? n - refused : 0;
	f->owed.refused += refused < n ? refused : n;
	f->at = f->page->to;
}

static bool note(struct forward *f, struct err *e)
{
	struct arena *a;
	struct db_rows answer;
	int64_t now = clock_ms();
	bool ok;

	if (!*f->owed.name)
		return true;
	a = arena_new();
	struct db_param params[6] = { DB_TEXT(f->owed.name), DB_TEXT(f->holder) };

	set_owed(params + 2, a, f);
	ok = db_call(f->db, STMT_FORWARD_DONE, params, 6, a, &answer, e);
	f->knows = ok && answer.rows && db_bool_at(&answer, 0, 0);
	if (ok) {
		f->owed = (struct owed){ .sent = 0 };
		f->sure_until = now + SURE_MS;
	}
	arena_free(a);
	return ok;
}

/* While page follows page. */
static bool note_may_wait(const struct forward *f)
{
	return f->full && f->knows && clock_ms() < f->owed.until && clock_ms() < f->sure_until;
}

/* Another project, or none: nothing of the page counts any more. */
static void let_go(struct forward *f)
{
	struct err e = { .code = ERR_NONE };

	note(f, &e);
	drop_page(f);
	pages_forget();
	out_close(&f->out);
	f->owed = (struct owed){ .sent = 0 };
	f->knows = false;
}

void forward_end(struct forward *f)
{
	struct err e = { .code = ERR_NONE };
	struct arena *a = arena_new();
	const struct db_param holder = DB_TEXT(f->holder);

	let_go(f);
	db_call(f->db, STMT_FORWARD_RELEASE, &holder, 1, a, NULL, &e);
	arena_free(a);
}

/* ---- pages ---- */

/* What the database said of our place; what is owed, it knows now. A page from there on is ours; without one it may be another's turn. */
static void placed(struct forward *f, const struct page *p, int64_t asked)
{
	if (*f->owed.name)
		f->knows = false;
	f->owed = (struct owed){ .sent = 0 };
	if (!p->rows.rows)
		return;
	f->at = p->from;
	f->knows = true;
	f->sure_until = asked + SURE_MS;
}

/* From the database, which says whose turn it is, too. */
static bool read_page(struct forward *f, const struct project *project, const struct destination *d, struct err *e)
{
	struct page p = { .arena = arena_new(), .families = d->families, .limit = d->batch };
	struct db_param params[9] = { DB_TEXT(d->name), DB_TEXT(f->holder), db_int(p.arena, d->spool),
		forward_families(p.arena, d->families), db_int(p.arena, d->batch) };
	struct db_rows pieces;
	unsigned shared, told = forms(project, &shared);
	int64_t asked = clock_ms();

	set_owed(params + 5, p.arena, f);
	if (!db_call_within(f->db, READ_MS, STMT_FORWARD_NEXT, params, 9, p.arena, &pieces, e) ||
	    !told_unpack(p.arena, &pieces, told & 1u << FORM_OCSF ? f->db : NULL, &p.rows, e)) {
		arena_free(p.arena);
		return false;
	}
	if (p.rows.rows) { /* the last says how far it goes */
		p.from = place_of(&p.rows, p.rows.rows - 1, TOLD_NODE, TOLD_PROGRAM);
		p.to = place_of(&p.rows, p.rows.rows - 1, TOLD_TX, TOLD_BATCH);
	}
	placed(f, &p, asked);
	p.shared = shared;
	f->page = page_new(&p);
	return true;
}

/*
 * One that another destination reads too, or a new one. One after the other: those who are equally far would else all read the
 * same at once.
 */
static bool find_or_read(struct forward *f, const struct project *p, const struct destination *d, struct err *e)
{
	static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;
	bool ok = true;

	pthread_mutex_lock(&reading);
	if (f->knows && clock_ms() < f->sure_until)
		f->page = page_find(d->families, d->batch, f->at);
	if (!f->page)
		ok = read_page(f, p, d, e);
	pthread_mutex_unlock(&reading);
	return ok;
}

/* The next page. What of it lies before our place was sent. */
static bool take_page(struct forward *f, const struct project *p, const struct destination *d, struct err *e)
{
	if (!find_or_read(f, p, d, e))
		return false;
	f->page_until = clock_ms() + PAGE_MS;
	f->work = arena_new();
	f->told = forward_told(f->work, &f->page->rows, &f->n, &f->tx, &f->batch);
	f->full = f->n >= (size_t)d->batch;
	for (size_t i = 0; i < f->n; i++)
		f->told[i].lines = f->page->lines;
	while (f->knows && f->n && place_compare(place_of(&f->page->rows, f->told->row, TOLD_TX, TOLD_BATCH), f->at) <= 0) {
		f->told++;
		f->n--;
	}
	return true;
}

static void say(struct forward *f, const struct destination *d, const struct err *e)
{
	if (!f->failing && e)
		log_warn(NULL, "a destination takes no events; they wait", "destination", d->name, "why", e->text, "detail",
		    e->detail, NULL);
	else if (f->failing && !e)
		log_info(NULL, "a destination takes events again", "destination", d->name, NULL);
	f->failing = e != NULL;
}

static enum forward_step fail(struct forward *f, const struct destination *d, const struct err *e)
{
	struct err ignored = { .code = ERR_NONE };
	struct arena *a = arena_new();
	int64_t after = f->out.retry_after_s > AFTER_MAX_S ? AFTER_MAX_S : f->out.retry_after_s, pause;

	f->backoff_ms = f->backoff_ms ? f->backoff_ms * 2 : BACKOFF_MS;
	if (f->backoff_ms > d->retry_ms)
		f->backoff_ms = d->retry_ms;
	pause = after * 1000 > f->backoff_ms ? after * 1000 : f->backoff_ms;
	f->retry_at = clock_ms() + pause;
	const struct db_param params[] = { DB_TEXT(d->name), DB_TEXT(f->holder),
		DB_TEXT(arena_printf(a, "%s: %s", e->text, e->detail)), db_int(a, pause) };

	note(f, &ignored);
	db_call(f->db, STMT_FORWARD_FAILED, params, 4, a, NULL, &ignored);
	arena_free(a);
	say(f, d, e);
	return FORWARD_FAILED;
}

static enum forward_step done(struct forward *f, const struct destination *d, int64_t refused, struct err *e)
{
	owe(f, d, refused);
	f->backoff_ms = 0;
	f->retry_at = 0;
	drop_page(f);
	if (!note_may_wait(f) && !note(f, e))
		return FORWARD_FAILED;
	say(f, d, NULL);
	return FORWARD_MORE;
}

static enum forward_step send_page(struct forward *f, const struct destination *d, struct err *e)
{
	if (!f->tx) { /* nothing is new, or it is another's turn */
		drop_page(f);
		out_rest(&f->out);
		return FORWARD_IDLE;
	}
	if (!f->n)
		return done(f, d, 0, e);
	switch (out_send(&f->out, f->work, f->told, f->n, e)) {
	case OUT_TAKEN:
		return done(f, d, f->out.refused, e);
	case OUT_REFUSED:
		log_error(NULL, "a destination refuses events for good", "destination", d->name, "why", e->text,
		    "detail", e->detail, NULL);
		err_clear(e);
		return done(f, d, (int64_t)f->n, e);
	case OUT_RETRY:
		break;
	}
	return fail(f, d, e);
}

enum forward_step forward_step(
    struct forward *f, const struct project *p, const struct destination *d, struct err *e)
{
	struct arena *a;
	enum forward_step step;

	if (clock_ms() < f->retry_at)
		return FORWARD_IDLE;
	if (f->page && clock_ms() > f->page_until) {
		drop_page(f);
		f->knows = false;
	}
	if (!f->page && !take_page(f, p, d, e))
		return FORWARD_FAILED;
	a = arena_new();
	f->out.to = d;
	f->out.guard = guard_load(a, p->outbound, p->development, e);
	step = f->out.guard ? send_page(f, d, e) : FORWARD_FAILED;
	f->out.guard = NULL;
	arena_free(a);
	return step;
}

/* ---- the threads: one for each place in the project's list ---- */

/* What came while a page was sent is few, and would cost as much as many. All look at the same times, so that one reads for the others. */
static int next_pause(const struct forward *f, enum forward_step step, const struct destination *d)
{
	return step == FORWARD_MORE && f->full ? 0 : d->interval_ms - (int)(clock_ms() % d->interval_ms);
}

void *forward_run(void *arg)
{
	const struct keeper_slot *slot = arg;
	struct forward f;
	struct site *site = NULL;
	int pause = 0;

	forward_init(&f, slot->app->db);
	do {
		struct err e = { .code = ERR_NONE };
		struct site *now = site_ref(slot->app);
		const struct project *p = now->project;

		if (site && now != site) { /* another project: nothing of the old one's page counts */
			let_go(&f);
			f.retry_at = f.backoff_ms = 0;
		}
		site_unref(site);
		site = now;
		pause = 1000;
		if (slot->index < p->destinations_n) {
			const struct destination *d = &p->destinations[slot->index];
			enum forward_step step = forward_step(&f, p, d, &e);

			pause = next_pause(&f, step, d);
		}
	} while (keeper_pause(pause));
	forward_end(&f);
	site_unref(site);
	return NULL;
}
