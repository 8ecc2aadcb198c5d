/* SPDX-License-Identifier: Apache-2.0 */
/* Who keeps to which processor. */
#include "config.h"

#include "mcp/affinity.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LOOK_MS = 1000 }; /* processes come and go */

/* The first thread keeps to nothing. */
static bool allowed_to_process(cpu_set_t *cpus)
{
	return !sched_getaffinity(getpid(), sizeof(*cpus), cpus);
}

static struct flock lock_of(int cpu, short type)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = cpu, .l_len = 1 };
}

static bool is_claimed(const struct affinity *f, int cpu)
{
	struct flock lock = lock_of(cpu, F_WRLCK);

	return cpu == f->cpu || (!fcntl(f->listener, F_GETLK, &lock) && lock.l_type != F_UNLCK);
}

static void claim(struct affinity *f)
{
	for (int cpu = 0; f->cpu < 0 && cpu < CPU_SETSIZE; cpu++) {
		struct flock lock = lock_of(cpu, F_WRLCK);

		if (CPU_ISSET(cpu, &f->allowed) && !fcntl(f->listener, F_SETLK, &lock))
			f->cpu = cpu;
	}
}

void affinity_claim(struct affinity *f, int listener)
{
	*f = (struct affinity){ .listener = listener, .cpu = -1 };
	f->is_over = !allowed_to_process(&f->allowed); /* more than a set can tell */
	if (!f->is_over)
		claim(f);
}

void affinity_release(struct affinity *f)
{
	struct flock lock = lock_of(f->cpu, F_UNLCK);

	if (f->cpu >= 0)
		fcntl(f->listener, F_SETLK, &lock);
	f->cpu = -1;
	f->is_over = true;
	f->is_kept = false;
}

/* Once a second. */
static void look(struct affinity *f, int64_t now_ms)
{
	if (f->looked_ms && now_ms - f->looked_ms < LOOK_MS)
		return;
	f->looked_ms = now_ms;
	f->peer = 0;
	claim(f);
	f->is_complete = true;
	for (int cpu = 0; f->is_complete && cpu < CPU_SETSIZE; cpu++)
		f->is_complete = !CPU_ISSET(cpu, &f->allowed) || is_claimed(f, cpu);
	f->is_kept &= f->is_complete;
}

/* The processor that a process keeps to; -1: to none, or nobody knows. */
static int cpu_of(pid_t pid)
{
	cpu_set_t cpus;
	int cpu = 0;

	if (sched_getaffinity(pid, sizeof(cpus), &cpus) || CPU_COUNT(&cpus) != 1)
		return -1;
	while (!CPU_ISSET(cpu, &cpus))
		cpu++;
	return cpu;
}

/* That of the process at the other end, where web servers make a connection for each call: mostly the one before. */
static int cpu_of_peer(struct affinity *f, int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) || peer.pid <= 0)
		return -1;
	if (peer.pid != f->peer) {
		f->peer = peer.pid;
		f->peer_cpu = cpu_of(peer.pid);
	}
	return f->peer_cpu;
}

bool affinity_is_local(struct affinity *f, int fd, int64_t now_ms)
{
	int cpu;

	if (f->is_over)
		return true;
	look(f, now_ms);
	if (!f->is_complete)
		return true;
	cpu = cpu_of_peer(f, fd);
	f->is_kept = cpu >= 0 && f->cpu >= 0; /* as the web server does now: its configuration may have changed */
	return cpu < 0 || cpu == f->cpu || !is_claimed(f, cpu);
}

/*
 * Threads of a processor that wake each other are to take turns there, and not to interrupt each other for one call out of several:
 * SCHED_BATCH waits until who runs is done. As long as the operator has no other policy for the process, which it keeps.
 */
static void take_turns(bool on)
{
	const struct sched_param none = { .sched_priority = 0 };

	if (sched_getscheduler(getpid()) == SCHED_OTHER)
		sched_setscheduler(0, on ? SCHED_BATCH : SCHED_OTHER, &none);
}

void affinity_apply(struct affinity *f, bool *keeps)
{
	cpu_set_t one;

	if (*keeps == f->is_kept)
		return;
	*keeps = f->is_kept;
	CPU_ZERO(&one);
	if (f->is_kept)
		CPU_SET(f->cpu, &one);
	if (!sched_setaffinity(0, sizeof(one), f->is_kept ? &one : &f->allowed)) {
		take_turns(f->is_kept);
		return;
	}
	log_warn(NULL, "a thread may not keep to a processor, and calls take longer: allow mcp.fcgi sched_setaffinity", "error",
	    strerror(errno), NULL);
	*keeps = false;
	affinity_release(f);
}

void affinity_none(void)
{
	cpu_set_t cpus;

	if (allowed_to_process(&cpus))
		sched_setaffinity(0, sizeof(cpus), &cpus);
	take_turns(false);
}
