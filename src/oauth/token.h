/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything we hand out that is worth stealing has one form: three characters that say what it
 * is, 43 of base64url (256 random bits), 6 of checksum. The checksum keeps typing errors and
 * scanners away from the database; it is no protection.
 *
 * The database knows only HMAC-SHA-256 of the text, under a pepper of the key ring.
 */
#ifndef GATEHOUSE_OAUTH_TOKEN_H
#define GATEHOUSE_OAUTH_TOKEN_H

#include "base/arena.h"
#include "base/hash.h"
#include "db/db.h"
#include "keys/ring.h"

enum token_kind {
	TOKEN_ACCESS,  /* at_ */
	TOKEN_REFRESH, /* rt_ */
	TOKEN_CODE,    /* ac_: authorization code */
	TOKEN_SECRET,  /* cs_: client secret */
	TOKEN_SESSION, /* bs_: browser session cookie */
	TOKEN_ATTEMPT, /* ba_: cookie of one attempt to authorize */
	TOKEN_KINDS
};

enum { TOKEN_LEN = 3 + 43 + 6, TOKEN_TEXT = TOKEN_LEN + 1 };

/* A new one, NUL-terminated. */
void token_make(char out[TOKEN_TEXT], enum token_kind);

/* Whether TEXT (may be NULL) has the form of this kind and its checksum is right. */
bool token_is(const char *text, enum token_kind);

/* TEXT under one pepper. */
void token_hash(unsigned char out[HASH_LEN], const struct key *pepper, const char *text);

/* The hash to store, under the primary pepper. Bytes are in the arena; PEPPER_ID is the ring's. */
struct db_param token_hash_new(
    const struct ring *, struct arena *, const char *text, const char **pepper_id);

/* The hashes to look up: a bytea[] of TEXT under every usable pepper. */
struct db_param token_hashes(const struct ring *, struct arena *, const char *text);

/* 32 bytes that only the text of a token yields, told apart by LABEL: a key to seal with. */
void token_key(unsigned char out[KEY_LEN], const char *text, const char *label);

#endif
