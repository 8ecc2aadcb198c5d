/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP transfer to the outside: the only place where a libcurl handle is configured. What holds
 * for every connection that leaves is here, and nowhere else:
 *
 *  - http and https only, HTTP/1.1, no proxy of the environment, no redirect followed by libcurl,
 *    no user information in URLs, no compression asked for;
 *  - each address is asked of the guard when its socket is opened;
 *  - certificates are checked against the shared trust store;
 *  - a body goes out through a read function and cannot be rewound: libcurl would otherwise
 *    repeat a POST on a reused connection that closed after the server had executed it
 *    (security.md 3.4); connections idle for 4 s are not reused (servers close after 5).
 */
#ifndef GATEHOUSE_NET_TRANSFER_H
#define GATEHOUSE_NET_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "base/err.h"
#include "base/uri.h"
#include "net/guard.h"

enum {
	TRANSFER_IDLE_S = 4,        /* how long a connection without a call is used again (security.md 3.4) */
	TRANSFER_CONNECTION_S = 60, /* a name and the guard's rules are asked anew so often, however busy a connection is */
};

struct transfer {
	/* set by the caller; what they point to outlives the transfer */
	const char *method; /* "POST", "GET" or "DELETE" */
	const char *url;
	const char *upstream; /* whose rules of the guard apply */
	const struct guard *guard;
	struct curl_slist *headers; /* "Name: value"; a name not in it is not sent, libcurl's own included */
	const char *body;
	size_t body_len;
	int connect_ms;
	bool repeatable; /* libcurl may send it again on a new connection, where a used one was closed */
	const char *cert, *cert_key; /* PEM files of a client certificate; NULL: none is shown */
	/* libcurl's callbacks (CURLOPT_HEADERFUNCTION, CURLOPT_WRITEFUNCTION), both with CONTEXT */
	size_t (*on_header)(char *, size_t, size_t, void *);
	size_t (*on_body)(char *, size_t, size_t, void *);
	void *context;

	/* set by the transfer */
	unsigned tries;      /* how often libcurl was about to send it */
	const char *refused; /* what kind of address the guard refused; NULL: none */
	char error[CURL_ERROR_SIZE];
};

/* Before the first transfer, and before threads that make them. Ends the process when libcurl cannot start. */
void transfer_start(void);

/* Whether the guard lets plain http go to this URI; https always. ERR_CONFIG names the remedy. */
bool transfer_is_allowed(const struct guard *, const char *upstream, const struct uri *, struct err *);

/* Forgets what an earlier try of the transfer has left behind. */
void transfer_reset(struct transfer *);

/* Makes EASY, new or used, the handle of this transfer. CURLINFO_PRIVATE is the context. */
void transfer_configure(struct transfer *, CURL *easy);

/* Makes EASY a handle that only makes the connection of this transfer, which must be one that wire.h takes. */
void transfer_connect(struct transfer *, CURL *easy);

/* The connection that EASY has made, non-blocking, as a descriptor of the caller's; -1: none. */
int transfer_socket(CURL *easy);

/*
 * Why a transfer failed, as an error: ERR_UPSTREAM with reason upstream_unreachable, upstream_tls,
 * upstream_closed or upstream_malformed. Always false.
 */
bool transfer_fault(const struct transfer *, CURLcode, struct err *);

#endif
