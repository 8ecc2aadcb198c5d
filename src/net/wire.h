/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A POST over plain http to an upstream, and its answer, without libcurl: what the gateway does most, where a call to a server
 * nearby would cost more in libcurl than in the server. libcurl still makes the connection (transfer_connect()), with its names,
 * addresses and the guard; all that is not a POST over plain http is libcurl's altogether.
 *
 * What must hold: a request is sent once, whatever becomes of it. A connection is used again only if its last exchange came to its
 * clean end, nothing was sent that was not asked for, and it is one of the same upstream, scheme, host and port; not if it was idle
 * for TRANSFER_IDLE_S, or is older than TRANSFER_CONNECTION_S.
 *
 * Nothing blocks. Whoever calls owns the epoll instance, and hands each event with a tag of wire_of_tag() to wire_event(). The
 * callbacks of a transfer are called as libcurl would; none of them may call a function of this file.
 */
#ifndef GATEHOUSE_NET_WIRE_H
#define GATEHOUSE_NET_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/transfer.h"

struct wire;

/* For all wires of one epoll instance; zeroed but for `epoll`. */
struct wire_room {
	int epoll;
	struct wire *dead; /* an event that was fetched already may name them: wires_bury() */
	struct buf head;   /* of the request that is being sent */
};

/* The connections that may stand in for each other: those of one upstream. Zeroed but for `room`. */
struct wires {
	struct wire_room *room;
	struct wire *idle;
	unsigned idle_n, idle_max;
};

void wire_room_init(struct wire_room *, int epoll);
void wire_room_release(struct wire_room *);

/* Frees what has ended, when no event that may name it is left. */
void wires_bury(struct wire_room *);
void wires_close_idle(struct wires *);

enum wire_way {
	WIRE_NOT = 0,    /* it is libcurl's */
	WIRE_UNCONNECTED, /* once libcurl has made a connection: wire_new() */
	WIRE_SENT,       /* on one that was there: *W */
};

/* Begins a transfer, which has to stay until wire_give(). NOW_MS on clock_ms(), here and below. */
enum wire_way wire_begin(struct wires *, struct transfer *, int64_t now_ms, struct wire **w);

/* Begins it on a new connection, non-blocking, which is the wire's from here on. */
struct wire *wire_new(struct wires *, struct transfer *, int fd, int64_t now_ms);

/* The wire of an event's tag; NULL: the tag is another's. */
struct wire *wire_of_tag(uint64_t tag);

/*
 * What has happened to it. True: the exchange is over, in the way that *CODE says, which is for transfer_fault(); of which transfer says
 * wire_transfer().
 */
bool wire_event(struct wire *, uint32_t events, CURLcode *code);

/* After a callback said CURL_WRITEFUNC_PAUSE: it takes more. As wire_event(). */
bool wire_go_on(struct wire *, CURLcode *code);

struct transfer *wire_transfer(const struct wire *);

/* The transfer needs it no more: it is kept if it is clean, and else closed. */
void wire_give(struct wire *, int64_t now_ms);

#endif
