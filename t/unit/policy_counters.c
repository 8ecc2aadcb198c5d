/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted is not forgotten for what else is; and nobody waits where there is no thread. The database is away. */
#include "config.h"

#include "policy/counters.h"

#include "base/log.h"
#include "db/db.h"

#include "tap.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MINUTE_MS = 60000, MANY = 40000, ALIKE = 1000 };

static int taken, full, none;

/* The Ith of keys that begin alike, as whoever has names to choose can make them. */
static enum counters_answer take(int i, int64_t allowed)
{
	unsigned char key[HASH_LEN] = { 0 };
	int64_t wait;

	memcpy(key + 2, &i, sizeof(i));
	return counters_take(key, MINUTE_MS, 1, allowed, &wait);
}

static void count(int n)
{
	taken = full = none = 0;
	for (int i = 0; i < n; i++)
		switch (take(i, 1)) {
		case COUNTERS_TAKEN:
			taken++;
			break;
		case COUNTERS_FULL:
			full++;
			break;
		case COUNTERS_NONE:
			none++;
		}
}

static void places(void)
{
	is_int(take(0, 0), COUNTERS_FULL, "what allows nothing is full");
	count(ALIKE);
	ok(taken > ALIKE / 2, "names that were chosen to share a place do not");
	count(MANY);
	ok(taken && none, "what has no place is for the database");
	count(MANY);
	is_int(taken, 0, "nothing is forgotten that others may have their place");
	ok(full > ALIKE / 2, "but remembered");
}

static bool no_thread;

/* In the place of the library's. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *own)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = NULL;

	if (no_thread)
		return EAGAIN;
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	return real(thread, attr, run, own);
}

static int lines_with(FILE *in, const char *text)
{
	char line[1024];
	int n = 0;

	rewind(in);
	while (fgets(line, sizeof(line), in))
		n += strstr(line, text) != NULL;
	return n;
}

/* In a process of its own, which is open anew. */
static void without_thread(struct db *db)
{
	char path[] = "/tmp/gatehouse-counters-XXXXXX";
	int fd = mkstemp(path), status = 0;
	const unsigned char key[HASH_LEN] = { 0 };
	FILE *in = fdopen(fd, "r");
	pid_t child = fork();

	if (!child) {
		no_thread = true;
		log_open(path);
		counters_open(db);
		status = take(0, 1) == COUNTERS_NONE ? 0 : 1;
		counters_settle(db, key, "2026-11-27 00:00:00+00", 1);
		counters_settle(db, key, "2026-11-27 00:00:00+00", 1);
		_exit(status);
	}
	waitpid(child, &status, 0);
	is_int(status, 0, "without a thread the database counts");
	is_int(lines_with(in, "quotas are not corrected"), 1, "that quotas are not corrected is said once");
	is_int(lines_with(in, "a quota is not settled"), 0, "and the database is not waited for");
	unlink(path);
	fclose(in);
}

int main(void)
{
	struct db *db = db_open(&(struct db_options){ .conninfo = "host=/nonexistent", .program = "mcp" });

	without_thread(db);
	counters_open(db);
	places();
	counters_close();
	db_close(db);
	return done();
}
