/* SPDX-License-Identifier: Apache-2.0 */
/* Event streams: what is read does not depend on how the bytes come in. */
#include "config.h"

#include "fuzz.h"

#include "base/buf.h"
#include "rpc/sse.h"

#include <string.h>

/* Data is written as it comes, the end of an event as a byte pair that cannot be mistaken. */
static void on_data(void *own, const char *p, size_t n)
{
	struct buf *b = own;

	for (size_t i = 0; i < n; i++) {
		buf_char(b, 'd');
		buf_char(b, p[i]);
	}
}

static void on_event(void *own)
{
	buf_str(own, "e!");
}

static bool read_in(struct buf *out, const char *p, size_t n, size_t step)
{
	struct sse s;

	sse_init(&s, on_data, on_event, out);
	for (size_t at = 0; at < n; at += step)
		sse_feed(&s, p + at, n - at < step ? n - at : step);
	return sse_at_boundary(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const char *p = (const char *)bytes;
	struct buf whole, parts;
	bool boundary;

	buf_init(&whole, 1 << 24);
	buf_init(&parts, 1 << 24);
	boundary = read_in(&whole, p, n, n ? n : 1);
	for (size_t step = 1; step < 8; step++) {
		buf_clear(&parts);
		must(read_in(&parts, p, n, step) == boundary);
		must(parts.len == whole.len && !memcmp(buf_text(&parts), buf_text(&whole), whole.len));
	}
	must(whole.len <= 2 * n);
	buf_release(&whole);
	buf_release(&parts);
	return 0;
}
