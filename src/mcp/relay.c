/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay's loop: epoll over the inbox, the upstreams' connections, libcurl's or our own (net/wire.h), the clients', and those on which
 * requests are on their way (mcp/door.h).
 *
 * Three rules keep one call from hurting the others. Nothing blocks: a client that does not read
 * pauses its transfer, and one that never reads is cut off. Nothing is held: a piece of an event stream is
 * flushed as it comes. Nothing is freed while the batch of events that names it is being
 * worked through: ended calls wait in `dead` until the end of the turn.
 *
 * "The relay's thread" is the one that leads at the moment (mcp/crew.h): between two turns it serves the requests that are there. The
 * state belongs to whoever holds `turns`: that thread, in its turn, but while it waits for events. Otherwise a thread that submits a call
 * may begin it at once: the leader itself between two turns, or one that gave the lead up, which saves threads from waking each other.
 * What comes of the call is the leader's.
 */
#include "config.h"

#include "mcp/relay.h"

#include "base/clock.h"
#include "base/log.h"
#include "mcp/crew.h"
#include "mcp/door.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	OWN_HEAD_BYTES = 2048, /* what we may add to an upstream's head: a sealed session id, CORS */
	HOPS = 5,             /* transfers per call */
	TICK_MS = 250,        /* how often silences are looked at, and how late a client's leaving is seen */
	DRAIN_MS = 30000,     /* for a client to take the rest of its answer */
	IDLE_HANDLES = 64,    /* kept for reuse */
	IDLE_MS = 2000,       /* without a call, until memory is given back */
	IDLE_CONNECTIONS = 256, /* per lane */
	EVENTS = 6, /* in one turn: with more, web server and upstream stand idle until all are worked through, and then have all at once */
	EVENTS_ALONE = 16 /* where the web server's worker waits for our processor anyway (mcp/affinity.h) */
};

/* Transfers that may share connections. */
struct lane {
	char *name;
	CURLM *multi;
	struct wires wires;
	struct relay *relay;
	uint32_t index;
	int64_t timer_ms; /* when libcurl wants to be called; -1: not */
	struct lane *next;
};

/* What other threads ask of the relay. */
struct ask {
	struct ask *next;
	char *grant_id; /* whose streams end; NULL: all listening ones */
	char *lane;     /* not NULL: all streams of that name instead */
	char *tag;      /* not NULL: the calls that have it instead */
	void *key;      /* not NULL: calls that wait for it are resumed instead */
	void (*release)(void *key);
	struct relay_call *ready; /* not NULL: its work is done, instead */
};

struct relay {
	pthread_t thread;
	int epoll, wake;

	pthread_mutex_t lock;
	struct relay_call *inbox; /* newest first */
	struct ask *asks;
	int streams_ms; /* not 0: stopping */
	bool asleep;    /* or about to be: `wake` has to be written to */
	bool shuts;     /* the door is to be shut */

	struct crew *crew;
	struct door door; /* whoever leads has it */
	bool dismissed;   /* the crew; as well */
	void (*serve)(void *own, struct io *);
	void *serve_own;

	atomic_bool up;        /* the leader is waking, or at work: nobody gets in between */
	pthread_mutex_t turns; /* taken before `lock`, for all that follows */
	int64_t sleeps_until;
	struct relay_call *calls, *dead;
	struct lane *lanes;
	uint32_t lanes_n;
	struct wire_room room;
	CURL *handles[IDLE_HANDLES];
	unsigned handles_n;
	int64_t now_ms, tick_ms, stop_ms, idle_ms;
};

/* ---- lanes: libcurl's multi handles, and their sockets in our epoll */

/*
 * An epoll tag: odd for a socket of libcurl's (lane and descriptor), 0 for the inbox, one of wire_of_tag() or the door's, else the call's
 * address.
 */
