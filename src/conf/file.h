/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a project: bounded reads, paths relative to its directory. */
#ifndef GATEHOUSE_CONF_FILE_H
#define GATEHOUSE_CONF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"

struct conf_text {
	char *p; /* in the arena, followed by a NUL that does not count */
	size_t n;
	mode_t mode;
	time_t modified;
};

/*
 * Reads the regular file PATH of at most MAX bytes. False with ERR_NOT_FOUND (no such
 * file), ERR_LIMIT (too large) or ERR_IO; the text begins with a verb ("cannot be read:
 * Permission denied").
 */
bool conf_read(struct conf_text *, struct arena *, const char *path, size_t max, struct err *);

/* PATH if it is absolute, else under DIR; in the arena. */
const char *conf_path(struct arena *, const char *dir, const char *path);

#endif
