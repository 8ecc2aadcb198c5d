/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCRE2 counts its steps anew for each place where a match may begin, so that the limit alone would let a bad pattern
 * take steps times length. Places are therefore tried in slices, and the processor's time is looked at between two.
 */
#include "config.h"

#define PCRE2_CODE_UNIT_WIDTH 8

#include "base/pattern.h"

#include <pcre2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"

enum {
	STEPS = 20000,       /* for one place */
	DEPTH = 2000,        /* of backtracking, where patterns are interpreted */
	HEAP_KB = 4096,      /* for one search */
	STACK_MIN = 32 * 1024,
	STACK_MAX = 512 * 1024,
	SLICE = 2048,        /* places between two looks at the clock */
};

struct pattern {
	pcre2_code *code;
};

struct pattern_search {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	pattern_check *check;
	int64_t until_ns;
	size_t places; /* that were tried since the last look at the clock */
	bool is_over;
};

static void *must_have(void *p)
{
	/* PCRE2 says NULL only where memory ran out: xmalloc() ends the process with its message */
	return p ? p : xmalloc(SIZE_MAX / 2);
}

struct pattern *pattern_new(const char *text, struct err *e)
{
	pcre2_compile_context *limits = must_have(pcre2_compile_context_create(NULL));
	PCRE2_UCHAR why[128];
	struct pattern *p;
	pcre2_code *code;
	size_t at;
	int error;

	pcre2_set_max_pattern_length(limits, PATTERN_MAX);
	/* what a check refuses may be right if it is shorter: then nothing may be made possessive */
	code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C |
	    PCRE2_USE_OFFSET_LIMIT | (strstr(text, "(?C") ? PCRE2_NO_AUTO_POSSESS : 0), &error, &at, limits);
	pcre2_compile_context_free(limits);
	if (!code) {
		pcre2_get_error_message(error, why, sizeof(why));
		err_set(e, ERR_SYNTAX, "", "%s", "");
		err_text(e, "%s, at offset %zu", (const char *)why, at);
		return NULL;
	}
	pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* where it is refused, pcre2_match() interprets */
	p = xmalloc(sizeof(*p));
	p->code = code;
	return p;
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	pcre2_code_free(p->code);
	free(p);
}

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Whether the budget is used up; asked before N more places are tried. */
static bool is_over(struct pattern_search *s, size_t n)
{
	s->places += n;
	if (!s->is_over && s->places > SLICE) {
		s->is_over = cpu_ns() > s->until_ns;
		s->places = 0;
	}
	return s->is_over;
}

static int on_callout(pcre2_callout_block *at, void *own)
{
	const struct pattern_search *s = own;
	const char *from = (const char *)at->subject + at->start_match;

	if (!s->check || at->current_position < at->start_match)
		return 0;
	return s->check(from, at->current_position - at->start_match) ? 0 : 1;
}

struct pattern_search *pattern_search_new(void)
{
	struct pattern_search *s = xcalloc(1, sizeof(*s));

	s->data = must_have(pcre2_match_data_create(1, NULL));
	s->context = must_have(pcre2_match_context_create(NULL));
	s->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL); /* NULL: 32 KiB of the thread's own */
	pcre2_jit_stack_assign(s->context, NULL, s->stack);
	pcre2_set_match_limit(s->context, STEPS);
	pcre2_set_depth_limit(s->context, DEPTH);
	pcre2_set_heap_limit(s->context, HEAP_KB);
	pcre2_set_callout(s->context, on_callout, s);
	s->until_ns = cpu_ns() + (int64_t)PATTERN_BUDGET_MS * 1000000;
	return s;
}

void pattern_search_free(struct pattern_search *s)
{
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	pcre2_jit_stack_free(s->stack);
	free(s);
}

/* Where the character behind the one at AT begins; N at the end. */
static size_t next_character(const char *text, size_t n, size_t at)
{
	for (at++; at < n && ((unsigned char)text[at] & 0xc0) == 0x80; at++)
		continue;
	return at;
}

enum pattern_answer pattern_find(struct pattern_search *s, const struct pattern *p, pattern_check *check, const char *text,
    size_t n, size_t from, size_t *start, size_t *end)
{
	s->check = check;
	while (from < n) {
		size_t last = n - from > SLICE ? from + SLICE : n;
		const size_t *place = pcre2_get_ovector_pointer(s->data);
		int found;

		if (is_over(s, last - from))
			return PATTERN_LIMIT;
		pcre2_set_offset_limit(s->context, last);
		found = pcre2_match(p->code, (PCRE2_SPTR)text, n, from, PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, s->data,
		    s->context);
		if (found < 0 && found != PCRE2_ERROR_NOMATCH)
			return PATTERN_LIMIT;
		if (found >= 0 && place[1] > place[0]) {
			*start = place[0];
			*end = place[1];
			return PATTERN_FOUND;
		}
		/* \K may leave nothing of a match: it is passed over */
		from = next_character(text, n, found < 0 ? last : from);
	}
	return PATTERN_NONE;
}
