/* SPDX-License-Identifier: Apache-2.0 */
/* Connections on their way in. */
#include "config.h"

#include "mcp/door.h"

#include "base/arena.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	TAG = 4,           /* in an epoll tag, beside a guest's address, or alone: the socket's */
	ADMITTED = 8,      /* connections in one turn: an answer waits no longer than they take */
	PATIENCE_MS = 200, /* for a body */
	SILENCE_MS = 30000, /* for a request */
	LINGER_MS = 5000   /* for a web server to close what it was asked to */
};

struct guest {
	struct guest *next, **at; /* `at`: of those that are coming, or kept */
	struct door *door;
	struct io *io;
	int64_t since_ms;
	bool coming, kept; /* which of the lists it is on */
	bool armed;        /* its next event comes */
	bool told;         /* the web server was asked to close it */
	bool gone;
	bool stays;        /* it may be kept: no other process is nearer */
};

void door_open(struct door *d)
{
	d->listener = io_listen(-1);
	if (d->listener)
		affinity_claim(&d->affinity, IO_LISTEN_FD);
	d->at_once = 1;
	d->last = &d->here;
	pthread_mutex_init(&d->lock, NULL);
}

/*
 * The kernel tells one process of a connection, not all that listen. Whoever was told has to take one, and nobody is told who is not
 * waiting at that moment: so it is changed at any time but while one waits.
 */
static void listen_if(struct door *d, bool on)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.u64 = TAG };

	if (on != d->listening && !epoll_ctl(d->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, IO_LISTEN_FD, &event))
		d->listening = on;
}

void door_listen(struct door *d, unsigned hands)
{
	d->hands = hands;
	listen_if(d, hands && d->listener && !d->shut && !d->pauses);
}

/* ---- those who come */

static void join(struct guest **list, struct guest *g)
{
	g->next = *list;
	g->at = list;
	if (g->next)
		g->next->at = &g->next;
	*list = g;
}

static void leave(const struct guest *g)
{
	*g->at = g->next;
	if (g->next)
		g->next->at = g->at;
}

bool door_watch(int epoll, const struct io *io, struct epoll_event *event)
{
	return !epoll_ctl(epoll, EPOLL_CTL_MOD, io_fd(io), event) || (errno == ENOENT && !epoll_ctl(epoll, EPOLL_CTL_ADD, io_fd(io), event));
}

/* For one event: who is served then need not be taken out. */
static bool watch(const struct door *d, struct guest *g)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.u64 = (uint64_t)(uintptr_t)g | TAG };

	g->armed = true;
	return door_watch(d->epoll, g->io, &event);
}

/* Even one that is watched for nothing is told of when it is closed, time and again. */
static void disarm(const struct door *d, struct guest *g)
{
	if (g->armed)
		epoll_ctl(d->epoll, EPOLL_CTL_DEL, io_fd(g->io), NULL);
	g->armed = false;
}

/* Others may bring connections back at the same time. */
static void unkeep(struct door *d, struct guest *g)
{
	pthread_mutex_lock(&d->lock);
	leave(g);
	pthread_mutex_unlock(&d->lock);
	g->kept = false;
}

/* To those that somebody is to serve. */
static void let_in(struct door *d, struct guest *g)
{
	disarm(d, g);
	if (g->kept)
		unkeep(d, g);
	else if (g->coming)
		leave(g);
	g->coming = false;
	g->next = NULL;
	*d->last = g;
	d->last = &g->next;
}

/* Not all of the request is there. */
static void wait_for(struct door *d, struct guest *g, int64_t now_ms)
{
	if (!g->armed)
		watch(d, g);
	if (g->coming || (g->kept && !io_has_begun(g->io)))
		return;
	if (g->kept) {
		unkeep(d, g);
		g->since_ms = now_ms;
	}
	g->coming = true;
	join(&d->coming, g);
}

static void advance(struct door *d, struct guest *g, int64_t now_ms)
{
	switch (io_advance(g->io)) {
	case IO_COMING:
		wait_for(d, g, now_ms);
		return;
	case IO_GONE:
		g->gone = true;
		break;
	case IO_HERE:
	case IO_LARGE:
		break;
	}
	let_in(d, g);
}

bool door_event(struct door *d, uint64_t tag, int64_t now_ms)
{
	if ((tag & (TAG | 3)) != TAG)
		return false;
	if (tag == TAG) {
		d->knocked = true;
	} else {
		struct guest *g = (struct guest *)(uintptr_t)(tag & ~(uint64_t)TAG);

		g->armed = false;
		advance(d, g, now_ms);
	}
	return true;
}

/* ---- those that the web server keeps */

static bool wants(void *own)
{
	const struct door *d = own;

	return !atomic_load(&d->shut);
}

