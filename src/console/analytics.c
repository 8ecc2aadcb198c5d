/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The analytics page, general to specific: cards, over time, capabilities, users, routes and upstreams, methods, clients
 * and transports, JSON-RPC codes and origins, reasons, tokens. Every number is a link that narrows the page, and widens it
 * again.
 */
#include "config.h"

#include "console/console.h"

#include "base/clock.h"
#include "console/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_SHOWN = 8, ROWS_ASKED = 20, ROWS_OF_TABLE = 100, ROWS_OF_FILE = 10000, BARS_MAX = 1000, PANELS_MS = 10000, ALERTS_SHOWN = 5, HOUR_S = 3600, DAY_S = 86400 };

/* The columns of analytics_panel and analytics_panels. */
enum { C_KEY, C_KEY2, C_CALLS, C_FAILED, C_P95, C_LATENCY, C_GATEWAY, C_UPSTREAM, C_IN, C_OUT, C_TOKENS_IN,
	C_TOKENS_OUT, C_SINCE, C_PANEL };

enum order { BY_CALLS, BY_FAILED, BY_SLOW, BY_TOKENS };

static const char *const order_names[] = { "calls", "failed", "slow", "tokens" };

/* What stands in a panel besides its key. */
enum { SHOW_CALLS = 1, SHOW_FAILED = 2, SHOW_P95 = 4, SHOW_TOKENS = 8, SHOW_KEY2 = 16 };

static const struct panel_kind {
	const char *id, *title, *field, *source; /* source: the panel in SQL */
	const char *key, *key2;                  /* headings */
	enum order order;
	unsigned show;
	bool only_set;                           /* rows without the key are left out */
	const char *note;
} kinds[] = {
	{ "tools", "Capabilities called most", "tool", "tool", "Capability", "Kind", BY_CALLS,
	    SHOW_CALLS | SHOW_FAILED | SHOW_P95 | SHOW_KEY2, true, NULL },
	{ "tool-errors", "Capabilities with most errors", "tool", "tool", "Capability", "Kind", BY_FAILED,
	    SHOW_CALLS | SHOW_FAILED | SHOW_P95, true, NULL },
	{ "tool-times", "Slowest capabilities", "tool", "tool", "Capability", "Kind", BY_SLOW,
	    SHOW_CALLS | SHOW_FAILED | SHOW_P95, true, NULL },
	{ "kinds", "Kinds", "type", "type", "Kind", NULL, BY_CALLS, SHOW_CALLS | SHOW_FAILED | SHOW_P95, true, NULL },
	{ "users", "Users", "user", "user", "User", NULL, BY_CALLS, SHOW_CALLS | SHOW_FAILED, false, NULL },
	{ "routes", "Routes", "route", "route", "Route", NULL, BY_CALLS, SHOW_CALLS | SHOW_FAILED | SHOW_P95, false, NULL },
	{ "upstreams", "Upstreams", "upstream", "upstream", "Upstream", NULL, BY_CALLS,
	    SHOW_CALLS | SHOW_FAILED | SHOW_P95, false, NULL },
	{ "methods", "Methods", "method", "method", "Method", NULL, BY_CALLS, SHOW_CALLS | SHOW_FAILED | SHOW_P95, false,
	    NULL },
	{ "clients", "Clients", "client", "client", "Client", NULL, BY_CALLS, SHOW_CALLS | SHOW_FAILED | SHOW_P95, false,
	    "By the name that a client calls itself." },
	{ "transports", "Transport", "transport", "transport", "Transport", NULL, BY_CALLS,
	    SHOW_CALLS | SHOW_FAILED | SHOW_P95, false, NULL },
	{ "codes", "JSON-RPC codes", "code", "code", "Code", NULL, BY_CALLS, SHOW_CALLS, true, NULL },
	{ "origins", "Failure origins", "origin", "origin", "Origin", NULL, BY_CALLS, SHOW_CALLS, true, NULL },
	{ "reasons", "Reasons", "reason", "reason", "Reason", NULL, BY_CALLS, SHOW_CALLS, true,
	    "As the log and, where it is safe, the client is told." },
	{ "tool-tokens", "Tokens by capability", "tool", "tool", "Capability", "Kind", BY_TOKENS, SHOW_CALLS | SHOW_TOKENS,
	    true, NULL },
	{ "route-tokens", "Tokens by route", "route", "route", "Route", NULL, BY_TOKENS, SHOW_CALLS | SHOW_TOKENS, false,
	    NULL },
	{ "user-tokens", "Tokens by user", "user", "user", "User", NULL, BY_TOKENS, SHOW_CALLS | SHOW_TOKENS, false, NULL },
	{ "client-tokens", "Tokens by client", "client", "client", "Client", NULL, BY_TOKENS, SHOW_CALLS | SHOW_TOKENS,
	    false, NULL },
	{ NULL, NULL, NULL, NULL, NULL, NULL, BY_CALLS, 0, false, NULL },
};

