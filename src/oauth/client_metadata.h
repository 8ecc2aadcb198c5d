/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client says of itself: in a registration (RFC 7591, protocol §2.4), or in the document
 * that its id leads to (protocol §2.5.3). The rules are the same but where a document is for every
 * authorization server and a registration for this one: there, what is not served here is an error;
 * from a document it is left out.
 */
#ifndef GATEHOUSE_OAUTH_CLIENT_METADATA_H
#define GATEHOUSE_OAUTH_CLIENT_METADATA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "conf/project.h"
#include "json/json.h"

enum metadata_source { METADATA_REGISTRATION, METADATA_DOCUMENT };

struct client_metadata {
	const char *name; /* fit to be shown; "" if it has none */
	const char *
	/* "none", "client_secret_basic", "client_secret_post", "private_key_jwt" */
	    auth_method;
	const char **redirect_uris;
	size_t redirect_uris_n;
	/* what takes effect, members always in the same order: equal metadata have equal texts */
	struct json_object *effective;
};

/*
 * Reads IN, an object, by what the project serves: in development, http to loopback for jwks_uri;
 * where identity assertions are accepted, their grant type. ERR_INVALID_REDIRECT_URI or
 * ERR_INVALID_CLIENT_METADATA; the text names the member.
 */
bool client_metadata_read(struct client_metadata *, struct arena *, struct json_object *in,
    enum metadata_source, const struct project *, struct err *);

#endif
