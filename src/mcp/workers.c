/* SPDX-License-Identifier: Apache-2.0 */
/* A queue and its threads. */
#include "config.h"

#include "mcp/workers.h"

#include "base/arena.h"
#include "base/log.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

enum { STACK = 512 * 1024 }; /* PCRE2 and Lua keep their depth within bounds of their own */

struct workers {
	const char *name;
	unsigned max, n, idle, queued;
	pthread_t *threads;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct work *first, **last;
	bool stopping;
};

static void *run(void *own)
{
	struct workers *w = own;

	pthread_setname_np(pthread_self(), w->name);
	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct work *work = w->first;

		if (!work) {
			if (w->stopping)
				break;
			w->idle++;
			pthread_cond_wait(&w->more, &w->lock);
			w->idle--;
			continue;
		}
		w->first = work->next;
		if (!w->first)
			w->last = &w->first;
		w->queued--;
		pthread_mutex_unlock(&w->lock);
		work->run(work->own); /* it may be gone after that */
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* A thread more, where all that are there have enough to do. */
static void grow(struct workers *w)
{
	pthread_attr_t attr;

	if (w->idle >= w->queued || w->n == w->max)
		return;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	if (!pthread_create(&w->threads[w->n], &attr, run, w)) {
		w->n++;
	} else if (!w->n) {
		log_error(NULL, "no thread can be made", "name", w->name, NULL);
		abort();
	}
	pthread_attr_destroy(&attr);
}

struct workers *workers_new(const char *name, unsigned max)
{
	struct workers *w = xcalloc(1, sizeof(*w));

	w->name = name;
	w->max = max;
	w->threads = xcalloc(max, sizeof(*w->threads));
	w->last = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	return w;
}

void workers_add(struct workers *w, struct work *work)
{
	work->next = NULL;
	pthread_mutex_lock(&w->lock);
	*w->last = work;
	w->last = &work->next;
	w->queued++;
	grow(w);
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

void workers_free(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->more);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->n; i++)
		pthread_join(w->threads[i], NULL);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w->threads);
	free(w);
}
