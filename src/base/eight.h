/* SPDX-License-Identifier: Apache-2.0 */
/* Eight bytes of text as one number, for loops that look for the few bytes that matter. */
#ifndef GATEHOUSE_BASE_EIGHT_H
#define GATEHOUSE_BASE_EIGHT_H

#include <stdint.h>
#include <string.h>

/* The same byte in each place. */
#define EIGHT(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Those at P, wherever it points to. */
static inline uint64_t eight_at(const char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

/* Four of them. */
static inline uint32_t four_at(const char *p)
{
	uint32_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

#endif
