/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key ring: a directory with one file per purpose (gatehouse-keys(5)). Each line holds
 * an id, a state and 32 random bytes in base64url (signing: a P-256 key, PKCS #8). A purpose has
 * exactly one primary key; active ones still open and verify; retired ones do nothing.
 *
 * A file is refused (ERR_CONFIG, naming the file, what is wrong, and the remedy) if it is group- or
 * world-readable, a symlink, no regular file, owned by another user than the process's (root's
 * files serve root only), empty, without exactly one primary key, malformed, or holds a known test
 * key.
 */
#ifndef GATEHOUSE_KEYS_RING_H
#define GATEHOUSE_KEYS_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

enum purpose {
	KEY_PEPPER,
	KEY_SESSION,
	KEY_CLAIMS,
	KEY_VAULT,
	KEY_AUDIT,
	KEY_SIGNING,
	KEY_PURPOSES
};
enum key_state { KEY_PRIMARY, KEY_ACTIVE, KEY_RETIRED };
enum { KEY_LEN = 32, KEY_ID_MAX = 32, KEY_DER_MAX = 256 /* of a signing key: 138 for P-256 */ };

/* "pepper", "session", ...; "primary", "active", "retired" */
const char *purpose_name(enum purpose);
const char *key_state_name(enum key_state);

struct key {
	char id[KEY_ID_MAX + 1]; /* [a-z0-9-]+, unique in its file */
	enum key_state state;
	unsigned char bytes[KEY_LEN]; /* signing: unused */
	char *pem;                    /* signing only: the private key */
};

struct ring;

/*
 * Opens the files of the purposes in MASK (bits 1 << purpose) under DIR. The ring is read-only
 * afterwards and may be shared by threads; its memory is locked and wiped at the end.
 * NULL with ERR_CONFIG.
 */
struct ring *ring_open(const char *dir, unsigned mask, struct err *);
void ring_close(struct ring *);

/* The primary key of a purpose that was opened. Never NULL: asking for another ends the process. */
const struct key *ring_primary(const struct ring *, enum purpose);
/* A key by id, in primary or active state; NULL if none. */
const struct key *ring_find(const struct ring *, enum purpose, const char *id);
/* All usable keys, primary first: the I-th, or NULL past the end. */
const struct key *ring_at(const struct ring *, enum purpose, size_t i);

/* The I-th key in any state, retired ones last, or NULL past the end: for lists. */
const struct key *ring_entry(const struct ring *, enum purpose, size_t i);

/* For tests and fuzzers: an empty ring, and the content of one file (N bytes, then a NUL; it is
 * taken apart). Returns NULL, or what is wrong with it ("has two primary keys"). */
struct ring *ring_new(void);
const char *ring_parse(struct ring *, enum purpose, char *text, size_t n);

/* Makes DIR (0700) and a file (0400) with one primary key for each purpose that has none. Existing
 * files are never touched. *MADE (may be NULL) counts the new files. */
bool ring_init(const char *dir, unsigned *made, struct err *);

/*
 * Changes of a file that is there. It is rewritten whole, beside itself, and renamed: whoever reads
 * meanwhile sees the old file or the new one. Comments, order, mode and group stay. ERR_CONFIG:
 * the file is refused, the key is not there, or it may not change so.
 */
/* Adds a new active key; ID gets its id. */
bool ring_add(const char *dir, enum purpose, char id[KEY_ID_MAX + 1], struct err *);
/* Makes an active key the primary one; the one that was becomes active. */
bool ring_make_primary(const char *dir, enum purpose, const char *id, struct err *);
/*
 * Retires an active key, if MAY agrees: it is asked when the key was found fit, while nobody else
 * changes the file, and says why not.
 */
bool ring_retire(const char *dir, enum purpose, const char *id,
    bool (*may)(void *own, struct err *), void *own, struct err *);

/*
 * Writes the public halves of the signing keys that are not retired to DIR/jwks.json, a key set (RFC 7517)
 * that everybody may read: what discovery.fcgi publishes. ERR_CONFIG.
 */
bool ring_publish(const char *dir, struct err *);
/* Whether that is what stands there. Also false, with ERR_CONFIG, where the keys cannot be read. */
bool ring_is_published(const char *dir, struct err *);
#define RING_PUBLISHED "jwks.json"

/*
 * Programs that run as users of their own (ring_share.c). ring_reader: the I-th program that reads
 * keys, or NULL past the end. ring_share: makes or renews DIR/PROGRAM with copies (0400, of this
 * user and group) of the files that it reads. ring_folder: DIR/PROGRAM if it is there, else DIR.
 */
const char *ring_reader(size_t i);
bool ring_share(const char *dir, size_t reader, uid_t, gid_t, struct err *);
const char *ring_folder(struct arena *, const char *dir, const char *program);

#endif
