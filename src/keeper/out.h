/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways out: a page of events to one destination, whole or not at all. What is repeated is known again by the
 * events' ids.
 */
#ifndef GATEHOUSE_KEEPER_OUT_H
#define GATEHOUSE_KEEPER_OUT_H

#include "base/buf.h"
#include "conf/destination.h"
#include "keeper/told.h"
#include "net/guard.h"

enum out_end {
	OUT_TAKEN,
	OUT_RETRY,   /* not now: the error says why */
	OUT_REFUSED, /* never: a repetition would be refused as well */
};

enum { OUT_TEXTS = 3 };

struct out { /* begins zeroed; belongs to one thread */
	const struct destination *to;
	const struct guard *guard;
	/* set by out_send() */
	int64_t refused;       /* of the events of a page that was taken */
	int64_t retry_after_s; /* OUT_RETRY: as the destination asks; -1: it does not */
	/* private */
	unsigned signals_done; /* of the page that is tried again */
	bool torn;             /* the last line of the file is not whole */
	void *connection;      /* kept from page to page */
	struct buf texts[OUT_TEXTS]; /* likewise: memory that is made anew for each page is mostly the kernel's work */
};

void out_close(struct out *); /* the connection, too */
void out_rest(struct out *);  /* there is nothing to send: what was kept for the next page goes, but for the connection */

/* Room for the text of a page, empty, of at most MAX bytes: until it is asked for again. */
struct buf *out_text(struct out *, size_t max);
/* Room for OUT_TEXTS of them. */
struct buf *out_texts(struct out *, size_t max);

enum out_end out_send(struct out *, struct arena *, const struct told *, size_t n, struct err *);

enum out_end out_file(struct out *, struct arena *, const struct told *, size_t n, struct err *);
enum out_end out_syslog(struct out *, struct arena *, const struct told *, size_t n, struct err *);
enum out_end out_webhook(struct out *, struct arena *, const struct told *, size_t n, struct err *);
enum out_end out_otlp(struct out *, struct arena *, const struct told *, size_t n, struct err *);

/*
 * Posts a JSON text to URL, as NAME of the guard: signed, where there is a file with a secret, as Standard Webhooks has it
 * (webhook-id ID, webhook-timestamp, webhook-signature), and with the headers of a file. FETCH has the answer,
 * if there is one. False with ERR_UPSTREAM or, for a file that cannot be used, ERR_CONFIG.
 */
struct fetch;
struct out_post {
	const char *name, *url, *json;
	size_t len; /* of json */
	const char *id, *secret_file, *headers_file; /* NULL: none */
	const struct guard *guard;
	void **connection; /* kept for the next one; NULL: it ends with the answer */
};
bool out_post(const struct out_post *, struct fetch *, struct arena *, struct err *);

#endif
