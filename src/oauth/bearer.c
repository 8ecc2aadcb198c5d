/* SPDX-License-Identifier: Apache-2.0 */
/* Checking access tokens: the header, the cache, the database, the audience. */
#include "config.h"

#include "oauth/bearer.h"

#include "base/clock.h"
#include "base/hash.h"
#include "db/listen.h"
#include "idp/claims.h"
#include "oauth/scope.h"
#include "oauth/token.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ENTRIES = 10000, BUCKETS = 4096, TTL_MS = 30000 };

/* ---- the cache: a hash table in order of use */

struct entry {
	unsigned char key[HASH_LEN]; /* SHA-256 of the token */
	struct bearer bearer;        /* its strings lie behind the entry, in so many bytes: */
	size_t texts;
	int64_t until_ms;
	struct entry *next;          /* in the bucket */
	struct entry *newer, *older;
};

struct bearer_cache {
	pthread_mutex_t lock;
	struct db_listen *listen;
	uint64_t notified; /* notifications so far */
	atomic_bool with_claims;
	size_t n;
	struct entry *buckets[BUCKETS];
	struct entry *newest, *oldest;
	void (*on_revoked)(void *own, const char *grant_id);
	void (*on_lists)(void *own, const char *operation_id);
	void *own;
};

static struct entry **bucket_of(struct bearer_cache *c, const unsigned char *key)
{
	return &c->buckets[(key[0] | key[1] << 8) % BUCKETS];
}

