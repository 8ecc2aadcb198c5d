/* SPDX-License-Identifier: Apache-2.0 */
/* Events are cut out of the stream by their blank lines, and put together again where they were changed. */
#include "config.h"

#include "mcp/edit.h"

#include "mcp/chain.h"
#include "rpc/sse.h"

#include <string.h>

enum { GROWTH = 4 }; /* a changed message may be so many times as large: descriptions may be longer */

void edit_begin(struct edit *d, struct call *call, size_t event_max, bool by_worker)
{
	*d = (struct edit){ .call = call, .by_worker = by_worker };
	buf_init(&d->event, event_max);
	buf_init(&d->out, event_max * GROWTH + 65536);
	buf_init(&d->rest, event_max);
	buf_init(&d->worked, event_max * GROWTH + 65536);
}

void edit_release(struct edit *d)
{
	buf_release(&d->event);
	buf_release(&d->out);
	buf_release(&d->rest);
	buf_release(&d->worked);
}

/* ---- one message through the policies */

/* What a client reads in place of a refused message: an error, if the message answered it. */
static bool write_refusal(struct call *call, struct arena *a, const struct buf *text, struct buf *out)
{
	struct scan_limits limits = scan_limits_of(text->len);
	struct rpc_body body;
	struct rpc_fault fault;
	const char *join = "";

	if (!rpc_read(&body, a, buf_text(text), text->len, &limits, &fault))
		return false;
	for (size_t i = 0; i < body.n; i++) {
		if (body.msgs[i].kind != RPC_RESPONSE || !body.msgs[i].id.n)
			continue;
		buf_str(out, body.batch && !*join ? "[" : join);
		rpc_error(out, body.msgs[i].id, call->fault.code, call->fault.text, call->fault.data);
		join = ",";
	}
	if (body.batch && *join)
		buf_char(out, ']');
	return true;
}

static bool run(const struct policy_use *use, struct call *call, const struct buf *text, bool in_stream, struct buf *changed,
    struct err *e)
{
	struct arena *a = arena_new();
	enum policy_answer answer;
	bool ok;

	buf_clear(changed);
	answer = policy_of(use)->on_message(use, call, a, buf_text(text), text->len, changed, e);
	ok = answer == POLICY_PASS && !changed->over;
	if (!ok && answer == POLICY_DENY && call->refused && in_stream) {
		err_clear(e);
		buf_clear(changed);
		ok = write_refusal(call, a, text, changed);
	}
	arena_free(a);
	if (ok || (answer == POLICY_DENY && call->refused && !in_stream))
		return ok;
	return err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is malformed",
	    "policy '%s' refused it", use->name);
}

bool edit_text(struct call *call, const char *text, size_t n, bool in_stream, struct buf *out, struct err *e)
{
	struct buf from, to, swap;
	const struct policy_use *use;
	bool ok = true;

	buf_init(&from, n);
	buf_init(&to, n * GROWTH + 65536);
	buf_add(&from, text, n);
	if (errand_reads(call))
		ok = errand_read(call, &from, e);
	for (size_t i = 0; ok && from.len && (use = chain_use(call->route, i)); i++) {
		if (!policy_of(use)->on_message)
			continue;
		ok = run(use, call, &from, in_stream, &to, e);
		swap = from;
		from = to;
		to = swap;
		to.max = n * GROWTH + 65536;
	}
	ok = ok && (buf_add(out, buf_text(&from), from.len) ||
	    err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is too large to be read",
		"%zu bytes", from.len));
	buf_release(&from);
	buf_release(&to);
	return ok;
}

/* ---- one event */

static void add_data(void *own, const char *p, size_t n)
{
	buf_add(own, p, n);
}

static void ignore_end(void *own)
{
	(void)own;
}

static void data_of(const struct buf *event, struct buf *data)
{
	struct sse sse;

	sse_init(&sse, add_data, ignore_end, data);
	sse_feed(&sse, event->data, event->len);
}

/* ---- lines
 *
 * Some readers cut a stream as they would any text (Python's splitlines()): for them a line also ends at a vertical tab, a form feed,
 * the separators 1C to 1E, U+0085, U+2028 and U+2029, and what follows may be data that no policy has read. So none of these goes out.
 */

/* How many bytes such an end of a line at P has, and which character it is; 0: there is none. */
static size_t break_at(const char *p, const char *end, unsigned *which)
{
	const unsigned char *s = (const unsigned char *)p;
	size_t left = (size_t)(end - p);

	*which = s[0];
	if (s[0] == 0x0b || s[0] == 0x0c || (s[0] >= 0x1c && s[0] <= 0x1e))
		return 1;
	*which = 0x85;
	if (left >= 2 && s[0] == 0xc2 && s[1] == 0x85)
		return 2;
	if (left < 3 || s[0] != 0xe2 || s[1] != 0x80 || (s[2] != 0xa8 && s[2] != 0xa9))
		return 0;
	*which = 0x2000 | (s[2] & 0x7fU);
	return 3;
}

static bool has_breaks(const struct buf *data)
{
	const char *s = buf_text(data), *end = s + data->len;
	unsigned which;

	while (s < end && !break_at(s, end, &which))
		s++;
	return s < end;
}

