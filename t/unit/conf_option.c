/* SPDX-License-Identifier: Apache-2.0 */
/* Nearest names, and what the table of options lets pass. */
#include "config.h"

#include "tap.h"

#include "conf/option.h"
#include "conf/problem.h"

static const char *const names[] = { "scopes", "scopeDelimiter", "clientId", "clientSecret", "id",
	"prompt", "publicOrigins", NULL };

static const struct {
	const char *wrote, *meant, *says;
} slips[] = {
	{ "scops", "scopes", "a letter left out" },
	{ "scopess", "scopes", "a letter too many" },
	{ "scopas", "scopes", "a wrong letter" },
	{ "socpes", "scopes", "two letters swapped" },
	{ "clientid", "clientId", "another case" },
	{ "CLIENTSECRET", "clientSecret", "capitals" },
	{ "publicOrigin", "publicOrigins", "a singular" },
	{ "client_id", "clientId", "another style" },
	{ "color", NULL, "another word is nothing near" },
	{ "xy", NULL, "a short name with no letter of it" },
	{ "", NULL, "an empty name" },
};

static void test_nearest(void)
{
	char long_name[200];

	for (size_t i = 0; i < sizeof(slips) / sizeof(slips[0]); i++)
		is_str(name_nearest(slips[i].wrote, names), slips[i].meant, slips[i].says);
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	ok(!name_nearest(long_name, names), "a very long name");
}

static const struct option inner[] = {
	{ "name", OPTION_STRING, .required = true },
	{ 0 },
};
static const struct option table[] = {
	{ .name = "text", .type = OPTION_STRING },
	{ "must", OPTION_STRING, .required = true },
	{ .name = "secret", .type = OPTION_SECRET },
	{ .name = "url", .type = OPTION_URL },
	{ .name = "flag", .type = OPTION_BOOL },
	{ "count", OPTION_INT, .min = 0, .max = 10 },
	{ "share", OPTION_NUMBER, .min = 0, .max = 1 },
	{ "word", OPTION_ENUM, .words = "alpha beta alphabet" },
	{ .name = "list", .type = OPTION_STRINGS },
	{ "part", OPTION_OBJECT, .sub = inner },
	{ .name = "free", .type = OPTION_OBJECT },
	{ "parts", OPTION_OBJECTS, .sub = inner },
	{ .name = "any", .type = OPTION_ANY },
	{ 0 },
};

static const struct {
	const char *member, *pointer, *text; /* pointer NULL: no fault */
} values[] = {
	{ "\"text\": \"\"", NULL, NULL },
	{ "\"text\": 1", "/text", "must be a string" },
	{ "\"text\": null", "/text", "must be a string" },
	{ "\"text\": \"a\\u0000b\"", "/text", "must be a string" },
	{ "\"secret\": [\"hidden\"]", "/secret", "must be a string" },
	{ "\"url\": \"https://a.example/b?c\"", NULL, NULL },
	{ "\"url\": \"a.example\"", "/url", "absolute http or https URL" },
	{ "\"url\": \"ftp://a.example\"", "/url", "absolute http or https URL" },
	{ "\"url\": \"https://u:hidden@a.example\"", "/url", "absolute http or https URL" },
	{ "\"flag\": false", NULL, NULL },
	{ "\"flag\": 0", "/flag", "true or false" },
	{ "\"count\": 0", NULL, NULL },
	{ "\"count\": 10", NULL, NULL },
	{ "\"count\": 11", "/count", "from 0 to 10" },
	{ "\"count\": -1", "/count", "from 0 to 10" },
	{ "\"count\": 1.0", "/count", "whole number" },
	{ "\"count\": \"1\"", "/count", "whole number" },
	{ "\"count\": 18446744073709551615", "/count", "whole number" },
	{ "\"share\": 0.5", NULL, NULL },
	{ "\"share\": 1", NULL, NULL },
	{ "\"share\": 1.1", "/share", "from 0 to 1" },
	{ "\"word\": \"alpha\"", NULL, NULL },
	{ "\"word\": \"alphabet\"", NULL, NULL },
	{ "\"word\": \"alph\"", "/word", "one of: alpha beta" },
	{ "\"word\": \"bet\"", "/word", "one of: alpha beta" },
	{ "\"word\": \"alpha beta\"", "/word", "one of: alpha beta" },
	{ "\"word\": \"\"", "/word", "one of: alpha beta" },
	{ "\"list\": []", NULL, NULL },
	{ "\"list\": \"a\"", "/list", "array of strings" },
	{ "\"list\": [\"a\", 1]", "/list/1", "must be a string" },
	{ "\"part\": {\"name\": \"x\"}", NULL, NULL },
	{ "\"part\": {}", "/part", "'name' is missing" },
	{ "\"part\": {\"name\": \"\"}", "/part/name", "is empty" },
	{ "\"part\": {\"name\": \"x\", \"a/b~c\": 1}", "/part/a~1b~0c", "unknown option" },
	{ "\"part\": []", "/part", "an object" },
	{ "\"free\": {\"whatever\": 1}", NULL, NULL },
	{ "\"parts\": [{\"name\": \"x\"}, {}]", "/parts/1", "'name' is missing" },
	{ "\"parts\": [1]", "/parts/0", "must be an object" },
	{ "\"parts\": {}", "/parts", "array of objects" },
	{ "\"any\": [null]", NULL, NULL },
	{ "\"lisst\": []", "/lisst", "did you mean 'list'?" },
	{ "\"\\u001b[2J\": 1", "/?[2J", "unknown option '?[2J'" },
};

static struct json_object *parse(struct arena *a, const char *text)
{
	struct scan_limits limits = scan_limits_of(10000);

	return json_parse(a, text, strlen(text), &limits, NULL);
}

static void test_values(void)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct arena *a = arena_new();
		struct problems *ps = problems_new(a);
		struct option_place place = { ps, a, "file", "option" };
		struct problem p = { .text = "" };
		bool good = option_check(&place, table,
		    parse(a, arena_printf(a, "{\"must\": \"x\", %s}", values[i].member)), "");

		problems_at(ps, 0, &p);
		ok(good == !values[i].pointer && problems_count(ps, true) == !good,
		    values[i].member);
		if (values[i].pointer) {
			is_str(p.pointer, values[i].pointer, "  the pointer");
			ok(strstr(p.text, values[i].text), "  the text");
			ok(!strstr(p.text, "hidden") && !strstr(p.remedy, "hidden"),
			    "  no value is shown");
		}
		arena_free(a);
	}
}

static void test_missing_and_unresolved(void)
{
	struct arena *a = arena_new();
	struct problems *ps = problems_new(a);
	struct option_place place = { ps, a, "file", "option" };
	struct json_object *o = parse(a, "{\"count\": \"$env(N)\", \"url\": \"$env(U)\"}");
	struct problem p;

	option_mark_unresolved(json_get(o, "count"));
	option_mark_unresolved(json_get(o, "url"));
	ok(!option_check(&place, table, o, "/x"), "a required option must be there");
	is_int(problems_count(ps, true), 1, "and what has no value yet is not judged");
	ok(problems_at(ps, 0, &p) && !strcmp(p.pointer, "/x") &&
		strstr(p.text, "'must' is missing"),
	    "what is missing is named");
	ok(!problems_at(ps, 1, &p), "there is nothing past the end");
	ok(!option_check(&place, table, parse(a, "[1]"), "") &&
		!option_check(&place, table, NULL, ""),
	    "what is no object is refused");
	arena_free(a);
}

int main(void)
{
	test_nearest();
	test_values();
	test_missing_and_unresolved();
	return done();
}
