/* SPDX-License-Identifier: Apache-2.0 */
/* One text for each form, and where each row's line ends in it. */
#include "config.h"

#include "keeper/lines.h"

#include <pthread.h>

enum { FORMS = FORM_CEF + 1 };

struct lines {
	pthread_mutex_t lock;
	struct arena *arena;
	const struct db_rows *rows;
	unsigned shared;
	struct {
		struct buf text; /* each line with its end */
		size_t *_Atomic ends; /* of each row's line, behind that; NULL: nobody wanted it yet */
	} of[FORMS];
};

static void destroy(void *p)
{
	struct lines *l = p;

	for (size_t i = 0; i < FORMS; i++)
		buf_release(&l->of[i].text);
	pthread_mutex_destroy(&l->lock);
}

struct lines *lines_new(struct arena *a, const struct db_rows *rows, unsigned shared)
{
	struct lines *l = arena_calloc(a, 1, sizeof(*l));

	pthread_mutex_init(&l->lock, NULL);
	arena_defer(a, destroy, l);
	l->arena = a;
	l->rows = rows;
	l->shared = shared;
	return l;
}

static void make(struct lines *l, enum event_form form)
{
	size_t *ends = arena_calloc(l->arena, l->rows->rows, sizeof(*ends));
	struct buf *b = &l->of[form].text;
	struct form_before before = { .rows = NULL };

	buf_init(b, (l->rows->rows + 1) * FORM_LINE_MAX);
	for (size_t i = 0; i < l->rows->rows; i++) {
		const struct told t = { .arena = l->arena, .rows = l->rows, .row = i };

		if (*told_family(&t)) {
			if (form == FORM_GATEHOUSE)
				form_write_next(b, &t, &before);
			else
				form_write(b, form, &t);
			buf_char(b, '\n');
		}
		ends[i] = b->len;
	}
	l->of[form].ends = ends;
}

const char *lines_of(enum event_form form, const struct told *t, size_t n, size_t *len)
{
	struct lines *l = t->lines;
	size_t from, *ends;

	if (!l || !(l->shared & 1u << form))
		return NULL;
	ends = l->of[form].ends;
	if (!ends) {
		pthread_mutex_lock(&l->lock);
		if (!l->of[form].ends)
			make(l, form);
		ends = l->of[form].ends;
		pthread_mutex_unlock(&l->lock);
	}
	from = t->row ? ends[t->row - 1] : 0;
	*len = ends[t[n - 1].row] - from;
	return buf_text(&l->of[form].text) + from;
}

void lines_write(struct buf *b, enum event_form form, const struct told *t)
{
	size_t len;
	const char *line = lines_of(form, t, 1, &len);

	if (line)
		buf_add(b, line, len ? len - 1 : 0);
	else
		form_write(b, form, t);
}