static const char too_much[] = "Too much to count in time: narrow the page, or choose a shorter time.";

/* ---- asking */

static bool ask_panel(struct view *v, const struct ask *ask, const char *source, int bar, const char *order, int limit,
    int skip, struct db_rows *rows, struct err *e)
{
	const struct db_param params[] = { DB_TEXT(source), ask->times[0], ask->times[1], db_int(v->a, bar),
		ask->filters[0], ask->filters[1], ask->filters[2], DB_TEXT(order), db_int(v->a, limit),
		db_int(v->a, skip) };

	if (ask->deadline && clock_ms() >= ask->deadline)
		return err_reason(e, ERR_UNAVAILABLE, "database_timeout", "the database does not answer", "%s", source);
	return db_call(v->r->app->db, STMT_ANALYTICS_PANEL, params, 10, v->a, rows, e);
}

/* What SQL is asked for a page's cards and panels, in any order. */
static const char page_panels[] = "total,tool,type,user,route,upstream,method,client,transport,code,origin,reason";

enum { PAGE_PANELS = 12 };

/* The rows of each; where the database took too long, none is there and it is not known. */
struct answers {
	struct {
		const char *panel;
		struct db_rows rows;
	} of[PAGE_PANELS];
	size_t n;
};

static const struct db_rows *answer_of(const struct answers *all, const char *panel)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->of[i].panel, panel))
			return &all->of[i].rows;
	return NULL;
}

/* Rows come panel by panel. */
static void take_answers(struct answers *all, const struct db_rows *rows)
{
	for (size_t from = 0, to; from < rows->rows && all->n < PAGE_PANELS; from = to) {
		const char *panel = db_text(rows, from, C_PANEL);

		for (to = from + 1; to < rows->rows && !strcmp(db_text(rows, to, C_PANEL), panel);)
			to++;
		all->of[all->n].panel = panel;
		all->of[all->n++].rows = (struct db_rows){
			.rows = to - from, .columns = rows->columns, .cells = rows->cells + from * rows->columns,
		};
	}
}

/* One reading after the other. One that takes the database too long is missing: the others are worth being seen. */
static bool ask_panels(struct view *v, const struct ask *ask, struct answers *all, struct err *e)
{
	const struct db_param which[] = { DB_TEXT(page_panels), ask->times[0], ask->times[1], ask->filters[0] };
	struct db_rows readings;

	all->n = 0;
	if (!db_call(v->r->app->db, STMT_ANALYTICS_READINGS, which, 4, v->a, &readings, e))
		return false;
	for (size_t i = 0; i < readings.rows && clock_ms() < ask->deadline; i++) {
		const struct db_param params[] = { DB_TEXT(db_text(&readings, i, 0)), ask->times[0], ask->times[1], ask->filters[0],
			ask->filters[1], ask->filters[2], db_int(v->a, ROWS_ASKED) };
		struct db_rows rows;

		if (db_call(v->r->app->db, STMT_ANALYTICS_PANELS, params, 7, v->a, &rows, e))
			take_answers(all, &rows);
		else if (!ask_took_too_long(e))
			return false;
	}
	return true;
}

static const char *key_at(const struct db_rows *rows, size_t row)
{
	const char *key = db_text(rows, row, C_KEY);

	return key ? key : "";
}

/* ---- panels */

static void add_head(struct panel *p, const char *name, const char *title, enum column column)
{
	p->heads[p->columns++] = (struct head){ name, title, column };
}

