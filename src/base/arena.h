/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that ends with a request. Everything taken from an arena, and every foreign
 * object handed to it, is released by one call, newest first.
 *
 * The process ends with a logged message when memory runs out (it is restarted; a
 * half-built answer is worse), so no function here returns NULL. Not thread-safe: an
 * arena belongs to one thread at a time.
 */
#ifndef GATEHOUSE_BASE_ARENA_H
#define GATEHOUSE_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

/* A new, empty arena; the caller ends it with arena_free(). */
struct arena *arena_new(void);

/* Runs the deferred releases, newest first, then frees all memory. NULL is allowed. */
void arena_free(struct arena *);

/* SIZE bytes, zeroed, aligned for any type. */
void *arena_alloc(struct arena *, size_t size);

/* N elements of SIZE bytes, zeroed; the process ends if N * SIZE overflows. */
void *arena_calloc(struct arena *, size_t n, size_t size);

/* A copy of S, of the first N bytes at S (NUL-terminated; embedded NULs kept), of a format. */
char *arena_strdup(struct arena *, const char *s);
char *arena_strndup(struct arena *, const char *s, size_t n);
char *arena_printf(struct arena *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The strings one after the other, up to a NULL. */
char *arena_join(struct arena *, ...) __attribute__((sentinel));
char *arena_vprintf(struct arena *, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* RELEASE(OBJECT) will run when the arena ends. A NULL object is ignored. */
void arena_defer(struct arena *, void (*release)(void *), void *object);

/* malloc, calloc, realloc, strdup that end the process with a message instead of returning NULL. */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);

#endif
