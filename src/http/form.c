/* SPDX-License-Identifier: Apache-2.0 */
/* Queries and forms (application/x-www-form-urlencoded). */
#include "config.h"

#include "http/http.h"

#include "base/uri.h"
#include "base/utf8.h"

#include <string.h>

static char *decode(struct arena *a, const char *s, size_t n)
{
	char *text = uri_decode(a, s, n, true);

	return text && utf8_is_valid(text, strlen(text)) ? text : NULL;
}

static size_t count_pairs(const char *text, size_t n)
{
	size_t pairs = 1;

	for (size_t i = 0; i < n; i++)
		pairs += text[i] == '&';
	return pairs;
}

bool form_parse(struct form *f, struct arena *a, const char *text, size_t n, unsigned pairs_max,
    struct err *e)
{
	const char *end = text + n;

	*f = (struct form){ .n = 0 };
	if (!n)
		return true;
	if (count_pairs(text, n) > pairs_max)
		return err_set(e, ERR_INVALID_REQUEST, "too many parameters", "over %u", pairs_max);
	f->pairs = arena_calloc(a, count_pairs(text, n), sizeof(*f->pairs));
	while (text < end) {
		const char *stop = memchr(text, '&', (size_t)(end - text));
		const char *equals;

		if (!stop)
			stop = end;
		equals = memchr(text, '=', (size_t)(stop - text));
		if (!equals)
			equals = stop;
		if (stop > text) {
			const char *value = equals < stop ? equals + 1 : stop;

			f->pairs[f->n].name = decode(a, text, (size_t)(equals - text));
			f->pairs[f->n].value = decode(a, value, (size_t)(stop - value));
			if (!f->pairs[f->n].name || !f->pairs[f->n].value)
				return err_set(e, ERR_INVALID_REQUEST, "a parameter is not valid UTF-8 "
				    "or has a broken percent escape", "pair %zu", f->n + 1);
			f->n++;
		}
		text = stop + 1;
	}
	return true;
}

const char *form_get(const struct form *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->pairs[i].name, name))
			return f->pairs[i].value[0] ? f->pairs[i].value : NULL;
	return NULL;
}

static bool may_repeat(const char *const *allowed, const char *name)
{
	for (; allowed && *allowed; allowed++)
		if (!strcmp(*allowed, name))
			return true;
	return false;
}

bool form_unique(const struct form *f, const char *const *allowed, struct err *e)
{
	for (size_t i = 1; i < f->n; i++)
		for (size_t j = 0; j < i; j++)
			if (!strcmp(f->pairs[i].name, f->pairs[j].name) &&
			    !may_repeat(allowed, f->pairs[i].name))
				return err_set(e, ERR_INVALID_REQUEST, "a parameter occurs twice",
				    "parameter '%.64s'", f->pairs[i].name);
	return true;
}

bool req_form(struct req *r, struct form *f, struct err *e)
{
	if (strcmp(r->content_type, "application/x-www-form-urlencoded"))
		return err_set(e, ERR_INVALID_REQUEST,
		    "the body must be application/x-www-form-urlencoded", "content type '%.64s'",
		    r->content_type);
	if (strlen(r->body) != r->body_len)
		return err_set(e, ERR_INVALID_REQUEST, "the body has a NUL", "");
	return form_parse(f, r->arena, r->body, r->body_len, r->project->limits.form_pairs, e);
}

bool req_query(struct req *r, struct form *f, struct err *e)
{
	return form_parse(f, r->arena, r->query, strlen(r->query), r->project->limits.form_pairs, e);
}
