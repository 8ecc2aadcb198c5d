/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table in order of use, and one thread that tells other processes what has changed. */
#include "config.h"

#include "mcp/known.h"

#include "base/clock.h"
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	BUCKETS = 4096,
	SLOTS = 256, /* of routes: those of one forget together */
	STACK = 256 * 1024,
	TELL_MS = 200, /* however often an upstream says so, others are told so often */
	TELL_MAX = 20  /* of what is told once, at a time */
};

struct entry {
	struct known_key key;
	enum known_kind kind;
	int64_t until_ms;
	unsigned slot;       /* the route's */
	size_t n;            /* bytes behind the entry */
	struct entry *next;  /* in the bucket */
	struct entry *newer, *older;
};

/* A route whose change is to be told. */
struct change {
	struct change *next;
	char route[];
};

struct known {
	struct db *db;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work;
	bool stopping;
	struct change *tell;
	unsigned told_once; /* of them */
	uint64_t changes[SLOTS];
	size_t lists[SLOTS]; /* how many lists and marks there are */
	size_t bytes;
	struct entry *buckets[BUCKETS];
	struct entry *newest, *oldest;
};

struct known_key known_key(enum known_kind kind, ...)
{
	struct known_key key = { .hash = { 0 } };
	unsigned char all[2 * HASH_LEN] = { (unsigned char)kind };
	const char *text;
	va_list ap;

	va_start(ap, kind);
	while ((text = va_arg(ap, const char *))) {
		hash_sha256(all + HASH_LEN, text, strlen(text));
		hash_sha256(key.hash, all, sizeof(all));
		memcpy(all, key.hash, HASH_LEN);
	}
	va_end(ap);
	return key;
}

/* ---- the table; under the lock */

static char *bytes_of(struct entry *e)
{
	return (char *)(e + 1);
}

static size_t size_of(struct entry *e)
{
	return sizeof(*e) + e->n;
}

static unsigned slot_of(const char *route)
{
	return hash_crc32(route, strlen(route)) % SLOTS;
}

static struct entry **bucket_of(struct known *k, const struct known_key *key)
{
	return &k->buckets[(key->hash[0] | key->hash[1] << 8) % BUCKETS];
}

static struct entry *find(struct known *k, const struct known_key *key)
{
	struct entry *e = *bucket_of(k, key);

	while (e && memcmp(e->key.hash, key->hash, HASH_LEN) != 0)
		e = e->next;
	return e;
}

static void unlink_use(struct known *k, struct entry *e)
{
	*(e->newer ? &e->newer->older : &k->newest) = e->older;
	*(e->older ? &e->older->newer : &k->oldest) = e->newer;
}

static void link_newest(struct known *k, struct entry *e)
{
	e->newer = NULL;
	e->older = k->newest;
	*(k->newest ? &k->newest->newer : &k->oldest) = e;
	k->newest = e;
}

static void drop(struct known *k, struct entry *e)
{
	struct entry **at = bucket_of(k, &e->key);

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	unlink_use(k, e);
	k->bytes -= size_of(e);
	k->lists[e->slot] -= e->kind >= KNOWN_MARKS;
	free(e);
}

static void put(struct known *k, struct entry *e)
{
	struct entry *old = find(k, &e->key);

	if (old)
		drop(k, old);
	k->bytes += size_of(e);
	k->lists[e->slot] += e->kind >= KNOWN_MARKS;
	while (k->bytes > KNOWN_BYTES && k->oldest)
		drop(k, k->oldest);
	e->next = *bucket_of(k, &e->key);
	*bucket_of(k, &e->key) = e;
	link_newest(k, e);
}

/* The table is searched only while there is something to find: an upstream may say that lists changed as often as it likes. */
static void forget(struct known *k, unsigned slot)
{
	struct entry *older;

	k->changes[slot]++;
	for (struct entry *e = k->newest; e && k->lists[slot]; e = older) {
		older = e->older;
		if (e->kind >= KNOWN_MARKS && e->slot == slot)
			drop(k, e);
	}
}

/* ---- for calls */

struct span known_get(struct known *k, const struct known_key *key, struct arena *a, int64_t *left_ms)
{
	struct span got = { NULL, 0 };
	int64_t now = clock_ms();
	struct entry *e;

	pthread_mutex_lock(&k->lock);
	e = find(k, key);
	if (e && e->until_ms <= now) {
		drop(k, e);
	} else if (e) {
		unlink_use(k, e);
		link_newest(k, e);
		got = (struct span){ arena_strndup(a, bytes_of(e), e->n), e->n };
		*left_ms = e->until_ms - now;
	}
	pthread_mutex_unlock(&k->lock);
	return got;
}

