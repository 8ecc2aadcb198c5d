/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed rows for tests, made as the programs make them, under the primary keys of a ring:
 *
 *	sealed-rows connections RING UPSTREAM ISSUER RESOURCE TOKEN_ENDPOINT REVOCATION_ENDPOINT N
 *
 * rows for COPY, one for each line "SUBJECT ACCESS REFRESH" of standard input and N of nobody in particular;
 *
 *	sealed-rows tokens RING LOGIN_ID
 *
 * what a sign-in left, in hex, of "REFRESH IDTOKEN" on standard input ("-": none).
 */
#include "config.h"

#include "base/rand.h"
#include "idp/claims.h"
#include "upstream/vault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 16 * 1024 };

struct common {
	const struct ring *ring;
	const char *upstream, *issuer, *resource, *token_endpoint, *revocation_endpoint;
};

static void print_hex(const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%02x", ((const unsigned char *)p)[i]);
}

static void print_cell(struct db_param cell)
{
	fputs("\t\\\\x", stdout);
	print_hex(cell.value, cell.len);
}

static void print_row(const struct common *c, const char *subject, const char *access, const char *refresh)
{
	struct arena *a = arena_new();
	char id[UUID_TEXT];

	rand_uuid(id);
	const struct vault_place place = { "connection", id, subject, c->upstream, c->issuer, c->resource,
		c->token_endpoint, c->revocation_endpoint };

	printf("%s\t%s\t%s\t%s\t%s\t%s\t%s", id, c->upstream, subject, c->issuer, c->resource, c->token_endpoint,
	    c->revocation_endpoint);
	print_cell(vault_seal(c->ring, a, &place, "access_token", access));
	print_cell(vault_seal(c->ring, a, &place, "refresh_token", refresh));
	putchar('\n');
	arena_free(a);
}

/* The words of the next line; false at the end. */
static bool next_line(char *line, const char **words, size_t n)
{
	char *save = NULL, *word;

	if (!fgets(line, LINE, stdin))
		return false;
	word = strtok_r(line, " \n", &save);
	for (size_t i = 0; i < n; i++, word = strtok_r(NULL, " \n", &save))
		words[i] = word ? word : "";
	return true;
}

static void connections(const struct common *c, long nobody)
{
	static char line[LINE], subject[64];
	const char *words[3];

	while (next_line(line, words, 3))
		print_row(c, words[0], words[1], words[2]);
	for (long i = 0; i < nobody; i++) {
		snprintf(subject, sizeof(subject), "nobody-%ld", i);
		print_row(c, subject, "access token of nobody", "refresh token of nobody");
	}
}

static void tokens(const struct ring *ring, const char *login_id)
{
	static char line[LINE];
	const char *words[2];
	struct arena *a = arena_new();
	struct blob sealed;

	if (next_line(line, words, 2)) {
		const struct identity who = {
			.refresh_token = strcmp(words[0], "-") ? words[0] : NULL,
			.id_token = strcmp(words[1], "-") ? words[1] : NULL,
		};

		sealed = tokens_seal(ring, a, login_id, &who);
		print_hex(sealed.p, sealed.n);
	}
	arena_free(a);
}

int main(int argc, char **argv)
{
	struct err e = { .code = ERR_NONE };
	bool rows = argc == 9 && !strcmp(argv[1], "connections");
	struct ring *ring;

	if (!rows && !(argc == 4 && !strcmp(argv[1], "tokens")))
		return 2;
	ring = ring_open(argv[2], 1u << (rows ? KEY_VAULT : KEY_CLAIMS), &e);
	if (!ring) {
		fprintf(stderr, "%s\n", e.detail);
		return 1;
	}
	if (rows)
		connections(&(struct common){ ring, argv[3], argv[4], argv[5], argv[6], argv[7] }, strtol(argv[8], NULL, 10));
	else
		tokens(ring, argv[3]);
	ring_close(ring);
	return 0;
}
