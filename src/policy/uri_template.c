/* SPDX-License-Identifier: Apache-2.0 */
/* Matching by backtracking over expressions, with a bound on the steps. */
#include "config.h"

#include "policy/uri_template.h"

#include <string.h>
#include <strings.h>

enum { STEPS_MAX = 20000, EXPRESSIONS_MAX = 16 };

/* What an operator's expansion begins with, and which characters end it. */
struct operator
{
	char sign;         /* 0: none */
	const char *first; /* the expansion, if there is one, begins with it */
	const char *stops; /* characters that it never holds behind that */
	bool optional;     /* all variables may be undefined */
};

static const struct operator operators[] = {
	{ 0, "", "/?#", false },
	{ '+', "", "", false },
	{ '#', "#", "", true },
	{ '.', ".", "/?#", true },
	{ '/', "/", "?#", true },
	{ ';', ";", "/?#", true },
	{ '?', "?", "#", true },
	{ '&', "&", "#", true },
};

static const struct operator *operator_of(char c)
{
	for (size_t i = 1; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (operators[i].sign == c)
			return &operators[i];
	return &operators[0];
}

static bool is_name_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c && strchr("_.%,:*", c));
}

bool uri_template_check(const char *text, struct err *e)
{
	int expressions = 0;

	for (const char *s = text; *s; s++) {
		if (*s == '}')
			return err_set(e, ERR_SYNTAX, "a closing brace without an opening one", "");
		if (*s != '{')
			continue;
		if (++expressions > EXPRESSIONS_MAX)
			return err_set(e, ERR_SYNTAX, "too many expressions", "over %d", EXPRESSIONS_MAX);
		s += 1 + (operator_of(s[1])->sign != 0);
		if (!is_name_character(*s))
			return err_set(e, ERR_SYNTAX, "an expression without a variable, or with an operator "
			    "that RFC 6570 does not have", "");
		while (is_name_character(*s))
			s++;
		if (*s != '}')
			return err_set(e, ERR_SYNTAX, "an expression without its closing brace", "");
	}
	return true;
}

/* The bytes of what ends a segment at S for somebody: also encoded, also a backslash; 0 if nothing does. */
static size_t separator(const char *s)
{
	if (*s && strchr("/?#\\", *s))
		return 1;
	return !strncasecmp(s, "%2f", 3) || !strncasecmp(s, "%5c", 3) ? 3 : 0;
}

bool uri_template_has_dots(const char *uri)
{
	const char *s = uri;

	for (;;) {
		size_t dots = 0, other = 0;

		while (*s && !separator(s)) {
			bool encoded = !strncasecmp(s, "%2e", 3);

			if (*s == '.' || encoded)
				dots++;
			else
				other++;
			s += encoded ? 3 : 1;
		}
		if (!other && (dots == 1 || dots == 2))
			return true;
		if (!*s)
			return false;
		s += separator(s);
	}
}

static bool match(const char *t, const char *u, int *steps);

/* Whether the expansion ends at U at the latest. An encoded slash is a slash to whoever decodes it. */
static bool stops_at(const struct operator *op, const char *u)
{
	return !*u || strchr(op->stops, *u) ||
	    (strchr(op->stops, '/') && (!strncasecmp(u, "%2f", 3) || !strncasecmp(u, "%5c", 3) || *u == '\\'));
}

/* The rest of the template behind an expansion that ends anywhere from U on. */
static bool match_from(const struct operator *op, const char *rest, const char *u, int *steps)
{
	for (;; u++) {
		if (--*steps < 0)
			return false;
		if (match(rest, u, steps))
			return true;
		if (stops_at(op, u))
			return false;
	}
}

static bool match_expression(const char *t, const char *u, int *steps)
{
	const struct operator *op = operator_of(t[1]);
	const char *rest = strchr(t, '}') + 1;
	size_t n = strlen(op->first);

	if (op->optional && match(rest, u, steps))
		return true;
	if (strncmp(u, op->first, n))
		return false;
	u += n;
	/* a value that is undefined was dealt with above; an empty one is no value */
	if (stops_at(op, u))
		return false;
	return match_from(op, rest, u + 1, steps);
}

static bool match(const char *t, const char *u, int *steps)
{
	for (; *t; t++, u++) {
		if (--*steps < 0)
			return false;
		if (*t == '{')
			return match_expression(t, u, steps);
		if (*t != *u)
			return false;
	}
	return !*u;
}

bool uri_template_matches(const char *text, const char *uri)
{
	int steps = STEPS_MAX;

	return uri_template_check(text, NULL) && !uri_template_has_dots(uri) && match(text, uri, &steps);
}
