/* SPDX-License-Identifier: Apache-2.0 */
/* A queue and its threads. */
#include "config.h"

#include "mcp/workers.h"

#include "base/arena.h"
#include "base/log.h"
#include "mcp/affinity.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { STACK = 512 * 1024 }; /* PCRE2 and Lua keep their depth within bounds of their own */

struct workers {
	const char *name;
	unsigned max, n, idle, queued;
	char **busy; /* per thread: the lane at work, or NULL */
	pthread_t *threads;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct work *first, **last;
	bool stopping;
};

/* Whether a lane has its share of the threads already. */
static bool has_enough(const struct workers *w, const char *lane)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n; i++)
		n += w->busy[i] && !strcmp(w->busy[i], lane);
	return n >= (w->max + 1) / 2;
}

/* The next piece of work that may be done now, out of the queue. */
static struct work *take(struct workers *w)
{
	for (struct work **at = &w->first, *work; (work = *at); at = &work->next) {
		if (has_enough(w, work->lane))
			continue;
		*at = work->next;
		if (w->last == &work->next)
			w->last = at;
		w->queued--;
		return work;
	}
	return NULL;
}

/* The lane has a place again: whoever waits may find work of it. */
static void free_lane(struct workers *w, unsigned i)
{
	char *lane = w->busy[i];

	w->busy[i] = NULL;
	free(lane);
	if (w->first)
		pthread_cond_broadcast(&w->more);
}

struct thread {
	struct workers *workers;
	unsigned i;
};

static void *run(void *own)
{
	struct thread *me = own;
	struct workers *w = me->workers;
	const unsigned i = me->i;

	free(me);
	affinity_none(); /* the relay's thread may have made it */
	pthread_setname_np(pthread_self(), w->name);
	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct work *work = take(w);

		if (!work) {
			if (w->stopping && !w->first)
				break;
			w->idle++;
			pthread_cond_wait(&w->more, &w->lock);
			w->idle--;
			continue;
		}
		w->busy[i] = xstrdup(work->lane);
		pthread_mutex_unlock(&w->lock);
		work->run(work->own); /* it may be gone after that */
		pthread_mutex_lock(&w->lock);
		free_lane(w, i);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* A thread more, where all that are there have enough to do. */
static void grow(struct workers *w)
{
	struct thread *thread;
	pthread_attr_t attr;

	if (w->idle >= w->queued || w->n == w->max)
		return;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	thread = xcalloc(1, sizeof(*thread));
	*thread = (struct thread){ w, w->n };
	if (!pthread_create(&w->threads[w->n], &attr, run, thread)) {
		w->n++;
		thread = NULL;
	} else if (!w->n) {
		log_error(NULL, "no thread can be made", "name", w->name, NULL);
		abort();
	}
	free(thread);
	pthread_attr_destroy(&attr);
}

struct workers *workers_new(const char *name, unsigned max)
{
	struct workers *w = xcalloc(1, sizeof(*w));

	w->name = name;
	w->max = max;
	w->threads = xcalloc(max, sizeof(*w->threads));
	w->busy = xcalloc(max, sizeof(*w->busy));
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
	free(w->busy);
	free(w);
}
