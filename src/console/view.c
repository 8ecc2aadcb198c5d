/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of pages, and tables as files. */
#include "config.h"

#include "console/view.h"

#include "json/json.h"
#include "oauth/endpoint.h"
#include "page/html.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { FILE_MAX = 16 * 1024 * 1024 };

void *view_grow(struct arena *a, void *rows, size_t n, size_t size)
{
	void *more;

	if (n & (n - 1))
		return rows;
	more = arena_calloc(a, n ? 2 * n : 1, size);
	if (n)
		memcpy(more, rows, n * size);
	return more;
}

/* A new element of the member LIST of a page. */
#define GROW(v, list) \
	((v)->page.list = view_grow((v)->a, (v)->page.list, (v)->page.list##_n, sizeof(*(v)->page.list)), \
	    &(v)->page.list[(v)->page.list##_n++])

/* ---- the frame */

static const struct {
	const char *path, *title;
} places[] = {
	{ "analytics", "Analytics" },
	{ "calls", "Calls" },
	{ "users", "Users" },
	{ "sessions", "Sessions" },
	{ "clients", "Clients" },
	{ "upstreams", "Upstreams" },
	{ "config", "Configuration" },
	{ "connect", "Connect a client" },
};

const char *view_path(const struct view *v, const char *path)
{
	return arena_printf(v->a, "%s/console/%s", v->r->project->base_path, path);
}

static void add_nav(struct view *v)
{
	size_t n = strcspn(v->r->tail, "/.");

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct page_console_link_row *link = GROW(v, nav);

		link->text = places[i].title;
		link->url = page_url(v->a, view_path(v, places[i].path));
		link->current = strlen(places[i].path) == n && !memcmp(places[i].path, v->r->tail, n);
	}
}

/*
 * The query without characters that an address to come back to must not have. A slash is one: a person's id has "//"
 * in it, and the sign-in leads to nothing that has.
 */
static const char *plain_query(struct arena *a, const char *query)
{
	const char *known = "-._~?&=%:,@";
	struct buf b;
	const char *out;

	buf_init(&b, FILE_MAX);
	for (; *query; query++) {
		unsigned char c = (unsigned char)*query;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr(known, c))
			buf_char(&b, (char)c);
		else
			buf_printf(&b, "%%%02X", c);
	}
	out = arena_strndup(a, buf_text(&b), b.len);
	buf_release(&b);
	return out;
}

/* There and back. What a form would have changed is asked again: only pages are come back to. */
static bool send_to_sign_in(struct view *v, struct resp *p, bool *sent)
{
	struct req *r = v->r;
	const char *here = "/console/analytics";

	*sent = true;
	if (strcmp(r->method, "POST") != 0)
		here = arena_printf(v->a, "/console/%s%s%s", r->tail, *r->query ? "?" : "", plain_query(v->a, r->query));
	return resp_redirect(p, sign_in_url(r, here));
}

bool view_begin(
    struct view *v, struct req *r, struct resp *p, const char *title, bool *sent, struct err *e)
{
	*v = (struct view){ .r = r, .a = r->arena };
	*sent = false;
	if (!session_find_admin(r, &v->person, e)) {
		if (!e->code)
			send_to_sign_in(v, p, sent);
		return false;
	}
	v->cookie = req_cookie(r, cookie_name(r, SESSION_COOKIE));
	v->page.host = page_host(r);
	v->page.title = title;
	v->page.user = say_user(v->a, v->person.email ? v->person.email : v->person.name ? v->person.name : v->person.subject);
	add_nav(v);
	return true;
}

bool view_send(struct view *v, struct resp *p, struct err *e)
{
	return page_send(v->r, p, 200, &v->page, "", e);
}

/* ---- parts */

void view_note(struct view *v, bool alarm, const char *text)
{
	struct page_console_text_row *note = GROW(v, notes);

	note->text = html_clean(v->a, text, 4 * VIEW_TEXT_MAX);
	note->alarm = alarm;
}

void view_card(struct view *v, const struct page_console_card_row *card)
{
	*GROW(v, cards) = *card;
}

void view_fact(struct view *v, const char *name, const char *value, const char *url)
{
	struct page_console_fact_row *fact;

	if (!value)
		return;
	fact = GROW(v, facts);
	fact->name = name;
	fact->value = html_clean(v->a, value, 8 * VIEW_TEXT_MAX);
	fact->url = page_url(v->a, url);
}

void view_code(struct view *v, const char *name, const char *value)
{
	struct page_console_fact_row *fact = GROW(v, facts);

	fact->name = name;
	fact->value = value;
	fact->code = true;
}

static void add_link(struct view *v, struct page_console_link_row *link, const char *text, const char *url)
{
	link->text = html_clean(v->a, text, VIEW_TEXT_MAX);
	link->url = page_url(v->a, url);
}

void view_more(struct view *v, const char *text, const char *url)
{
	add_link(v, GROW(v, more), text, url);
}

void view_filter(struct view *v, const char *text, const char *url)
{
	add_link(v, GROW(v, filters), text, url);
}

void view_range(struct view *v, const char *text, const char *url, bool current)
{
	struct page_console_link_row *link = GROW(v, ranges);

	add_link(v, link, text, url);
	link->current = current;
}

void view_hidden(struct view *v, bool of_search, const char *name, const char *value)
{
	struct page_console_hidden_row *hidden = of_search ? GROW(v, search_hidden) : GROW(v, hidden);

	hidden->name = name;
	hidden->value = value;
}

/* ---- tables */

struct cell *panel_row(struct arena *a, struct panel *p)
{
	size_t row = p->columns * sizeof(*p->cells);

	p->cells = view_grow(a, p->cells, p->rows, row);
	return &p->cells[p->columns * p->rows++];
}

static const char *cell_text(struct arena *a, const struct head *h, const struct cell *c)
{
	const char *text = c->shown ? c->shown : c->text;

	if (h->column == COLUMN_TEXT) {
		text = html_clean(a, text, VIEW_TEXT_MAX);
		return text ? text : "(none)";
	}
	if (c->absent)
		return "\xe2\x80\x93";
	switch (h->column) {
	case COLUMN_DURATION:
		return say_duration(a, c->number);
	case COLUMN_AMOUNT:
		return say_amount(a, c->number);
	case COLUMN_TIME:
		return say_time(a, c->number);
	case COLUMN_PERCENT:
		return say_percent(a, c->number, 1000);
	default:
		return say_count(a, c->number);
	}
}

static void show_cell(struct view *v, const struct head *h, const struct cell *c, struct page_console_cell_row *out)
{
	out->text = cell_text(v->a, h, c);
	out->url = page_url(v->a, c->url);
	out->linked = out->url.checked != NULL;
	out->number = h->column != COLUMN_TEXT;
	out->on = c->on;
	out->alarm = c->alarm && c->number > 0;
	out->share = c->share > 0 ? arena_printf(v->a, "%d", c->share > 100 ? 100 : c->share) : NULL;
}

static void show_line(struct view *v, const struct panel *p, size_t row, struct page_console_line_row *out)
{
	out->cells = arena_calloc(v->a, p->columns, sizeof(*out->cells));
	out->cells_n = p->columns;
	for (size_t i = 0; i < p->columns; i++)
		show_cell(v, &p->heads[i], &p->cells[row * p->columns + i], &out->cells[i]);
}

void view_panel(struct view *v, const struct panel *p)
{
	struct page_console_panel_row *out = GROW(v, panels);

	out->id = p->id;
	out->title = p->title;
	out->note = p->note;
	out->wide = p->wide;
	out->empty = p->rows ? NULL : p->empty ? p->empty : "Nothing in this time.";
	out->heads = arena_calloc(v->a, p->columns, sizeof(*out->heads));
	out->heads_n = p->columns;
	for (size_t i = 0; i < p->columns; i++) {
		out->heads[i].text = p->heads[i].title;
		out->heads[i].number = p->heads[i].column != COLUMN_TEXT;
	}
	out->lines = arena_calloc(v->a, p->rows + 1, sizeof(*out->lines));
	out->lines_n = p->rows;
	for (size_t i = 0; i < p->rows; i++)
		show_line(v, p, i, &out->lines[i]);
	out->all = page_url(v->a, p->all);
	out->csv = page_url(v->a, p->csv);
	out->json = page_url(v->a, p->json);
}

/* ---- files */

/* Whether a spreadsheet could take what begins at S for a formula: as a cell, or after what it splits cells at. */
static bool begins_formula(const char *s, bool first)
{
	if (first)
		return *s && strchr("=+-@\t\r\n", *s);
	return *s && strchr("=+-@", *s) && strchr(";\t\r\n", s[-1]);
}

/* RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe before it. */
static void csv_text(struct buf *b, const char *text)
{
	buf_char(b, '"');
	for (const char *s = text; *s; s++) {
		if (begins_formula(s, s == text))
			buf_char(b, '\'');
		if (*s == '"')
			buf_char(b, '"');
		buf_char(b, *s);
	}
	buf_char(b, '"');
}

static const char *rfc3339(struct arena *a, int64_t seconds)
{
	char *text = arena_alloc(a, 32);
	time_t t = (time_t)seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return text;
}

static void csv_cell(struct arena *a, struct buf *b, const struct head *h, const struct cell *c)
{
	if (h->column == COLUMN_TEXT)
		csv_text(b, c->text ? c->text : "");
	else if (!c->absent && h->column == COLUMN_TIME)
		buf_str(b, rfc3339(a, c->number));
	else if (!c->absent)
		buf_printf(b, "%lld", (long long)c->number);
}

static void make_file(struct resp *p, const char *type, const char *name)
{
	resp_set(p, "Content-Type", type);
	resp_set(p, "Content-Disposition", arena_printf(p->arena, "attachment; filename=\"%s\"", name));
	resp_set(p, "Cache-Control", "no-store");
	resp_set(p, "X-Content-Type-Options", "nosniff");
	resp_set(p, "Content-Security-Policy", "default-src 'none'; sandbox");
}

bool panel_csv(struct resp *p, const struct panel *panel)
{
	struct buf b;

	buf_init(&b, FILE_MAX);
	for (size_t i = 0; i < panel->columns; i++)
		buf_printf(&b, "%s%s", i ? "," : "", panel->heads[i].name);
	buf_str(&b, "\r\n");
	for (size_t row = 0; row < panel->rows; row++) {
		for (size_t i = 0; i < panel->columns; i++) {
			if (i)
				buf_char(&b, ',');
			csv_cell(p->arena, &b, &panel->heads[i], &panel->cells[row * panel->columns + i]);
		}
		buf_str(&b, "\r\n");
	}
	buf_clear(&p->body);
	buf_add(&p->body, b.data, b.len);
	buf_release(&b);
	make_file(p, "text/csv; charset=utf-8", arena_printf(p->arena, "gatehouse-%s.csv", panel->id));
	return true;
}

bool panel_json(struct resp *p, const struct panel *panel)
{
	struct json_object *doc = json_new_object(p->arena), *rows = json_new_array(p->arena);

	for (size_t row = 0; row < panel->rows; row++) {
		struct json_object *one = json_new_object(p->arena);

		for (size_t i = 0; i < panel->columns; i++) {
			const struct cell *c = &panel->cells[row * panel->columns + i];

			if (panel->heads[i].column == COLUMN_TEXT)
				json_add_string(one, panel->heads[i].name, c->text);
			else if (!c->absent && panel->heads[i].column == COLUMN_TIME)
				json_add_string(one, panel->heads[i].name, rfc3339(p->arena, c->number));
			else if (!c->absent)
				json_add_int(one, panel->heads[i].name, c->number);
		}
		json_add(rows, NULL, one);
	}
	json_add_string(doc, "panel", panel->id);
	json_add(doc, "rows", rows);
	resp_json(p, 200, doc);
	make_file(p, "application/json", arena_printf(p->arena, "gatehouse-%s.json", panel->id));
	return true;
}

/* ---- words */

const char *say_count(struct arena *a, int64_t n)
{
	char digits[32];
	char *out = arena_alloc(a, 48), *to = out;
	int len = snprintf(digits, sizeof(digits), "%lld", (long long)n);

	for (int i = 0; i < len; i++) {
		if (i && digits[i - 1] != '-' && (len - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return out;
}

const char *say_amount(struct arena *a, int64_t n)
{
	static const char *const units[] = { "", "k", "M", "G", "T" };
	double v = (double)n;
	size_t unit = 0;

	if (n < 10000)
		return say_count(a, n);
	while (v >= 1000 && unit < 4) {
		v /= 1000;
		unit++;
	}
	return arena_printf(a, v < 100 ? "%.1f %s" : "%.0f %s", v, units[unit]);
}

const char *say_duration(struct arena *a, int64_t us)
{
	if (us < 1000)
		return arena_printf(a, "%.1f ms", (double)us / 1e3);
	if (us < 999500)
		return arena_printf(a, "%.0f ms", (double)us / 1e3);
	if (us < 60 * 1000000LL)
		return arena_printf(a, "%.1f s", (double)us / 1e6);
	return arena_printf(a, "%.1f min", (double)us / 60e6);
}

const char *say_percent(struct arena *a, int64_t part, int64_t whole)
{
	double percent = whole ? 100.0 * (double)part / (double)whole : 0;

	/* never "100 %" of what is not whole */
	if (part < whole && percent > 99.9)
		return "99.9 %";
	if (part > 0 && percent < 0.1)
		return "< 0.1 %";
	return arena_printf(a, percent >= 99.95 || percent == 0 ? "%.0f %%" : "%.1f %%", percent);
}

const char *say_time(struct arena *a, int64_t seconds)
{
	char *text = arena_alloc(a, 32);
	time_t t = (time_t)seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, 32, "%Y-%m-%d %H:%M", &tm);
	return text;
}

const char *say_user(struct arena *a, const char *subject)
{
	const char *bar = subject ? strrchr(subject, '|') : NULL;
	const char *name = bar && bar[1] ? bar + 1 : subject;

	return html_clean(a, name, VIEW_TEXT_MAX);
}