static void unlink_use(struct bearer_cache *c, struct entry *e)
{
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void link_newest(struct bearer_cache *c, struct entry *e)
{
	e->newer = NULL;
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

static void drop(struct bearer_cache *c, struct entry *e)
{
	struct entry **at = bucket_of(c, e->key);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	unlink_use(c, e);
	c->n--;
	free(e);
}

static struct entry *find(struct bearer_cache *c, const unsigned char *key)
{
	struct entry *e = *bucket_of(c, key);

	while (e && memcmp(e->key, key, HASH_LEN) != 0)
		e = e->next;
	return e;
}

/* Whether a notification takes this entry's rights away. */
static bool concerns(const char *payload, const struct bearer *b)
{
	const char *colon = strchr(payload, ':');
	size_t n = colon ? (size_t)(colon - payload) : 0;
	const char *value = NULL;

	if (n == 5 && !memcmp(payload, "token", n))
		value = b->token_id;
	else if (n == 5 && !memcmp(payload, "grant", n))
		value = b->grant_id;
	else if (n == 6 && !memcmp(payload, "client", n))
		value = b->client_id;
	else if (n == 7 && !memcmp(payload, "subject", n))
		value = b->subject;
	else
		return true; /* a kind of a later release: better one query too many */
	return !strcmp(colon + 1, value);
}

static void on_notify(void *context, const char *payload)
{
	struct bearer_cache *c = context;
	struct entry *older;
	bool lists = payload && !strncmp(payload, DB_LISTS, sizeof(DB_LISTS) - 1);

	if (c->on_lists && (lists || !payload))
		c->on_lists(c->own, lists ? payload + sizeof(DB_LISTS) - 1 : NULL);
	if (lists) /* nobody's rights */
		return;
	pthread_mutex_lock(&c->lock);
	c->notified++;
	for (struct entry *e = c->newest; e; e = older) {
		older = e->older;
		if (!payload || concerns(payload, &e->bearer))
			drop(c, e);
	}
	pthread_mutex_unlock(&c->lock);
	if (!c->on_revoked || (payload && !strncmp(payload, "token:", 6)))
		return; /* a token that ended leaves its grant, and so its streams, alone */
	c->on_revoked(c->own, payload && !strncmp(payload, "grant:", 6) ? payload + 6 : NULL);
}

struct bearer_cache *bearer_cache_start(const struct project *p, const char *program,
    void (*on_revoked)(void *own, const char *grant_id), void (*on_lists)(void *own, const char *operation_id), void *own)
{
	struct bearer_cache *c = xcalloc(1, sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	c->on_revoked = on_revoked;
	c->on_lists = on_lists;
	c->own = own;
	c->listen = db_listen_start(p->database_listen ? p->database_listen : p->database, program, on_notify, c);
	return c;
}

void bearer_cache_stop(struct bearer_cache *c)
{
	if (!c)
		return;
	db_listen_stop(c->listen);
	while (c->oldest)
		drop(c, c->oldest);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void bearer_cache_want_claims(struct bearer_cache *c, bool want)
{
	if (!c || atomic_exchange(&c->with_claims, want) || !want)
		return;
	/* what was kept without them would look like a user without roles */
	pthread_mutex_lock(&c->lock);
	c->notified++;
	while (c->oldest)
		drop(c, c->oldest);
	pthread_mutex_unlock(&c->lock);
}

/* All strings at once. */
static void copy(struct bearer *to, const struct entry *e, struct arena *a)
{
	const struct bearer *from = &e->bearer;
	const char *old = (const char *)(e + 1), *texts = memcpy(arena_alloc(a, e->texts), old, e->texts);

	*to = (struct bearer){
		.token_id = texts + (from->token_id - old),
		.grant_id = texts + (from->grant_id - old),
		.client_id = texts + (from->client_id - old),
		.client_name = texts + (from->client_name - old),
		.subject = texts + (from->subject - old),
		.scope = texts + (from->scope - old),
		.resource = texts + (from->resource - old),
		.operation_id = texts + (from->operation_id - old),
		.expires_ms = from->expires_ms,
		.grant_expires_ms = from->grant_expires_ms,
		.claims = from->claims ? texts + (from->claims - old) : NULL,
	};
}

/* *NOTIFIED gets the counter, for cache_put(). */
static bool cache_get(struct bearer_cache *c, const unsigned char *key, struct bearer *out, struct arena *a,
    uint64_t *notified)
{
	struct entry *e;
	bool fresh;

	if (!c)
		return false;
	fresh = db_listen_is_fresh(c->listen);
	pthread_mutex_lock(&c->lock);
	*notified = c->notified;
	e = fresh ? find(c, key) : NULL;
	if (e && e->until_ms <= clock_ms()) {
		drop(c, e);
		e = NULL;
	}
	if (e) {
		unlink_use(c, e);
		link_newest(c, e);
		copy(out, e, a);
	}
	pthread_mutex_unlock(&c->lock);
	return e != NULL;
}

static const char *put_text(char **at, const char *text)
{
	size_t n = strlen(text) + 1;
	char *p = *at;

	memcpy(p, text, n);
	*at += n;
	return p;
}

static struct entry *entry_new(const unsigned char *key, const struct bearer *b, bool with_claims)
{
	const char *claims = with_claims ? b->claims : NULL;
	const char *texts[] = { b->token_id, b->grant_id, b->client_id, b->client_name, b->subject, b->scope,
		b->resource, b->operation_id, claims ? claims : "" };
	size_t n = 0;
	struct entry *e;
	char *at;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		n += strlen(texts[i]) + 1;
	e = xcalloc(1, sizeof(*e) + n);
	at = (char *)(e + 1);
	memcpy(e->key, key, HASH_LEN);
	e->texts = n;
	e->bearer = (struct bearer){ put_text(&at, texts[0]), put_text(&at, texts[1]), put_text(&at, texts[2]),
		put_text(&at, texts[3]), put_text(&at, texts[4]), put_text(&at, texts[5]), put_text(&at, texts[6]),
		put_text(&at, texts[7]), b->expires_ms, b->grant_expires_ms,
		claims ? put_text(&at, texts[8]) : NULL };
	e->until_ms = clock_ms() + TTL_MS;
	return e;
}

/* Stores an answer of the database, unless something was revoked since it was asked for. */
static void cache_put(
    struct bearer_cache *c, const unsigned char *key, const struct bearer *b, uint64_t notified)
{
	struct entry *e, *old;

	if (!c)
		return;
	e = entry_new(key, b, atomic_load(&c->with_claims));
	pthread_mutex_lock(&c->lock);
	if (c->notified != notified) {
		pthread_mutex_unlock(&c->lock);
		free(e);
		return;
	}
	old = find(c, key);
	if (old)
		drop(c, old);
	else if (c->n == ENTRIES)
		drop(c, c->oldest);
	e->next = *bucket_of(c, key);
	*bucket_of(c, key) = e;
	link_newest(c, e);
	c->n++;
	pthread_mutex_unlock(&c->lock);
}

/* ---- the check */

const char *bearer_parse(struct arena *a, const char *authorization, size_t max, struct err *e)
{
	const char *token;
	size_t n;

	if (authorization && strlen(authorization) > max) {
		err_reason(e, ERR_INVALID_REQUEST, "malformed_token", "the Authorization header is too long",
		    "over %zu bytes", max);
		return NULL;
	}
	if (!authorization || strncasecmp(authorization, "Bearer", 6) != 0 ||
	    (authorization[6] && authorization[6] != ' ')) {
		err_reason(e, ERR_INVALID_TOKEN, "missing_token", "a bearer token is needed", "%s", "");
		return NULL;
	}
	token = authorization + 6 + strspn(authorization + 6, " ");
	n = strlen(token);
	while (n && token[n - 1] == ' ')
		n--;
	/* web servers join two headers with a comma: which of the tokens counted, nobody could say */
	if (!n || strcspn(token, ", \t") < n) {
		err_reason(e, ERR_INVALID_REQUEST, "malformed_token",
		    "the Authorization header does not hold exactly one token", "%s", "");
		return NULL;
	}
	return arena_strndup(a, token, n);
}

/* Claims that do not open are none: whoever decides by them refuses. */
static const char *open_claims(
    struct arena *a, const struct ring *ring, const char *subject, struct db_param sealed)
{
	struct err e = { .code = ERR_NONE };
	const char *claims;

	if (!sealed.value)
		return NULL;
	claims = claims_open(ring, a, subject, (struct blob){ sealed.value, sealed.len }, &e);
	if (!claims)
		log_error(NULL, "the claims of a grant cannot be opened", "why", e.text, "detail", e.detail, NULL);
	return claims;
}

static bool ask(struct bearer *b, struct arena *a, struct db *db, const struct ring *ring,
    const char *token, struct err *e)
{
	const struct db_param params[] = { token_hashes(ring, a, token),
		DB_TEXT(ring_primary(ring, KEY_PEPPER)->id) };
	struct db_rows rows;
	const char *outcome;

	if (!db_call(db, STMT_BEARER_FIND, params, 2, a, &rows, e))
		return false;
	if (!rows.rows)
		return err_reason(e, ERR_INVALID_TOKEN, "unknown_token", "the access token is not valid", "%s", "");
	outcome = db_text(&rows, 0, 0);
	if (!strcmp(outcome, "revoked"))
		return err_reason(e, ERR_INVALID_TOKEN, "revoked_token", "the access token was revoked", "%s", "");
	if (strcmp(outcome, "active") != 0)
		return err_reason(e, ERR_INVALID_TOKEN, "expired_token", "the access token expired", "%s", "");
	*b = (struct bearer){ db_text(&rows, 0, 1), db_text(&rows, 0, 2), db_text(&rows, 0, 3),
		db_text(&rows, 0, 4), db_text(&rows, 0, 5), db_text(&rows, 0, 6), db_text(&rows, 0, 7),
		db_text(&rows, 0, 8), clock_ms() + db_int_at(&rows, 0, 9),
		clock_ms() + db_int_at(&rows, 0, 10), NULL };
	b->claims = open_claims(a, ring, b->subject, db_bytes_at(&rows, 0, 11, a));
	return true;
}

static bool has_scope(const char *scopes, const char *wanted)
{
	size_t n = strlen(wanted);

	for (const char *s = scopes; *s; s += strcspn(s, " "), s += strspn(s, " "))
		if (!strncmp(s, wanted, n) && (s[n] == ' ' || s[n] == '\0'))
			return true;
	return false;
}

static bool is_for(const struct bearer *b, const char *resource, const char *operation_id, struct err *e)
{
	if (strcmp(b->resource, resource) != 0 || strcmp(b->operation_id, operation_id) != 0)
		return err_reason(e, ERR_INVALID_TOKEN, "invalid_audience",
		    "the access token is for another resource", "it is for operation '%s'", b->operation_id);
	if (!has_scope(b->scope, SCOPE_ALL))
		return err_set(e, ERR_INSUFFICIENT_SCOPE, "the access token does not cover this", "%s", "");
	return true;
}

bool bearer_check(struct bearer *b, struct arena *a, struct db *db, const struct ring *ring,
    struct bearer_cache *cache, const char *authorization, size_t max, const char *resource,
    const char *operation_id, struct err *e)
{
	const char *token = bearer_parse(a, authorization, max, e);
	unsigned char key[HASH_LEN];
	uint64_t notified = 0;

	if (!token)
		return false;
	hash_sha256(key, token, strlen(token));
	if (!cache_get(cache, key, b, a, &notified)) {
		if (!token_is(token, TOKEN_ACCESS)) /* no query for what cannot be one of ours */
			return err_reason(e, ERR_INVALID_TOKEN, "malformed_token", "the access token is not valid", "%s", "");
		if (!ask(b, a, db, ring, token, e))
			return false;
		cache_put(cache, key, b, notified);
	}
	if (b->expires_ms <= clock_ms())
		return err_reason(e, ERR_INVALID_TOKEN, "expired_token", "the access token expired", "%s", "");
	return is_for(b, resource, operation_id, e);
}
