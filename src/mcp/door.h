/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listening socket, and the connections whose request has not come yet, in the epoll instance of a loop. What is here belongs to
 * whoever runs the loop.
 *
 * A request is waited for here until all of it has come, or a little while: what is slow then is a thread's, which reads it with its own
 * limits. A connection that brings nothing holds a descriptor for half a minute, and never a thread.
 */
#ifndef GATEHOUSE_MCP_DOOR_H
#define GATEHOUSE_MCP_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "http/io.h"

/* Somebody at the door. */
struct guest;

/* Zeroed but for `epoll`. */
struct door {
	int epoll;
	struct io_listener *listener; /* NULL: there is none, or it was never opened */
	bool listening, shut, knocked, pauses;
	unsigned hands;        /* threads that could serve a connection now */
	unsigned at_once;      /* connections that are taken in one turn, if there are as many hands */
	struct guest *coming, *here, **last;
};

/* Whether there is a listening socket, `listener` tells. */
void door_open(struct door *);
/* Takes no more of them; those that were taken go on. */
void door_shut(struct door *);
void door_release(struct door *);

/* Takes no more connections at once than there are HANDS to serve them; with none it does not listen. */
void door_listen(struct door *, unsigned hands);

/* Whether an event's tag (epoll's `data.u64`) is the door's; then it is told. */
bool door_event(struct door *, uint64_t tag);
/* After the events of a batch: takes the connections that wait. NOW_MS on clock_ms(), here and below. */
void door_admit(struct door *, int64_t now_ms);
/* From time to time. */
void door_check(struct door *, int64_t now_ms);

/* Whether a connection is watched for which door_check() has to be called. */
bool door_waits(const struct door *);
/* It is shut, and nobody is left. */
bool door_is_done(const struct door *);

/* Whether a request is there, and: the one that is. */
bool door_has(const struct door *);
struct guest *door_take(struct door *);
/* In any thread: frees it, and hands its connection out. IS_GONE: nothing is to be done but io_end(), which may block. */
struct io *guest_io(struct guest *, bool *is_gone);

#endif
