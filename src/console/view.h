/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operators' pages are made of: a page grows by parts, and a table ("panel") of it can be sent
 * as CSV or JSON too. Texts are foreign: what is shown is cleaned here and escaped by the template, what goes to a
 * spreadsheet is made harmless there.
 */
#ifndef GATEHOUSE_CONSOLE_VIEW_H
#define GATEHOUSE_CONSOLE_VIEW_H

#include "http/http.h"
#include "oauth/session.h"
#include "page/page.h"

enum { VIEW_COLUMNS_MAX = 12, VIEW_TEXT_MAX = 120 };

struct view {
	struct req *r;
	struct arena *a;
	struct page_console page;
	const char *cookie; /* of the session: forms are made for it */
	struct session person;
};

/* How a column reads. */
enum column {
	COLUMN_TEXT,
	COLUMN_COUNT,    /* 12,345 */
	COLUMN_DURATION, /* microseconds: 12 ms, 1.2 s */
	COLUMN_AMOUNT,   /* 1.2 M */
	COLUMN_TIME,     /* seconds since 1970 */
	COLUMN_PERCENT,  /* of thousandths */
};

struct head {
	const char *name;  /* in CSV and JSON */
	const char *title;
	enum column column;
};

struct cell {
	const char *text; /* COLUMN_TEXT: as it is; NULL: none */
	int64_t number;
	bool absent;      /* no number */
	const char *shown; /* COLUMN_TEXT: what the page shows in its place; NULL: the text */
	const char *url;
	bool on, alarm;
	int share;        /* percent */
};

struct panel {
	const char *id, *title, *note, *empty;
	struct head heads[VIEW_COLUMNS_MAX];
	size_t columns;
	struct cell *cells; /* rows * columns */
	size_t rows;
	const char *all, *csv, *json; /* paths; NULL: none */
	bool wide;                    /* as wide as the page */
};

/* Who is signed in, and the page's frame. False: nobody is (then *SENT, on the way to the sign-in), or no administrator. */
bool view_begin(struct view *, struct req *, struct resp *, const char *title, bool *sent, struct err *);
bool view_send(struct view *, struct resp *, struct err *);

/* "{base path}/console/PATH" in the arena. */
const char *view_path(const struct view *, const char *path);

void view_note(struct view *, bool alarm, const char *text);
void view_card(struct view *, const struct page_console_card_row *);
void view_fact(struct view *, const char *name, const char *value, const char *url);
void view_code(struct view *, const char *name, const char *value);
void view_more(struct view *, const char *text, const char *url);
void view_filter(struct view *, const char *text, const char *url);
void view_range(struct view *, const char *text, const char *url, bool current);
void view_hidden(struct view *, bool of_search, const char *name, const char *value);
void view_panel(struct view *, const struct panel *);

/* Room for one more after N rows of SIZE bytes: the rows, moved where need be. */
void *view_grow(struct arena *, void *rows, size_t n, size_t size);
/* A new row of a panel, all empty. */
struct cell *panel_row(struct arena *, struct panel *);

/* The panel as a file. Always true. */
bool panel_csv(struct resp *, const struct panel *);
bool panel_json(struct resp *, const struct panel *);

/* ---- words for numbers, in the arena */
const char *say_count(struct arena *, int64_t);
const char *say_amount(struct arena *, int64_t);
const char *say_duration(struct arena *, int64_t us);
const char *say_percent(struct arena *, int64_t part, int64_t whole);
const char *say_time(struct arena *, int64_t seconds); /* "2026-11-27 08:15" */
/* A subject for people: of "https://issuer|name@host" the e-mail address, else what stands behind the bar. */
const char *say_user(struct arena *, const char *subject);

#endif
