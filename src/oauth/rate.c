/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets in a set-associative table: no allocation, no growth, one lock. */
#include "config.h"

#include "oauth/rate.h"

#include "base/clock.h"
#include "base/hash.h"
#include "net/address.h"

#include <pthread.h>
#include <string.h>

/* A request costs 60,000 units; each millisecond brings as many units as the rate a minute is. */
enum { SETS = 2048, WAYS = 4, COST = 60000 };

/*
 * What is left of a key's allowance, in units. The key is a hash, so that the table knows no
 * addresses. A zero `seen_ms` is an empty place.
 */
struct bucket {
	unsigned char key[HASH_LEN];
	int64_t seen_ms, left;
};

static struct bucket table[SETS][WAYS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int per_minute(const struct project *p, enum rate_kind kind)
{
	switch (kind) {
	case RATE_REGISTER:
		return p->rates.register_rate;
	case RATE_AUTHORIZE:
		return p->rates.authorize_rate;
	case RATE_TOKEN:
		return p->rates.token_rate;
	case RATE_REFRESH:
		return p->rates.refresh_rate;
	}
	return 0;
}

/* The bucket of a key, filled up to now; a new one is full. The caller holds the lock. */
static struct bucket *bucket_get(const unsigned char key[HASH_LEN], int rate, int64_t now_ms)
{
	struct bucket *set = table[(key[0] << 8 | key[1]) % SETS], *b = set;
	const int64_t full = (int64_t)rate * 2 * COST;

	for (int i = 0; i < WAYS; i++) {
		if (set[i].seen_ms && !memcmp(set[i].key, key, HASH_LEN)) {
			b = &set[i];
			b->left += (now_ms - b->seen_ms) * rate;
			if (b->left > full)
				b->left = full;
			b->seen_ms = now_ms;
			return b;
		}
		if (set[i].seen_ms < b->seen_ms)
			b = &set[i];
	}
	memcpy(b->key, key, HASH_LEN);
	b->seen_ms = now_ms;
	b->left = full;
	return b;
}

/*
 * Takes a request's units, or with TAKE false only looks. The seconds to wait where they are
 * not there, else 0.
 */
static int bucket_take(const char *key_text, int rate, bool take)
{
	unsigned char key[HASH_LEN];
	struct bucket *b;
	int wait = 0;

	hash_sha256(key, key_text, strlen(key_text));
	pthread_mutex_lock(&lock);
	b = bucket_get(key, rate, clock_ms() + 1);
	if (b->left < COST)
		wait = (int)((COST - b->left) / ((int64_t)rate * 1000)) + 1;
	else if (take)
		b->left -= COST;
	pthread_mutex_unlock(&lock);
	return wait;
}

static bool refuse(struct req *r, struct resp *p, int wait, const char *key, struct err *e)
{
	resp_set(p, "Retry-After", arena_printf(r->arena, "%d", wait));
	return err_set(e, ERR_RATE, "too many requests", "rate of %s", key);
}

static const char *address_key(struct req *r)
{
	char text[ADDRESS_TEXT];

	address_customer(text, r->client_ip);
	return arena_strdup(r->arena, text);
}

bool rate_take(
    struct req *r, struct resp *p, enum rate_kind kind, const char *client_id, struct err *e)
{
	int rate = per_minute(r->project, kind);
	const char *key;
	int wait;

	if (rate <= 0)
		return true;
	key = arena_printf(
	    r->arena, "%d %s %s", (int)kind, address_key(r), client_id ? client_id : "");
	wait = bucket_take(key, rate, true);
	return !wait || refuse(r, p, wait, "address", e);
}

bool rate_take_fetch(struct req *r, const char *host, struct err *e)
{
	int rate = per_minute(r->project, RATE_AUTHORIZE);

	if (rate <= 0 ||
	    (!bucket_take(arena_printf(r->arena, "fetch %s", address_key(r)), rate, true) &&
		(!host || !bucket_take(arena_printf(r->arena, "host %s", host), rate, true))))
		return true;
	return err_reason(
	    e, ERR_UNAVAILABLE, "fetch_rate", "too many were asked for", "host %.100s",
	    host ? host : "");
}

bool rate_check_grant(struct req *r, struct resp *p, const char *grant_id, struct err *e)
{
	int rate = per_minute(r->project, RATE_REFRESH);
	int wait;

	if (rate <= 0)
		return true;
	wait =
	    bucket_take(arena_printf(r->arena, "%d %s", (int)RATE_REFRESH, grant_id), rate, false);
	return !wait || refuse(r, p, wait, "grant", e);
}

void rate_count_grant(struct req *r, const char *grant_id)
{
	int rate = per_minute(r->project, RATE_REFRESH);

	if (rate > 0)
		bucket_take(
		    arena_printf(r->arena, "%d %s", (int)RATE_REFRESH, grant_id), rate, true);
}
