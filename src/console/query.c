/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing the URLs of analytics. */
#include "config.h"

#include "console/query.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400, SHOWN_MAX = 80, URL_MAX = 64 * 1024 };

static const struct {
	const char *name;
	int64_t seconds;
} ranges[] = { { "24h", DAY_S }, { "7d", 7 * DAY_S }, { "30d", 30 * DAY_S }, { "90d", 90 * DAY_S } };

static const struct {
	const char *name, *label;
} fields[] = {
	{ "route", "Route" },
	{ "upstream", "Upstream" },
	{ "method", "Method" },
	{ "type", "Kind" },
	{ "tool", "Capability" },
	{ "outcome", "Outcome" },
	{ "user", "User" },
	{ "client", "Client" },
	{ "clientId", "Client id" },
	{ "transport", "Transport" },
	{ "origin", "Failure origin" },
	{ "reason", "Reason" },
	{ "code", "JSON-RPC code" },
	{ "status", "HTTP status" },
};

static const char *const modes[] = { "equals", "contains", "in", "not", "class", "startsWith", NULL };

const char *query_field_label(const char *field)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (!strcmp(fields[i].name, field))
			return fields[i].label;
	return NULL;
}

/* ---- reading */

static void fault(struct query *q, struct arena *a, const char *what, const char *text, const char *why)
{
	if (q->faults_n < QUERY_FAULTS_MAX)
		q->faults[q->faults_n++] = arena_printf(a, "%s \"%.*s%s\": %s", what, SHOWN_MAX, text,
		    strlen(text) > SHOWN_MAX ? "\xe2\x80\xa6" : "", why);
}

static bool is_class(const char *field, const char *value)
{
	if (!strcmp(value, "none") || !strcmp(value, "some"))
		return true;
	if (!strcmp(field, "outcome"))
		return !strcmp(value, "failed");
	return !strcmp(field, "status") && strlen(value) == 3 && value[0] >= '1' && value[0] <= '5' &&
	    !strcmp(value + 1, "xx");
}

static const char *known_mode(const char *text, size_t n)
{
	for (const char *const *m = modes; *m; m++)
		if (strlen(*m) == n && !memcmp(*m, text, n))
			return *m;
	return NULL;
}

static const char *known_field(const char *text, size_t n)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strlen(fields[i].name) == n && !memcmp(fields[i].name, text, n))
			return fields[i].name;
	return NULL;
}

static void read_filter(struct query *q, struct arena *a, const char *text)
{
	const char *colon = strchr(text, ':'), *second = colon ? strchr(colon + 1, ':') : NULL;
	struct filter f;

	if (!second) {
		fault(q, a, "Filter", text, "it is not FIELD:MODE:VALUE.");
		return;
	}
	f.field = known_field(text, (size_t)(colon - text));
	f.mode = known_mode(colon + 1, (size_t)(second - colon - 1));
	f.value = second + 1;
	if (!f.field)
		fault(q, a, "Filter", text, "there is no such field.");
	else if (!f.mode)
		fault(q, a, "Filter", text, "there is no such mode.");
	else if (strlen(f.value) > QUERY_VALUE_MAX)
		fault(q, a, "Filter", text, "its value is too long.");
	else if (!strcmp(f.mode, "class") && !is_class(f.field, f.value))
		fault(q, a, "Filter", text, "this field has no such class.");
	else if (!*f.value && strcmp(f.mode, "equals") && strcmp(f.mode, "not"))
		fault(q, a, "Filter", text, "it has no value.");
	else if (q->n == QUERY_FILTERS_MAX)
		fault(q, a, "Filter", text, "there are too many.");
	else
		q->filters[q->n++] = f;
}

static bool digits(const char **s, int n, int *out)
{
	*out = 0;
	for (; n; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return false;
		*out = *out * 10 + (**s - '0');
	}
	return true;
}

