/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an upstream's URL to its authorization server (protocol 3.1 to 3.3): the challenge of a 401, the
 * metadata of the protected resource (RFC 9728), that of the authorization server (RFC 8414, or
 * OpenID Connect Discovery). Everything here is the upstream's word, and is checked before anybody's
 * browser or secret follows it.
 */
#ifndef GATEHOUSE_UPSTREAM_DISCOVER_H
#define GATEHOUSE_UPSTREAM_DISCOVER_H

#include "upstream/upstream.h"

struct discovery { /* in the upstream's arena */
	const char *resource;         /* as the metadata says it, verbatim; "": a server of 2025-03-26, which knows none */
	const char *challenged_scope; /* what the challenge asks for; NULL: it does not say */
	const char *supported_scope;  /* the resource's scopes_supported, blanks between; NULL */
	const char *issuer, *authorization_endpoint, *token_endpoint;
	const char *registration_endpoint, *revocation_endpoint; /* NULL: none */
	bool sends_iss;         /* authorization_response_iss_parameter_supported */
	bool takes_documents;   /* client_id_metadata_document_supported */
	bool has_offline;       /* scopes_supported has offline_access */
	struct json_object *auth_methods; /* token_endpoint_auth_methods_supported; NULL: it does not say */
};

/*
 * ERR_UPSTREAM: as fetch(), or with a reason
 *   upstream_oauth_none      it has no metadata, and legacyDiscovery does not name it
 *   upstream_oauth_resource  the metadata is elsewhere, or about another resource
 *   upstream_oauth_issuer    the authorization server calls itself otherwise
 *   upstream_oauth_pkce      it does not do S256, or no code
 *   upstream_oauth_endpoint  an endpoint that nobody may be sent to
 */
bool discover(struct discovery *, struct upstream *, struct err *);

/*
 * The scope to ask for (protocol 3.5), with the delimiter of the configuration; NULL: none. WANTED:
 * what the upstream asked for since (step-up), or NULL.
 */
const char *discover_scope(const struct discovery *, const struct upstream *, const char *wanted);

/* Whether all words of PART are among those of WHOLE; words end at a blank or at DELIMITER. */
bool scope_holds(struct arena *, const char *whole, const char *part, const char *delimiter);

/* The words of both, each once, with DELIMITER between. Either may be NULL. In the arena. */
const char *scope_union(struct arena *, const char *a, const char *b, const char *delimiter);

#endif