static void add_heads(struct panel *p, const struct panel_kind *k)
{
	add_head(p, k->field, k->key, COLUMN_TEXT);
	if (k->show & SHOW_KEY2)
		add_head(p, "kind", k->key2, COLUMN_TEXT);
	add_head(p, "calls", "Calls", COLUMN_COUNT);
	if (k->show & SHOW_FAILED)
		add_head(p, "failed", "Failed", COLUMN_COUNT);
	if (k->show & SHOW_P95)
		add_head(p, "p95_us", "p95", COLUMN_DURATION);
	if (k->show & SHOW_TOKENS) {
		add_head(p, "tokens_in", "Arguments", COLUMN_AMOUNT);
		add_head(p, "tokens_out", "Results", COLUMN_AMOUNT);
		add_head(p, "tokens_per_call", "Per call", COLUMN_AMOUNT);
	}
}

/* Numbers of a row of the database, in the order of add_heads(). */
static void add_numbers(struct cell *c, const struct panel_kind *k, const struct db_rows *rows, size_t row)
{
	int64_t calls = db_int_at(rows, row, C_CALLS), in = db_int_at(rows, row, C_TOKENS_IN),
		out = db_int_at(rows, row, C_TOKENS_OUT);

	(c++)->number = calls;
	if (k->show & SHOW_FAILED) {
		c->number = db_int_at(rows, row, C_FAILED);
		(c++)->alarm = true;
	}
	if (k->show & SHOW_P95) {
		c->absent = !db_text(rows, row, C_P95);
		(c++)->number = db_int_at(rows, row, C_P95);
	}
	if (k->show & SHOW_TOKENS) {
		(c++)->number = in;
		(c++)->number = out;
		c->number = calls ? (in + out) / calls : 0;
	}
}

/*
 * The links of a row: the key's adds the key, and covers the row (console.css), so that every number of it is that link;
 * what failed adds that too, unless nothing else is asked for.
 */
static void add_links(struct view *v, const struct ask *ask, const struct panel_kind *k, struct cell *c, const char *key)
{
	const struct filter more[] = { { k->field, "equals", key }, { "outcome", "class", "failed" } };
	bool on, both_on;
	const char *url = ask_url(ask, v, "analytics", more, 1, &on),
		   *failed = ask_url(ask, v, "analytics", more, 2, &both_on);
	size_t at = k->show & SHOW_KEY2 ? 2 : 1;

	c[0].url = url;
	c[0].on = on;
	if (k->show & SHOW_FAILED) {
		c[at + 1].url = c[at + 1].number && strcmp(failed, url) != 0 ? failed : NULL;
		c[at + 1].on = both_on;
	}
}

static void add_row(struct view *v, const struct ask *ask, const struct panel_kind *k, struct panel *p,
    const struct db_rows *rows, size_t row)
{
	struct cell *c = panel_row(v->a, p);
	int64_t all = rows->rows ? db_int_at(rows, 0, C_CALLS) : 0;

	c[0].text = key_at(rows, row);
	if (!strcmp(k->field, "user"))
		c[0].shown = say_user(v->a, c[0].text);
	if (all && k->show & SHOW_FAILED)
		c[0].share = (int)(db_int_at(rows, row, C_CALLS) * 100 / all);
	if (k->show & SHOW_KEY2)
		c[1].text = db_text(rows, row, C_KEY2);
	add_numbers(c + (k->show & SHOW_KEY2 ? 2 : 1), k, rows, row);
	add_links(v, ask, k, c, c[0].text);
}

/* By which a row comes first; larger is earlier. */
static int64_t weight(const struct db_rows *rows, size_t row, enum order order)
{
	switch (order) {
	case BY_FAILED:
		return db_int_at(rows, row, C_FAILED);
	case BY_SLOW:
		return db_int_at(rows, row, C_P95);
	case BY_TOKENS:
		return db_int_at(rows, row, C_TOKENS_IN) + db_int_at(rows, row, C_TOKENS_OUT);
	case BY_CALLS:
		break;
	}
	return db_int_at(rows, row, C_CALLS);
}

/*
 * The first LIMIT rows in the panel's order, of rows that hold the first of every order. (Row 0 is the sum of all, and
 * rows come by calls: the first of equals stays first.)
 */
