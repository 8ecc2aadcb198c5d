/* SPDX-License-Identifier: Apache-2.0 */
/* From the URL to the database. */
#include "config.h"

#include "console/ask.h"

#include "base/clock.h"

#include <string.h>

enum { RANGE_MS = 1500, HOUR_S = 3600, DAY_S = 86400 };

static struct db_param time_param(struct arena *a, int64_t seconds)
{
	char *text = arena_alloc(a, CLOCK_TEXT);

	clock_text_of(text, seconds * 1000000);
	return DB_TEXT(text);
}

void ask_set_filters(struct ask *ask, struct arena *a)
{
	const char *fields[QUERY_FILTERS_MAX], *modes[QUERY_FILTERS_MAX], *values[QUERY_FILTERS_MAX];

	for (size_t i = 0; i < ask->q.n; i++) {
		fields[i] = ask->q.filters[i].field;
		modes[i] = ask->q.filters[i].mode;
		values[i] = ask->q.filters[i].value;
	}
	ask->filters[0] = db_text_array(a, fields, ask->q.n);
	ask->filters[1] = db_text_array(a, modes, ask->q.n);
	ask->filters[2] = db_text_array(a, values, ask->q.n);
}

const char *ask_value(struct req *r, const char *name)
{
	struct form f;
	struct err e = { .code = ERR_NONE };

	return req_query(r, &f, &e) ? form_get(&f, name) : NULL;
}

bool ask_took_too_long(struct err *e)
{
	if (e->code != ERR_UNAVAILABLE || !e->reason || strcmp(e->reason, "database_timeout") != 0)
		return false;
	*e = (struct err){ .code = ERR_NONE };
	return true;
}

/* What of the range is there. While the database is busy with that table: the hours or days that the range touches. */
static bool read_range(struct ask *ask, struct view *v, int64_t now, struct err *e)
{
	int64_t end = ask->q.end ? ask->q.end : now + 60, step = end - ask->q.start > 8 * DAY_S ? DAY_S : HOUR_S;
	const struct db_param asked[] = { time_param(v->a, ask->q.start), time_param(v->a, end) };
	struct db_rows rows;

	if (db_call_long(v->r->app->db, RANGE_MS, STMT_ANALYTICS_RANGE, asked, 2, v->a, &rows, e)) {
		ask->from = db_int_at(&rows, 0, 0);
		ask->to = db_int_at(&rows, 0, 1) + 1; /* the second that is under way too */
		ask->counted_to = db_int_at(&rows, 0, 2);
		return true;
	}
	if (!ask_took_too_long(e))
		return false;
	ask->unsure = true;
	ask->from = ask->q.start - ask->q.start % step;
	ask->to = ask->q.end ? (end + step - 1) / step * step : now + 1;
	ask->counted_to = ask->to;
	return true;
}

bool ask_read(struct ask *ask, struct view *v, const char *page, struct err *e)
{
	int64_t now = clock_wall_us() / 1000000;
	struct query_pair *pairs;
	struct form f;

	*ask = (struct ask){ .page = page };
	if (!req_query(v->r, &f, e))
		return false;
	pairs = arena_calloc(v->a, f.n + 1, sizeof(*pairs));
	for (size_t i = 0; i < f.n; i++)
		pairs[i] = (struct query_pair){ f.pairs[i].name, f.pairs[i].value };
	query_read(&ask->q, v->a, pairs, f.n, now);
	if (!read_range(ask, v, now, e))
		return false;
	ask->times[0] = time_param(v->a, ask->from);
	ask->times[1] = time_param(v->a, ask->to);
	ask_set_filters(ask, v->a);
	return true;
}

const char *ask_url(const struct ask *ask, struct view *v, const char *page, const struct filter *more, size_t n, bool *on)
{
	const char *query = query_text(v->a, &ask->q, more, n, on);

	/* most links stay on their page: a query alone says so in less */
	return *query && !strcmp(page, ask->page) ? query : arena_printf(v->a, "%s%s", view_path(v, page), query);
}

static const char *say_filter(struct arena *a, const struct filter *f)
{
	const char *label = query_field_label(f->field);
	const char *value = !strcmp(f->field, "user") ? say_user(a, f->value) : f->value;

	if (!value || !*value)
		value = "(none)";
	if (!strcmp(f->mode, "equals"))
		return arena_printf(a, "%s: %s", label, value);
	if (!strcmp(f->mode, "not"))
		return arena_printf(a, "%s is not %s", label, value);
	if (!strcmp(f->mode, "startsWith"))
		return arena_printf(a, "%s begins with %s", label, value);
	if (!strcmp(f->mode, "in"))
		return arena_printf(a, "%s is one of %s", label, value);
	return arena_printf(a, "%s %s %s", label, !strcmp(f->mode, "class") ? "is" : f->mode, value);
}

void ask_show(const struct ask *ask, struct view *v)
{
	static const char *const times[][2] = { { "24h", "24 hours" }, { "7d", "7 days" }, { "30d", "30 days" },
		{ "90d", "90 days" } };
	int64_t now = clock_wall_us() / 1000000;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		view_range(v, times[i][1],
		    arena_printf(v->a, "%s%s", view_path(v, ask->page), query_with_time(v->a, &ask->q, times[i][0])),
		    ask->q.time && !strcmp(ask->q.time, times[i][0]));
	v->page.range = arena_printf(v->a, "%s to %s UTC", say_time(v->a, ask->from), say_time(v->a, ask->to));
	for (size_t i = 0; i < ask->q.n; i++)
		view_filter(v, say_filter(v->a, &ask->q.filters[i]),
		    arena_printf(v->a, "%s%s", view_path(v, ask->page), query_without(v->a, &ask->q, i)));
	for (size_t i = 0; i < ask->q.faults_n; i++)
		view_note(v, true, arena_printf(v->a, "Left out: %s", ask->q.faults[i]));
	if (ask->unsure)
		view_note(v, true, "How far calls are counted was not to be found out in time: the newest, or the first, may be missing.");
	else if (ask->counted_to < now && !ask->q.end)
		view_note(v, true,
		    arena_printf(v->a,
			"Newer calls than of %s UTC are not counted yet: run gatehousectl maintenance, and see what "
			"gatehousectl doctor says.",
			say_time(v->a, ask->counted_to)));
}
