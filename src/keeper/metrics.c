/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the database as lines. */
#include "config.h"

#include "keeper/metrics.h"

#include "base/hash.h"
#include "conf/file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EDGES = 14, SERIES_MAX = 2000, TOKEN_MIN = 16, TOKEN_FILE_MAX = 4096, TEXT_MAX = 8 * 1024 * 1024, BATCHES = 5000 };

/* As in metric_bucket() of sql/fn/forward.sql. */
static const char *const edges[EDGES] = { "0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10", "30", "60",
	"120", "300" };

/* ---- who may ---- */

static bool has_token(struct req *r)
{
	const char *file = r->project->metrics_token_file, *header = req_header(r, "Authorization");
	struct conf_text token;

	if (!file || !header || strncmp(header, "Bearer ", 7) != 0 ||
	    !conf_read(&token, r->arena, file, TOKEN_FILE_MAX, NULL))
		return false;
	token.p[strcspn(token.p, "\r\n")] = '\0';
	return strlen(token.p) >= TOKEN_MIN && hash_equal_text(header + 7, token.p);
}

/* ---- lines ---- */

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void label(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%s%s=\"", b->data[b->len - 1] == '{' ? "" : ",", name);
	for (; value && *value; value++) {
		if (*value == '\n')
			buf_str(b, "\\n");
		else if (*value == '"' || *value == '\\')
			buf_printf(b, "\\%c", *value);
		else
			buf_char(b, *value);
	}
	buf_char(b, '"');
}

/* ---- calls ---- */

enum call_column { ROUTE, UPSTREAM, CAPABILITY, METHOD, OUTCOME, ORIGIN, N, SUM_US, BUCKETS };

struct series { /* a histogram: of all capabilities of a method */
	const char *route, *upstream, *method, *outcome;
	int64_t n, buckets[EDGES + 1];
	double sum_us;
};

static void add_totals(struct buf *b, const struct db_rows *rows)
{
	head(b, "gatehouse_calls_total", "counter", "Calls of MCP routes, by what became of them.");
	for (size_t i = 0; i < rows->rows; i++) {
		buf_str(b, "gatehouse_calls_total{");
		label(b, "route", db_text(rows, i, ROUTE));
		label(b, "upstream", db_text(rows, i, UPSTREAM));
		label(b, "capability", db_text(rows, i, CAPABILITY));
		label(b, "method", db_text(rows, i, METHOD));
		label(b, "outcome", db_text(rows, i, OUTCOME));
		label(b, "origin", db_text(rows, i, ORIGIN));
		buf_printf(b, "} %s\n", db_text(rows, i, N));
	}
}

static struct series *series_of(struct series *list, size_t *n, const struct db_rows *rows, size_t i)
{
	const struct series s = { .route = db_text(rows, i, ROUTE), .upstream = db_text(rows, i, UPSTREAM),
		.method = db_text(rows, i, METHOD), .outcome = db_text(rows, i, OUTCOME) };

	for (size_t j = 0; j < *n; j++)
		if (!strcmp(list[j].route, s.route) && !strcmp(list[j].upstream, s.upstream) &&
		    !strcmp(list[j].method, s.method) && !strcmp(list[j].outcome, s.outcome))
			return &list[j];
	if (*n == SERIES_MAX)
		return NULL;
	list[*n] = s;
	return &list[(*n)++];
}

/* "{1,2,3}" */
static void add_buckets(struct series *s, const char *array)
{
	for (size_t i = 0; array && *array && i <= EDGES; i++) {
		array += strcspn(array, "0123456789");
		s->buckets[i] += strtoll(array, NULL, 10);
		array += strspn(array, "0123456789");
	}
}

static void series_labels(struct buf *b, const struct series *s, const char *suffix)
{
	buf_printf(b, "gatehouse_call_duration_seconds%s{", suffix);
	label(b, "route", s->route);
	label(b, "upstream", s->upstream);
	label(b, "method", s->method);
	label(b, "outcome", s->outcome);
}

static void add_series(struct buf *b, const struct series *s)
{
	int64_t sum = 0;

	for (size_t i = 0; i <= EDGES; i++) {
		sum += s->buckets[i];
		series_labels(b, s, "_bucket");
		label(b, "le", i < EDGES ? edges[i] : "+Inf");
		buf_printf(b, "} %lld\n", (long long)sum);
	}
	series_labels(b, s, "_sum");
	buf_printf(b, "} %.6f\n", s->sum_us / 1e6);
	series_labels(b, s, "_count");
	buf_printf(b, "} %lld\n", (long long)sum);
}

