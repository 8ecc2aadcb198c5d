/* SPDX-License-Identifier: Apache-2.0 */
/* The crew: whatever a job does, there is a thread for the loop, and no job is lost. */
#include "config.h"

#include "mcp/crew.h"

#include "base/may_block.h"

#include "tap.h"

#include <pthread.h>
#include <time.h>

enum { FOLLOWERS = 2, MANY = 1000, PATIENCE_S = 60 };

enum kind { QUICK, SAYS, SAYS_NOTHING };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static struct crew *crew;
static enum kind jobs[2 * MANY];
static int jobs_n, taken, begun, done_n, out_of_order;
static int events, seen;
static bool roused, over, gate;

/* ---- the loop: all it does is to see events */

static bool turn(void *own)
{
	bool is_short = !crew_followers(crew), goes_on;

	(void)own;
	pthread_mutex_lock(&lock);
	while (events == seen && (is_short || jobs_n == taken) && !roused && !over)
		pthread_cond_wait(&change, &lock);
	roused = false;
	seen = events;
	goes_on = !over;
	pthread_cond_broadcast(&change);
	pthread_mutex_unlock(&lock);
	return goes_on;
}

static bool has_job(void *own)
{
	bool has;

	(void)own;
	pthread_mutex_lock(&lock);
	has = jobs_n > taken;
	pthread_mutex_unlock(&lock);
	return has;
}

static void *take_job(void *own)
{
	enum kind *job;

	(void)own;
	pthread_mutex_lock(&lock);
	job = &jobs[taken++];
	pthread_mutex_unlock(&lock);
	return job;
}

static void work(void *own, void *job)
{
	const enum kind kind = *(enum kind *)job;

	(void)own;
	pthread_mutex_lock(&lock);
	if (kind == QUICK && (enum kind *)job != &jobs[begun])
		out_of_order++;
	begun++;
	pthread_cond_broadcast(&change);
	pthread_mutex_unlock(&lock);
	if (kind == SAYS)
		may_block();
	pthread_mutex_lock(&lock);
	while (kind != QUICK && !gate)
		pthread_cond_wait(&change, &lock);
	done_n++;
	pthread_cond_broadcast(&change);
	pthread_mutex_unlock(&lock);
}

static void rouse(void *own)
{
	(void)own;
	pthread_mutex_lock(&lock);
	roused = true;
	pthread_cond_broadcast(&change);
	pthread_mutex_unlock(&lock);
}

/* ---- the test's */

static struct timespec in(int seconds)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += seconds;
	return t;
}

/* Whether a counter gets as far. */
static bool reaches(const int *counter, int n)
{
	const struct timespec until = in(PATIENCE_S);
	bool there;

	pthread_mutex_lock(&lock);
	while (*counter < n && !pthread_cond_timedwait(&change, &lock, &until))
		;
	there = *counter >= n;
	pthread_mutex_unlock(&lock);
	return there;
}

static void post(enum kind kind)
{
	pthread_mutex_lock(&lock);
	jobs[jobs_n++] = kind;
	pthread_cond_broadcast(&change);
	pthread_mutex_unlock(&lock);
}

static bool sees_event(void)
{
	int n;

	pthread_mutex_lock(&lock);
	n = ++events;
	pthread_cond_broadcast(&change);
	pthread_mutex_unlock(&lock);
	return reaches(&seen, n);
}

static void set(bool *what, bool value)
{
	pthread_mutex_lock(&lock);
	*what = value;
	pthread_cond_broadcast(&change);
	pthread_mutex_unlock(&lock);
}

static int value(const int *counter)
{
	int n;

	pthread_mutex_lock(&lock);
	n = *counter;
	pthread_mutex_unlock(&lock);
	return n;
}

static void *follow(void *own)
{
	(void)own;
	crew_run(crew, false);
	return NULL;
}

static void *stay(void *own)
{
	(void)own;
	crew_run(crew, true);
	return NULL;
}