static void add_rows(struct view *v, const struct ask *ask, const struct panel_kind *k, struct panel *p,
    const struct db_rows *rows, size_t limit)
{
	bool *taken = arena_calloc(v->a, rows->rows + 1, sizeof(*taken));

	while (p->rows < limit) {
		size_t best = 0;

		for (size_t i = 1; i < rows->rows; i++) {
			if (taken[i] || (k->only_set && !*key_at(rows, i)))
				continue;
			if (!best || weight(rows, i, k->order) > weight(rows, best, k->order))
				best = i;
		}
		if (!best || (k->order != BY_CALLS && !weight(rows, best, k->order)))
			return;
		taken[best] = true;
		add_row(v, ask, k, p, rows, best);
	}
}

/* Said where the calls had to be read themselves, and are too many. */
static const char *say_since(struct view *v, const struct ask *ask, const struct db_rows *rows, const char *note)
{
	int64_t since = rows->rows ? db_int_at(rows, 0, C_SINCE) : ask->from;

	if (since <= ask->from)
		return note;
	return arena_printf(v->a, "%s%sFilters like these are asked of the calls themselves: counted from %s UTC on.",
	    note ? note : "", note ? " " : "", say_time(v->a, since));
}

static struct panel begin_panel(struct view *v, const struct ask *ask, const struct panel_kind *k,
    const struct db_rows *rows)
{
	const char *path = arena_printf(v->a, "panel/%s", k->id);
	struct panel p = { .id = k->id, .title = k->title, .note = say_since(v, ask, rows, k->note) };

	p.all = ask_url(ask, v, path, NULL, 0, NULL);
	p.csv = ask_url(ask, v, arena_printf(v->a, "%s.csv", path), NULL, 0, NULL);
	p.json = ask_url(ask, v, arena_printf(v->a, "%s.json", path), NULL, 0, NULL);
	add_heads(&p, k);
	return p;
}

/* All panels in their order. One of which nothing is known says so. */
static void add_panels(struct view *v, const struct ask *ask, const struct answers *answers)
{
	const struct db_rows none = { .rows = 0 };

	for (const struct panel_kind *k = kinds; k->id; k++) {
		const struct db_rows *rows = answer_of(answers, k->source);
		struct panel p = begin_panel(v, ask, k, rows ? rows : &none);

		if (rows)
			add_rows(v, ask, k, &p, rows, ROWS_SHOWN);
		else
			p.empty = too_much;
		view_panel(v, &p);
	}
}

/* ---- cards */

static void add_card(struct view *v, const char *label, const char *value, const char *detail, const char *url, bool on,
    bool alarm)
{
	view_card(v,
	    &(struct page_console_card_row){ .label = label, .value = value, .detail = detail,
		.url = page_url(v->a, url), .on = on, .alarm = alarm });
}

static const char *shares(struct arena *a, const struct db_rows *rows)
{
	int64_t whole = db_int_at(rows, 0, C_LATENCY);

	if (!whole)
		return NULL;
	return arena_printf(a, "gateway %s, upstream %s of the time", say_percent(a, db_int_at(rows, 0, C_GATEWAY), whole),
	    say_percent(a, db_int_at(rows, 0, C_UPSTREAM), whole));
}

/* The origin of most failures. */
static void add_origin_card(struct view *v, const struct ask *ask, const struct db_rows *origins)
{
	int64_t with = 0;
	size_t best = 0;

	for (size_t i = 1; i < origins->rows; i++) {
		if (!*key_at(origins, i))
			continue;
		with += db_int_at(origins, i, C_CALLS);
		if (!best || db_int_at(origins, i, C_CALLS) > db_int_at(origins, best, C_CALLS))
			best = i;
	}
	if (!best) {
		add_card(v, "Most failures from", "\xe2\x80\x93", "nothing failed", NULL, false, false);
		return;
	}
	const struct filter f = { "origin", "equals", key_at(origins, best) };
	bool on;
	const char *url = ask_url(ask, v, "analytics", &f, 1, &on);

	add_card(v, "Most failures from", f.value,
	    arena_printf(v->a, "%s of %s", say_percent(v->a, db_int_at(origins, best, C_CALLS), with), say_count(v->a, with)),
	    url, on, false);
}