/* Whoever runs the loop may hear of it as soon as it is watched. */
static bool keep(void *own, struct io *io)
{
	struct door *d = own;
	struct guest *g = xcalloc(1, sizeof(*g));
	bool kept;

	*g = (struct guest){ .door = d, .io = io, .kept = true, .stays = true };
	pthread_mutex_lock(&d->lock);
	kept = !atomic_load(&d->shut) && watch(d, g);
	if (kept)
		join(&d->kept, g);
	pthread_mutex_unlock(&d->lock);
	if (!kept)
		free(g);
	return kept;
}

static void dismiss(struct door *d, struct guest *g)
{
	unkeep(d, g);
	io_end(g->io);
	free(g);
}

/* Asks the web server to close what it keeps and does not use; it may still send a request, which is served. */
static void say_farewell(struct door *d, int64_t now_ms)
{
	pthread_mutex_lock(&d->lock);
	for (struct guest *g = d->kept; g; g = g->next) {
		if (g->told)
			continue;
		io_farewell(g->io);
		g->told = true;
		g->since_ms = now_ms;
	}
	pthread_mutex_unlock(&d->lock);
}

/* Others may bring more of them meanwhile, before the first. Not before the events of a batch: they may name a guest. */
static void dismiss_told(struct door *d, int64_t now_ms)
{
	struct guest *g, *next;

	pthread_mutex_lock(&d->lock);
	g = d->kept;
	pthread_mutex_unlock(&d->lock);
	for (; g; g = next) {
		next = g->next;
		if (!g->told || now_ms - g->since_ms < LINGER_MS)
			continue;
		advance(d, g, now_ms);
		if (g->kept)
			dismiss(d, g);
	}
}

/* ---- turns */

/* After the events of a batch. Too many open files, say: the connection stays queued; trying at once would spin. */
static void admit_failed(struct door *d, int64_t now_ms)
{
	if (errno == EAGAIN)
		return;
	log_error(NULL, "cannot accept a connection", "error", strerror(errno), NULL);
	d->pauses = true;
	say_farewell(d, now_ms);
	dismiss_told(d, now_ms); /* there is no room yet */
}

/* As many as wait, by experience: finding out that there are no more costs as much as one. */
void door_admit(struct door *d, int64_t now_ms)
{
	struct guest *all = NULL, **last = &all, *g;
	bool stay = true;
	const unsigned most = d->at_once < d->hands ? d->at_once : d->hands;
	unsigned n = 0;
	struct io *io = NULL;

	if (!d->knocked)
		return;
	d->knocked = false;
	while (n < most && (io = io_accept_now(d->listener))) {
		g = *last = xcalloc(1, sizeof(*g));
		g->io = io;
		g->door = d;
		g->since_ms = now_ms;
		g->stays = affinity_is_local(&d->affinity, io_fd(io), now_ms);
		stay &= g->stays;
		last = &g->next;
		n++;
	}
	if (!stay) /* whoever listened first is told first: now we are the last */
		listen_if(d, false);
	if (!io)
		admit_failed(d, now_ms);
	if (!io)
		d->at_once = n ? n : 1;
	else if (n == d->at_once && n < ADMITTED)
		d->at_once = 2 * n;
	while ((g = all)) { /* which gave the web server time to send the first one's request */
		all = g->next;
		advance(d, g, now_ms);
	}
}

/* Who has knocked already is let in. */
void door_shut(struct door *d, int64_t now_ms)
{
	pthread_mutex_lock(&d->lock);
	atomic_store(&d->shut, true);
	pthread_mutex_unlock(&d->lock);
	listen_if(d, false);
	affinity_release(&d->affinity);
	say_farewell(d, now_ms);
}

void door_release(struct door *d)
{
	while (d->kept)
		dismiss(d, d->kept);
	pthread_mutex_destroy(&d->lock);
	io_listener_free(d->listener);
}

void door_check(struct door *d, int64_t now_ms)
{
	struct guest *next;

	d->pauses = false;
	for (struct guest *g = d->coming; g; g = next) {
		next = g->next;
		if (now_ms - g->since_ms < PATIENCE_MS)
			continue;
		g->gone = now_ms - g->since_ms >= SILENCE_MS;
		if (g->gone || *io_params(g->io)) /* there is none until all have come */
			let_in(d, g);
	}
	if (d->shut)
		dismiss_told(d, now_ms);
}

bool door_waits(const struct door *d)
{
	return d->coming || d->pauses || (d->shut && d->kept);
}

bool door_is_done(const struct door *d)
{
	return d->shut && !d->coming && !d->here && !d->kept;
}

bool door_has(const struct door *d)
{
	return d->here;
}

struct guest *door_take(struct door *d)
{
	struct guest *g = d->here;

	d->here = g->next;
	if (!d->here)
		d->last = &d->here;
	return g;
}

struct io *guest_io(struct guest *g, bool *is_gone)
{
	struct io *io = g->io;

	static const struct io_keeper keeper = { wants, keep };

	*is_gone = g->gone;
	if (g->stays)
		io_on_kept(io, &keeper, g->door);
	free(g);
	return io;
}
