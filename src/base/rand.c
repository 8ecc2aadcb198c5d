/* SPDX-License-Identifier: Apache-2.0 */
/* getrandom(2), and the ids made from it. */
#include "config.h"

#include "base/rand.h"

#include "base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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

void rand_uuid(char out[UUID_TEXT])
{
	unsigned char b[16];
	char hex[33];

	rand_bytes(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	hex_encode(hex, b, sizeof(b));
	snprintf(out, UUID_TEXT, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
	    hex + 20);
}

void rand_request_id(char out[REQUEST_ID_TEXT])
{
	unsigned char b[16];

	rand_bytes(b, sizeof(b));
	hex_encode(out, b, sizeof(b));
}