static void add_cards(struct view *v, const struct ask *ask, const struct answers *answers)
{
	const struct filter failed = { "outcome", "class", "failed" }, good = { "outcome", "equals", "success" };
	const struct db_rows *total = answer_of(answers, "total"), *origins = answer_of(answers, "origin");
	int64_t calls, bad;
	bool on, good_on;
	const char *url = ask_url(ask, v, "analytics", &failed, 1, &on),
		   *good_url = ask_url(ask, v, "analytics", &good, 1, &good_on);

	if (!total || !origins) {
		view_note(v, true, too_much);
		return;
	}
	calls = db_int_at(total, 0, C_CALLS);
	bad = db_int_at(total, 0, C_FAILED);
	add_card(v, "Calls", say_count(v->a, calls),
	    arena_printf(v->a, "%s tokens, estimated",
		say_amount(v->a, db_int_at(total, 0, C_TOKENS_IN) + db_int_at(total, 0, C_TOKENS_OUT))),
	    ask_url(ask, v, "calls", NULL, 0, NULL), false, false);
	add_card(v, "Succeeded", calls ? say_percent(v->a, calls - bad, calls) : "\xe2\x80\x93",
	    arena_printf(v->a, "%s did", say_count(v->a, calls - bad)), good_url, good_on, false);
	add_card(v, "Did not", say_count(v->a, bad), calls ? say_percent(v->a, bad, calls) : NULL, url, on, bad > 0);
	add_card(v, "95 of 100 took at most",
	    db_text(total, 0, C_P95) ? say_duration(v->a, db_int_at(total, 0, C_P95)) : "\xe2\x80\x93",
	    shares(v->a, total), ask_url(ask, v, "panel/tool-times", NULL, 0, NULL), false, false);
	add_origin_card(v, ask, origins);
	if (!calls)
		view_note(v, false, ask->q.n ? "No call fits these filters in this time." : "No calls in this time.");
}

/* ---- over time */

enum { WIDTH = 720, TOP = 12, FLOOR = 150 };

struct bar {
	int64_t at, good, other, bad;
};

static int bar_seconds(const struct ask *ask)
{
	int64_t length = ask->to - ask->from;

	return length <= 50 * HOUR_S ? HOUR_S : length <= 9 * DAY_S ? 6 * HOUR_S : length <= 120 * DAY_S ? DAY_S : 7 * DAY_S;
}

static bool is_other(const char *outcome)
{
	return !strcmp(outcome, "cancelled") || !strcmp(outcome, "connect_required");
}

/* Bars for the whole range, those without calls too. Weeks begin on Monday, as in SQL. */
static struct bar *make_bars(struct view *v, const struct ask *ask, const struct db_rows *rows, int step, size_t *n)
{
	const int64_t monday = 1578268800; /* 2020-01-06 */
	int64_t first = ask->from - (ask->from - monday) % step;
	struct bar *bars;

	*n = (size_t)((ask->to - first + step - 1) / step);
	if (*n > BARS_MAX)
		*n = BARS_MAX;
	bars = arena_calloc(v->a, *n + 1, sizeof(*bars));
	for (size_t i = 0; i < *n; i++)
		bars[i].at = first + (int64_t)i * step;
	for (size_t i = 1; i < rows->rows; i++) {
		const char *outcome = db_text(rows, i, C_KEY2);
		int64_t index = (strtoll(key_at(rows, i), NULL, 10) - first) / step, calls = db_int_at(rows, i, C_CALLS);

		if (index < 0 || index >= (int64_t)*n)
			continue;
		if (outcome && !strcmp(outcome, "success"))
			bars[index].good += calls;
		else if (outcome && is_other(outcome))
			bars[index].other += calls;
		else
			bars[index].bad += calls;
	}
	return bars;
}

static const char *length(struct arena *a, double n)
{
	return arena_printf(a, "%.1f", n);
}

static void draw_bar(struct view *v, const struct bar *b, size_t i, size_t n, int64_t top, struct page_console_bar_row *out)
{
	double scale = (double)(FLOOR - TOP) / (double)top, step = (double)WIDTH / (double)n;
	double good = (double)b->good * scale, other = (double)b->other * scale, bad = (double)b->bad * scale;

	/* what failed is seen, however little it is */
	if (b->bad && bad < 1.5)
		bad = 1.5;
	out->x = length(v->a, ((double)i + 0.5) * step);
	out->good = b->good ? length(v->a, good) : NULL;
	out->other = b->other ? length(v->a, other) : NULL;
	out->other_y = length(v->a, FLOOR - good);
	out->bad = b->bad ? length(v->a, bad) : NULL;
	out->bad_y = length(v->a, FLOOR - good - other);
	out->about = arena_printf(v->a, "%s: %s succeeded, %s failed", say_time(v->a, b->at), say_count(v->a, b->good),
	    say_count(v->a, b->bad));
}

