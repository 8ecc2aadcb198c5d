/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step per byte, one table for what a byte is, one for what a piece costs. Where the processor compares sixteen bytes at once, plain
 * text is counted by blocks of up to 64: a bit mask for each class, and of masks the pieces. Both ways come to the same, whatever is
 * cut where.
 */
#include "config.h"

#include "rpc/token_count.h"

#include "base/eight.h"

#include <stdbool.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

/* Letters, digits and "+/-_=": bit C says it of the byte C. */
static bool is_base64(unsigned char c)
{
	static const uint64_t of[4] = { 0x23ffa80000000000, 0x07fffffe87fffffe, 0, 0 };

	return of[c >> 6] >> (c & 63) & 1;
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

static void feed_byte(struct token_count *t, unsigned char c)
{
	t->run = is_base64(c) ? t->run + (t->run <= BINARY_RUN) : 0;
	if (t->run > BINARY_RUN)
		return;
	if (t->escape)
		step_escape(t, c);
	else if (c == '\\')
		t->escape = 1;
	else
		step(t, c);
}

/* Fewer bytes than these are cheaper one by one. */
enum { FEW = 8 };

#ifdef __SSE2__

/* ---- up to 64 bytes at once: bit I of a mask is byte I, bits past the last byte are clear ---- */

enum { BLOCK = 64, WORD_MAX = 60000 }; /* nothing that is counted gets near the end of its type */

struct block {
	unsigned n; /* bytes */
	uint64_t of[SIGN + 1]; /* by class, up to SIGN */
};

static uint64_t bits(__m128i m)
{
	return (uint64_t)(unsigned)_mm_movemask_epi8(m);
}

static __m128i between(__m128i v, char from, char to)
{
	return _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8((char)(from - 1))), _mm_cmplt_epi8(v, _mm_set1_epi8((char)(to + 1))));
}

static __m128i either(__m128i a, __m128i b)
{
	return _mm_or_si128(a, b);
}

