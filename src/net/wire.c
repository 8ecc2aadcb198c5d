/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers on plain connections. */
#include "config.h"

#include "net/wire.h"

#include "base/arena.h"
#include "net/frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	TAG = 2,               /* in an epoll tag, beside the wire's address; the lowest bit is for others */
	HEAD_BYTES = 65536,    /* of a request; what is longer is libcurl's */
	IN_BYTES = 24 * 1024,  /* read at once */
	READS = 8,             /* of those, until others have their turn */
};

struct wire {
	struct wires *wires;
	struct wire *next; /* idle or dead */
	int fd;
	char *authority; /* as in the URLs that it serves */
	int64_t made_ms, idle_ms;
	uint32_t watched; /* what epoll looks for; 0: it does not know of it */

	struct transfer *transfer; /* NULL: idle, or dead */
	struct frame frame;
	const char *head; /* of the request; `kept_head` as soon as it did not go out at once */
	char *kept_head;
	const char *body;
	size_t head_n, body_n, sent; /* bytes sent: of head and body together */
	struct buf held;     /* of the answer: what a callback did not take yet */
	bool heard;          /* a byte of the answer came */
	bool unsendable;     /* the rest of the request; an answer may be there all the same */
	bool done;           /* the exchange came to its clean end */
};

/* ---- the request */

/* What we say ourselves about the message and the connection: whoever has it in his headers is served by libcurl. */
static bool is_framing(const char *name, size_t n)
{
#define NAME(text) { text, sizeof(text) - 1 }
	static const struct {
		const char *text;
		size_t n;
	} names[] = {
		NAME("connection"), NAME("content-length"), NAME("expect"), NAME("host"), NAME("http2-settings"), NAME("keep-alive"),
		NAME("proxy-connection"), NAME("te"), NAME("trailer"), NAME("transfer-encoding"), NAME("upgrade"),
	};
#undef NAME

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (n == names[i].n && !strncasecmp(name, names[i].text, n))
			return true;
	return false;
}

/* One of `transfer.headers`, in libcurl's spelling: "Name: value"; "Name;" has no value; "Name:" is not sent. */
static bool add_header(struct buf *head, const char *line)
{
	size_t name = frame_token_length(line), n = name + strlen(line + name);
	const char *value = line + name + 1;

	if (!name || (line[name] != ':' && line[name] != ';') || !frame_is_text(line + name, n - name))
		return false;
	if (line[name] == ';') {
		buf_add(head, line, name);
		buf_add(head, ":\r\n", 3);
		return n == name + 1 && !is_framing(line, name);
	}
	while (*value == ' ' || *value == '\t')
		value++;
	if (!*value)
		return true;
	buf_add(head, line, n);
	buf_add(head, "\r\n", 2);
	return !is_framing(line, name);
}

/* The parts of "http://host:port/path?query", where nobody could read other ones in it. False: it is libcurl's. */
static bool split_url(const char *url, const char **authority, size_t *authority_n, const char **target)
{
	static const char scheme[] = "http://";
	const char *s;

	if (strncmp(url, scheme, sizeof(scheme) - 1) != 0)
		return false;
	*authority = s = url + sizeof(scheme) - 1;
	while ((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || (*s && strchr(".-:[]", *s)))
		s++;
	*authority_n = (size_t)(s - *authority);
	*target = s;
	if (!*authority_n || *s != '/')
		return false;
	while (*s > ' ' && *s < 0x7f && *s != '#' && *s != '\\')
		s++;
	return !*s;
}

/* The Host header leaves the scheme's own port out, as libcurl does. */
static size_t host_length(const char *authority, size_t n)
{
	return n > 3 && !memcmp(authority + n - 3, ":80", 3) ? n - 3 : n;
}

static bool write_head(struct buf *head, const struct transfer *t, const char **authority, size_t *authority_n)
{
	const char *target;

	buf_clear(head);
	if (strcmp(t->method, "POST") != 0 || !split_url(t->url, authority, authority_n, &target))
		return false;
	buf_str(head, "POST ");
	buf_str(head, target);
	buf_str(head, " HTTP/1.1\r\nHost: ");
	buf_add(head, *authority, host_length(*authority, *authority_n));
	buf_add(head, "\r\n", 2);
	for (const struct curl_slist *line = t->headers; line; line = line->next)
		if (!add_header(head, line->data))
			return false;
	buf_str(head, "Content-Length: ");
	buf_int(head, (int64_t)t->body_len);
	return buf_add(head, "\r\n\r\n", 4);
}

/* ---- the socket */

static void watch(struct wire *w, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u64 = (uint64_t)(uintptr_t)w | TAG };

	if (w->watched == events)
		return;
	epoll_ctl(w->wires->room->epoll, !events ? EPOLL_CTL_DEL : w->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &event);
	w->watched = events;
}

