/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads for what must not run in the relay's: at most so many, made as they are needed. Work is done in the order
 * in which it comes, but that no lane has more than half of the threads: one that hangs leaves room for the others.
 */
#ifndef GATEHOUSE_MCP_WORKERS_H
#define GATEHOUSE_MCP_WORKERS_H

struct workers;

/* A piece of work; it is the caller's, and stays until RUN has returned. */
struct work {
	void (*run)(void *own);
	void *own;
	const char *lane; /* whose work it is: a route's operationId; stays as long as the work */
	struct work *next; /* private */
};

/* NAME (15 bytes) is the threads'. MAX: at most so many. */
struct workers *workers_new(const char *name, unsigned max);
/* From any thread. Never fails: without any thread the process ends. */
void workers_add(struct workers *, struct work *);
/* Does what is still there, then ends the threads. */
void workers_free(struct workers *);

#endif
