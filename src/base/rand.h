/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes from the kernel. There is no answer without them: failure ends the process. */
#ifndef GATEHOUSE_BASE_RAND_H
#define GATEHOUSE_BASE_RAND_H

#include <stddef.h>

enum { UUID_TEXT = 37, REQUEST_ID_TEXT = 33 };

void rand_bytes(void *out, size_t n);

/* A random (version 4) UUID, RFC 9562 section 5.4, in lower case. */
void rand_uuid(char out[UUID_TEXT]);

/* 32 lower-case hex digits: a request id. Made from a buffer of random bytes, not secret. */
void rand_request_id(char out[REQUEST_ID_TEXT]);

#endif
