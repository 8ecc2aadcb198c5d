/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logic-less templates. A template can show, repeat and leave out; it cannot compute.
 *
 *   {{name}}            a value, escaped for the place where it stands
 *   {{#name}}...{{/name}}  once if the text, URL or flag is set; once for each row of a list
 *   {{^name}}...{{/name}}  once if it is not set, or the list is empty
 *   {{>name}}           the part _name.html in this place; {{>name.css}} inside <style> alone
 *   <!-- ... -->        left out
 *
 * The parser follows the HTML, and refuses what cannot be escaped safely: a value stands in text
 * or in an attribute in double quotes, never in a tag, a comment, <style>, an event handler or a
 * style attribute. An attribute that holds a URL takes only values of type struct page_url, and
 * these only as a whole. <script> is refused; a foreign document stands only in
 * <iframe sandbox="" srcdoc="{{name}}">. A section ends in the same place of the HTML as it
 * began.
 *
 * Names are members of a C struct; src/page/pages.h has the structs, gen-pages.pl the rest.
 */
#ifndef GATEHOUSE_PAGE_TEMPLATE_H
#define GATEHOUSE_PAGE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum page_kind {
	PAGE_TEXT, /* const char *; NULL and "" are not set */
	PAGE_URL,  /* struct page_url */
	PAGE_FLAG, /* bool */
	PAGE_LIST, /* struct row *; the number of rows is in a size_t */
};

/* A URL that may stand in an attribute. Only page_url() makes one; the zero value is "not set". */
struct page_url {
	const char *checked;
};

/*
 * TEXT as a URL for pages: http or https with a host and without user information, or a path of
 * this origin ("/x", not "//x"), or a query of the page itself ("?x"). The zero value for anything else. In the arena.
 */
struct page_url page_url(struct arena *, const char *text);

/* A member of a struct of values. */
struct page_field {
	const char *name; /* NULL ends the fields */
	enum page_kind kind;
	size_t offset;
	size_t count, size;              /* lists: where their number is; bytes of a row */
	const struct page_field *fields; /* lists: of a row */
};

/* The text of a part by its name, NULL if there is none; FILE (for messages) may be set. */
struct template_parts {
	const char *(*find)(void *own, const char *name, const char **file);
	void *own;
};

struct template;

/*
 * Parses TEXT, which must outlive the template, as do the parts and FIELDS. NULL with
 * ERR_SYNTAX, whose text begins with "FILE:LINE: ". Every field must be shown or asked for
 * somewhere: a page that does not say what it must is refused as well.
 */
struct template *template_parse(struct arena *, const char *file, const char *text,
    const struct page_field *fields, const struct template_parts *, struct err *);

/* Writes the page. VALUES is the struct that the fields describe. */
void template_render(const struct template *, const void *values, struct buf *);

/* The text between <style> and </style>, for its hash; "" without one. */
const char *template_style(const struct template *);

#endif
