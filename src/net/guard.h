/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outbound guard (gatehouse(7), SECURITY): which addresses a connection may go to. It is asked
 * where the socket is opened, with the numeric address about to be connected, so that no spelling of a
 * URL, no redirect and no changed DNS answer gets past it.
 *
 * Public addresses are allowed; special-use ones only where `outbound.allow` names the network for
 * this upstream (or "*"), and loopback in development. An upstream of NULL stands for an address that
 * a stranger chose (a client's metadata document, its key set): no rule of `outbound` opens anything to it.
 */
#ifndef GATEHOUSE_NET_GUARD_H
#define GATEHOUSE_NET_GUARD_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "json/json.h"
#include "net/address.h"

struct guard;

/*
 * The rules of gateway.jsonc's `outbound` (may be NULL), in the arena. ERR_CONFIG names a member
 * that is malformed; nothing may go out then.
 */
const struct guard *guard_load(struct arena *, struct json_object *outbound, bool development, struct err *);

/* Whether UPSTREAM (NULL: nobody of the configuration, for whom no rule counts) may reach the address; if not, *WHY (static storage) says what kind of address it is. */
bool guard_allows(const struct guard *, const char *upstream, const struct address *, const char **why);

/*
 * Whether plain http to HOST (as in a URL) is allowed for UPSTREAM: to loopback in development, or by
 * `outbound.insecureHttp`.
 */
bool guard_allows_http(const struct guard *, const char *upstream, const char *host);

/* `outbound.caFile`; NULL: the system's bundle. */
const char *guard_ca_file(const struct guard *);

#endif
