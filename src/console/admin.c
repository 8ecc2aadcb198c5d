/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People, clients, upstreams: looked at, searched, ended. What ends something is a page that asks, then a POST from that
 * page; who did it stands in the audit trail.
 */
#include "config.h"

#include "console/console.h"

#include "console/ask.h"
#include "page/csrf.h"
#include "page/html.h"

#include <string.h>

enum { ROWS_SHOWN = 50, SEARCH_MAX = 200, ID_MAX = 2048 };

static const char no_uuid[] = "00000000-0000-0000-0000-000000000000";

static bool nothing_here(struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "there is nothing at this address", "");
}

static const char *value_or(struct req *r, const char *name, const char *other)
{
	const char *value = ask_value(r, name);

	return value ? value : other;
}

static void add_search(struct view *v, const char *page, const char *label, const char *text)
{
	v->page.search = page_url(v->a, view_path(v, page));
	v->page.search_label = label;
	v->page.search_text = html_clean(v->a, text, SEARCH_MAX);
}

/* The page after this one: rows behind the last that is shown. */
static void add_next(struct view *v, const char *page, const char *search, const char *last)
{
	view_more(v, "More",
	    arena_printf(v->a, "%s?%s%s%safter=%s", view_path(v, page), *search ? "q=" : "", query_escape(v->a, search),
		*search ? "&" : "", query_escape(v->a, last)));
}

static const char *with_id(struct view *v, const char *page, const char *id)
{
	return arena_printf(v->a, "%s?id=%s", view_path(v, page), query_escape(v->a, id));
}

static const char *revoke_url(struct view *v, const char *kind, const char *id)
{
	return arena_printf(v->a, "%s?kind=%s&id=%s", view_path(v, "revoke"), kind, query_escape(v->a, id));
}

/* Where the next rows of a list within a page begin: an id in the address, under the list's name. */
static struct db_param rows_after(struct view *v, const char *list)
{
	const char *id = value_or(v->r, list, no_uuid);
	bool is_id = strlen(id) == strlen(no_uuid) && strspn(id, "0123456789abcdef-") == strlen(no_uuid);

	for (size_t i = 0; is_id && i < strlen(no_uuid); i++)
		is_id = (id[i] == '-') == (no_uuid[i] == '-');
	return DB_TEXT(is_id ? id : no_uuid);
}

/* The way to them: PAGE is about ID, LAST is the last that is shown. */
static void add_next_rows(struct view *v, const char *page, const char *id, const char *list, const char *last)
{
	view_more(v, arena_printf(v->a, "More %s", list), arena_printf(v->a, "%s&%s=%s#%s", with_id(v, page, id), list, last, list));
}

static void set_heads(struct panel *p, const struct head *heads, size_t n)
{
	memcpy(p->heads, heads, n * sizeof(*heads));
	p->columns = n;
}

/* On the page of a person (a client, an upstream) each row would say the same of it, and leave no room for the rest. */
static void drop_column(struct panel *p, size_t column)
{
	size_t n = 0;

	for (size_t i = 0; i < p->rows * p->columns; i++)
		if (i % p->columns != column)
			p->cells[n++] = p->cells[i];
	p->columns--;
	memmove(&p->heads[column], &p->heads[column + 1], (p->columns - column) * sizeof(p->heads[0]));
}

static void number(struct cell *c, const struct db_rows *rows, size_t row, size_t column)
{
	c->number = db_int_at(rows, row, column);
	c->absent = !db_text(rows, row, column);
}

/* A time as PostgreSQL's functions say it to programs. */
static void said_time(struct cell *c, const char *text)
{
	c->absent = !text || !query_time(text, &c->number);
}

static void done_note(struct view *v)
{
	if (ask_value(v->r, "done"))
		view_note(v, false, "Done. It holds from this moment on, and stands in the audit trail.");
}

/* ---- lists that a page is: users, sessions, clients */

struct listing {
	const char *page, *title; /* of the page */
	const char *heading, *none, *none_fits, *search_label;
	enum stmt stmt;
	const struct head *heads;
	size_t columns;
	size_t after; /* the column of a row that the next ones come behind */
	void (*fill)(struct view *, struct cell *, const struct db_rows *, size_t row);
};

