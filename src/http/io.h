/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The web server's side of one request, whichever way it reaches us: FastCGI (io_fcgi.c) or plain
 * CGI (io_cgi.c). A handler sees only this.
 *
 * io_write() buffers up to 8 KiB; io_flush() hands it to the web server. Both block when the
 * peer is slow, up to 30 s without any progress: the relay asks io_is_writable() before it lets the buffer run over.
 *
 * A request belongs to one thread at a time, but to any.
 */
#ifndef GATEHOUSE_HTTP_IO_H
#define GATEHOUSE_HTTP_IO_H

#include <stdbool.h>
#include <stddef.h>

struct io;
struct io_listener;

enum {
	IO_LISTEN_FD = 0,
	IO_BUFFER = 8192,
	IO_KEPT = 65536 /* of a body that nobody reads yet */
};

/* How much of a request has come. */
enum io_state {
	IO_COMING = 0, /* not its variables, or not its body: ask again when its descriptor is readable */
	IO_HERE,       /* all of it: reading it does not block */
	IO_LARGE,      /* its variables, and IO_KEPT bytes or more of its body: io_read() may block for the rest */
	IO_GONE        /* there is no request, or it was taken back or answered already: io_end() is all that is left */
};

/*
 * The listening socket that the web server or its helper gave us as descriptor 0. One per request
 * thread, all on the same socket. STOP_FD becomes readable when no more requests are wanted; -1: it is for io_accept_now() alone.
 * NULL if descriptor 0 is no listening socket.
 */
struct io_listener *io_listen(int stop_fd);
void io_listener_free(struct io_listener *);

/* Waits for the next request and reads its variables. NULL: no more are wanted. */
struct io *io_accept(struct io_listener *);

/*
 * For a thread that must not wait. io_accept_now(): a connection, of whose request nothing is known yet. NULL: there is none now, if
 * errno is EAGAIN; else no connection can be accepted (EMFILE), which may last. io_advance() reads what has come, without blocking;
 * how long a request may take to come is for the caller to say.
 */
struct io *io_accept_now(struct io_listener *);
enum io_state io_advance(struct io *);
/* Whether a byte of the request has come. */
bool io_has_begun(const struct io *);

/* The one request of a process started as plain CGI; NULL if it was not. Standard output belongs to it. */
struct io *io_cgi(void);

/*
 * Ends the request: sends what is buffered and the end mark, closes, frees (but see io_on_kept()). Does not block if the body was read to its end (IO_HERE), and
 * io_is_writable(). A body that was refused unread is read here, within limits, while the web server takes the answer.
 */
void io_end(struct io *);

/*
 * Somebody who takes the connection at io_end(), for the web server's next request, where it is FastCGI, FCGI_KEEP_CONN was said, and this
 * one was read and answered whole; OWN is the caller's. Both are called in the thread of io_end().
 */
struct io_keeper {
	bool (*wants)(void *own); /* else the web server is told to close it, and it is closed */
	bool (*keep)(void *own, struct io *); /* gets it as io_accept_now() would give it. False: it is closed after all */
};

/* NULL: every connection is closed with its request. */
void io_on_kept(struct io *, const struct io_keeper *, void *own);
/* On a connection that came so, and on which nothing has come since: tells the web server to close it. Once is enough. */
void io_farewell(struct io *);

/* A CGI variable of the request ("REQUEST_METHOD"), NULL if absent. Valid until the request ends, or io_read_done(). */
const char *io_param(const struct io *, const char *name);
/* All variables, "NAME=value", ended by NULL. */
const char *const *io_params(const struct io *);

/* Reads up to N bytes of the body: their number, 0 at the end, -1 if the peer left or was silent for 30 s. */
long io_read(struct io *, void *, size_t n);
/*
 * The whole body, if all of it is here and nothing was read yet: *N bytes and a NUL, to be freed by the caller. NULL if it is to be
 * read by io_read(). Nothing is left to be read afterwards.
 */
char *io_take_body(struct io *, size_t *n);
/* The body was read to its end, and neither it nor the variables will be asked for again: they are freed. */
void io_read_done(struct io *);

/* False when the peer is gone. */
bool io_write(struct io *, const void *, size_t n);
bool io_flush(struct io *);
/* Whether IO_BUFFER bytes can be written now without blocking; the system is seldom asked. */
bool io_is_writable(struct io *);
/*
 * Whether the web server's end of sending means that the client is gone. Not under plain CGI, where some servers
 * end their half with the request's body.
 */
bool io_tells_leaving(const struct io *);
/* The connection's descriptor, for epoll (EPOLLOUT, EPOLLRDHUP). Its flags must not be changed. */
int io_fd(const struct io *);

#endif
