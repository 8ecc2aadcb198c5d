/* SPDX-License-Identifier: Apache-2.0 */
/* Leader and followers. */
#include "config.h"

#include "mcp/crew.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/may_block.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

enum {
	LATE_MS = 10,    /* of a job that has not said that it may wait */
	JOBS_US = 60     /* of jobs in a row, until the loop has its turn: what they have begun may have come to its end already */
};

struct member {
	struct crew *crew;
	bool stays;
};

struct crew {
	struct crew_loop loop;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* for those who wait to lead */
	pthread_cond_t done;    /* for crew_await_dismissal() */
	const struct member *leader; /* NULL: whoever waits may lead */
	unsigned waiting; /* to lead */
	unsigned in_hand; /* jobs */
	uint64_t begun;   /* jobs, ever */
	bool working;     /* the leader is at a job */
	bool watched;     /* somebody looks from time to time whether it takes long, or was waked to do so */
	bool watching;    /* he does */
	bool is_short;    /* the leader waits for somebody to follow */
	bool dismissed;
};

struct crew *crew_new(const struct crew_loop *loop)
{
	struct crew *c = xcalloc(1, sizeof(*c));
	pthread_condattr_t attr;

	c->loop = *loop;
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attr);
	pthread_cond_init(&c->done, NULL);
	pthread_condattr_destroy(&attr);
	return c;
}

void crew_free(struct crew *c)
{
	pthread_cond_destroy(&c->changed);
	pthread_cond_destroy(&c->done);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ---- the lead; the lock is held */

/* When they are dismissed, one that is on his way out may be waked: then all are. */
static void vacate(struct crew *c)
{
	c->leader = NULL;
	c->working = false;
	if (c->dismissed)
		pthread_cond_broadcast(&c->changed);
	else
		pthread_cond_signal(&c->changed);
}

/* Looks once, a little later, whether the leader is still at the job that he is at now. */
static void watch(struct crew *c)
{
	const uint64_t begun = c->begun;
	const int64_t until = clock_ms() + LATE_MS;
	const struct timespec t = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };
	int rc;

	c->watching = true;
	rc = pthread_cond_timedwait(&c->changed, &c->lock, &t);
	c->watching = false;
	if (rc != ETIMEDOUT || c->begun != begun)
		return;
	if (c->working) {
		c->leader = NULL; /* this thread's, as soon as it looks */
		c->working = false;
	} else {
		c->watched = false;
	}
}

/* Not before all jobs are done: the one that stays may be at one, and somebody has to run the loop meanwhile. */
static bool is_to_leave(const struct member *m)
{
	return m->crew->dismissed && !m->crew->in_hand && !m->stays;
}

static bool follow(struct member *m)
{
	struct crew *c = m->crew;
	bool leads;

	pthread_mutex_lock(&c->lock);
	c->waiting++;
	if (c->is_short)
		c->loop.rouse(c->loop.own);
	c->is_short = false;
	while (c->leader && !is_to_leave(m)) {
		if (c->watched && !c->watching)
			watch(c);
		else
			pthread_cond_wait(&c->changed, &c->lock);
	}
	c->waiting--;
	leads = !is_to_leave(m);
	if (leads) {
		c->leader = m;
		c->watched = c->watching;
	}
	pthread_mutex_unlock(&c->lock);
	return leads;
}

/* The thread may wait now, or it leaves. */
static void give_up(void *own)
{
	struct member *m = own;
	struct crew *c = m->crew;

	pthread_mutex_lock(&c->lock);
	if (c->leader == m)
		vacate(c);
	pthread_mutex_unlock(&c->lock);
}

/* ---- jobs */

/* The job is taken out before anybody can take the lead away. NULL: it has to wait. */
static void *job_begins(struct crew *c)
{
	void *job = NULL;

	pthread_mutex_lock(&c->lock);
	c->is_short = !c->waiting;
	if (c->waiting) {
		job = c->loop.take_job(c->loop.own);
		c->working = true;
		c->begun++;
		c->in_hand++;
		if (!c->watched)
			pthread_cond_signal(&c->changed);
		c->watched = true;
	}
	pthread_mutex_unlock(&c->lock);
	return job;
}

/* Returns whether the thread still leads. */
static bool job_ends(const struct member *m)
{
	struct crew *c = m->crew;
	bool leads;

	pthread_mutex_lock(&c->lock);
	leads = c->leader == m;
	if (leads)
		c->working = false;
	if (!--c->in_hand && c->dismissed) {
		pthread_cond_signal(&c->done);
		pthread_cond_broadcast(&c->changed); /* who follows may leave, as may who leads */
		c->loop.rouse(c->loop.own);
	}
	pthread_mutex_unlock(&c->lock);
	return leads;
}

/* Returns whether the thread still leads. */
static bool do_jobs(struct member *m)
{
	const struct crew_loop *loop = &m->crew->loop;
	int64_t until = 0;

	while (loop->has_job(loop->own) && (!until || clock_us() < until)) {
		void *job;

		if (!until)
			until = clock_us() + JOBS_US;
		job = job_begins(m->crew);
		if (!job)
			return true;
		may_block_tell(give_up, m);
		loop->work(loop->own, job);
		may_block_tell(NULL, NULL);
		if (!job_ends(m))
			return false;
	}
	return true;
}

/* Returns whether the thread is to follow. */
static bool lead(struct member *m)
{
	struct crew *c = m->crew;
	bool leaves;

	do {
		if (!c->loop.turn(c->loop.own))
			return false;
		if (!do_jobs(m))
			return true;
		pthread_mutex_lock(&c->lock);
		leaves = is_to_leave(m);
		pthread_mutex_unlock(&c->lock);
	} while (!leaves);
	give_up(m);
	return false;
}

void crew_run(struct crew *c, bool stays)
{
	struct member m = { .crew = c, .stays = stays };

	while (follow(&m) && lead(&m))
		;
}

unsigned crew_followers(struct crew *c)
{
	unsigned n;

	pthread_mutex_lock(&c->lock);
	n = c->waiting;
	c->is_short = !n;
	pthread_mutex_unlock(&c->lock);
	return n;
}

void crew_dismiss(struct crew *c)
{
	pthread_mutex_lock(&c->lock);
	c->dismissed = true;
	pthread_cond_broadcast(&c->changed);
	pthread_cond_signal(&c->done);
	pthread_mutex_unlock(&c->lock);
}

bool crew_await_dismissal(struct crew *c, const struct timespec *until)
{
	bool done;
	int rc = 0;

	pthread_mutex_lock(&c->lock);
	while (!(c->dismissed && !c->in_hand) && !rc)
		rc = pthread_cond_timedwait(&c->done, &c->lock, until);
	done = c->dismissed && !c->in_hand;
	pthread_mutex_unlock(&c->lock);
	return done;
}
