/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The endpoints: one file ep_NAME.c each. All are handlers of route rows; errors are told in
 * the row's style.
 */
#ifndef GATEHOUSE_OAUTH_ENDPOINT_H
#define GATEHOUSE_OAUTH_ENDPOINT_H

#include "http/http.h"

/* ep_discovery.c: /.well-known/...; the tail of a row is the route's slug */
bool ep_resource_metadata(struct req *, struct resp *, struct err *);
bool ep_server_metadata(struct req *, struct resp *, struct err *);
bool ep_openid_metadata(struct req *, struct resp *, struct err *);
bool ep_jwks(struct req *, struct resp *, struct err *);

/* {b}/oauth/... */
bool ep_register(struct req *, struct resp *, struct err *);
bool ep_authorize(struct req *, struct resp *, struct err *);
bool ep_sign_in(struct req *, struct resp *, struct err *);
bool ep_dev_login(struct req *, struct resp *, struct err *);
bool ep_callback(struct req *, struct resp *, struct err *);
bool ep_logout(struct req *, struct resp *, struct err *);
bool ep_backchannel_logout(struct req *, struct resp *, struct err *);
bool ep_token(struct req *, struct resp *, struct err *);
bool ep_revoke(struct req *, struct resp *, struct err *);
bool ep_introspect(struct req *, struct resp *, struct err *);

/*
 * The address of ep_sign_in that comes back to PATH (below {b}, with its query), which must be one of those
 * that it knows. In the arena.
 */
const char *sign_in_url(const struct req *, const char *path);

/*
 * Writes the request's event: r->event holds who and what, NAME and OUTCOME ("success",
 * "denied", "failure") are added, and CAUSE (NULL for a success) gives reason and cause.
 */
void auth_event(struct req *, const char *name, const char *outcome, const struct err *cause);

#endif
