/* SPDX-License-Identifier: Apache-2.0 */
/* A transfer that is waited for, its budget, and what HTTP says about keeping the answer. */
#include "config.h"

#include "net/fetch.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/may_block.h"
#include "base/uri.h"
#include "net/transfer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	HEADERS_MAX = 16 * 1024,
	HEADER_VALUE_MAX = 1024,
	ETAG_MAX = 256,
	PLACES = 64,             /* fetches at a time, whatever the number of threads */
	RETRY_MAX_S = 86400,
	FRESH_MAX_S = 315360000, /* ten years: larger numbers are the same to everybody */
};

/* --- the budget --- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int places = 1, places_of_host = 1;
static const char *in_flight[PLACES]; /* hosts; NULL: a free place */

void fetch_start(int threads)
{
	transfer_start();
	places = threads / 2 < 1 ? 1 : threads / 2 > PLACES ? PLACES : threads / 2;
	places_of_host = (places + 1) / 2;
}

/* A place for a fetch from HOST, which stays where it is until place_leave(); -1: none is left. */
static int place_take(const char *host)
{
	int free_place = -1, same = 0;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < places; i++) {
		if (!in_flight[i])
			free_place = i;
		else if (!strcmp(in_flight[i], host))
			same++;
	}
	if (same >= places_of_host)
		free_place = -1;
	if (free_place >= 0)
		in_flight[free_place] = host;
	pthread_mutex_unlock(&lock);
	return free_place;
}

static void place_leave(int place)
{
	pthread_mutex_lock(&lock);
	in_flight[place] = NULL;
	pthread_mutex_unlock(&lock);
}

/* --- the answer as it comes --- */

struct answer {
	struct fetch *f;
	struct arena *arena;
	struct buf body;
	size_t header_bytes;
	bool in_body;   /* what looks like headers now is a trailer */
	bool malformed; /* a header twice that must be once, or an encoding */
	const char *cache_control, *expires, *date, *age;
};

/* The value of a header line without blanks around it; NULL if it holds control characters. */
static const char *value_of(struct answer *an, const char *p, size_t n)
{
	while (n && (*p == ' ' || *p == '\t'))
		p++, n--;
	while (n && strchr(" \t\r\n", p[n - 1]))
		n--;
	if (n > HEADER_VALUE_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
			return NULL;
	return arena_strndup(an->arena, p, n);
}

/* "Application/JSON; charset=utf-8" is "application/json". */
static const char *media_type(struct arena *a, const char *value)
{
	char *type = arena_strndup(a, value, strcspn(value, "; \t"));

	for (char *s = type; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s | 0x20);
	return type;
}

/* Printable ASCII alone: it goes back into a request header. */
static bool is_etag(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			return false;
	return n > 0 && n <= ETAG_MAX;
}

/* A number of seconds (RFC 9111, 1.2.2); -1 if it is none. */
static int64_t seconds_of(const char *s)
{
	int64_t n = 0;

	if (*s < '0' || *s > '9')
		return -1;
	for (; *s >= '0' && *s <= '9'; s++)
		n = n > FRESH_MAX_S ? FRESH_MAX_S : n * 10 + (*s - '0');
	return n > FRESH_MAX_S ? FRESH_MAX_S : n;
}

/* Seconds, or a date (RFC 9110, 10.2.3). */
static int64_t retry_after(const char *value)
{
	int64_t s = seconds_of(value);
	time_t at;

	if (s < 0 && (at = curl_getdate(value, NULL)) != (time_t)-1)
		s = (int64_t)at > clock_wall_s() ? (int64_t)at - clock_wall_s() : 0;
	return s > RETRY_MAX_S ? RETRY_MAX_S : s;
}

static void take_header(struct answer *an, const char *name, size_t n, const char *value)
{
	static const char *const names[] = { "content-type", "content-encoding", "etag",
		"cache-control", "expires", "date", "age", "www-authenticate", "retry-after", NULL };
	struct fetch *f = an->f;
	int which = 0;

	while (names[which] && (strlen(names[which]) != n || strncasecmp(names[which], name, n)))
		which++;
	switch (which) {
	case 0: /* two types: one of them is for somebody else */
		an->malformed |= *f->content_type != '\0' || !value;
		f->content_type = value ? media_type(an->arena, value) : "";
		break;
	case 1: /* none was asked for, and a small body may decode to a large one */
		an->malformed |= !value || (*value && strcasecmp(value, "identity") != 0);
		break;
	case 2:
		f->etag = value && is_etag(value) ? value : NULL;
		break;
	case 3: /* a list may come in several lines (RFC 9110, 5.3) */
		if (!value)
			an->malformed = true;
		else if (an->cache_control)
			an->cache_control =
			    arena_printf(an->arena, "%s, %s", an->cache_control, value);
		else
			an->cache_control = value;
		break;
	case 4:
		an->expires = value ? value : "";
		break;
	case 5:
		an->date = value;
		break;
	case 6:
		an->age = value;
		break;
	case 7: /* one that is too long or malformed says nothing */
		if (value && f->challenge)
			f->challenge = arena_printf(an->arena, "%s, %s", f->challenge, value);
		else if (value)
			f->challenge = value;
		break;
	case 8:
		f->retry_after_s = value ? retry_after(value) : -1;
		break;
	default:
		break;
	}
}

static void forget_headers(struct answer *an)
{
	an->f->content_type = "";
	an->f->etag = an->f->challenge = NULL;
	an->f->retry_after_s = -1;
	an->cache_control = an->expires = an->date = an->age = NULL;
	an->malformed = false;
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
	struct answer *an = context;
	size_t n = size * count;
	const char *colon = memchr(line, ':', n);

	an->header_bytes += n;
	if (an->header_bytes > HEADERS_MAX)
		return 0;
	if (n > 5 && !memcmp(line, "HTTP/", 5)) /* after a 1xx, the real one */
		forget_headers(an);
	else if (colon && !an->in_body)
		take_header(an, line, (size_t)(colon - line),
		    value_of(an, colon + 1, n - (size_t)(colon + 1 - line)));
	return n;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct answer *an = context;

	an->in_body = true;
	return buf_add(&an->body, bytes, size * count) ? size * count : 0;
}

/* --- how long it may be kept --- */

/*
 * The directive's argument ("" without one), or NULL if Cache-Control does not have it. We are a
 * private cache: s-maxage is not for us.
 */
static const char *directive(struct arena *a, const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = list; s && *s; s += strcspn(s, ","), s += *s == ',') {
		const char *rest;

		s += strspn(s, " \t");
		if (strncasecmp(s, name, n))
			continue;
		rest = s + n;
		if (*rest == '=')
			return arena_strndup(a, rest + 1 + (rest[1] == '"'),
			    strcspn(rest + 1 + (rest[1] == '"'), "\", \t"));
		if (strchr(", \t", *rest)) /* its end too */
			return "";
	}
	return NULL;
}