static bool show_listing(const struct listing *l, struct req *r, struct resp *s, const char *rest, struct err *e)
{
	const char *search = value_or(r, "q", "");
	struct panel p = { .wide = true, .id = l->page, .title = l->heading, .empty = *search ? l->none_fits : l->none };
	struct view v;
	struct db_rows rows;
	bool sent;

	if (*rest)
		return nothing_here(e);
	if (!view_begin(&v, r, s, l->title, &sent, e))
		return sent;
	const struct db_param params[] = { DB_TEXT(search), DB_TEXT(value_or(r, "after", "")),
		db_int(r->arena, ROWS_SHOWN + 1) };

	if (!db_call(r->app->db, l->stmt, params, 3, r->arena, &rows, e))
		return false;
	set_heads(&p, l->heads, l->columns);
	for (size_t i = 0; i < rows.rows && i < ROWS_SHOWN; i++)
		l->fill(&v, panel_row(r->arena, &p), &rows, i);
	add_search(&v, l->page, l->search_label, search);
	done_note(&v);
	view_panel(&v, &p);
	if (rows.rows > ROWS_SHOWN)
		add_next(&v, l->page, search, db_text(&rows, ROWS_SHOWN - 1, l->after));
	return view_send(&v, s, e);
}

/* ---- people */

static void fill_user(struct view *v, struct cell *c, const struct db_rows *rows, size_t i)
{
	const char *subject = db_text(rows, i, 0), *email = db_text(rows, i, 2);

	c[0] = (struct cell){ .text = subject, .shown = email && *email ? email : say_user(v->a, subject),
		.url = with_id(v, "user", subject) };
	c[1].text = db_text(rows, i, 1);
	for (size_t k = 2; k < 6; k++)
		number(&c[k], rows, i, k + 1);
}

bool show_users(struct req *r, struct resp *s, const char *rest, struct err *e)
{
	static const struct head heads[] = { { "user", "User", COLUMN_TEXT }, { "name", "Name", COLUMN_TEXT },
		{ "sessions", "Sessions", COLUMN_COUNT }, { "grants", "Grants", COLUMN_COUNT },
		{ "connections", "Connections", COLUMN_COUNT }, { "last_used", "Last used (UTC)", COLUMN_TIME } };
	static const struct listing list = { "users", "Users", "People with a session, a grant or a connection", "Nobody yet.",
		"Nobody fits.", "Subject, name or e-mail", STMT_CONSOLE_USERS, heads, sizeof(heads) / sizeof(heads[0]), 0, fill_user };

	return show_listing(&list, r, s, rest, e);
}

static void fill_session(struct view *v, struct cell *c, const struct db_rows *rows, size_t i)
{
	const char *subject = db_text(rows, i, 0);

	c[0] = (struct cell){ .text = subject, .shown = say_user(v->a, subject), .url = with_id(v, "user", subject) };
	c[1].text = db_text(rows, i, 1);
	c[2].text = db_text(rows, i, 2);
	number(&c[3], rows, i, 3);
	number(&c[4], rows, i, 4);
	c[5] = (struct cell){ .text = "End the user's sessions", .url = revoke_url(v, "sessions", subject) };
}

/* Sessions in browsers, whoever's they are. */
bool show_sessions(struct req *r, struct resp *s, const char *rest, struct err *e)
{
	static const struct head heads[] = { { "user", "User", COLUMN_TEXT }, { "name", "Name", COLUMN_TEXT },
		{ "email", "E-mail", COLUMN_TEXT }, { "begun", "Begun (UTC)", COLUMN_TIME }, { "ends", "Ends (UTC)", COLUMN_TIME },
		{ "end", "To end it", COLUMN_TEXT } };
	static const struct listing list = { "sessions", "Sessions", "Sessions in browsers", "None.", "None fits.",
		"Subject, name or e-mail", STMT_CONSOLE_SESSIONS, heads, sizeof(heads) / sizeof(heads[0]), 5, fill_session };

	return show_listing(&list, r, s, rest, e);
}

