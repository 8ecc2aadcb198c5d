/* SPDX-License-Identifier: Apache-2.0 */
/* Calls one by one, and the story of one. */
#include "config.h"

#include "console/console.h"

#include "console/ask.h"
#include "console/story.h"
#include "base/clock.h"
#include "page/html.h"

#include <stdlib.h>
#include <string.h>

enum { CALLS_SHOWN = 50, CALLS_OF_FILE = 5000, ID_MAX = 200, LOOK_MS = 2000, SECOND_US = 1000000 };

/* The columns of analytics_calls. */
enum { C_AT, C_ID, C_ROUTE, C_METHOD, C_TYPE, C_TOOL, C_USER, C_CLIENT, C_OUTCOME, C_REASON, C_STATUS, C_LATENCY };

static const char *time_text(struct arena *a, int64_t us)
{
	char *text = arena_alloc(a, CLOCK_TEXT);

	clock_text_of(text, us);
	return text;
}

/* "before=MICROSECONDS,REQUEST-ID" */
static void read_before(struct req *r, struct db_param before[2])
{
	const char *text = ask_value(r, "before");
	char *end;
	long long us;

	before[0] = before[1] = DB_NULL;
	if (!text)
		return;
	us = strtoll(text, &end, 10);
	if (*end != ',' || us <= 0 || us > INT64_C(4102444800) * SECOND_US)
		return;
	/* to the microsecond: clock_text_of() is for people */
	before[0] = DB_TEXT(arena_printf(r->arena, "%.19s.%06lldZ", time_text(r->arena, us), us % SECOND_US));
	before[1] = DB_TEXT(end + 1);
}

static const char *call_url(struct view *v, const struct db_rows *rows, size_t i)
{
	return arena_printf(v->a, "%s?id=%s&at=%lld", view_path(v, "call"),
	    query_escape(v->a, db_text(rows, i, C_ID)), (long long)(db_int_at(rows, i, C_AT) / SECOND_US));
}

static void add_call(struct view *v, struct panel *p, const struct db_rows *rows, size_t i)
{
	const char *tool = db_text(rows, i, C_TOOL), *outcome = db_text(rows, i, C_OUTCOME);
	struct cell *c = panel_row(v->a, p);

	c[0] = (struct cell){ .number = db_int_at(rows, i, C_AT) / SECOND_US };
	c[1] = (struct cell){ .text = db_text(rows, i, C_ID), .url = call_url(v, rows, i) };
	c[1].shown = arena_strndup(v->a, c[1].text, strlen(c[1].text) > 12 ? 12 : strlen(c[1].text));
	c[2].text = db_text(rows, i, C_ROUTE);
	c[3].text = db_text(rows, i, C_METHOD);
	c[4].text = tool ? tool : "";
	c[4].shown = tool ? NULL : "\xe2\x80\x93";
	c[5].text = db_text(rows, i, C_USER);
	c[5].shown = say_user(v->a, c[5].text);
	c[6].text = db_text(rows, i, C_CLIENT);
	c[7].text = outcome;
	c[8].text = db_text(rows, i, C_REASON);
	c[8].shown = c[8].text ? NULL : "\xe2\x80\x93";
	c[9].number = db_int_at(rows, i, C_LATENCY);
}

static void begin_panel(struct panel *p)
{
	static const struct head heads[] = {
		{ "time", "When (UTC)", COLUMN_TIME },
		{ "requestId", "Request", COLUMN_TEXT },
		{ "route", "Route", COLUMN_TEXT },
		{ "method", "Method", COLUMN_TEXT },
		{ "capability", "Capability", COLUMN_TEXT },
		{ "user", "User", COLUMN_TEXT },
		{ "client", "Client", COLUMN_TEXT },
		{ "outcome", "Outcome", COLUMN_TEXT },
		{ "reason", "Reason", COLUMN_TEXT },
		{ "latency_us", "Took", COLUMN_DURATION },
	};

	*p = (struct panel){ .id = "calls", .title = "The newest first", .empty = "No call fits.", .wide = true };
	memcpy(p->heads, heads, sizeof(heads));
	p->columns = sizeof(heads) / sizeof(heads[0]);
}

static bool read_calls(struct view *v, const struct ask *ask, size_t limit, struct panel *p, struct db_rows *rows,
    struct err *e)
{
	struct db_param params[8] = { ask->times[0], ask->times[1], ask->filters[0], ask->filters[1], ask->filters[2] };

	read_before(v->r, &params[5]);
	params[7] = db_int(v->a, (int64_t)limit);
	if (!db_call(v->r->app->db, STMT_ANALYTICS_CALLS, params, 8, v->a, rows, e))
		return false;
	begin_panel(p);
	for (size_t i = 0; i < rows->rows; i++)
		if (db_text(rows, i, C_ID))
			add_call(v, p, rows, i);
	return true;
}