static bool take(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* "+02:00", "Z" */
static bool read_offset(const char **s, int64_t *seconds)
{
	int sign = **s == '-' ? -1 : 1, hours, minutes;

	*seconds = 0;
	if (take(s, 'Z') || take(s, 'z'))
		return true;
	if (**s != '+' && **s != '-')
		return false;
	(*s)++;
	if (!digits(s, 2, &hours) || !take(s, ':') || !digits(s, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

bool query_time(const char *text, int64_t *seconds)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	struct tm tm = { .tm_sec = 0 };
	const char *s = text;
	int year, month, day;
	int64_t offset = 0;
	bool leap;

	if (!digits(&s, 4, &year) || !take(&s, '-') || !digits(&s, 2, &month) || !take(&s, '-') ||
	    !digits(&s, 2, &day) || year < 1970 || month < 1 || month > 12 || day < 1)
		return false;
	leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (day > days[month - 1] + (month == 2 && leap))
		return false;
	if (*s) {
		if (!take(&s, 'T') && !take(&s, 't') && !take(&s, ' '))
			return false;
		if (!digits(&s, 2, &tm.tm_hour) || !take(&s, ':') || !digits(&s, 2, &tm.tm_min) ||
		    tm.tm_hour > 23 || tm.tm_min > 59)
			return false;
		if (take(&s, ':') && (!digits(&s, 2, &tm.tm_sec) || tm.tm_sec > 60))
			return false;
		if (take(&s, '.'))
			s += strspn(s, "0123456789");
		if (*s && !read_offset(&s, &offset))
			return false;
		if (*s)
			return false;
	}
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	*seconds = (int64_t)timegm(&tm) - offset;
	return true;
}

static void read_range(struct query *q, struct arena *a, const char *time, const char *start, const char *end,
    int64_t now)
{
	int64_t from, to = now;

	if (start && query_time(start, &from) && (!end || query_time(end, &to)) && from < to && from < now) {
		q->start = from;
		q->end = end ? to : 0;
		return;
	}
	if (start || end)
		fault(q, a, "Range",
		    arena_printf(a, "%.40s to %.40s", start ? start : "", end ? end : ""),
		    "it wants two times like 2026-11-27T08:00:00Z, the earlier one first.");
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (i == 0 || (time && !strcmp(time, ranges[i].name))) {
			q->time = ranges[i].name;
			q->start = now - ranges[i].seconds;
		}
	if (time && strcmp(time, q->time))
		fault(q, a, "Range", time, "it is none of 24h, 7d, 30d, 90d.");
}

void query_read(struct query *q, struct arena *a, const struct query_pair *pairs, size_t n, int64_t now)
{
	const char *time = NULL, *start = NULL, *end = NULL;

	*q = (struct query){ .time = NULL };
	for (size_t i = 0; i < n; i++) {
		const char *name = pairs[i].name, *value = pairs[i].value;

		if (!strcmp(name, "filter"))
			read_filter(q, a, value);
		else if (!strcmp(name, "time"))
			time = value;
		else if (!strcmp(name, "start") && *value)
			start = value;
		else if (!strcmp(name, "end") && *value)
			end = value;
	}
	read_range(q, a, time, start, end, now);
}

/* ---- writing */

static void escape(struct buf *b, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~:,/@", c))
			buf_char(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

const char *query_escape(struct arena *a, const char *text)
{
	struct buf b;
	const char *out;

	buf_init(&b, URL_MAX);
	escape(&b, text);
	out = arena_strndup(a, buf_text(&b), b.len);
	buf_release(&b);
	return out;
}

static bool same(const struct filter *x, const struct filter *y)
{
	return !strcmp(x->field, y->field) && !strcmp(x->mode, y->mode) && !strcmp(x->value, y->value);
}

static bool has(const struct query *q, const struct filter *f)
{
	for (size_t i = 0; i < q->n; i++)
		if (same(&q->filters[i], f))
			return true;
	return false;
}

static void put_time(struct buf *b, const char *name, int64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[32];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_printf(b, "%s%s=%s", b->len ? "&" : "?", name, text);
}

static void put_range(struct buf *b, const struct query *q)
{
	if (q->time && strcmp(q->time, "24h"))
		buf_printf(b, "?time=%s", q->time);
	if (q->time)
		return;
	put_time(b, "start", q->start);
	if (q->end)
		put_time(b, "end", q->end);
}

static void put_filter(struct buf *b, const struct filter *f)
{
	buf_printf(b, "%sfilter=%s:%s:", b->len ? "&" : "?", f->field, f->mode);
	escape(b, f->value);
}

static const char *finish(struct arena *a, struct buf *b)
{
	const char *text = arena_strndup(a, b->len ? buf_text(b) : "", b->len);

	buf_release(b);
	return text;
}

const char *query_text(struct arena *a, const struct query *q, const struct filter *more, size_t more_n, bool *on)
{
	bool all = more_n > 0;
	struct buf b;

	for (size_t i = 0; i < more_n; i++)
		all = all && has(q, &more[i]);
	if (on)
		*on = all;
	buf_init(&b, URL_MAX);
	put_range(&b, q);
	for (size_t i = 0; i < q->n; i++) {
		bool gone = false;

		for (size_t k = 0; all && k < more_n; k++)
			gone = gone || same(&q->filters[i], &more[k]);
		if (!gone)
			put_filter(&b, &q->filters[i]);
	}
	for (size_t k = 0; !all && k < more_n; k++)
		if (!has(q, &more[k]))
			put_filter(&b, &more[k]);
	return finish(a, &b);
}

const char *query_without(struct arena *a, const struct query *q, size_t i)
{
	return query_text(a, q, &q->filters[i], 1, NULL);
}

const char *query_with_time(struct arena *a, const struct query *q, const char *time)
{
	struct query other = *q;

	other.time = time;
	return query_text(a, &other, NULL, 0, NULL);
}
