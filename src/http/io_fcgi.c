/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FastCGI: connections of the web server, one request on each. fcgi.h reads and writes the records; here are the calls to the
 * socket, none of which blocks: what is not there yet is waited for in poll(), with a limit.
 *
 * A connection is closed with its request, even if it might be kept (FCGI_KEEP_CONN), unless there is somebody to keep it: between
 * requests it would hold a thread.
 */
#include "config.h"

#include "http/io_internal.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/may_block.h"
#include "http/fcgi.h"
#include "net/address.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	SILENCE_MS = 30000,
	READ_BYTES = 16384,    /* at once: nearly always all of a request */
	READS = 16,            /* in one turn of a thread that must not wait */
	DRAIN_MS = 2000,       /* of silence */
	DRAIN_TOTAL_MS = 30000,
	DRAIN_MAX = 16 * 1024 * 1024,
	SURE_BYTES = 32768,    /* that a new socket takes at once, surely (it has 200 KB, more than half of it overhead) */
	CALL_BYTES = 1024,     /* of them, for what the kernel needs beside what is sent in one call: many small answers fill it, too */
	ACCEPTS = 16,          /* in a row, without a look at the stop descriptor */
	SKIPS = 63
};

/*
 * Under load a connection waits when a request has been answered, and accept() alone finds it. That it was in vain costs as much as
 * it saves else: it is tried less often each time, up to once in SKIPS + 1 requests.
 */
struct io_listener {
	int epoll;
	int stop_fd;
	bool is_inet;
	const char *allowed; /* FCGI_WEB_SERVER_ADDRS, or NULL */
	unsigned in_a_row, skips, to_skip;
};

struct io_fcgi {
	struct io io;
	int fd;
	bool begun;  /* a byte of the request has come */
	uint16_t last_id; /* of the connection's last request */
	bool over;   /* nothing more will be read */
	bool left;   /* for the web server sends no more */
	bool broken; /* nothing more can be written */
	size_t sure; /* bytes that the socket takes without blocking, whatever the web server has read of what was sent before */
	struct fcgi fcgi;
	struct buf body; /* what has come of it */
	size_t body_read;
	char *out; /* IO_BUFFER bytes, once there is something to write */
	size_t out_n;
};

static struct io_fcgi *fcgi(struct io *io)
{
	return (struct io_fcgi *)io;
}

/* ---- writing */

/* N bytes are given to the socket in one call. */
static void spend(struct io_fcgi *f, size_t n)
{
	f->sure = n + CALL_BYTES < f->sure ? f->sure - n - CALL_BYTES : 0;
}

/* After a call that failed: whether to try again, when a slow peer has made room. */
static bool can_go_on(struct io_fcgi *f)
{
	struct pollfd p = { .fd = f->fd, .events = POLLOUT };

	if (errno == EINTR)
		return true;
	may_block();
	f->broken = errno != EAGAIN || poll(&p, 1, SILENCE_MS) != 1;
	return !f->broken;
}

