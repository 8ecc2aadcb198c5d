/* SPDX-License-Identifier: Apache-2.0 */
/* Challenges, word by word. */
#include "config.h"

#include "upstream/challenge.h"

#include <string.h>
#include <strings.h>

struct reader {
	struct arena *arena;
	const char *at;
};

static void skip_blanks(struct reader *r)
{
	r->at += strspn(r->at, " \t");
}

/* A token (RFC 9110, 5.6.2) or token68; NULL if there is none here. */
static const char *read_word(struct reader *r)
{
	size_t n = strspn(r->at, "!#$%&'*+-.^_`|~/0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
	const char *word = n ? arena_strndup(r->arena, r->at, n) : NULL;

	r->at += n;
	return word;
}

/* The text of a quoted string; NULL if it does not end. */
static const char *read_quoted(struct reader *r)
{
	char *text = arena_alloc(r->arena, strlen(r->at) + 1), *to = text;

	for (r->at++; *r->at && *r->at != '"'; r->at++) {
		if (*r->at == '\\' && r->at[1])
			r->at++;
		*to++ = *r->at;
	}
	if (*r->at != '"')
		return NULL;
	r->at++;
	return text;
}

static void take(struct challenge *c, const char *name, const char *value)
{
	const struct {
		const char *name, **to;
	} known[] = {
		{ "error", &c->error },
		{ "scope", &c->scope },
		{ "resource_metadata", &c->resource_metadata },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcasecmp(known[i].name, name) && !*known[i].to)
			*known[i].to = value;
}

/*
 * After a word: whether it was the name of a parameter, whose value is read. What has padding behind
 * it ("abc==") is token68, and neither.
 */
static bool read_value(struct reader *r, const char **value)
{
	const struct reader before = *r;

	skip_blanks(r);
	if (*r->at != '=') {
		*r = before;
		return false;
	}
	r->at++;
	skip_blanks(r);
	*value = *r->at == '"' ? read_quoted(r) : read_word(r);
	r->at += strspn(r->at, "=");
	return true;
}

bool challenge_read(struct challenge *c, struct arena *a, const char *header)
{
	struct reader r = { a, header ? header : "" };
	bool found = false, is_bearer = false;

	*c = (struct challenge){ .error = NULL };
	while (*r.at) {
		const char *word, *value = NULL;

		r.at += strspn(r.at, " \t,");
		word = read_word(&r);
		if (!word)
			break;
		if (!read_value(&r, &value)) { /* a scheme, or the token68 behind one */
			if (r.at[0] == ' ' || r.at[0] == '\t' || r.at[0] == ',' || !r.at[0]) {
				is_bearer = !strcasecmp(word, "Bearer");
				found |= is_bearer;
			}
			continue;
		}
		if (is_bearer && value)
			take(c, word, value);
		skip_blanks(&r);
		if (*r.at && *r.at != ',')
			break;
	}
	return found;
}