static uint64_t socket_tag(const struct lane *lane, curl_socket_t fd)
{
	return (uint64_t)lane->index << 32 | (uint64_t)(uint32_t)fd << 1 | 1;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
	struct lane *lane = context;
	struct epoll_event event = { .data.u64 = socket_tag(lane, fd) };

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(lane->relay->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (epoll_ctl(lane->relay->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event))
		epoll_ctl(lane->relay->epoll, errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
	if (!known)
		curl_multi_assign(lane->multi, fd, lane);
	return 0;
}

static int on_timer(CURLM *multi, long ms, void *context)
{
	struct lane *lane = context;

	(void)multi;
	lane->timer_ms = ms < 0 ? -1 : clock_ms() + ms;
	return 0;
}

static struct lane *lane_of(struct relay *r, const char *name)
{
	struct lane *lane = r->lanes;

	while (lane && strcmp(lane->name, name) != 0)
		lane = lane->next;
	if (lane)
		return lane;
	lane = xcalloc(1, sizeof(*lane));
	lane->name = xstrdup(name);
	lane->relay = r;
	lane->index = r->lanes_n++;
	lane->timer_ms = -1;
	lane->wires = (struct wires){ .room = &r->room, .idle_max = IDLE_CONNECTIONS };
	lane->multi = curl_multi_init();
	if (!lane->multi)
		abort();
	curl_multi_setopt(lane->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(lane->multi, CURLMOPT_SOCKETDATA, lane);
	curl_multi_setopt(lane->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(lane->multi, CURLMOPT_TIMERDATA, lane);
	curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
	lane->next = r->lanes;
	r->lanes = lane;
	return lane;
}

static void lane_free(struct lane *lane)
{
	wires_close_idle(&lane->wires);
	curl_multi_cleanup(lane->multi);
	free(lane->name);
	free(lane);
}

static CURL *handle_take(struct relay *r)
{
	CURL *easy = r->handles_n ? r->handles[--r->handles_n] : curl_easy_init();

	if (!easy)
		abort();
	return easy;
}

static void handle_give(struct relay *r, CURL *easy)
{
	if (r->handles_n == IDLE_HANDLES)
		curl_easy_cleanup(easy);
	else
		r->handles[r->handles_n++] = easy;
}

/* ---- the client's side */

/* Tells epoll what we wait for at the client's connection: its leaving always, room when we need it. */
static void watch(struct relay_call *c, uint32_t events)
{
	uint32_t leaving = io_tells_leaving(c->req->io) ? EPOLLRDHUP : 0;
	struct epoll_event event = { .events = events | leaving, .data.ptr = c };

	if (c->watched == event.events)
		return;
	door_watch(c->relay->epoll, c->req->io, &event);
	c->registered = c->named = true;
	c->watched = event.events;
}

/* Whether N more bytes can be written without blocking: they stay in the buffer, as a stream's never do, or the socket has room. */
static bool has_room(const struct relay_call *c, size_t n)
{
	return (!c->is_stream && c->unflushed + n < IO_BUFFER) || io_is_writable(c->req->io);
}

static bool write_out(struct relay_call *c, const char *p, size_t n)
{
	c->unflushed += n;
	c->wrote_ms = c->relay->now_ms;
	if (!n || io_write(c->req->io, p, n))
		return true;
	c->end = RELAY_END_CANCELLED;
	return false;
}

static bool flush_out(struct relay_call *c)
{
	c->unflushed = 0;
	if (io_flush(c->req->io))
		return true;
	c->end = RELAY_END_CANCELLED;
	return false;
}

/* ---- the upstream's side: libcurl's callbacks */

/* An errand's stream: one event at a time is kept. */
static void errand_data(void *own, const char *p, size_t n)
{
	struct relay_call *c = own;

	if (!c->found)
		buf_add(&c->keep, p, n);
}

static void errand_event(void *own)
{
	struct relay_call *c = own;

	if (c->found)
		return;
	c->found = !c->keep.over && c->hooks->awaited(c, buf_text(&c->keep), c->keep.len);
	if (!c->found)
		buf_clear(&c->keep);
}

static void errand_begin(struct relay_call *c)
{
	c->reading = true;
	c->read_n = 0;
	buf_init(&c->keep, c->keep_max);
	sse_init(&c->sse, errand_data, errand_event, c);
}

/* The head is complete: asks what to do with the answer. False ends the transfer. */
static bool head_judge(struct relay_call *c)
{
	c->status = c->head.status;
	c->is_stream = head_is_stream(&c->head);
	switch (c->hooks->head(c, &c->head, &c->err)) {
	case RELAY_PASS:
		break;
	case RELAY_KEEP:
		c->keeping = true;
		buf_init(&c->keep, c->keep_max);
		return true;
	case RELAY_AGAIN:
		c->again = true;
		return false;
	case RELAY_PARK:
		return false;
	case RELAY_READ:
		errand_begin(c);
		return true;
	case RELAY_HAVE: /* there is no need to wait for what comes */
		c->again = true;
		c->found = true;
		return false;
	case RELAY_REFUSE:
		return false;
	}
	c->head_passed = true;
	c->unflushed = c->head.bytes + OWN_HEAD_BYTES; /* at most: our head repeats a part of theirs */
	if (!resp_send_head(c->req, c->resp))
		c->end = RELAY_END_CANCELLED;
	return c->end != RELAY_END_CANCELLED && (!c->is_stream || flush_out(c));
}

static size_t on_header(char *line, size_t size, size_t n, void *context)
{
	struct relay_call *c = context;

	n *= size;
	c->heard_ms = c->relay->now_ms;
	if (c->head_passed || c->keeping || c->reading) /* a trailer */
		return n;
	switch (head_line(&c->head, c->req->arena, line, n)) {
	case HEAD_MORE:
		return n;
	case HEAD_COMPLETE:
		return head_judge(c) ? n : 0;
	case HEAD_TOO_LARGE:
		break;
	}
	err_reason(&c->err, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is malformed",
	    "its head is over %d bytes", HEAD_BYTES);
	return 0;
}

/* A part of an answer that is kept. */
static size_t keep(struct relay_call *c, const char *p, size_t n)
{
	c->heard_ms = c->relay->now_ms;
	c->read_n += n;
	if (c->reading && c->is_stream)
		sse_feed(&c->sse, p, n);
	else
		buf_add(&c->keep, p, n);
	if (c->found)
		return 0;
	if (!c->keep.over && !(c->reading && c->read_n > c->keep_max))
		return n;
	if (c->reading) { /* an errand that brings too much brings nothing */
		buf_clear(&c->keep);
		c->found = true;
		return 0;
	}
	err_reason(&c->err, ERR_UPSTREAM, "upstream_malformed", "the upstream's answer is too large to be read",
	    "upstream '%s': over %zu bytes", c->transfer.upstream, c->keep_max);
	return 0;
}

/* Writes as much of the rest as goes without blocking. False: the client is gone. */
static bool write_rest(struct relay_call *c)
{
	while (c->rest_n && has_room(c, IO_BUFFER)) {
		size_t n = c->rest_n < IO_BUFFER ? c->rest_n : IO_BUFFER;

		if (!write_out(c, c->rest, n))
			return false;
		c->rest += n;
		c->rest_n -= n;
		if (c->is_stream && !flush_out(c))
			return false;
	}
	return true;
}

/*
 * What a piece became. ROOM bytes were seen to fit; more may come out than came in (a policy held an event until
 * its end), and what does not fit stays until the client takes it.
 */
static bool pass_on(struct relay_call *c, const char *out, size_t n, size_t room)
{
	c->bytes_out += n;
	if (c->is_stream)
		sse_feed(&c->sse, out, n);
	if (n <= room)
		return write_out(c, out, n) && (!c->is_stream || !n || flush_out(c));
	c->rest = out;
	c->rest_n = n;
	if (!write_rest(c))
		return false;
	if (c->rest_n)
		watch(c, EPOLLOUT);
	return true;
}

static size_t on_body(char *p, size_t size, size_t n, void *context)
{
	struct relay_call *c = context;
	const char *out;
	size_t out_n;

	n *= size;
	if (c->keeping || c->reading)
		return keep(c, p, n);
	if (!c->head_passed)
		return 0;
	if (c->busy || c->ready || c->rest_n || !has_room(c, n)) {
		c->paused = true;
		if (!c->busy)
			watch(c, EPOLLOUT);
		return CURL_WRITEFUNC_PAUSE;
	}
	c->heard_ms = c->relay->now_ms;
	out_n = c->hooks->body(c, p, n, &out);
	if (c->err.code) /* a policy refused what follows */
		return 0;
	return pass_on(c, out, out_n, n) && !c->finished ? n : 0;
}

/* ---- the life of a call */

static void transfer_begin(struct relay_call *c)
{
	struct relay *r = c->relay;

	c->again = false;
	c->head = (struct head){ .status = 0 };
	c->hops++;
	c->heard_ms = r->now_ms;
	c->way = wire_begin(&c->lane->wires, &c->transfer, r->now_ms, &c->wire);
	if (c->way == WIRE_SENT)
		return;
	c->easy = handle_take(r);
	if (c->way == WIRE_UNCONNECTED)
		transfer_connect(&c->transfer, c->easy);
	else
		transfer_configure(&c->transfer, c->easy);
	curl_multi_add_handle(c->lane->multi, c->easy);
	c->lane->timer_ms = r->now_ms; /* it starts at the lane's next turn, with the others that came now */
}

static void transfer_drop(struct relay_call *c)
{
	if (c->wire)
		wire_give(c->wire, c->relay->now_ms);
	c->wire = NULL;
	if (!c->easy)
		return;
	curl_multi_remove_handle(c->lane->multi, c->easy);
	handle_give(c->relay, c->easy);
	c->easy = NULL;
}

/* Of a stream we only want to know where its events end. */
static void ignore_data(void *own, const char *p, size_t n)
{
	(void)own;
	(void)p;
	(void)n;
}

static void ignore_event(void *own)
{
	(void)own;
}

/* Of the stream that goes to the client. */
static void watch_events(struct relay_call *c)
{
	sse_init(&c->sse, ignore_data, ignore_event, NULL);
}

static void call_end(struct relay_call *, enum relay_end);
static void keep_ended(struct relay_call *, const char *text, size_t n);

/* After a hook has looked at a call that has no transfer. */
static void proceed(struct relay_call *c, enum relay_verdict verdict)
{
	if (verdict == RELAY_REFUSE) {
		call_end(c, RELAY_END_DONE);
	} else if (verdict == RELAY_HAVE) {
		c->is_stream = false;
		c->keeping = true;
		keep_ended(c, c->have, c->have_n);
	} else if (verdict != RELAY_PARK) {
		transfer_begin(c);
	}
}

/* What an errand has brought, N bytes at TEXT or, NULL, what the hook was busy with, decides what comes next. */
static void errand_tell(struct relay_call *c, const char *text, size_t n)
{
	enum relay_verdict verdict = c->hooks->errand(c, text, n, &c->err);
	struct buf brought;

	c->told = c->busy;
	if (c->busy) /* with what was kept */
		return;
	brought = c->keep;
	buf_init(&c->keep, 0);
	proceed(c, verdict);
	buf_release(&brought);
}

static void errand_end(struct relay_call *c)
{
	transfer_drop(c);
	if (c->is_stream && !c->found)
		buf_clear(&c->keep);
	c->reading = c->found = c->is_stream = false;
	c->hops = 0;
	watch_events(c);
	errand_tell(c, buf_text(&c->keep), c->keep.len);
}

static void call_begin(struct relay *r, struct relay_call *c)
{
	c->relay = r;
	c->lane = lane_of(r, c->lane_name);
	c->transfer.on_header = on_header;
	c->transfer.on_body = on_body;
	c->transfer.context = c;
	c->start_us = clock_us();
	c->wrote_ms = r->now_ms;
	watch_events(c);
	c->next = r->calls;
	c->prev = NULL;
	if (r->calls)
		r->calls->prev = c;
	r->calls = c;
	r->idle_ms = r->now_ms + IDLE_MS;
	c->heard_ms = r->now_ms;
	proceed(c, c->hooks->begin ? c->hooks->begin(c, &c->err) : RELAY_PASS);
}

static void call_resume(struct relay_call *c)
{
	const void *key = c->waits_for;

	c->waits_for = NULL;
	proceed(c, c->hooks->resume(c, key, &c->err));
}

/* The request can be ended without blocking, or its client is cut off. */
static void call_bury(struct relay_call *c)
{
	struct relay *r = c->relay;

	if (c->prev)
		c->prev->next = c->next;
	else
		r->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
	/* closing it, at the end of the turn, takes it out of our epoll */
	c->dead = true;
	c->next = r->dead;
	r->dead = c;
}

/* Makes every later write fail at once, and shows the web server an answer without its end. */
static void cut_off(const struct relay_call *c)
{
	shutdown(io_fd(c->req->io), SHUT_RDWR);
}

/*
 * Writes what is left, as far as the client takes it, and ends the request; called again when there
 * is room. Ending it flushes the buffer: that must not block either.
 */
static void call_close(struct relay_call *c)
{
	if (c->end != RELAY_END_CANCELLED)
		write_rest(c); /* a failure is remembered in c->end */
	if (c->end == RELAY_END_CANCELLED) {
		cut_off(c);
	} else if (c->rest_n || !io_is_writable(c->req->io)) {
		c->ending = true;
		c->wrote_ms = c->relay->now_ms;
		watch(c, EPOLLOUT);
		return;
	} else if (c->end == RELAY_END_BROKEN && !c->is_stream) {
		io_flush(c->req->io);
		cut_off(c); /* the client must not take the part for the whole */
	}
	call_bury(c);
}

/* Answers the error in the upstream's place. */
static void call_refuse(struct relay_call *c)
{
	struct resp *p = c->resp;

	c->hooks->refused(c, &c->err);
	resp_set(p, "Content-Length", arena_printf(p->arena, "%zu", p->body.len));
	c->rest = buf_text(&p->body);
	c->rest_n = c->bytes_out = p->body.len;
	if (!resp_send_head(c->req, p))
		c->end = RELAY_END_CANCELLED;
}

/* An answer that was kept: what it became goes out whole. */
static void call_release(struct relay_call *c)
{
	struct resp *p = c->resp;

	if (!c->kept_ok) {
		call_refuse(c);
		return;
	}
	resp_set(p, "Content-Length", arena_printf(p->arena, "%zu", p->body.len));
	c->rest = buf_text(&p->body);
	c->rest_n = c->bytes_out = p->body.len;
	if (!resp_send_head(c->req, p))
		c->end = RELAY_END_CANCELLED;
}

/* The last of a body that was passed on, behind what the client has not taken yet. */
static void add_last(struct relay_call *c)
{
	struct buf both;
	const char *last;
	size_t n;

	buf_init(&both, SIZE_MAX / 2);
	buf_add(&both, c->rest, c->rest_n); /* the next piece ends its life */
	n = c->hooks->body(c, NULL, 0, &last);
	c->bytes_out += n;
	if (!c->rest_n) {
		c->rest = last;
		c->rest_n = n;
	} else {
		buf_add(&both, last, n);
		c->rest = arena_strndup(c->req->arena, buf_text(&both), both.len);
		c->rest_n = both.len;
	}
	buf_release(&both);
}

/* Another thread still has the call: it ends when that is ready. Until then its client's leaving is known. */
static void call_cut(struct relay_call *c, enum relay_end end)
{
	c->cut = true;
	atomic_store(&c->unwanted, true);
	c->cut_end = end;
	if (c->registered)
		epoll_ctl(c->relay->epoll, EPOLL_CTL_DEL, io_fd(c->req->io), NULL);
	c->registered = false;
	c->watched = 0;
}

static void call_end(struct relay_call *c, enum relay_end end)
{
	if (!c->upstream_us)
		c->upstream_us = clock_us() - c->start_us;
	transfer_drop(c);
	if (c->busy) {
		call_cut(c, end);
		return;
	}
	c->end = end;
	if (c->head_passed)
		add_last(c);
	else if (c->kept && end == RELAY_END_DONE)
		call_release(c);
	else if (end != RELAY_END_CANCELLED)
		call_refuse(c);
	buf_release(&c->keep);
	c->hooks->over(c, c->end, &c->err);
	call_close(c);
}

/* The client has left, or will not read. */
static void call_cancel(struct relay_call *c)
{
	if (!c->ending) {
		call_end(c, RELAY_END_CANCELLED);
		return;
	}
	c->end = RELAY_END_CANCELLED;
	call_close(c);
}

/* All of an answer that was to be kept is there. */
static void keep_ended(struct relay_call *c, const char *text, size_t n)
{
	c->kept_ok = c->hooks->kept(c, text, n, &c->err);
	if (c->busy)
		return;
	c->kept = true;
	call_end(c, RELAY_END_DONE);
}

/* Before a head was passed on: the answer will be this error. */
static void call_fail(struct relay_call *c, enum err_code code, const char *reason, const char *text)
{
	err_reason(&c->err, code, reason, text, "upstream '%s'", c->transfer.upstream);
	call_end(c, RELAY_END_DONE);
}

static void transfer_ended(struct relay_call *c, CURLcode code)
{
	if (c->busy || c->ready) { /* what has come before comes first */
		c->ended = true;
		c->code = code;
		c->upstream_us = clock_us() - c->start_us;
		transfer_drop(c);
	} else if (c->end == RELAY_END_CANCELLED) { /* a write failed */
		call_end(c, RELAY_END_CANCELLED);
	} else if (c->waits_for) {
		c->is_stream = false; /* the answer was, and is dropped */
		transfer_drop(c);
	} else if (c->again && c->found) {
		c->again = c->found = false;
		transfer_drop(c);
		proceed(c, RELAY_HAVE);
	} else if (c->again && c->hops < HOPS) {
		transfer_drop(c);
		transfer_begin(c);
	} else if (c->reading && (code == CURLE_OK || c->found)) {
		errand_end(c);
	} else if (c->head_passed) {
		call_end(c, code == CURLE_OK || c->finished ? RELAY_END_DONE : RELAY_END_BROKEN);
	} else if (c->keeping && code == CURLE_OK) {
		c->upstream_us = clock_us() - c->start_us;
		transfer_drop(c);
		keep_ended(c, buf_text(&c->keep), c->keep.len);
	} else {
		if (c->again)
			err_reason(&c->err, ERR_UPSTREAM, "upstream_malformed", "the upstream redirects without end",
			    "upstream '%s', %d hops", c->transfer.upstream, HOPS);
		transfer_fault(&c->transfer, code, &c->err); /* unless a hook has said more */
		call_end(c, RELAY_END_DONE);
	}
}

/* ---- turns */

/* libcurl has made the connection that the call goes on by itself, or could not. */
static void transfer_connected(struct relay_call *c, CURLcode code)
{
	int fd = code == CURLE_OK ? transfer_socket(c->easy) : -1;

	if (fd < 0) {
		transfer_ended(c, code == CURLE_OK ? CURLE_COULDNT_CONNECT : code);
		return;
	}
	transfer_drop(c);
	c->wire = wire_new(&c->lane->wires, &c->transfer, fd, c->relay->now_ms);
}

static void lane_reap(struct lane *lane)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(lane->multi, &left))) {
		struct relay_call *c = NULL;

		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		if (m->msg != CURLMSG_DONE || !c)
			continue;
		if (c->way == WIRE_UNCONNECTED)
			transfer_connected(c, m->data.result);
		else
			transfer_ended(c, m->data.result);
	}
}

static void lane_act(struct lane *lane, curl_socket_t fd, int events)
{
	int running;

	curl_multi_socket_action(lane->multi, fd, events, &running);
	lane_reap(lane);
}

static void lanes_time(struct relay *r)
{
	for (struct lane *lane = r->lanes; lane; lane = lane->next)
		if (lane->timer_ms >= 0 && lane->timer_ms <= r->now_ms) {
			lane->timer_ms = -1;
			lane_act(lane, CURL_SOCKET_TIMEOUT, 0);
		}
}

static void on_curl_socket(struct relay *r, uint64_t tag, uint32_t events)
{
	uint32_t index = (uint32_t)(tag >> 32);
	int fd = (int)((uint32_t)tag >> 1), what = 0;

	if (events & EPOLLIN)
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		what |= CURL_CSELECT_ERR;
	for (struct lane *lane = r->lanes; lane; lane = lane->next)
		if (lane->index == index)
			lane_act(lane, fd, what);
}

static void on_wire(struct wire *w, uint32_t events)
{
	CURLcode code;

	if (wire_event(w, events, &code))
		transfer_ended(wire_transfer(w)->context, code);
}

/* The client took all there was: more may come. */
static void go_on(struct relay_call *c)
{
	CURLcode code;

	watch(c, 0);
	if (!c->paused)
		return;
	c->paused = false;
	c->heard_ms = c->relay->now_ms;
	if (c->wire) {
		if (wire_go_on(c->wire, &code))
			transfer_ended(c, code);
	} else if (curl_easy_pause(c->easy, CURLPAUSE_CONT) != CURLE_OK)
		call_cancel(c);
}

/* What the hooks were busy with goes out, and the call goes on. The client has taken all that came before. */
static void take_ready(struct relay_call *c)
{
	const char *out;
	size_t n = c->hooks->more(c, &out);

	c->ready = false;
	if (c->err.code) /* a policy refused what follows */
		call_end(c, RELAY_END_BROKEN);
	else if (!pass_on(c, out, n, 0))
		call_end(c, RELAY_END_CANCELLED);
	else if (c->finished)
		call_end(c, RELAY_END_DONE);
	else if (c->busy || c->rest_n)
		return;
	else if (c->ended)
		transfer_ended(c, c->code);
	else
		go_on(c);
}

static void call_ready(struct relay_call *c)
{
	c->busy = false;
	c->heard_ms = c->relay->now_ms;
	if (c->cut) {
		call_end(c, c->cut_end);
	} else if (c->told) {
		errand_tell(c, NULL, 0);
	} else if (c->keeping) {
		keep_ended(c, NULL, 0);
	} else {
		c->ready = true;
		if (!c->rest_n)
			take_ready(c);
	}
}

/* The client took what was left. */
static void on_taken(struct relay_call *c)
{
	if (c->ready)
		take_ready(c);
	else if (c->busy)
		watch(c, 0);
	else if (c->ended)
		transfer_ended(c, c->code);
	else
		go_on(c);
}

static void on_client(struct relay_call *c, uint32_t events)
{
	if (c->dead || c->cut)
		return;
	if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
		call_cancel(c);
	} else if ((events & EPOLLOUT) && c->ending) {
		call_close(c);
	} else if (events & EPOLLOUT) {
		if (!write_rest(c))
			call_cancel(c);
		else if (!c->rest_n)
			on_taken(c);
	}
}

