/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of a few pages, each with a count of those who have it in hand. */
#include "config.h"

#include "keeper/page_cache.h"

#include "base/clock.h"
#include "keeper/lines.h"

#include <pthread.h>
#include <stdlib.h>

static struct {
	pthread_mutex_t lock;
	struct page *kept[PAGES_KEPT];
	size_t next; /* where the oldest is */
} cache = { .lock = PTHREAD_MUTEX_INITIALIZER };

int place_compare(struct place a, struct place b)
{
	if (a.tx != b.tx)
		return a.tx < b.tx ? -1 : 1;
	return a.batch < b.batch ? -1 : a.batch > b.batch;
}

static void drop(struct page *p)
{
	if (p && --p->refs == 0) {
		arena_free(p->arena);
		free(p);
	}
}

static void keep(struct page *p)
{
	drop(cache.kept[cache.next]);
	cache.kept[cache.next] = p;
	cache.next = (cache.next + 1) % PAGES_KEPT;
	if (p)
		p->refs++;
}

static void forget_old(void)
{
	for (size_t i = 0; i < PAGES_KEPT; i++)
		if (cache.kept[i] && cache.kept[i]->until < clock_ms()) {
			drop(cache.kept[i]);
			cache.kept[i] = NULL;
		}
}

struct page *page_new(const struct page *of)
{
	struct page *p = xmalloc(sizeof(*p));

	*p = *of;
	p->lines = lines_new(p->arena, &p->rows, p->shared);
	p->refs = 1;
	p->until = clock_ms() + PAGES_MS;
	pthread_mutex_lock(&cache.lock);
	forget_old();
	if (place_compare(p->from, p->to) < 0)
		keep(p);
	pthread_mutex_unlock(&cache.lock);
	return p;
}

static bool serves(const struct page *p, unsigned families, int limit, struct place at)
{
	return p && p->families == families && p->limit == limit && place_compare(p->from, at) <= 0 &&
	       place_compare(at, p->to) < 0;
}

struct page *page_find(unsigned families, int limit, struct place at)
{
	struct page *found = NULL;

	pthread_mutex_lock(&cache.lock);
	forget_old();
	for (size_t i = 0; i < PAGES_KEPT && !found; i++)
		if (serves(cache.kept[i], families, limit, at))
			found = cache.kept[i];
	if (found)
		found->refs++;
	pthread_mutex_unlock(&cache.lock);
	return found;
}

void page_unref(struct page *p)
{
	pthread_mutex_lock(&cache.lock);
	drop(p);
	pthread_mutex_unlock(&cache.lock);
}

void pages_forget(void)
{
	pthread_mutex_lock(&cache.lock);
	for (size_t i = 0; i < PAGES_KEPT; i++)
		keep(NULL);
	pthread_mutex_unlock(&cache.lock);
}
