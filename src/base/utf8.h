/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef GATEHOUSE_BASE_UTF8_H
#define GATEHOUSE_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length in bytes (1 to 4) of the character at S, of which N bytes may be read; 0 if invalid. */
size_t utf8_length(const char *s, size_t n);

/* Whether all N bytes are valid. */
bool utf8_is_valid(const char *s, size_t n);

/* Writes code point C (a scalar value) at OUT (4 bytes); returns how many it wrote. */
size_t utf8_encode(char *out, uint32_t c);

/*
 * The code point of the valid character at S, its length in *LEN (1 to 4).
 * The caller has checked validity.
 */
uint32_t utf8_decode(const char *s, size_t *len);

#endif
