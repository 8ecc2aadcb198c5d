/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arena memory: a list of blocks, filled from the front. Objects of more than a block get one of
 * their own; where a new block would have less room left than the first, small objects go on there.
 */
#include "config.h"

#include "base/arena.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 4096 - 2 * sizeof(void *) - 2 * sizeof(size_t), ALIGN = 16 };

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(ALIGN) char data[];
};

struct deferred {
	struct deferred *next;
	void (*release)(void *);
	void *object;
};

/*
 * Blocks that were freed last, for whoever wants one next: a call's memory is taken by one thread and given back by
 * another, which malloc has a slow way for. AddressSanitizer wants to see each block come and go.
 */
#ifdef __SANITIZE_ADDRESS__
enum { SPARE_MAX = 0 };
#else
enum { SPARE_MAX = 64 };
#endif

static struct {
	pthread_mutex_t lock;
	struct block *first;
	int n;
} spare = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct arena {
	struct block *first;
	struct deferred *deferred;
};

static void out_of_memory(void)
{
	static const char text[] = "gatehouse: out of memory\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)n;
	abort();
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

char *xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t n)
{
	char *p = xmalloc(n + 1);

	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

/* A block of the usual size, or NULL. */
static struct block *spare_take(void)
{
	struct block *b;

	pthread_mutex_lock(&spare.lock);
	b = spare.first;
	if (b) {
		spare.first = b->next;
		spare.n--;
	}
	pthread_mutex_unlock(&spare.lock);
	return b;
}

/* Frees the list, but for some blocks of the usual size. */
static void blocks_free(struct block *b)
{
	struct block *next, *others = NULL, **to;

	pthread_mutex_lock(&spare.lock);
	for (; b; b = next) {
		bool kept = b->size == BLOCK && spare.n < SPARE_MAX;

		next = b->next;
		to = kept ? &spare.first : &others;
		spare.n += kept;
		b->next = *to;
		*to = b;
	}
	pthread_mutex_unlock(&spare.lock);
	for (; others; others = next) {
		next = others->next;
		free(others);
	}
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct deferred *d = a->deferred; d; d = d->next)
		d->release(d->object);
	blocks_free(a->first);
}

static struct block *block_new(size_t size)
{
	struct block *b = size == BLOCK ? spare_take() : NULL;

	if (!b)
		b = xmalloc(sizeof(*b) + size);
	b->next = NULL;
	b->used = 0;
	b->size = size;
	return b;
}

/* It lies in its own first block. */
struct arena *arena_new(void)
{
	struct block *b = block_new(BLOCK);
	struct arena *a = (struct arena *)(void *)b->data;

	*a = (struct arena){ .first = b };
	b->used = (sizeof(*a) + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	return a;
}

/* A block with room for SIZE bytes, where the first one has none. */
static struct block *block_add(struct arena *a, size_t size)
{
	struct block *b = block_new(size > BLOCK ? size : BLOCK);

	if (a->first->size - a->first->used > b->size - size) {
		b->next = a->first->next;
		a->first->next = b;
	} else {
		b->next = a->first;
		a->first = b;
	}
	return b;
}

/* SIZE bytes, whatever is in them. */
static inline void *take(struct arena *a, size_t size)
{
	struct block *b = a->first;
	void *p;

	if (size > SIZE_MAX - 2 * ALIGN)
		out_of_memory();
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!size)
		size = ALIGN;
	if (b->size - b->used < size)
		b = block_add(a, size);
	p = b->data + b->used;
	b->used += size;
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return memset(take(a, size), 0, size);
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
	if (size && n > SIZE_MAX / size)
		out_of_memory();
	return arena_alloc(a, n * size);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = take(a, n + 1);

	if (n)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	char small[256], *p;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	p = arena_alloc(a, (size_t)(n < 0 ? 0 : n) + 1);
	if (n > 0 && (size_t)n < sizeof(small))
		memcpy(p, small, (size_t)n);
	else if (n > 0)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

char *arena_join(struct arena *a, ...)
{
	enum { KNOWN = 8 };
	size_t lengths[KNOWN], n = 0, i = 0;
	const char *s;
	va_list ap;
	char *joined, *p;

	va_start(ap, a);
	for (; (s = va_arg(ap, const char *)); i++) {
		size_t one = strlen(s);

		if (i < KNOWN)
			lengths[i] = one;
		n += one;
	}
	va_end(ap);
	joined = p = take(a, n + 1);
	va_start(ap, a);
	for (i = 0; (s = va_arg(ap, const char *)); i++, p += n) {
		n = i < KNOWN ? lengths[i] : strlen(s);
		memcpy(p, s, n);
	}
	va_end(ap);
	*p = '\0';
	return joined;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}

void arena_defer(struct arena *a, void (*release)(void *), void *object)
{
	struct deferred *d;

	if (!object)
		return;
	d = arena_alloc(a, sizeof(*d));
	d->release = release;
	d->object = object;
	d->next = a->deferred;
	a->deferred = d;
}
