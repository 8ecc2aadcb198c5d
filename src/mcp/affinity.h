/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A processor for each of several processes, beside a web server whose workers keep to one each (nginx: worker_cpu_affinity). A process then
 * keeps to its own as well, and to connections of the worker that is there: what the two have for each other stays in that processor's caches,
 * no other is waked for it, and each finds several things to do when its turn comes.
 *
 * Processes agree by locks on the socket on which they all listen, at the byte of the processor's number: nobody else has that socket, and
 * the kernel takes them from a process that ends. Nobody keeps to anything while there is a processor without a process, or the web server's
 * workers go anywhere.
 *
 * It belongs to whoever runs the loop.
 */
#ifndef GATEHOUSE_MCP_AFFINITY_H
#define GATEHOUSE_MCP_AFFINITY_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct affinity {
	int listener;      /* a descriptor */
	cpu_set_t allowed; /* to this process */
	int cpu;           /* that is this process's; -1: none */
	bool is_complete;  /* each processor is a process's */
	bool is_kept;      /* its threads are to keep to it */
	bool is_over;      /* the process ends, or its threads may not keep to any */
	int64_t looked_ms;
	pid_t peer;        /* whose connection came last; 0: none since then */
	int peer_cpu;
};

/* Claims a processor of those that are allowed to the process, if one is left. LISTENER is the listening socket, which is never closed. */
void affinity_claim(struct affinity *, int listener);
/* Gives it back, for good. */
void affinity_release(struct affinity *);

/*
 * A connection has come (FD), at NOW_MS on clock_ms(): whether it is for this process to keep. False: its other end keeps to a processor
 * that is another process's. Whether threads are to keep to a processor follows the newest connection.
 */
bool affinity_is_local(struct affinity *, int fd, int64_t now_ms);

/* The calling thread keeps to the processor, where it interrupts nobody, or no longer. KEEPS is its own, and false at first. */
void affinity_apply(struct affinity *, bool *keeps);

/* In a thread that one of those has made: it goes wherever the process may. */
void affinity_none(void);

#endif