/* Of a person or of a client, on the page of either; the other is NULL. */
static bool add_grants(struct view *v, const char *subject, const char *client, struct err *e)
{
	static const struct head heads[] = { { "client", "Client", COLUMN_TEXT }, { "user", "User", COLUMN_TEXT },
		{ "route", "Route", COLUMN_TEXT }, { "since", "Since (UTC)", COLUMN_TIME }, { "last_used", "Last used (UTC)", COLUMN_TIME },
		{ "end", "To end it", COLUMN_TEXT } };
	struct panel p = { .wide = true, .id = "grants", .title = "Grants", .empty = "None." };
	const struct db_param params[] = { DB_TEXT(subject), DB_TEXT(client), rows_after(v, "grants"), db_int(v->a, ROWS_SHOWN + 1) };
	struct db_rows rows;

	if (!db_call(v->r->app->db, STMT_GRANT_LIST, params, 4, v->a, &rows, e))
		return false;
	set_heads(&p, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < rows.rows && i < ROWS_SHOWN; i++) {
		struct cell *c = panel_row(v->a, &p);

		c[0] = (struct cell){ .text = db_text(&rows, i, 3), .url = with_id(v, "client", db_text(&rows, i, 2)) };
		c[1] = (struct cell){ .text = db_text(&rows, i, 1), .shown = say_user(v->a, db_text(&rows, i, 1)),
			.url = with_id(v, "user", db_text(&rows, i, 1)) };
		c[2].text = db_text(&rows, i, 4);
		said_time(&c[3], db_text(&rows, i, 6));
		said_time(&c[4], db_text(&rows, i, 7));
		c[5] = (struct cell){ .text = "Revoke", .url = revoke_url(v, "grant", db_text(&rows, i, 0)) };
	}
	drop_column(&p, subject ? 1 : 0);
	view_panel(v, &p);
	if (rows.rows > ROWS_SHOWN)
		add_next_rows(v, subject ? "user" : "client", subject ? subject : client, "grants", db_text(&rows, ROWS_SHOWN - 1, 0));
	return true;
}

static bool add_connections(struct view *v, const char *subject, const char *upstream, struct err *e)
{
	static const struct head heads[] = { { "upstream", "Upstream", COLUMN_TEXT }, { "user", "User", COLUMN_TEXT },
		{ "state", "State", COLUMN_TEXT }, { "issuer", "Signed in at", COLUMN_TEXT },
		{ "refreshed", "Renewed (UTC)", COLUMN_TIME }, { "expires", "Token until (UTC)", COLUMN_TIME },
		{ "end", "To end it", COLUMN_TEXT } };
	struct panel p = { .wide = true, .id = "connections", .title = "Connections to upstreams", .empty = "None." };
	const struct db_param params[] = { DB_TEXT(subject), DB_TEXT(upstream), rows_after(v, "connections"),
		db_int(v->a, ROWS_SHOWN + 1) };
	struct db_rows rows;

	if (!db_call(v->r->app->db, STMT_CONSOLE_CONNECTIONS, params, 4, v->a, &rows, e))
		return false;
	set_heads(&p, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < rows.rows && i < ROWS_SHOWN; i++) {
		struct cell *c = panel_row(v->a, &p);
		const char *who = db_text(&rows, i, 2), *why = db_text(&rows, i, 4);

		c[0] = (struct cell){ .text = db_text(&rows, i, 1), .url = with_id(v, "upstreams", db_text(&rows, i, 1)) };
		c[1] = (struct cell){ .text = who, .shown = *who ? say_user(v->a, who) : "everybody (shared)",
			.url = *who ? with_id(v, "user", who) : NULL };
		c[2].text = why ? arena_printf(v->a, "%s: %s", db_text(&rows, i, 3), why) : db_text(&rows, i, 3);
		c[3].text = db_text(&rows, i, 5);
		number(&c[4], &rows, i, 8);
		number(&c[5], &rows, i, 9);
		c[6] = (struct cell){ .text = "End", .url = revoke_url(v, "connection", db_text(&rows, i, 0)) };
	}
	drop_column(&p, subject ? 1 : 0);
	view_panel(v, &p);
	if (rows.rows > ROWS_SHOWN)
		add_next_rows(v, subject ? "user" : "upstreams", subject ? subject : upstream, "connections",
		    db_text(&rows, ROWS_SHOWN - 1, 0));
	return true;
}

static bool add_sessions(struct view *v, const char *subject, struct err *e)
{
	static const struct head heads[] = { { "name", "Name", COLUMN_TEXT }, { "email", "E-mail", COLUMN_TEXT },
		{ "begun", "Begun (UTC)", COLUMN_TIME }, { "ends", "Ends (UTC)", COLUMN_TIME } };
	struct panel p = { .wide = true, .id = "sessions", .title = "Sessions in browsers", .empty = "None." };
	const struct db_param who = DB_TEXT(subject);
	struct db_rows rows;

	if (!db_call(v->r->app->db, STMT_USER_SESSIONS, &who, 1, v->a, &rows, e))
		return false;
	set_heads(&p, heads, sizeof(heads) / sizeof(heads[0]));
	for (size_t i = 0; i < rows.rows && i < ROWS_SHOWN; i++) {
		struct cell *c = panel_row(v->a, &p);

		for (size_t k = 0; k < 2; k++)
			c[k].text = db_text(&rows, i, k);
		for (size_t k = 2; k < 4; k++)
			said_time(&c[k], db_text(&rows, i, k));
	}
	view_panel(v, &p);
	return true;
}