/* They can only stand in strings, where an escape says the same; elsewhere it is no JSON, and is none with the escape. */
static void write_line(struct buf *out, const char *s, const char *end)
{
	unsigned which;

	buf_str(out, "data: ");
	for (const char *from = s; s < end;) {
		size_t n = break_at(s, end, &which);

		s += n ? n : 1;
		if (!n && s < end)
			continue;
		buf_add(out, from, (size_t)(s - from) - n);
		if (n)
			buf_printf(out, "\\u%04x", which);
		from = s;
	}
	buf_char(out, '\n');
}

/* The next line of an event that is not empty. A byte order mark is the stream's: behind it, too, a line may be data. */
static bool next_line(const struct buf *event, size_t *at, struct span *line)
{
	const char *s = event->data;

	if (!*at && event->len >= 3 && !memcmp(s, "\xef\xbb\xbf", 3))
		*at = 3;
	while (*at < event->len && (s[*at] == '\r' || s[*at] == '\n'))
		++*at;
	*line = (struct span){ s + *at, 0 };
	while (*at < event->len && s[*at] != '\r' && s[*at] != '\n')
		++*at;
	line->n = (size_t)(s + *at - line->p);
	return line->n > 0;
}

static bool is_data(struct span line)
{
	return line.n >= 4 && !memcmp(line.p, "data", 4) && (line.n == 4 || line.p[4] == ':');
}

/* Names of events, ids and comments need no other bytes. */
static bool is_printable(struct span line)
{
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] < 0x20 || line.p[i] > 0x7e)
			return false;
	return true;
}

/* Whether the event may go out as it came. */
static bool is_clean(const struct buf *event, const struct buf *data)
{
	struct span line;
	size_t at = 0;

	while (next_line(event, &at, &line))
		if (!is_data(line) && !is_printable(line))
			return false;
	return !has_breaks(data);
}

/* The event's other fields and comments as they were, if they are printable, and the new data. */
static void write_event(struct buf *out, const struct buf *event, const struct buf *data)
{
	const char *s = buf_text(data), *end = s + data->len;
	struct span line;
	size_t at = 0;

	while (next_line(event, &at, &line)) {
		if (is_data(line) || !is_printable(line))
			continue;
		buf_add(out, line.p, line.n);
		buf_char(out, '\n');
	}
	while (s < end) {
		const char *stop = memchr(s, '\n', (size_t)(end - s));

		write_line(out, s, stop ? stop : end);
		s = stop ? stop + 1 : end;
	}
	buf_char(out, '\n');
}

/* What the complete event becomes. One whose message is left out keeps its id, from which a client may resume. */
static bool change_event(struct edit *d, struct buf *out, struct err *e)
{
	struct buf data, changed;
	bool ok = true;

	buf_init(&data, d->event.max);
	buf_init(&changed, d->out.max);
	data_of(&d->event, &data);
	if (data.len)
		ok = edit_text(d->call, buf_text(&data), data.len, true, &changed, e);
	if (ok && changed.len == data.len && !memcmp(buf_text(&changed), buf_text(&data), data.len) && is_clean(&d->event, &data))
		buf_add(out, d->event.data, d->event.len);
	else if (ok)
		write_event(out, &d->event, &changed);
	buf_release(&data);
	buf_release(&changed);
	if (ok && out->over)
		ok = err_reason(e, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is too large to be read",
		    "%s", "");
	return ok;
}

void edit_work(struct edit *d)
{
	buf_clear(&d->worked);
	change_event(d, &d->worked, &d->err);
}

static bool end_event(struct edit *d, struct err *e)
{
	bool ok;

	if (d->by_worker) {
		d->wants_work = true;
		return true;
	}
	ok = change_event(d, &d->out, e);
	buf_clear(&d->event);
	return ok;
}

/* One byte; true if it ends an event. CR, LF and CRLF each end a line; a line of nothing ends an event. */
static bool ends_event(struct edit *d, char c)
{
	bool second = c == '\n' && d->had_cr;
	bool blank;

	d->had_cr = c == '\r';
	if (second)
		return false;
	if (c != '\r' && c != '\n') {
		d->in_line = true;
		return false;
	}
	blank = !d->in_line;
	d->in_line = false;
	return blank;
}

static void take(struct edit *d, const char *p, size_t n, struct err *e)
{
	size_t from = 0;

	for (size_t i = 0; i < n && !d->wants_work; i++) {
		if (!ends_event(d, p[i]))
			continue;
		if (!buf_add(&d->event, p + from, i + 1 - from) || !end_event(d, e))
			break;
		from = i + 1;
	}
	if (!e->code && !d->event.over)
		buf_add(d->wants_work ? &d->rest : &d->event, p + from, n - from);
	if (d->event.over || d->rest.over)
		err_reason(e, ERR_UPSTREAM, "upstream_malformed", "an event of the upstream's is too large to be read",
		    "over %zu bytes", d->event.max);
}

/* The event that was changed, and what has waited behind it. */
static void take_worked(struct edit *d, struct err *e)
{
	struct buf rest = d->rest;

	d->wants_work = false;
	buf_clear(&d->event);
	if (d->err.code) {
		*e = d->err;
		return;
	}
	buf_add(&d->out, buf_text(&d->worked), d->worked.len);
	buf_init(&d->rest, rest.max);
	take(d, buf_text(&rest), rest.len, e);
	buf_release(&rest);
}

size_t edit_feed(struct edit *d, const char *p, size_t n, const char **out, struct err *e)
{
	buf_clear(&d->out);
	if (d->wants_work)
		take_worked(d, e);
	else
		take(d, p, n, e);
	*out = buf_text(&d->out);
	return d->out.len;
}
