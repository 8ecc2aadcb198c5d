/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table, one list, one lock, one thread. A batch keeps its id until it is known to be in (the SQL functions know a
 * batch again), and nothing new is sent before.
 */
#include "config.h"

#include "policy/counters.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "db/db.h"
#include "policy/window.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	SETS = 4096,
	WAYS = 4,
	BATCH_MAX = 1000,
	EXCHANGE_MS = 200,     /* between two exchanges */
	RETRY_MS = 500,        /* while the database is away */
	CALL_MS = 2000,
	SETTLE_MAX = 65536,
	STARTS_TEXT = 64,
	THREAD_STACK = 256 * 1024
};

/* A window as all processes count it, as far as is known, and what only this one knows of. */
struct entry {
	unsigned char key[HASH_LEN];
	struct window window;
	int64_t length_ms, seen_ms; /* seen_ms 0: an empty place */
	int64_t unsent;
};

struct settlement {
	unsigned char key[HASH_LEN];
	char starts_at[STARTS_TEXT];
	int64_t n;
	struct settlement *next;
};

/* What is on its way. */
struct batch {
	char id[UUID_TEXT]; /* "": none */
	size_t n;
	struct part {
		unsigned char key[HASH_LEN];
		int64_t n, length_ms;
		char starts_at[STARTS_TEXT];
	} parts[BATCH_MAX];
};

static struct {
	struct db *db;
	pthread_t thread;
	bool running, failed; /* the thread; there is none to be had */