/* A comment keeps the connection open through whatever stands between, and finds clients that have gone. */
static void comment(struct relay_call *c)
{
	static const char text[] = ": \n\n";

	c->wrote_ms = c->relay->now_ms;
	/* what the client has not taken yet may be in the middle of an event */
	if (c->rest_n || !sse_at_boundary(&c->sse) || !io_is_writable(c->req->io))
		return;
	if (!write_out(c, text, sizeof(text) - 1) || !flush_out(c))
		call_cancel(c);
}

/* The process stops: what need not end by itself is ended. */
static bool check_stop(struct relay_call *c)
{
	struct relay *r = c->relay;

	if (!r->stop_ms || (!c->is_listening && r->now_ms < r->stop_ms))
		return false;
	if (!c->head_passed && (c->is_listening || c->is_stream)) /* a stream that nobody has seen is an errand's */
		call_fail(c, ERR_UNAVAILABLE, "stopping", "the gateway restarts");
	else if (c->is_stream || c->paused)
		call_end(c, RELAY_END_STOPPED);
	else
		return false;
	return true;
}

static void check_stream(struct relay_call *c, int64_t silent)
{
	if (c->until_ms && c->relay->now_ms >= c->until_ms) {
		call_end(c, RELAY_END_STOPPED);
		return;
	}
	if (c->idle_ms && silent > c->idle_ms)
		call_end(c, RELAY_END_BROKEN);
	else if (c->comment_ms && c->relay->now_ms - c->wrote_ms >= c->comment_ms)
		comment(c);
}

