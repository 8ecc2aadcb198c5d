/* SPDX-License-Identifier: Apache-2.0 */
/* One step per byte, one table for what a byte is, one for what a piece costs. */
#include "config.h"

#include "rpc/token_count.h"

#include <stdbool.h>

enum class { NOTHING, LOWER, UPPER, DIGIT, BLANK, BREAK, SIGN, LATIN, LETTER2, MARK3, SCRIPT3, SCRIPT4, INSIDE };

/* What is counted, and its price in thousandths of a token. */
enum piece {
	WORD,        /* begins */
	LETTER_FEW,  /* the 5th to the 8th letter of a word */
	LETTER_MANY, /* each after them */
	CAPITAL,     /* behind a capital */
	NUMBER,      /* begins, and again with every third digit */
	BLANKS,      /* more than one */
	BREAKS,      /* the first of a line's end and what follows of blanks */
	SIGNS,       /* a run of punctuation begins */
	SIGN_MORE,   /* the third sign of a run, the fifth, … */
	P_LATIN,     /* a letter with an accent */
	P_LETTER2,   /* Greek, Cyrillic, Hebrew, Arabic */
	P_MARK3,     /* typographic signs, scripts of India and their neighbours */
	P_SCRIPT3,   /* Chinese, Japanese, Korean */
	P_SCRIPT4,   /* emoji and what is rare */
	PIECES
};

static const uint16_t price[PIECES] = { 900, 20, 790, 530, 1230, 130, 1540, 630, 225, 790, 345, 500, 765,
	1500 };

enum { BINARY_RUN = 512 };
#define COST(p) (t->milli += price[p])

static enum class class_of(unsigned char c)
{
	if (c >= 'a' && c <= 'z')
		return LOWER;
	if (c >= 'A' && c <= 'Z')
		return UPPER;
	if (c >= '0' && c <= '9')
		return DIGIT;
	if (c == ' ')
		return BLANK;
	if (c < 0x20)
		return BREAK;
	if (c < 0x80)
		return SIGN;
	if (c < 0xc0)
		return INSIDE;
	if (c < 0xcb)
		return LATIN;
	if (c < 0xe0)
		return LETTER2;
	if (c < 0xe3)
		return MARK3;
	return c < 0xf0 ? SCRIPT3 : SCRIPT4;
}

static bool is_word(enum class c)
{
	return c == LOWER || c == UPPER || c == LATIN;
}

static void letter(struct token_count *t, enum class c)
{
	bool goes_on = is_word(t->last) && !(c == UPPER && t->last == LOWER);

	if (!goes_on) {
		t->word = 0;
		COST(WORD);
	} else if (t->word < 8) {
		if (t->word >= 4)
			COST(LETTER_FEW);
	} else {
		COST(LETTER_MANY);
	}
	t->word += t->word < UINT16_MAX;
	if (c == UPPER && t->last == UPPER)
		COST(CAPITAL);
	if (c == LATIN)
		COST(P_LATIN);
}

/* A run of C goes on, or begins. Returns how many came before. */
static unsigned run_of(struct token_count *t, enum class c)
{
	t->word = t->last == c ? t->word + (t->word < UINT16_MAX) : 0;
	return t->word;
}

static void step(struct token_count *t, unsigned char byte)
{
	enum class c = class_of(byte);
	unsigned before;

	if (c == INSIDE)
		return;
	switch (c) {
	case LOWER:
	case UPPER:
	case LATIN:
		letter(t, c);
		break;
	case DIGIT:
		if (run_of(t, c) % 3 == 0)
			COST(NUMBER);
		break;
	case BLANK:
		if (run_of(t, c) == 1)
			COST(BLANKS);
		break;
	case BREAK:
		if (run_of(t, c) == 0)
			COST(BREAKS);
		break;
	case SIGN:
		before = run_of(t, c);
		if (!before)
			COST(SIGNS);
		else if (before % 2 == 0)
			COST(SIGN_MORE);
		break;
	default:
		COST(P_LATIN + (c - LATIN));
	}
	t->last = (unsigned char)c;
}

/*
 * Small letters that go on a word, N of them at most: nearly all of a text. Returns how many were counted; the same as by step().
 */
static size_t letters(struct token_count *t, const char *p, size_t n)
{
	unsigned word = t->word, few, many;
	size_t k = 0;

	if (t->last != LOWER || t->escape || t->run >= BINARY_RUN)
		return 0;
	if (n > BINARY_RUN - t->run)
		n = BINARY_RUN - t->run;
	while (k < n && p[k] >= 'a' && p[k] <= 'z')
		k++;
	if (word + k > UINT16_MAX)
		return 0;
	/* the 5th to the 8th letter of the word, and those behind */
	few = (word + (unsigned)k < 8 ? word + (unsigned)k : 8) - (word < 4 ? 4 : word < 8 ? word : 8);
	few = word + k <= 4 ? 0 : few;
	many = word + k <= 8 ? 0 : (unsigned)k + word - (word < 8 ? 8 : word);
	t->milli += few * price[LETTER_FEW] + many * price[LETTER_MANY];
	t->word = (uint16_t)(word + k);
	t->run = (uint16_t)(t->run + k);
	return k;
}

static bool is_base64(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '+' || c == '/' || c == '-' || c == '_' || c == '=';
}

static void step_unit(struct token_count *t)
{
	/* the lead byte that UTF-8 would have: it is all that counts */
	if (t->unit < 0x80)
		step(t, (unsigned char)t->unit);
	else if (t->unit < 0x800)
		step(t, (unsigned char)(0xc0 | t->unit >> 6));
	else if (t->unit < 0xdc00 && t->unit >= 0xd800)
		step(t, 0xf0);
	else if (t->unit < 0xd800 || t->unit >= 0xe000)
		step(t, (unsigned char)(0xe0 | t->unit >> 12));
}

static void step_escape(struct token_count *t, unsigned char c)
{
	int digit;

	if (t->escape == 1) {
		t->escape = c == 'u' ? 5 : 0;
		t->unit = 0;
		if (c != 'u')
			step(t, c == 'n' || c == 't' || c == 'r' || c == 'b' || c == 'f' ? '\n' : c);
		return;
	}
	digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
	if (digit < 0) { /* no JSON: not ours to judge */
		t->escape = 0;
		return;
	}
	t->unit = (uint16_t)(t->unit << 4 | digit);
	if (--t->escape == 1) {
		t->escape = 0;
		step_unit(t);
	}
}

void token_count_feed(struct token_count *t, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c;

		i += letters(t, p + i, n - i);
		if (i == n)
			break;
		c = (unsigned char)p[i];
		t->run = is_base64(c) ? t->run + (t->run <= BINARY_RUN) : 0;
		if (t->run > BINARY_RUN)
			continue;
		if (t->escape)
			step_escape(t, c);
		else if (c == '\\')
			t->escape = 1;
		else
			step(t, c);
	}
}

uint64_t token_count_of(const struct token_count *t)
{
	return (t->milli + 999) / 1000;
}

uint64_t token_estimate(const char *text, size_t n)
{
	struct token_count t = { .milli = 0 };

	token_count_feed(&t, text, n);
	return token_count_of(&t);
}
