/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a project, in the order found. */
#include "config.h"

#include "conf/problem.h"

#include <stdarg.h>
#include <string.h>

enum { PROBLEMS_FIRST = 16 };

struct problems {
	struct arena *arena;
	struct problem *list;
	size_t n, cap;
};

struct problems *problems_new(struct arena *a)
{
	struct problems *ps = arena_alloc(a, sizeof(*ps));

	ps->arena = a;
	return ps;
}

/* The list only ever grows while one project is read: the outgrown copies end with the arena. */
static struct problem *next_place(struct problems *ps)
{
	if (ps->n == ps->cap) {
		size_t cap = ps->cap ? ps->cap * 2 : PROBLEMS_FIRST;
		struct problem *list = arena_calloc(ps->arena, cap, sizeof(*list));

		if (ps->n)
			memcpy(list, ps->list, ps->n * sizeof(*list));
		ps->list = list;
		ps->cap = cap;
	}
	return &ps->list[ps->n++];
}

/*
 * Names come from files that may hold anything: a terminal must not be told to do things by
 * them.
 */
static const char *printable(char *s)
{
	for (char *p = s; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return s;
}

void problem_add(struct problems *ps, bool is_error, const char *file, const char *pointer,
    const char *remedy, const char *fmt, ...)
{
	struct problem *p = next_place(ps);
	va_list ap;

	va_start(ap, fmt);
	p->is_error = is_error;
	p->file = arena_strdup(ps->arena, file);
	p->pointer = printable(arena_strdup(ps->arena, pointer));
	p->text = printable(arena_vprintf(ps->arena, fmt, ap));
	p->remedy = printable(arena_strdup(ps->arena, remedy));
	va_end(ap);
}

bool problems_at(const struct problems *ps, size_t i, struct problem *out)
{
	if (i >= ps->n)
		return false;
	*out = ps->list[i];
	return true;
}

size_t problems_count(const struct problems *ps, bool errors)
{
	size_t count = 0;

	for (size_t i = 0; i < ps->n; i++)
		count += ps->list[i].is_error == errors;
	return count;
}

size_t problems_mark(const struct problems *ps)
{
	return ps->n;
}

const char *problems_fault(const struct problems *ps, size_t mark)
{
	for (size_t i = mark; i < ps->n; i++) {
		const struct problem *p = &ps->list[i];

		if (p->is_error)
			return arena_printf(ps->arena, "%s#%s: %s", p->file, p->pointer, p->text);
	}
	return NULL;
}

const char *pointer_member(struct arena *a, const char *base, const char *name)
{
	size_t len = strlen(base), extra = 0;
	char *out, *p;

	for (const char *s = name; *s; s++)
		extra += *s == '~' || *s == '/';
	out = arena_alloc(a, len + 1 + strlen(name) + extra + 1);
	memcpy(out, base, len);
	p = out + len;
	*p++ = '/';
	for (const char *s = name; *s; s++) {
		if (*s == '~' || *s == '/') {
			*p++ = '~';
			*p++ = *s == '~' ? '0' : '1';
		} else {
			*p++ = *s;
		}
	}
	return out;
}

const char *pointer_item(struct arena *a, const char *base, size_t index)
{
	return arena_printf(a, "%s/%zu", base, index);
}