/* The id in the address, or false with the error. */
static bool read_id(struct req *r, const char **id, struct err *e)
{
	*id = ask_value(r, "id");
	return (*id && strlen(*id) <= ID_MAX) || nothing_here(e);
}

bool show_user_page(struct req *r, struct resp *s, const char *rest, struct err *e)
{
	const char *id;
	struct view v;
	bool sent;

	if (*rest)
		return nothing_here(e);
	if (!view_begin(&v, r, s, "A user", &sent, e))
		return sent;
	if (!read_id(r, &id, e))
		return false;
	const struct filter f = { "user", "equals", id };

	done_note(&v);
	view_fact(&v, "Subject", id, NULL);
	if (!add_grants(&v, id, NULL, e) || !add_connections(&v, id, NULL, e) || !add_sessions(&v, id, e))
		return false;
	view_more(&v, "This user's calls in analytics",
	    arena_printf(v.a, "%s?filter=%s:%s:%s", view_path(&v, "analytics"), f.field, f.mode, query_escape(v.a, f.value)));
	view_more(&v, "End the sessions", revoke_url(&v, "sessions", id));
	view_more(&v, "Revoke everything of this user", revoke_url(&v, "user", id));
	return view_send(&v, s, e);
}

/* ---- clients */

static void fill_client(struct view *v, struct cell *c, const struct db_rows *rows, size_t i)
{
	c[0] = (struct cell){ .text = db_text(rows, i, 1), .url = with_id(v, "client", db_text(rows, i, 0)) };
	for (size_t k = 1; k < 5; k++)
		c[k].text = db_text(rows, i, k == 1 ? 0 : k);
	number(&c[5], rows, i, 7);
	number(&c[6], rows, i, 6);
}

bool show_clients(struct req *r, struct resp *s, const char *rest, struct err *e)
{
	static const struct head heads[] = { { "client", "Client", COLUMN_TEXT }, { "client_id", "Id", COLUMN_TEXT },
		{ "kind", "Kind", COLUMN_TEXT }, { "authentication", "Authentication", COLUMN_TEXT },
		{ "redirects", "Answers go to", COLUMN_TEXT }, { "grants", "Grants", COLUMN_COUNT },
		{ "last_used", "Last used (UTC)", COLUMN_TIME } };
	static const struct listing list = { "clients", "Clients", "Clients, registered or known by their document", "None yet.",
		"None fits.", "Name or id", STMT_CONSOLE_CLIENTS, heads, sizeof(heads) / sizeof(heads[0]), 0, fill_client };

	return show_listing(&list, r, s, rest, e);
}

bool show_client_page(struct req *r, struct resp *s, const char *rest, struct err *e)
{
	const char *id;
	struct view v;
	bool sent;

	if (*rest)
		return nothing_here(e);
	if (!view_begin(&v, r, s, "A client", &sent, e))
		return sent;
	if (!read_id(r, &id, e))
		return false;
	done_note(&v);
	view_fact(&v, "Client id", id, NULL);
	if (!add_grants(&v, NULL, id, e))
		return false;
	view_more(&v, "This client's calls in analytics",
	    arena_printf(v.a, "%s?filter=clientId:equals:%s", view_path(&v, "analytics"), query_escape(v.a, id)));
	view_more(&v, "Revoke this client", revoke_url(&v, "client", id));
	return view_send(&v, s, e);
}

/* ---- upstreams */

/* What the project says of an upstream: by its route. */
static const struct mcp_route *route_of_upstream(const struct project *p, const char *id)
{
	for (size_t i = 0; i < p->routes_n; i++) {
		const struct mcp_route *route = &p->routes[i];

		if (!strcmp(route->exchange ? route->exchange->id : route->operation_id, id))
			return route;
	}
	return NULL;
}

