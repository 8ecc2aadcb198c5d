/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching for clients, and the memory of what failed. */
#include "config.h"

#include "oauth/remote.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/uri.h"
#include "oauth/rate.h"

#include <pthread.h>
#include <string.h>

enum {
	FAILED_MS = 10 * 1000,
	FAILED_PLACES = 512,
	KEEP_MIN_S = 60,
	KEEP_DEFAULT_S = 15 * 60,
};

/*
 * Where two addresses meet in a place the older is forgotten: it is tried again sooner, that is
 * all.
 */
static struct failure {
	unsigned char url[HASH_LEN];
	int64_t until_ms;
	enum err_code code;
	const char *reason;
} failed[FAILED_PLACES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct failure *place_of(const unsigned char url[HASH_LEN])
{
	return &failed[(url[0] << 8 | url[1]) % FAILED_PLACES];
}

static bool failed_lately(const char *url, struct err *e)
{
	struct failure f;
	unsigned char hash[HASH_LEN];

	hash_sha256(hash, url, strlen(url));
	pthread_mutex_lock(&lock);
	f = *place_of(hash);
	pthread_mutex_unlock(&lock);
	if (f.until_ms <= clock_ms() || memcmp(f.url, hash, HASH_LEN) != 0)
		return false;
	err_reason(
	    e, f.code, f.reason, "it could not be read a moment ago", "%.200s: remembered", url);
	return true;
}

static void remember(const char *url, const struct err *e)
{
	struct failure f = {
		.until_ms = clock_ms() + FAILED_MS, .code = e->code, .reason = e->reason
	};

	hash_sha256(f.url, url, strlen(url));
	pthread_mutex_lock(&lock);
	*place_of(f.url) = f;
	pthread_mutex_unlock(&lock);
}

static bool is_later(const struct fetch *f, const char *reason)
{
	static const char *const reasons[] = { "fetch_unreachable", "fetch_tls", "fetch_timeout",
		NULL };

	for (const char *const *p = reasons; *p; p++)
		if (!strcmp(*p, reason))
			return true;
	return f->status >= 500 || f->status == 429 || f->status == 408;
}

static bool get(struct req *r, struct fetch *f, struct err *e)
{
	struct err why = { .code = ERR_NONE };

	if (fetch(f, r->arena, &why) &&
	    ((f->status == 304 && f->if_none_match) || fetch_is_json(f, &why)))
		return true;
	if (why.code == ERR_UPSTREAM)
		why.code = is_later(f, err_reason_of(&why)) ? ERR_UNAVAILABLE : ERR_INVALID_CLIENT;
	*e = why;
	return false;
}

bool remote_get(struct req *r, struct fetch *f, bool is_kept, struct err *e)
{
	struct uri u;

	if (!uri_parse(&u, r->arena, f->url, NULL) || !u.host)
		return err_reason(
		    e, ERR_INVALID_CLIENT, "fetch_url", "its address is malformed", "");
	f->guard = guard_load(r->arena, r->project->outbound, r->project->development, e);
	f->upstream = NULL;
	f->connect_ms = r->project->limits.connect_ms;
	f->total_ms = r->project->limits.fetch_ms;
	if (!f->guard || failed_lately(f->url, e) ||
	    !rate_take_fetch(r, is_kept ? NULL : u.host, e))
		return false;
	if (get(r, f, e))
		return true;
	log_info(&r->log, "a client's document was not read", "url", f->url, "reason",
	    err_reason_of(e), "detail", e->detail, NULL);
	if (strcmp(err_reason_of(e), "fetch_busy"))
		remember(f->url, e);
	return false;
}

int64_t remote_keep_s(const struct fetch *f, int64_t max_s)
{
	if (f->fresh_s < 0)
		return KEEP_DEFAULT_S;
	return f->fresh_s < KEEP_MIN_S ? KEEP_MIN_S : f->fresh_s > max_s ? max_s : f->fresh_s;
}

bool remote_url_is_sound(struct arena *a, const char *url, bool development)
{
	struct uri u;

	if (!uri_parse(&u, a, url, NULL) || !u.host || u.userinfo || u.fragment)
		return false;
	return !strcmp(u.scheme, "https") ||
	       (development && !strcmp(u.scheme, "http") && uri_is_loopback(u.host));
}
