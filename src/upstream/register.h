/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are to an upstream's authorization server (protocol 3.4): the client of the configuration; our
 * metadata document where the server reads such; else a registration (RFC 7591), made once for each
 * upstream and issuer and kept.
 */
#ifndef GATEHOUSE_UPSTREAM_REGISTER_H
#define GATEHOUSE_UPSTREAM_REGISTER_H

#include "db/db.h"
#include "http/http.h"
#include "keys/ring.h"
#include "upstream/discover.h"
#include "upstream/tokens.h"

struct registration {
	const char *kind; /* "manual", "document", "registered" */
	const char *id;   /* of the row, where there is one; else NULL */
	struct tokens_client client;
};

/*
 * ERR_UPSTREAM, reason upstream_oauth_registration: the server takes no registrations, or not this one;
 * upstream_oauth_auth: none of its ways to authenticate is ours. Else as fetch() and db_call().
 * The request waits for the network here: a ring that it got before is old.
 */
bool register_find(struct registration *, struct upstream *, const struct discovery *, struct req *, struct err *);

/*
 * The client of a connection or an attempt that is stored: KIND and CLIENT_ID as they were; the secret is
 * the configuration's or the registration's row's (SECRET, sealed). False, without an error in E, if the
 * configuration names another client by now.
 */
bool register_recall(struct tokens_client *, const struct upstream *, const struct ring *, const char *kind,
    const char *client_id, const char *registration_id, const char *issuer, struct db_param secret,
    const char *auth_method, struct err *);

#endif
