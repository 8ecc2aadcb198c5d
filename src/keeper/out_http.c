/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Webhooks and OpenTelemetry collectors. A webhook's batch is an array of events; it is tried until somebody takes it:
 * what a receiver does wrong today it may do right tomorrow. A collector's answer follows OTLP: 429, 502, 503
 * and 504 are tried again, others are final, and so is a partial success.
 */
#include "config.h"

#include "keeper/out.h"

#include "base/b64.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "conf/file.h"
#include "keeper/json_write.h"
#include "keeper/lines.h"
#include "keeper/otlp.h"
#include "net/fetch.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

enum {
	CONNECT_MS = 5000,
	TOTAL_MS = 15000,
	ANSWER_MAX = 65536,
	SECRET_MAX = 4096,
	HEADERS_FILE_MAX = 16384,
	HEADERS_MAX = 32
};

/* ---- what a request has besides ---- */

static bool is_token(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", s[i]) || !s[i])
			return false;
	return n > 0;
}

/* Lines of a file, "Name: value". */
static bool add_file_headers(
    const char *file, struct arena *a, const char **list, size_t *n, struct err *e)
{
	struct conf_text text;
	char *save = NULL;

	if (!conf_read(&text, a, file, HEADERS_FILE_MAX, NULL))
		return err_set(e, ERR_CONFIG, "the file of headers cannot be read", "%s", file);
	for (char *line = strtok_r(text.p, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
		const char *colon = strchr(line, ':');

		if (*line == '#')
			continue;
		if (!colon || !is_token(line, (size_t)(colon - line)) || *n == HEADERS_MAX)
			return err_set(e, ERR_CONFIG, "the file of headers has a line that is no header", "%s", file);
		list[(*n)++] = line;
	}
	return true;
}

/* Standard Webhooks: base64 of HMAC-SHA-256 over "id.timestamp.body". */
static bool add_signature(const struct out_post *p, struct arena *a, const char **list, size_t *n, struct err *e)
{
	unsigned char mac[HASH_LEN];
	char base64[B64_LEN(HASH_LEN) + 1];
	const char *now = arena_printf(a, "%lld", (long long)clock_wall_s());
	struct conf_text secret;
	struct buf text;
	size_t len;

	if (!conf_read(&secret, a, p->secret_file, SECRET_MAX, NULL) || (len = strcspn(secret.p, "\r\n")) < 16)
		return err_set(e, ERR_CONFIG, "the file of the secret cannot be read, or its first line is shorter than 16 bytes",
		    "%s", p->secret_file);
	buf_init(&text, SIZE_MAX / 2);
	buf_printf(&text, "%s.%s.", p->id, now);
	buf_add(&text, p->json, p->len);
	hash_hmac(mac, secret.p, len, text.data, text.len);
	buf_release(&text);
	OPENSSL_cleanse(secret.p, secret.n);
	b64_encode(base64, mac, HASH_LEN);
	list[(*n)++] = arena_printf(a, "webhook-timestamp: %s", now);
	list[(*n)++] = arena_printf(a, "webhook-signature: v1,%s", base64);
	return true;
}

bool out_post(const struct out_post *p, struct fetch *f, struct arena *a, struct err *e)
{
	const char **headers = arena_calloc(a, HEADERS_MAX + 8, sizeof(*headers));
	size_t n = 0;

	if (p->headers_file && !add_file_headers(p->headers_file, a, headers, &n, e))
		return false;
	if (p->id)
		headers[n++] = arena_printf(a, "webhook-id: %s", p->id);
	if (p->secret_file && !add_signature(p, a, headers, &n, e))
		return false;
	*f = (struct fetch){ .url = p->url, .guard = p->guard, .upstream = p->name, .json = p->json, .json_len = p->len,
		.kept = p->connection, .headers = headers, .max = ANSWER_MAX, .connect_ms = CONNECT_MS, .total_ms = TOTAL_MS };
	if (fetch(f, a, e))
		return true;
	/* it answered, at too great length: what it says of the request is known */
	if (f->status && !strcmp(err_reason_of(e), "fetch_too_large")) {
		err_clear(e);
		f->body = "";
		f->body_len = 0;
		return true;
	}
	return false;
}

static enum out_end later(struct out *o, const struct fetch *f, struct err *e)
{
	if (!e->code)
		err_set(e, ERR_UPSTREAM, "the destination does not take it", "status %d", f->status);
	o->retry_after_s = f->status ? f->retry_after_s : -1;
	return OUT_RETRY;
}

/* ---- webhook ---- */

/* The same for the same events, however often they are sent. */
static const char *batch_id(struct arena *a, const struct told *t, size_t n)
{
	unsigned char hash[HASH_LEN];
	char text[2 * HASH_LEN + 1];
	struct buf b;

	buf_init(&b, n * 64);
	for (size_t i = 0; i < n; i++)
		buf_str(&b, told_get(&t[i], T_ID) ? told_get(&t[i], T_ID) : "");
	hash_sha256(hash, b.data, b.len);
	buf_release(&b);
	hex_encode(text, hash, HASH_LEN);
	return arena_printf(a, "msg_%.32s", text);
}

/* A line that is no JSON is a string. */
static void add_quoted(struct buf *b, enum event_form form, const struct told *t)
{
	struct buf line;

	buf_init(&line, FORM_LINE_MAX);
	lines_write(&line, form, t);
	buf_json(b, buf_text(&line));
	buf_release(&line);
}

/* An array of lines that each end in a newline, of which they have no other. */
static void add_joined(struct buf *b, const char *lines, size_t n)
{
	size_t from = b->len + 1;

	buf_char(b, '[');
	if (!buf_add(b, lines, n))
		return;
	for (char *end = b->data + from; (end = memchr(end, '\n', (size_t)(b->data + b->len - end)));)
		*end++ = ',';
	b->data[b->len - 1] = ']';
}

static struct buf *batch_text(struct out *o, const struct told *t, size_t n)
{
	const enum event_form form = o->to->form;
	struct buf *b = out_text(o, (n + 1) * FORM_LINE_MAX);
	size_t len;
	const char *lines = form == FORM_CEF ? NULL : lines_of(form, t, n, &len);

	if (lines) {
		add_joined(b, lines, len);
		return b;
	}
	for (size_t i = 0; i < n; i++) {
		buf_char(b, i ? ',' : '[');
		if (form == FORM_CEF)
			add_quoted(b, form, &t[i]);
		else
			lines_write(b, form, &t[i]);
	}
	buf_char(b, ']');
	return b;
}

enum out_end out_webhook(struct out *o, struct arena *a, const struct told *t, size_t n, struct err *e)
{
	const struct buf *batch = batch_text(o, t, n);
	const struct out_post p = {
		.name = o->to->name,
		.url = o->to->url,
		.json = buf_text(batch),
		.len = batch->len,
		.id = batch_id(a, t, n),
		.secret_file = o->to->secret_file,
		.headers_file = o->to->headers_file,
		.guard = o->guard,
		.connection = &o->connection,
	};
	struct fetch f = { .status = 0 };

	if (out_post(&p, &f, a, e) && f.status >= 200 && f.status < 300)
		return OUT_TAKEN;
	return later(o, &f, e);
}

/* ---- OTLP ---- */

static const struct signal {
	unsigned bit;
	const char *path;
} signals[OTLP_SIGNALS] = {
	{ SIGNAL_TRACES, "/v1/traces" },
	{ SIGNAL_LOGS, "/v1/logs" },
	{ SIGNAL_METRICS, "/v1/metrics" },
};

static void note_rejected(struct out *o, const struct fetch *f)
{
	char why[200], number[24];
	int64_t n = otlp_rejected(f->body, f->body_len, why, sizeof(why));

	if (n <= 0)
		return;
	o->refused += n;
	snprintf(number, sizeof(number), "%lld", (long long)n);
	log_warn(NULL, "a collector refused a part", "destination", o->to->name, "items", number, "why", why, NULL);
}

static enum out_end send_signal(struct out *o, struct arena *a, const struct signal *s, const struct buf *body, struct err *e)
{
	size_t base = strlen(o->to->url);
	struct out_post p = { .name = o->to->name, .json = buf_text(body), .len = body->len, .headers_file = o->to->headers_file, .guard = o->guard,
		.connection = &o->connection };
	struct fetch f = { .status = 0 };

	while (base && o->to->url[base - 1] == '/')
		base--;
	p.url = arena_printf(a, "%.*s%s", (int)base, o->to->url, s->path);
	if (!out_post(&p, &f, a, e))
		return later(o, &f, e);
	if (f.status >= 200 && f.status < 300) {
		note_rejected(o, &f);
		return OUT_TAKEN;
	}
	later(o, &f, e);
	switch (f.status) {
	case 429:
	case 502:
	case 503:
	case 504:
		return OUT_RETRY;
	default:
		return OUT_REFUSED;
	}
}

/* A signal that was taken is not sent again because another was not. */
enum out_end out_otlp(struct out *o, struct arena *a, const struct told *t, size_t n, struct err *e)
{
	struct buf *body = out_texts(o, (n + 1) * FORM_LINE_MAX);
	unsigned written = otlp_write(body, o->to->signals & ~o->signals_done, o->to, t, n);
	enum out_end worst = OUT_TAKEN;

	for (size_t i = 0; i < OTLP_SIGNALS; i++) {
		enum out_end end;

		if (!(written & signals[i].bit))
			continue;
		end = send_signal(o, a, &signals[i], &body[i], e);
		if (end == OUT_RETRY)
			return OUT_RETRY;
		o->signals_done |= signals[i].bit;
		if (end == OUT_REFUSED)
			worst = OUT_REFUSED;
	}
	o->signals_done = 0;
	return worst;
}