/* What time does to a call. */
static void check(struct relay_call *c)
{
	int64_t now = c->relay->now_ms, silent = now - c->heard_ms;

	if (c->cut)
		return;
	if (!c->registered) /* most calls are over before their first tick */
		watch(c, 0);
	if (c->ending) {
		if (now - c->wrote_ms > DRAIN_MS)
			call_cancel(c);
	} else if (c->busy) { /* that has a deadline of its own */
		c->heard_ms = now;
		if (!check_stop(c) && c->head_passed && c->is_stream)
			check_stream(c, 0);
	} else if (check_stop(c)) {
		return;
	} else if (c->paused) {
		if (silent > c->timeout_ms)
			call_cancel(c);
	} else if (!c->head_passed) {
		if (now - c->start_us / 1000 > c->timeout_ms)
			call_fail(c, ERR_UPSTREAM_TIMEOUT, "upstream_timeout", "the upstream did not answer in time");
	} else if (c->is_stream) {
		check_stream(c, silent);
	} else if (silent > c->timeout_ms) {
		call_end(c, RELAY_END_BROKEN);
	}
}

static void tick(struct relay *r)
{
	struct relay_call *next;

	if (r->now_ms < r->tick_ms)
		return;
	r->tick_ms = r->now_ms + TICK_MS;
	door_check(&r->door, r->now_ms);
	for (struct relay_call *c = r->calls; c; c = next) {
		next = c->next;
		check(c);
	}
}

