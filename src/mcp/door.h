/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening socket, and the connections whose request has not come yet, in the epoll instance of a loop. What is here belongs to
 * whoever runs the loop.
 *
 * A request is waited for here until all of it has come, or a little while: what is slow then is a thread's, which reads it with its own
 * limits. A connection that brings nothing holds a descriptor for half a minute, and never a thread.
 *
 * A connection that the web server wants to keep (FCGI_KEEP_CONN) comes back when its request is answered, in any thread, and waits here
 * for the next one, for as long as the web server likes. We do not close it in its face: it may send that request at this very moment,
 * and cannot know whether it was seen. Where we have to, for the process ends or there are no more descriptors, the web server is asked
 * to close it, and a request that it sends all the same is served. Only what is still there five seconds later is closed.
 */
#ifndef GATEHOUSE_MCP_DOOR_H
#define GATEHOUSE_MCP_DOOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "http/io.h"
#include "mcp/affinity.h"

/* Somebody at the door. */
struct guest;

/* Zeroed but for `epoll`. */
struct door {
	int epoll;
	struct io_listener *listener; /* NULL: there is none, or it was never opened */
	struct affinity affinity; /* of the process, if there is a listener */
	bool listening, knocked, pauses;
	unsigned hands;        /* threads that could serve a connection now */
	unsigned at_once;      /* connections that are taken in one turn, if there are as many hands */
	struct guest *coming;  /* some of the request is there, or it is the connection's first */
	struct guest *here, **last;

	pthread_mutex_t lock; /* for what follows; taken last of all locks */
	atomic_bool shut;     /* written by whoever runs the loop */
	struct guest *kept;
};

/* Whether there is a listening socket, `listener` tells. */
void door_open(struct door *);
/* Takes no more of them; those that were taken go on. NOW_MS on clock_ms(), here and below. */
void door_shut(struct door *, int64_t now_ms);
/* No thread may have a connection of its any more. */
void door_release(struct door *);

/* Takes no more connections at once than there are HANDS to serve them; with none it does not listen. */
void door_listen(struct door *, unsigned hands);

/* Whether an event's tag (epoll's `data.u64`) is the door's; then it is told. */
bool door_event(struct door *, uint64_t tag, int64_t now_ms);
/* After the events of a batch: takes the connections that wait. */
void door_admit(struct door *, int64_t now_ms);
/* From time to time; not before the events of a batch. */
void door_check(struct door *, int64_t now_ms);

/* Whether a connection is watched for which door_check() has to be called. */
bool door_waits(const struct door *);
/* It is shut, and nobody is left. */
bool door_is_done(const struct door *);

/* Whether a request is there, and: the one that is. */
bool door_has(const struct door *);
struct guest *door_take(struct door *);
/*
 * In any thread: has EPOLL look at a connection that was handed out, for EVENT. The descriptor may still be registered for the door, which
 * no longer listens to it. False: errno says why.
 */
bool door_watch(int epoll, const struct io *, struct epoll_event *);

/* In any thread: frees it, and hands its connection out. IS_GONE: nothing is to be done but io_end(), which may block. */
struct io *guest_io(struct guest *, bool *is_gone);

#endif
