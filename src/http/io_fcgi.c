/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FastCGI through libfcgi. Two things are ours: waiting for a connection in epoll beside a
 * stop descriptor, so that SIGTERM never interrupts a request being read (libfcgi takes EINTR
 * for a broken one), and ending a request without libfcgi's drain, which polls up to 2 s for
 * the peer's close, when there is nothing left to drain.
 */
#include "config.h"

#include "http/io_internal.h"

#include "base/arena.h"
#include "base/log.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { LISTEN_FD = 0, RECEIVE_S = 30 };

struct io_listener {
	int epoll;
	int stop_fd;
};

struct io_fcgi {
	struct io io;
	FCGX_Request fcgi;
	bool drained; /* the body was read to its end */
};

static struct io_fcgi *fcgi(struct io *io)
{
	return (struct io_fcgi *)io;
}

struct io_listener *io_listen(int stop_fd)
{
	struct epoll_event on_accept = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = LISTEN_FD };
	struct epoll_event on_stop = { .events = EPOLLIN, .data.fd = stop_fd };
	struct io_listener *l;
	int listening = 0;
	socklen_t len = sizeof(listening);

	if (getsockopt(LISTEN_FD, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) || !listening)
		return NULL;
	FCGX_Init();
	/* a sibling may take the connection that woke us: accept must not block then */
	fcntl(LISTEN_FD, F_SETFL, fcntl(LISTEN_FD, F_GETFL) | O_NONBLOCK);
	l = xcalloc(1, sizeof(*l));
	l->stop_fd = stop_fd;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, LISTEN_FD, &on_accept) ||
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

/* Too many open files, say: the connection stays queued; trying at once would spin. */
static void accept_failed(int error)
{
	if (error == EAGAIN || error == EINTR || error == ECONNABORTED)
		return;
	log_error(NULL, "cannot accept a connection", "error", strerror(error), NULL);
	poll(NULL, 0, 100);
}

static void fcgi_end(struct io *io)
{
	struct io_fcgi *f = fcgi(io);

	FCGX_FClose(f->fcgi.err);
	FCGX_FClose(f->fcgi.out);
	if (f->drained)
		FCGX_Detach(&f->fcgi);
	FCGX_Free(&f->fcgi, 1);
	free(f);
}

static const char *const *fcgi_params(const struct io *io)
{
	return (const char *const *)((const struct io_fcgi *)io)->fcgi.envp;
}

static long fcgi_read(struct io *io, void *p, size_t n)
{
	struct io_fcgi *f = fcgi(io);
	int got;

	if (!f->fcgi.in)
		return 0;
	got = FCGX_GetStr(p, n > 65536 ? 65536 : (int)n, f->fcgi.in);
	if (got > 0)
		return got;
	if (FCGX_GetError(f->fcgi.in))
		return -1;
	f->drained = true;
	return 0;
}

/*
 * libfcgi has each variable in a heap block of its own, and a buffer for errors. Here the thread frees them that has taken them: a relay that
 * did, at the request's end, would spend more on it than on the answer.
 */
static void fcgi_read_done(struct io *io)
{
	FCGX_FreeStream(&fcgi(io)->fcgi.in);
	FCGX_FClose(fcgi(io)->fcgi.err); /* nobody writes to it: what we have to say goes to our log */
	FCGX_FreeStream(&fcgi(io)->fcgi.err);
	for (char **p = fcgi(io)->fcgi.envp; *p; p++) {
		free(*p);
		*p = NULL; /* libfcgi frees what is left */
	}
}

static bool fcgi_write(struct io *io, const void *p, size_t n)
{
	const char *s = p;

	while (n) {
		int chunk = n > 1 << 20 ? 1 << 20 : (int)n;

		if (FCGX_PutStr(s, chunk, fcgi(io)->fcgi.out) != chunk)
			return false;
		s += chunk;
		n -= (size_t)chunk;
	}
	return true;
}

static bool fcgi_flush(struct io *io)
{
	return FCGX_FFlush(fcgi(io)->fcgi.out) == 0;
}

static int fcgi_fd(const struct io *io)
{
	return ((const struct io_fcgi *)io)->fcgi.ipcFd;
}

static bool fcgi_is_writable(const struct io *io)
{
	struct pollfd p = { .fd = fcgi_fd(io), .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLOUT | POLLERR | POLLHUP));
}

static const struct io_ops fcgi_ops = {
	.end = fcgi_end,
	.params = fcgi_params,
	.read = fcgi_read,
	.read_done = fcgi_read_done,
	.write = fcgi_write,
	.flush = fcgi_flush,
	.is_writable = fcgi_is_writable,
	.fd = fcgi_fd,
	.tells_leaving = true,
};

struct io *io_accept(struct io_listener *l)
{
	const struct timeval receive = { .tv_sec = RECEIVE_S };
	struct io_fcgi *f = xcalloc(1, sizeof(*f));
	int rc;

	f->io.ops = &fcgi_ops;
	FCGX_InitRequest(&f->fcgi, LISTEN_FD, 0);
	while (wait_for_connection(l)) {
		rc = FCGX_Accept_r(&f->fcgi);
		if (rc == 0) {
			setsockopt(f->fcgi.ipcFd, SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof(receive));
			return &f->io;
		}
		accept_failed(-rc);
	}
	free(f);
	return NULL;
}