	bool stopping, said; /* the loss of a settlement */
	uint32_t mix[HASH_LEN / 4];
	size_t dirty; /* entries with something unsent */
	struct settlement *first, **last;
	size_t settlements;
} c;
static struct entry table[SETS][WAYS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake;
static struct batch windows, settled; /* the thread's */
static atomic_bool away;

bool counters_are_away(void)
{
	return away;
}

void counters_key(unsigned char out[HASH_LEN], const char *policy, const char *by, const char *whom)
{
	struct buf b;

	/* no name holds a NUL: nothing else gives these bytes */
	buf_init(&b, SIZE_MAX);
	buf_add(&b, policy, strlen(policy) + 1);
	buf_add(&b, by, strlen(by) + 1);
	buf_str(&b, whom);
	hash_sha256(out, buf_text(&b), b.len);
	buf_release(&b);
}

/* ---- the table; the lock is held */

/* All bits of X, in each of the result's (the end of MurmurHash3): numbers at equal distances lie at none any more. */
static uint64_t stirred(uint64_t x)
{
	x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
	x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

/*
 * By numbers of this process: whom names are counted under may choose them, and must not choose sets with them. Sums of products with
 * a random addend each (the universal hash NH): nobody who does not know the addends can tell which keys fall together, and a
 * call pays a hundredth of what an HMAC costs. Of keys that differ in one word the sums are at equal distances, which for some
 * addends are those of few sets: hence the stirring.
 */
static struct entry *set_of(const unsigned char *key)
{
	uint32_t k[HASH_LEN / 4];
	uint64_t sum = 0;

	memcpy(k, key, HASH_LEN);
	for (size_t i = 0; i < HASH_LEN / 4; i += 2)
		sum += (uint64_t)(k[i] + c.mix[i]) * (k[i + 1] + c.mix[i + 1]);
	return table[stirred(sum) % SETS];
}

static struct entry *find(const unsigned char *key)
{
	struct entry *set = set_of(key);

	for (int i = 0; i < WAYS; i++)
		if (set[i].seen_ms && !memcmp(set[i].key, key, HASH_LEN))
			return &set[i];
	return NULL;
}

/* Whether nothing is lost with it. */
static bool is_spare(const struct entry *e, int64_t now_ms)
{
	return !e->unsent && ((!e->window.n && !e->window.before) || now_ms - e->window.since_ms >= 2 * e->length_ms);
}

/* The place of a new key: an empty one, else the longest unused that is spare. NULL: there is none; what counts stays. */
static struct entry *make(const unsigned char *key, int64_t now_ms)
{
	struct entry *set = set_of(key), *e = NULL;

	for (int i = 0; i < WAYS; i++)
		if (is_spare(&set[i], now_ms) && (!e || set[i].seen_ms < e->seen_ms))
			e = &set[i];
	if (!e)
		return NULL;
	*e = (struct entry){ .window = { .since_ms = now_ms } };
	memcpy(e->key, key, HASH_LEN);
	return e;
}

/* The thread waits for the first thing to tell; of what comes while it lets others join, it need not hear. */
static void wake_for_first(void)
{
	if (!c.dirty && !c.first)
		pthread_cond_signal(&wake);
}

static void count(struct entry *e, int64_t cost)
{
	size_t was = e->unsent != 0;

	wake_for_first();
	e->window.n += cost;
	e->unsent += cost;
	c.dirty += (e->unsent != 0) - was;
}

/* ---- exchanges */

static int by_key(const void *x, const void *y)
{
	return memcmp(((const struct part *)x)->key, ((const struct part *)y)->key, HASH_LEN);
}

static void begin_batch(struct batch *b)
{
	rand_uuid(b->id);
	b->n = 0;
}

/* The lock is held. */
static void collect_windows(void)
{
	if (*windows.id || !c.dirty)
		return;
	begin_batch(&windows);
	for (size_t i = 0; i < SETS * WAYS && c.dirty && windows.n < BATCH_MAX; i++) {
		struct entry *e = &table[i / WAYS][i % WAYS];
		struct part *p = &windows.parts[windows.n];

		if (!e->seen_ms || !e->unsent)
			continue;
		*p = (struct part){ .n = e->unsent, .length_ms = e->length_ms };
		memcpy(p->key, e->key, HASH_LEN);
		e->unsent = 0;
		c.dirty--;
		windows.n++;
	}
	qsort(windows.parts, windows.n, sizeof(windows.parts[0]), by_key);
}

/* The lock is held. */
static void collect_settlements(void)
{
	struct settlement *s;

	if (*settled.id || !c.first)
		return;
	begin_batch(&settled);
	while ((s = c.first) && settled.n < BATCH_MAX) {
		struct part *p = &settled.parts[settled.n++];

		*p = (struct part){ .n = s->n };
		memcpy(p->key, s->key, HASH_LEN);
		memcpy(p->starts_at, s->starts_at, STARTS_TEXT);
		c.first = s->next;
		c.settlements--;
		free(s);
	}
	if (!c.first)
		c.last = &c.first;
	qsort(settled.parts, settled.n, sizeof(settled.parts[0]), by_key);
}

static struct db_param keys_of(struct arena *a, const struct batch *b)
{
	struct db_param *items = arena_calloc(a, b->n, sizeof(*items));

	for (size_t i = 0; i < b->n; i++)
		items[i] = DB_BYTES(b->parts[i].key, HASH_LEN);
	return db_bytes_array(a, items, b->n);
}

enum column { COLUMN_N, COLUMN_LENGTH, COLUMN_STARTS };

static struct db_param column_of(struct arena *a, const struct batch *b, enum column column)
{
	const char **items = arena_calloc(a, b->n, sizeof(*items));

	for (size_t i = 0; i < b->n; i++) {
		const struct part *p = &b->parts[i];

		items[i] = column == COLUMN_STARTS ? p->starts_at :
		                                     arena_printf(a, "%lld",
						         (long long)(column == COLUMN_N ? p->n : p->length_ms));
	}
	return db_text_array(a, items, b->n);
}

/* What all have counted, and what was counted here since the batch was made. */
static void learn(const struct db_rows *rows, struct arena *a)
{
	int64_t now = clock_ms();

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < rows->rows; i++) {
		struct db_param key = db_bytes_at(rows, i, 0, a);
		struct entry *e = key.len == HASH_LEN ? find(key.value) : NULL;

		if (!e)
			continue;
		e->window = (struct window){ .since_ms = now - db_int_at(rows, i, 3),
			.n = db_int_at(rows, i, 1) + e->unsent, .before = db_int_at(rows, i, 2) };
	}
	pthread_mutex_unlock(&lock);
}

static bool send_windows(struct arena *a, struct err *e)
{
	const struct db_param params[] = { DB_TEXT(windows.id), keys_of(a, &windows),
		column_of(a, &windows, COLUMN_N), column_of(a, &windows, COLUMN_LENGTH) };
	struct db_rows rows;

	if (!db_call_within(c.db, CALL_MS, STMT_RATE_ADD, params, 4, a, &rows, e))
		return false;
	learn(&rows, a);
	return true;
}

static bool send_settlements(struct arena *a, struct err *e)
{
	const struct db_param params[] = { DB_TEXT(settled.id), keys_of(a, &settled),
		column_of(a, &settled, COLUMN_STARTS), column_of(a, &settled, COLUMN_N) };

	return db_call_within(c.db, CALL_MS, STMT_QUOTA_SETTLE, params, 4, a, NULL, e);
}

/* What the database will never take is let go; else it is sent again. */
static bool send_batch(struct batch *b, bool (*send)(struct arena *, struct err *))
{
	struct err e = { .code = ERR_NONE };
	struct arena *a;
	bool ok;

	if (!*b->id)
		return true;
	a = arena_new();
	ok = send(a, &e);
	arena_free(a);
	if (!ok && e.code == ERR_INTERNAL)
		log_error(NULL, "the database refuses counts", "detail", e.detail, NULL);
	else if (!ok && !away)
		log_warn(NULL, "counts of rate limits wait for the database", "reason", err_reason_of(&e), "detail",
		    e.detail, NULL);
	if (ok || e.code == ERR_INTERNAL)
		*b->id = '\0';
	return ok;
}

/* False: the database did not take it. */
static bool exchange(void)
{
	bool ok;

	pthread_mutex_lock(&lock);
	collect_windows();
	collect_settlements();
	pthread_mutex_unlock(&lock);
	ok = send_batch(&windows, send_windows);
	ok = send_batch(&settled, send_settlements) && ok;
	away = !ok;
	return ok;
}

static void wait_for(int64_t ms)
{
	int64_t until = clock_ms() + ms;
	const struct timespec t = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

	while (!c.stopping && clock_ms() < until)
		pthread_cond_timedwait(&wake, &lock, &t);
}

static void *run(void *unused)
{
	bool ok = true;

	(void)unused;
	pthread_mutex_lock(&lock);
	while (!c.stopping) {
		while (!c.stopping && ok && !c.dirty && !c.first)
			pthread_cond_wait(&wake, &lock);
		wait_for(ok ? EXCHANGE_MS : RETRY_MS);
		pthread_mutex_unlock(&lock);
		ok = exchange();
		pthread_mutex_lock(&lock);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* ---- the interface */

void counters_open(struct db *db)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&wake, &attr);
	pthread_condattr_destroy(&attr);
	rand_bytes(c.mix, sizeof(c.mix));
	c.last = &c.first;
	c.db = db;
}

void counters_close(void)
{
	int64_t until = clock_ms() + CALL_MS;
	bool was_running;

	if (!c.db)
		return;
	pthread_mutex_lock(&lock);
	was_running = c.running;
	c.stopping = true;
	pthread_cond_signal(&wake);
	pthread_mutex_unlock(&lock);
	if (was_running)
		pthread_join(c.thread, NULL);
	while (exchange() && (c.dirty || c.first) && clock_ms() < until)
		;
	c.db = NULL;
}

/* The lock is held. Whether there is a thread that will tell the database. */
static bool is_running(void)
{
	pthread_attr_t attr;

	if (c.running || c.failed || !c.db || c.stopping)
		return c.running && !c.stopping;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	c.running = pthread_create(&c.thread, &attr, run, NULL) == 0;
	pthread_attr_destroy(&attr);
	c.failed = !c.running;
	if (c.failed)
		log_error(NULL, "no thread to exchange counts: every call is counted in the database", NULL);
	return c.running;
}

/* The lock is held. */
static enum counters_answer take(
    const unsigned char *key, int64_t length_ms, int64_t cost, int64_t allowed, int64_t *wait_ms)
{
	int64_t now = clock_ms() + 1; /* never 0, which marks an empty place */
	struct entry *e = find(key);

	if (!e)
		e = make(key, now);
	if (!e)
		return COUNTERS_NONE;
	e->length_ms = length_ms;
	e->seen_ms = now;
	window_slide(&e->window, length_ms, now);
	*wait_ms = window_wait(&e->window, length_ms, now, cost, allowed);
	if (*wait_ms)
		return COUNTERS_FULL;
	count(e, cost);
	return COUNTERS_TAKEN;
}

enum counters_answer counters_take(
    const unsigned char key[HASH_LEN], int64_t length_ms, int64_t cost, int64_t allowed, int64_t *wait_ms)
{
	enum counters_answer answer = COUNTERS_NONE;

	pthread_mutex_lock(&lock);
	if (is_running())
		answer = take(key, length_ms, cost, allowed, wait_ms);
	pthread_mutex_unlock(&lock);
	return answer;
}

void counters_give_back(const unsigned char key[HASH_LEN], int64_t length_ms, int64_t cost)
{
	struct entry *e;

	pthread_mutex_lock(&lock);
	e = find(key);
	if (e && e->length_ms == length_ms)
		count(e, -cost);
	pthread_mutex_unlock(&lock);
}

static void settle_now(struct db *db, const struct settlement *s)
{
	struct arena *a = arena_new();
	struct db_param key = DB_BYTES(s->key, HASH_LEN), params[4];
	const char *starts_at = s->starts_at, *n = arena_printf(a, "%lld", (long long)s->n);
	struct err e = { .code = ERR_NONE };
	char id[UUID_TEXT];

	rand_uuid(id);
	params[0] = DB_TEXT(id);
	params[1] = db_bytes_array(a, &key, 1);
	params[2] = db_text_array(a, &starts_at, 1);
	params[3] = db_text_array(a, &n, 1);
	if (!db_call_within(db, CALL_MS, STMT_QUOTA_SETTLE, params, 4, a, NULL, &e))
		log_warn(NULL, "a quota is not settled", "reason", err_reason_of(&e), "detail", e.detail, NULL);
	arena_free(a);
}

void counters_settle(struct db *db, const unsigned char key[HASH_LEN], const char *starts_at, int64_t n)
{
	struct settlement *s = xcalloc(1, sizeof(*s));
	bool there, lost, say;

	memcpy(s->key, key, HASH_LEN);
	s->n = n;
	strncat(s->starts_at, starts_at, STARTS_TEXT - 1);
	pthread_mutex_lock(&lock);
	there = is_running();
	if (there && c.settlements < SETTLE_MAX) { /* past it, the database has been away for too long */
		wake_for_first();
		*c.last = s;
		c.last = &s->next;
		c.settlements++;
		s = NULL;
	}
	lost = c.failed; /* the caller has other calls to serve: it must not wait for the database */
	say = lost && !c.said;
	c.said |= say;
	pthread_mutex_unlock(&lock);
	if (say)
		log_error(NULL, "no thread to exchange counts: quotas are not corrected", NULL);
	if (!there && !lost)
		settle_now(db, s);
	free(s);
}
