/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the key ring share: reading a file's text, and making lines of it. */
#ifndef GATEHOUSE_KEYS_RING_INTERNAL_H
#define GATEHOUSE_KEYS_RING_INTERNAL_H

#include <sys/stat.h>

#include "base/b64.h"
#include "keys/ring.h"

enum {
	RING_FILE_MAX = 16 * 1024, /* bytes of one file */
	RING_SECRET_MAX = B64URL_LEN(KEY_DER_MAX),
	RING_LINE_MAX = RING_SECRET_MAX + 128
};

/* ERR_CONFIG: WHAT is wrong with the file, and what to do; both may be shown. */
bool ring_refuse(
    struct err *, const char *dir, enum purpose, const char *what, const char *remedy);

/*
 * The text of a file that may be believed, with a NUL behind its *N bytes; to be wiped by the
 * caller. ST (may be NULL) is what the file is. ERR_CONFIG.
 */
bool ring_read_text(const char *dir, enum purpose, char text[RING_FILE_MAX + 2], size_t *n,
    struct stat *st, struct err *);

/* A line with a new key in a state, whose id tells the day. Returns its length. */
size_t ring_new_line(
    enum purpose, enum key_state, char id[KEY_ID_MAX + 1], char out[RING_LINE_MAX]);

/* Writes a new file of this name: all of it, or false with errno. MODE is kept from umask. */
bool ring_write_file(int dirfd, const char *name, mode_t mode, const char *text, size_t n);

#endif