/* Freshness lifetime (4.2.1) less the age that the answer has already (4.2.3). */
static int64_t fresh_of(struct answer *an)
{
	const char *max_age = directive(an->arena, an->cache_control, "max-age");
	int64_t age = an->age ? seconds_of(an->age) : 0, fresh = -1;

	if (directive(an->arena, an->cache_control, "no-store") ||
	    directive(an->arena, an->cache_control, "no-cache"))
		return 0;
	if (max_age) {
		fresh = seconds_of(max_age);
		fresh = fresh < 0 ? 0 : fresh; /* what cannot be read counts as over (4.2.1) */
	} else if (an->expires) {
		time_t until = curl_getdate(an->expires, NULL);
		time_t from = an->date ? curl_getdate(an->date, NULL) : -1;

		if (from == (time_t)-1)
			from = (time_t)clock_wall_s();
		fresh = until == (time_t)-1 || until < from ? 0 : (int64_t)(until - from);
	}
	if (fresh < 0)
		return -1;
	return age > 0 ? (fresh > age ? fresh - age : 0) : fresh;
}

/* --- the request --- */

static struct curl_slist *add(struct curl_slist *list, const char *line)
{
	struct curl_slist *longer = strpbrk(line, "\r\n") ? NULL : curl_slist_append(list, line);

	if (!longer) /* out of memory, or a caller that lets foreign text into a header */
		abort();
	return longer;
}

static struct curl_slist *request_headers(const struct fetch *f, struct arena *a)
{
	struct curl_slist *list = NULL;

	list = add(list, arena_printf(a, "Accept: %s", f->accept ? f->accept : "application/json"));
	list = add(list, "User-Agent: " PACKAGE_NAME "/" PACKAGE_VERSION);
	if (f->form)
		list = add(list, "Content-Type: application/x-www-form-urlencoded");
	else if (f->json)
		list = add(list, "Content-Type: application/json");
	if (f->form || f->json)
		list = add(list, "Expect:");
	if (f->if_none_match && is_etag(f->if_none_match))
		list = add(list, arena_printf(a, "If-None-Match: %s", f->if_none_match));
	for (const char *const *h = f->headers; h && *h; h++)
		list = add(list, *h);
	return list;
}

static bool refuse(
    const struct fetch *f, const char *reason, const char *text, const char *detail, struct err *e)
{
	return err_reason(e, ERR_UPSTREAM, reason, text, "%.200s: %s", f->url, detail);
}

