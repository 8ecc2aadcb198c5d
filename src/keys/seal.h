/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing (security: threats page): AES-256-GCM under a key derived per write by HKDF from a ring
 * key and a random salt, with key commitment. The blob is version 1 | id length 1 | key id | salt
 * 16 | commitment 32 | nonce 12 | ciphertext | tag 16 Additional data binds a blob to its place: it
 * is the length-prefixed list of the parts given.
 */
#ifndef GATEHOUSE_KEYS_SEAL_H
#define GATEHOUSE_KEYS_SEAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "keys/ring.h"

struct blob {
	const unsigned char *p;
	size_t n;
};

/* Seals N bytes under the purpose's primary key. PLACE: strings ended by NULL (table, column, row
 * id, …). In the arena. */
struct blob seal(const struct ring *, enum purpose, struct arena *, const void *p, size_t n,
    const char *const *place);

/* Opens a blob; the plain bytes are in the arena, followed by a NUL. False with ERR_INTERNAL,
 * reason "seal_broken", if the key is unknown or retired, or anything was changed or moved. */
bool seal_open(const struct ring *, enum purpose, struct arena *, struct blob,
    const char *const *place, struct blob *plain, struct err *);

/* The usable key that a blob was sealed under; NULL: it is unknown, retired, or no blob. */
const struct key *seal_key(const struct ring *, enum purpose, struct blob);

/* Sealing under a key of the caller's (32 bytes): for what only a presented token may open. Key id
 * is "". */
struct blob seal_with(const unsigned char key[KEY_LEN], struct arena *, const void *p, size_t n,
    const char *const *place);
bool seal_open_with(const unsigned char key[KEY_LEN], struct arena *, struct blob,
    const char *const *place, struct blob *plain, struct err *);

/* A MAC over the parts (strings ended by NULL; the first says what it is for) under the purpose's
 * primary key, for CSRF tokens and tickets. */
void seal_mac(unsigned char out[32], const struct ring *, enum purpose, const char *const *parts);
/* Constant time, any usable key of the purpose. */
bool seal_mac_verify(
    const unsigned char mac[32], const struct ring *, enum purpose, const char *const *parts);

#endif
