/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far the estimate is off. The samples of t/cases/tokens were written for this and were not among
 * the texts that the prices were fitted to. Their tokens were counted with the o200k_base vocabulary
 * (npm's gpt-tokenizer 4.0.0), escapes of JSON undone first.
 */
#include "config.h"

#include "rpc/token_count.h"

#include "tap.h"

#include <stdlib.h>

/* Tokens, and by how many percent the estimate may differ: what was measured, rounded up. */
static const struct {
	const char *file;
	int tokens, percent;
} samples[] = {
	{ "tools.json", 369, 10 },
	{ "result.json", 268, 15 },
	{ "arguments.json", 75, 10 },
	{ "english.txt", 147, 10 },
	{ "code.txt", 316, 10 },
	{ "table.csv", 634, 10 },
	{ "ids.txt", 387, 10 },
	{ "german.txt", 122, 15 },
	{ "russian.txt", 115, 10 },
	{ "chinese.txt", 111, 10 },
	{ "japanese.txt", 130, 10 },
};

/* Texts and thousandths: what a change of the rules, not of the prices, would break. */
static const struct {
	const char *one, *other, *name;
} same[] = {
	{ "\\u0041\\u00e9\\u4e2d", "A\xc3\xa9\xe4\xb8\xad", "a character costs the same when it is escaped" },
	{ "\\ud83d\\ude00", "\xf0\x9f\x98\x80", "so does one outside the first plane" },
	{ "say \\\"yes\\\"\\n", "say \"yes\"\n", "escaped quotes and line ends are what they stand for" },
	{ "ab\\", "ab", "a backslash at the end says nothing" },
	{ "ab\\u12", "ab", "nor does half an escape" },
	{ "", "", "nothing costs nothing" },
};

static size_t read_sample(char *out, size_t size, const char *name)
{
	const char *top = getenv("top_srcdir");
	char path[4096];
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "%s/t/cases/tokens/%s", top ? top : ".", name);
	f = fopen(path, "r");
	if (!f)
		return 0;
	n = fread(out, 1, size, f);
	fclose(f);
	return n;
}

static void test_samples(void)
{
	static char text[8192];
	char name[128];

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		size_t n = read_sample(text, sizeof(text), samples[i].file);
		double got = (double)token_estimate(text, n), want = samples[i].tokens;
		double off = (got - want) * 100 / want;

		snprintf(name, sizeof(name), "%s: within %d %%", samples[i].file, samples[i].percent);
		ok(n > 0 && off <= samples[i].percent && -off <= samples[i].percent, name);
		printf("# %s: %.0f for %.0f, %+.1f %% (bytes / 4: %+.1f %%)\n", samples[i].file, got, want, off,
		    ((double)n / 4 - want) * 100 / want);
	}
}

static uint64_t milli_in_steps(const char *text, size_t n, size_t step)
{
	struct token_count t = { .milli = 0 };

	for (size_t at = 0; at < n; at += step)
		token_count_feed(&t, text + at, n - at < step ? n - at : step);
	return t.milli;
}

static void test_rules(void)
{
	static char text[8192];
	size_t n = read_sample(text, sizeof(text), "result.json");
	uint64_t whole = milli_in_steps(text, n, n);
	bool good = n > 0;

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		is_int(milli_in_steps(same[i].one, strlen(same[i].one), 100),
		    milli_in_steps(same[i].other, strlen(same[i].other), 100), same[i].name);
	for (size_t step = 1; step < 20; step++)
		good = good && milli_in_steps(text, n, step) == whole;
	ok(good, "pieces of any size cost what the whole does");
	is_int(token_estimate("a", 1), 1, "one letter is one token");
}

/* Texts at random, of few kinds of bytes each, in long runs and short ones. */
static size_t random_text(char *out, size_t size, unsigned *seed)
{
	static const char *kinds[] = { "abcdefghijklmnop", "ABCXYZ", "0123456789", " ", "\n\t\r", "{}\":,[]().", "+/-_=", "\\nu0041",
		"\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80" };
	size_t n = 0, end = 64 + (size_t)rand_r(seed) % (size - 64);
	unsigned few = 1 + (unsigned)rand_r(seed) % 9, longest = 1U << rand_r(seed) % 9;

	while (n < end) {
		const char *kind = kinds[(unsigned)rand_r(seed) % few];
		size_t run = 1 + (size_t)rand_r(seed) % longest;

		for (size_t i = 0; i < run && n < end; i++)
			out[n++] = kind[(size_t)rand_r(seed) % strlen(kind)];
	}
	return n;
}

/* Blocks begin anew with each piece, and end with it: so bytes alone, and pieces of many sizes, have to agree. */
static void test_blocks(void)
{
	static char text[3000];
	unsigned seed = 20261127, bad = 0;

	for (int i = 0; i < 20000; i++) {
		size_t n = random_text(text, sizeof(text), &seed), cut = 1 + (size_t)rand_r(&seed) % (i % 2 ? n : 80);
		uint64_t by_byte = milli_in_steps(text, n, 1), by_pieces = milli_in_steps(text, n, cut);

		if (by_byte == milli_in_steps(text, n, n) && by_byte == by_pieces)
			continue;
		if (!bad++)
			printf("# %zu bytes, cut at %zu: %.80s\n", n, cut, text);
	}
	is_int(bad, 0, "20,000 texts at random cost by the block what they cost by the byte");
}

static void test_binary(void)
{
	static char data[100000];
	uint64_t few, many;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = "QmFzZTY0IGlzIG5v"[i % 16];
	few = token_estimate(data, 600);
	many = token_estimate(data, sizeof(data));
	is_int(many, few, "an image in base64 costs no more than its first 512 bytes");
	ok(few > 100, "which count");
	memset(data, ' ', sizeof(data));
	for (size_t i = 0; i < sizeof(data); i += 9)
		data[i] = 'w';
	ok(token_estimate(data, sizeof(data)) > 10000, "words of any number count");
}

int main(void)
{
	test_samples();
	test_rules();
	test_blocks();
	test_binary();
	return done();
}