static size_t unsent(const struct wire *w)
{
	return w->unsendable ? 0 : w->head_n + w->body_n - w->sent;
}

static void watch_exchange(struct wire *w)
{
	watch(w, EPOLLIN | (unsent(w) ? EPOLLOUT : 0));
}

/* What is to be sent is not changed: the type has room for both directions. */
static struct iovec part(const char *p, size_t n, size_t from)
{
	return (struct iovec){ .iov_base = (void *)(uintptr_t)(p + from), .iov_len = n - from };
}

static ssize_t send_some(struct wire *w)
{
	size_t of_body = w->sent > w->head_n ? w->sent - w->head_n : 0;
	struct iovec parts[2] = {
		part(w->head, w->head_n, w->sent - of_body),
		part(w->body, w->body_n, of_body),
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = w->body_n > of_body ? 2 : 1 };

	return sendmsg(w->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* What goes of the request. If nothing goes any more, the end is found by reading: an answer may have come before. */
static void send_on(struct wire *w)
{
	while (unsent(w)) {
		ssize_t n = send_some(w);

		if (n >= 0) {
			w->sent += (size_t)n;
		} else if (errno == EAGAIN) {
			break;
		} else if (errno != EINTR) {
			w->unsendable = true;
			shutdown(w->fd, SHUT_RDWR);
		}
	}
	watch_exchange(w);
}

/* The head is in the room. */
static void begin(struct wire *w, struct transfer *t)
{
	const struct buf *head = &w->wires->room->head;

	w->transfer = t;
	w->frame.on_header = t->on_header;
	w->frame.on_body = t->on_body;
	w->frame.context = t->context;
	frame_init(&w->frame);
	buf_init(&w->held, IN_BYTES);
	w->head = buf_text(head);
	w->head_n = head->len;
	w->body = t->body_len ? t->body : "";
	w->body_n = t->body_len;
	w->sent = 0;
	w->heard = w->unsendable = w->done = false;
	send_on(w);
	if (unsent(w)) {
		w->head = w->kept_head = xmalloc(w->head_n);
		memcpy(w->kept_head, buf_text(head), w->head_n);
	}
}

/* ---- connections that wait for the next call */

static void forget(struct wire *w)
{
	frame_release(&w->frame);
	buf_release(&w->held);
	free(w->kept_head);
	w->kept_head = NULL;
	w->transfer = NULL;
}

static void bury(struct wire *w)
{
	watch(w, 0);
	close(w->fd);
	w->fd = -1;
	w->next = w->wires->room->dead;
	w->wires->room->dead = w;
}

/* Nothing was sent on it that nobody asked for, nor its end. */
static bool is_silent(const struct wire *w)
{
	char byte;

	return recv(w->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static bool is_young(const struct wire *w, int64_t now_ms)
{
	return now_ms - w->made_ms < TRANSFER_CONNECTION_S * 1000;
}

static bool is_fresh(const struct wire *w, int64_t now_ms)
{
	return is_young(w, now_ms) && now_ms - w->idle_ms < TRANSFER_IDLE_S * 1000 && is_silent(w);
}

static void unlink_idle(struct wires *wires, struct wire **at)
{
	*at = (*at)->next;
	wires->idle_n--;
}

/* The one that was used last; those of the same place that are not fit are closed on the way. */
static struct wire *take_idle(struct wires *wires, const char *authority, size_t n, int64_t now_ms)
{
	struct wire **at = &wires->idle, *w;

	while ((w = *at)) {
		if (strncmp(w->authority, authority, n) != 0 || w->authority[n]) {
			at = &w->next;
			continue;
		}
		unlink_idle(wires, at);
		if (is_fresh(w, now_ms))
			return w;
		bury(w);
	}
	return NULL;
}

static void drop_idle(struct wire *w)
{
	struct wire **at = &w->wires->idle;

	while (*at && *at != w)
		at = &(*at)->next;
	if (!*at)
		return;
	unlink_idle(w->wires, at);
	bury(w);
}

enum wire_way wire_begin(struct wires *wires, struct transfer *t, int64_t now_ms, struct wire **w)
{
	const char *authority;
	size_t n;

	transfer_reset(t);
	if (!write_head(&wires->room->head, t, &authority, &n))
		return WIRE_NOT;
	*w = take_idle(wires, authority, n, now_ms);
	if (!*w)
		return WIRE_UNCONNECTED;
	begin(*w, t);
	return WIRE_SENT;
}

struct wire *wire_new(struct wires *wires, struct transfer *t, int fd, int64_t now_ms)
{
	struct wire *w = xcalloc(1, sizeof(*w));
	const char *authority = "";
	size_t n = 0;

	if (!write_head(&wires->room->head, t, &authority, &n)) /* it did before */
		shutdown(fd, SHUT_RDWR);
	w->wires = wires;
	w->fd = fd;
	w->authority = xmalloc(n + 1);
	memcpy(w->authority, authority, n);
	w->authority[n] = '\0';
	w->made_ms = now_ms;
	begin(w, t);
	return w;
}

void wire_give(struct wire *w, int64_t now_ms)
{
	struct wires *wires = w->wires;
	bool keeps = w->done && w->frame.keeps && w->sent == w->head_n + w->body_n && is_young(w, now_ms) &&
	    wires->idle_n < wires->idle_max;

	forget(w);
	if (!keeps) {
		bury(w);
		return;
	}
	w->idle_ms = now_ms;
	w->next = wires->idle;
	wires->idle = w;
	wires->idle_n++;
	watch(w, EPOLLIN); /* it says when the upstream closes it */
}

/* ---- the answer */

static bool is_over(struct wire *w, CURLcode how, const char *why, CURLcode *code)
{
	*code = how;
	if (why)
		snprintf(w->transfer->error, sizeof(w->transfer->error), "%s", why);
	return true;
}

/* N bytes of the answer: new ones, or those that were held. */
static bool feed(struct wire *w, char *p, size_t n, CURLcode *code)
{
	size_t used;

	switch (frame_feed(&w->frame, p, n, &used)) {
	case FRAME_MORE:
		buf_release(&w->held);
		return false;
	case FRAME_PAUSED:
		if (p == w->held.data)
			buf_drop(&w->held, used);
		else
			buf_add(&w->held, p + used, n - used);
		watch(w, 0);
		return false;
	case FRAME_DONE:
		w->done = used == n; /* more than an answer is no clean end */
		return is_over(w, CURLE_OK, NULL, code);
	case FRAME_MALFORMED:
		return is_over(w, CURLE_WEIRD_SERVER_REPLY, w->frame.why, code);
	default: /* a callback knows why */
		return is_over(w, CURLE_WRITE_ERROR, NULL, code);
	}
}

/* The connection is at its end, with an error unless WHY is NULL. */
static bool hang_up(struct wire *w, const char *why, CURLcode *code)
{
	if (!why && frame_end(&w->frame) == FRAME_DONE)
		return is_over(w, CURLE_OK, NULL, code);
	if (w->heard)
		return is_over(w, CURLE_PARTIAL_FILE, why ? why : w->frame.why, code);
	if (w->unsendable)
		return is_over(w, CURLE_SEND_ERROR, "it takes no request", code);
	return is_over(w, why ? CURLE_RECV_ERROR : CURLE_GOT_NOTHING, why, code);
}

static bool receive(struct wire *w, CURLcode *code)
{
	char in[IN_BYTES];

	for (unsigned i = 0; i < READS; i++) {
		ssize_t n = recv(w->fd, in, sizeof(in), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		if (n <= 0)
			return hang_up(w, n < 0 ? strerror(errno) : NULL, code);
		w->heard = true;
		if (feed(w, in, (size_t)n, code))
			return true;
		if (w->held.len || n < (ssize_t)sizeof(in))
			return false;
	}
	return false;
}

bool wire_event(struct wire *w, uint32_t events, CURLcode *code)
{
	if (w->fd < 0)
		return false;
	if (!w->transfer) {
		drop_idle(w);
		return false;
	}
	if (w->held.len) /* of before it was paused */
		return false;
	if (events & EPOLLOUT)
		send_on(w);
	return (events & ~(uint32_t)EPOLLOUT) && receive(w, code);
}

bool wire_go_on(struct wire *w, CURLcode *code)
{
	if (w->held.len && feed(w, w->held.data, w->held.len, code))
		return true;
	if (!w->held.len)
		watch_exchange(w);
	return false;
}

struct transfer *wire_transfer(const struct wire *w)
{
	return w->transfer;
}

struct wire *wire_of_tag(uint64_t tag)
{
	return (tag & (TAG | 1)) == TAG ? (struct wire *)(uintptr_t)(tag & ~(uint64_t)TAG) : NULL;
}

/* ---- all of them */

void wire_room_init(struct wire_room *room, int epoll)
{
	room->epoll = epoll;
	room->dead = NULL;
	buf_init(&room->head, HEAD_BYTES);
}

void wires_bury(struct wire_room *room)
{
	struct wire *w;

	while ((w = room->dead)) {
		room->dead = w->next;
		free(w->authority);
		free(w);
	}
}

void wire_room_release(struct wire_room *room)
{
	wires_bury(room);
	buf_release(&room->head);
}

void wires_close_idle(struct wires *wires)
{
	while (wires->idle) {
		struct wire *w = wires->idle;

		unlink_idle(wires, &wires->idle);
		bury(w);
	}
}