static void add_upstream(struct view *v, struct panel *p, const char *id, const struct db_rows *rows, size_t row)
{
	const struct mcp_route *route = route_of_upstream(v->r->project, id);
	struct cell *c = panel_row(v->a, p);
	bool known = row < rows->rows;

	c[0] = (struct cell){ .text = id, .url = with_id(v, "upstreams", id) };
	c[1].text = route ? route->upstream.host : "not in the project";
	c[2].text = route && route->exchange ? route->exchange->auth_mode : "";
	c[2].shown = *c[2].text ? NULL : "\xe2\x80\x93";
	for (size_t k = 0; k < 5 && known; k++)
		number(&c[3 + k], rows, row, k + 1);
	c[4].alarm = c[6].alarm = true;
	c[7].absent = !known || !db_text(rows, row, 5);
}

static size_t find_row(const struct db_rows *rows, const char *id)
{
	for (size_t i = 0; i < rows->rows; i++)
		if (db_text(rows, i, 0) && !strcmp(db_text(rows, i, 0), id))
			return i;
	return rows->rows;
}

/* Those of the project first, then what is left of earlier ones. */
static void add_upstreams(struct view *v, struct panel *p, const struct db_rows *rows)
{
	const struct project *project = v->r->project;

	for (size_t i = 0; i < project->routes_n; i++) {
		const struct mcp_route *route = &project->routes[i];
		const char *id = route->exchange ? route->exchange->id : route->operation_id;

		if (route_of_upstream(project, id) == route)
			add_upstream(v, p, id, rows, find_row(rows, id));
	}
	for (size_t i = 0; i < rows->rows; i++)
		if (db_text(rows, i, 0) && *db_text(rows, i, 0) && !route_of_upstream(project, db_text(rows, i, 0)))
			add_upstream(v, p, db_text(rows, i, 0), rows, i);
}

bool show_upstreams(struct req *r, struct resp *s, const char *rest, struct err *e)
{
	static const struct head heads[] = { { "upstream", "Upstream", COLUMN_TEXT }, { "host", "Host", COLUMN_TEXT },
		{ "mode", "Sign-in", COLUMN_TEXT }, { "connected", "Connected", COLUMN_COUNT }, { "lost", "Lost", COLUMN_COUNT },
		{ "calls", "Calls, last hour", COLUMN_COUNT }, { "failed", "Failed", COLUMN_COUNT },
		{ "p95_us", "p95", COLUMN_DURATION } };
	struct panel p = { .wide = true, .id = "upstreams", .title = "How they do", .empty = "The project has none." };
	const char *id = ask_value(r, "id");
	struct view v;
	struct db_rows rows;
	bool sent;

	if (*rest)
		return nothing_here(e);
	if (!view_begin(&v, r, s, "Upstreams", &sent, e))
		return sent;
	if (!db_call(r->app->db, STMT_CONSOLE_UPSTREAMS, NULL, 0, r->arena, &rows, e))
		return false;
	set_heads(&p, heads, sizeof(heads) / sizeof(heads[0]));
	add_upstreams(&v, &p, &rows);
	done_note(&v);
	view_panel(&v, &p);
	if (id && !add_connections(&v, NULL, id, e))
		return false;
	return view_send(&v, s, e);
}

/* ---- ending */

static const struct ending {
	const char *kind, *title, *intro, *button;
	const char *back; /* the page that it is asked from, and gone back to */
	bool uuid;
} endings[] = {
	{ "user", "Revoke everything of a user",
	    "All sessions and grants of this user end at once: no client can call in the user's name. Whoever may sign in with "
	    "the identity provider can come back.",
	    "Revoke everything", "user", false },
	{ "sessions", "End a user's sessions", "The user has to sign in again in every browser. Grants stay.", "End the sessions",
	    "user", false },
	{ "client", "Revoke a client", "Its registration and all grants of it end at once, for every user. It may register again.",
	    "Revoke the client", "clients", false },
	{ "grant", "Revoke a grant", "This client can call no more in this user's name, until the user authorizes it again.",
	    "Revoke the grant", "users", true },
	{ "connection", "End a connection",
	    "Calls to this upstream are answered with the address at which to connect again. What the upstream itself still "
	    "accepts ends there.",
	    "End the connection", "users", true },
};

static const struct ending *find_ending(const char *kind)
{
	for (size_t i = 0; kind && i < sizeof(endings) / sizeof(endings[0]); i++)
		if (!strcmp(endings[i].kind, kind))
			return &endings[i];
	return NULL;
}