static bool is_asked(const struct relay_call *c, const struct ask *ask)
{
	if (ask->lane)
		return !strcmp(c->lane_name, ask->lane);
	return ask->grant_id ? c->grant_id && !strcmp(c->grant_id, ask->grant_id) : c->is_listening;
}

static void end_streams(struct relay *r, const struct ask *ask)
{
	struct relay_call *next;

	for (struct relay_call *c = r->calls; c; c = next) {
		next = c->next;
		if (!c->is_stream || !c->head_passed || c->ending || c->cut)
			continue;
		if (is_asked(c, ask))
			call_end(c, RELAY_END_STOPPED);
	}
}

static void end_tagged(struct relay *r, const char *tag)
{
	struct relay_call *next;

	for (struct relay_call *c = r->calls; c; c = next) {
		next = c->next;
		if (!c->tag || c->ending || c->cut || strcmp(c->tag, tag) != 0)
			continue;
		if (!c->head_passed)
			call_fail(c, ERR_INVALID_REQUEST, "cancelled", "the client has cancelled the request");
		else
			call_end(c, c->is_stream ? RELAY_END_STOPPED : RELAY_END_CANCELLED);
	}
}

static void resume_calls(struct relay *r, const struct ask *ask)
{
	struct relay_call *next;

	for (struct relay_call *c = r->calls; c; c = next) {
		next = c->next;
		if (c->waits_for == ask->key && !c->ending)
			call_resume(c);
	}
	ask->release(ask->key);
}

