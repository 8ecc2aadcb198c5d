/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data loss prevention: each entity against texts that hold it and texts that nearly do (policy_dlp.samples), and
 * what masking leaves of a message, to the byte.
 *
 * A line of the samples is a sign, an id and a text. `+`: the entity is found in it; `-`: it is not. A `^` in the text
 * stands for nothing: no scanner shall take the file for a leak.
 */
#include "config.h"

#include "tap.h"

#include "json/json.h"
#include "policy/dlp.h"
#include "policy/dlp_entities.h"

#include <stdlib.h>

static struct arena *arena;

static struct dlp *dlp(const char *selectors, double min, const char *mask)
{
	struct dlp *d = dlp_new(arena, min, mask);

	while (*selectors) {
		size_t n = strcspn(selectors, " ");

		dlp_add_entities(d, arena_strndup(arena, selectors, n));
		selectors += n + (selectors[n] == ' ');
	}
	return d;
}

/* The masked text, or "refused". */
static const char *masked(const struct dlp *d, const char *text)
{
	struct dlp_report report;
	const char *result = "refused";
	struct buf out;

	buf_init(&out, 1 << 20);
	if (dlp_message(d, arena, text, strlen(text), &out, &report, NULL))
		result = arena_strdup(arena, buf_text(&out));
	buf_release(&out);
	return result;
}

/* What is found, with counts. */
static const char *names(const struct dlp *d, const char *text)
{
	struct dlp_report report;

	return dlp_message(d, arena, text, strlen(text), NULL, &report, NULL) ? dlp_names(d, &report, arena, true) : "refused";
}

/* ---- the table */

static void test_table(void)
{
	const char *before = "";
	bool sorted = true;

	for (const struct dlp_entity *e = dlp_entities; e->id; e++) {
		struct err err = { .code = ERR_NONE };
		struct pattern *p = pattern_new(e->pattern, &err);
		bool asks = strstr(e->pattern, "(?C1)") != NULL;

		if (!ok(p && asks == (e->check != NULL), arena_printf(arena, "%s: the pattern compiles, and asks if there is a check", e->id)))
			printf("# %s\n", err.text);
		pattern_free(p);
		sorted = sorted && (e->about || !strcmp(before, e->id));
		for (const char *const *word = e->context; word && *word; word++)
			for (const char *c = *word; *c; c++)
				if (*c >= 'A' && *c <= 'Z')
					ok(false, arena_printf(arena, "%s: the word %s is in lower case", e->id, *word));
		before = e->id;
	}
	ok(sorted, "forms of one entity follow each other, the first says what it is");
}

static struct {
	const char *id;
	unsigned plus, minus;
} seen[512];

static void count_sample(const char *id, char sign)
{
	size_t i = 0;

	while (seen[i].id && strcmp(seen[i].id, id) != 0)
		i++;
	seen[i].id = arena_strdup(arena, id);
	if (sign == '+')
		seen[i].plus++;
	else
		seen[i].minus++;
}

static void test_sample(char *line)
{
	char sign = line[0], *id = line + 2, *text = strchr(id, ' '), *to;
	struct buf json;
	const char *found;

	*text++ = 0;
	to = text;
	for (const char *from = text; *from; from++)
		if (*from != '^')
			*to++ = *from;
	*to = 0;
	buf_init(&json, 65536);
	if (*text == '{')
		buf_str(&json, text); /* a message, where names matter */
	else
		buf_json(&json, text);
	found = names(dlp(id, 0.5, "[REDACTED]"), buf_text(&json));
	buf_release(&json);
	count_sample(id, sign);
	if (!ok((sign == '+') == (*found != 0) && !strstr(found, "unsearched"),
	        arena_printf(arena, "%s %s %s", id, sign == '+' ? "is found in" : "is not found in", text)))
		printf("# found: %s\n", found);
}

