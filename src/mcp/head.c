/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the head of an answer. */
#include "config.h"

#include "mcp/head.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* "HTTP/1.1 200 OK" */
static void begin(struct head *h, const char *line, size_t n)
{
	const char *blank = memchr(line, ' ', n);
	int status = 0;

	h->fields = NULL;
	h->open = true;
	if (blank && n - (size_t)(blank - line) > 3)
		for (int i = 1; i <= 3; i++) {
			if (!isdigit((unsigned char)blank[i])) {
				status = 0;
				break;
			}
			status = status * 10 + (blank[i] - '0');
		}
	h->status = status;
}

static void add(struct head *h, struct arena *a, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n), *value, *end = line + n;
	struct head_field *f;
	char *name;

	if (!colon || colon == line || memchr(line, '\0', n))
		return;
	name = arena_strndup(a, line, (size_t)(colon - line));
	for (char *p = name; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
	for (value = colon + 1; value < end && (*value == ' ' || *value == '\t');)
		value++;
	while (end > value && isspace((unsigned char)end[-1]))
		end--;
	f = arena_alloc(a, sizeof(*f));
	f->name = name;
	f->value = arena_strndup(a, value, (size_t)(end - value));
	f->next = h->fields;
	h->fields = f;
}

enum head_step head_line(struct head *h, struct arena *a, const char *line, size_t n)
{
	h->bytes += n;
	if (h->bytes > HEAD_BYTES)
		return HEAD_TOO_LARGE;
	if (!h->open) {
		begin(h, line, n);
	} else if (n > 0 && *line != '\r' && *line != '\n') {
		add(h, a, line, n);
	} else {
		h->open = false;
		if (h->status < 100 || h->status >= 200) /* else the answer is still to come */
			return HEAD_COMPLETE;
	}
	return HEAD_MORE;
}

const char *head_get(const struct head *h, const char *name)
{
	for (const struct head_field *f = h->fields; f; f = f->next)
		if (*f->name == *name && !strcmp(f->name, name))
			return f->value;
	return NULL;
}

bool head_is_stream(const struct head *h)
{
	static const char type[] = "text/event-stream";
	const char *s = head_get(h, "content-type");
	size_t n = sizeof(type) - 1;

	return s && !strncasecmp(s, type, n) && strchr("; \t", s[n]);
}
