/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as it is written member by member into a buffer: commas take care of themselves, absent values are left out. */
#ifndef GATEHOUSE_KEEPER_JSON_WRITE_H
#define GATEHOUSE_KEEPER_JSON_WRITE_H

#include <stdint.h>
#include <string.h>

#include "base/buf.h"

static inline void jw_name(struct buf *b, const char *name)
{
	char last = b->len ? b->data[b->len - 1] : '{';

	if (last != '{' && last != '[' && last != '\n')
		buf_char(b, ',');
	if (!name)
		return;
	buf_char(b, '"');
	buf_str(b, name);
	buf_str(b, "\":");
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
	buf_printf(b, "%lld", (long long)value);
}

#endif