static void take_asks(struct relay *r, struct ask *asks)
{
	while (asks) {
		struct ask *next = asks->next;

		if (asks->ready)
			call_ready(asks->ready);
		else if (asks->key)
			resume_calls(r, asks);
		else if (asks->tag)
			end_tagged(r, asks->tag);
		else
			end_streams(r, asks);
		free(asks->grant_id);
		free(asks->lane);
		free(asks->tag);
		free(asks);
		asks = next;
	}
}

/* Empties the inbox, oldest first. */
static void take_inbox(struct relay *r)
{
	struct relay_call *inbox, *next, *ordered = NULL;
	struct ask *asks;
	bool shuts;

	pthread_mutex_lock(&r->lock);
	r->asleep = false;
	inbox = r->inbox;
	asks = r->asks;
	shuts = r->shuts;
	r->inbox = NULL;
	r->asks = NULL;
	if (r->streams_ms && !r->stop_ms)
		r->stop_ms = r->now_ms + r->streams_ms;
	pthread_mutex_unlock(&r->lock);
	if (shuts)
		door_shut(&r->door, r->now_ms);
	for (; inbox; inbox = next) {
		next = inbox->next;
		inbox->next = ordered;
		ordered = inbox;
	}
	for (; ordered; ordered = next) {
		next = ordered->next;
		call_begin(r, ordered);
	}
	take_asks(r, asks);
}

