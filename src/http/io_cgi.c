/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain CGI (RFC 3875): one request per process, variables in the environment, the body on
 * standard input, the answer on standard output. For hosts that offer nothing else.
 */
#include "config.h"

#include "http/io_internal.h"

#include "base/arena.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECEIVE_MS = 30000, DRAIN_MAX = 16 * 1024 * 1024 };

extern char **environ;

struct io_cgi {
	struct io io;
	size_t left; /* of the body; CGI's standard input need not end */
	bool endless; /* no CONTENT_LENGTH: a chunked body, which ends with the input */
	size_t used;
	char out[IO_BUFFER];
};

static struct io_cgi *cgi(struct io *io)
{
	return (struct io_cgi *)io;
}

static bool write_all(const char *s, size_t n)
{
	while (n) {
		ssize_t put = write(STDOUT_FILENO, s, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		s += put;
		n -= (size_t)put;
	}
	return true;
}

static bool cgi_flush(struct io *io)
{
	bool ok = write_all(cgi(io)->out, cgi(io)->used);

	cgi(io)->used = 0;
	return ok;
}

static bool cgi_write(struct io *io, const void *p, size_t n)
{
	struct io_cgi *c = cgi(io);
	const char *s = p;

	while (n) {
		size_t take = sizeof(c->out) - c->used < n ? sizeof(c->out) - c->used : n;

		memcpy(c->out + c->used, s, take);
		c->used += take;
		s += take;
		n -= take;
		if (c->used == sizeof(c->out) && !cgi_flush(io))
			return false;
	}
	return true;
}

static const char *const *cgi_params(const struct io *io)
{
	(void)io;
	return (const char *const *)environ;
}

static long cgi_read(struct io *io, void *p, size_t n)
{
	struct io_cgi *c = cgi(io);
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t got;

	if (!c->endless && n > c->left)
		n = c->left;
	if (!n)
		return 0;
	do {
		if (poll(&in, 1, RECEIVE_MS) == 0)
			return -1;
		got = read(STDIN_FILENO, p, n);
	} while (got < 0 && errno == EINTR);
	if (got > 0 && !c->endless)
		c->left -= (size_t)got;
	return got;
}

/* Some web servers hand over the whole body before they read the answer: one that was refused unread is read here. */
static void drain(struct io *io)
{
	char scrap[8192];
	size_t left = DRAIN_MAX;
	long n;

	while (left && (n = cgi_read(io, scrap, sizeof(scrap))) > 0)
		left -= (size_t)n < left ? (size_t)n : left;
}

static void cgi_end(struct io *io)
{
	cgi_flush(io);
	drain(io);
	/* the web server ends the answer when its end of the pipe closes; what follows is ours alone */
	close(STDOUT_FILENO);
	free(io);
}

/* The variables are the environment; whether the body has come is not known. */
static enum io_state cgi_advance(struct io *io)
{
	(void)io;
	return IO_LARGE;
}

static bool cgi_has_begun(const struct io *io)
{
	(void)io;
	return true;
}

static void cgi_farewell(struct io *io)
{
	(void)io;
}

static char *cgi_take_body(struct io *io, size_t *n)
{
	(void)io;
	(void)n;
	return NULL;
}

static void cgi_read_done(struct io *io)
{
	(void)io;
}

static bool cgi_is_writable(struct io *io)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	(void)io;
	return poll(&out, 1, 0) == 1;
}

static int cgi_fd(const struct io *io)
{
	(void)io;
	return STDOUT_FILENO;
}

static const struct io_ops cgi_ops = {
	.end = cgi_end,
	.advance = cgi_advance,
	.has_begun = cgi_has_begun,
	.farewell = cgi_farewell,
	.params = cgi_params,
	.read = cgi_read,
	.take_body = cgi_take_body,
	.read_done = cgi_read_done,
	.write = cgi_write,
	.flush = cgi_flush,
	.is_writable = cgi_is_writable,
	.fd = cgi_fd,
};

struct io *io_cgi(void)
{
	const char *length = getenv("CONTENT_LENGTH");
	struct io_cgi *c;

	if (!getenv("REQUEST_METHOD") || !getenv("GATEWAY_INTERFACE"))
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->io.ops = &cgi_ops;
	c->endless = !length || !*length;
	c->left = c->endless ? 0 : strtoul(length, NULL, 10);
	if (c->endless && (!getenv("HTTP_TRANSFER_ENCODING")))
		c->endless = false; /* no length and no coding: there is no body (RFC 3875, 4.1.2) */
	return &c->io;
}
