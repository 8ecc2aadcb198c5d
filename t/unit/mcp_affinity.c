/* SPDX-License-Identifier: Apache-2.0 */
/* Who keeps to which processor: processes that listen on one socket, and workers of a web server that connect to it. */
#include "config.h"

#include "mcp/affinity.h"

#include "base/log.h"

#include "tap.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_un address;
static socklen_t address_n = sizeof(address);
static int listener;
static int cpus[2]; /* that the test may use, and uses */
static int64_t now_ms = 1000;

static void listen_here(void)
{
	const struct sockaddr_un nameless = { .sun_family = AF_UNIX };

	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (listener < 0 || bind(listener, (const struct sockaddr *)&nameless, sizeof(sa_family_t)) || listen(listener, 16))
		abort();
	getsockname(listener, (struct sockaddr *)&address, &address_n);
}

static void keep_to(const int *cpu, unsigned n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (unsigned i = 0; i < n; i++)
		CPU_SET(cpu[i], &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		abort();
}

/* Two processors, whatever else there is. */
static bool has_two(void)
{
	cpu_set_t set;
	unsigned n = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[n++] = cpu;
	if (n == 2)
		keep_to(cpus, 2);
	return n == 2;
}

/* A process that listens as well; *CPU is what it has claimed. */
static pid_t sibling(int *cpu)
{
	struct affinity f;
	int said[2];
	pid_t pid;

	if (pipe(said))
		abort();
	pid = fork();
	if (!pid) {
		affinity_claim(&f, listener);
		if (write(said[1], &f.cpu, sizeof(f.cpu)) == sizeof(f.cpu))
			pause();
		_exit(1);
	}
	if (read(said[0], cpu, sizeof(*cpu)) != sizeof(*cpu))
		abort();
	close(said[0]);
	close(said[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A second later a worker connects, which keeps to the first N of CPU: whether its connection is ours to keep. */
static bool is_local(struct affinity *f, const int *cpu, unsigned n)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), ours;
	bool local;
	pid_t pid = fork();

	if (!pid) {
		keep_to(cpu, n);
		if (!connect(fd, (struct sockaddr *)&address, address_n))
			pause();
		_exit(1);
	}
	close(fd);
	ours = accept(listener, NULL, NULL);
	now_ms += 1000;
	local = affinity_is_local(f, ours, now_ms);
	close(ours);
	end(pid);
	return local;
}

/* The processors of a thread: a bit for each of the two. */
static unsigned mine(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		abort();
	return (CPU_ISSET(cpus[0], &set) ? 1 : 0) | (CPU_ISSET(cpus[1], &set) ? 2 : 0);
}

struct threads {
	struct affinity *affinity;
	unsigned before, kept, other, after; /* as in mine() */
	int kept_policy, other_policy, after_policy;
};

static void *elsewhere(void *own)
{
	struct threads *t = own;

	affinity_none();
	t->other = mine();
	t->other_policy = sched_getscheduler(0);
	return NULL;
}

static void *serve(void *own)
{
	struct threads *t = own;
	bool keeps = false;
	pthread_t other;

	t->before = mine();
	affinity_apply(t->affinity, &keeps);
	t->kept = mine();
	t->kept_policy = sched_getscheduler(0);
	if (pthread_create(&other, NULL, elsewhere, t))
		abort();
	pthread_join(other, NULL);
	affinity_release(t->affinity);
	affinity_apply(t->affinity, &keeps);
	t->after = mine();
	t->after_policy = sched_getscheduler(0);
	return NULL;
}

static void alone(void)
{
	struct affinity f;

	affinity_claim(&f, listener);
	is_int(f.cpu, cpus[0], "the first process claims the first processor");
	ok(is_local(&f, cpus + 1, 1), "while the other one is nobody's, it keeps connections from there");
	ok(is_local(&f, cpus, 1) && !f.is_kept, "and keeps to none");
	affinity_release(&f);
}

static void of_two(void)
{
	struct affinity f, third;
	int cpu;
	pid_t pid;

	affinity_claim(&f, listener);
	pid = sibling(&cpu);
	is_int(cpu, cpus[1], "the second process claims the second");
	ok(is_local(&f, cpus, 2) && !f.is_kept, "a web server that goes anywhere is served anywhere");
	ok(is_local(&f, cpus, 1), "the worker on its processor is its own");
	ok(f.is_kept, "... and it keeps to that processor");
	ok(!is_local(&f, cpus + 1, 1), "the worker on the other's is the other's");
	ok(is_local(&f, cpus, 2) && !f.is_kept, "a web server that goes anywhere from now on is served anywhere");
	ok(is_local(&f, cpus, 1) && f.is_kept, "... and one that keeps to a processor again is not");

	third = (struct affinity){ .cpu = -1 };
	end(pid);
	pid = fork();
	if (!pid) {
		affinity_claim(&third, listener);
		_exit(third.cpu == cpus[1] ? 0 : 1);
	}
	waitpid(pid, &cpu, 0);
	is_int(cpu, 0, "what a process had that was killed is the next one's");
	ok(is_local(&f, cpus + 1, 1), "when that has ended, too, its worker is the first's");
	ok(!f.is_kept, "... which keeps to none");
	affinity_release(&f);
}

static void of_three(void)
{
	struct affinity f;
	int first, second;
	pid_t one = sibling(&first), two = sibling(&second);

	affinity_claim(&f, listener);
	ok(first == cpus[0] && second == cpus[1] && f.cpu < 0, "a process more than there are processors has none");
	ok(!is_local(&f, cpus, 1) && !f.is_kept, "it keeps to none, and no connection of those that have a process");
	end(one);
	ok(is_local(&f, cpus, 1), "when one of these ends");
	ok(f.cpu == cpus[0] && f.is_kept, "... it takes its place");
	end(two);
	affinity_release(&f);
}

static void threads(void)
{
	struct affinity f;
	struct threads t = { .affinity = &f };
	pthread_t thread;
	pid_t pid;
	int cpu;

	affinity_claim(&f, listener);
	pid = sibling(&cpu);
	is_local(&f, cpus, 1);
	if (pthread_create(&thread, NULL, serve, &t))
		abort();
	pthread_join(thread, NULL);
	is_int(t.before, 3, "a thread goes anywhere");
	is_int(t.kept, 1, "... until it is told to keep to the processor");
	is_int(t.kept_policy, SCHED_BATCH, "... where it interrupts nobody");
	is_int(t.other, 3, "one that it makes need not");
	is_int(t.other_policy, SCHED_OTHER, "... and does as all do");
	is_int(t.after, 3, "when the processor is given back, it goes anywhere again");
	is_int(t.after_policy, SCHED_OTHER, "... and as all");
	ok(is_local(&f, cpus + 1, 1), "then connections are kept whose they are");
	end(pid);
}

/* As the kernel refuses it, say. */
static void refused(void)
{
	struct affinity f;
	bool keeps = false;

	affinity_claim(&f, listener);
	f.cpu = CPU_SETSIZE - 1;
	f.is_kept = true;
	affinity_apply(&f, &keeps);
	ok(!keeps && !f.is_kept && mine() == 3, "a thread that may not keep to a processor goes anywhere");
	ok(is_local(&f, cpus, 1) && !f.is_kept, "... and it is not tried again");
}

int main(void)
{
	log_init("affinity");
	listen_here();
	if (!has_two()) {
		ok(true, "there is one processor: nothing to share");
		return done();
	}
	alone();
	of_two();
	of_three();
	threads();
	refused();
	return done();
}