static bool check_ending(const struct ending *end, const char *id, struct err *e)
{
	if (!end || !id || strlen(id) > ID_MAX || (end->uuid && !request_id_is_valid(id)))
		return nothing_here(e);
	return true;
}

/* The form's name for its token: what it ends. */
static const char *form_name(struct arena *a, const struct ending *end, const char *id)
{
	return arena_printf(a, "console %s %s", end->kind, id);
}

static const char *back_url(struct view *v, const struct ending *end, const char *id, bool done)
{
	const char *own = !strcmp(end->back, "user") ? arena_printf(v->a, "?id=%s", query_escape(v->a, id)) : "";

	return arena_printf(v->a, "%s%s%s", view_path(v, end->back), own, done ? *own ? "&done=1" : "?done=1" : "");
}

static bool add_what(struct view *v, const struct ending *end, const char *id, struct err *e)
{
	const struct db_param param = DB_TEXT(id);
	struct db_rows rows;

	if (strcmp(end->kind, "grant") != 0) {
		view_fact(v, end->uuid ? "Connection" : !strcmp(end->kind, "client") ? "Client id" : "Subject", id, NULL);
		return true;
	}
	if (!db_call(v->r->app->db, STMT_CONSOLE_GRANT, &param, 1, v->a, &rows, e))
		return false;
	if (!rows.rows)
		return nothing_here(e);
	view_fact(v, "User", db_text(&rows, 0, 0), NULL);
	view_fact(v, "Client", db_text(&rows, 0, 1), NULL);
	view_fact(v, "Route", db_text(&rows, 0, 2), NULL);
	return true;
}

bool show_revoke(struct req *r, struct resp *s, const char *rest, struct err *e)
{
	const char *id = ask_value(r, "id");
	const struct ending *end = find_ending(ask_value(r, "kind"));
	char csrf[CSRF_TEXT];
	const struct ring *ring;
	struct view v;
	bool sent;

	if (*rest || !check_ending(end, id, e))
		return *rest ? nothing_here(e) : false;
	if (!view_begin(&v, r, s, end->title, &sent, e))
		return sent;
	if (!req_ring(r, &ring, e) || !add_what(&v, end, id, e))
		return false;
	csrf_make(csrf, ring, v.cookie, form_name(v.a, end, id));
	v.page.intro = end->intro;
	v.page.confirm = page_url(v.a, view_path(&v, "revoke"));
	v.page.confirm_text = end->button;
	v.page.csrf = csrf;
	v.page.back = page_url(v.a, back_url(&v, end, id, false));
	view_hidden(&v, false, "kind", end->kind);
	view_hidden(&v, false, "id", id);
	return view_send(&v, s, e);
}

static bool carry_out(struct view *v, const struct ending *end, const char *id, struct err *e)
{
	struct req *r = v->r;
	const struct db_param what = DB_TEXT(id), who = DB_TEXT(v->person.subject), trace = DB_TEXT(r->request_id);
	const struct db_param three[] = { what, who, trace }, four[] = { what, DB_TEXT("operator_revoked"), who, trace };
	struct db_rows rows;

	if (!strcmp(end->kind, "client"))
		return db_call(r->app->db, STMT_CLIENT_REVOKE, four, 4, r->arena, &rows, e);
	return db_call(r->app->db,
	    !strcmp(end->kind, "user")           ? STMT_USER_REVOKE
		: !strcmp(end->kind, "sessions") ? STMT_SESSIONS_END
		: !strcmp(end->kind, "grant")    ? STMT_GRANT_REVOKE
						 : STMT_CONNECTION_END,
	    three, 3, r->arena, &rows, e);
}

bool do_revoke(struct req *r, struct resp *s, struct err *e)
{
	const struct ending *end;
	const struct ring *ring;
	const char *id;
	struct form form;
	struct view v;
	bool sent;

	if (!csrf_check_source(r, e) || !req_form(r, &form, e) || !form_unique(&form, NULL, e))
		return false;
	if (!view_begin(&v, r, s, "Revoke", &sent, e))
		return sent;
	end = find_ending(form_get(&form, "kind"));
	id = form_get(&form, "id");
	if (!check_ending(end, id, e) || !req_ring(r, &ring, e) ||
	    !csrf_check(ring, v.cookie, form_name(v.a, end, id), form_get(&form, "csrf"), e) ||
	    !carry_out(&v, end, id, e))
		return false;
	return resp_redirect(s, arena_printf(v.a, "%s%s", r->origin->text, back_url(&v, end, id, true)));
}
