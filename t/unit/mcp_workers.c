/* SPDX-License-Identifier: Apache-2.0 */
/* Workers: all work is done, in order, and a lane that hangs leaves half of the threads to others. */
#include "config.h"

#include "mcp/workers.h"

#include "tap.h"

#include <pthread.h>
#include <sched.h>

enum { THREADS = 4, HANGING = 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static bool open_gate;
static int inside, most, done_n, quick_n;

/* Stays until the gate opens. */
static void hang(void *own)
{
	(void)own;
	pthread_mutex_lock(&lock);
	inside++;
	most = inside > most ? inside : most;
	pthread_cond_broadcast(&change);
	while (!open_gate)
		pthread_cond_wait(&change, &lock);
	inside--;
	done_n++;
	pthread_mutex_unlock(&lock);
}

static void quick(void *own)
{
	int *order = own;

	pthread_mutex_lock(&lock);
	*order = ++quick_n;
	pthread_cond_broadcast(&change);
	pthread_mutex_unlock(&lock);
}

static int processors(void)
{
	cpu_set_t cpus;

	return sched_getaffinity(0, sizeof(cpus), &cpus) ? 0 : CPU_COUNT(&cpus);
}

static void count_processors(void *own)
{
	*(int *)own = processors();
}

/* A thread that keeps to one processor gives work to the first worker, which it makes. */
static void *keep_and_add(void *own)
{
	struct work *work = own;
	struct workers *w;
	cpu_set_t cpus, one;
	int cpu = 0;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return NULL;
	while (!CPU_ISSET(cpu, &cpus))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
	w = workers_new("test", 1);
	workers_add(w, work);
	workers_free(w);
	return NULL;
}

static void goes_anywhere(void)
{
	int n = 0;
	struct work work = { .run = count_processors, .own = &n, .lane = "one" };
	pthread_t thread;

	if (!pthread_create(&thread, NULL, keep_and_add, &work))
		pthread_join(thread, NULL);
	is_int(n, processors(), "a worker goes anywhere, whatever its maker keeps to");
}

int main(void)
{
	struct workers *w = workers_new("test", THREADS);
	struct work hanging[HANGING], others[3];
	int order[3] = { 0 };

	for (int i = 0; i < HANGING; i++) {
		hanging[i] = (struct work){ .run = hang, .lane = "slow" };
		workers_add(w, &hanging[i]);
	}
	pthread_mutex_lock(&lock);
	while (inside < THREADS / 2)
		pthread_cond_wait(&change, &lock);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < 3; i++) {
		others[i] = (struct work){ .run = quick, .own = &order[i], .lane = "other" };
		workers_add(w, &others[i]);
	}
	pthread_mutex_lock(&lock);
	while (quick_n < 3) /* for ever, if the lane that hangs has all threads */
		pthread_cond_wait(&change, &lock);
	pthread_mutex_unlock(&lock);
	ok(true, "work of another lane is done while one hangs");
	is_int(most, THREADS / 2, "which has half of the threads");
	pthread_mutex_lock(&lock);
	open_gate = true;
	pthread_cond_broadcast(&change);
	pthread_mutex_unlock(&lock);
	workers_free(w);
	is_int(done_n, HANGING, "all work is done before the threads end");
	is_int(most, THREADS / 2, "and a lane never had more");
	goes_anywhere();
	return done();
}
