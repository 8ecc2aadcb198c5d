/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets of others as configuration files keep them: "pbkdf2-sha256$ROUNDS$SALT$HASH", salt and hash
 * in base64url. Slow on purpose: people choose such secrets. (What the gateway makes itself has 256
 * random bits and needs none of this.)
 */
#ifndef GATEHOUSE_BASE_SECRET_HASH_H
#define GATEHOUSE_BASE_SECRET_HASH_H

#include <stdbool.h>

enum { SECRET_HASH_TEXT = 128 };

/* The hash of a secret, under a new salt. */
void secret_hash_make(char out[SECRET_HASH_TEXT], const char *secret);

/* Whether TEXT (may be NULL) has the form: 10,000 to 10,000,000 rounds, 8 to 32 bytes of salt, 32 of hash. */
bool secret_hash_is_valid(const char *text);

/* Whether TEXT is the hash of SECRET; constant time in the secret, false for what is not valid. */
bool secret_hash_matches(const char *text, const char *secret);

#endif