uint64_t known_changes(struct known *k, const char *route)
{
	uint64_t changes;

	pthread_mutex_lock(&k->lock);
	changes = k->changes[slot_of(route)];
	pthread_mutex_unlock(&k->lock);
	return changes;
}

void known_put(struct known *k, enum known_kind kind, const struct known_key *key, const char *route, const void *p, size_t n,
    int64_t ttl_ms, uint64_t changes)
{
	struct entry *e;

	if (n > KNOWN_ENTRY_BYTES || ttl_ms <= 0)
		return;
	e = xmalloc(sizeof(*e) + n);
	*e = (struct entry){ .key = *key, .kind = kind, .until_ms = clock_ms() + ttl_ms, .slot = slot_of(route), .n = n };
	memcpy(bytes_of(e), p, n);
	pthread_mutex_lock(&k->lock);
	if (kind < KNOWN_MARKS || changes == k->changes[e->slot]) {
		put(k, e);
		e = NULL;
	}
	pthread_mutex_unlock(&k->lock);
	free(e);
}

void known_drop(struct known *k, const struct known_key *key)
{
	struct entry *e;

	pthread_mutex_lock(&k->lock);
	e = find(k, key);
	if (e)
		drop(k, e);
	pthread_mutex_unlock(&k->lock);
}

/* ---- changes */

void known_told(struct known *k, const char *route)
{
	pthread_mutex_lock(&k->lock);
	if (route)
		forget(k, slot_of(route));
	for (unsigned slot = 0; !route && slot < SLOTS; slot++)
		forget(k, slot);
	pthread_mutex_unlock(&k->lock);
}

/* Under the lock. */
static void add_change(struct known *k, const char *text)
{
	struct change *c = xmalloc(sizeof(*c) + strlen(text) + 1);

	memcpy(c->route, text, strlen(text) + 1);
	c->next = k->tell;
	k->tell = c;
	pthread_cond_signal(&k->work);
}

void known_changed(struct known *k, const char *route)
{
	struct change *c;

	pthread_mutex_lock(&k->lock);
	forget(k, slot_of(route));
	for (c = k->tell; c && strcmp(c->route, route) != 0; c = c->next)
		;
	if (!c && k->db)
		add_change(k, route);
	pthread_mutex_unlock(&k->lock);
}

void known_tell(struct known *k, const char *text)
{
	pthread_mutex_lock(&k->lock);
	if (k->db && k->told_once < TELL_MAX) {
		k->told_once++;
		add_change(k, text);
	}
	pthread_mutex_unlock(&k->lock);
}

/* What cannot be told is not told again: what others have kept ends by itself. */
static void tell(struct known *k, struct change *c)
{
	while (c) {
		const struct db_param params[] = { DB_TEXT(c->route) };
		struct arena *a = arena_new();
		struct err e = { .code = ERR_NONE };
		struct change *next = c->next;

		if (!db_call(k->db, STMT_LISTS_CHANGED, params, 1, a, NULL, &e))
			log_warn(NULL, "other processes were not told", "what", c->route, "why",
			    err_reason_of(&e), NULL);
		arena_free(a);
		free(c);
		c = next;
	}
}

static void *run(void *own)
{
	const struct timespec pause = { .tv_nsec = TELL_MS * 1000000L };
	struct known *k = own;

	pthread_mutex_lock(&k->lock);
	for (;;) {
		struct change *c = k->tell;

		if (!c && k->stopping)
			break;
		if (!c) {
			pthread_cond_wait(&k->work, &k->lock);
			continue;
		}
		k->tell = NULL;
		k->told_once = 0;
		pthread_mutex_unlock(&k->lock);
		tell(k, c);
		nanosleep(&pause, NULL);
		pthread_mutex_lock(&k->lock);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

struct known *known_start(struct db *db)
{
	struct known *k = xcalloc(1, sizeof(*k));
	pthread_attr_t attr;

	k->db = db;
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->work, NULL);
	if (!db)
		return k;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	if (pthread_create(&k->thread, &attr, run, k))
		abort();
	pthread_attr_destroy(&attr);
	return k;
}

void known_stop(struct known *k)
{
	pthread_mutex_lock(&k->lock);
	k->stopping = true;
	pthread_cond_signal(&k->work);
	pthread_mutex_unlock(&k->lock);
	if (k->db)
		pthread_join(k->thread, NULL);
	while (k->oldest)
		drop(k, k->oldest);
	pthread_cond_destroy(&k->work);
	pthread_mutex_destroy(&k->lock);
	free(k);
}