static void free_handles(struct relay *r)
{
	while (r->handles_n)
		curl_easy_cleanup(r->handles[--r->handles_n]);
}

/* After a burst: what a thousand calls needed is not kept for the next one. */
static void rest(struct relay *r)
{
	if (r->calls) {
		r->idle_ms = r->now_ms + IDLE_MS;
	} else if (r->idle_ms && r->now_ms >= r->idle_ms) {
		r->idle_ms = 0;
		free_handles(r);
		malloc_trim(0);
	}
}

/* When the next turn is due, whatever happens. Where calls come one after the other, one that comes now need not be waked for. */
static int64_t next_turn(const struct relay *r)
{
	int64_t until = r->dead ? 0 : r->calls || r->idle_ms ? r->tick_ms : INT64_MAX;

	for (const struct lane *lane = r->lanes; lane; lane = lane->next)
		if (lane->timer_ms >= 0 && lane->timer_ms < until)
			until = lane->timer_ms;
	return until;
}

/* The last guest may have left while a thread served him, between two turns: then nothing else may come that the loop could wait for. */
static bool is_to_dismiss(const struct relay *r)
{
	return !r->dismissed && door_is_done(&r->door);
}

/* Where the request threads are all busy, nobody is let in: a sibling process may have one. Returns when the door wants its next turn. */
static int64_t mind_door(struct relay *r)
{
	unsigned hands = crew_followers(r->crew);

	door_listen(&r->door, hands);
	if (is_to_dismiss(r))
		return 0;
	return door_has(&r->door) && hands ? 0 : door_waits(&r->door) ? r->tick_ms : INT64_MAX;
}

/* Waits for events, with `turns` given up meanwhile. */
static int await(struct relay *r, struct epoll_event *events)
{
	int64_t door = mind_door(r);
	const int most = r->door.affinity.is_kept ? EVENTS_ALONE : EVENTS;
	bool sleeps;
	int n;

	r->sleeps_until = next_turn(r);
	if (door < r->sleeps_until)
		r->sleeps_until = door;
	pthread_mutex_lock(&r->lock);
	sleeps = r->asleep = !r->inbox && !r->asks && (!r->streams_ms || r->stop_ms) && (!r->shuts || r->door.shut);
	pthread_mutex_unlock(&r->lock);
	pthread_mutex_unlock(&r->turns);
	atomic_store(&r->up, false);
	n = epoll_wait(r->epoll, events, most, !sleeps ? 0 : r->sleeps_until == INT64_MAX ? -1 : clock_left_ms(r->sleeps_until));
	atomic_store(&r->up, true);
	pthread_mutex_lock(&r->turns);
	return n;
}

static void wake(struct relay *r)
{
	const uint64_t one = 1;
	ssize_t n = write(r->wake, &one, sizeof(one));

	(void)n; /* only a counter at its maximum fails, and then it is awake */
}

static void drain(int wake)
{
	uint64_t count;
	ssize_t n = read(wake, &count, sizeof(count));

	(void)n;
}

/* NAMED: also those that events of the batch may name, which has been worked through. */
static void bury_dead(struct relay *r, bool named)
{
	struct relay_call **at = &r->dead, *c;

	while ((c = *at)) {
		if (c->named && !named) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		req_finish(c->req); /* the call lies in its arena */
	}
}

static bool turn(void *own)
{
	static _Thread_local bool keeps; /* to the process's processor */
	struct relay *r = own;
	struct epoll_event events[EVENTS_ALONE];
	bool goes_on;
	int n;

	affinity_apply(&r->door.affinity, &keeps);
	pthread_mutex_lock(&r->turns);
	n = await(r, events);
	r->now_ms = clock_ms();
	take_inbox(r);
	for (int i = 0; i < n; i++) {
		uint64_t tag = events[i].data.u64;

		if (!tag)
			drain(r->wake);
		else if (door_event(&r->door, tag, r->now_ms))
			continue;
		else if (tag & 1)
			on_curl_socket(r, tag, events[i].events);
		else if (wire_of_tag(tag))
			on_wire(wire_of_tag(tag), events[i].events);
		else
			on_client(events[i].data.ptr, events[i].events);
		if (r->dead)
			bury_dead(r, false);
	}
	door_admit(&r->door, r->now_ms);
	lanes_time(r);
	tick(r);
	rest(r);
	wires_bury(&r->room);
	bury_dead(r, true);
	if (is_to_dismiss(r)) {
		r->dismissed = true;
		crew_dismiss(r->crew);
	}
	goes_on = r->calls || !r->stop_ms;
	r->sleeps_until = 0; /* until the next turn nobody is to be waked */
	pthread_mutex_unlock(&r->turns);
	atomic_store(&r->up, false);
	return goes_on;
}

/* ---- requests, which whoever leads serves between two turns */

static bool has_request(void *own)
{
	const struct relay *r = own;

	return door_has(&r->door);
}

