/* SPDX-License-Identifier: Apache-2.0 */
/* Masking in a stream: a window that ends before whatever may still become a credential. */
#include "config.h"

#include "mcp/mask.h"

#include <stdint.h>
#include <string.h>

void mask_init(struct mask *m, const struct upstream_secret *secrets)
{
	*m = (struct mask){ .secrets = secrets };
	buf_init(&m->work, SIZE_MAX / 2);
}

void mask_release(struct mask *m)
{
	buf_release(&m->work);
}

static void mask_all(struct buf *work, const char *secret)
{
	size_t n = strlen(secret);
	char *at = work->data;

	while ((at = memmem(at, work->len - (size_t)(at - work->data), secret, n)))
		memset(at, '*', n);
}

/* How many bytes at the end of the window are the beginning of a credential. */
static size_t begun(const struct mask *m)
{
	size_t longest = 0;

	for (const struct upstream_secret *s = m->secrets; s; s = s->next) {
		size_t n = strlen(s->value) - 1;

		if (n > m->work.len)
			n = m->work.len;
		while (n > longest && memcmp(m->work.data + m->work.len - n, s->value, n) != 0)
			n--;
		if (n > longest)
			longest = n;
	}
	return longest;
}

size_t mask_feed(struct mask *m, const char *p, size_t n, const char **out)
{
	*out = p;
	if (!m->secrets)
		return n;
	buf_drop(&m->work, m->done);
	buf_add(&m->work, p, n);
	for (const struct upstream_secret *s = m->secrets; n && s; s = s->next)
		mask_all(&m->work, s->value);
	m->done = m->work.len - (n ? begun(m) : 0);
	*out = m->work.data;
	return m->done;
}

bool mask_finds(const struct upstream_secret *s, const char *text)
{
	for (; s; s = s->next)
		if (strstr(text, s->value))
			return true;
	return false;
}