static bool send_all(struct io_fcgi *f, struct iovec *v, size_t n)
{
	while (n) {
		struct msghdr message = { .msg_iov = v, .msg_iovlen = n };
		ssize_t put = sendmsg(f->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		size_t sent = put < 0 ? 0 : (size_t)put;

		if (put < 0) {
			if (!can_go_on(f))
				return false;
			continue;
		}
		spend(f, sent);
		for (; n && sent >= v->iov_len; v++, n--)
			sent -= v->iov_len;
		if (n) {
			v->iov_base = (char *)v->iov_base + sent;
			v->iov_len -= sent;
		}
	}
	return true;
}

/* What follows what is written. */
enum ending { GOES_ON, ENDS, ENDS_FOR_GOOD };

/* What is buffered, N bytes behind it, and the answer's end: in one call, if they fit into a record. */
static bool send_out(struct io_fcgi *f, const char *p, size_t n, enum ending how)
{
	unsigned char header[FCGI_HEADER], end[FCGI_END], farewell[FCGI_FAREWELL];

	do {
		size_t direct = n < FCGI_CONTENT - f->out_n ? n : FCGI_CONTENT - f->out_n, whole = f->out_n + direct;
		struct iovec v[] = {
			{ header, whole ? sizeof(header) : 0 },
			{ f->out, f->out_n },
			{ (void *)(uintptr_t)p, direct },
			{ end, how != GOES_ON && direct == n ? sizeof(end) : 0 },
			{ farewell, how == ENDS_FOR_GOOD && direct == n ? sizeof(farewell) : 0 },
		};

		fcgi_stdout(&f->fcgi, header, whole);
		fcgi_end(&f->fcgi, end);
		fcgi_farewell(f->fcgi.id, farewell);
		if (f->broken || !send_all(f, v, sizeof(v) / sizeof(v[0])))
			return false;
		f->out_n = 0;
		p += direct;
		n -= direct;
	} while (n);
	return true;
}

/* The last IO_BUFFER bytes stay: nobody has all of an answer before the one who writes it is done with the call. */
static bool fcgi_write(struct io *io, const void *p, size_t n)
{
	const size_t last = n < IO_BUFFER ? n : IO_BUFFER;
	struct io_fcgi *f = fcgi(io);

	if (f->broken)
		return false;
	if (n > IO_BUFFER - f->out_n) {
		if (!send_out(f, p, n - last, GOES_ON))
			return false;
		p = (const char *)p + (n - last);
		n = last;
	}
	if (!f->out)
		f->out = xmalloc(IO_BUFFER);
	memcpy(f->out + f->out_n, p, n);
	f->out_n += n;
	return true;
}

static bool fcgi_flush(struct io *io)
{
	return fcgi(io)->out_n ? send_out(fcgi(io), "", 0, GOES_ON) : !fcgi(io)->broken;
}

static int fcgi_fd(const struct io *io)
{
	return ((const struct io_fcgi *)io)->fd;
}

/* One that has room has more of it: what is sent next need not be asked. */
static bool fcgi_is_writable(struct io *io)
{
	struct io_fcgi *f = fcgi(io);
	struct pollfd p = { .fd = f->fd, .events = POLLOUT };

	if (f->out_n + IO_BUFFER <= f->sure)
		return true;
	if (poll(&p, 1, 0) != 1 || !(p.revents & (POLLOUT | POLLERR | POLLHUP)))
		return false;
	f->sure = (size_t)2 * IO_BUFFER;
	return true;
}

/* ---- reading */

/* The record that answers one which is no part of the request: a web server that has no room for it is none. */
static void send_answer(struct io_fcgi *f)
{
	ssize_t n = send(f->fd, f->fcgi.answer, f->fcgi.answer_n, MSG_NOSIGNAL | MSG_DONTWAIT);

	spend(f, f->fcgi.answer_n);
	if (n == (ssize_t)f->fcgi.answer_n)
		return;
	f->over = f->broken = true;
}

/* What cannot become a request is answered here: nobody else sees it. */
static void refuse(struct io_fcgi *f)
{
	char text[256];

	log_warn(NULL, "a request was refused", "why", f->fcgi.why, NULL);
	snprintf(text, sizeof(text), "Status: %d %s\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\n\r\n%s.\n", f->fcgi.status,
	    f->fcgi.status == 431 ? "Request Header Fields Too Large" : "Bad Request", f->fcgi.why);
	fcgi_write(&f->io, text, strlen(text));
	f->over = true;
}

static void take(struct io_fcgi *f, const char *p, size_t n)
{
	while (n && !f->over) {
		size_t used = 0;

		switch (fcgi_feed(&f->fcgi, p, n, &used)) {
		case FCGI_MORE:
			break;
		case FCGI_PIECE:
			f->over |= !buf_add(&f->body, f->fcgi.piece, f->fcgi.piece_n); /* never a body with a hole in it */
			break;
		case FCGI_ANSWER:
			send_answer(f);
			break;
		case FCGI_LAST:
			send_answer(f);
			f->over = f->broken = true;
			break;
		case FCGI_REFUSED:
			refuse(f);
			break;
		case FCGI_MALFORMED:
			log_warn(NULL, "a connection brought no sound FastCGI request", "why", f->fcgi.why, NULL);
			f->over = f->broken = true;
			break;
		}
		p += used;
		n -= used;
	}
}

/* Takes what has come. False if that was nothing. */
static bool receive(struct io_fcgi *f)
{
	char scratch[READ_BYTES];
	ssize_t n = recv(f->fd, scratch, sizeof(scratch), MSG_DONTWAIT);

	f->begun |= n > 0;
	if (n > 0)
		take(f, scratch, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		f->over = f->left = true;
	return n >= 0 || errno != EAGAIN;
}

/* The same, but waits until UNTIL for something to come. */
static void receive_until(struct io_fcgi *f, int64_t until)
{
	struct pollfd p = { .fd = f->fd, .events = POLLIN };
	int left;

	if (receive(f) || f->over)
		return;
	may_block();
	left = clock_left_ms(until);
	if (!left || poll(&p, 1, left) == 0)
		f->over = true;
}

static size_t body_left(const struct io_fcgi *f)
{
	return f->body.len - f->body_read;
}

static enum io_state fcgi_advance(struct io *io)
{
	struct io_fcgi *f = fcgi(io);
	bool comes = true;

	for (int i = 0; i < READS && comes && !f->over && !f->fcgi.has_body && body_left(f) < IO_KEPT; i++)
		comes = receive(f);
	if (f->over)
		return IO_GONE;
	if (f->fcgi.has_body)
		return IO_HERE;
	return body_left(f) < IO_KEPT ? IO_COMING : IO_LARGE;
}

static bool fcgi_has_begun(const struct io *io)
{
	return ((const struct io_fcgi *)io)->begun;
}

static const char *const *fcgi_params(const struct io *io)
{
	return fcgi_variables(&((const struct io_fcgi *)io)->fcgi);
}

static long fcgi_read(struct io *io, void *p, size_t n)
{
	struct io_fcgi *f = fcgi(io);
	const int64_t until = body_left(f) || f->fcgi.has_body ? 0 : clock_ms() + SILENCE_MS;

	while (!body_left(f)) {
		if (f->fcgi.has_body || f->over)
			return f->fcgi.has_body ? 0 : -1;
		buf_clear(&f->body);
		f->body_read = 0;
		receive_until(f, until);
	}
	if (n > body_left(f))
		n = body_left(f);
	memcpy(p, f->body.data + f->body_read, n);
	f->body_read += n;
	return (long)n;
}

static char *fcgi_take_body(struct io *io, size_t *n)
{
	struct io_fcgi *f = fcgi(io);
	char *data = f->body.data;

	if (!f->fcgi.has_body || f->body_read || !data)
		return NULL;
	*n = f->body.len;
	f->body.data = NULL;
	buf_release(&f->body);
	return data;
}

static void fcgi_read_done(struct io *io)
{
	fcgi_forget(&fcgi(io)->fcgi);
	buf_release(&fcgi(io)->body);
	fcgi(io)->body_read = 0;
}

/*
 * The body was refused unread, and the web server may still send it. Were we to close now, Apache would answer 503 (mod_proxy_fcgi) or
 * 500 (mod_fcgid) in our place; lighttpd would not mind. All of them close at once when they have the answer's end.
 */
static void drain(const struct io_fcgi *f)
{
	const int64_t until = clock_ms() + DRAIN_TOTAL_MS;
	struct pollfd p = { .fd = f->fd, .events = POLLIN };
	char scratch[READ_BYTES];
	size_t drained = 0;
	ssize_t n = 1;

	may_block();
	if (shutdown(f->fd, SHUT_WR))
		return;
	while (n > 0 && drained < DRAIN_MAX && clock_left_ms(until) && poll(&p, 1, DRAIN_MS) == 1) {
		n = recv(f->fd, scratch, sizeof(scratch), MSG_DONTWAIT);
		drained += n > 0 ? (size_t)n : 0;
	}
}

/* A connection of whose request nothing is known yet; its operations and its descriptor are there, and what it surely takes. */
static void begin_connection(struct io_fcgi *f)
{
	*f = (struct io_fcgi){ .io.ops = f->io.ops, .fd = f->fd, .sure = f->sure };
	buf_init(&f->body, IO_KEPT + READ_BYTES);
}

/* Whether it goes to somebody who waits for its next request. */
static bool is_wanted(const struct io_fcgi *f)
{
	const struct io *io = &f->io;

	return io->keeper && f->fcgi.keeps && f->fcgi.has_body && !f->over && !f->broken && io->keeper->wants(io->keeper_own);
}

/* Whether somebody has it now. */
static bool is_kept(struct io_fcgi *f)
{
	const struct io io = f->io;
	const uint16_t id = f->fcgi.id;

	if (!fcgi_next(&f->fcgi))
		return false;
	buf_release(&f->body);
	free(f->out);
	begin_connection(f);
	f->last_id = id;
	return io.keeper->keep(io.keeper_own, &f->io);
}

/* A web server that keeps it would send its next request while we close: it is told before. */
static void fcgi_close(struct io *io)
{
	struct io_fcgi *f = fcgi(io);
	const bool wanted = is_wanted(f);
	const bool answered = f->fcgi.id && send_out(f, "", 0, f->fcgi.keeps && !wanted ? ENDS_FOR_GOOD : ENDS);

	if (answered && !f->fcgi.has_body && !f->left)
		drain(f);
	else if (answered && wanted && is_kept(f))
		return;
	close(f->fd);
	fcgi_release(&f->fcgi);
	buf_release(&f->body);
	free(f->out);
	free(f);
}

/* Who has no room for it will not wait for it either. */
static void fcgi_say_farewell(struct io *io)
{
	unsigned char record[FCGI_FAREWELL];

	fcgi_farewell(fcgi(io)->last_id, record);
	spend(fcgi(io), sizeof(record));
	if (send(fcgi(io)->fd, record, sizeof(record), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return; /* it is noticed when it is read */
}

static const struct io_ops fcgi_ops = {
	.end = fcgi_close,
	.advance = fcgi_advance,
	.has_begun = fcgi_has_begun,
	.farewell = fcgi_say_farewell,
	.params = fcgi_params,
	.read = fcgi_read,
	.take_body = fcgi_take_body,
	.read_done = fcgi_read_done,
	.write = fcgi_write,
	.flush = fcgi_flush,
	.is_writable = fcgi_is_writable,
	.fd = fcgi_fd,
	.tells_leaving = true,
};

/* ---- connections */

struct io_listener *io_listen(int stop_fd)
{
	struct epoll_event on_accept = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = IO_LISTEN_FD };
	struct epoll_event on_stop = { .events = EPOLLIN, .data.fd = stop_fd };
	struct io_listener *l;
	int listening = 0, family = 0;
	socklen_t len = sizeof(listening), family_len = sizeof(family);

	if (getsockopt(IO_LISTEN_FD, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) || !listening)
		return NULL;
	/* a sibling may take the connection that woke us: accept must not block then */
	fcntl(IO_LISTEN_FD, F_SETFL, fcntl(IO_LISTEN_FD, F_GETFL) | O_NONBLOCK);
	l = xcalloc(1, sizeof(*l));
	l->stop_fd = stop_fd;
	getsockopt(IO_LISTEN_FD, SOL_SOCKET, SO_DOMAIN, &family, &family_len);
	l->is_inet = family == AF_INET || family == AF_INET6;
	l->allowed = getenv("FCGI_WEB_SERVER_ADDRS");
	l->epoll = stop_fd < 0 ? -1 : epoll_create1(EPOLL_CLOEXEC);
	if (stop_fd < 0)
		return l;
	if (l->epoll < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, IO_LISTEN_FD, &on_accept) ||
	    epoll_ctl(l->epoll, EPOLL_CTL_ADD, stop_fd, &on_stop)) {
		io_listener_free(l);
		return NULL;
	}
	return l;
}

void io_listener_free(struct io_listener *l)
{
	if (!l)
		return;
	if (l->epoll >= 0)
		close(l->epoll);
	free(l);
}

/* Waits for a connection; false when no more are wanted. */
static bool wait_for_connection(const struct io_listener *l)
{
	struct epoll_event got[2];
	int n;

	do {
		n = epoll_wait(l->epoll, got, 2, -1);
	} while (n < 0 && errno == EINTR);
	for (int i = 0; i < n; i++)
		if (got[i].data.fd == l->stop_fd)
			return false;
	return n > 0;
}

/* Whether ADDRESS is one of the LIST "192.0.2.1,192.0.2.2" (3.2). */
static bool is_listed(const char *list, const char *address)
{
	size_t n = strlen(address);

	for (const char *p = list; *p;) {
		size_t one;

		p += strspn(p, ", ");
		one = strcspn(p, ", ");
		if (one == n && !strncmp(p, address, n))
			return true;
		p += one;
	}
	return false;
}

/* What TCP needs: who may speak to us, and that small pieces of a stream leave at once. */
static bool welcome_inet(const struct io_listener *l, int fd, const struct sockaddr *peer)
{
	const int on = 1;
	struct address address;
	char text[ADDRESS_TEXT] = "";

	if (l->allowed && *l->allowed) {
		if (address_of_socket(&address, peer))
			address_text(text, &address);
		if (!is_listed(l->allowed, text)) {
			log_warn(NULL, "a connection was refused: FCGI_WEB_SERVER_ADDRS does not list its address", "address", text, NULL);
			return false;
		}
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return true;
}

struct io *io_accept_now(struct io_listener *l)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int fd = accept4(IO_LISTEN_FD, l->is_inet ? (struct sockaddr *)&peer : NULL, l->is_inet ? &len : NULL, SOCK_CLOEXEC);
	struct io_fcgi *f;

	if (fd < 0) {
		if (errno == EINTR || errno == ECONNABORTED)
			errno = EAGAIN;
		return NULL;
	}
	if (l->is_inet && !welcome_inet(l, fd, (struct sockaddr *)&peer)) {
		close(fd);
		errno = EAGAIN;
		return NULL;
	}
	f = xcalloc(1, sizeof(*f));
	f->io.ops = &fcgi_ops;
	f->fd = fd;
	f->sure = SURE_BYTES;
	begin_connection(f);
	return &f->io;
}

/* Too many open files, say: the connection stays queued; trying at once would spin. */
static void accept_failed(int error)
{
	if (error == EAGAIN)
		return;
	log_error(NULL, "cannot accept a connection", "error", strerror(error), NULL);
	poll(NULL, 0, 100);
}

static struct io *next_connection(struct io_listener *l)
{
	struct io *io;

	for (;;) {
		if (!l->to_skip && l->in_a_row++ < ACCEPTS) {
			io = io_accept_now(l);
			if (io) {
				l->skips = 0;
				return io;
			}
			l->skips = l->skips < SKIPS ? l->skips * 2 + 1 : SKIPS;
			l->to_skip = l->skips + 1; /* this one is to come yet */
		}
		if (!wait_for_connection(l))
			return NULL;
		l->in_a_row = 0;
		io = io_accept_now(l);
		if (io) {
			if (l->to_skip)
				l->to_skip--;
			return io;
		}
		accept_failed(errno);
	}
}

/* Whether a request came on it. */
static bool has_begun(struct io_fcgi *f)
{
	const int64_t until = clock_ms() + SILENCE_MS;

	while (!f->fcgi.has_variables && !f->over)
		receive_until(f, until);
	return f->fcgi.has_variables && !f->broken;
}

struct io *io_accept(struct io_listener *l)
{
	struct io *io;

	while ((io = next_connection(l)) && !has_begun(fcgi(io)))
		io_end(io);
	return io;
}
