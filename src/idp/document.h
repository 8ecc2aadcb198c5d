/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an identity provider publishes: its discovery document and its keys. One copy in the
 * database serves all workers; it is kept as long as HTTP allows, within bounds, and for a day longer
 * while the provider does not answer.
 */
#ifndef GATEHOUSE_IDP_DOCUMENT_H
#define GATEHOUSE_IDP_DOCUMENT_H

#include "http/http.h"
#include "net/fetch.h"

/* An answer of the provider that is no good, or none: ERR_UPSTREAM, reason REASON. Returns false. */
bool provider_fault(struct err *, const char *reason, const char *detail);

/*
 * A request to the provider, of what is left until DEADLINE_MS on clock_ms(); URL, FORM, HEADERS and
 * MAX are the caller's. Any status is an answer. False with ERR_UPSTREAM_TIMEOUT, ERR_UNAVAILABLE
 * (the budget of fetch() is used up) or ERR_UPSTREAM; the reason is that of fetch().
 */
bool provider_fetch(struct req *, struct fetch *, int64_t deadline_ms, struct err *);

/* A document that the provider publishes, for document_get(). */
struct document {
	const char *url, *issuer;
	/* ERR_SYNTAX for what must not be kept */
	bool (*check)(
	    struct arena *, const struct document *, const char *text, size_t n, struct err *);
	int64_t deadline_ms; /* for all that has to do with it */
	const char *text;    /* set by the functions: what stands there */
	int64_t version;     /* grows with each new copy */
};

/* The copy that is kept, or a new one where that is over. Errors as provider_fetch(). */
bool document_get(struct req *, struct document *, struct err *);

/*
 * Asks for a copy newer than the one that was got: something in it seems to be missing. Of all
 * workers one asks, once in a time; with WAIT the others wait for what it gets. False with e->code
 * ERR_NONE where it is too soon to ask again.
 */
bool document_renew(struct req *, struct document *, bool wait, struct err *);

#endif