static void test_samples(void)
{
	const char *source = getenv("top_srcdir");
	char line[16384];
	FILE *f = fopen(arena_printf(arena, "%s/t/unit/policy_dlp.samples", source ? source : "."), "r");

	if (!ok(f != NULL, "there are samples"))
		return;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] == '+' || line[0] == '-')
			test_sample(line);
	}
	fclose(f);
	for (const struct dlp_entity *e = dlp_entities; e->id; e++) {
		size_t i = 0;

		while (seen[i].id && strcmp(seen[i].id, e->id) != 0)
			i++;
		ok(seen[i].plus >= 2 && seen[i].minus >= 2, arena_printf(arena, "%s has two samples of each kind", e->id));
	}
}

static void test_groups(void)
{
	static const struct {
		const char *selector, *id;
		bool taken;
	} cases[] = {
		{ "all", "secret-npm-token", true }, { "pii", "contact-global-email", true }, { "pii", "id-us-ssn", true },
		{ "pii", "finance-global-iban", true }, { "pii", "secret-npm-token", false }, { "pii", "network-global-ipv4", false },
		{ "secret", "secret-npm-token", true }, { "secret-npm", "secret-npm-token", true }, { "secret-np", "secret-npm-token", false },
		{ "id-us", "id-us-ssn", true }, { "id-us", "id-uk-nhs-number", false }, { "region-us", "id-us-ssn", true },
		{ "region-us", "contact-us-phone", true }, { "region-us", "id-de-tax-id", false }, { "region-eu", "id-de-tax-id", true },
		{ "region-eu", "id-uk-nhs-number", false }, { "region-eu", "id-us-ssn", false }, { "region-apac", "finance-au-bsb", true },
		{ "region-latam", "id-br-cpf", true }, { "region-latam", "id-us-ssn", false }, { "region-americas", "id-us-ssn", true },
		{ "", "id-us-ssn", false }, { "region-", "id-us-ssn", false }, { "us", "id-us-ssn", false }, { "id-us-ssn-x", "id-us-ssn", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct dlp_entity *e = dlp_entities;

		while (e->id && strcmp(e->id, cases[i].id) != 0)
			e++;
		ok(e->id && dlp_selects(cases[i].selector, e) == cases[i].taken,
		    arena_printf(arena, "'%s' %s %s", cases[i].selector, cases[i].taken ? "takes" : "does not take", cases[i].id));
	}
}

/* ---- messages */

#define RESULT(text) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":" text "}"
#define CARD "4111111111111111"
#define HIDDEN "[REDACTED]"

static void test_messages(void)
{
	static const struct {
		const char *text, *want, *name;
	} cases[] = {
		{ RESULT("{\"content\":[{\"type\":\"text\",\"text\":\"card " CARD "!\"}]}"),
		    RESULT("{\"content\":[{\"type\":\"text\",\"text\":\"card " HIDDEN "!\"}]}"), "a match is masked" },
		{ "{ \"jsonrpc\" : \"2.0\",\t\"result\" : { \"n\" : 1.50E+2, \"t\" : \"\\u0041\\/\\n " CARD " \\u00e9\xc3\xa9\" , \"x\":[ ] } }\n",
		    "{ \"jsonrpc\" : \"2.0\",\t\"result\" : { \"n\" : 1.50E+2, \"t\" : \"\\u0041\\/\\n " HIDDEN " \\u00e9\xc3\xa9\" , \"x\":[ ] } }\n",
		    "all else stays byte for byte" },
		{ RESULT("{\"t\":\"\\u0034\\u003111111111111\\u00311\\u0031\"}"), RESULT("{\"t\":\"" HIDDEN "\"}"), "no escape hides a digit" },
		{ RESULT("{\"t\":\"\\ud83d\\ude00" CARD "\\ud83d\\ude00\"}"), RESULT("{\"t\":\"\\ud83d\\ude00" HIDDEN "\\ud83d\\ude00\"}"),
		    "surrogates beside it stay" },
		{ RESULT("{\"t\":\"4111\\u00a01111\\u20111111 1111\"}"), RESULT("{\"t\":\"" HIDDEN "\"}"), "separators may be of other widths" },
		{ RESULT("{\"t\":\"a\\u0000 " CARD "\"}"), RESULT("{\"t\":\"a\\u0000 " HIDDEN "\"}"), "NUL hides nothing behind it" },
		{ RESULT("{\"t\":\"{\\\"card\\\":\\\"" CARD "\\\",\\\"n\\\":\\\"a\\\\n" CARD "\\\"}\"}"),
		    RESULT("{\"t\":\"{\\\"card\\\":\\\"" HIDDEN "\\\",\\\"n\\\":\\\"a\\\\n" HIDDEN "\\\"}\"}"), "a text that is JSON stays JSON" },
		{ RESULT("{\"t\":\"id,card\\n1," CARD ",123\"}"), RESULT("{\"t\":\"id,card\\n1," HIDDEN ",123\"}"), "lists with commas are read" },
		{ RESULT("{\"card\":" CARD ",\"other\":4111111111111112}"), RESULT("{\"card\":\"" HIDDEN "\",\"other\":4111111111111112}"),
		    "a number with a match becomes a string" },
		{ RESULT("[4111111111111111.0,4.111111111111111e15,41111111111111110e-1,4.111111111111111E+15,0.4111111111111111]"),
		    RESULT("[\"" HIDDEN "\",\"" HIDDEN "\",\"" HIDDEN "\",\"" HIDDEN "\",0.4111111111111111]"), "however it is spelled" },
		{ RESULT("{\"" CARD "\":1,\"a\":2,\"5500005555555559\":{\"340000000000009\":3}}"),
		    RESULT("{\"" HIDDEN "\":1,\"a\":2,\"" HIDDEN " 2\":{\"" HIDDEN "\":3}}"), "names are masked, each with a number of its own" },
		{ RESULT("{\"[REDACTED] 3\":0,\"" CARD "\":1,\"5500005555555559\":2,\"\\u005bREDACTED]\":4}"),
		    RESULT("{\"[REDACTED] 3\":0,\"[REDACTED] 4\":1,\"[REDACTED] 5\":2,\"\\u005bREDACTED]\":4}"), "and none that is taken" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":\"" CARD "\",\"method\":\"tools/call\",\"params\":{\"name\":\"" CARD "\",\"_meta\":{\"progressToken\":"
		  "" CARD "},\"arguments\":{\"name\":\"" CARD "\"}}}",
		    "{\"jsonrpc\":\"2.0\",\"id\":\"" CARD "\",\"method\":\"tools/call\",\"params\":{\"name\":\"" CARD "\",\"_meta\":{\"progressToken\":"
		    "" CARD "},\"arguments\":{\"name\":\"" HIDDEN "\"}}}",
		    "what is the protocol's stays, and only that" },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\",\"params\":{\"name\":\"" CARD "\"}}",
		    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\",\"params\":{\"name\":\"" HIDDEN "\"}}", "a name is the protocol's in a call alone" },
		{ RESULT("{\"tools\":[{\"name\":\"" CARD "\",\"description\":\"" CARD "\"}],\"nextCursor\":\"" CARD "\"}"),
		    RESULT("{\"tools\":[{\"name\":\"" CARD "\",\"description\":\"" HIDDEN "\"}],\"nextCursor\":\"" CARD "\"}"), "also in lists" },
		{ RESULT("{\"x\":{\"tools\":[{\"name\":\"" CARD "\"}],\"id\":" CARD "}}"), RESULT("{\"x\":{\"tools\":[{\"name\":\"" HIDDEN "\"}],\"id\":\"" HIDDEN "\"}}"),
		    "what only looks like it is searched" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"no " CARD "\",\"data\":[\"" CARD "\"]}}",
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":\"no " HIDDEN "\",\"data\":[\"" HIDDEN "\"]}}", "errors are read" },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"t\",\"message\":\"" CARD "\"}}",
		    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"t\",\"message\":\"" HIDDEN "\"}}", "progress too" },
		{ "[" RESULT("\"" CARD "\"") "," RESULT("7") "]", "[" RESULT("\"" HIDDEN "\"") "," RESULT("7") "]", "batches are read" },
		{ "\"" CARD "\"", "\"" HIDDEN "\"", "even what is no message" },
		{ "{\"a\":\"" CARD "\",\"a\":1}", "refused", "a member that comes twice is refused" },
		{ "{\"a\":\"\\ud800\"}", "refused", "so is half a character" },
		{ RESULT("\"clean\""), RESULT("\"clean\""), "what holds nothing stays" },
	};
	const struct dlp *d = dlp("finance-global-credit-card", 0.5, HIDDEN);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *once = masked(d, cases[i].text);

		is_str(once, cases[i].want, cases[i].name);
		if (strcmp(once, "refused") != 0)
			is_str(masked(d, once), once, "... and nothing more the second time");
	}
}

