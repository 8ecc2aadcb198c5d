/* SPDX-License-Identifier: Apache-2.0 */
/* getrandom(2), and the ids made from it. */
#include "config.h"

#include "base/rand.h"

#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void rand_bytes(void *out, size_t n)
{
	unsigned char *p = out;

	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		p += got;
		n -= (size_t)got;
	}
}

/*
 * 16 bytes for an id. Ids are made for every call: the kernel is asked for many at a time. What was given
 * out is forgotten; keys and tokens are never taken from here.
 */
static void id_bytes(unsigned char out[16])
{
	static _Thread_local unsigned char pool[32 * 16];
	static _Thread_local size_t left;

	if (!left) {
		rand_bytes(pool, sizeof(pool));
		left = sizeof(pool);
	}
	left -= 16;
	memcpy(out, pool + left, 16);
	memset(pool + left, 0, 16);
}

void rand_uuid(char out[UUID_TEXT])
{
	unsigned char b[16];
	char hex[33];

	id_bytes(b);
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	hex_encode(hex, b, sizeof(b));
	memcpy(out, hex, 8);
	out[8] = '-';
	memcpy(out + 9, hex + 8, 4);
	out[13] = '-';
	memcpy(out + 14, hex + 12, 4);
	out[18] = '-';
	memcpy(out + 19, hex + 16, 4);
	out[23] = '-';
	memcpy(out + 24, hex + 20, 13);
}

void rand_request_id(char out[REQUEST_ID_TEXT])
{
	unsigned char b[16];

	id_bytes(b);
	hex_encode(out, b, sizeof(b));
}