static void draw_ticks(struct view *v, const struct bar *bars, size_t n, int step)
{
	size_t every = (n + 5) / 6;

	v->page.ticks = arena_calloc(v->a, n + 1, sizeof(*v->page.ticks));
	for (size_t i = 0; i + i / 20 < n; i += every) { /* the last one would stick out */
		const char *time = say_time(v->a, bars[i].at);

		v->page.ticks[v->page.ticks_n++] = (struct page_console_tick_row){
			.x = length(v->a, (double)i * WIDTH / (double)n),
			.text = step < 6 * HOUR_S ? time + 11 : arena_strndup(v->a, time + 5, 5),
		};
	}
}

static bool add_chart(struct view *v, const struct ask *ask, struct err *e)
{
	int step = bar_seconds(ask);
	int64_t top = 0;
	struct db_rows rows;
	struct bar *bars;
	size_t n;

	if (!ask_panel(v, ask, "time", step, "key", BARS_MAX * 8, 0, &rows, e))
		return ask_took_too_long(e);
	bars = make_bars(v, ask, &rows, step, &n);
	for (size_t i = 0; i < n; i++)
		if (bars[i].good + bars[i].other + bars[i].bad > top)
			top = bars[i].good + bars[i].other + bars[i].bad;
	if (!top)
		return true;
	v->page.bars = arena_calloc(v->a, n + 1, sizeof(*v->page.bars));
	v->page.bar_width = length(v->a, WIDTH * 0.9 / (double)n);
	for (size_t i = 0; i < n; i++)
		if (bars[i].good + bars[i].other + bars[i].bad)
			draw_bar(v, &bars[i], i, n, top, &v->page.bars[v->page.bars_n++]);
	draw_ticks(v, bars, n, step);
	v->page.chart = arena_printf(v->a, "Calls over time by outcome, %s at most in %s", say_count(v->a, top),
	    step == HOUR_S ? "an hour" : step < DAY_S ? "six hours" : step == DAY_S ? "a day" : "a week");
	v->page.top = say_count(v->a, top);
	v->page.chart_all = page_url(v->a, ask_url(ask, v, "panel/time", NULL, 0, NULL));
	return true;
}

/* The same as a table; a time leads to the page of that time alone. */
static bool make_time_panel(struct view *v, const struct ask *ask, struct panel *p, struct err *e)
{
	int step = bar_seconds(ask);
	struct db_rows rows;
	struct bar *bars;
	size_t n;

	if (!ask_panel(v, ask, "time", step, "key", BARS_MAX * 8, 0, &rows, e))
		return false;
	*p = (struct panel){ .id = "time", .title = "Over time", .note = say_since(v, ask, &rows, NULL) };
	add_head(p, "time", "From (UTC)", COLUMN_TIME);
	add_head(p, "succeeded", "Succeeded", COLUMN_COUNT);
	add_head(p, "other", "Cancelled or to connect", COLUMN_COUNT);
	add_head(p, "failed", "Failed", COLUMN_COUNT);
	bars = make_bars(v, ask, &rows, step, &n);
	for (size_t i = 0; i < n; i++) {
		struct query q = ask->q;
		struct cell *c = panel_row(v->a, p);

		q.time = NULL;
		q.start = bars[i].at;
		q.end = bars[i].at + step;
		c[0] = (struct cell){ .number = bars[i].at,
			.url = arena_printf(v->a, "%s%s", view_path(v, "analytics"), query_text(v->a, &q, NULL, 0, NULL)) };
		c[1].number = bars[i].good;
		c[2].number = bars[i].other;
		c[3] = (struct cell){ .number = bars[i].bad, .alarm = true };
	}
	return true;
}

/* ---- tools listed */

