/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client id metadata documents (draft-ietf-oauth-client-id-metadata-document, protocol §2.5): the
 * client_id is an https URL, and the JSON document there is the client's registration. A copy is
 * kept in the database, as a client of kind 'document', for as long as HTTP allows.
 *
 * What a change of the document means: consent is asked at every authorization, so that the next
 * one is judged and shown by the new document. What was asked for or given through a redirect URI
 * that the document has no more ends: SQL, redirect_is_listed(). New keys count from the next
 * fetch.
 */
#ifndef GATEHOUSE_OAUTH_CIMD_H
#define GATEHOUSE_OAUTH_CIMD_H

#include "http/http.h"
#include "oauth/client_metadata.h"

enum { CIMD_URL_MAX = 1024, CIMD_DOCUMENT_MAX = 5 * 1024 };

/*
 * How new the copy must be. CIMD_KEPT: any will do, and nothing is fetched; for redemption, refresh
 * and revocation without keys. CIMD_KEYS: as new as HTTP demands, but while the document cannot be
 * fetched, one of the last day will do: a host that is away for an hour must not end the sessions
 * of its users. CIMD_ASSERT: the same, but the first copy is fetched as well; for an identity
 * assertion, whose user never was here. CIMD_CONSENT: as new as HTTP demands; for an authorization.
 */
enum cimd_use { CIMD_KEPT = 0, CIMD_KEYS, CIMD_ASSERT, CIMD_CONSENT };

/* Whether an id means a document: it begins like an address. Ours never do. */
bool cimd_is_url(const char *client_id);

/*
 * The rules for the id itself, judged on the text as it came (protocol §2.5.1): https, a path other
 * than "/", no dot segments (encoded or not), user information or fragment. DEVELOPMENT allows http
 * to loopback. ERR_INVALID_CLIENT, reason client_id_url.
 */
bool cimd_check_url(struct arena *, const char *client_id, bool development, struct err *);

/*
 * The document of N bytes at URL (protocol §2.5.3). ERR_INVALID_CLIENT, reason client_document; the
 * text says what is wrong with it.
 */
bool cimd_read(struct client_metadata *, struct arena *, const char *url, const char *text,
    size_t n, const struct project *, struct err *);

/*
 * Sees to it that the copy in the database is new enough; for CIMD_KEPT there may be none.
 * ERR_INVALID_CLIENT (also where the project has turned documents off, and for CIMD_KEYS where
 * there is no copy), or ERR_UNAVAILABLE where the document may be there later, or as db_call().
 */
bool cimd_keep(struct req *, const char *client_id, enum cimd_use, struct err *);

#endif
