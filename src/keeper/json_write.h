/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as it is written member by member into a buffer: commas take care of themselves, absent values are left out. */
#ifndef GATEHOUSE_KEEPER_JSON_WRITE_H
#define GATEHOUSE_KEEPER_JSON_WRITE_H

#include <stdint.h>
#include <string.h>

#include "base/buf.h"

enum { JW_NAME_MAX = 64 }; /* of a member, which needs no escapes */

static inline void jw_name(struct buf *b, const char *name)
{
	char last = b->len ? b->data[b->len - 1] : '{', text[JW_NAME_MAX + 4], *end = text;

	if (last != '{' && last != '[' && last != '\n')
		*end++ = ',';
	if (name) { /* in one piece: there are many names */
		size_t n = strlen(name);

		n = n < JW_NAME_MAX ? n : JW_NAME_MAX;
		*end++ = '"';
		memcpy(end, name, n);
		end += n;
		*end++ = '"';
		*end++ = ':';
	}
	buf_add(b, text, (size_t)(end - text));
}

static inline void jw_open(struct buf *b, const char *name, char bracket)
{
	jw_name(b, name);
	buf_char(b, bracket);
}

static inline void jw_text(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	jw_name(b, name);
	buf_json(b, value);
}

/* VALUE is JSON already (a number, say). */
static inline void jw_raw(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	jw_name(b, name);
	buf_str(b, value);
}

static inline void jw_int(struct buf *b, const char *name, int64_t value)
{
	jw_name(b, name);
	buf_int(b, value);
}

#endif
