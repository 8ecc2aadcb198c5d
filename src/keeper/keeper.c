/* SPDX-License-Identifier: Apache-2.0 */
/* The threads, and their end. */
#include "config.h"

#include "keeper/keeper_internal.h"

#include "base/clock.h"
#include "net/fetch.h"

#include <pthread.h>

enum { THREADS = 2 + DESTINATIONS_MAX, STACK = 256 * 1024 };

static struct {
	pthread_t threads[THREADS];
	int n;
	struct keeper_slot slots[DESTINATIONS_MAX];
	size_t slots_n;
	pthread_mutex_t lock; /* what follows */
	pthread_cond_t wake;
	bool stopping;
} keeper = { .lock = PTHREAD_MUTEX_INITIALIZER };

bool keeper_pause(int ms)
{
	int64_t until = clock_ms() + ms;
	struct timespec t = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };
	bool stopping;

	pthread_mutex_lock(&keeper.lock);
	while (!keeper.stopping && clock_ms() < until)
		pthread_cond_timedwait(&keeper.wake, &keeper.lock, &t);
	stopping = keeper.stopping;
	pthread_mutex_unlock(&keeper.lock);
	return !stopping;
}

static void start(void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	if (pthread_create(&keeper.threads[keeper.n], &attr, run, arg))
		log_error(NULL, "no thread for keeping the books", NULL);
	else
		keeper.n++;
	pthread_attr_destroy(&attr);
}

void keeper_start(struct app *app)
{
	pthread_condattr_t attr;

	if (app->one_call || !app->db)
		return;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&keeper.wake, &attr);
	pthread_condattr_destroy(&attr);
	keeper.stopping = false;
	keeper.slots_n = 0;
	fetch_start(4 * DESTINATIONS_MAX);
	start(seal_run, app);
	start(alert_run, app);
	keeper_changed(app, NULL, app->site);
}

/* A thread stays when its destination goes: it finds nothing to do. */
void keeper_changed(struct app *app, const struct site *old, const struct site *next)
{
	(void)old;
	if (app->one_call || !app->db)
		return;
	for (; keeper.slots_n < next->project->destinations_n; keeper.slots_n++) {
		struct keeper_slot *slot = &keeper.slots[keeper.slots_n];

		*slot = (struct keeper_slot){ app, keeper.slots_n };
		start(forward_run, slot);
	}
}

void keeper_stop(void)
{
	pthread_mutex_lock(&keeper.lock);
	keeper.stopping = true;
	pthread_cond_broadcast(&keeper.wake);
	pthread_mutex_unlock(&keeper.lock);
	for (int i = 0; i < keeper.n; i++)
		pthread_join(keeper.threads[i], NULL);
	keeper.n = 0;
}