/* Why there is no answer. */
static bool fault(const struct fetch *f, const struct transfer *t, const struct answer *an,
    CURLcode code, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	const char *reason;

	if (an->body.over || an->header_bytes > HEADERS_MAX)
		return refuse(f, "fetch_too_large", "the answer is too large", "over its limit", e);
	if (t->refused)
		return refuse(f, "fetch_address", "the address is not one that may be fetched from",
		    t->refused, e);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return refuse(f, "fetch_timeout", "the answer did not come in time", t->error, e);
	transfer_fault(t, code, &why);
	reason = err_reason_of(&why);
	if (!strcmp(reason, "upstream_tls"))
		return refuse(f, "fetch_tls", "there is no secure connection", t->error, e);
	if (!strcmp(reason, "upstream_malformed"))
		return refuse(f, "fetch_malformed", "the answer is malformed", t->error, e);
	return refuse(f, "fetch_unreachable", "there is no answer",
	    t->error[0] ? t->error : curl_easy_strerror(code), e);
}

static bool perform(struct fetch *f, struct answer *an, struct err *e)
{
	const char *body = f->form ? f->form : f->json;
	struct transfer t = {
		.method = body ? "POST" : "GET",
		.url = f->url,
		.upstream = f->upstream,
		.guard = f->guard,
		.headers = request_headers(f, an->arena),
		.body = body,
		.body_len = !body ? 0 : !f->form && f->json_len ? f->json_len : strlen(body),
		.connect_ms = f->connect_ms,
		.repeatable = f->kept != NULL,
		.on_header = on_header,
		.on_body = on_body,
		.context = an,
	};
	CURL *easy = f->kept && *f->kept ? *f->kept : curl_easy_init(); /* a new one: no connection is shared */
	CURLcode code;
	long status = 0;

	if (!easy)
		abort();
	transfer_configure(&t, easy);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)f->total_ms);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, f->kept ? 0L : 1L);
	code = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (f->kept) {
		curl_easy_reset(easy); /* it knows nothing of this fetch any more, but the connection */
		*f->kept = easy;
	} else {
		curl_easy_cleanup(easy);
	}
	curl_slist_free_all(t.headers);
	f->status = (int)status;
	return code == CURLE_OK || fault(f, &t, an, code, e);
}

static bool receive(struct fetch *f, struct arena *a, struct err *e)
{
	struct answer an = { .f = f, .arena = a };
	bool ok;

	buf_init(&an.body, f->max);
	forget_headers(&an);
	ok = perform(f, &an, e);
	if (ok) {
		f->body = arena_strndup(a, buf_text(&an.body), an.body.len);
		f->body_len = an.body.len;
		f->fresh_s = fresh_of(&an);
	}
	buf_release(&an.body);
	if (ok && an.malformed)
		return refuse(f, "fetch_malformed", "the answer is malformed",
		    "encoded, or with contradicting headers", e);
	return ok;
}

void fetch_close(void *kept)
{
	if (kept)
		curl_easy_cleanup(kept);
}

bool fetch(struct fetch *f, struct arena *a, struct err *e)
{
	struct err why = { .code = ERR_NONE };
	struct uri u;
	int place;
	bool ok;

	f->status = 0;
	f->retry_after_s = -1;
	f->content_type = f->body = "";
	if (!uri_parse(&u, a, f->url, &why) || !u.host || u.userinfo || u.fragment)
		return refuse(
		    f, "fetch_url", "the address is not one that may be fetched from", why.text, e);
	if (!transfer_is_allowed(f->guard, f->upstream, &u, &why))
		return refuse(f, "fetch_url", "the address is not one that may be fetched from",
		    "not https", e);
	may_block(); /* also who finds no place waits, and asks again */
	place = place_take(u.host);
	if (place < 0)
		return err_reason(e, ERR_UNAVAILABLE, "fetch_busy",
		    "too many are asking at this moment", "%.200s", f->url);
	ok = receive(f, a, e);
	place_leave(place);
	return ok;
}

bool fetch_is_json(const struct fetch *f, struct err *e)
{
	size_t n = strlen(f->content_type);

	if (f->status != 200)
		return err_reason(e, ERR_UPSTREAM, "fetch_status", "the answer is no document",
		    "%.200s: status %d", f->url, f->status);
	if (!strcmp(f->content_type, "application/json") ||
	    (!strncmp(f->content_type, "application/", 12) && n > 17 &&
		!strcmp(f->content_type + n - 5, "+json")))
		return true;
	return err_reason(e, ERR_UPSTREAM, "fetch_type", "the answer is no JSON",
	    "%.200s: content type '%.64s'", f->url, f->content_type);
}