static void test_jobs_that_hang(void)
{
	ok(reaches(&done_n, 1), "it is begun when somebody is there for the loop");
	post(SAYS_NOTHING);
	ok(reaches(&begun, 2), "a job is begun");
	ok(sees_event(), "it takes long and has not said so: the loop goes on");
	post(SAYS);
	ok(reaches(&begun, 3), "another is begun meanwhile");
	ok(sees_event(), "it has said that it may wait: the loop goes on");
	post(QUICK);
	ok(sees_event() && sees_event(), "all threads but one are at jobs: the loop goes on");
	is_int(value(&begun), 3, "... and the third job waits for one of them");
	set(&gate, true);
	ok(reaches(&done_n, 4), "it is done as soon as one comes back");
}

static void test_many(void)
{
	int before = value(&done_n);

	for (int i = 0; i < MANY; i++) {
		post(QUICK);
		if (i % 100 == 0)
			sees_event();
	}
	ok(reaches(&done_n, before + MANY), "many jobs are done");
	is_int(value(&out_of_order), 0, "... in their order");
	ok(sees_event(), "... and events are seen");
}

static void test_dismissal(pthread_t *followers)
{
	struct timespec at_once = { .tv_sec = 0 }, later;
	int before = value(&begun);

	set(&gate, false);
	post(SAYS);
	ok(reaches(&begun, before + 1), "a job is in hand");
	ok(!crew_await_dismissal(crew, &at_once), "nobody is dismissed yet");
	crew_dismiss(crew);
	ok(!crew_await_dismissal(crew, &at_once), "they are, but the job is not done");
	ok(sees_event(), "... and the loop goes on");
	set(&gate, true);
	clock_gettime(CLOCK_REALTIME, &later);
	later.tv_sec += PATIENCE_S;
	ok(crew_await_dismissal(crew, &later), "it is done");
	for (int i = 0; i < FOLLOWERS; i++) {
		rouse(NULL);
		pthread_join(followers[i], NULL);
	}
	ok(sees_event(), "one is left for the loop");
}

/* The one that stays is at a job when all others are dismissed. */
static void test_dismissal_meanwhile(const struct crew_loop *loop)
{
	pthread_t stayer, followers[FOLLOWERS];
	struct timespec later = { .tv_sec = 0 };
	int before = value(&begun);

	set(&over, false);
	set(&gate, false);
	crew = crew_new(loop);
	pthread_create(&stayer, NULL, stay, NULL);
	sees_event();
	post(SAYS);
	for (int i = 0; i < FOLLOWERS; i++)
		pthread_create(&followers[i], NULL, follow, NULL);
	ok(reaches(&begun, before + 1), "the one that stays is at a job");
	crew_dismiss(crew);
	ok(sees_event() && sees_event(), "... and all others are dismissed: the loop goes on");
	set(&gate, true);
	clock_gettime(CLOCK_REALTIME, &later);
	later.tv_sec += PATIENCE_S;
	ok(crew_await_dismissal(crew, &later), "it is done");
	for (int i = 0; i < FOLLOWERS; i++)
		pthread_join(followers[i], NULL);
	ok(sees_event(), "the others have left, and it has the loop");
	set(&over, true);
	pthread_join(stayer, NULL);
	crew_free(crew);
}

int main(void)
{
	const struct crew_loop loop = { .turn = turn, .has_job = has_job, .take_job = take_job, .work = work, .rouse = rouse };
	pthread_t stayer, followers[FOLLOWERS];

	may_block(); /* of a thread on which nobody depends */
	crew = crew_new(&loop);
	pthread_create(&stayer, NULL, stay, NULL);
	post(QUICK);
	ok(sees_event() && sees_event(), "one thread alone runs the loop");
	is_int(value(&begun), 0, "... and begins no job");
	for (int i = 0; i < FOLLOWERS; i++)
		pthread_create(&followers[i], NULL, follow, NULL);
	test_jobs_that_hang();
	test_many();
	test_dismissal(followers);
	set(&over, true);
	pthread_join(stayer, NULL);
	crew_free(crew);
	test_dismissal_meanwhile(&loop);
	return done();
}