static __m128i equal(__m128i v, char c)
{
	return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

/* Bytes that differ from what they are to be in no bit but BIT. */
static __m128i but_for(__m128i v, char bit)
{
	return _mm_or_si128(v, _mm_set1_epi8(bit));
}

static inline __m128i base64_in(__m128i v)
{
	__m128i alphabet = either(between(but_for(v, 0x20), 'a', 'z'), between(v, '0', '9'));
	__m128i signs = either(equal(but_for(v, 2), '/'), equal(v, '+')); /* '-' is '/' but for a bit */

	return either(either(alphabet, signs), either(equal(v, '_'), equal(v, '=')));
}

static __m128i load(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* How many bytes of base64 come: they cost nothing more. */
static size_t binary_ahead(const char *p, size_t n)
{
	size_t i = 0;

	while (n - i >= 64 && bits(_mm_and_si128(_mm_and_si128(base64_in(load(p + i)), base64_in(load(p + i + 16))),
	    _mm_and_si128(base64_in(load(p + i + 32)), base64_in(load(p + i + 48))))) == 0xffff)
		i += 64;
	for (; n - i >= 16; i += 16) {
		unsigned others = ~(unsigned)bits(base64_in(load(p + i))) & 0xffff;

		if (others)
			return i + (unsigned)__builtin_ctz(others);
	}
	while (i < n && is_base64((unsigned char)p[i]))
		i++;
	return i;
}

struct masks {
	uint64_t letters, small, digits, blanks, controls;
};

/* The sixteen bytes V, which are the block's from AT on. */
static inline void masks_add(struct masks *m, __m128i v, unsigned at)
{
	m->letters |= bits(between(but_for(v, 0x20), 'a', 'z')) << at;
	m->small |= bits(_mm_slli_epi16(v, 2)) << at; /* the bit 0x20 */
	m->digits |= bits(between(v, '0', '9')) << at;
	m->blanks |= bits(equal(v, ' ')) << at;
	m->controls |= bits(_mm_cmplt_epi8(v, _mm_set1_epi8(' '))) << at;
}

/* Those of V that are not ASCII, or a backslash. */
static uint64_t stops(__m128i v)
{
	return bits(either(v, equal(v, '\\')));
}

/* The first bytes of the 64 at P: N, or as many as are ASCII and no backslash, of which there is one at least. */
static void block_read(struct block *b, const char *p, unsigned n)
{
	const __m128i v[4] = { load(p), load(p + 16), load(p + 32), load(p + 48) };
	__m128i slashes = either(either(equal(v[0], '\\'), equal(v[1], '\\')), either(equal(v[2], '\\'), equal(v[3], '\\')));
	struct masks m = { .letters = 0 };
	uint64_t valid;

	if (bits(either(slashes, either(either(v[0], v[1]), either(v[2], v[3]))))) {
		unsigned plain = (unsigned)__builtin_ctzll(stops(v[0]) | stops(v[1]) << 16 | stops(v[2]) << 32 | stops(v[3]) << 48);

		n = plain < n ? plain : n;
	}
	masks_add(&m, v[0], 0);
	masks_add(&m, v[1], 16);
	masks_add(&m, v[2], 32);
	masks_add(&m, v[3], 48);
	valid = ~(uint64_t)0 >> (BLOCK - n);
	b->n = n;
	b->of[LOWER] = m.letters & m.small & valid;
	b->of[UPPER] = m.letters & ~m.small & valid;
	b->of[DIGIT] = m.digits & valid;
	b->of[BLANK] = m.blanks & valid;
	b->of[BREAK] = m.controls & valid;
	b->of[SIGN] = ~(m.letters | m.digits | m.blanks | m.controls) & valid;
}

static unsigned count(uint64_t m)
{
	m -= m >> 1 & 0x5555555555555555u;
	m = (m & 0x3333333333333333u) + (m >> 2 & 0x3333333333333333u);
	m = (m + (m >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return (unsigned)(m * 0x0101010101010101u >> 56);
}

static unsigned ones_below(uint64_t m)
{
	return ~m ? (unsigned)__builtin_ctzll(~m) : BLOCK;
}

/* How many bits are set at the end of the block. */
static unsigned ones_at_end(const struct block *b, uint64_t m)
{
	m <<= BLOCK - b->n;
	return ~m ? (unsigned)__builtin_clzll(~m) : BLOCK;
}

/* M moved up by K, 0 < K < 64; what comes in below is the top of BEFORE. */
static uint64_t up(uint64_t m, uint64_t before, int k)
{
	return m << k | before >> (BLOCK - k);
}

/* How many letters, digits and signs of base64 the block at P ends in. */
static unsigned base64_at_end(const struct block *b, const char *p)
{
	unsigned n = ones_at_end(b, b->of[LOWER] | b->of[UPPER] | b->of[DIGIT]);

	while (n < b->n && is_base64((unsigned char)p[b->n - 1 - n]))
		n++;
	return n;
}

/* Returns the letters of the word that the block ends in, 0 if it ends in none. */
static unsigned block_words(struct token_count *t, const struct block *b)
{
	uint64_t word = b->of[LOWER] | b->of[UPPER], top = (uint64_t)1 << (BLOCK - 1);
	uint64_t goes_on = word & up(word, is_word(t->last) ? top : 0, 1) & ~(b->of[UPPER] & up(b->of[LOWER], t->last == LOWER ? top : 0, 1));
	uint64_t capital = b->of[UPPER] & up(b->of[UPPER], t->last == UPPER ? top : 0, 1);
	unsigned had = is_word(t->last) ? t->word : 0, before = had > 8 ? 8 : had, trail;
	/* letters before the block that went on, as if they stood in a block of their own */
	uint64_t on1 = before > 1 ? ~(uint64_t)0 << (BLOCK + 1 - before) : 0;
	uint64_t on2 = on1 & on1 << 1, on4 = on2 & on2 << 2;
	uint64_t go2 = goes_on & up(goes_on, on1, 1), go4 = go2 & up(go2, on2, 2), go8 = go4 & up(go4, on4, 4);

	if (word & ~goes_on)
		t->milli += count(word & ~goes_on) * price[WORD];
	if (go4)
		t->milli += count(go4) * price[LETTER_FEW] + count(go8) * (price[LETTER_MANY] - price[LETTER_FEW]);
	if (capital)
		t->milli += count(capital) * price[CAPITAL];
	if (!(word >> (b->n - 1) & 1))
		return 0;
	trail = ones_at_end(b, goes_on);
	return trail == b->n ? had + b->n : trail + 1;
}

/* Digits that were counted of the run at the block's beginning. */
static void block_digits(struct token_count *t, uint64_t m)
{
	unsigned before = t->last == DIGIT ? t->word + 1U : 0;

	while (m) {
		unsigned at = (unsigned)__builtin_ctzll(m), n = ones_below(m >> at);

		if (at)
			before = 0;
		t->milli += ((before + n + 2) / 3 - (before + 2) / 3) * price[NUMBER];
		before = 0;
		m = at + n < BLOCK ? m >> (at + n) << (at + n) : 0;
	}
}

static void block_signs(struct token_count *t, uint64_t m)
{
	const uint64_t even = 0x5555555555555555u;
	uint64_t starts, from_even, cost;

	if (m & 1 && t->last == SIGN) {
		unsigned before = t->word + 1U, n = ones_below(m);

		t->milli += ((before + n + 1) / 2 - (before + 1) / 2) * price[SIGN_MORE];
		m = n < BLOCK ? m >> n << n : 0;
	}
	starts = m & ~(m << 1);
	/* a carry runs through the runs that begin at an even place, and clears them */
	from_even = m & ~(m + (starts & even));
	cost = ((from_even & even) | (m & ~from_even & ~even)) & ~starts;
	t->milli += count(starts) * price[SIGNS];
	if (cost)
		t->milli += count(cost) * price[SIGN_MORE];
}

static void block_blanks(struct token_count *t, const struct block *b)
{
	uint64_t blank = b->of[BLANK], first = t->last == BLANK, many = first && t->word;
	uint64_t second = blank & (blank << 1 | first) & ~(blank << 2 | first << 1 | many);
	uint64_t breaks = b->of[BREAK] & ~(b->of[BREAK] << 1 | (t->last == BREAK));

	if (second)
		t->milli += count(second) * price[BLANKS];
	if (breaks)
		t->milli += count(breaks) * price[BREAKS];
}

/* A block that was read. */
static void block_count(struct token_count *t, const struct block *b, const char *p)
{
	unsigned word = block_words(t, b), trail, run = base64_at_end(b, p);
	enum class c = class_of((unsigned char)p[b->n - 1]);

	if (b->of[DIGIT])
		block_digits(t, b->of[DIGIT]);
	if (b->of[SIGN])
		block_signs(t, b->of[SIGN]);
	if (b->of[BLANK] | b->of[BREAK])
		block_blanks(t, b);
	trail = ones_at_end(b, b->of[c]);
	if (!word) /* the place of the last byte in its run */
		word = trail < b->n ? trail - 1 : (t->last == c ? t->word + 1U : 0) + b->n - 1;
	t->word = (uint16_t)word;
	t->run = run == b->n ? t->run + run : run;
	t->last = (unsigned char)c;
}

/* How many of the FEW bytes at P come before the first that is not ASCII, or a backslash. */
static unsigned plain_of_few(const char *p)
{
	uint64_t w = eight_at(p), slash = w ^ EIGHT('\\');
	unsigned n = 0;

	if (!((w | (slash - EIGHT(1))) & EIGHT(0x80)))
		return FEW;
	while (n < FEW && (unsigned char)p[n] < 0x80 && p[n] != '\\')
		n++;
	return n;
}

/* Counts some of N bytes, FEW or more, at once. Returns how many; 0: the first one has to go alone. */
static size_t feed_block(struct token_count *t, const char *p, size_t n)
{
	char padded[BLOCK];
	struct block b;
	unsigned plain;

	if (t->run > BINARY_RUN)
		return binary_ahead(p, n);
	if (t->escape || t->word > WORD_MAX || t->run > BINARY_RUN - FEW)
		return 0;
	plain = plain_of_few(p);
	if (plain < FEW) {
		for (unsigned i = 0; i < plain; i++)
			feed_byte(t, (unsigned char)p[i]);
		return plain;
	}
	if (n < BLOCK) {
		memset(padded, 0, sizeof(padded));
		p = memcpy(padded, p, n);
	} else {
		n = BLOCK;
	}
	block_read(&b, p, n < BINARY_RUN - t->run ? (unsigned)n : BINARY_RUN - t->run);
	block_count(t, &b, p);
	return b.n;
}

#else

static size_t feed_block(struct token_count *t, const char *p, size_t n)
{
	(void)t;
	(void)p;
	(void)n;
	return 0;
}

#endif

void token_count_feed(struct token_count *t, const char *p, size_t n)
{
	while (n) {
		size_t some = n >= FEW ? feed_block(t, p, n) : 0;

		if (!some) {
			feed_byte(t, (unsigned char)*p);
			some = 1;
		}
		p += some;
		n -= some;
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
