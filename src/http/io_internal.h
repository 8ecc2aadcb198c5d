/* SPDX-License-Identifier: Apache-2.0 */
/* A back end of io.h: FastCGI (io_fcgi.c) or plain CGI (io_cgi.c). */
#ifndef GATEHOUSE_HTTP_IO_INTERNAL_H
#define GATEHOUSE_HTTP_IO_INTERNAL_H

#include "http/io.h"

struct io_ops {
	void (*end)(struct io *);
	enum io_state (*advance)(struct io *);
	bool (*has_begun)(const struct io *);
	void (*farewell)(struct io *);
	const char *const *(*params)(const struct io *);
	long (*read)(struct io *, void *, size_t);
	char *(*take_body)(struct io *, size_t *n);
	void (*read_done)(struct io *);
	bool (*write)(struct io *, const void *, size_t);
	bool (*flush)(struct io *);
	bool (*is_writable)(struct io *);
	int (*fd)(const struct io *);
	bool tells_leaving;
};

/* Each back end's struct begins with this. */
struct io {
	const struct io_ops *ops;
	const struct io_keeper *keeper; /* may be NULL */
	void *keeper_own;
};

#endif