static void test_context(void)
{
	const struct dlp *d = dlp("id-us-ssn", 0.5, HIDDEN);
	static const struct {
		const char *text, *want, *name;
	} cases[] = {
		{ "\"212345678\"", "", "nine digits alone are no match" },
		{ "\"SSN 212345678\"", "id-us-ssn: 1", "with a word before them they are" },
		{ "\"212345678 (social security)\"", "id-us-ssn: 1", "or behind" },
		{ "\"lessn 212345678 ssnx\"", "", "a part of a word is none" },
		{ "\"Ssn Ssns 212345678\"", "id-us-ssn: 1", "case does not matter, nor a plural" },
		{ "\"ssn 1234567890123456789012345678901234567890123456789012345678901234567890 212345678\"", "", "words far away do not count" },
		{ "{\"userSsn\":\"212345678\"}", "id-us-ssn: 1", "a member's name counts" },
		{ "{\"user_ssn\":[\"212345678\",212345679]}", "id-us-ssn: 2", "for lists, and numbers" },
		{ "{\"ssn\":{\"value\":\"212345678\"}}", "id-us-ssn: 1", "and for what lies in a value" },
		{ "{\"ssn\":{\"count\":\"212345678\"}}", "", "but not for what has a name of its own" },
		{ "{\"s\\u0073n\":\"212345678\"}", "id-us-ssn: 1", "names are decoded" },
		{ "{\"socialSecurityNumber\":\"212345678\"}", "id-us-ssn: 1", "words may be written without blanks" },
		{ "\"000-12-3456 666-12-3456 900-12-3456 212-00-3456 212-12-0000\"", "", "numbers that never were given out are none" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_str(names(d, cases[i].text), cases[i].want, cases[i].name);
	is_str(names(dlp("id-us-ssn", 0.7, HIDDEN), "\"212-34-5678\""), "", "a higher confidence asks for words");
	is_str(names(dlp("id-us-ssn", 0.7, HIDDEN), "\"ssn: 212-34-5678\""), "id-us-ssn: 1", "... and is content with them");
	is_str(names(dlp("id-us-ssn", 0.05, HIDDEN), "\"212345678\""), "id-us-ssn: 1", "a lower one asks for none");
}

static void test_patterns(void)
{
	static const char *const words[] = { "ticket", NULL };
	struct dlp *d = dlp("contact-global-email", 0.5, "*\"\\*");
	struct err e = { .code = ERR_NONE };

	ok(dlp_add_pattern(d, "ticket", "T-\\d+", 0.2, words, &e), "an own pattern is taken");
	ok(dlp_add_pattern(d, "staff", "E\\d{4}", 0.85, NULL, &e), "another one");
	dlp_allow(d, "Info@Example.com");
	is_str(masked(d, "{\"a\":\"T-12 E1234\",\"ticket\":\"T-12\"}"), "{\"a\":\"T-12 *\\\"\\\\*\",\"ticket\":\"*\\\"\\\\*\"}",
	    "own patterns are masked, with a mask that is escaped");
	is_str(masked(d, "[\"info@example.com\",\"x@example.com\"]"), "[\"info@example.com\",\"*\\\"\\\\*\"]", "a value may be allowed, in any case");
	is_str(names(d, "\"E1234 a@example.com b@example.com\""), "contact-global-email: 2, staff: 1", "each is counted by its name");
	ok(!dlp_add_pattern(d, "bad", "(", 0.5, NULL, &e) && e.text[0], "a broken one is refused");
	ok(!dlp_add_entities(d, "no-such-thing"), "so is a selector that takes nothing");
	ok(!dlp_is_empty(d) && dlp_is_empty(dlp_new(arena, 0.5, "")), "nothing to look for is noticed");

	d = dlp("secret", 0.5, HIDDEN);
	dlp_add_pattern(d, "slow", "(a+)+$", 0.9, NULL, &e);
	is_str(masked(d, "[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\",\"ab\"]"), "[\"[REDACTED]\",\"ab\"]", "what cannot be searched is masked whole");
	is_str(names(d, "[\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"]"), "unsearched: 1", "... and told");

	d = dlp("", 0.5, "x");
	dlp_add_pattern(d, "long", "abcd|xf", 0.6, NULL, &e);
	dlp_add_pattern(d, "short", "cde", 0.9, NULL, &e);
	is_str(masked(d, "\"abcdef\""), "\"x\"", "matches that overlap go together; what the mask makes is searched again");
	is_str(names(d, "\"abcde\""), "long: 1", "... under the name of the longest");
	ok(!dlp_finds_mask(d), "a mask that is not found is sound");
	ok(dlp_finds_mask(dlp("id-us-ssn", 0.5, "212345678")), "one that words make a match is not");
	is_str(names(dlp("secret contact", 0.5, HIDDEN), "\"postgres://app:hunter2x@db.example.com/x\""),
	    "contact-global-email: 1", "an entity that covers another is the one that counts");
}

/* Texts that make a table's patterns try much, but not too much. */
static void test_hard_texts(void)
{
	static const char *const units[] = { "1234567890", "1 2 3-4 ", "a.b.c.1.2.", "a@b@c@", "a:b:1::", "-----BEGIN PRIVATE KEY-----",
		"password=token=secret=", "Server=a;pwd=b", "http://a:b:c", "+1 (2) ", "eyJ.eyJ.", "$2b$", "0x1", "_-", "\\\\u0041", "AT" };
	const struct dlp *d = dlp("all", 0.5, HIDDEN);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		struct dlp_report report;
		struct buf b;

		buf_init(&b, 1 << 20);
		buf_char(&b, '"');
		while (b.len < 30000)
			buf_str(&b, units[i]);
		buf_char(&b, '"');
		ok(dlp_message(d, arena, b.data, b.len, NULL, &report, NULL) && !report.unsearched,
		    arena_printf(arena, "no limit is hit by %s, many times", units[i]));
		buf_release(&b);
	}
}

static void test_limits(void)
{
	const struct dlp *d = dlp("finance", 0.5, HIDDEN);
	struct dlp_report report;
	struct err e = { .code = ERR_NONE };
	struct buf out;

	buf_init(&out, 8);
	ok(!dlp_message(d, arena, "[\"" CARD "\"]", 20, &out, &report, &e) && e.code == ERR_LIMIT, "a message that grows too long is an error");
	buf_release(&out);
}

int main(void)
{
	arena = arena_new();
	test_table();
	test_samples();
	test_groups();
	test_messages();
	test_context();
	test_patterns();
	test_hard_texts();
	test_limits();
	arena_free(arena);
	return done();
}
