/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that take turns at one loop. One of them leads: it runs the loop, and does itself the jobs that come of it, which costs no
 * change of threads. A job that is about to wait (base/may_block.h) gives the lead to another thread before; one that takes long
 * without saying so loses it after some milliseconds. Whoever has done a job and leads no more waits for the next vacancy.
 *
 * What must hold: there is always a thread for the loop. A job is begun only while one waits to follow.
 */
#ifndef GATEHOUSE_MCP_CREW_H
#define GATEHOUSE_MCP_CREW_H

#include <stdbool.h>
#include <time.h>

struct crew;

/* All but `work` and `rouse` are called by the leader, between two jobs. */
struct crew_loop {
	void *own;
	/* Waits for what may happen, and does what it asks for. False: the loop has come to its end. */
	bool (*turn)(void *own);
	/* Whether there is a job, and: taking it out of the loop's hands, which must not call the crew. */
	bool (*has_job)(void *own);
	void *(*take_job)(void *own);
	/* Does a job; the loop may have another leader meanwhile. */
	void (*work)(void *own, void *job);
	/* From any thread: ends the leader's waiting. */
	void (*rouse)(void *own);
};

struct crew *crew_new(const struct crew_loop *);
void crew_free(struct crew *);

/*
 * A thread joins the crew, until the loop has come to its end, or, unless it STAYS, until crew_dismiss(). There must be just one that
 * stays.
 */
void crew_run(struct crew *, bool stays);

/*
 * How many wait to follow: so many jobs can be begun now, however long they wait. With none, jobs have to wait, and `rouse` tells when
 * there is one. For the leader.
 */
unsigned crew_followers(struct crew *);

/* There will be no more jobs: as soon as those in hand are done, all leave but the one that stays. For the leader. */
void crew_dismiss(struct crew *);

/* Waits until they are dismissed and all jobs are done, at most until UNTIL (CLOCK_REALTIME): else false. */
bool crew_await_dismissal(struct crew *, const struct timespec *until);

#endif
