/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A web server's side made of memory: a program that includes this answers io_*() itself, so
 * that the linker leaves the back ends out.
 */
#ifndef GATEHOUSE_T_UNIT_FAKE_IO_H
#define GATEHOUSE_T_UNIT_FAKE_IO_H

#include "base/buf.h"
#include "http/io.h"

#include <string.h>

struct io {
	const char *params[32]; /* "NAME=value", ended by NULL */
	const char *body;
	size_t body_len, body_read;
	bool broken; /* the body ends in an error */
	struct buf out;
};

struct io *io_cgi(void)
{
	return NULL;
}

struct io_listener *io_listen(int stop_fd)
{
	(void)stop_fd;
	return NULL;
}

void io_listener_free(struct io_listener *l)
{
	(void)l;
}

struct io *io_accept(struct io_listener *l)
{
	(void)l;
	return NULL;
}

struct io *io_accept_now(struct io_listener *l)
{
	(void)l;
	return NULL;
}

enum io_state io_advance(struct io *io)
{
	(void)io;
	return IO_LARGE;
}

void io_end(struct io *io)
{
	(void)io;
}

const char *io_param(const struct io *io, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *p = io->params; *p; p++)
		if (!strncmp(*p, name, n) && (*p)[n] == '=')
			return *p + n + 1;
	return NULL;
}

const char *const *io_params(const struct io *io)
{
	return io->params;
}

long io_read(struct io *io, void *p, size_t n)
{
	size_t left = io->body_len - io->body_read;

	if (!left)
		return io->broken ? -1 : 0;
	if (n > left)
		n = left;
	memcpy(p, io->body + io->body_read, n);
	io->body_read += n;
	return (long)n;
}

char *io_take_body(struct io *io, size_t *n)
{
	(void)io;
	(void)n;
	return NULL;
}

void io_read_done(struct io *io)
{
	(void)io;
}

bool io_write(struct io *io, const void *p, size_t n)
{
	return buf_add(&io->out, p, n);
}

bool io_flush(struct io *io)
{
	(void)io;
	return true;
}

bool io_is_writable(struct io *io)
{
	(void)io;
	return true;
}

bool io_tells_leaving(const struct io *io)
{
	(void)io;
	return true;
}

int io_fd(const struct io *io)
{
	(void)io;
	return -1;
}

#endif
