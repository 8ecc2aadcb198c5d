/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to the public origin, sent exactly as a check wants it. Not through net/transfer: this is a
 * client at our own door, who must be able to speak like a stranger.
 */
#include "config.h"

#include "doctor.h"

#include "base/buf.h"
#include "base/clock.h"
#include "json/json.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

enum { BODY_MAX = 1024 * 1024, CONNECT_MS = 5000, TOTAL_MS = 20000 };

struct exchange {
	struct doctor *d;
	const struct ask *ask;
	struct answer *answer;
	struct buf body;
	char error[CURL_ERROR_SIZE];
};

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
	struct exchange *x = context;
	size_t n = size * count, name_len;
	const char *colon = memchr(line, ':', n);
	struct answer_header *h;
	char *name;

	if (n > 5 && !memcmp(line, "HTTP/", 5))
		x->answer->headers = NULL; /* after a 1xx, the real one */
	if (!colon)
		return n;
	name_len = (size_t)(colon - line);
	h = arena_alloc(x->d->arena, sizeof(*h));
	name = arena_strndup(x->d->arena, line, name_len);
	for (char *p = name; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
	h->name = name;
	colon++;
	while (colon < line + n && (*colon == ' ' || *colon == '\t'))
		colon++;
	h->value = arena_strndup(x->d->arena, colon, strcspn(colon, "\r\n"));
	h->next = x->answer->headers;
	x->answer->headers = h;
	return n;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
	struct exchange *x = context;

	x->answer->last_ms = clock_ms();
	if (!x->answer->first_ms)
		x->answer->first_ms = x->answer->last_ms;
	buf_add(&x->body, bytes, size * count); /* more than we look at is let go by */
	return size * count;
}

static struct curl_slist *header_list(const struct ask *ask)
{
	/* no header of libcurl's own that a check does not expect */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	for (const char *const *h = ask->headers; h && *h; h++)
		list = curl_slist_append(list, *h);
	return list;
}

static struct curl_slist *connect_to(const struct doctor *d, const struct ask *ask)
{
	if (d->connect)
		return curl_slist_append(NULL, arena_printf(d->arena, "::%s", d->connect));
	if (ask->nearby)
		return curl_slist_append(NULL, arena_printf(d->arena, "::127.0.0.1:%d", d->uri.port));
	return NULL;
}

static void configure(struct exchange *x, CURL *easy)
{
	const struct doctor *d = x->d;
	const struct ask *ask = x->ask;
	bool verify = ask->verify_only || !d->unverified;

	curl_easy_setopt(easy, CURLOPT_URL, arena_printf(d->arena, "%s%s", d->origin, ask->target));
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TOTAL_MS);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L);
	curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
	if (d->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, d->ca_file);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->error);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
	if (ask->body) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, ask->body);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->body_len);
	}
	if (ask->method)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, ask->method);
}

/* "Expire date" of the server's own certificate, which is the first. */
static time_t certificate_until(CURL *easy)
{
	static const char label[] = "Expire date:";
	struct curl_certinfo *info = NULL;

	if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) || !info || info->num_of_certs < 1)
		return 0;
	for (const struct curl_slist *line = info->certinfo[0]; line; line = line->next)
		if (!strncasecmp(line->data, label, sizeof(label) - 1)) {
			time_t until = curl_getdate(line->data + sizeof(label) - 1, NULL);

			return until == (time_t)-1 ? 0 : until;
		}
	return 0;
}

static void finish(struct exchange *x, CURL *easy, CURLcode code)
{
	struct answer *n = x->answer;
	const char *local = NULL;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_LOCAL_IP, &local);
	n->code = (int)code;
	n->status = (int)status;
	n->local_ip = arena_strdup(x->d->arena, local ? local : "");
	n->certificate_until = certificate_until(easy);
	/* a server that refuses a large body may close before it has read it: its answer counts */
	if (code != CURLE_OK && !status)
		n->error = arena_strdup(x->d->arena, x->error[0] ? x->error : curl_easy_strerror(code));
	n->body = arena_strndup(x->d->arena, buf_text(&x->body), x->body.len);
	n->body_len = x->body.len;
}

const struct answer *doctor_ask(struct doctor *d, const struct ask *ask)
{
	struct exchange x = { .d = d, .ask = ask, .answer = arena_alloc(d->arena, sizeof(*x.answer)) };
	struct curl_slist *headers = header_list(ask), *to = connect_to(d, ask);
	CURL *easy = curl_easy_init();

	if (!easy)
		abort();
	buf_init(&x.body, BODY_MAX);
	configure(&x, easy);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, to);
	finish(&x, easy, curl_easy_perform(easy));
	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);
	curl_slist_free_all(to);
	buf_release(&x.body);
	return x.answer;
}

const struct answer *doctor_get(struct doctor *d, const char *target)
{
	return doctor_ask(d, &(struct ask){ .target = target });
}

const char *answer_header(const struct answer *n, const char *name)
{
	for (const struct answer_header *h = n->headers; h; h = h->next)
		if (!strcasecmp(h->name, name))
			return h->value;
	return NULL;
}

const char *answer_string(struct doctor *d, const struct answer *n, const char *member)
{
	const struct scan_limits limits = scan_limits_of(BODY_MAX);
	struct json_object *doc = json_parse(d->arena, n->body, n->body_len, &limits, NULL);

	return doc ? json_get_string(doc, member) : NULL;
}