static void *take_request(void *own)
{
	struct relay *r = own;

	return door_take(&r->door);
}

static void serve_guest(void *own, void *guest)
{
	const struct relay *r = own;
	bool is_gone;
	struct io *io = guest_io(guest, &is_gone);

	if (is_gone)
		io_end(io);
	else
		r->serve(r->serve_own, io);
}

static void rouse(void *own)
{
	wake(own);
}

static void *run(void *arg)
{
	struct relay *r = arg;

	pthread_setname_np(pthread_self(), "relay");
	crew_run(r->crew, true);
	return NULL;
}

/* ---- for other threads */

struct relay *relay_start(void (*serves)(void *own, struct io *), void *own)
{
	struct relay *r = xcalloc(1, sizeof(*r));
	const struct crew_loop loop = { .own = r, .turn = turn, .has_job = has_request, .take_job = take_request, .work = serve_guest,
		.rouse = rouse };
	struct epoll_event inbox = { .events = EPOLLIN, .data.u64 = 0 };

	r->crew = crew_new(&loop);
	r->door.epoll = r->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (serves)
		door_open(&r->door);
	r->serve = serves;
	r->serve_own = own;
	wire_room_init(&r->room, r->epoll);
	r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&r->lock, NULL);
	pthread_mutex_init(&r->turns, NULL);
	if (r->epoll < 0 || r->wake < 0 || epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->wake, &inbox) ||
	    pthread_create(&r->thread, NULL, run, r)) {
		log_error(NULL, "the relay does not start", "error", strerror(errno), NULL);
		abort();
	}
	return r;
}

/* With the lock held: whether the thread has to be waked for what was put in. */
static bool has_to_wake(struct relay *r)
{
	bool asleep = r->asleep;

	r->asleep = false;
	return asleep;
}

/* The thread waits for events: the call begins here, and its first bytes go up. */
static void begin_here(struct relay *r, struct relay_call *c)
{
	r->now_ms = clock_ms();
	call_begin(r, c);
	r->now_ms = clock_ms(); /* libcurl wants to be called at once */
	lanes_time(r);
	bury_dead(r, false);
	if (next_turn(r) < r->sleeps_until)
		wake(r);
}

void relay_submit(struct relay *r, struct relay_call *c)
{
	bool wakes;

	io_read_done(c->req->io);
	if (!atomic_load(&r->up) && !pthread_mutex_trylock(&r->turns)) {
		begin_here(r, c);
		pthread_mutex_unlock(&r->turns);
		return;
	}
	pthread_mutex_lock(&r->lock);
	c->next = r->inbox;
	r->inbox = c;
	wakes = has_to_wake(r);
	pthread_mutex_unlock(&r->lock);
	if (wakes)
		wake(r);
}

static void post(struct relay *r, struct ask *ask)
{
	bool wakes;

	pthread_mutex_lock(&r->lock);
	ask->next = r->asks;
	r->asks = ask;
	wakes = has_to_wake(r);
	pthread_mutex_unlock(&r->lock);
	if (wakes)
		wake(r);
}

static void put_ask(struct relay *r, const char *grant_id, const char *lane)
{
	struct ask *ask = xcalloc(1, sizeof(*ask));

	ask->grant_id = grant_id ? xstrdup(grant_id) : NULL;
	ask->lane = lane ? xstrdup(lane) : NULL;
	post(r, ask);
}

void relay_end_streams(struct relay *r, const char *grant_id)
{
	put_ask(r, grant_id, NULL);
}

void relay_end_lane(struct relay *r, const char *lane_name)
{
	put_ask(r, NULL, lane_name);
}

void relay_end_tagged(struct relay *r, const char *tag)
{
	struct ask *ask = xcalloc(1, sizeof(*ask));

	ask->tag = xstrdup(tag);
	post(r, ask);
}

void relay_resume(struct relay *r, void *key, void (*release)(void *))
{
	struct ask *ask = xcalloc(1, sizeof(*ask));

	ask->key = key;
	ask->release = release;
	post(r, ask);
}

void relay_ready(struct relay *r, struct relay_call *c)
{
	struct ask *ask = xcalloc(1, sizeof(*ask));

	ask->ready = c;
	post(r, ask);
}

bool relay_listens(const struct relay *r)
{
	return r->door.listener;
}

void relay_run(struct relay *r)
{
	crew_run(r->crew, false);
}

bool relay_shut(struct relay *r, const struct timespec *until)
{
	pthread_mutex_lock(&r->lock);
	r->shuts = true;
	pthread_mutex_unlock(&r->lock);
	wake(r);
	return crew_await_dismissal(r->crew, until);
}

void relay_stop(struct relay *r, int streams_ms)
{
	pthread_mutex_lock(&r->lock);
	r->streams_ms = streams_ms;
	pthread_mutex_unlock(&r->lock);
	wake(r);
	pthread_join(r->thread, NULL);
	take_asks(r, r->asks); /* of calls that are over */
	while (r->lanes) {
		struct lane *next = r->lanes->next;

		lane_free(r->lanes);
		r->lanes = next;
	}
	wire_room_release(&r->room);
	free_handles(r);
	door_release(&r->door);
	crew_free(r->crew);
	close(r->epoll);
	close(r->wake);
	pthread_mutex_destroy(&r->lock);
	pthread_mutex_destroy(&r->turns);
	free(r);
}