/* The next page: from the last call on, or from where the look ended. */
static void add_next(struct view *v, const struct ask *ask, const struct db_rows *rows)
{
	const char *url = ask_url(ask, v, "calls", NULL, 0, NULL);
	size_t last = rows->rows - 1;
	bool early = rows->rows && !db_text(rows, last, C_ID);

	if (!early && rows->rows < CALLS_SHOWN)
		return;
	view_more(v, early ? "Look further back" : "Older calls",
	    arena_printf(v->a, "%s%sbefore=%lld,%s", url, strchr(url, '?') ? "&" : "?",
		(long long)db_int_at(rows, last, C_AT), early ? "" : query_escape(v->a, db_text(rows, last, C_ID))));
	if (early)
		view_note(v, false,
		    arena_printf(v->a, "Looked back to %s UTC.", say_time(v->a, db_int_at(rows, last, C_AT) / SECOND_US)));
}

static void add_search(struct view *v)
{
	v->page.search = page_url(v->a, view_path(v, "call"));
	v->page.search_label = "Request id";
	v->page.search_text = "";
}

bool show_calls(struct req *r, struct resp *s, const char *rest, struct err *e)
{
	bool sent, csv = !strcmp(rest, ".csv"), json = !strcmp(rest, ".json");
	struct view v;
	struct ask ask;
	struct panel p;
	struct db_rows rows;

	if (*rest && !csv && !json)
		return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "");
	if (!view_begin(&v, r, s, "Calls", &sent, e))
		return sent;
	if (!ask_read(&ask, &v, "calls", e) ||
	    !read_calls(&v, &ask, csv || json ? CALLS_OF_FILE : CALLS_SHOWN, &p, &rows, e))
		return false;
	if (csv || json)
		return csv ? panel_csv(s, &p) : panel_json(s, &p);
	ask_show(&ask, &v);
	add_search(&v);
	p.csv = ask_url(&ask, &v, "calls.csv", NULL, 0, NULL);
	p.json = ask_url(&ask, &v, "calls.json", NULL, 0, NULL);
	view_panel(&v, &p);
	add_next(&v, &ask, &rows);
	view_more(&v, "These calls in analytics", ask_url(&ask, &v, "analytics", NULL, 0, NULL));
	return view_send(&v, s, e);
}

/* ---- one call */

static void show_story(struct view *v, const struct story *story)
{
	v->page.steps = arena_calloc(v->a, story->n + 1, sizeof(*v->page.steps));
	v->page.steps_n = story->n;
	for (size_t i = 0; i < story->n; i++) {
		const struct story_step *from = &story->steps[i];
		struct page_console_step_row *to = &v->page.steps[i];

		to->title = html_clean(v->a, from->title, VIEW_TEXT_MAX);
		to->time = from->at_us ? time_text(v->a, from->at_us) : NULL;
		to->alarm = from->alarm;
		to->facts = arena_calloc(v->a, from->n + 1, sizeof(*to->facts));
		to->facts_n = from->n;
		for (size_t k = 0; k < from->n; k++) {
			to->facts[k].name = from->facts[k].name;
			to->facts[k].value = html_clean(v->a, from->facts[k].value, 8 * VIEW_TEXT_MAX);
		}
	}
}

bool show_call(struct req *r, struct resp *s, const char *rest, struct err *e)
{
	const char *id, *at;
	struct view v;
	struct db_rows rows;
	struct story story;
	bool sent;

	if (*rest)
		return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "");
	if (!view_begin(&v, r, s, "A call", &sent, e))
		return sent;
	id = ask_value(r, "id");
	if (!id)
		id = ask_value(r, "q"); /* typed in by hand */
	at = ask_value(r, "at");
	if (!id || strlen(id) > ID_MAX)
		return err_set(e, ERR_INVALID_REQUEST, "a request id is wanted", "");
	const struct db_param params[] = { DB_TEXT(id),
		at ? DB_TEXT(time_text(r->arena, strtoll(at, NULL, 10) % INT64_C(4102444800) * SECOND_US)) : DB_NULL,
		db_int(r->arena, LOOK_MS) };

	if (!db_call(r->app->db, STMT_REQUEST_STORY, params, 3, r->arena, &rows, e))
		return false;
	story_tell(&story, r->arena, &rows);
	add_search(&v);
	v.page.search_text = html_clean(v.a, id, ID_MAX);
	view_fact(&v, "Request id", id, NULL);
	if (!story.n)
		view_note(&v, true,
		    "Nothing is known of this request: it was never made here, or is older than events are kept, or than "
		    "could be looked for. gatehousectl trace looks through everything.");
	show_story(&v, &story);
	return view_send(&v, s, e);
}
