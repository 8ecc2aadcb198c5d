/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the option lists of the manual (mdoc) from the tables that check a project:
 *
 *   options gateway | route | handler | policies | entities
 *
 * `make update-man` puts them into the pages, between the lines `.\" begin NAME` and `.\"
 * end NAME`; a test compares.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "conf/tables.h"
#include "policy/dlp_entities.h"
#include "policy/policy.h"

enum { WIDTH = 78, TABLES_MAX = 64 };

/* Nested tables that were printed, and where: each is printed once. */
static struct {
	const struct option *table;
	const char *where;
} printed[TABLES_MAX];
static size_t printed_n;

/* One word of running text; a line never begins with a control character of roff. */
static size_t put_word(const char *word, size_t n, size_t column)
{
	if (column && column + 1 + n > WIDTH) {
		putchar('\n');
		column = 0;
	}
	if (column)
		putchar(' ');
	else if (*word == '.' || *word == '\'')
		fputs("\\&", stdout);
	for (size_t i = 0; i < n; i++) {
		if (word[i] == '\\')
			fputs("\\e", stdout);
		else if (word[i] != '`')
			putchar(word[i]);
	}
	return column + (column > 0) + n;
}

/* Running text: filled lines, each sentence on its own. */
static void put_text(const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t n = strcspn(text, " ");

		column = put_word(text, n, column);
		if (n > 1 && text[n - 1] == '.' && text[n]) {
			putchar('\n');
			column = 0;
		}
		text += n + (text[n] == ' ');
	}
	if (column)
		putchar('\n');
}

static const char *const type_names[] = {
	[OPTION_STRING] = "String",
	[OPTION_SECRET] = "Secret string",
	[OPTION_URL] = "URL",
	[OPTION_BOOL] = "Boolean",
	[OPTION_INT] = "Whole number",
	[OPTION_NUMBER] = "Number",
	[OPTION_STRINGS] = "Array of strings",
	[OPTION_OBJECT] = "Object",
	[OPTION_OBJECTS] = "Array of objects",
};

static void put_type(const struct option *o)
{
	char text[512], range[64] = "";

	if (o->max > o->min)
		snprintf(range, sizeof(range), " from %lld to %lld", (long long)o->min,
		    (long long)o->max);
	snprintf(text, sizeof(text), "%s%s%s%s%s%s.",
	    o->type == OPTION_ENUM ? "One of: " : type_names[o->type],
	    o->type == OPTION_ENUM ? o->words : "", range, o->required ? "; required" : "",
	    o->initial ? "; default: " : "", o->initial ? o->initial : "");
	put_text(text);
}

static void put_table(const struct option *table, const char *where, bool nested);

static void put_sub(const struct option *o, const char *where)
{
	for (size_t i = 0; i < printed_n; i++)
		if (printed[i].table == o->sub) {
			printf("Its members are those of %s.\n", printed[i].where);
			return;
		}
	if (printed_n < TABLES_MAX) {
		printed[printed_n].table = o->sub;
		printed[printed_n++].where = where;
	}
	put_table(o->sub, where, true);
}

static void put_option(const struct option *o, const char *where)
{
	printf(".It Cm %s\n", o->name);
	put_text(o->about);
	if (o->type != OPTION_ANY) {
		put_type(o);
	} else if (o->initial) {
		char text[256];

		snprintf(text, sizeof(text), "Default: %s.", o->initial);
		put_text(text);
	}
	if (o->later)
		puts("Checked, but without effect in this version.");
	if (o->sub)
		put_sub(o, where);
}

static void put_table(const struct option *table, const char *where, bool nested)
{
	printf(".Bl -tag -width Ds%s\n", nested ? " -compact" : "");
	for (; table->name; table++)
		put_option(table, where);
	puts(".El");
}

static void put_policy(const struct policy_type *t)
{
	printf(".Ss %s\n", t->name);
	put_text(t->about);
	if (!t->served)
		puts("Not served by this version.");
	if (t->outbound)
		puts("Stands in\n.Cm outbound .");
	if (t->options && t->options->name)
		put_table(t->options, t->name, false);
}

/* By what they are for, those that are served first in each class. */
static void put_class(const char *title, enum policy_class class)
{
	printf(".Sh %s\n", title);
	for (int served = 1; served >= 0; served--)
		for (const struct policy_type *const *t = policy_types; *t; t++)
			if ((*t)->class == class && (*t)->served == (served == 1))
				put_policy(*t);
}

/* Whether none of its forms is a match by itself. */
static bool needs_words(const struct dlp_entity *e)
{
	const char *id = e->id;

	for (; e->id && !strcmp(e->id, id); e++)
		if (e->confidence >= 0.5)
			return false;
	return true;
}

static void put_entities(void)
{
	puts("The groups are:\n.Bl -tag -width Ds -compact");
	for (const struct dlp_group *g = dlp_groups; g->name; g++) {
		printf(".It Cm %s\n", g->name);
		put_text(g->about);
		if (g->scopes)
			put_text(g->scopes);
	}
	puts(".It Cm region- Ns Ar xx\nthe country of this code\n.El\n.Pp\nThe entities are:\n.Bl -tag -width Ds -compact");
	for (const struct dlp_entity *e = dlp_entities; e->id; e++) {
		if (!e->about)
			continue;
		printf(".It Cm %s\n", e->id);
		put_text(e->about);
		if (needs_words(e))
			puts("Needs words.");
	}
	puts(".El");
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";

	if (!strcmp(what, "gateway")) {
		put_table(gateway_options, "gateway.jsonc", false);
	} else if (!strcmp(what, "route")) {
		/* the handler's own options have their own list */
		for (const struct option *o = route_options; o->name; o++)
			if (o->sub && !strcmp(o->name, "handler")) {
				printed[printed_n].table = handler_options;
				printed[printed_n++].where = "the next section";
			}
		put_table(route_options, "the route", false);
	} else if (!strcmp(what, "handler")) {
		put_table(handler_options, "the handler", false);
	} else if (!strcmp(what, "policies")) {
		put_class("SIGN-IN", POLICY_OAUTH);
		put_class("CREDENTIALS OF UPSTREAMS", POLICY_EXCHANGE);
		put_class("CATALOG", POLICY_FILTER);
		put_class("REQUESTS AND ANSWERS", POLICY_OTHER);
	} else if (!strcmp(what, "entities")) {
		put_entities();
	} else {
		fputs("usage: options gateway | route | handler | policies | entities\n", stderr);
		return 2;
	}
	return 0;
}