/* What each tools/list put into a model's context, by route and client. */
static bool make_list_panel(struct view *v, const struct ask *ask, size_t limit, struct panel *p, struct err *e)
{
	struct ask lists = *ask;
	struct db_rows rows;

	*p = (struct panel){ .id = "lists", .title = "Tool definitions sent", .note =
		"Tokens that one tools/list puts into a model's context." };
	add_head(p, "route", "Route", COLUMN_TEXT);
	add_head(p, "client", "Client", COLUMN_TEXT);
	add_head(p, "lists", "Lists", COLUMN_COUNT);
	add_head(p, "tokens_per_list", "Tokens each", COLUMN_AMOUNT);
	add_head(p, "tokens", "Tokens", COLUMN_AMOUNT);
	if (lists.q.n == QUERY_FILTERS_MAX)
		return true;
	lists.q.filters[lists.q.n++] = (struct filter){ "method", "equals", "tools/list" };
	ask_set_filters(&lists, v->a);
	if (!ask_panel(v, &lists, "list", 0, "tokens", (int)limit, 0, &rows, e))
		return false;
	for (size_t i = 1; i < rows.rows; i++) {
		struct cell *c = panel_row(v->a, p);
		int64_t n = db_int_at(&rows, i, C_CALLS), tokens = db_int_at(&rows, i, C_TOKENS_OUT);
		const struct filter more[] = { { "route", "equals", db_text(&rows, i, C_KEY2) },
			{ "client", "equals", key_at(&rows, i) } };

		c[0].text = more[0].value;
		c[0].url = ask_url(ask, v, "analytics", &more[0], 1, &c[0].on);
		c[1].text = more[1].value;
		c[1].url = ask_url(ask, v, "analytics", &more[1], 1, &c[1].on);
		c[2].number = n;
		c[3].number = n ? tokens / n : 0;
		c[4].number = tokens;
	}
	return true;
}

/* Tools that are listed, the unused ones first. Filters do not narrow it. */
static bool make_unused_panel(struct view *v, const struct ask *ask, size_t limit, struct panel *p, struct err *e)
{
	const struct db_param params[] = { ask->times[0], ask->times[1], db_int(v->a, (int64_t)limit), db_int(v->a, 0) };
	struct db_rows rows;

	*p = (struct panel){ .id = "unused", .title = "Tools listed, and never called first",
		.empty = "No tools/list was answered in this time." };
	add_head(p, "route", "Route", COLUMN_TEXT);
	add_head(p, "tool", "Tool", COLUMN_TEXT);
	add_head(p, "tokens", "Tokens of its definition", COLUMN_AMOUNT);
	add_head(p, "calls", "Calls", COLUMN_COUNT);
	if (!db_call(v->r->app->db, STMT_ANALYTICS_TOOLS, params, 4, v->a, &rows, e))
		return false;
	if (rows.rows)
		p->note = arena_printf(v->a, "%s of %s tools were not called in this time: %s of the tokens of all definitions. "
					    "Filters do not count here.",
		    say_count(v->a, db_int_at(&rows, 0, 7)), say_count(v->a, db_int_at(&rows, 0, 5)),
		    say_percent(v->a, db_int_at(&rows, 0, 8), db_int_at(&rows, 0, 6)));
	for (size_t i = 0; i < rows.rows; i++) {
		struct cell *c = panel_row(v->a, p);
		const struct filter more[] = { { "route", "equals", db_text(&rows, i, 0) },
			{ "tool", "equals", db_text(&rows, i, 1) } };

		c[0].text = more[0].value;
		c[0].url = ask_url(ask, v, "analytics", &more[0], 1, &c[0].on);
		c[1].text = more[1].value;
		c[1].url = ask_url(ask, v, "analytics", &more[1], 1, &c[1].on);
		c[2].number = db_int_at(&rows, i, 2);
		c[3].number = db_int_at(&rows, i, 4);
	}
	return true;
}

static bool add_list_panels(struct view *v, const struct ask *ask, struct err *e)
{
	struct panel p;

	if (!make_list_panel(v, ask, ROWS_SHOWN, &p, e)) {
		if (!ask_took_too_long(e))
			return false;
		p.empty = too_much;
	}
	p.all = ask_url(ask, v, "panel/lists", NULL, 0, NULL);
	p.csv = ask_url(ask, v, "panel/lists.csv", NULL, 0, NULL);
	p.json = ask_url(ask, v, "panel/lists.json", NULL, 0, NULL);
	view_panel(v, &p);
	if (!make_unused_panel(v, ask, ROWS_SHOWN, &p, e)) {
		if (!ask_took_too_long(e))
			return false;
		p.empty = too_much;
	}
	p.all = ask_url(ask, v, "panel/unused", NULL, 0, NULL);
	p.csv = ask_url(ask, v, "panel/unused.csv", NULL, 0, NULL);
	p.json = ask_url(ask, v, "panel/unused.json", NULL, 0, NULL);
	view_panel(v, &p);
	return true;
}

