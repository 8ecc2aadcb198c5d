/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign text made fit to be shown to a person. Escaping is the templates' part; this is about
 * what stays dangerous or ugly when it is escaped.
 */
#ifndef GATEHOUSE_PAGE_HTML_H
#define GATEHOUSE_PAGE_HTML_H

#include <stddef.h>

#include "base/arena.h"

/*
 * TEXT as one line of at most MAX characters, in the arena; NULL if nothing visible is left.
 * Controls, bidirectional controls and characters without a shape are dropped; what is not UTF-8
 * becomes U+FFFD; blanks of all kinds fold into one; of combining marks in a row three stay;
 * what is over MAX is cut, and ends in an ellipsis. TEXT may be NULL.
 */
char *html_clean(struct arena *, const char *text, size_t max);

/* TEXT of an error ("code has expired") as a sentence: "Code has expired." In the arena. */
char *html_sentence(struct arena *, const char *text);

#endif
