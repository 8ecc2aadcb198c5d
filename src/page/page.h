/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sending a page: template, style, and the headers that keep it from being framed, scripted,
 * stored or made to post elsewhere.
 *
 * The templates are compiled in. A file of the same name in `pages/` of the project directory
 * (consent.html, error.html, grants.html, signed_out.html, the parts _head.html and _top.html, the style
 * page.css) takes the place of its like. One with a fault is logged, with file and line, and the
 * compiled-in page is sent.
 */
#ifndef GATEHOUSE_PAGE_PAGE_H
#define GATEHOUSE_PAGE_PAGE_H

#include <stdbool.h>

#include "http/http.h"
#include "page/pages.h"

/*
 * Reads the overrides in DIR/pages, if there are any. Once, before the request threads; without
 * it the compiled-in pages are sent.
 */
void pages_start(const char *dir);
/* The same as the `start` of a program that needs nothing else. Always true. */
bool pages_start_app(struct app *, struct err *);

/*
 * Sends VALUES, a pointer to a struct page_NAME, as the page NAME. FORM_TO: NULL for a page
 * without forms, else the sources besides 'self' that CSP's form-action lists ("" for none): see
 * page_form_source(). False with ERR_INTERNAL for a page too large to send: a bug.
 */
#define page_send(req, resp, status, values, form_to, e)                                   \
	page_send_as(req, resp, status,                                                    \
	    _Generic((values), struct page_error *: PAGE_ERROR,                            \
	        struct page_consent *: PAGE_CONSENT, struct page_grants *: PAGE_GRANTS,    \
	        struct page_signed_out *: PAGE_SIGNED_OUT,                                 \
	        struct page_connected *: PAGE_CONNECTED,                                   \
	        struct page_continue *: PAGE_CONTINUE, struct page_failed *: PAGE_FAILED, \
	        struct page_console *: PAGE_CONSOLE),                                  \
	    values, form_to, e)
bool page_send_as(struct req *, struct resp *, int status, enum page_id, const void *values,
    const char *form_to, struct err *);

/*
 * What form-action must list so that a POST to us may end in a redirect to the URI (browsers
 * check the whole way): its origin, or its scheme where the origin cannot be written there
 * (private-use schemes, IPv6 addresses). NULL if that is no valid source: such a page cannot be
 * sent.
 */
const char *page_form_source(struct arena *, const struct uri *);

/*
 * The host (and port, where it is not the scheme's) of the origin addressed: what pages call
 * themselves.
 */
const char *page_host(const struct req *);

#endif