/* ---- the pages */

/* What is wrong now, with the line to act on. */
static bool add_alerts(struct view *v, struct err *e)
{
	struct db_rows rows;

	if (!db_call(v->r->app->db, STMT_ALERTS_OPEN, NULL, 0, v->a, &rows, e))
		return false;
	for (size_t i = 0; i < rows.rows && i < ALERTS_SHOWN; i++)
		view_note(v, true, arena_printf(v->a, "%s: %s", db_text(&rows, i, 2), db_text(&rows, i, 3)));
	return true;
}

bool show_analytics(struct req *r, struct resp *s, const char *rest, struct err *e)
{
	struct view v;
	struct ask ask;
	struct answers answers;
	bool sent;

	if (*rest)
		return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "");
	if (!view_begin(&v, r, s, "Analytics", &sent, e))
		return sent;
	if (!ask_read(&ask, &v, "analytics", e))
		return false;
	ask_show(&ask, &v);
	ask.deadline = clock_ms() + PANELS_MS;
	if (!add_alerts(&v, e) || !ask_panels(&v, &ask, &answers, e))
		return false;
	add_cards(&v, &ask, &answers);
	if (!add_chart(&v, &ask, e))
		return false;
	add_panels(&v, &ask, &answers);
	if (!add_list_panels(&v, &ask, e))
		return false;
	view_more(&v, "The calls, one by one", ask_url(&ask, &v, "calls", NULL, 0, NULL));
	return view_send(&v, s, e);
}

static const struct panel_kind *find_kind(const char *id, size_t n)
{
	for (const struct panel_kind *k = kinds; k->id; k++)
		if (strlen(k->id) == n && !memcmp(k->id, id, n))
			return k;
	return NULL;
}

/* One panel in full. */
static bool make_panel(struct view *v, const struct ask *ask, const char *id, size_t n, size_t limit, struct panel *p,
    struct err *e)
{
	const struct panel_kind *k = find_kind(id, n);
	struct db_rows rows;

	if (n == 4 && !memcmp(id, "time", n))
		return make_time_panel(v, ask, p, e);
	if (n == 5 && !memcmp(id, "lists", n))
		return make_list_panel(v, ask, limit, p, e);
	if (n == 6 && !memcmp(id, "unused", n))
		return make_unused_panel(v, ask, limit, p, e);
	if (!k)
		return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "no such panel");
	if (!ask_panel(v, ask, k->source, 0, order_names[k->order], (int)limit, 0, &rows, e))
		return false;
	*p = begin_panel(v, ask, k, &rows);
	for (size_t i = 1; i < rows.rows; i++)
		if (!k->only_set || *key_at(&rows, i))
			add_row(v, ask, k, p, &rows, i);
	return true;
}

bool show_panel(struct req *r, struct resp *s, const char *rest, struct err *e)
{
	size_t n = strcspn(rest, "."), limit;
	const char *form = rest[n] ? rest + n + 1 : "";
	struct view v;
	struct ask ask;
	struct panel p;
	bool sent;

	limit = *form ? ROWS_OF_FILE : ROWS_OF_TABLE;
	if (!view_begin(&v, r, s, "Analytics", &sent, e))
		return sent;
	if (!ask_read(&ask, &v, arena_printf(v.a, "panel/%.*s", (int)n, rest), e) ||
	    !make_panel(&v, &ask, rest, n, limit, &p, e))
		return false;
	if (!strcmp(form, "csv"))
		return panel_csv(s, &p);
	if (!strcmp(form, "json"))
		return panel_json(s, &p);
	if (*form)
		return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "no such form");
	ask_show(&ask, &v);
	v.page.title = p.title;
	p.all = NULL;
	p.wide = true;
	p.csv = ask_url(&ask, &v, arena_printf(v.a, "panel/%s.csv", p.id), NULL, 0, NULL);
	p.json = ask_url(&ask, &v, arena_printf(v.a, "panel/%s.json", p.id), NULL, 0, NULL);
	view_panel(&v, &p);
	if (p.rows == limit)
		view_note(&v, false, "Only the first 100 are shown; the files have up to 10,000.");
	view_more(&v, "All of analytics", ask_url(&ask, &v, "analytics", NULL, 0, NULL));
	return view_send(&v, s, e);
}
