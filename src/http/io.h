/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The web server's side of one request, whichever way it reaches us. FastCGI through libfcgi
 * here; other back ends fill the same struct.
 *
 * io_write() buffers up to 8 KiB; io_flush() hands it to the web server. Both block when the
 * peer is slow: the relay asks io_is_writable() first.
 */
#ifndef GATEHOUSE_HTTP_IO_H
#define GATEHOUSE_HTTP_IO_H

#include <stdbool.h>
#include <stddef.h>

struct io;

/* A CGI variable of the request ("REQUEST_METHOD"), NULL if absent. Valid until the request ends. */
const char *io_param(const struct io *, const char *name);
/* All variables, "NAME=value", ended by NULL. */
const char *const *io_params(const struct io *);
/* Reads up to N bytes of the body: their number, 0 at the end, -1 if the peer left or was silent for 30 s. */
long io_read(struct io *, void *, size_t n);
/* False when the peer is gone. */
bool io_write(struct io *, const void *, size_t n);
bool io_flush(struct io *);
/* Whether 8 KiB can be written now without blocking. */
bool io_is_writable(const struct io *);
/* The connection's descriptor, for epoll (EPOLLOUT, EPOLLRDHUP). */
int io_fd(const struct io *);

#endif