static void add_durations(struct buf *b, struct arena *a, const struct db_rows *rows)
{
	struct series *list = arena_calloc(a, SERIES_MAX, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < rows->rows; i++) {
		struct series *s = series_of(list, &n, rows, i);

		if (!s)
			continue;
		s->sum_us += strtod(db_text(rows, i, SUM_US), NULL);
		add_buckets(s, db_text(rows, i, BUCKETS));
	}
	head(b, "gatehouse_call_duration_seconds", "histogram", "Time from a call's arrival to the end of its answer.");
	for (size_t i = 0; i < n; i++)
		add_series(b, &list[i]);
}

/* ---- the rest ---- */

static void add_auths(struct buf *b, const struct db_rows *rows)
{
	head(b, "gatehouse_auth_events_total", "counter", "Sign-ins, consents, tokens and connections.");
	for (size_t i = 0; i < rows->rows; i++) {
		buf_str(b, "gatehouse_auth_events_total{");
		label(b, "event", db_text(rows, i, 0));
		label(b, "outcome", db_text(rows, i, 1));
		buf_printf(b, "} %s\n", db_text(rows, i, 2));
	}
}

static void add_book(struct buf *b, const struct db_rows *rows, const char *what, const char *name, const char *type,
    const char *help)
{
	head(b, name, type, help);
	for (size_t i = 0; i < rows->rows; i++) {
		if (strcmp(db_text(rows, i, 0), what) != 0)
			continue;
		buf_str(b, name);
		if (*db_text(rows, i, 1)) {
			buf_char(b, '{');
			label(b, "destination", db_text(rows, i, 1));
			buf_char(b, '}');
		}
		buf_printf(b, " %s\n", db_text(rows, i, 2));
	}
}

static void add_books(struct buf *b, const struct db_rows *rows)
{
	add_book(b, rows, "sent", "gatehouse_events_forwarded_total", "counter", "Events that a destination took.");
	add_book(b, rows, "dropped", "gatehouse_events_dropped_total", "counter",
	    "Events that a destination refused, or that its spool did not hold.");
	add_book(b, rows, "waiting", "gatehouse_events_waiting", "gauge", "Events that wait for a destination.");
	add_book(b, rows, "unsealed", "gatehouse_audit_unsealed_seconds", "gauge",
	    "Age of the oldest row of the audit trail that is not sealed.");
}

static bool fill(struct req *r, struct buf *b, struct err *e)
{
	char node[HOST_NAME_MAX + 1] = "";
	struct arena *a = r->arena;
	const struct db_param batches = db_int(a, BATCHES), machine = DB_TEXT(node);
	struct db_rows rows;

	gethostname(node, sizeof(node) - 1);
	if (!db_call(r->app->db, STMT_METRICS_STEP, &batches, 1, a, NULL, e) ||
	    !db_call(r->app->db, STMT_METRICS_CALLS, &machine, 1, a, &rows, e))
		return false;
	head(b, "gatehouse_build_info", "gauge", "The release, as a label.");
	buf_str(b, "gatehouse_build_info{version=\"" PACKAGE_VERSION "\"} 1\n");
	add_totals(b, &rows);
	add_durations(b, a, &rows);
	if (!db_call(r->app->db, STMT_METRICS_AUTHS, &machine, 1, a, &rows, e))
		return false;
	add_auths(b, &rows);
	if (!db_call(r->app->db, STMT_METRICS_BOOKS, NULL, 0, a, &rows, e))
		return false;
	add_books(b, &rows);
	return true;
}

bool metrics_answer(struct req *r, struct resp *p)
{
	struct err e = { .code = ERR_NONE };
	struct buf b;

	if (r->project->fault || !r->app->db || strcmp(r->path, arena_printf(r->arena, "%s/metrics", r->project->base_path)) ||
	    (strcmp(r->method, "GET") && strcmp(r->method, "HEAD")) || (!req_is_neighbour(r) && !has_token(r)))
		return false;
	buf_init(&b, TEXT_MAX);
	if (fill(r, &b, &e) && !b.over)
		resp_text(p, 200, "text/plain; version=0.0.4; charset=utf-8", buf_text(&b));
	else
		resp_text(p, 503, "text/plain; charset=utf-8", "the numbers cannot be had now\n");
	resp_set(p, "Cache-Control", "no-store");
	buf_release(&b);
	return true;
}
