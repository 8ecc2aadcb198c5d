/* SPDX-License-Identifier: Apache-2.0 */
/* The web server's side of a request, handed to its back end. */
#include "config.h"

#include "http/io_internal.h"

#include <string.h>

void io_end(struct io *io)
{
	io->ops->end(io);
}

void io_on_kept(struct io *io, const struct io_keeper *keeper, void *own)
{
	io->keeper = keeper;
	io->keeper_own = own;
}

void io_farewell(struct io *io)
{
	io->ops->farewell(io);
}

enum io_state io_advance(struct io *io)
{
	return io->ops->advance(io);
}

bool io_has_begun(const struct io *io)
{
	return io->ops->has_begun(io);
}

const char *const *io_params(const struct io *io)
{
	return io->ops->params(io);
}

const char *io_param(const struct io *io, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *p = io_params(io); *p; p++)
		if (**p == *name && !strncmp(*p, name, n) && (*p)[n] == '=')
			return *p + n + 1;
	return NULL;
}

long io_read(struct io *io, void *p, size_t n)
{
	return io->ops->read(io, p, n);
}

char *io_take_body(struct io *io, size_t *n)
{
	return io->ops->take_body(io, n);
}

void io_read_done(struct io *io)
{
	io->ops->read_done(io);
}

bool io_write(struct io *io, const void *p, size_t n)
{
	return io->ops->write(io, p, n);
}

bool io_flush(struct io *io)
{
	return io->ops->flush(io);
}

bool io_is_writable(struct io *io)
{
	return io->ops->is_writable(io);
}

bool io_tells_leaving(const struct io *io)
{
	return io->ops->tells_leaving;
}

int io_fd(const struct io *io)
{
	return io->ops->fd(io);
}
