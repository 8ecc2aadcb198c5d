/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign text that goes on to others is taken by its form alone. */
#include "config.h"

#include "rpc/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID_MAX = 64, TEXT_MAX = 512 };

static bool is_hex(const char *s, size_t n)
{
	bool zero = true;

	for (size_t i = 0; i < n; i++) {
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
		zero &= s[i] == '0';
	}
	return !zero;
}

static bool is_flags(const char *s)
{
	return !memcmp(s, "00", 2) || is_hex(s, 2);
}

const char *trace_parent(struct arena *a, const char *text, size_t n)
{
	if (!text || n < TRACE_PARENT_LEN || n > TEXT_MAX)
		return NULL;
	if (!is_flags(text) || !memcmp(text, "ff", 2) || text[2] != '-' || !is_hex(text + 3, 32) || text[35] != '-' ||
	    !is_hex(text + 36, 16) || text[52] != '-' || !is_flags(text + 53))
		return NULL;
	if (n > TRACE_PARENT_LEN && (!memcmp(text, "00", 2) || text[TRACE_PARENT_LEN] != '-'))
		return NULL;
	return arena_strndup(a, text, TRACE_PARENT_LEN);
}

const char *trace_parent_of(struct arena *a, struct span meta)
{
	char text[TEXT_MAX];
	struct span value = scan_member(meta, "traceparent");

	return scan_kind(value) == '"' && scan_copy(value, text, sizeof(text)) ? trace_parent(a, text, strlen(text)) : NULL;
}

struct span trace_parent_span(struct span meta)
{
	static const struct span none = { NULL, 0 };
	struct span value = scan_member(meta, "traceparent");
	struct arena *a;
	bool sound;

	if (scan_kind(value) != '"')
		return none;
	a = arena_new();
	sound = trace_parent_of(a, meta) != NULL;
	arena_free(a);
	return sound ? value : none;
}

const char *trace_state_of(struct arena *a, struct span meta)
{
	char text[TEXT_MAX + 1];
	struct span value = scan_member(meta, "tracestate");

	if (scan_kind(value) != '"' || !scan_copy(value, text, sizeof(text)) || !*text)
		return NULL;
	for (const char *s = text; *s; s++)
		if (*s < 0x20 || *s > 0x7e)
			return NULL;
	return arena_strdup(a, text);
}

/* The 32 digits of a UUID. */
static void digits_of(char out[33], const char *uuid)
{
	size_t n = 0;

	for (; uuid && *uuid && n < 32; uuid++)
		if (*uuid != '-')
			out[n++] = *uuid;
	while (n < 32)
		out[n++] = '0';
	out[32] = '\0';
}

void trace_ids(struct trace_ids *t, const char *event, const char *parent)
{
	digits_of(t->trace, event);
	memcpy(t->server, t->trace, 16);
	memcpy(t->client, t->trace + 16, 16);
	t->server[16] = t->client[16] = t->parent[0] = '\0';
	t->flags = 1;
	if (!parent || strlen(parent) < TRACE_PARENT_LEN)
		return;
	memcpy(t->trace, parent + 3, 32);
	memcpy(t->parent, parent + 36, 16);
	t->parent[16] = '\0';
	t->flags = (unsigned)strtoul(parent + 53, NULL, 16);
}

void trace_parent_write(char out[TRACE_PARENT_LEN + 1], const struct trace_ids *t)
{
	snprintf(out, TRACE_PARENT_LEN + 1, "00-%s-%s-%02x", t->trace, t->client, t->flags & 3u);
}

const char *trace_rpc_id(struct arena *a, struct span id)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	char text[ID_MAX + 1];

	if (scan_kind(id) == '0' && id.n <= 20)
		return arena_strndup(a, id.p, id.n);
	if (scan_kind(id) != '"' || !scan_copy(id, text, sizeof(text)) || strspn(text, allowed) != strlen(text))
		return NULL;
	return arena_strdup(a, text);
}

const char *trace_resource(struct arena *a, const char *uri)
{
	char *cut = arena_strndup(a, uri, strcspn(uri, "?#")), *at;
	char *authority = strstr(cut, "://");

	if (!authority)
		return cut;
	authority += 3;
	at = memrchr(authority, '@', strcspn(authority, "/"));
	if (at)
		memmove(authority, at + 1, strlen(at + 1) + 1);
	return cut;
}
