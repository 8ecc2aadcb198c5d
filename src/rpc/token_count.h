/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many tokens a text costs a language model, estimated: models differ, and their vocabularies
 * weigh megabytes. What byte-pair tokenizers do before they merge is imitated: the text is taken
 * apart into words, runs of digits, of punctuation and of blanks; what each piece costs on average
 * was fitted to the o200k_base vocabulary. How far off it is for which kind of text stands in
 * t/unit/rpc_token_count.c: 5 % to 12 % on the samples there.
 *
 * Escapes of JSON strings count as the characters that they stand for. A run of more than 512
 * letters, digits and signs of base64 is taken for an image or the like, and costs nothing more
 * from there on: no model reads it as text.
 */
#ifndef GATEHOUSE_RPC_TOKEN_COUNT_H
#define GATEHOUSE_RPC_TOKEN_COUNT_H

#include <stddef.h>
#include <stdint.h>

/* Changes with every change of the numbers: stored beside what was counted. */
#define TOKEN_ESTIMATOR "gatehouse-runs-1"

/* All zero: nothing was read. */
struct token_count {
	uint64_t milli; /* thousandths of a token */
	/* private */
	uint32_t run;           /* bytes since the last that is none of base64 */
	uint16_t word;          /* letters of the word at hand, digits of the number, … */
	unsigned char last;     /* the class of the byte before */
	unsigned char escape;   /* 1: behind a backslash; above: hex digits due, plus one */
	uint16_t unit;          /* of a \u escape */
};

/* The next N bytes, any N. */
void token_count_feed(struct token_count *, const char *p, size_t n);

/* Rounded up: what is not empty costs at least one. */
uint64_t token_count_of(const struct token_count *);

/* Of a whole text. */
uint64_t token_estimate(const char *text, size_t n);

#endif
